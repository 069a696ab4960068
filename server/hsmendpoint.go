package server

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"bartizan.dev/keys"
	"bartizan.dev/service/redshift"
)

// The HSM endpoint is where the holder of a Redshift HSM client certificate uses
// its partition: TLS 1.3 with that certificate, HTTP basic authentication with
// the partition's name and password, and JSON.
//
//	POST /v1/keys/NAME          make the cluster key NAME
//	POST /v1/keys/NAME/new      {"plaintext", "wrapped"}: a new database key
//	POST /v1/keys/NAME/unwrap   {"wrapped"} → {"plaintext"}
//
// Errors are {"error"} with a status: 401 partition or password, 403
// certificate, 404 no such key, 409 the key exists, 422 what cannot be unwrapped.

// databaseKey is what the endpoint speaks of.
type databaseKey struct {
	Plaintext []byte `json:"plaintext,omitempty"`
	Wrapped   []byte `json:"wrapped,omitempty"`
	Error     string `json:"error,omitempty"`
}

// listenHSM opens the endpoint, if there is to be one.
func (s *Server) listenHSM(ctx context.Context) error {
	if s.opt.HSM.Endpoint == "" {
		return nil
	}
	if s.hsm.client == nil {
		return errors.New("--hsm-endpoint needs --hsm-module or --hsm-socket")
	}
	a, err := openAuthority(filepath.Join(s.opt.Data, "tls"), time.Now)
	if err != nil {
		return err
	}
	config := a.config()
	config.MinVersion = tls.VersionTLS13
	// The certificates have no authority: VerifyConnection looks them up, also
	// when a session is resumed.
	config.ClientAuth = tls.RequireAnyClientCert
	config.VerifyConnection = func(state tls.ConnectionState) error {
		_, err := s.holder(ctx, &state)
		return err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.opt.HSM.Endpoint)
	if err != nil {
		return fmt.Errorf("--hsm-endpoint: %w", err)
	}
	s.hsm.endpoint = l.Addr()
	srv := &http.Server{
		Handler: s.hsmHandler(), TLSConfig: config, ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.onClose(srv.Close)
	go func() {
		if err := srv.ServeTLS(l, "", ""); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the HSM endpoint ended", "cause", err)
		}
	}()
	return nil
}

// HSMEndpoint is the address of the HSM endpoint; empty if there is none.
func (s *Server) HSMEndpoint() string {
	if s.hsm.endpoint == nil {
		return ""
	}
	return s.hsm.endpoint.String()
}

// holder returns whose certificate a connection has shown, as of now: a deleted
// one counts no longer, on connections that are open too.
func (s *Server) holder(ctx context.Context, state *tls.ConnectionState) (*redshift.Holder, error) {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil, redshift.ErrCertificate
	}
	if err := s.store.Fresh(ctx); err != nil {
		return nil, err
	}
	return s.hsm.redshift.Holder(ctx, state.PeerCertificates[0])
}

func (s *Server) hsmHandler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, do func(ctx context.Context, k *redshift.ClusterKey, in databaseKey) (databaseKey, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.useClusterKey(w, r, do) })
	}
	handle("POST /v1/keys/{key}", func(ctx context.Context, k *redshift.ClusterKey, _ databaseKey) (databaseKey, error) {
		return databaseKey{}, k.Create(ctx)
	})
	handle("POST /v1/keys/{key}/new", func(ctx context.Context, k *redshift.ClusterKey, _ databaseKey) (out databaseKey, err error) {
		out.Plaintext, out.Wrapped, err = k.NewDatabaseKey(ctx)
		return out, err
	})
	handle("POST /v1/keys/{key}/unwrap", func(ctx context.Context, k *redshift.ClusterKey, in databaseKey) (out databaseKey, err error) {
		out.Plaintext, err = k.Unwrap(ctx, in.Wrapped)
		return out, err
	})
	return mux
}

func (s *Server) useClusterKey(w http.ResponseWriter, r *http.Request, do func(context.Context, *redshift.ClusterKey, databaseKey) (databaseKey, error)) {
	ctx := r.Context()
	var in, out databaseKey
	partition, password, _ := r.BasicAuth()
	h, err := s.holder(ctx, r.TLS)
	if err == nil {
		in, err = readDatabaseKey(http.MaxBytesReader(w, r.Body, 4<<10))
	}
	if err == nil {
		err = s.hsm.redshift.Use(ctx, h, partition, password, r.PathValue("key"), func(k *redshift.ClusterKey) (err error) {
			out, err = do(ctx, k, in)
			return err
		})
	}
	status := hsmStatus(err)
	if err != nil {
		out = databaseKey{Error: http.StatusText(status)}
		if status < 500 {
			out.Error = err.Error()
		}
	}
	s.log.Info("the HSM endpoint was used", "holder", h, "path", r.URL.Path, "source", r.RemoteAddr, "status", status, "cause", err)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(out); err != nil {
		s.log.Debug("an answer of the HSM endpoint", "cause", err)
	}
	clear(out.Plaintext)
}

var errNotJSON = errors.New("the body is not the JSON that this endpoint takes")

// readDatabaseKey reads a body, which may be empty.
func readDatabaseKey(r io.Reader) (in databaseKey, err error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil && !errors.Is(err, io.EOF) {
		return in, errNotJSON
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return in, errNotJSON
	}
	return in, nil
}

func hsmStatus(err error) int {
	for _, known := range []struct {
		err    error
		status int
	}{
		{nil, 200}, {redshift.ErrPartition, 401}, {redshift.ErrCertificate, 403}, {redshift.ErrKeyName, 400}, {errNotJSON, 400},
		{keys.ErrNoKey, 404}, {keys.ErrKeyExists, 409}, {keys.ErrUnseal, 422}, {keys.ErrUnavailable, 503},
	} {
		if errors.Is(err, known.err) {
			return known.status
		}
	}
	return 500
}
