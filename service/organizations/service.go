// Package organizations is AWS Organizations: organizations with their roots,
// organizational units and accounts, the policies that bound what accounts may
// do, and who administers what for whom.
//
//   - service.go, records.go, name.go, quota.go, errors.go: what the service may
//     touch, what it stores, how things are named, how many there may be.
//   - authorise.go joins the rules of the chapters; circle.go knows who may call
//     what: the management account, delegated administrators, members, anyone.
//   - bounds.go answers the gateway: which policies bind an account.
//   - inherit.go computes effective policies; content.go checks documents.
//   - work.go holds what happens later.
//   - One file per chapter of the API reference holds the handlers.
package organizations

import (
	"context"
	"log/slog"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// Deps is all the service may touch.
type Deps struct {
	Store store.Store // its own view
	Clock *work.Clock
	Log   *slog.Logger
	// OpenAccount makes an account in IAM with a role that has AdministratorAccess
	// and trusts the account trusted. Done again it changes nothing.
	OpenAccount func(ctx context.Context, id, role, trusted string) error
	// HasAccount reports whether IAM has the account.
	HasAccount func(ctx context.Context, id string) (bool, error)
	// LinkRole makes the service-linked role of a service in an account, unless it
	// has it; may be nil.
	LinkRole func(ctx context.Context, account, principal string) error
	// Record appends an event that is no API call; may be nil.
	Record func(ctx context.Context, e *trail.Event) error
	Quotas Quotas // zero fields stand for AWS's defaults
}

// Service answers the operations of Organizations and, for the gateway, what
// binds an account.
type Service struct {
	api.Unimplemented
	Deps
	records
	queue   *work.Queue
	bounds  *store.Cache[*Bounds]
	levels  *store.Cache[*policy.Set]
	circles *store.Cache[*circle]
}

var _ api.Server = (*Service)(nil)

// New returns the service. Its caches live until ctx ends. Run does what is
// due.
func New(ctx context.Context, d Deps) (*Service, error) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords()}
	s.Quotas = d.Quotas.orDefault()
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, s.handlers())
	var err error
	if s.levels, err = store.NewCache(ctx, d.Store, 10_000, s.loadLevel); err != nil {
		return nil, err
	}
	if s.bounds, err = store.NewCache(ctx, d.Store, 20_000, s.loadBounds); err != nil {
		return nil, err
	}
	if s.circles, err = store.NewCache(ctx, d.Store, 20_000, s.loadCircle); err != nil {
		return nil, err
	}
	return s, nil
}

// now is the time records are stamped with. AWS's have milliseconds.
func (s *Service) now() time.Time { return s.Clock.Now().Truncate(time.Millisecond) }

// Run does what is due until ctx ends: accounts are made and closed, handshakes
// expire.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }
