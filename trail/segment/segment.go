// Package segment is the trail on one node: append-only files.
//
// A segment file holds records one after the other. Append makes one write(2)
// and returns, so what it acknowledged survives the death of the process; a
// ticker syncs to disk, or every Append does when SyncAlways is set. The newest
// segment is indexed in memory. When it is full its index goes to a file beside
// it, which lookups read in place, so memory does not grow with the trail and
// a start reads no more than the newest segment.
//
//	trail/LOCK            held with flock by the process that has the trail open
//	trail/0000000007.seg  a segment
//	trail/0000000007.idx  its index, once it is sealed
//	trail/0000000007.torn what a crash left behind the last whole record, if anything
//
// Events come back by time, newest first, and events of one time in the reverse
// order of their arrival.
package segment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bartizan.dev/trail"
)

// Options are how a trail is kept. The zero value is right for most.
type Options struct {
	// SyncEvery is how long an event may wait to be on disk for good. 0 means
	// 100 ms.
	SyncEvery time.Duration
	// SyncAlways makes Append wait for the disk; concurrent calls share a sync.
	SyncAlways bool
	// SegmentBytes is the size at which a segment is sealed: 0 means 64 MiB, at
	// most 1 GiB. A segment is also sealed after a day's events.
	SegmentBytes int64
	// Keep is how long events are kept, 0 means 90 days as in CloudTrail's event
	// history. Whole segments are removed, so events may stay up to a day longer.
	// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html
	Keep time.Duration
	// MinFree is the room on the disk, in bytes, below which Admit refuses. It
	// must hold the events of the calls that are under way. 0 means 64 MiB.
	MinFree uint64
	// Now tells the time for Keep. nil means the machine's.
	Now func() time.Time
	Log *slog.Logger // nil means slog.Default()
}

// Trail is an open trail. It implements trail.Trail.
type Trail struct {
	dir  string
	opt  Options
	seed uint64
	lock *os.File
	pool sync.Pool // *buffer

	write func(f *os.File, b []byte, off int64) (int, error) // (*os.File).WriteAt; tests inject errors
	free  func(dir string) (uint64, error)                   // freeBytes; likewise

	full      atomic.Bool
	lastCheck atomic.Int64 // of the room on the disk, nanoseconds since born
	born      time.Time

	mu      sync.Mutex
	room    sync.Cond  // signalled when a segment has been sealed
	list    []*segment // by number; replaced, never changed; the last one is open
	file    *os.File   // of the open segment
	size    int64      // of it
	first   int64      // time of its first event, nanoseconds
	newest  int64      // latest time of all, nanoseconds
	written uint64     // bytes appended since the start
	dirty   bool       // something was appended since the last sync began
	newDir  bool       // a file was made since the last sync began
	closed  bool
	sealErr error // why no index file can be written just now
	broken  error // set once the disk has failed us; nothing is appended after

	syncMu sync.Mutex
	synced uint64 // like written, on disk

	syncKick, sealKick chan struct{} // there is something to do
	stop               chan struct{}
	keepers            sync.WaitGroup
}

// segment is one file, still growing or waiting for its index when memory is
// set, else sealed. It does not change: another one takes its place in the list.
type segment struct {
	no     uint32
	memory *memory
	size   int64 // of the file, when it no longer grows
	file   *os.File
	index  indexHeader
}

// Open opens the trail in dir, which is made with mode 0700 if it is missing.
func Open(dir string, opt Options) (*Trail, error) {
	opt.SyncEvery = orDefault(opt.SyncEvery, 100*time.Millisecond)
	opt.SegmentBytes = min(orDefault(opt.SegmentBytes, 64<<20), 1<<30)
	opt.Keep = orDefault(opt.Keep, 90*24*time.Hour)
	opt.MinFree = orDefault(opt.MinFree, 64<<20)
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("trail: %w", err)
	}
	lock, err := lockDir(filepath.Join(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("trail: %s is in use by another process: %w", dir, err)
	}
	t := &Trail{
		dir: dir, opt: opt, lock: lock,
		write: (*os.File).WriteAt, free: freeBytes, born: time.Now(),
		syncKick: make(chan struct{}, 1), sealKick: make(chan struct{}, 1), stop: make(chan struct{}),
	}
	t.room.L = &t.mu
	t.pool.New = func() any { return new(buffer) }
	if err := t.recover(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("trail: opening %s: %w", dir, err)
	}
	t.checkRoom()
	t.keepers.Go(t.keepSynced)
	t.keepers.Go(t.keepSealed)
	return t, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// Admit implements trail.Trail.
func (t *Trail) Admit(context.Context) error {
	now := int64(time.Since(t.born))
	if last := t.lastCheck.Load(); now-last > int64(time.Second) && t.lastCheck.CompareAndSwap(last, now) {
		t.checkRoom()
	}
	if t.full.Load() {
		return t.refusal()
	}
	return nil
}

// checkRoom compares the room on the disk with MinFree.
func (t *Trail) checkRoom() {
	n, err := t.free(t.dir)
	if err != nil {
		t.opt.Log.Error("trail: cannot tell the room on the disk", "dir", t.dir, "error", err)
		return // an Append will tell
	}
	t.setFull(n < t.opt.MinFree)
}

func (t *Trail) setFull(full bool) {
	t.mu.Lock()
	full = full || t.closed || t.broken != nil
	t.mu.Unlock()
	if t.full.Swap(full) != full {
		if full {
			t.opt.Log.Error("trail: cannot take events, calls are refused", "reason", t.refusal())
		} else {
			t.opt.Log.Info("trail: takes events again")
		}
	}
}

// refusal says why events are not taken.
func (t *Trail) refusal() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return trail.ErrClosed
	case t.broken != nil:
		return t.broken
	}
	return trail.ErrFull
}

// Close syncs what was appended and frees the directory.
func (t *Trail) Close() error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	t.full.Store(true)
	t.room.Broadcast()
	t.mu.Unlock()
	close(t.stop)
	t.keepers.Wait()
	err := t.sync()
	for _, s := range t.list {
		if s.file != nil {
			err = errors.Join(err, s.file.Close())
		}
	}
	return errors.Join(err, t.lock.Close())
}

// replace swaps the segment numbered s.no for s. The lock is held.
func (t *Trail) replace(s *segment) {
	list := slices.Clone(t.list)
	for i := range list {
		if list[i].no == s.no {
			list[i] = s
		}
	}
	t.list = list
}
