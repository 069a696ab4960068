package postgres

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"

	"github.com/jackc/pgx/v5"

	"bartizan.dev/store"
)

// group is one transaction in the database, in which several updates run one
// after the other. It is the reader under their batches: the database as the
// transaction sees it.
type group struct {
	ctx    context.Context // of the database; the callers' own are only looked at
	conn   *pgx.Conn
	base   int64        // the revision before it
	xid    string       // PostgreSQL's name for it
	rev    int64        // of the last update that succeeded
	writes *store.Batch // of all that succeeded, sent to the database at the end
	log    []store.Change
	err    error // of the database; nothing of the group can be committed
	done   bool
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
	item, err := get(g.ctx, g.conn, key)
	return item, g.note(err)
}

func (g *group) List(ctx context.Context, r store.Range) ([]store.Item, error) {
	if err := g.ready(ctx); err != nil {
		return nil, err
	}
	items, err := list(g.ctx, g.conn, r)
	return items, g.note(err)
}

// run runs one update, and keeps its writes if it succeeds.
func (g *group) run(r *request) {
	r.rev = g.rev
	if r.err = r.ctx.Err(); r.err != nil {
		return
	}
	b := store.NewBatch(g.writes)
	if r.err = protect(r.fn, b); r.err != nil || b.Len() == 0 || g.err != nil {
		return
	}
	g.rev++
	r.rev = g.rev
	g.log = append(g.log, g.writes.Absorb(b, g.rev)...)
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
