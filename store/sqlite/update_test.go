package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"modernc.org/sqlite"

	"bartizan.dev/store"
)

// fullAt makes SQLite itself say that there is no room, whatever the disk.
func fullAt(t *testing.T, s *Store, pages int) {
	t.Helper()
	if err := s.writer.script(fmt.Sprintf("PRAGMA max_page_count = %d", pages)); err != nil {
		t.Fatal(err)
	}
}

func TestFull(t *testing.T) {
	s := tempStore(t)
	fullAt(t, s, 50)
	acknowledged := 0
	var err error
	for ; err == nil && acknowledged < 10_000; acknowledged++ {
		_, err = s.Update(t.Context(), func(tx store.Tx) error {
			return tx.Put(t.Context(), recordKey(acknowledged), record)
		})
	}
	acknowledged--
	if !errors.Is(err, store.ErrFull) || acknowledged < 50 {
		t.Fatalf("after %d writes: %v; want ErrFull", acknowledged, err)
	}
	before, err := s.Revision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range acknowledged {
		wantValue(t, s, recordKey(i), string(record))
	}
	if _, err := s.Get(t.Context(), recordKey(acknowledged)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the refused write is there: %v", err)
	}
	// Room again: everything goes on.
	fullAt(t, s, 1<<20)
	if rev := mustPut(t, s, "more", "1"); rev != before+1 {
		t.Errorf("revision %d after %d", rev, before)
	}
	if found, err := s.writer.value("PRAGMA integrity_check"); found != "ok" || err != nil {
		t.Errorf("integrity_check: %v, %v", found, err)
	}
}

// TestFailedGroup has a commit fail while others have read what it was to write:
// they must run again on what is really there.
func TestFailedGroup(t *testing.T) {
	s := tempStore(t)
	mustPut(t, s, "n", "0")
	fullAt(t, s, 8)
	big := make([]byte, 100_000)
	s.turn <- struct{}{} // keeps the others back until all are in line

	var all sync.WaitGroup
	errs := make(chan error, 40)
	for i := range 40 {
		all.Go(func() {
			_, err := s.Update(t.Context(), func(tx store.Tx) error {
				if i%4 == 0 {
					return tx.Put(t.Context(), "big", big)
				}
				item, err := tx.Get(t.Context(), "n")
				if err != nil {
					return err
				}
				if _, err := tx.Get(t.Context(), "big"); err == nil && i%4 == 3 {
					return errors.New("acts on what was never committed")
				}
				var n int
				fmt.Sscan(string(item.Value), &n)
				if i%4 == 3 {
					return nil
				}
				return tx.Put(t.Context(), "n", fmt.Append(nil, n+1))
			})
			if err == nil && i%4 < 3 && i%4 > 0 {
				errs <- nil
			} else if err != nil && !errors.Is(err, store.ErrFull) {
				t.Errorf("Update: %v", err)
			} else if err == nil && i%4 == 0 {
				t.Error("a write without room succeeded")
			}
		})
	}
	<-s.turn
	all.Wait()
	wantValue(t, s, "n", fmt.Sprint(len(errs))) // as many as were told so
	if _, err := s.Get(t.Context(), "big"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("big: %v", err)
	}
	fullAt(t, s, 1<<20)
	mustPut(t, s, "n", "x")
}

// TestGroup shows that updates that wait share a commit, by the one thing that
// tells: how many SQLite transactions there were.
func TestGroup(t *testing.T) {
	s := tempStore(t)
	commits := 0
	s.writer.conn.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { commits++; return 0 })
	s.turn <- struct{}{}
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() { mustPut(t, s, fmt.Sprint(i), "1") })
	}
	for s.coming.Load() < 50 { // nobody can be done yet
		runtime.Gosched()
	}
	<-s.turn
	all.Wait()
	if commits > 3 { // one, unless the committer was very quick
		t.Errorf("50 updates that waited took %d commits", commits)
	}
}

func TestWaitsEndWithContext(t *testing.T) {
	s := tempStore(t)
	s.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := s.Update(ctx, func(store.Tx) error { return errors.New("ran") })
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Update that waits for its turn: %v", err)
	}
	<-s.turn
	mustPut(t, s, "a", "1")
}

// TestManyBytes lets more gather than a group may hold.
func TestManyBytes(t *testing.T) {
	s := tempStore(t)
	s.turn <- struct{}{}
	var all sync.WaitGroup
	value := make([]byte, store.MaxValue)
	for i := range 12 {
		all.Go(func() {
			_, err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put(t.Context(), fmt.Sprint(i), value) })
			if err != nil {
				t.Error(err)
			}
		})
	}
	<-s.turn
	all.Wait()
	items, err := s.List(t.Context(), store.Range{})
	if err != nil || len(items) != 12 {
		t.Errorf("%d records, %v", len(items), err)
	}
}
