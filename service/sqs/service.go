// Package sqs is Amazon SQS: standard queues whose messages are received by
// polling, come back if they are not deleted in time, and end in a dead-letter
// queue if that happens too often.
//
//   - service.go, records.go: what the service may touch and what it stores.
//   - authorise.go: what the operations touch.
//   - queue.go, attributes.go, redrive.go, tag.go: queues.
//   - send.go, receive.go, delete.go: messages. digest.go: the sums clients check.
//   - work.go: what happens later.
package sqs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Deps is all the service may touch.
type Deps struct {
	Store store.Store // its own view
	Clock *work.Clock
	URL   func() string // the endpoint, with which URLs of queues begin
	// Bind replaces the users and roles that a policy names by their unique ids;
	// Show is its inverse. invalid is the first principal that does not exist.
	Bind func(ctx context.Context, document string) (bound, invalid string, err error)
	Show func(ctx context.Context, bound string) (document string, err error)
	Log  *slog.Logger
}

// Service answers the operations of SQS.
type Service struct {
	sqsapi.Unimplemented
	Deps
	records
	queue    *work.Queue
	policies *store.Cache[*attached]
	bell     bell
}

var _ sqsapi.Server = (*Service)(nil)

// New returns the service. Its cache lives until ctx ends; Run does what is due.
func New(ctx context.Context, d Deps) (*Service, error) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, map[string]work.Handler{jobRetain: work.InTx(s.doRetain)})
	var err error
	if s.policies, err = store.NewCache(ctx, d.Store, 10_000, s.loadPolicy); err != nil {
		return nil, err
	}
	return s, d.Store.Watch(ctx, s.bell.ring, s.bell.all)
}

// Run deletes what has expired until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

func (s *Service) now() time.Time { return s.Clock.Now().Truncate(time.Millisecond) }

// bell wakes who waits for messages, when one has been written on any node.
type bell struct {
	mu      sync.Mutex
	waiters map[string]chan struct{} // by the UID of the queue
}

// wait returns a channel that is closed when something happens in a queue.
func (b *bell) wait(uid string) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiters == nil {
		b.waiters = map[string]chan struct{}{}
	}
	if b.waiters[uid] == nil {
		b.waiters[uid] = make(chan struct{})
	}
	return b.waiters[uid]
}

func (b *bell) ring(changes []store.Change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range changes {
		if uid, ok := dueQueue(changes[i].Key); ok && !changes[i].Deleted && b.waiters[uid] != nil {
			close(b.waiters[uid])
			delete(b.waiters, uid)
		}
	}
}

func (b *bell) all() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.waiters {
		close(w)
	}
	b.waiters = nil
}
