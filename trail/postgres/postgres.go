// Package postgres is the trail on PostgreSQL, for several nodes on one
// database.
//
// Events lie in a table with a partition for each day, and beside it a table of
// postings: for every attribute of an event a hash of account, Region, attribute
// and value, with the event's place. One index on (hash, time, number) thus
// answers every query, newest first, and values of any length and bytes can be
// looked up. A day's partitions are made ahead of time or when the first event
// of the day comes, and dropped when the day is past its time.
//
// Concurrent Appends share a statement, which is a transaction, so that they
// share a commit. The place of an event is chosen by the node before it is sent:
// a statement whose outcome is not known, because the connection broke, is sent
// again and does nothing the second time.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"bartizan.dev/trail"
)

// Options are how a trail is kept. The zero value is right for most.
type Options struct {
	// Schema holds our tables; it is made if the user may do so. "" means
	// bartizan.
	Schema string
	// SyncLater acknowledges an event before the database has synced it: faster,
	// and a crash of the database, though not of this program, may lose what came
	// in its last second.
	// https://www.postgresql.org/docs/current/wal-async-commit.html
	SyncLater bool
	// Keep is how long events are kept, 0 means 90 days as in CloudTrail's event
	// history. Whole days are dropped.
	Keep time.Duration
	// Now tells the time for Keep. nil means the machine's.
	Now func() time.Time
	Log *slog.Logger // nil means slog.Default()
}

// Trail is a connected trail. It implements trail.Trail.
type Trail struct {
	pool *pgxpool.Pool
	opt  Options
	seed []byte // of the hashes; the same for all nodes
	born time.Time

	lastGood atomic.Int64  // when the database last took something, since born; 0: it does not
	probing  chan struct{} // holds one while somebody asks the database

	queue   chan *request
	ctx     context.Context // ends with Close
	stop    context.CancelFunc
	workers sync.WaitGroup

	mu   sync.Mutex
	seq  uint64 // next place to give
	last uint64 // end of our block of places
	days map[int64]bool
}

const (
	writers = 2       // statements under way at once
	block   = 1 << 24 // places that a node reserves at a time
)

// Open connects to the database and brings our tables up to date.
func Open(ctx context.Context, dsn string, opt Options) (*Trail, error) {
	if opt.Schema == "" {
		opt.Schema = "bartizan"
	}
	if opt.Keep == 0 {
		opt.Keep = 90 * 24 * time.Hour
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("trail: the PostgreSQL connection string is not valid") // it may hold a password
	}
	params := config.ConnConfig.RuntimeParams
	params["application_name"] = "bartizan trail"
	params["search_path"] = pgx.Identifier{opt.Schema}.Sanitize()
	params["lock_timeout"] = "5s"
	params["statement_timeout"] = "30s"
	commit := `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`
	if opt.SyncLater {
		commit = `SET synchronous_commit = off`
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, commit)
		return err
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 3 * time.Second
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("trail: %w", err)
	}
	t := &Trail{pool: pool, opt: opt, born: time.Now(), queue: make(chan *request), probing: make(chan struct{}, 1), days: map[int64]bool{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	if err := t.prepare(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("trail: preparing the PostgreSQL database: %w", err)
	}
	t.good()
	for range writers {
		t.workers.Go(t.write)
	}
	t.workers.Go(t.keep)
	return t, nil
}

// steps lead from an empty schema to ours. A step that was released is never
// changed; a change is another step.
var steps = []string{`
CREATE TABLE event (
	at    bigint NOT NULL, -- nanoseconds since 1970
	seq   bigint NOT NULL, -- place among the events of one time
	attrs bytea  NOT NULL, -- what an event is looked up by, see encode
	json  bytea  NOT NULL, -- the CloudTrail record
	PRIMARY KEY (at, seq)
) PARTITION BY RANGE (at);
CREATE TABLE posting (
	key bigint NOT NULL,
	at  bigint NOT NULL,
	seq bigint NOT NULL,
	PRIMARY KEY (key, at, seq)
) PARTITION BY RANGE (at);
CREATE SEQUENCE event_block;
CREATE TABLE trail_meta (seed bytea NOT NULL);
-- Written to and rolled back, to learn whether there is room.
CREATE TABLE trail_probe (b bytea);
ALTER TABLE trail_probe ALTER b SET STORAGE EXTERNAL;
`}

// prepareLock is the key of the advisory lock for changes of the tables:
// "bztrail " in ASCII.
const prepareLock = 0x627a747261696c20

// prepare makes the schema, brings it up to date, and makes the next days'
// partitions. One node does it at a time.
func (t *Trail) prepare(ctx context.Context) error {
	return t.locked(ctx, func(tx pgx.Tx) error {
		var exists bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, t.opt.Schema).Scan(&exists); err != nil {
			return err
		}
		if !exists {
			if _, err := tx.Exec(ctx, `CREATE SCHEMA `+pgx.Identifier{t.opt.Schema}.Sanitize()); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS trail_version (version int PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())`); err != nil {
			return err
		}
		var version int
		if err := tx.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM trail_version`).Scan(&version); err != nil {
			return err
		}
		if version > len(steps) {
			return fmt.Errorf("the trail in schema %q is of version %d, this program knows version %d: run the newer program", t.opt.Schema, version, len(steps))
		}
		for i := version; i < len(steps); i++ {
			if _, err := tx.Exec(ctx, steps[i]); err != nil {
				return fmt.Errorf("step %d: %w", i+1, err)
			}
			if _, err := tx.Exec(ctx, `INSERT INTO trail_version (version) VALUES ($1)`, i+1); err != nil {
				return err
			}
		}
		if err := t.readSeed(ctx, tx); err != nil {
			return err
		}
		today := dayOf(t.opt.Now().UnixNano())
		return t.makeDays(ctx, tx, today-1, today, today+1, today+2)
	})
}

func (t *Trail) readSeed(ctx context.Context, tx pgx.Tx) error {
	seed := make([]byte, 16)
	rand.Read(seed)
	if _, err := tx.Exec(ctx, `INSERT INTO trail_meta (seed) SELECT $1 WHERE NOT EXISTS (SELECT FROM trail_meta)`, seed); err != nil {
		return err
	}
	return tx.QueryRow(ctx, `SELECT seed FROM trail_meta`).Scan(&t.seed)
}

// locked runs fn in a transaction while no other node changes the tables.
func (t *Trail) locked(ctx context.Context, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SET LOCAL lock_timeout = '60s'; SET LOCAL client_min_messages = warning`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended($1, $2))`, t.opt.Schema, int64(prepareLock)); err != nil {
			return err
		}
		return fn(tx)
	})
}

// Close waits for the Appends under way and disconnects.
func (t *Trail) Close() error {
	t.stop()
	t.workers.Wait()
	t.pool.Close()
	return nil
}

// good notes that the database has just answered as it should.
func (t *Trail) good() { t.lastGood.Store(max(1, int64(time.Since(t.born)))) }

// Admit implements trail.Trail. When the database has not been heard of for a
// second it is asked, and when it has refused events, whether it has room. That
// takes two seconds at most, also when the database does not answer.
func (t *Trail) Admit(ctx context.Context) error {
	if t.ctx.Err() != nil {
		return trail.ErrClosed
	}
	if t.heard() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	select {
	case t.probing <- struct{}{}:
		defer func() { <-t.probing }()
	case <-ctx.Done():
		return wrap(ctx.Err())
	}
	if t.heard() {
		return nil
	}
	err := error(nil)
	if t.lastGood.Load() != 0 {
		_, err = t.pool.Exec(ctx, `SELECT 1`)
	} else {
		err = t.probe(ctx)
	}
	if err != nil {
		return wrap(err)
	}
	t.good()
	return nil
}

func (t *Trail) heard() bool {
	last := t.lastGood.Load()
	return last != 0 && time.Since(t.born)-time.Duration(last) < time.Second
}

// probe writes a megabyte where no events are and takes it back.
func (t *Trail) probe(ctx context.Context) error {
	tx, err := t.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	if _, err := tx.Exec(ctx, `TRUNCATE trail_probe`); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO trail_probe (b) VALUES ($1)`, make([]byte, 1<<20))
	return err
}

// wrap makes PostgreSQL's errors the trail's.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "53100" { // disk_full
		return fmt.Errorf("%w: %w", trail.ErrFull, err)
	}
	return fmt.Errorf("trail: postgres: %w", err)
}
