package store_test

import (
	"context"
	"fmt"
	"testing"

	"bartizan.dev/store"
	"bartizan.dev/store/memory"
)

// TestCacheNeverTorn has somebody change two records together whenever a load
// has read one of them: a load must not answer one from before and one from
// after.
func TestCacheNeverTorn(t *testing.T) {
	s := memory.Open()
	t.Cleanup(func() { s.Close() })
	write := func(n int) {
		_, err := s.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.Put(t.Context(), "user", fmt.Append(nil, n)); err != nil {
				return err
			}
			return tx.Put(t.Context(), "group", fmt.Append(nil, n))
		})
		if err != nil {
			t.Error(err)
		}
	}
	write(0)

	groups, err := store.NewCache(t.Context(), s, 10, func(ctx context.Context, r store.Reader, key string) (string, error) {
		item, err := r.Get(ctx, "group")
		return string(item.Value), err
	})
	if err != nil {
		t.Fatal(err)
	}
	loads, version := 0, 0
	var done chan struct{}
	pairs, err := store.NewCache(t.Context(), s, 10, func(ctx context.Context, r store.Reader, key string) (string, error) {
		loads++
		user, err := r.Get(ctx, "user")
		if err != nil {
			return "", err
		}
		version++
		done = make(chan struct{})
		go func(n int, done chan struct{}) { write(n); close(done) }(version, done) // in a transaction it waits for its turn
		if loads%3 != 0 {
			<-done
		}
		group, err := groups.Through(ctx, r, "")
		return string(user.Value) + " " + group, err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		loads = 0
		got, err := pairs.Get(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		<-done
		var user, group int
		if _, err := fmt.Sscan(got, &user, &group); err != nil || user != group {
			t.Errorf("answered %q, which was never so", got)
		}
		if loads != 3 {
			t.Errorf("%d loads; want 3", loads)
		}
	}
}
