package store

import (
	"context"
	"slices"
	"strings"
)

// A Batch is a transaction that keeps its writes in memory until the engine
// applies them: reads go through to the engine and see the writes. Engines with
// one writer at a time are serialisable with nothing more; and a function that
// fails leaves nothing to undo.
type Batch struct {
	base   Reader
	writes map[string]write
	order  []string // of first writing
}

type write struct {
	value   []byte
	deleted bool
}

// NewBatch returns an empty batch over base.
func NewBatch(base Reader) *Batch { return &Batch{base: base, writes: map[string]write{}} }

// Len is the number of keys written or deleted.
func (b *Batch) Len() int { return len(b.order) }

// Each calls fn for every write, in the order in which keys were first written.
func (b *Batch) Each(fn func(key string, value []byte, deleted bool) error) error {
	for _, key := range b.order {
		if err := fn(key, b.writes[key].value, b.writes[key].deleted); err != nil {
			return err
		}
	}
	return nil
}

func (b *Batch) Get(ctx context.Context, key string) (Item, error) {
	if w, ok := b.writes[key]; ok {
		if w.deleted {
			return Item{}, ErrNotFound
		}
		return Item{Key: key, Value: w.value, Rev: ownRev}, nil
	}
	return b.base.Get(ctx, key)
}

// ownRev is the revision of a record that this very transaction wrote.
const ownRev = -1

func (b *Batch) List(ctx context.Context, r Range) ([]Item, error) {
	var own []string
	deleted := 0
	for _, key := range b.order {
		if strings.HasPrefix(key, r.Prefix) && key > r.After {
			own = append(own, key)
			if b.writes[key].deleted {
				deleted++
			}
		}
	}
	wide := r
	if wide.Limit > 0 {
		wide.Limit += deleted
	}
	items, err := b.base.List(ctx, wide)
	if err != nil || len(own) == 0 {
		return items, err
	}
	slices.Sort(own)
	if n := len(items); wide.Limit > 0 && n == wide.Limit {
		// A full page hides keys of the base behind its last one, so our own
		// writes behind it belong to a later page.
		i, _ := slices.BinarySearch(own, items[n-1].Key+"\x00")
		own = own[:i]
	}
	items = b.merge(items, own)
	if r.Limit > 0 && len(items) > r.Limit {
		items = items[:r.Limit]
	}
	return items, nil
}

func (b *Batch) merge(items []Item, own []string) []Item {
	var out []Item
	for len(items) > 0 || len(own) > 0 {
		if len(own) == 0 || len(items) > 0 && items[0].Key < own[0] {
			out = append(out, items[0])
			items = items[1:]
			continue
		}
		key := own[0]
		own = own[1:]
		if len(items) > 0 && items[0].Key == key {
			items = items[1:]
		}
		if w := b.writes[key]; !w.deleted {
			out = append(out, Item{Key: key, Value: w.value, Rev: ownRev})
		}
	}
	return out
}

func (b *Batch) Put(_ context.Context, key string, value []byte) error {
	if len(key) > MaxKey || len(value) > MaxValue {
		return ErrTooLarge
	}
	b.set(key, write{value: slices.Clone(value)})
	return nil
}

func (b *Batch) PutIf(ctx context.Context, key string, value []byte, rev int64) error {
	item, err := b.Get(ctx, key)
	switch {
	case err == ErrNotFound:
		item.Rev = 0
	case err != nil:
		return err
	}
	if item.Rev != rev {
		return ErrConflict
	}
	return b.Put(ctx, key, value)
}

func (b *Batch) Delete(_ context.Context, key string) error {
	b.set(key, write{deleted: true})
	return nil
}

func (b *Batch) set(key string, w write) {
	if _, ok := b.writes[key]; !ok {
		b.order = append(b.order, key)
	}
	b.writes[key] = w
}
