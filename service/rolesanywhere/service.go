// Package rolesanywhere is IAM Roles Anywhere: workloads outside of AWS show an
// X.509 certificate and get credentials of a role.
//
//   - service.go, records.go, find.go, errors.go: what the service may touch, what
//     it stores, how it finds it.
//   - authorise.go: what the operations touch.
//   - anchor.go, profile.go, crl.go, subject.go, mapping.go, notification.go,
//     tag.go: the chapters of the API reference.
//   - session.go: CreateSession; chain.go decides whether a certificate is trusted,
//     attributes.go makes session tags of it.
package rolesanywhere

import (
	"context"
	"time"

	rolesapi "bartizan.dev/api/rolesanywhere"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// principal is who assumes the roles.
const principal = "rolesanywhere.amazonaws.com"

// Deps is all the service may touch.
type Deps struct {
	Store  store.Store // its own view
	Inner  wire.Door   // to STS, as rolesanywhere.amazonaws.com
	Now    func() time.Time
	Quotas Quotas // zero fields stand for AWS's defaults
}

// Quotas are per account and Region.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/quotas.html
type Quotas struct {
	Anchors, Profiles int
}

// These AWS does not raise.
const (
	maxCRLs         = 2 // per trust anchor
	maxCertificates = 2 // per trust anchor
	maxTags         = 200
)

// Service answers the operations of IAM Roles Anywhere.
type Service struct {
	rolesapi.Unimplemented
	Deps
	records
	sts    stsapi.Client
	trusts *store.Cache[*trust]
}

var _ rolesapi.Server = (*Service)(nil)

// New returns the service. Its cache lives until ctx ends.
func New(ctx context.Context, d Deps) (*Service, error) {
	if d.Quotas.Anchors == 0 {
		d.Quotas.Anchors = 50
	}
	if d.Quotas.Profiles == 0 {
		d.Quotas.Profiles = 250
	}
	s := &Service{Deps: d, records: newRecords(), sts: stsapi.Client{Door: d.Inner}}
	var err error
	s.trusts, err = store.NewCache(ctx, d.Store, 1000, s.loadTrust)
	return s, err
}
