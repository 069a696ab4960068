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
//   - folder: a bucket that is a directory.
package cloudtrail

import (
	"context"
	"log/slog"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
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
}

var _ cloudtrailapi.Server = (*Service)(nil)

// New returns the service. Run does what is due.
func New(d Deps) *Service {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Logger}, s.handlers())
	return s
}

// Run delivers log files and digests until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until all work that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }
