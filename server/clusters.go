package server

import (
	"context"
	"fmt"
	"os"
	"strings"

	"bartizan.dev/oidc"
	"bartizan.dev/service/eksauth"
)

// clusters knows the keys that Kubernetes clusters sign the tokens of service
// accounts with, as the command line says: a file with the key set, or the URL
// of an issuer that publishes it.
type clusters struct {
	issuers map[string]string // by the cluster's ARN or name
	cache   *oidc.Cache
}

// maxKeySet bounds what is read of a file, in bytes; oidc bounds it further.
const maxKeySet = 1 << 20

// check refuses what cannot be used, so that a mistake is found at start.
func (c *clusters) check() error {
	for name, source := range c.issuers {
		if isURL(source) {
			if err := oidc.CheckURL(source); err != nil {
				return fmt.Errorf("the issuer of cluster %s: %w", name, err)
			}
			continue
		}
		if _, err := readKeySet(source); err != nil {
			return fmt.Errorf("the keys of cluster %s: %w", name, err)
		}
	}
	return nil
}

func isURL(s string) bool { return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://") }

func readKeySet(file string) (oidc.JWKS, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxKeySet {
		return nil, fmt.Errorf("%s is too large for a key set", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return oidc.ParseJWKS(text)
}

// verify checks a token's signature. A file is read each time, so that keys can
// be rotated by writing it anew.
func (c *clusters) verify(ctx context.Context, cluster eksauth.Cluster, token *oidc.Unverified) (oidc.Claims, error) {
	source, ok := c.issuers[cluster.ARN()]
	if !ok {
		source, ok = c.issuers[cluster.Name]
	}
	if !ok {
		return nil, eksauth.ErrNoIssuer
	}
	algorithms := []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}
	if isURL(source) {
		if token.Issuer() != source {
			return nil, fmt.Errorf("%w: another issuer", oidc.ErrSignature)
		}
		claims, _, err := c.cache.Verify(ctx, token, oidc.Issuer{URL: source}, algorithms)
		return claims, err
	}
	keys, err := readKeySet(source)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", oidc.ErrIssuer, err)
	}
	return token.Verify(keys, algorithms)
}
