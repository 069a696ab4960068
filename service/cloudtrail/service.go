// Package cloudtrail is AWS CloudTrail over the trail: its Event history, trails
// with event selectors, and the delivery of log files and digests.
//
//   - service.go, records.go, find.go: what the service may touch, what it stores,
//     how it finds a trail.
//   - authorise.go: what the operations touch.
//   - lookup.go, create.go, update.go, describe.go, logging.go, tag.go, selector.go,
//     publickey.go: the chapters of the API reference.
//   - check.go, match.go: which selectors are good, and which events they choose.
//   - deliver.go, digest.go, signing.go: what happens later.
//   - datastore.go, stopstore.go, ingest.go: CloudTrail Lake's event data stores,
//     and how events get into them; query.go, queryrun.go: and out of them.
//   - folder: a bucket that is a directory; lake: the SQL of CloudTrail Lake.
package cloudtrail

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
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
}

// Service answers the operations of CloudTrail.
type Service struct {
	cloudtrailapi.Unimplemented
	Deps
	records
	queue *work.Queue

	lake      *lake.Engine
	lakeStore store.Store // queries, in a view of their own
	lakeQueue *work.Queue // which runs them: nothing else waits for them
	running   sync.Map    // queries that run here: id → context.CancelCauseFunc
}

var _ cloudtrailapi.Server = (*Service)(nil)

// New returns the service. Run does what is due.
func New(d Deps) (*Service, error) {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Logger}, s.handlers())
	var err error
	if s.lake, err = lake.New(d.Clock.Now); err != nil {
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
