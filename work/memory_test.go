package work

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"bartizan.dev/store"
)

// memory is a store small enough to be looked through, with faults on request.
// It embeds the interface for the methods that a queue does not use.
type memory struct {
	store.Store
	mu       sync.Mutex
	rev      int64
	items    map[string]store.Item
	watchers map[*func([]store.Change)]bool
	fault    func() error // of an Update
	updates  int
}

func newStore() *memory {
	return &memory{items: map[string]store.Item{}, watchers: map[*func([]store.Change)]bool{}}
}

func (m *memory) Get(_ context.Context, key string) (store.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return get1(m.items, key)
}

func get1(items map[string]store.Item, key string) (store.Item, error) {
	if item, ok := items[key]; ok {
		return item, nil
	}
	return store.Item{}, store.ErrNotFound
}

func (m *memory) List(_ context.Context, r store.Range) ([]store.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return list(m.items, r), nil
}

func list(items map[string]store.Item, r store.Range) (out []store.Item) {
	for _, k := range slices.Sorted(maps.Keys(items)) {
		if strings.HasPrefix(k, r.Prefix) && k > r.After && (r.Limit == 0 || len(out) < r.Limit) {
			out = append(out, items[k])
		}
	}
	return out
}

func (m *memory) Update(ctx context.Context, fn func(store.Tx) error) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if m.fault != nil {
		if err := m.fault(); err != nil {
			return 0, err
		}
	}
	tx := &memoryTx{items: maps.Clone(m.items), rev: m.rev + 1}
	if err := fn(tx); err != nil {
		return 0, err
	}
	m.updates++
	m.rev, m.items = m.rev+1, tx.items
	for fn := range m.watchers {
		(*fn)(tx.changes)
	}
	return m.rev, nil
}

func (m *memory) Watch(ctx context.Context, fn func([]store.Change), _ func()) error {
	m.mu.Lock()
	m.watchers[&fn] = true
	m.mu.Unlock()
	context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watchers, &fn)
	})
	return nil
}

type memoryTx struct {
	items   map[string]store.Item
	rev     int64
	changes []store.Change
}

func (x *memoryTx) Get(_ context.Context, key string) (store.Item, error) { return get1(x.items, key) }
func (x *memoryTx) List(_ context.Context, r store.Range) ([]store.Item, error) {
	return list(x.items, r), nil
}

func (x *memoryTx) Put(_ context.Context, key string, value []byte) error {
	x.items[key] = store.Item{Key: key, Value: slices.Clone(value), Rev: x.rev}
	x.changes = append(x.changes, store.Change{Rev: x.rev, Key: key})
	return nil
}

func (x *memoryTx) PutIf(context.Context, string, []byte, int64) error {
	return errors.New("not used by a queue")
}

func (x *memoryTx) Delete(_ context.Context, key string) error {
	delete(x.items, key)
	x.changes = append(x.changes, store.Change{Rev: x.rev, Key: key, Deleted: true})
	return nil
}
