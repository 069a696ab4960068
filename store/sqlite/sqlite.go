// Package sqlite is the embedded store: one SQLite file in WAL mode, written by
// one goroutine that lets concurrent transactions share an fsync.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"bartizan.dev/store"
)

// readers is how many connections read at the same time.
const readers = 4

const (
	getSQL  = `SELECT value, rev FROM record WHERE key = ?`
	listSQL = `SELECT key, value, rev FROM record WHERE key >= ?1 AND (?2 OR key > ?3) AND (?4 IS NULL OR key < ?4) ORDER BY key LIMIT ?5`
)

// Store is an open database.
type Store struct {
	db     *sql.DB // readers
	writer *sql.DB // the one writing connection
	lock   *os.File
	log    *store.Log
	get    *sql.Stmt
	list   *sql.Stmt

	mu       sync.RWMutex // guards requests against Close
	requests chan *request
	done     chan struct{}
	closed   bool
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the database at path. Only one process may have it
// open.
func Open(ctx context.Context, path string) (_ *Store, err error) {
	s := &Store{requests: make(chan *request, 256), done: make(chan struct{})}
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	if s.lock, err = lockFile(path + ".lock"); err != nil {
		return nil, err
	}
	if err := touch(path); err != nil {
		return nil, err
	}
	if s.writer, err = open(path, 1); err != nil {
		return nil, err
	}
	if err := migrate(ctx, s.writer, path); err != nil {
		return nil, err
	}
	if s.db, err = open(path, readers); err != nil {
		return nil, err
	}
	if s.get, err = s.db.PrepareContext(ctx, getSQL); err != nil {
		return nil, err
	}
	if s.list, err = s.db.PrepareContext(ctx, listSQL); err != nil {
		return nil, err
	}
	var rev int64
	if err := s.writer.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'rev'`).Scan(&rev); err != nil {
		return nil, err
	}
	s.log = store.NewLog(rev)
	w, err := newWriter(ctx, s, rev)
	if err != nil {
		return nil, err
	}
	go w.run()
	return s, nil
}

func open(path string, conns int) (*sql.DB, error) {
	q := url.Values{"_txlock": {"immediate"}}
	for _, pragma := range []string{
		"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "cache_size(-4096)",
		"wal_autocheckpoint(4000)", "temp_store(MEMORY)", "trusted_schema(OFF)", "cell_size_check(ON)",
	} {
		q.Add("_pragma", pragma)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("store: opening %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// touch creates the file with permissions for its owner alone; SQLite gives its
// other files the same.
func touch(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (s *Store) Get(ctx context.Context, key string) (store.Item, error) {
	if err := ctx.Err(); err != nil {
		return store.Item{}, err
	}
	return scanGet(s.get, key)
}

func (s *Store) List(ctx context.Context, r store.Range) ([]store.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return scanList(s.list, r)
}

// The queries below run without the caller's context: a query is short, and
// watching a context costs more than the query.

func scanGet(stmt *sql.Stmt, key string) (store.Item, error) {
	item := store.Item{Key: key}
	err := stmt.QueryRow([]byte(key)).Scan(&item.Value, &item.Rev)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Item{}, store.ErrNotFound
	}
	return item, mapped(err)
}

func scanList(stmt *sql.Stmt, r store.Range) (_ []store.Item, err error) {
	limit := -1
	if r.Limit > 0 {
		limit = r.Limit
	}
	from, inclusive := r.After, false
	if from < r.Prefix || from == "" {
		from, inclusive = r.Prefix, true
	}
	rows, err := stmt.Query([]byte(from), inclusive, []byte(from), upper(r.Prefix), limit)
	if err != nil {
		return nil, mapped(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []store.Item
	for rows.Next() {
		var item store.Item
		var key []byte
		if err := rows.Scan(&key, &item.Value, &item.Rev); err != nil {
			return nil, mapped(err)
		}
		item.Key = string(key)
		out = append(out, item)
	}
	return out, mapped(rows.Err())
}

// upper returns the least key above every key with the prefix, or nil when
// there is none.
func upper(prefix string) []byte {
	b := []byte(prefix)
	for len(b) > 0 && b[len(b)-1] == 0xff {
		b = b[:len(b)-1]
	}
	if len(b) == 0 {
		return nil
	}
	b[len(b)-1]++
	return b
}

func (s *Store) Changes(ctx context.Context, rev int64, limit int) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.log.Since(rev, limit)
}

func (s *Store) Revision(ctx context.Context) (int64, error) { return s.log.Rev(), ctx.Err() }

func (s *Store) Watch(ctx context.Context, fn func([]store.Change), _ func()) error {
	return s.log.Watch(ctx, fn)
}

// Fresh has nothing to do: watchers are told before Update returns.
func (s *Store) Fresh(context.Context) error { return nil }

// Close waits for the writes under way.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.requests)
	s.mu.Unlock()
	<-s.done
	return s.release()
}

func (s *Store) release() error {
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}

// mapped turns SQLite's errors into the store's.
func mapped(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
			return fmt.Errorf("%w: %w", store.ErrFull, err)
		}
	}
	if strings.Contains(err.Error(), "database is closed") {
		return store.ErrClosed
	}
	return fmt.Errorf("store: sqlite: %w", err)
}
