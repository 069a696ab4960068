package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"

	"bartizan.dev/store"
)

// maxGroup bounds the transactions that share one commit, so that the first of
// them does not wait for too many others.
const maxGroup = 64

// request is one Update on its way to the writer.
type request struct {
	ctx  context.Context
	fn   func(store.Tx) error
	rev  int64
	err  error
	done chan struct{}
}

// Update hands fn to the writer. Transactions that arrive while a commit is
// being synced to disk form the next group and share its fsync.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) (int64, error) {
	r := &request{ctx: ctx, fn: fn, done: make(chan struct{})}
	s.mu.RLock()
	if s.closed {
		s.mu.RUnlock()
		return 0, store.ErrClosed
	}
	select {
	case s.requests <- r:
		s.mu.RUnlock()
	case <-ctx.Done():
		s.mu.RUnlock()
		return 0, ctx.Err()
	}
	<-r.done
	return r.rev, r.err
}

// writer is the goroutine that owns the writing connection.
type writer struct {
	s        *Store
	conn     *sql.Conn
	get, lst *sql.Stmt
	put, del *sql.Stmt
	setRev   *sql.Stmt
	rev      int64
}

func newWriter(ctx context.Context, s *Store, rev int64) (*writer, error) {
	w := &writer{s: s, rev: rev}
	var err error
	if w.conn, err = s.writer.Conn(ctx); err != nil {
		return nil, err
	}
	for query, stmt := range map[string]**sql.Stmt{
		getSQL:  &w.get,
		listSQL: &w.lst,
		`INSERT INTO record (key, value, rev) VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, rev = excluded.rev`: &w.put,
		`DELETE FROM record WHERE key = ?`:             &w.del,
		`UPDATE meta SET value = ? WHERE name = 'rev'`: &w.setRev,
	} {
		if *stmt, err = w.conn.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *writer) run() {
	defer close(w.s.done)
	defer w.conn.Close()
	for first := range w.s.requests {
		group := []*request{first}
	fill:
		for len(group) < maxGroup {
			select {
			case r, ok := <-w.s.requests:
				if !ok {
					break fill
				}
				group = append(group, r)
			default:
				break fill
			}
		}
		w.commit(group)
	}
}

// commit runs a group in one transaction. If the transaction itself fails, none
// of them has happened and all are told.
func (w *writer) commit(group []*request) {
	before := w.rev
	changes, err := w.group(group)
	if err != nil {
		w.rev = before
		if _, rollback := w.conn.ExecContext(context.Background(), "ROLLBACK"); rollback != nil {
			err = fmt.Errorf("%w (and rolling back: %w)", err, rollback)
		}
		for _, r := range group {
			if r.err == nil {
				r.rev, r.err = 0, err
			}
		}
	} else {
		for _, c := range changes {
			w.s.log.Append(c.rev, c.changes)
		}
	}
	for _, r := range group {
		close(r.done)
	}
}

type commit struct {
	rev     int64
	changes []store.Change
}

func (w *writer) group(group []*request) ([]commit, error) {
	if _, err := w.conn.ExecContext(context.Background(), "BEGIN IMMEDIATE"); err != nil {
		return nil, mapped(err)
	}
	var done []commit
	for _, r := range group {
		if r.err = r.ctx.Err(); r.err != nil {
			continue
		}
		b := store.NewBatch(w)
		if r.err = protect(r.fn, b); r.err != nil || b.Len() == 0 {
			r.rev = w.rev
			continue
		}
		changes, err := w.apply(b)
		if err != nil {
			return nil, err
		}
		r.rev = w.rev
		done = append(done, commit{w.rev, changes})
	}
	if len(done) > 0 {
		if _, err := w.setRev.Exec(w.rev); err != nil {
			return nil, mapped(err)
		}
	}
	if _, err := w.conn.ExecContext(context.Background(), "COMMIT"); err != nil {
		return nil, mapped(err)
	}
	return done, nil
}

// protect keeps a panic of one transaction from taking the writer, and every
// other caller, with it.
func protect(fn func(store.Tx) error, tx store.Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("store: panic in a transaction: %v\n%s", p, debug.Stack())
		}
	}()
	return fn(tx)
}

func (w *writer) apply(b *store.Batch) ([]store.Change, error) {
	w.rev++
	changes := make([]store.Change, 0, b.Len())
	err := b.Each(func(key string, value []byte, deleted bool) error {
		changes = append(changes, store.Change{Rev: w.rev, Key: key, Deleted: deleted})
		if deleted {
			_, err := w.del.Exec([]byte(key))
			return mapped(err)
		}
		if value == nil {
			value = []byte{}
		}
		_, err := w.put.Exec([]byte(key), value, w.rev)
		return mapped(err)
	})
	return changes, err
}

// The writer is the Reader of its transactions: it sees what earlier ones of
// the group wrote.

func (w *writer) Get(ctx context.Context, key string) (store.Item, error) {
	if err := ctx.Err(); err != nil {
		return store.Item{}, err
	}
	return scanGet(w.get, key)
}

func (w *writer) List(ctx context.Context, r store.Range) ([]store.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return scanList(w.lst, r)
}
