package oidc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// How long keys are kept.
const (
	freshFor = time.Hour      // not asked for again
	staleFor = 24 * time.Hour // still believed when the issuer does not answer
	// restFor is how long an issuer is left in peace after it was asked, whatever
	// tokens come: a token can name any kid, and must not make us ask for each.
	restFor = time.Minute
	// maxIssuers bounds the cache.
	maxIssuers = 1000
)

// Cache keeps the keys of issuers. Keys are asked for when there are none, when
// they are an hour old, and when a token names one that is not among them,
// but never twice within a minute. When the issuer does not answer, the keys it
// gave within the last day still count.
type Cache struct {
	fetch func(context.Context, Issuer) (JWKS, Checked, error)
	now   func() time.Time

	mu      sync.Mutex
	entries map[string]*entry
}

type entry struct {
	mu      sync.Mutex // one question at a time
	keys    JWKS
	how     Checked
	got     time.Time // when keys came; zero: never
	asked   time.Time
	problem error // of the last question
}

// NewCache returns an empty cache; fetch is Client.Fetch.
func NewCache(fetch func(context.Context, Issuer) (JWKS, Checked, error), now func() time.Time) *Cache {
	return &Cache{fetch: fetch, now: now, entries: map[string]*entry{}}
}

// Verify checks a token by the keys of its issuer, which the caller has made
// sure the token is from, and returns its claims. Errors wrap ErrIssuer or
// ErrThumb where the issuer could not be asked.
func (c *Cache) Verify(ctx context.Context, u *Unverified, i Issuer, allowed []string) (Claims, Checked, error) {
	e := c.entry(i)
	e.mu.Lock()
	defer e.mu.Unlock()
	now := c.now()
	if now.Sub(e.got) >= freshFor {
		c.ask(ctx, e, i, now)
	}
	if e.got.IsZero() || now.Sub(e.got) >= staleFor {
		return nil, "", e.problem
	}
	claims, err := u.Verify(e.keys, allowed)
	if errors.Is(err, ErrNoKey) && c.ask(ctx, e, i, now) {
		claims, err = u.Verify(e.keys, allowed)
	}
	return claims, e.how, err
}

// ask asks the issuer, unless it was asked a moment ago; it says whether there
// are new keys. The caller holds e.mu.
func (c *Cache) ask(ctx context.Context, e *entry, i Issuer, now time.Time) bool {
	if now.Sub(e.asked) < restFor {
		return false
	}
	// A caller that goes away must not be a way to have the issuer asked again at
	// once, so the question goes on without it: fetch bounds its own time.
	keys, how, err := c.fetch(context.WithoutCancel(ctx), i)
	e.asked, e.problem = now, err
	if err != nil {
		return false
	}
	e.keys, e.how, e.got = keys, how, now
	return true
}

// entry finds or makes the issuer's entry. What is trusted belongs to its name:
// when a thumbprint is taken away, what it vouched for is forgotten.
func (c *Cache) entry(i Issuer) *entry {
	thumbs := slices.Sorted(slices.Values(i.Thumbprints))
	name := i.URL + "\x00" + strings.Join(thumbs, ",")
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[name]
	if e == nil {
		for other := range c.entries { // any one: the next token brings it back
			if len(c.entries) < maxIssuers {
				break
			}
			delete(c.entries, other)
		}
		e = new(entry)
		c.entries[name] = e
	}
	return e
}
