// Package logs is Amazon CloudWatch Logs: log groups and streams, events in the
// order of their time, searched with filter patterns, kept as long as the
// group's retention says.
//
//   - service.go, records.go: what the service may touch and what it stores.
//   - authorise.go: what the operations touch.
//   - group.go, stream.go, retention.go, put.go, get.go, search.go, resource.go,
//     tag.go: the chapters of the API reference.
//   - work.go: what happens later. filter/: the pattern language.
package logs

import (
	"context"
	"log/slog"
	"time"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Deps is all the service may touch.
type Deps struct {
	Store store.Store // its own view
	Clock *work.Clock
	// Bind replaces the users and roles that a policy names by their unique ids;
	// Show is its inverse. invalid is the first principal that does not exist.
	Bind func(ctx context.Context, document string) (bound, invalid string, err error)
	Show func(ctx context.Context, bound string) (document string, err error)
	Log  *slog.Logger
}

// Service answers the operations of CloudWatch Logs.
type Service struct {
	logsapi.Unimplemented
	Deps
	records
	queue    *work.Queue
	policies *store.Cache[*attached]
}

var _ logsapi.Server = (*Service)(nil)

// New returns the service. Its caches live until ctx ends; Run does what is due.
func New(ctx context.Context, d Deps) (*Service, error) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, s.handlers())
	var err error
	s.policies, err = store.NewCache(ctx, d.Store, 10_000, s.loadPolicies)
	return s, err
}

// Run deletes what has expired, until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

func (s *Service) now() time.Time { return s.Clock.Now().Truncate(time.Millisecond) }
