package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"bartizan.dev/store"
)

func changes(t *testing.T, f *fixture) {
	start, err := f.s.Revision(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	r1 := f.put("a", "1", "b", "1", "a", "2")
	r2 := f.update(func(tx store.Tx) error {
		return errors.Join(tx.Delete(f.ctx, "a"), tx.Put(f.ctx, "c", nil), tx.Put(f.ctx, "d", nil), tx.Delete(f.ctx, "d"))
	})
	r3 := f.put("b", "2")
	all := map[int64]map[string]bool{
		r1: {"a": false, "b": false}, r2: {"a": true, "c": false, "d": true}, r3: {"b": false},
	}
	check := func(rev int64, limit int, revs ...int64) {
		t.Helper()
		got, err := f.s.Changes(f.ctx, rev, limit)
		if err != nil {
			t.Errorf("Changes(%d, %d): %v", rev, limit, err)
			return
		}
		seen := map[int64]map[string]bool{}
		last := rev
		for _, c := range got {
			if c.Rev < last {
				t.Errorf("Changes(%d, %d): revision %d after %d", rev, limit, c.Rev, last)
			}
			last = c.Rev
			if seen[c.Rev] == nil {
				seen[c.Rev] = map[string]bool{}
			}
			seen[c.Rev][c.Key] = c.Deleted
		}
		want := map[int64]map[string]bool{}
		for _, r := range revs {
			want[r] = all[r]
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("Changes(%d, %d) = %v; want %v", rev, limit, seen, want)
		}
	}
	check(start, 100, r1, r2, r3)
	check(r1, 100, r2, r3)
	check(r2, 100, r3)
	check(r3, 100)
	check(start, 5, r1, r2) // 2 + 3
	check(start, 2, r1)
	check(start, 4, r1) // never half a commit
	check(start, 1, r1) // but never nothing either: the first commit comes whole
	check(r2-1, 1, r2)  // a revision in between is as good as any
	check(r3+1000, 100) // what has not happened yet
	check(start, 1000, r1, r2, r3)
}

// recorder is a watcher.
type recorder struct {
	mu      sync.Mutex
	changes []store.Change
	forgets int
}

func (r *recorder) add(c []store.Change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changes = append(r.changes, c...)
}

func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgets++
}

func (r *recorder) all() ([]store.Change, int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]store.Change{}, r.changes...), r.forgets
}

func watch(t *testing.T, f *fixture) {
	f.put("before", "1")
	var one, two recorder
	ctx, cancel := context.WithCancel(f.ctx)
	if err := errors.Join(f.s.Watch(ctx, one.add, one.forget), f.s.Watch(f.ctx, two.add, two.forget)); err != nil {
		t.Fatal(err)
	}
	rev := f.put("a", "1")
	want := []store.Change{{Rev: rev, Key: "a"}}
	for _, r := range []*recorder{&one, &two} {
		if got, _ := r.all(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("when Update returned the watcher had %v; want %v", got, want)
		}
	}
	if _, err := f.s.Update(f.ctx, func(tx store.Tx) error {
		return errors.Join(tx.Put(f.ctx, "a", nil), errors.New("no"))
	}); err == nil {
		t.Error("Update swallowed an error")
	}
	rev = f.update(func(tx store.Tx) error { return tx.Delete(f.ctx, "a") })
	want = append(want, store.Change{Rev: rev, Key: "a", Deleted: true})
	if got, _ := two.all(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("watcher has %v; want %v", got, want)
	}
	cancel()
	// The end of a watch may take a moment to arrive; another watcher must not
	// notice it. Whoever watches again misses nothing from then on.
	var three recorder
	if err := f.s.Watch(f.ctx, three.add, three.forget); err != nil {
		t.Fatal(err)
	}
	rev = f.put("b", "1")
	want = append(want, store.Change{Rev: rev, Key: "b"})
	if got, _ := two.all(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("watcher has %v; want %v", got, want)
	}
	if got, _ := three.all(); fmt.Sprint(got) != fmt.Sprint(want[2:]) {
		t.Errorf("late watcher has %v; want %v", got, want[2:])
	}
}

func watchDuringWrites(t *testing.T, f *fixture) {
	var r recorder
	start, err := f.s.Revision(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.s.Watch(f.ctx, r.add, r.forget); err != nil {
		t.Fatal(err)
	}
	const workers, rounds = 8, 40
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range rounds {
				rev, err := f.s.Update(f.ctx, func(tx store.Tx) error {
					return errors.Join(tx.Put(f.ctx, fmt.Sprint("w", w), []byte(fmt.Sprint(i))), tx.Put(f.ctx, "shared", []byte(fmt.Sprint(w, i))))
				})
				if err != nil {
					t.Errorf("Update: %v", err)
					return
				}
				got, _ := r.all()
				if len(got) == 0 || got[len(got)-1].Rev < rev {
					t.Errorf("Update returned revision %d before its change was delivered", rev)
				}
			}
		})
	}
	all.Wait()
	got, forgets := r.all()
	want, err := f.s.Changes(f.ctx, start, 10*workers*rounds)
	if err != nil {
		t.Fatal(err)
	}
	if forgets > 0 || len(got) != 2*workers*rounds || fmt.Sprint(sorted(got)) != fmt.Sprint(sorted(want)) {
		t.Errorf("the watcher got %d changes and %d forgets; want the %d changes of the log, in their order", len(got), forgets, len(want))
	}
}

// sorted orders the keys within each commit, which is the engine's own affair,
// and nothing else.
func sorted(changes []store.Change) []store.Change {
	for i := range changes {
		for j := i; j > 0 && changes[j].Rev == changes[j-1].Rev && changes[j].Key < changes[j-1].Key; j-- {
			changes[j], changes[j-1] = changes[j-1], changes[j]
		}
	}
	return changes
}

func fresh(t *testing.T, f *fixture) {
	for range 3 {
		f.put("a", "1")
		if err := f.s.Fresh(f.ctx); err != nil {
			t.Fatalf("Fresh: %v", err)
		}
	}
}
