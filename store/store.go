// Package store is what Bartizan asks of a database: ordered keys, values
// sealed before the engine sees them, serialisable transactions, and a log of
// what changed. Engines live in store/<engine>; store/storetest is the one
// exerciser all of them pass.
package store

import (
	"context"
	"errors"
)

var (
	// ErrNotFound is returned by Get for a key that has no value.
	ErrNotFound = errors.New("store: not found")
	// ErrConflict is returned by PutIf when the key has another revision.
	ErrConflict = errors.New("store: the record has changed")
	// ErrFull is returned for a write when the disk has no room. Reads go on.
	ErrFull = errors.New("store: no space left")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("store: closed")
	// ErrTooLarge is returned for a key above MaxKey or a value above MaxValue.
	ErrTooLarge = errors.New("store: key or value too large")
)

const (
	MaxKey   = 1 << 10 // bytes
	MaxValue = 4 << 20 // bytes, of which Seal takes SealOverhead
)

// Item is one record. Rev is the revision of the commit that wrote it; for a
// record that the reading transaction itself wrote it is some number that PutIf
// accepts within that transaction. Value belongs to whoever got the item.
type Item struct {
	Key   string
	Value []byte
	Rev   int64
}

// Range selects keys in ascending byte order: those that begin with Prefix and
// are greater than After. Limit 0 means no limit.
type Range struct {
	Prefix string
	After  string
	Limit  int
}

// Reader reads committed records.
type Reader interface {
	// Get returns the record or ErrNotFound.
	Get(ctx context.Context, key string) (Item, error)
	// List returns the records of r in key order.
	List(ctx context.Context, r Range) ([]Item, error)
}

// Tx is a transaction. It sees its own writes. It must not be used after the
// function it was passed to has returned, nor by two goroutines.
type Tx interface {
	Reader
	// Put writes value, which must not be changed before Update has returned.
	Put(ctx context.Context, key string, value []byte) error
	// PutIf writes only if the key's revision is rev (0: the key is absent),
	// else it returns ErrConflict.
	PutIf(ctx context.Context, key string, value []byte, rev int64) error
	// Delete removes the key; a key that is absent is no error.
	Delete(ctx context.Context, key string) error
}

// Change says that a commit wrote or deleted a key.
type Change struct {
	Rev     int64
	Key     string
	Deleted bool
}

// Store is one database. All methods may be called concurrently.
type Store interface {
	Reader
	// Update runs fn in a serialisable transaction and returns the revision of
	// its commit. When it returns nil the writes are durable. fn may run more
	// than once (a conflict with another node, a group commit that is split), so
	// it must have no effect besides its writes. When fn returns an error nothing
	// is written and that error is returned unchanged. When fn writes nothing there
	// is no commit, and rev is that of a commit before. When fn panics nothing is
	// written either; the panic goes on in the caller or becomes an error. fn must
	// not call Update.
	Update(ctx context.Context, fn func(Tx) error) (rev int64, err error)
	// Changes returns what commits after revision rev did, in order, at most
	// limit changes but always whole commits. It returns ErrNotFound when the log
	// no longer reaches back to rev: the caller must forget all it knows.
	Changes(ctx context.Context, rev int64, limit int) ([]Change, error)
	// Revision returns the revision of the newest commit, of any node.
	Revision(ctx context.Context) (int64, error)
	// Watch registers fn and returns. Until ctx ends, fn is then called for changes
	// as they are committed, by this node and by others, in order and without gaps.
	// On one node a change is delivered before the Update that made it returns.
	// forget is called instead when the log was cut: everything known must be
	// forgotten. Both must be quick and must not call Update.
	Watch(ctx context.Context, fn func([]Change), forget func()) error
	// Fresh reports whether everything committed by any node more than one second
	// ago has been delivered to the watchers; if not, it catches up first. It
	// costs nothing when the answer is yes. An error means: trust no cache.
	Fresh(ctx context.Context) error
	Close() error
}
