package metadata

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
)

// Container is the container credentials endpoint, which
// AWS_CONTAINER_CREDENTIALS_FULL_URI or _RELATIVE_URI names.
// https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
func (p *Plane) Container() http.Handler { return http.HandlerFunc(p.serveContainer) }

func (p *Plane) serveContainer(w http.ResponseWriter, r *http.Request) {
	a := p.config.Load()
	c := a.Config.Container
	switch {
	case c == nil || !same(r.URL.Path, c.Path):
		refuse(w, http.StatusNotFound, "NotFound", "There are no credentials here.")
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "Credentials are read with GET.")
		return
	case len(r.Header.Values("X-Forwarded-For")) > 0:
		refuse(w, http.StatusForbidden, "AccessDenied", "Requests through a proxy are refused.")
		return
	case c.Token != "" && !same(r.Header.Get("Authorization"), c.Token):
		refuse(w, http.StatusUnauthorized, "AccessDenied", "The authorization token is missing or wrong.")
		return
	}
	got, _, err := a.container.get(r.Context())
	if err != nil {
		unavailable(w, err)
		return
	}
	answer(w, got, c.Role)
}

// same compares in a time that tells nothing of where two texts differ.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// answer writes credentials as ECS and the agent of EKS do.
func answer(w http.ResponseWriter, c Credentials, role string) {
	out := map[string]string{"AccessKeyId": c.AccessKey, "SecretAccessKey": c.Secret, "Token": c.Token, "Expiration": stamp(c.Expires)}
	if role != "" {
		out["RoleArn"] = role
	}
	if c.Account != "" {
		out["AccountId"] = c.Account
	}
	doc, err := json.Marshal(out)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalServerError", "The credentials cannot be written.")
		return
	}
	write(w, "application/json", string(doc))
}

// refuse writes an error as SDKs read it.
func refuse(w http.ResponseWriter, status int, code, message string) {
	doc, err := json.Marshal(map[string]string{"code": code, "message": message})
	if err != nil {
		plain(w, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(doc); err != nil {
		return // the caller has gone
	}
}

// unavailable tells a role that cannot be assumed from a source that is away;
// SDKs try again only after the latter.
func unavailable(w http.ResponseWriter, err error) {
	if errors.Is(err, ErrDenied) {
		refuse(w, http.StatusForbidden, "AccessDenied", "The role cannot be assumed.")
		return
	}
	refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "There are no credentials now. Try again later.")
}
