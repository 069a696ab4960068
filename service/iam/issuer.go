package iam

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"bartizan.dev/oidc"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// issuer is an account as an OpenID provider. Its keys are its own, so that a
// token of one account never verifies at another's issuer.
type issuer struct {
	Account, ID string
	Enabled     bool
	Keys        []issuerKey // in the order of their making
}

// issuerKey is a key pair of an issuer. It is published from its making on and
// signs from From on, so that verifiers know it before they need it.
type issuerKey struct {
	Algorithm string
	Private   []byte // PKCS #8
	From      time.Time
}

// How long keys live. AWS rotates its issuers' keys and does not say when.
const (
	issuerPeriod = 90 * 24 * time.Hour // a key signs
	issuerNotice = 24 * time.Hour      // a key is published before it signs
	issuerTail   = 25 * time.Hour      // and after it has: the longest token and a day for caches
)

const jobIssuer = "issuer" // rotates an account's keys

// issuerAlgorithms are those of GetWebIdentityToken.
var issuerAlgorithms = [...]string{"RS256", "ES384"}

// newIssuerKeys makes a key pair of each kind.
func newIssuerKeys(from time.Time) ([]issuerKey, error) {
	var out []issuerKey
	for _, name := range issuerAlgorithms {
		var key crypto.Signer
		var err error
		if name == "RS256" {
			key, err = rsa.GenerateKey(rand.Reader, 2048)
		} else {
			key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		}
		if err != nil {
			return nil, fmt.Errorf("iam: an issuer's key: %w", err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("iam: an issuer's key: %w", err)
		}
		out = append(out, issuerKey{name, der, from})
	}
	return out, nil
}

// rotate drops the keys that have been replaced for long enough.
func (i *issuer) rotate(now time.Time) {
	all := i.Keys
	i.Keys = slices.DeleteFunc(slices.Clone(all), func(k issuerKey) bool {
		return slices.ContainsFunc(all, func(n issuerKey) bool {
			return n.Algorithm == k.Algorithm && n.From.After(k.From) && !now.Before(n.From.Add(issuerTail))
		})
	})
}

// newest is when the newest keys begin to sign.
func (i *issuer) newest() (from time.Time) {
	for _, k := range i.Keys {
		if k.From.After(from) {
			from = k.From
		}
	}
	return from
}

// rotateIssuer is the work on an account's keys: the next ones are made a day
// before they sign, the last ones go a day after.
func (s *Service) rotateIssuer(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	now := s.Clock.Now().Truncate(time.Second)
	i, err := s.issuers.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	next := i.newest().Add(issuerPeriod)
	var keys []issuerKey
	if !now.Before(next.Add(-issuerNotice)) {
		if keys, err = newIssuerKeys(now.Add(issuerNotice)); err != nil {
			return nil, err
		}
	}
	return func(tx store.Tx) error {
		i, err := s.issuers.Get(ctx, tx, j.ID)
		if err != nil {
			return err
		}
		i.Keys = append(i.Keys, keys...)
		i.rotate(now)
		if err := s.issuers.Put(ctx, tx, i.Account, i); err != nil {
			return err
		}
		due := i.newest().Add(issuerPeriod - issuerNotice)
		if len(i.Keys) > len(issuerAlgorithms) {
			due = i.newest().Add(issuerTail)
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobIssuer, ID: i.Account, Due: due})
	}, nil
}

// TokenIssuer is an account's issuer, ready to sign. It is shared and must not
// be changed.
type TokenIssuer struct {
	ID      string
	Enabled bool
	keys    []signingKey
}

type signingKey struct {
	from   time.Time
	signer *oidc.Signer
}

// Signer returns the signer of an algorithm, RS256 or ES384; nil for another.
func (i *TokenIssuer) Signer(algorithm string, now time.Time) *oidc.Signer {
	var best *signingKey
	for n := range i.keys {
		k := &i.keys[n]
		if k.signer.Key().Algorithm == algorithm && !k.from.After(now) && (best == nil || k.from.After(best.from)) {
			best = k
		}
	}
	if best == nil {
		return nil
	}
	return best.signer
}

// TokenIssuer returns the issuer of an account; nil if it never had one.
func (s *Service) TokenIssuer(ctx context.Context, account string) (*TokenIssuer, error) {
	return s.tokenIssuers.Get(ctx, account)
}

// loadIssuer reads an issuer by its account or, as the address names it, by its
// own id.
func (s *Service) loadIssuer(ctx context.Context, r store.Reader, key string) (*TokenIssuer, error) {
	i, err := s.issuers.Get(ctx, r, key)
	if errors.Is(err, store.ErrNotFound) {
		e, err := s.issuers.OneBy(ctx, r, "id", key)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		i = e.Value
	} else if err != nil {
		return nil, err
	}
	out := &TokenIssuer{ID: i.ID, Enabled: i.Enabled}
	for _, k := range i.Keys {
		private, err := x509.ParsePKCS8PrivateKey(k.Private)
		if err != nil {
			return nil, fmt.Errorf("iam: key of the issuer of %s: %w", i.Account, err)
		}
		key, ok := private.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("iam: key of the issuer of %s: a %T does not sign", i.Account, private)
		}
		signer, err := oidc.NewSigner(k.Algorithm, key)
		if err != nil {
			return nil, err
		}
		out.keys = append(out.keys, signingKey{k.From, signer})
	}
	return out, nil
}

func issuers() store.Collection[issuer] {
	return store.Collection[issuer]{Name: "issuer", Indexes: []store.Index[issuer]{
		{Name: "id", Keys: func(i *issuer) []string { return []string{i.ID} }},
	}}
}
