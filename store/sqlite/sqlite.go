// Package sqlite is the embedded store: one SQLite file in WAL mode.
//
// # Group commit
//
// A commit is durable when the disk says so, and that takes longer than all the
// rest. So transactions do not commit one by one. Each runs on its caller's own
// goroutine, one at a time, and keeps its writes in memory, on top of those of
// the transactions before it (store.Batch). What has gathered while the last
// commit was being synced becomes the next: one SQLite transaction, one fsync.
// An Update returns when the commit that holds its writes is on the disk.
//
// A function that fails or panics leaves nothing behind, because nothing of it
// has reached SQLite. If a commit fails, all its updates fail, and those that
// have read what it was to write run again.
//
// # Files
//
// Beside the database lie its write-ahead log (-wal), the index of that (-shm),
// and a lock (.lock) which keeps a second process out: SQLite would let it in,
// but its changes would not reach the caches of the first.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"bartizan.dev/store"
)

// readers is how many connections read at the same time.
const readers = 4

// Page caches in KiB: at most 8 MiB in all, and no more however large the
// database.
const (
	writerCache = 3072
	readerCache = 1024
)

// Store is an open database. It implements store.Store.
type Store struct {
	path string
	lock *os.File
	log  *store.Log

	pool   chan *conn // of readers
	reads  *conn      // reads of transactions, used by the holder of the turn
	writer *conn      // used by the committer

	turn   chan struct{} // held by whoever runs a transaction or changes what follows
	open   *group        // gathers transactions
	behind *group        // being committed, or nil
	next   int64         // revision of the newest transaction that has run
	broken error         // set when the disk has lost a commit: no more writes

	coming  atomic.Int64  // transactions that wait for the turn or have it
	urgent  atomic.Bool   // enough have gathered
	wake    chan struct{} // look what has gathered
	closing chan struct{}
	stopped chan struct{} // the committer has
	closed  atomic.Bool
}

var _ store.Store = (*Store)(nil)

// Open opens or creates the database at path.
func Open(ctx context.Context, path string) (*Store, error) {
	return open(ctx, path, migrations)
}

func open(ctx context.Context, path string, migrations []string) (_ *Store, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &Store{
		path: path, pool: make(chan *conn, readers), turn: make(chan struct{}, 1), wake: make(chan struct{}, 1),
		closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.release())
		}
	}()
	if err := prepareFile(path); err != nil {
		return nil, err
	}
	if s.lock, err = lockFile(path); err != nil {
		return nil, err
	}
	if s.writer, err = dial(path, writerCache); err != nil {
		return nil, err
	}
	if err := s.migrate(migrations); err != nil {
		return nil, err
	}
	if s.reads, err = dial(path, readerCache); err != nil {
		return nil, err
	}
	for range readers {
		c, err := dial(path, readerCache)
		if err != nil {
			return nil, err
		}
		s.pool <- c
		if err := c.prepare(); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(s.writer.prepare(), s.reads.prepare()); err != nil {
		return nil, err
	}
	rev, err := s.writer.value(`SELECT value FROM meta WHERE name = 'rev'`)
	if err != nil {
		return nil, err
	}
	s.next = rev.(int64)
	s.log = store.NewLog(s.next)
	s.open = newGroup(tip{s})
	go s.committer()
	return s, nil
}

// prepareFile makes the folder and the file for their owner alone. SQLite gives
// its other files the permissions of the database.
func prepareFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("store: %s can be read or written by others (mode %04o): run chmod 600 on it, after making sure that nobody has", path, info.Mode().Perm())
	}
	return nil
}

// reader lends a connection to fn.
func (s *Store) reader(ctx context.Context, fn func(*conn) error) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c := <-s.pool:
		defer func() { s.pool <- c }()
		return fn(c)
	case <-s.closing:
		return store.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Get implements store.Reader.
func (s *Store) Get(ctx context.Context, key string) (item store.Item, err error) {
	err = s.reader(ctx, func(c *conn) error {
		item, err = c.get(key)
		return err
	})
	return item, err
}

// List implements store.Reader.
func (s *Store) List(ctx context.Context, r store.Range) (items []store.Item, err error) {
	err = s.reader(ctx, func(c *conn) error {
		items, err = c.list(r)
		return err
	})
	return items, err
}

// Changes implements store.Store. The log begins with the process.
func (s *Store) Changes(ctx context.Context, rev int64, limit int) ([]store.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.log.Since(rev, limit)
}

// Revision implements store.Store.
func (s *Store) Revision(ctx context.Context) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return s.log.Rev()
}

// Watch implements store.Store.
func (s *Store) Watch(ctx context.Context, fn func([]store.Change), _ func()) error {
	return s.log.Watch(ctx, fn)
}

// Fresh implements store.Store. Watchers are told before Update returns, so
// there is nothing to catch up with.
func (s *Store) Fresh(context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	return nil
}

// Close waits for the reads and writes under way, and writes the log back into
// the database.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	already := s.closed.Swap(true)
	<-s.turn
	if already {
		<-s.stopped
		return nil
	}
	close(s.closing)
	<-s.stopped
	s.log.Close()
	var errs []error
	for range readers { // wait for those that are lent
		errs = append(errs, (<-s.pool).close())
	}
	return errors.Join(append(errs, s.release())...)
}

// release closes what Open has opened so far.
func (s *Store) release() error {
	var errs []error
	for range readers {
		select {
		case c := <-s.pool:
			errs = append(errs, c.close())
		default:
		}
	}
	if s.reads != nil {
		errs = append(errs, s.reads.close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
