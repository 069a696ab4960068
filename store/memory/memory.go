// Package memory is the store in memory, for `bartizan dev` and for tests. It
// keeps every promise of package store but one: nothing is there after Close.
package memory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tidwall/btree"

	"bartizan.dev/store"
)

// Store is a store in memory.
type Store struct {
	log *store.Log

	turn  chan struct{} // held by the one transaction that runs
	mu    sync.RWMutex
	items *btree.Map[string, store.Item] // nil after Close
	gone  atomic.Bool
}

// Open returns an empty store.
func Open() *Store {
	return &Store{log: store.NewLog(0), turn: make(chan struct{}, 1), items: new(btree.Map[string, store.Item])}
}

var _ store.Store = (*Store)(nil)

func (s *Store) alive(ctx context.Context) error {
	if s.items == nil {
		return store.ErrClosed
	}
	return ctx.Err()
}

// Get implements store.Reader.
func (s *Store) Get(ctx context.Context, key string) (store.Item, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.alive(ctx); err != nil {
		return store.Item{}, err
	}
	item, ok := s.items.Get(key)
	if !ok {
		return store.Item{}, store.ErrNotFound
	}
	item.Value = slices.Clone(item.Value) // the receiver's own
	return item, nil
}

// List implements store.Reader.
func (s *Store) List(ctx context.Context, r store.Range) ([]store.Item, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.alive(ctx); err != nil {
		return nil, err
	}
	var out []store.Item
	s.items.Ascend(max(r.Prefix, r.After), func(key string, item store.Item) bool {
		if key == r.After && r.After != "" {
			return true
		}
		if !strings.HasPrefix(key, r.Prefix) {
			return false
		}
		item.Value = slices.Clone(item.Value)
		out = append(out, item)
		return r.Limit == 0 || len(out) < r.Limit
	})
	return out, nil
}

// Update implements store.Store: fn runs alone, and its writes become visible
// together.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-s.turn }()
	last, err := s.log.Rev()
	if err != nil {
		return 0, err
	}
	tx := store.NewBatch(s)
	if err := fn(tx); err != nil {
		return 0, err
	}
	if tx.Len() == 0 {
		return last, nil
	}
	group := store.NewBatch(s)
	changes := group.Absorb(tx, last+1)
	if err := s.apply(group); err != nil {
		return 0, err
	}
	s.log.Append(last+1, changes)
	return last + 1, nil
}

func (s *Store) apply(b *store.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.items == nil {
		return store.ErrClosed
	}
	return b.Each(func(key string, value []byte, rev int64, deleted bool) error {
		if deleted {
			s.items.Delete(key)
		} else {
			s.items.Set(key, store.Item{Key: key, Value: slices.Clone(value), Rev: rev})
		}
		return nil
	})
}

// Changes implements store.Store.
func (s *Store) Changes(ctx context.Context, rev int64, limit int) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.log.Since(rev, limit)
}

// Revision implements store.Store.
func (s *Store) Revision(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return s.log.Rev()
}

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, fn func([]store.Change), _ func()) error {
	return s.log.Watch(ctx, fn)
}

// Fresh implements store.Store. Watchers are told before Update returns, so
// there is nothing to catch up with.
func (s *Store) Fresh(context.Context) error {
	if s.gone.Load() {
		return store.ErrClosed
	}
	return nil
}

// Close waits for the transaction under way and forgets everything.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items = nil
	s.gone.Store(true)
	s.log.Close()
	return nil
}
