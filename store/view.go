package store

import (
	"context"
	"strings"
)

// View returns the part of s whose keys begin with prefix, which the view's own
// keys do not show. A service gets no more than its view.
func View(s Store, prefix string) Store { return &view{s, prefix} }

type view struct {
	Store
	prefix string
}

func (v *view) Get(ctx context.Context, key string) (Item, error) {
	return viewGet(ctx, v.Store, v.prefix, key)
}

func (v *view) List(ctx context.Context, r Range) ([]Item, error) {
	return viewList(ctx, v.Store, v.prefix, r)
}

func viewGet(ctx context.Context, r Reader, prefix, key string) (Item, error) {
	item, err := r.Get(ctx, prefix+key)
	item.Key = key
	return item, err
}

func viewList(ctx context.Context, r Reader, prefix string, rg Range) ([]Item, error) {
	rg.Prefix = prefix + rg.Prefix
	if rg.After != "" {
		rg.After = prefix + rg.After
	}
	items, err := r.List(ctx, rg)
	for i := range items {
		items[i].Key = items[i].Key[len(prefix):]
	}
	return items, err
}

func (v *view) Update(ctx context.Context, fn func(Tx) error) (int64, error) {
	return v.Store.Update(ctx, func(tx Tx) error { return fn(&viewTx{tx, v.prefix}) })
}

func (v *view) own(changes []Change) []Change {
	var out []Change
	for _, c := range changes {
		if key, ok := strings.CutPrefix(c.Key, v.prefix); ok {
			c.Key = key
			out = append(out, c)
		}
	}
	return out
}

func (v *view) Changes(ctx context.Context, rev int64, limit int) ([]Change, error) {
	return changesOf(ctx, v.Store, rev, limit, v.own)
}

func (v *view) Watch(ctx context.Context, fn func([]Change), forget func()) error {
	return v.Store.Watch(ctx, func(changes []Change) {
		if own := v.own(changes); len(own) > 0 {
			fn(own)
		}
	}, forget)
}

// Close does nothing: the store belongs to whoever opened it.
func (v *view) Close() error { return nil }

type viewTx struct {
	tx     Tx
	prefix string
}

func (t *viewTx) Get(ctx context.Context, key string) (Item, error) {
	return viewGet(ctx, t.tx, t.prefix, key)
}

func (t *viewTx) List(ctx context.Context, r Range) ([]Item, error) {
	return viewList(ctx, t.tx, t.prefix, r)
}

func (t *viewTx) Put(ctx context.Context, key string, value []byte) error {
	return t.tx.Put(ctx, t.prefix+key, value)
}

func (t *viewTx) PutIf(ctx context.Context, key string, value []byte, rev int64) error {
	return t.tx.PutIf(ctx, t.prefix+key, value, rev)
}

func (t *viewTx) Delete(ctx context.Context, key string) error {
	return t.tx.Delete(ctx, t.prefix+key)
}
