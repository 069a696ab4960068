package metadata

import (
	"context"
	"crypto/sha256"
	"net/http"
	"sync"
)

// Bounds of the pods' agent.
const (
	maxPods     = 1024     // tokens whose credentials are kept
	maxPodToken = 16 << 10 // bytes
)

// Pods is the agent of EKS Pod Identity: GET /v1/credentials with the token of a
// pod's service account. On a node it listens at 169.254.170.23 and
// [fd00:ec2::23], port 80, the only addresses besides loopback that SDKs send
// such a token to.
// https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
func (p *Plane) Pods() http.Handler { return http.HandlerFunc(p.servePods) }

func (p *Plane) servePods(w http.ResponseWriter, r *http.Request) {
	a := p.config.Load()
	token := r.Header.Get("Authorization")
	switch {
	case a.pods == nil || r.URL.Path != "/v1/credentials":
		refuse(w, http.StatusNotFound, "NotFound", "There are no credentials here.")
		return
	case r.Method != http.MethodGet:
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "Credentials are read with GET.")
		return
	case token == "" || len(token) > maxPodToken:
		refuse(w, http.StatusBadRequest, "InvalidParameter", "The token of a service account is wanted in Authorization.")
		return
	}
	got, _, err := a.pods.of(token).get(r.Context())
	if err != nil {
		unavailable(w, err)
		return
	}
	answer(w, got, "")
}

// pods keeps the credentials of pods by their tokens. A token that is seen again
// within the life of its credentials is not exchanged again until they are to be
// refreshed.
type pods struct {
	make func(token string) *refresher

	mu   sync.Mutex
	kept map[[32]byte]*refresher
}

func (p *Plane) newPods(exchange func(ctx context.Context, token string) (Credentials, error)) *pods {
	return &pods{kept: map[[32]byte]*refresher{}, make: func(token string) *refresher {
		return p.refresher(func(ctx context.Context) (Credentials, error) { return exchange(ctx, token) })
	}}
}

// of returns the credentials of a token. When there are too many, those that
// have ended go, and if none has, any.
func (s *pods) of(token string) *refresher {
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.kept[key]; r != nil {
		return r
	}
	if len(s.kept) >= maxPods {
		s.drop()
	}
	r := s.make(token)
	s.kept[key] = r
	return r
}

func (s *pods) drop() {
	for key, r := range s.kept {
		if r.ended() {
			delete(s.kept, key)
		}
	}
	for key := range s.kept {
		if len(s.kept) < maxPods {
			return
		}
		delete(s.kept, key)
	}
}
