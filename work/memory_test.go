package work

import (
	"context"
	"sync"

	"bartizan.dev/store"
	"bartizan.dev/store/memory"
)

// faulty is the store in memory, with faults on request.
type faulty struct {
	*memory.Store
	mu      sync.Mutex
	fault   func() error // of an Update
	updates int
}

func newStore() *faulty { return &faulty{Store: memory.Open()} }

func (m *faulty) Update(ctx context.Context, fn func(store.Tx) error) (int64, error) {
	m.mu.Lock()
	m.updates++
	fault := m.fault
	var err error
	if fault != nil {
		err = fault()
	}
	m.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return m.Store.Update(ctx, fn)
}

// all returns everything below a prefix.
func (m *faulty) all(prefix string) []store.Item {
	items, err := m.List(context.Background(), store.Range{Prefix: prefix})
	if err != nil {
		panic(err)
	}
	return items
}
