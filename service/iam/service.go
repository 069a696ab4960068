// Package iam is AWS Identity and Access Management: users, groups, roles,
// policies and access keys, and what follows from them for every decision the
// gateway makes.
//
//   - service.go, records.go, name.go, quota.go: what the service may touch, what
//     it stores, how things are named, how many there may be.
//   - authorise.go joins the rules that the chapters declare.
//   - directory.go and standing.go answer the gateway: whose key is this, and what
//     may its owner do. Both answer from caches that the store keeps fresh.
//   - One file per chapter of the API reference holds the handlers.
package iam

import (
	"context"
	"log/slog"
	"sync"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/policy/reference"
	"bartizan.dev/service/iam/managed"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Deps is all the service may touch.
type Deps struct {
	Store   store.Store // its own view
	Managed *managed.Policies
	Now     func() time.Time
	Log     *slog.Logger
	Quotas  Quotas      // zero fields stand for AWS's defaults
	Clock   *work.Clock // what happens later goes by it; nil: the machine's time
	// LinkedUses tells what of a service in an account still needs its
	// service-linked role; nil: no service here does.
	LinkedUses func(ctx context.Context, account, principal string) ([]LinkedUse, error)
	// SCPs returns the service control policies that bind an account, one set a
	// level; nil, of the function or its answer: none do.
	SCPs func(ctx context.Context, account string) ([]*policy.Set, error)
	// Membership tells where an account stands in its organization; nil, of the
	// function or its answer: it is in none.
	Membership func(ctx context.Context, account string) (*Membership, error)
	URL        func() string // of the endpoint, without a slash at the end
	// Placed finds a root, organizational unit or account by its path, such as
	// o-…/r-…/ou-…, and a service control policy by its id, if there is one; nil,
	// of the function or its answer: there is no such path or policy.
	Placed func(ctx context.Context, path, policyID string) (*Place, error)
	// PlainIssuers lets OpenID providers have http:// addresses on loopback. Whoever
	// makes a provider has the server ask there.
	PlainIssuers bool
	// Thumbprint asks an OpenID Connect issuer for the SHA-1 thumbprint of its top
	// certificate authority; nil: it cannot be asked, and must be given.
	Thumbprint func(ctx context.Context, issuer string) (string, error)
}

// Service answers the operations of IAM and, for the gateway, who a caller is.
type Service struct {
	iamapi.Unimplemented
	Deps
	records
	credentials *store.Cache[*Credential]
	standings   *store.Cache[*Standing]
	compiled    *store.Cache[*policy.Set] // large managed policies
	sessions    *store.Cache[*policy.Set]
	trusts      *store.Cache[*RoleInfo]
	samlCache   *store.Cache[*SAMLProvider]
	used        usage
	accessed    accesses
	reference   func() *reference.Reference
	passwords   *hasher
	queue       *work.Queue

	tokenIssuers *store.Cache[*TokenIssuer]
}

var _ iamapi.Server = (*Service)(nil)

// New returns the service. Its caches live until ctx ends.
func New(ctx context.Context, d Deps) (*Service, error) {
	s := &Service{Deps: d, records: newRecords(), passwords: newHasher()}
	s.Quotas = d.Quotas.orDefault()
	if s.Clock == nil {
		s.Clock = new(work.Clock)
	}
	s.queue = s.newQueue()
	s.reference = sync.OnceValue(reference.Open)
	var err error
	if s.credentials, err = store.NewCache(ctx, d.Store, 100_000, s.loadCredential); err != nil {
		return nil, err
	}
	if s.compiled, err = store.NewCache(ctx, d.Store, 1_000, s.loadCompiled); err != nil {
		return nil, err
	}
	if s.standings, err = store.NewCache(ctx, d.Store, 20_000, s.loadStanding); err != nil {
		return nil, err
	}
	if s.sessions, err = store.NewCache(ctx, d.Store, 5_000, s.loadSession); err != nil {
		return nil, err
	}
	if s.trusts, err = store.NewCache(ctx, d.Store, 10_000, s.loadRole); err != nil {
		return nil, err
	}
	if s.samlCache, err = store.NewCache(ctx, d.Store, 1_000, s.loadSAML); err != nil {
		return nil, err
	}
	if s.tokenIssuers, err = store.NewCache(ctx, d.Store, 1_000, s.loadIssuer); err != nil {
		return nil, err
	}
	return s, nil
}
