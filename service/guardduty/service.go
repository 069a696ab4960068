// Package guardduty is Amazon GuardDuty: detectors that watch what the trail
// records, and the findings they raise.
//
//   - service.go, records.go, errors.go, page.go: what the service may touch, what
//     it stores, what it shares.
//   - authorise.go: what the operations touch.
//   - detector.go, feature.go, finding.go, criteria.go, statistics.go, sample.go,
//     filter.go, list.go, tag.go …: the chapters of the API reference.
//   - analyze.go, engine.go, keep.go: the trail is read on, detect's engines look at
//     it, and what they find becomes findings.
//   - publish.go: findings become events and, after 90 days, nothing.
package guardduty

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/intel"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// Deps is all the service may touch.
type Deps struct {
	Log   trail.Log   // what is analysed
	Store store.Store // its own view
	Clock *work.Clock
	// Publish puts an event of a service on an account's default bus. What it has
	// taken is durable.
	Publish func(ctx context.Context, e Event) error
	// Fetch opens a list; nil fetches none.
	Fetch func(ctx context.Context, at Source) (io.ReadCloser, error)
	// LinkRole makes the service-linked role of a service in an account, unless it
	// is there; nil makes none.
	LinkRole func(ctx context.Context, account, principal string) error
	Logger   *slog.Logger
}

// principal is the service's own name.
const principal = "guardduty.amazonaws.com"

// Event is an event for EventBridge.
type Event struct {
	Account, Region string
	DetailType      string
	Detail          []byte
}

// Service answers the operations of GuardDuty.
type Service struct {
	guarddutyapi.Unimplemented
	Deps
	records
	queue   *work.Queue
	watched *store.Cache[*watched]
	intel   *store.Cache[*intel.Set] // by place

	mu      sync.Mutex // one analysis at a time on this node
	engines *engines
}

var _ guarddutyapi.Server = (*Service)(nil)

// New returns the service. Its caches live until ctx ends; Run does what is due.
func New(ctx context.Context, d Deps) (*Service, error) {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Logger}, s.handlers())
	var err error
	if s.watched, err = store.NewCache(ctx, d.Store, 1, s.loadWatched); err != nil {
		return nil, err
	}
	s.intel, err = store.NewCache(ctx, d.Store, 10_000, s.threats)
	return s, err
}

func (s *Service) handlers() map[string]work.Handler {
	return map[string]work.Handler{
		jobAnalyze: s.analyze,
		jobPublish: s.publish,
		jobList:    s.doList,
		jobExpire:  work.InTx(s.expire),
	}
}

// Run analyses the trail and publishes findings until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

func (s *Service) now() time.Time { return s.Clock.Now().Truncate(time.Millisecond) }
