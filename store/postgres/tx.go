package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"bartizan.dev/store"
)

// write is what a transaction has done to a key, not yet sent to the database.
type write struct {
	value   []byte
	rev     int64
	deleted bool
}

// tx is one update's view: the database as the group's transaction sees it,
// then what the updates before it in the group wrote, then its own writes.
type tx struct {
	group *group
	rev   int64
	own   map[string]write
	done  bool
}

var errDone = errors.New("store: transaction used after its function returned")

// ready comes before every operation. The caller's context is looked at here
// and not passed on: it must not break the connection under the others.
func (t *tx) ready(ctx context.Context) error {
	if t.done {
		return errDone
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.group.err
}

// written returns the latest write to the key in this group.
func (t *tx) written(key string) (write, bool) {
	if w, ok := t.own[key]; ok {
		return w, true
	}
	w, ok := t.group.writes[key]
	return w, ok
}

func (t *tx) Get(ctx context.Context, key string) (store.Item, error) {
	if err := t.ready(ctx); err != nil {
		return store.Item{}, err
	}
	if w, ok := t.written(key); ok {
		if w.deleted {
			return store.Item{}, store.ErrNotFound
		}
		return store.Item{Key: key, Value: slices.Clone(w.value), Rev: w.rev}, nil
	}
	item, err := get(t.group.ctx, t.group.conn, key)
	return item, t.group.note(err)
}

func (t *tx) List(ctx context.Context, r store.Range) ([]store.Item, error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	pending := map[string]write{}
	for _, layer := range []map[string]write{t.group.writes, t.own} {
		for k, w := range layer {
			if strings.HasPrefix(k, r.Prefix) && (r.After == "" || k > r.After) {
				pending[k] = w
			}
		}
	}
	limit := r.Limit
	if limit > 0 {
		limit += len(pending) // as many of the database's may be deleted or replaced
	}
	items, err := list(t.group.ctx, t.group.conn, r, limit)
	if err != nil || len(pending) == 0 {
		return items, t.group.note(err)
	}
	items = slices.DeleteFunc(items, func(i store.Item) bool { _, ok := pending[i.Key]; return ok })
	for k, w := range pending {
		if !w.deleted {
			items = append(items, store.Item{Key: k, Value: slices.Clone(w.value), Rev: w.rev})
		}
	}
	slices.SortFunc(items, func(a, b store.Item) int { return cmp.Compare(a.Key, b.Key) })
	if r.Limit > 0 && len(items) > r.Limit {
		items = items[:r.Limit]
	}
	return items, nil
}

func (t *tx) Put(ctx context.Context, key string, value []byte) error {
	if err := t.ready(ctx); err != nil {
		return err
	}
	if len(key) > store.MaxKey || len(value) > store.MaxValue {
		return store.ErrTooLarge
	}
	t.own[key] = write{value: append([]byte{}, value...), rev: t.rev}
	return nil
}

func (t *tx) PutIf(ctx context.Context, key string, value []byte, rev int64) error {
	item, err := t.Get(ctx, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if item.Rev != rev {
		return store.ErrConflict
	}
	return t.Put(ctx, key, value)
}

func (t *tx) Delete(ctx context.Context, key string) error {
	_, err := t.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil // nothing changes, nobody need hear of it
	}
	if err != nil {
		return err
	}
	t.own[key] = write{rev: t.rev, deleted: true}
	return nil
}
