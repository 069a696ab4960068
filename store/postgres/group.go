package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"bartizan.dev/store"
)

// group is one transaction in the database, in which several updates run one
// after the other. It is the reader of their batches: the database as the
// transaction sees it, and over it what earlier updates of the group wrote,
// which is sent to the database at the end.
type group struct {
	ctx    context.Context // of the database; the callers' own are only looked at
	conn   *pgx.Conn
	base   int64  // the revision before it
	xid    string // PostgreSQL's name for it
	rev    int64  // of the last update that succeeded
	writes map[string]write
	log    []store.Change
	size   int   // of the values written, bytes
	err    error // of the database; nothing of the group can be committed
	done   bool
}

type write struct {
	value   []byte
	rev     int64
	deleted bool
}

var errDone = errors.New("store: transaction used after its function returned")

// ready comes before every reading. The caller's context is not passed on: it
// must not break the connection under the others.
func (g *group) ready(ctx context.Context) error {
	if g.done {
		return errDone
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return g.err
}

// note remembers an error of the database, after which all is lost.
func (g *group) note(err error) error {
	if err != nil && err != store.ErrNotFound {
		g.err = err
	}
	return err
}

func (g *group) Get(ctx context.Context, key string) (store.Item, error) {
	if err := g.ready(ctx); err != nil {
		return store.Item{}, err
	}
	if w, ok := g.writes[key]; ok {
		if w.deleted {
			return store.Item{}, store.ErrNotFound
		}
		return store.Item{Key: key, Value: slices.Clone(w.value), Rev: w.rev}, nil
	}
	item, err := get(g.ctx, g.conn, key)
	return item, g.note(err)
}

func (g *group) List(ctx context.Context, r store.Range) ([]store.Item, error) {
	if err := g.ready(ctx); err != nil {
		return nil, err
	}
	var own []string
	for k := range g.writes {
		if strings.HasPrefix(k, r.Prefix) && (r.After == "" || k > r.After) {
			own = append(own, k)
		}
	}
	limit := r.Limit
	if limit > 0 {
		limit += len(own) // as many of the database's may be deleted or replaced
	}
	items, err := list(g.ctx, g.conn, r, limit)
	if err != nil || len(own) == 0 {
		return items, g.note(err)
	}
	items = slices.DeleteFunc(items, func(i store.Item) bool { _, ok := g.writes[i.Key]; return ok })
	for _, k := range own {
		if w := g.writes[k]; !w.deleted {
			items = append(items, store.Item{Key: k, Value: slices.Clone(w.value), Rev: w.rev})
		}
	}
	slices.SortFunc(items, func(a, b store.Item) int { return cmp.Compare(a.Key, b.Key) })
	if r.Limit > 0 && len(items) > r.Limit {
		items = items[:r.Limit]
	}
	return items, nil
}

// run runs one update, and keeps its writes if it succeeds.
func (g *group) run(r *request) {
	r.rev = g.rev
	if r.err = r.ctx.Err(); r.err != nil {
		return
	}
	b := store.NewBatch(g)
	if r.err = protect(r.fn, b); r.err != nil || b.Len() == 0 || g.err != nil {
		return
	}
	g.rev++
	r.rev = g.rev
	_ = b.Each(func(key string, value []byte, deleted bool) error { // ours does not fail
		if value == nil {
			value = []byte{} // NULL is no value
		}
		g.writes[key] = write{value, g.rev, deleted}
		g.log = append(g.log, store.Change{Rev: g.rev, Key: key, Deleted: deleted})
		g.size += len(value)
		return nil
	})
}

// protect keeps a panic of one update from taking the others with it.
func protect(fn func(store.Tx) error, tx store.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: panic in a transaction: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(tx)
}
