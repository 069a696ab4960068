package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"bartizan.dev/store"
)

func number(r store.Reader, f *fixture, key string) (int, error) {
	item, err := r.Get(f.ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(item.Value))
}

// increments loses an update unless transactions are at least repeatable.
func increments(t *testing.T, f *fixture) {
	const workers, rounds = 8, 50
	var all sync.WaitGroup
	revs := make(chan int64, workers*rounds)
	for range workers {
		all.Go(func() {
			for range rounds {
				rev, err := f.s.Update(f.ctx, func(tx store.Tx) error {
					n, err := number(tx, f, "n")
					if err != nil {
						return err
					}
					return tx.Put(f.ctx, "n", []byte(strconv.Itoa(n+1)))
				})
				if err != nil {
					t.Errorf("Update: %v", err)
					return
				}
				revs <- rev
			}
		})
	}
	all.Wait()
	close(revs)
	f.want(f.s, "n", strconv.Itoa(workers*rounds))
	seen := map[int64]bool{}
	for rev := range revs {
		if seen[rev] {
			t.Errorf("two commits have revision %d", rev)
		}
		seen[rev] = true
	}
}

// writeSkew lets transactions that each keep the rule break it together, unless
// they are serialisable: of the doctors of one ward at least one stays on call.
// Each reads both records and writes one; half of them read by List.
func writeSkew(t *testing.T, f *fixture) {
	for round := range 30 {
		ward := fmt.Sprintf("ward%d/", round)
		f.put(ward+"a", "on", ward+"b", "on")
		var all sync.WaitGroup
		var left atomic.Int32
		for i, doctor := range []string{"a", "b", "a", "b"} {
			all.Go(func() {
				left.Add(f.leave(t, ward, doctor, i >= 2))
			})
		}
		all.Wait()
		if left.Load() != 1 {
			t.Fatalf("%d transactions found the other doctor on call; want 1", left.Load())
		}
	}
}

func (f *fixture) leave(t *testing.T, ward, doctor string, list bool) int32 {
	var left int32
	_, err := f.s.Update(f.ctx, func(tx store.Tx) error {
		left = 0
		on := 0
		if list {
			items, err := tx.List(f.ctx, store.Range{Prefix: ward})
			if err != nil {
				return err
			}
			for _, item := range items {
				if string(item.Value) == "on" {
					on++
				}
			}
		} else {
			for _, d := range []string{"a", "b"} {
				item, err := tx.Get(f.ctx, ward+d)
				if err != nil {
					return err
				}
				if string(item.Value) == "on" {
					on++
				}
			}
		}
		item, err := tx.Get(f.ctx, ward+doctor)
		if err != nil || on < 2 || string(item.Value) != "on" {
			return err
		}
		left = 1
		return tx.Put(f.ctx, ward+doctor, []byte("off"))
	})
	if err != nil {
		t.Errorf("Update: %v", err)
	}
	return left
}

// readersSeeWholeCommits has a List look for half of a commit.
func readersSeeWholeCommits(t *testing.T, f *fixture) {
	f.put("x/1", "0", "x/2", "0", "x/3", "0")
	var done atomic.Bool
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for !done.Load() {
				items, err := f.s.List(f.ctx, store.Range{Prefix: "x/"})
				if err != nil || len(items) != 3 {
					t.Errorf("List: %d items, %v", len(items), err)
					return
				}
				if v := string(items[0].Value); v != string(items[1].Value) || v != string(items[2].Value) {
					t.Errorf("List saw half of a commit: %s %s %s", items[0].Value, items[1].Value, items[2].Value)
					return
				}
				last, err := number(f.s, f, "x/1")
				if was, _ := strconv.Atoi(string(items[0].Value)); err != nil || last < was {
					t.Errorf("went back from %d to %d, %v", was, last, err)
					return
				}
			}
		})
	}
	for i := range 100 {
		n := strconv.Itoa(i + 1)
		f.put("x/1", n, "x/2", n, "x/3", n)
	}
	done.Store(true)
	all.Wait()
}

// neighbours runs transactions that fail, panic and succeed side by side, so
// that they share commits where the engine groups them: each gets its own
// result.
func neighbours(t *testing.T, f *fixture) {
	mine := errors.New("mine")
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 30 {
				key := fmt.Sprintf("n/%d/%03d", w, i)
				fail := (w+i)%3 == 0
				rev, err := f.s.Update(f.ctx, func(tx store.Tx) error {
					if err := tx.Put(f.ctx, key, []byte(key)); err != nil {
						return err
					}
					if fail {
						return mine
					}
					return nil
				})
				switch item, gerr := f.s.Get(f.ctx, key); {
				case fail && (err != mine || !errors.Is(gerr, store.ErrNotFound)):
					t.Errorf("%s failed: Update %v, then Get %v", key, err, gerr)
				case !fail && (err != nil || gerr != nil || item.Rev != rev):
					t.Errorf("%s: Update %d, %v, then Get revision %d, %v", key, rev, err, item.Rev, gerr)
				}
			}
		})
	}
	all.Wait()
}
