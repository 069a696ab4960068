// Package memory is the store in memory, for `bartizan dev` and for tests. It
// keeps every promise of package store but one: nothing is there after Close.
package memory

import (
	"context"
	"strings"
	"sync"

	"github.com/tidwall/btree"

	"bartizan.dev/store"
)

// Store is a store in memory.
type Store struct {
	log *store.Log

	write sync.Mutex // one transaction at a time
	mu    sync.RWMutex
	items btree.Map[string, store.Item]
	gone  bool
}

// Open returns an empty store.
func Open() *Store { return &Store{log: store.NewLog(0)} }

var _ store.Store = (*Store)(nil)

func (s *Store) alive(ctx context.Context) error {
	if s.gone {
		return store.ErrClosed
	}
	return ctx.Err()
}

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
	return item, nil
}

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
		out = append(out, item)
		return r.Limit == 0 || len(out) < r.Limit
	})
	return out, nil
}

// Update runs fn alone; its writes become visible together.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) (int64, error) {
	s.write.Lock()
	defer s.write.Unlock()
	b := store.NewBatch(s)
	if err := fn(b); err != nil {
		return 0, err
	}
	s.mu.Lock()
	if err := s.alive(ctx); err != nil {
		s.mu.Unlock()
		return 0, err
	}
	rev := s.log.Rev() + 1
	changes := make([]store.Change, 0, b.Len())
	err := b.Each(func(key string, value []byte, deleted bool) error {
		if deleted {
			s.items.Delete(key)
		} else {
			s.items.Set(key, store.Item{Key: key, Value: value, Rev: rev})
		}
		changes = append(changes, store.Change{Rev: rev, Key: key, Deleted: deleted})
		return nil
	})
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	s.log.Append(rev, changes)
	return rev, nil
}

func (s *Store) Changes(ctx context.Context, rev int64, limit int) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.log.Since(rev, limit)
}

func (s *Store) Revision(ctx context.Context) (int64, error) { return s.log.Rev(), ctx.Err() }

func (s *Store) Watch(ctx context.Context, fn func([]store.Change), _ func()) error {
	return s.log.Watch(ctx, fn)
}

// Fresh has nothing to do: watchers are told before Update returns.
func (s *Store) Fresh(context.Context) error { return nil }

func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	s.items.Clear()
	return nil
}
