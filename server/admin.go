package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"bartizan.dev/service/iamtoolbox"
)

// AdminSocket is the name of the admin socket in the data directory. Whoever
// may write to it is the server's administrator: it is made with mode 0600 in a
// directory with mode 0700.
const AdminSocket = "admin.sock"

// Status is what a server tells of itself.
type Status struct {
	URL       string        `json:"url"`
	PID       int           `json:"pid"`
	Uptime    time.Duration `json:"uptimeNanoseconds"`
	Data      string        `json:"data"`
	Store     string        `json:"store"`
	RootKey   string        `json:"rootKey"`
	Dev       bool          `json:"dev"`
	Now       time.Time     `json:"now"`
	Authority string        `json:"authority,omitempty"` // certificate file, with --tls
	Problem   string        `json:"problem,omitempty"`   // why it is not ready
}

// Status returns what the server does now.
func (s *Server) Status(ctx context.Context) Status {
	st := Status{
		URL: s.URL(), PID: os.Getpid(), Uptime: time.Since(s.started), Data: s.opt.Data,
		Store: s.storeName, RootKey: s.custodian.Describe(), Dev: s.opt.Dev, Now: s.clock.Now(),
	}
	if s.opt.TLS {
		st.Authority = filepath.Join(s.opt.Data, "tls", "ca.pem")
	}
	if err := errors.Join(s.store.Fresh(ctx), s.trail.Admit(ctx)); err != nil {
		st.Problem = err.Error()
	}
	return st
}

// listenAdmin opens the admin socket and answers on it until the server closes.
func (s *Server) listenAdmin(ctx context.Context) error {
	path := filepath.Join(s.opt.Data, AdminSocket)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if errors.Is(err, syscall.EINVAL) && len(path) > 100 { // sun_path in unix(7)
		return fmt.Errorf("the data directory %s: its path is too long for the admin socket in it (about 90 bytes): choose another", s.opt.Data)
	} else if err != nil {
		return err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return errors.Join(err, l.Close())
	}
	srv := &http.Server{Handler: s.adminHandler(), ReadHeaderTimeout: 10 * time.Second}
	s.onClose(srv.Close)
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the admin socket ended", "cause", err)
		}
	}()
	return nil
}

func (s *Server) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, r *http.Request) { answer(w, s.Status(r.Context()), nil) })
	mux.HandleFunc("POST /advance", func(w http.ResponseWriter, r *http.Request) {
		d, err := time.ParseDuration(r.URL.Query().Get("by"))
		if err == nil {
			err = s.Advance(d)
		}
		answer(w, s.clock.Now(), err)
	})
	mux.HandleFunc("POST /backup", func(w http.ResponseWriter, r *http.Request) {
		answer(w, true, s.Backup(r.Context(), r.URL.Query().Get("path")))
	})
	mux.HandleFunc("POST /rotate", func(w http.ResponseWriter, r *http.Request) {
		n, err := s.RotateKeys(r.Context())
		answer(w, n, err)
	})
	mux.HandleFunc("POST /root-password", func(w http.ResponseWriter, r *http.Request) {
		password, err := s.resetRootPassword(r.Context(), r.URL.Query().Get("account"))
		answer(w, password, err)
	})
	mux.HandleFunc("POST /xks/add", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		p, err := s.AddProxy(r.Context(), q.Get("name"), q.Get("region"), q.Get("user"))
		answer(w, p, err)
	})
	mux.HandleFunc("POST /xks/remove", func(w http.ResponseWriter, r *http.Request) {
		answer(w, true, s.RemoveProxy(r.Context(), r.URL.Query().Get("name")))
	})
	mux.HandleFunc("GET /xks", func(w http.ResponseWriter, r *http.Request) {
		list, err := s.kms.Proxies(r.Context())
		answer(w, list, err)
	})
	s.adminHSM(mux)
	mux.HandleFunc("POST /explain", func(w http.ResponseWriter, r *http.Request) {
		var q iamtoolbox.Question
		err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&q)
		var story *iamtoolbox.Story
		switch id := r.URL.Query().Get("id"); {
		case err != nil:
		case id != "":
			story, err = s.toolbox.Past(r.Context(), "", id)
		default:
			story, err = s.toolbox.Asked(r.Context(), q)
		}
		answer(w, story, err)
	})
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.Handle("GET /metrics", s.metrics.handler())
	return mux
}

func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// Advance moves time forward, in development only.
func (s *Server) Advance(d time.Duration) error {
	if !s.opt.Dev {
		return errors.New("only bartizan dev moves time")
	}
	if d <= 0 {
		return errors.New("time only goes forward")
	}
	s.clock.Advance(d)
	return nil
}
