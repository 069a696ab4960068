package iam

import (
	"encoding/json"
	"net/http"

	"bartizan.dev/oidc"
)

// issuerPath is below which the issuers' documents lie on the main endpoint.
const issuerPath = "/_bartizan/issuer/"

// issuerURL is the issuer's name, which is also its address.
func (s *Service) issuerURL(id string) string {
	base := ""
	if s.URL != nil {
		base = s.URL()
	}
	return base + issuerPath + id
}

// IssuerURL is the address of an account's issuer.
func (s *Service) IssuerURL(i *TokenIssuer) string { return s.issuerURL(i.ID) }

// discovery is an issuer's configuration (OpenID Connect Discovery 1.0, section 3).
type discovery struct {
	Issuer     string   `json:"issuer"`
	Keys       string   `json:"jwks_uri"`
	Responses  []string `json:"response_types_supported"`
	Subjects   []string `json:"subject_types_supported"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`
	Claims     []string `json:"claims_supported"`
}

// Handler serves what verifiers of the issuers' tokens ask for: for each issuer
// /_bartizan/issuer/{id}/.well-known/openid-configuration and …/jwks.json. It is
// open to everybody, as it must be, and shows public keys alone.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+issuerPath+"{id}/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		s.serveIssuer(w, r, func(i *TokenIssuer) any {
			name := s.IssuerURL(i)
			return discovery{
				Issuer: name, Keys: name + "/.well-known/jwks.json",
				Responses: []string{"id_token"}, Subjects: []string{"public"}, Algorithms: issuerAlgorithms[:],
				Claims: []string{"iss", "sub", "aud", "exp", "iat", "jti", "https://sts.amazonaws.com/"},
			}
		})
	})
	mux.HandleFunc("GET "+issuerPath+"{id}/.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		s.serveIssuer(w, r, func(i *TokenIssuer) any {
			set := oidc.JWKS{}
			for _, k := range i.keys {
				set = append(set, k.signer.Key())
			}
			return set
		})
	})
	return mux
}

func (s *Service) serveIssuer(w http.ResponseWriter, r *http.Request, document func(*TokenIssuer) any) {
	id := r.PathValue("id")
	if len(id) != 36 {
		http.NotFound(w, r)
		return
	}
	i, err := s.tokenIssuers.Get(r.Context(), id)
	if err != nil {
		http.Error(w, "temporarily unavailable", http.StatusServiceUnavailable)
		return
	}
	if i == nil {
		http.NotFound(w, r)
		return
	}
	body, err := json.Marshal(document(i))
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=3600") // less than issuerNotice
	if _, err := w.Write(body); err != nil {
		return // the reader has gone
	}
}
