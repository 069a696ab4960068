package store

import (
	"context"
	"slices"
	"sync"
)

// A Log is the change log of an engine with one node: the newest changes in
// memory, handed to the watchers as they are committed.
type Log struct {
	mu       sync.Mutex
	changes  []Change // oldest first
	cut      int64    // everything up to this revision has left the log
	rev      int64
	watchers []func([]Change)
}

// maxLog is how many changes a Log remembers, at least.
const maxLog = 1 << 14

// NewLog returns a log that begins after revision rev.
func NewLog(rev int64) *Log { return &Log{cut: rev, rev: rev} }

// Append adds the changes of one commit and hands them to the watchers.
func (l *Log) Append(rev int64, changes []Change) {
	l.mu.Lock()
	l.rev = rev
	l.changes = append(l.changes, changes...)
	if len(l.changes) > 2*maxLog {
		l.cut = l.changes[maxLog-1].Rev
		n := maxLog
		for n < len(l.changes) && l.changes[n].Rev == l.cut {
			n++
		}
		l.changes = slices.Clone(l.changes[n:])
	}
	watchers := l.watchers
	l.mu.Unlock()
	if len(changes) == 0 {
		return
	}
	for _, w := range watchers {
		w(changes)
	}
}

// Rev is the newest revision.
func (l *Log) Rev() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rev
}

// Since implements Store.Changes.
func (l *Log) Since(rev int64, limit int) ([]Change, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if rev < l.cut {
		return nil, ErrNotFound
	}
	i, _ := slices.BinarySearchFunc(l.changes, rev+1, func(c Change, r int64) int { return int(c.Rev - r) })
	for i > 0 && l.changes[i-1].Rev > rev {
		i--
	}
	end := min(i+max(limit, 1), len(l.changes))
	for end > i && end < len(l.changes) && l.changes[end].Rev == l.changes[end-1].Rev {
		end++ // never half a commit
	}
	return slices.Clone(l.changes[i:end]), nil
}

// Watch implements Store.Watch.
func (l *Log) Watch(ctx context.Context, fn func([]Change)) error {
	l.mu.Lock()
	l.watchers = append(slices.Clone(l.watchers), fn)
	n := len(l.watchers) - 1
	l.mu.Unlock()
	context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.watchers = slices.Clone(l.watchers)
		l.watchers[n] = func([]Change) {}
	})
	return nil
}
