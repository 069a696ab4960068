package eksauth

import (
	"context"
	"errors"
	"slices"
	"time"

	"bartizan.dev/oidc"
	"bartizan.dev/wire"
)

// ErrNoIssuer is returned by Deps.Verify for a cluster that nobody has told the
// keys of.
var ErrNoIssuer = errors.New("eksauth: the keys of the cluster are not known")

// pod is what a token says about who holds it.
type pod struct{ namespace, serviceAccount, name, uid, node string }

// leeway is how far the clock of a cluster may be ahead.
const leeway = 30 * time.Second

// verify reads the token of a service account and checks it. What is wrong with
// a token is for the log.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens
func (s *Service) verify(ctx context.Context, cluster Cluster, token string) (*pod, error) {
	invalid := func(cause error) error {
		return wire.Errorf("InvalidTokenException", "The specified Kubernetes service account token is invalid.").With(cause)
	}
	u, err := oidc.Parse(token)
	if err != nil {
		return nil, invalid(err)
	}
	claims, err := s.Verify(ctx, cluster, u)
	switch {
	case errors.Is(err, ErrNoIssuer):
		return nil, wire.Errorf("ResourceNotFoundException", "No keys are known for the cluster %s: start the server with --eks-issuer.", cluster.Name).WithStatus(404)
	case errors.Is(err, oidc.ErrIssuer), errors.Is(err, oidc.ErrThumb):
		return nil, wire.Errorf("ServiceUnavailableException", "The issuer of the cluster %s cannot be asked for its keys.", cluster.Name).WithStatus(503).With(err)
	case err != nil:
		return nil, invalid(err)
	}
	now := s.Now()
	ends, ok := claims.Time("exp")
	if !ok {
		return nil, invalid(errors.New("no exp"))
	}
	if !now.Before(ends) {
		return nil, wire.Errorf("ExpiredTokenException", "The specified Kubernetes service account token is expired.")
	}
	if begins, ok := claims.Time("nbf"); claims["nbf"] != nil && (!ok || begins.After(now.Add(leeway))) {
		return nil, invalid(errors.New("not valid yet"))
	}
	if audience, ok := claims.Strings("aud"); !ok || !slices.Contains(audience, principal) {
		return nil, invalid(errors.New("another audience"))
	}
	p := podOf(claims)
	if p.namespace == "" || p.serviceAccount == "" || claims.String("sub") != "system:serviceaccount:"+p.namespace+":"+p.serviceAccount {
		return nil, invalid(errors.New("not the token of a service account"))
	}
	return p, nil
}

// podOf reads the claim kubernetes.io.
func podOf(claims oidc.Claims) *pod {
	object := func(m map[string]any, name string) map[string]any {
		v, _ := m[name].(map[string]any)
		return v
	}
	text := func(m map[string]any, name string) string {
		v, _ := m[name].(string)
		return v
	}
	k := object(claims, "kubernetes.io")
	return &pod{
		namespace: text(k, "namespace"), serviceAccount: text(object(k, "serviceaccount"), "name"),
		name: text(object(k, "pod"), "name"), uid: text(object(k, "pod"), "uid"), node: text(object(k, "node"), "name"),
	}
}
