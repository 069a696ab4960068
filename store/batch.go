package store

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// A Batch is a transaction that keeps its writes in memory until the engine
// applies them: reads go through to the base and see the writes. Engines that
// run one function at a time are serialisable with nothing more; and a function
// that fails leaves nothing to undo. Batches stack: the base may be a Batch that
// has not been applied yet.
type Batch struct {
	base   Reader
	writes map[string]write
	order  []string // of first writing
	bytes  int
}

type write struct {
	value   []byte
	rev     int64
	deleted bool
}

// ownRev is the revision of a record that this very transaction wrote.
const ownRev = -1

// NewBatch returns an empty batch over base.
func NewBatch(base Reader) *Batch { return &Batch{base: base} }

// Len is the number of keys written or deleted.
func (b *Batch) Len() int { return len(b.order) }

// Bytes is the size of the keys and values written.
func (b *Batch) Bytes() int { return b.bytes }

// Each calls fn for every write in the order of keys, which spares a B-tree the
// way, with the revision that Absorb gave it.
func (b *Batch) Each(fn func(key string, value []byte, rev int64, deleted bool) error) error {
	for _, key := range slices.Sorted(slices.Values(b.order)) {
		w := b.writes[key]
		if err := fn(key, w.value, w.rev, w.deleted); err != nil {
			return err
		}
	}
	return nil
}

// Absorb takes over the writes of a finished transaction over b, as commit rev,
// and returns its changes.
func (b *Batch) Absorb(tx *Batch, rev int64) []Change {
	changes := make([]Change, 0, len(tx.order))
	for _, key := range tx.order {
		w := tx.writes[key]
		w.rev = rev
		b.set(key, w)
		changes = append(changes, Change{Rev: rev, Key: key, Deleted: w.deleted})
	}
	return changes
}

// Rebase puts the batch over another base, which holds what the old one did.
func (b *Batch) Rebase(base Reader) { b.base = base }

// item returns a copy of the write: what Get returns is the receiver's.
func (w write) item(key string) Item {
	return Item{Key: key, Value: slices.Clone(w.value), Rev: w.rev}
}

// Get implements Reader.
func (b *Batch) Get(ctx context.Context, key string) (Item, error) {
	w, ok := b.writes[key]
	switch {
	case !ok:
		return b.base.Get(ctx, key)
	case ctx.Err() != nil:
		return Item{}, ctx.Err()
	case w.deleted:
		return Item{}, ErrNotFound
	}
	return w.item(key), nil
}

// List implements Reader.
func (b *Batch) List(ctx context.Context, r Range) ([]Item, error) {
	var own []string
	deleted := 0
	for _, key := range b.order {
		if strings.HasPrefix(key, r.Prefix) && (key > r.After || r.After == "") {
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
	out := make([]Item, 0, len(items)+len(own))
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
			out = append(out, w.item(key))
		}
	}
	return out
}

// Put implements Tx.
func (b *Batch) Put(ctx context.Context, key string, value []byte) error {
	if len(key) > MaxKey || len(value) > MaxValue {
		return ErrTooLarge
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.set(key, write{value: value, rev: ownRev})
	return nil
}

// PutIf implements Tx.
func (b *Batch) PutIf(ctx context.Context, key string, value []byte, rev int64) error {
	var now int64
	if w, ok := b.writes[key]; ok {
		now = w.rev
		if w.deleted {
			now = 0
		}
	} else {
		item, err := b.base.Get(ctx, key)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		now = item.Rev
	}
	if now != rev {
		return ErrConflict
	}
	return b.Put(ctx, key, value)
}

// Delete implements Tx.
func (b *Batch) Delete(ctx context.Context, key string) error {
	if len(key) > MaxKey {
		return nil // there is no such record
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.set(key, write{rev: ownRev, deleted: true})
	return nil
}

func (b *Batch) set(key string, w write) {
	if b.writes == nil {
		b.writes = make(map[string]write, 8)
	}
	old, ok := b.writes[key]
	if !ok {
		b.order = append(b.order, key)
		b.bytes += len(key)
	}
	b.bytes += len(w.value) - len(old.value)
	b.writes[key] = w
}
