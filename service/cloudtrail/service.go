// Package cloudtrail is AWS CloudTrail over the trail: its Event history, trails
// with event selectors, and the delivery of log files and digests.
//
//   - service.go, records.go, find.go: what the service may touch, what it stores,
//     how it finds a trail.
//   - authorise.go: what the operations touch.
//   - lookup.go, create.go, update.go, describe.go, logging.go, tag.go, selector.go,
//     publickey.go: the chapters of the API reference.
//   - check.go, match.go, data.go: which selectors are good, which events they
//     choose, and whether somebody wants data events.
//   - deliver.go, digest.go, signing.go: what happens later.
//   - target.go, stream.go, organization.go: where else a trail is delivered to, and
//     whose events it has.
//   - insight.go, watch.go, insightrun.go: which insights a trail has, what is
//     unusual, and how it is recorded.
//   - datastore.go, stopstore.go, storepolicy.go, ingest.go: CloudTrail Lake's event data stores,
//     and how events get into them; query.go, queryrun.go: and out of them.
//   - folder: a bucket that is a directory; lake: the SQL of CloudTrail Lake.
package cloudtrail

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/service/cloudtrail/lake"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// Bucket is where log files go.
type Bucket interface {
	// Put writes an object with its user metadata, in place of one of that key. It
	// is there for good when Put returns, and is never seen in part.
	Put(ctx context.Context, key string, body []byte, metadata map[string]string) error
}

// Deps is all the service may touch.
type Deps struct {
	Trail trail.Trail
	Log   trail.Log   // the same record, read from a place on
	Store store.Store // its own view
	Clock *work.Clock
	// Bucket returns the bucket with a name, or nil when there is none.
	Bucket func(name string) Bucket
	Logger *slog.Logger
	// Assume returns the context of a role's session for a trail. Without it there
	// is no delivery to CloudWatch Logs.
	Assume func(ctx context.Context, role, trail, account, region string) (context.Context, error)
	Logs   logsapi.Client
	// Notify publishes to an SNS topic as CloudTrail, for the trail that is ctx's
	// SourceARN. Without it topics are refused.
	Notify func(ctx context.Context, topic, message string) error
	// Organization tells of an account's organization: its id, "" for none, whether
	// the account manages it, and whether CloudTrail has access to it. Without it
	// there are no organization trails.
	Organization func(ctx context.Context, account string) (id string, manages, access bool, err error)
	// Bind and Show turn the principals of resource policies into ids and back.
	Bind func(ctx context.Context, document string) (bound, invalid string, err error)
	Show func(ctx context.Context, bound string) (string, error)
	// Record appends to the trail what the service itself has found, and tells
	// EventBridge of it. Nil means Trail.Append.
	Record func(ctx context.Context, e *trail.Event) error
}

// Service answers the operations of CloudTrail.
type Service struct {
	cloudtrailapi.Unimplemented
	Deps
	records
	queue *work.Queue
	data  *store.Cache[[]string] // types whose data events an account or an organization logs

	lake      *lake.Engine
	lakeStore store.Store // queries, in a view of their own
	lakeQueue *work.Queue // which runs them: nothing else waits for them
	running   sync.Map    // queries that run here: id → context.CancelCauseFunc
}

var _ cloudtrailapi.Server = (*Service)(nil)

// New returns the service, which follows changes until ctx ends. Run does what is
// due.
func New(ctx context.Context, d Deps) (*Service, error) {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Logger}, s.handlers())
	var err error
	if s.lake, err = lake.New(d.Clock.Now); err != nil {
		return nil, err
	}
	if s.data, err = store.NewCache(ctx, d.Store, 10_000, s.loadData); err != nil {
		return nil, err
	}
	s.lakeStore = store.View(d.Store, "lake/")
	s.lakeQueue = work.New(s.lakeStore, d.Clock, work.Options{Log: d.Logger, Parallel: 2}, map[string]work.Handler{jobQuery: s.runQuery, jobForget: s.forget})
	return s, nil
}

// Run delivers log files and digests, fills event data stores and runs queries
// until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- s.lakeQueue.Run(ctx) }()
	return errors.Join(s.queue.Run(ctx), <-done)
}

// Settle waits until all work that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error {
	return errors.Join(s.queue.Settle(ctx), s.lakeQueue.Settle(ctx))
}
