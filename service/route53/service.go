// Package route53 is Amazon Route 53: hosted zones and their records, changed in
// batches that happen whole or not at all. The DNS plane answers from them.
//
//   - service.go, records.go: what the service may touch and what it stores.
//   - authorise.go: what the operations touch.
//   - zone.go, list.go, change.go, sets.go, tag.go, limit.go: the chapters of the
//     API reference.
//   - batch.go: a batch against the records there are; check.go: one change by
//     itself; name.go, rdata.go: names and values as Route 53 writes them.
//   - serve.go: zones for the plane.
package route53

import (
	"context"
	"log/slog"
	"time"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Quotas are those that an account can have raised.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
type Quotas struct {
	Zones   int // of an account; 500
	Records int // of a zone; 10,000
}

// Deps is all the service may touch.
type Deps struct {
	Store store.Store // its own view
	Clock *work.Clock
	// NameServers are the names of the servers that answer for every zone. Without
	// them each zone has four made in the form of AWS's.
	NameServers []string
	// Served waits until what is stored is what is answered.
	Served func(ctx context.Context) error
	Quotas Quotas
	Log    *slog.Logger
}

// Service answers the operations of Route 53.
type Service struct {
	route53api.Unimplemented
	Deps
	records
	queue *work.Queue
}

var _ route53api.Server = (*Service)(nil)

// New returns the service; Run does what is due.
func New(d Deps) *Service {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Quotas.Zones == 0 {
		d.Quotas.Zones = 500
	}
	if d.Quotas.Records == 0 {
		d.Quotas.Records = 10_000
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, map[string]work.Handler{jobForget: work.InTx(s.doForget)})
	return s
}

// Run forgets old changes, until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

func (s *Service) now() time.Time { return s.Clock.Now().Truncate(time.Millisecond) }
