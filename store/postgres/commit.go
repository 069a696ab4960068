package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"bartizan.dev/store"
)

const (
	maxGroup = 256      // updates in one commit
	maxBytes = 32 << 20 // of values after which a group takes no more updates
	attempts = 8        // at a group; they take 3 s at most when nothing hangs
	patience = 30 * time.Second
)

// request is an Update that waits.
type request struct {
	ctx   context.Context
	fn    func(store.Tx) error
	taken atomic.Bool // by the commit loop, or by a caller who gave up
	done  chan struct{}
	rev   int64
	err   error
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) (int64, error) {
	r := &request{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case s.queue <- r:
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-s.ctx.Done():
		return 0, store.ErrClosed
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return 0, ctx.Err()
		}
		<-r.done // it is under way; the caller must know how it ended
	}
	return r.rev, r.err
}

// commitLoop takes the updates that wait as a group and commits them, for as
// long as the store is open.
func (s *Store) commitLoop() {
	var conn *pgxpool.Conn
	defer func() {
		if conn != nil {
			conn.Release()
		}
	}()
	for {
		var group []*request
		select {
		case <-s.ctx.Done():
			return
		case r := <-s.queue:
			group = append(group, r)
		}
	more:
		for len(group) < maxGroup {
			select {
			case r := <-s.queue:
				group = append(group, r)
			default:
				break more
			}
		}
		group = slices.DeleteFunc(group, func(r *request) bool { return !r.taken.CompareAndSwap(false, true) })
		for len(group) > 0 {
			n := s.commit(&conn, group)
			for _, r := range group[:n] {
				close(r.done)
			}
			group = group[n:]
		}
	}
}

// commit brings the first n of the requests to an end, trying again where that
// can help, and returns n.
func (s *Store) commit(conn **pgxpool.Conn, requests []*request) int {
	// Updates under way are finished when the store closes.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), patience)
	defer cancel()
	for attempt := 1; ; attempt++ {
		n, err := s.attempt(ctx, conn, requests)
		if err == nil {
			return n
		}
		if *conn != nil && (*conn).Conn().IsClosed() {
			(*conn).Release()
			*conn = nil
		}
		again := retryable(err) && attempt < attempts && ctx.Err() == nil
		if !again && n > 1 && blames(err) {
			requests, attempt = requests[:1], 0
			continue
		}
		if !again {
			for _, r := range requests[:n] {
				r.rev, r.err = 0, s.wrap(err)
			}
			return n
		}
		s.retries.Add(1)
		s.opt.Log.Warn("store: a transaction begins again", "attempt", attempt, "error", err)
		pause := min(500*time.Millisecond, 5*time.Millisecond<<attempt)
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// errUnknown is returned when the connection broke during a commit and nobody
// could tell how it ended.
var errUnknown = errors.New("store: the connection broke during a commit whose outcome is not known")

// retryable reports whether the transaction did certainly not happen and may
// succeed when it begins again.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func retryable(err error) bool {
	if errors.Is(err, errUnknown) {
		return false
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return true // the connection: refused, or broken before the commit
	}
	switch pg.Code {
	case "40001", "40P01", "55P03", // serialization failure, deadlock, lock not available
		"25P03",                            // idle in transaction for too long
		"57P01", "57P02", "57P03", "53300": // going down, crashed, starting up, too many connections
		return true
	}
	return false
}

// blames reports whether err may be the fault of one update alone (a statement
// that took too long, a value the database does not take), so that the others
// of its group should be tried without it.
func blames(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && !errors.Is(err, errUnknown) && !retryable(err) && !strings.HasPrefix(pg.Code, "53")
}

// attempt runs requests, as many as fit into a group, and commits them. It
// returns how many, also with an error.
func (s *Store) attempt(ctx context.Context, conn **pgxpool.Conn, requests []*request) (n int, err error) {
	n = len(requests)
	if *conn == nil {
		if *conn, err = s.pool.Acquire(ctx); err != nil {
			return n, err
		}
	}
	g := &group{ctx: ctx, conn: (*conn).Conn()}
	g.writes = store.NewBatch(g)
	defer func() {
		g.done = true
		if err != nil && !g.conn.IsClosed() {
			if _, rerr := g.conn.Exec(ctx, `ROLLBACK`); rerr != nil {
				g.conn.Close(ctx)
			}
		}
	}()
	if err := g.begin(); err != nil {
		return n, err
	}
	for i, r := range requests {
		if g.run(r); g.err != nil {
			return n, g.err
		}
		if g.writes.Bytes() > maxBytes {
			n = i + 1
			break
		}
	}
	if len(g.log) == 0 {
		_, err := g.conn.Exec(ctx, `ROLLBACK`)
		return n, err
	}
	if err := g.commit(&s.opt); err != nil {
		if err = s.settle(ctx, g, err); err != nil {
			return n, err
		}
	}
	s.committed(ctx, g)
	return n, nil
}

// begin takes the lock and then reads where we are. LOCK TABLE comes before the
// transaction's snapshot.
// https://www.postgresql.org/docs/current/sql-lock.html
func (g *group) begin() error {
	b := new(pgx.Batch)
	b.Queue(`BEGIN ISOLATION LEVEL SERIALIZABLE`)
	b.Queue(`LOCK TABLE writer IN EXCLUSIVE MODE`)
	b.Queue(`SELECT rev, pg_current_xact_id()::text FROM head`).QueryRow(func(row pgx.Row) error { return row.Scan(&g.base, &g.xid) })
	err := g.conn.SendBatch(g.ctx, b).Close()
	g.rev = g.base
	return err
}

// commit sends the writes and COMMIT in one round trip.
func (g *group) commit(opt *Options) error {
	var gone, keys, values [][]byte
	var revs []int64
	err := g.writes.Each(func(key string, value []byte, rev int64, deleted bool) error {
		if deleted {
			gone = append(gone, []byte(key))
			return nil
		}
		// Not nil: NULL is no value.
		keys, values, revs = append(keys, []byte(key)), append(values, append([]byte{}, value...)), append(revs, rev)
		return nil
	})
	if err != nil {
		return err
	}
	b := new(pgx.Batch)
	if len(gone) > 0 {
		b.Queue(`DELETE FROM record WHERE key = ANY($1::bytea[])`, gone)
	}
	if len(keys) > 0 {
		b.Queue(`INSERT INTO record (key, value, rev) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[])
			ON CONFLICT (key) DO UPDATE SET value = excluded.value, rev = excluded.rev`, keys, values, revs)
	}
	logRevs, logKeys, logGone := make([]int64, len(g.log)), make([][]byte, len(g.log)), make([]bool, len(g.log))
	for i, c := range g.log {
		logRevs[i], logKeys[i], logGone[i] = c.Rev, []byte(c.Key), c.Deleted
	}
	b.Queue(`INSERT INTO change (rev, n, key, deleted) SELECT rev, n, key, deleted
		FROM unnest($1::bigint[], $2::bytea[], $3::boolean[]) WITH ORDINALITY AS c (rev, key, deleted, n)`, logRevs, logKeys, logGone)
	// The log is cut a tenth at a time.
	keep := opt.KeepChanges
	if step := max(1, keep/10); g.rev/step > g.base/step && g.rev > keep {
		b.Queue(`DELETE FROM change WHERE rev <= $1`, g.rev-keep)
		b.Queue(`UPDATE head SET rev = $1, floor = greatest(floor, $2)`, g.rev, g.rev-keep)
	} else {
		b.Queue(`UPDATE head SET rev = $1`, g.rev)
	}
	if !opt.NoNotify {
		b.Queue(`SELECT pg_notify($1, '')`, opt.Schema)
	}
	b.Queue(`COMMIT`)
	results := g.conn.SendBatch(g.ctx, b)
	for range b.Len() - 1 {
		if _, err := results.Exec(); err != nil {
			results.Close()
			return err
		}
	}
	tag, err := results.Exec()
	if err == nil && tag.String() != "COMMIT" {
		err = fmt.Errorf("store: COMMIT was answered by %s", tag)
	}
	return errors.Join(err, results.Close())
}

// settle finds out how a commit ended whose answer was an error. It returns nil
// if it has happened.
func (s *Store) settle(ctx context.Context, g *group, cause error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](cause); ok && pg.Severity != "FATAL" && pg.Severity != "PANIC" {
		return cause // the database itself says no
	}
	s.opt.Log.Warn("store: the connection broke during a commit", "error", cause)
	g.conn.Close(ctx)
	for ctx.Err() == nil {
		var status string
		err := s.pool.QueryRow(ctx, `SELECT coalesce(pg_xact_status($1::xid8), '')`, g.xid).Scan(&status)
		switch {
		case err == nil && status == "committed":
			return nil
		case err == nil && status == "aborted":
			return fmt.Errorf("rolled back: %w", noCode{cause})
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("%w: %w", errUnknown, cause)
}

// noCode hides the code of an error that was settled as a broken connection.
type noCode struct{ err error }

func (e noCode) Error() string { return e.err.Error() }
