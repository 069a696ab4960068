package store

import (
	"cmp"
	"context"
	"slices"
	"sync"
)

// A Log is the change log of an engine with one node: the newest changes in
// memory, handed to the watchers as they are committed. It begins anew with the
// process, as caches do.
type Log struct {
	mu       sync.Mutex
	changes  []Change // oldest first
	cut      int64    // everything up to this revision has left the log
	rev      int64
	closed   bool
	watchers []*watcher // replaced, not changed
}

type watcher struct {
	ctx context.Context
	fn  func([]Change)
}

// maxLog is how many changes a Log remembers, at least.
const maxLog = 1 << 14

// NewLog returns a log that begins after revision rev.
func NewLog(rev int64) *Log { return &Log{cut: rev, rev: rev} }

// Append adds the changes of one commit and hands them to the watchers. It must
// not be called by two goroutines at a time.
func (l *Log) Append(rev int64, changes []Change) {
	l.mu.Lock()
	l.rev = rev
	l.changes = append(l.changes, changes...)
	if len(l.changes) > 2*maxLog {
		n := l.whole(0, len(l.changes)-maxLog)
		l.cut = l.changes[n-1].Rev
		l.changes = slices.Clone(l.changes[n:])
	}
	watchers := l.watchers
	l.mu.Unlock()
	for _, w := range watchers {
		if w.ctx.Err() == nil {
			w.fn(changes)
		}
	}
}

// whole returns the largest end, at most max and after from, at which a commit
// ends; or the end of the first commit, when that alone is longer.
func (l *Log) whole(from, max int) int {
	ends := func(i int) bool { return i == len(l.changes) || l.changes[i].Rev != l.changes[i-1].Rev }
	end := max
	for end > from && !ends(end) {
		end--
	}
	if end > from {
		return end
	}
	for end = from + 1; !ends(end); end++ {
	}
	return end
}

// Rev is the newest revision.
func (l *Log) Rev() (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0, ErrClosed
	}
	return l.rev, nil
}

// Since implements Store.Changes.
func (l *Log) Since(rev int64, limit int) ([]Change, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, ErrClosed
	case rev < l.cut:
		return nil, ErrNotFound
	case rev >= l.rev:
		return nil, nil
	}
	i, _ := slices.BinarySearchFunc(l.changes, rev+1, func(c Change, r int64) int { return cmp.Compare(c.Rev, r) })
	if i == len(l.changes) {
		return nil, nil
	}
	return slices.Clone(l.changes[i:l.whole(i, min(i+max(limit, 1), len(l.changes)))]), nil
}

// Watch implements Store.Watch. forget is not needed: no change is ever left
// out.
func (l *Log) Watch(ctx context.Context, fn func([]Change)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	w := &watcher{ctx, fn}
	l.watchers = append(slices.Clip(l.watchers), w)
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.watchers = slices.DeleteFunc(slices.Clone(l.watchers), func(o *watcher) bool { return o == w })
	})
	return nil
}

// Close makes every later call answer ErrClosed.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.watchers = nil
}
