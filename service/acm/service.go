// Package acm is AWS Certificate Manager: certificates that are requested,
// validated, issued by an authority whose key is in KMS, renewed by themselves,
// imported, exported and revoked.
//
//   - service.go, records.go: what the service may touch and what it stores.
//   - authorise.go: what the operations touch.
//   - request.go, import.go, describe.go, list.go, search.go, export.go, revoke.go, delete.go,
//     options.go, tag.go, configuration.go: the operations.
//   - authority.go: the embedded authority, its list and its OCSP answers.
//   - validate.go, renew.go: what happens later, through work.
package acm

import (
	"context"
	"crypto"
	"log/slog"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/pki"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// A Sealer keeps private keys encrypted under a key that the service owns in
// KMS. Open wants the same context.
type Sealer interface {
	Seal(secret []byte, context map[string]string) ([]byte, error)
	Open(sealed []byte, context map[string]string) ([]byte, error)
}

// Deps is all the service may touch.
type Deps struct {
	Store store.Store // its own view
	Clock *work.Clock
	Log   *slog.Logger

	// Seal is the service's own key in a Region, and Sign a signing key of its own
	// there, by name: the authority's.
	Seal func(ctx context.Context, region string) (Sealer, error)
	Sign func(ctx context.Context, region, name string) (crypto.Signer, error)
	// CNAME answers what a name is an alias of, without the dot at its end, or ""
	// when it is none.
	CNAME func(ctx context.Context, name string) (string, error)
	// Event puts an event on the default bus of an account in a Region.
	Event func(ctx context.Context, account, region, detailType string, resources []string, detail []byte) error
	// URL is where the server is reached, for revocation lists and OCSP; nil or ""
	// leaves them out of certificates.
	URL func() string
	// Profile is the kind of certificate that the authority issues; nil is
	// pki.Private.
	Profile func() *pki.Profile

	Quotas Quotas // zero fields stand for AWS's defaults
}

// Quotas are of an account in a Region.
// https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html
type Quotas struct{ Certificates, Names int }

// Service answers the operations of Certificate Manager.
type Service struct {
	acmapi.Unimplemented
	Deps
	records
	queue *work.Queue
}

var _ acmapi.Server = (*Service)(nil)

// New returns the service. Run does what is due.
func New(d Deps) *Service {
	if d.Quotas.Certificates == 0 {
		d.Quotas.Certificates = 2500
	}
	if d.Quotas.Names == 0 {
		d.Quotas.Names = 10
	}
	if d.Profile == nil {
		d.Profile = pki.Private
	}
	if d.URL == nil {
		d.URL = func() string { return "" }
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, map[string]work.Handler{
		jobValidate: s.validate, jobRenew: s.renew, jobExpire: work.InTx(s.expire), jobWarn: s.warn,
	})
	return s
}

// Run does the work that is due until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until all work that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }
