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
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/service/iam/managed"
	"bartizan.dev/store"
)

// Deps is all the service may touch.
type Deps struct {
	Store   store.Store // its own view
	Managed *managed.Policies
	Now     func() time.Time
	Log     *slog.Logger
	Quotas  Quotas // zero fields stand for AWS's defaults
}

// Service answers the operations of IAM and, for the gateway, who a caller is.
type Service struct {
	iamapi.Unimplemented
	Deps
	records
	credentials *store.Cache[*Credential]
	standings   *store.Cache[*Standing]
	sessions    *store.Cache[*policy.Set]
	trusts      *store.Cache[*RoleInfo]
	used        usage
	passwords   *hasher
}

var _ iamapi.Server = (*Service)(nil)

// New returns the service. Its caches live until ctx ends.
func New(ctx context.Context, d Deps) (*Service, error) {
	s := &Service{Deps: d, records: newRecords(), passwords: newHasher()}
	s.Quotas = d.Quotas.orDefault()
	var err error
	if s.credentials, err = store.NewCache(ctx, d.Store, 100_000, s.loadCredential); err != nil {
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
	return s, nil
}
