package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"bartizan.dev/store"
)

func commit(l *store.Log, rev int64, keys int) {
	var changes []store.Change
	for i := range keys {
		changes = append(changes, store.Change{Rev: rev, Key: fmt.Sprint(i)})
	}
	l.Append(rev, changes)
}

// TestLogCut: the log forgets whole commits, and says so to those who come too
// late.
func TestLogCut(t *testing.T) {
	const begin, commits, each = 100, 20_000, 3
	l := store.NewLog(begin)
	if _, err := l.Since(begin-1, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Since before the beginning: %v", err)
	}
	for i := range int64(commits) {
		commit(l, begin+1+i, each)
	}
	last, err := l.Rev()
	if err != nil || last != begin+commits {
		t.Fatalf("Rev: %d, %v", last, err)
	}
	for _, back := range []int64{1, 100, 1 << 14 / each} { // what must be remembered
		page, err := l.Since(last-back, 1<<20)
		if err != nil || len(page) != int(back)*each || page[0].Rev != last-back+1 {
			t.Errorf("%d commits back: %d changes, %v", back, len(page), err)
		}
	}
	if _, err := l.Since(begin, 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Since the beginning: %v", err)
	}
	// Whoever follows by pages gets every change once.
	n, rev := 0, last-1000
	for {
		page, err := l.Since(rev, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if len(page) != 6 || page[0].Rev != rev+1 {
			t.Fatalf("after %d: %v", rev, page)
		}
		n += len(page)
		rev = page[len(page)-1].Rev
	}
	if n != 1000*each {
		t.Errorf("%d changes by pages", n)
	}
	commit(l, last+1, 40_000) // larger than all the log
	commit(l, last+2, 1)
	if page, err := l.Since(last+1, 10); err != nil || len(page) != 1 {
		t.Errorf("after a huge commit: %d changes, %v", len(page), err)
	}
}

// TestLogWatchEnds: a watcher that has ended is let go, and others do not notice.
func TestLogWatchEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := store.NewLog(0)
		var calls [3]int
		var stop [3]context.CancelFunc
		for i := range calls {
			var ctx context.Context
			ctx, stop[i] = context.WithCancel(t.Context())
			if err := l.Watch(ctx, func([]store.Change) { calls[i]++ }); err != nil {
				t.Fatal(err)
			}
		}
		for i, order := range []int{1, 0, 2} {
			commit(l, int64(2*i+1), 1)
			stop[order]()
			commit(l, int64(2*i+2), 1) // before the end has been tidied up
			synctest.Wait()
		}
		commit(l, 7, 1)
		if calls != [3]int{3, 1, 5} {
			t.Errorf("calls: %v", calls)
		}
		l.Close()
		if err := l.Watch(t.Context(), nil); !errors.Is(err, store.ErrClosed) {
			t.Errorf("Watch after Close: %v", err)
		}
	})
}
