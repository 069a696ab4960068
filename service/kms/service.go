// Package kms is AWS Key Management Service: keys that never leave it, and what
// they do: encrypt, sign, make data keys and MACs, agree on secrets.
//
//   - service.go, records.go, quota.go, errors.go: what the service may touch,
//     what it stores, how much there may be, what it refuses.
//   - ref.go finds the key that a call means; loaded.go keeps keys ready for use.
//   - domain.go holds the domain keys, under which key material is wrapped;
//     ciphertext.go and context.go are the format of what keys encrypt.
//   - owned.go holds keys of AWS's own services, managed.go makes AWS managed keys.
//   - authorise.go declares what operations touch, conditions.go the condition
//     keys, grantmatch.go which grants allow a call.
//   - state.go knows what a key may do in its state, work.go what happens later.
//   - One file per chapter of the API reference holds the handlers.
package kms

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/keys"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Deps is all the service may touch.
type Deps struct {
	Store store.Store // its own view
	// Custodian wraps the domain keys under the root key.
	Custodian keys.Custodian
	Clock     *work.Clock
	Log       *slog.Logger
	// Bind replaces the users and roles that a policy names by their unique ids,
	// so that it means them and nobody made later under their names; Show is its
	// inverse. invalid is the first principal that does not exist.
	Bind func(ctx context.Context, document string) (bound, invalid string, err error)
	Show func(ctx context.Context, bound string) (document string, err error)
	// BindPrincipal and ShowPrincipal do the same with one principal.
	BindPrincipal func(ctx context.Context, principal string) (bound string, err error)
	ShowPrincipal func(ctx context.Context, bound string) (principal string, err error)
	// Cluster tells of a CloudHSM cluster, nil if there is none of that id; Vault
	// logs into one. Both are nil where there are no HSMs.
	Cluster func(ctx context.Context, account, region, id string) (*Cluster, error)
	Vault   func(ctx context.Context, account, region, id, user, password string) (keys.Vault, error)
	// XKS carries the calls to XKS proxies; see xks.NewTransport.
	XKS    http.RoundTripper
	Quotas Quotas // zero fields stand for AWS's defaults
}

// Service answers the operations of KMS.
type Service struct {
	api.Unimplemented
	Deps
	records
	queue    *work.Queue
	loaded   *store.Cache[*loaded]
	aliases_ *store.Cache[string]
	granted  *store.Cache[bool]
	grants_  *store.Cache[[]heldGrant]
	domains  *domains
	sets     policySets
	usage    sync.Map // path: *usage
	vaults   vaults
	owned    owned
}

var _ api.Server = (*Service)(nil)

// New returns the service. Its caches live until ctx ends. Run does what is due.
func New(ctx context.Context, d Deps) (*Service, error) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords(), domains: newDomains(d.Store, d.Custodian)}
	s.Quotas = d.Quotas.orDefault()
	s.sets.sets = map[string]*policy.Set{}
	s.vaults.open, s.owned.open = map[string]*openVault{}, map[string]Owned{}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, s.handlers())
	var err error
	if s.loaded, err = store.NewCache(ctx, d.Store, cachedKeys, s.load); err != nil {
		return nil, err
	}
	if s.aliases_, err = store.NewCache(ctx, d.Store, cachedKeys, s.loadAlias); err != nil {
		return nil, err
	}
	if s.granted, err = store.NewCache(ctx, d.Store, cachedKeys, s.loadGranted); err != nil {
		return nil, err
	}
	if s.grants_, err = store.NewCache(ctx, d.Store, cachedKeys, s.loadGrants); err != nil {
		return nil, err
	}
	return s, nil
}

// cachedKeys is how many keys are kept ready for use. One takes about 2 kB, one
// with an RSA key of 4,096 bits 10 kB.
const cachedKeys = 32_768

// now is the time records are stamped with. AWS's have milliseconds.
func (s *Service) now() time.Time { return s.Clock.Now().Truncate(time.Millisecond) }

// Run does what is due until ctx ends: keys are deleted and rotated, imported
// material expires.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

// policySets shares compiled policies between keys, most of which have the same
// one as their neighbours.
type policySets struct {
	mu   sync.Mutex
	sets map[string]*policy.Set
}

// manySets bounds how many compiled policies are shared. Beyond it the map is
// begun anew; keys in use keep what they have.
const manySets = 4096

func (p *policySets) compile(account, text string) (*policy.Set, error) {
	name := account + " " + text
	p.mu.Lock()
	set := p.sets[name]
	p.mu.Unlock()
	if set != nil {
		return set, nil
	}
	doc, err := policy.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	set = policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Resource, Name: "key policy"}, Document: doc})
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.sets) >= manySets {
		clear(p.sets)
	}
	p.sets[name] = set
	return set, nil
}
