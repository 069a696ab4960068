// Package postgres is the store on PostgreSQL, for several nodes on one
// database.
//
// # Order of commits
//
// A revision is a number in a single row, and every transaction that writes
// first takes one lock, which PostgreSQL gives back only after the commit has
// become visible. So commits happen one after the other over all nodes, the
// order of revisions is the order in which they become visible, and whoever sees
// revision n sees everything up to n: a reader of the change log who asks for
// what came after the last revision he saw can never skip a commit that was
// given an earlier number and became visible late, as he could with a sequence.
// The lock is LOCK TABLE, which comes before the transaction's snapshot; a row
// lock would come after it and make every second writer fail.
//
// One writer at a time would be slow if each paid for a commit. A node therefore
// collects the updates that wait and runs them in one transaction (group
// commit), each with a revision of its own. Writes are kept back in memory until
// the end, so an update costs one round trip for each record it reads and its
// share of the rest. The isolation level is SERIALIZABLE all the same: should
// anything else write to our tables, PostgreSQL tells, and we begin again.
//
// # What other nodes did
//
// The change log is polled; NOTIFY only makes the next poll come sooner. Fresh
// is the promise that caches rest on: it fails rather than let a node go on with
// what it knew more than a second ago.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"bartizan.dev/store"
)

// Options are how the database is used. The zero value is right for most.
type Options struct {
	// Schema holds our tables; it is made if the user may do so. "" means
	// bartizan.
	Schema string
	// Poll is how often the change log is read when nothing announces a change,
	// 0 means 200 ms. It must be well below a second.
	Poll time.Duration
	// KeepChanges is how many revisions the change log reaches back, 0 means
	// 100,000.
	KeepChanges int64
	// NoNotify does without LISTEN and NOTIFY, which not every database that
	// speaks PostgreSQL's language has; changes then arrive by polling alone.
	NoNotify bool
	Log      *slog.Logger // nil means slog.Default()
}

// Store is a connected store. It implements store.Store.
type Store struct {
	pool *pgxpool.Pool
	opt  Options
	born time.Time

	queue   chan *request
	retries atomic.Int64

	kick     chan struct{} // poll now
	lastPoll atomic.Int64  // beginning of the last poll that succeeded, since born; 0: none counts

	deliver   gate  // held while watchers are called, so that they see one order
	delivered int64 // revision up to which they were
	watchers  []*watcher

	stop    context.CancelFunc
	ctx     context.Context // ends with Close
	workers sync.WaitGroup
}

// silence is how long a database may take to connect or to answer a read before
// we give it up: a network that swallows everything tells nobody.
const silence = 3 * time.Second

// Open connects to the database and brings our tables up to date.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
func Open(ctx context.Context, dsn string, opt Options) (*Store, error) {
	if opt.Schema == "" {
		opt.Schema = "bartizan"
	}
	if opt.Poll == 0 {
		opt.Poll = 200 * time.Millisecond
	}
	if opt.KeepChanges == 0 {
		opt.KeepChanges = 100_000
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("store: the PostgreSQL connection string is not valid") // it may hold a password
	}
	for k, v := range map[string]string{
		"application_name": "bartizan",
		"search_path":      pgx.Identifier{opt.Schema}.Sanitize(),
		// A node that hangs in a transaction must not hold up the others.
		"idle_in_transaction_session_timeout": "3s",
		"lock_timeout":                        "10s",
		"statement_timeout":                   "30s",
	} {
		config.ConnConfig.RuntimeParams[k] = v
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		// Durable means durable, whatever the database's default.
		_, err := c.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
		return err
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = silence
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s := &Store{pool: pool, opt: opt, born: time.Now(), queue: make(chan *request), kick: make(chan struct{}, 1), deliver: make(gate, 1)}
	if err := s.migrate(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("store: preparing the PostgreSQL database: %w", err)
	}
	s.lastPoll.Store(1)
	if s.delivered, err = s.Revision(ctx); err != nil {
		pool.Close()
		return nil, err
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.workers.Go(s.commitLoop)
	s.workers.Go(s.pollLoop)
	if !opt.NoNotify {
		s.workers.Go(s.listenLoop)
	}
	return s, nil
}

// Close waits for the updates under way and disconnects.
func (s *Store) Close() error {
	s.stop()
	s.workers.Wait()
	s.pool.Close()
	return nil
}

// Retries is how often a transaction had to begin again since Open.
func (s *Store) Retries() int64 { return s.retries.Load() }

// querier is what a pool and a connection have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Get implements store.Reader.
func (s *Store) Get(ctx context.Context, key string) (store.Item, error) {
	if s.ctx.Err() != nil {
		return store.Item{}, store.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	item, err := get(ctx, s.pool, key)
	return item, s.wrap(err)
}

// List implements store.Reader.
func (s *Store) List(ctx context.Context, r store.Range) ([]store.Item, error) {
	if s.ctx.Err() != nil {
		return nil, store.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, patience) // may be the whole store
	defer cancel()
	items, err := list(ctx, s.pool, r)
	return items, s.wrap(err)
}

// Revision implements store.Store.
func (s *Store) Revision(ctx context.Context) (rev int64, err error) {
	if s.ctx != nil && s.ctx.Err() != nil {
		return 0, store.ErrClosed
	}
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	err = s.pool.QueryRow(ctx, `SELECT rev FROM head`).Scan(&rev)
	return rev, s.wrap(err)
}

func get(ctx context.Context, q querier, key string) (store.Item, error) {
	item := store.Item{Key: key}
	err := q.QueryRow(ctx, `SELECT value, rev FROM record WHERE key = $1`, []byte(key)).Scan(&item.Value, &item.Rev)
	if errors.Is(err, pgx.ErrNoRows) {
		return store.Item{}, store.ErrNotFound
	}
	if err != nil {
		return store.Item{}, err
	}
	return item, nil
}

func list(ctx context.Context, q querier, r store.Range) ([]store.Item, error) {
	sql := `SELECT key, value, rev FROM record WHERE key >= $1 AND key > $2 AND ($3::bytea IS NULL OR key < $3) ORDER BY key LIMIT $4`
	after := []byte(r.After)
	if r.After == "" { // no key is below any, the empty one included
		sql = `SELECT key, value, rev FROM record WHERE key >= $1 AND $2::bytea = '' AND ($3::bytea IS NULL OR key < $3) ORDER BY key LIMIT $4`
	}
	var max any // NULL means all
	if r.Limit > 0 {
		max = r.Limit
	}
	rows, err := q.Query(ctx, sql, []byte(r.Prefix), after, afterPrefix(r.Prefix), max)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (item store.Item, err error) {
		var key []byte
		err = row.Scan(&key, &item.Value, &item.Rev)
		item.Key = string(key)
		return item, err
	})
}

// afterPrefix returns the least key above all keys that begin with p, or nil
// when there is none.
func afterPrefix(p string) []byte {
	b := []byte(p)
	for len(b) > 0 && b[len(b)-1] == 0xff {
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return nil
	}
	b = slices.Clone(b)
	b[len(b)-1]++
	return b
}

// wrap makes PostgreSQL's errors the store's.
func (s *Store) wrap(err error) error {
	pg, isPg := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil, errors.Is(err, store.ErrNotFound):
		return err
	case s.ctx != nil && s.ctx.Err() != nil:
		return store.ErrClosed
	case isPg && pg.Code == "53100": // disk_full
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return fmt.Errorf("store: postgres: %w", err)
}
