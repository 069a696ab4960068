package server

import (
	"context"
	"errors"
	"io"
	"net/http"

	"bartizan.dev/keys/pkcs11"
	"bartizan.dev/keys/pkcs11/frame"
	"bartizan.dev/service/cloudhsmv2"
)

// HSMUser is the crypto user of a CloudHSM cluster.
type HSMUser = cloudhsmv2.User

// Token is a token of the HSM as the admin socket tells of it.
type Token struct {
	Serial      string `json:"serial"`
	Label       string `json:"label"`
	Model       string `json:"model"`
	Initialized bool   `json:"initialized"`
	UserPIN     bool   `json:"userPIN"`
	Locked      bool   `json:"locked"`
}

// adminHSM answers for the HSM. A password comes in the body, which no log
// shows.
func (s *Server) adminHSM(mux *http.ServeMux) {
	mux.HandleFunc("GET /hsm/tokens", func(w http.ResponseWriter, r *http.Request) {
		tokens, err := s.hsmTokens(r)
		answer(w, tokens, err)
	})
	mux.HandleFunc("GET /hsm/users", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		users, err := s.hsm.clusters.Users(r.Context(), q.Get("account"), q.Get("region"))
		answer(w, users, err)
	})
	mux.HandleFunc("POST /hsm/certificate", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		text, err := s.hsm.redshift.ClientKey(r.Context(), q.Get("account"), q.Get("region"), q.Get("id"))
		answer(w, text, err)
	})
	mux.HandleFunc("POST /hsm/user", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		password, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<10))
		if err != nil {
			answer(w, nil, err)
			return
		}
		user, err := s.PutHSMUser(r.Context(), q.Get("account"), q.Get("region"), q.Get("cluster"), q.Get("name"), string(password))
		answer(w, user, err)
	})
}

// PutHSMUser makes the crypto user of a CloudHSM cluster, or sets its password,
// which AWS does with a tool of its own that talks to the HSMs.
func (s *Server) PutHSMUser(ctx context.Context, account, region, cluster, name, password string) (*HSMUser, error) {
	return s.hsm.clusters.PutUser(ctx, account, region, cluster, name, password)
}

func (s *Server) hsmTokens(r *http.Request) ([]Token, error) {
	if s.hsm.client == nil {
		return nil, errors.New("this server has no HSM: start it with --hsm-module or --hsm-socket")
	}
	tokens, err := s.hsm.client.Tokens(r.Context())
	if err != nil {
		return nil, err
	}
	out := []Token{}
	for _, t := range tokens {
		out = append(out, tokenOf(t))
	}
	return out, nil
}

func tokenOf(t pkcs11.Token) Token {
	is := func(f frame.Flags) bool { return t.Flags&f != 0 }
	return Token{t.Serial, t.Label, t.Model, is(frame.Initialized), is(frame.UserPIN), is(frame.UserLocked) || is(frame.OfficerLocked)}
}
