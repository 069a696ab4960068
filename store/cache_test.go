package store_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"bartizan.dev/store"
	"bartizan.dev/store/memory"
)

// counting counts loads.
type counting struct{ n atomic.Int32 }

func (c *counting) want(t *testing.T, n int32) {
	t.Helper()
	if got := c.n.Swap(0); got != n {
		t.Errorf("%d loads, want %d", got, n)
	}
}

func newCache[T any](t testing.TB, s store.Store, size int, load func(context.Context, store.Reader, string) (T, error)) *store.Cache[T] {
	t.Helper()
	c, err := store.NewCache(t.Context(), s, size, load)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantGet[T comparable](t *testing.T, c *store.Cache[T], key string, want T) {
	t.Helper()
	if got, err := c.Get(t.Context(), key); got != want || err != nil {
		t.Errorf("Get(%q) = %v, %v; want %v", key, got, err, want)
	}
}

// value is a load that answers with the record, or "none".
func value(ctx context.Context, r store.Reader, key string) (string, error) {
	item, err := r.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return "none", nil
	}
	return string(item.Value), err
}

func TestCacheDependencies(t *testing.T) {
	s := memory.Open()
	var loads counting
	c := newCache(t, s, 1000, func(ctx context.Context, r store.Reader, key string) (string, error) {
		loads.n.Add(1)
		own, err := value(ctx, r, "user/"+key)
		if err != nil {
			return "", err
		}
		groups, err := r.List(ctx, store.Range{Prefix: "member/" + key + "/", Limit: 10})
		if err != nil {
			return "", err
		}
		for _, g := range groups {
			policy, err := value(ctx, r, "policy/"+string(g.Value))
			if err != nil {
				return "", err
			}
			own += "+" + policy
		}
		return own, nil
	})
	put(t, s, "user/ann", "ann")
	put(t, s, "member/ann/1", "staff")
	put(t, s, "member/bob/1", "staff")
	put(t, s, "policy/staff", "read")
	check := func(n int32, ann, bob string) {
		t.Helper()
		for range 3 {
			wantGet(t, c, "ann", ann)
			wantGet(t, c, "bob", bob)
		}
		loads.want(t, n)
	}
	check(2, "ann+read", "none+read")
	put(t, s, "user/bob", "bob") // was found to be absent
	check(1, "ann+read", "bob+read")
	put(t, s, "policy/staff", "write") // shared by both
	check(2, "ann+write", "bob+write")
	put(t, s, "member/ann/2", "admin") // new under a listed prefix
	check(1, "ann+write+none", "bob+write")
	put(t, s, "policy/admin", "all") // was found to be absent
	check(1, "ann+write+all", "bob+write")
	for _, key := range []string{"user/an", "user/anne", "member/ann", "member/anna/1", "policy/other", ""} {
		put(t, s, key, "x")
	}
	check(0, "ann+write+all", "bob+write")
	if _, err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Delete(t.Context(), "member/ann/2"), tx.Delete(t.Context(), "user/bob"))
	}); err != nil {
		t.Fatal(err)
	}
	check(2, "ann+write", "none+write")
}

// gate is a store whose reads of one key wait, after they have read, until they
// are let go.
type gate struct {
	store.Store
	key  string
	read chan struct{} // a read has happened
	open chan struct{} // let it go
}

func newGate(s store.Store, key string) *gate {
	return &gate{s, key, make(chan struct{}), make(chan struct{})}
}

func (g *gate) Get(ctx context.Context, key string) (store.Item, error) {
	item, err := g.Store.Get(ctx, key)
	if key == g.key {
		g.read <- struct{}{}
		<-g.open
	}
	return item, err
}

// TestCacheRace: a load reads the old value, the change arrives, the load ends.
func TestCacheRace(t *testing.T) {
	g := newGate(memory.Open(), "a")
	c := newCache(t, g, 10, value)
	put(t, g, "a", "old")
	got := make(chan string)
	go func() {
		v, err := c.Get(t.Context(), "a")
		got <- fmt.Sprint(v, err)
	}()
	<-g.read
	put(t, g, "a", "new") // read and not yet cached
	g.open <- struct{}{}
	<-g.read // it notices and reads again
	g.open <- struct{}{}
	if v := <-got; v != "new<nil>" {
		t.Errorf("got %s", v)
	}
	wantGet(t, c, "a", "new") // and this was cached: nothing waits at the gate
}

// TestCacheAlwaysChanging: what changes during each load is read in a
// transaction in the end. See also TestCacheNeverTorn.
func TestCacheAlwaysChanging(t *testing.T) {
	s := memory.Open()
	n := 0
	c := newCache(t, s, 10, func(ctx context.Context, r store.Reader, key string) (string, error) {
		v, err := value(ctx, r, key)
		if n++; n < 3 {
			put(t, s, key, fmt.Sprint(n))
		}
		return v, err
	})
	wantGet(t, c, "a", "2") // the third load
	wantGet(t, c, "a", "2")
	if n != 3 {
		t.Errorf("%d loads; want 3, for the third is kept", n)
	}
}

// TestCacheJoin: one load for all who ask meanwhile, but none of them gets an
// answer older than its question.
func TestCacheJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(memory.Open(), "a")
		var loads counting
		c := newCache(t, g, 10, func(ctx context.Context, r store.Reader, key string) (string, error) {
			loads.n.Add(1)
			return value(ctx, r, key)
		})
		put(t, g, "a", "old")
		var all sync.WaitGroup
		ask := func(want string) {
			all.Go(func() { wantGet(t, c, "a", want) })
		}
		ask("old")
		<-g.read
		for range 20 {
			ask("old")
		}
		synctest.Wait()
		g.open <- struct{}{}
		all.Wait()
		loads.want(t, 1)

		put(t, g, "a", "older")
		ask("new") // begins with "older", is caught by the change
		<-g.read
		put(t, g, "a", "new")
		for range 5 {
			ask("new") // these must not get "older"
		}
		synctest.Wait()
		g.open <- struct{}{}
		<-g.read
		g.open <- struct{}{}
		all.Wait()
		loads.want(t, 2)
	})
}

// TestCacheLeaderGivesUp: the end of one caller's context, or its panic, is not
// the others' trouble.
func TestCacheLeaderGivesUp(t *testing.T) {
	for name, fail := range map[string]func(context.Context) error{
		"cancelled": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"panic":     func(ctx context.Context) error { <-ctx.Done(); panic("deliberate") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := memory.Open()
				put(t, s, "a", "1")
				first := true
				c := newCache(t, s, 10, func(ctx context.Context, r store.Reader, key string) (string, error) {
					if first {
						first = false
						return "", fail(ctx)
					}
					return value(ctx, r, key)
				})
				var all sync.WaitGroup
				ctx, cancel := context.WithCancel(t.Context())
				all.Go(func() {
					defer func() { recover() }()
					if _, err := c.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
						t.Errorf("the leader got %v", err)
					}
				})
				synctest.Wait()
				for range 3 {
					all.Go(func() { wantGet(t, c, "a", "1") })
				}
				gone, cancelled := context.WithCancel(t.Context())
				cancelled()
				if _, err := c.Get(gone, "a"); !errors.Is(err, context.Canceled) {
					t.Errorf("who does not wait got %v", err)
				}
				synctest.Wait()
				cancel()
				all.Wait()
				wantGet(t, c, "a", "1")
			})
		})
	}
}

func TestCacheErrors(t *testing.T) {
	s := memory.Open()
	var loads counting
	fail := errors.New("deliberate")
	c := newCache(t, s, 10, func(ctx context.Context, r store.Reader, key string) (string, error) {
		loads.n.Add(1)
		if v, err := value(ctx, r, key); v != "bad" || err != nil {
			return v, err
		}
		return "half", fail
	})
	put(t, s, "a", "bad")
	for range 3 {
		if v, err := c.Get(t.Context(), "a"); !errors.Is(err, fail) || v != "" {
			t.Errorf("Get: %q, %v", v, err)
		}
	}
	loads.want(t, 3)
	if keys, _, _ := c.Nodes(); keys != 0 || c.Len() != 0 {
		t.Errorf("failed loads leave %d entries on %d records", c.Len(), keys)
	}
	put(t, s, "a", "good")
	wantGet(t, c, "a", "good")
}

// faulty is a store that may be out of date.
type faulty struct {
	store.Store
	fresh  error
	forget func()
}

func (f *faulty) Fresh(context.Context) error { return f.fresh }

func (f *faulty) Watch(ctx context.Context, fn func([]store.Change), forget func()) error {
	f.forget = forget
	return nil // and no change ever arrives
}

func TestCacheTrust(t *testing.T) {
	s := &faulty{Store: memory.Open()}
	c := newCache(t, s, 10, value)
	put(t, s, "a", "old")
	wantGet(t, c, "a", "old")
	put(t, s, "a", "new")
	s.fresh = errors.New("the database is gone")
	if v, err := c.Get(t.Context(), "a"); !errors.Is(err, s.fresh) || v != "" {
		t.Errorf("what may be too old is answered: %q, %v", v, err)
	}
	s.fresh = nil
	s.forget()
	wantGet(t, c, "a", "new")
}

// TestCacheThrough: users share compiled policies, each cached by itself.
func TestCacheThrough(t *testing.T) {
	s := memory.Open()
	var users, policies counting
	compiled := newCache(t, s, 10, func(ctx context.Context, r store.Reader, key string) (string, error) {
		policies.n.Add(1)
		v, err := value(ctx, r, "policy/"+key)
		return strings.ToUpper(v), err
	})
	c := newCache(t, s, 100, func(ctx context.Context, r store.Reader, key string) (string, error) {
		users.n.Add(1)
		v, err := compiled.Through(ctx, r, "staff")
		return key + v, err
	})
	put(t, s, "policy/staff", "read")
	for range 2 {
		for i := range 50 {
			wantGet(t, c, strconv.Itoa(i), strconv.Itoa(i)+"READ")
		}
	}
	users.want(t, 50)
	policies.want(t, 1)
	put(t, s, "policy/staff", "write")
	for i := range 50 {
		wantGet(t, c, strconv.Itoa(i), strconv.Itoa(i)+"WRITE")
	}
	users.want(t, 50)
	policies.want(t, 1)
	// What the inner cache has dropped still counts for the outer.
	for i := range 1000 {
		if _, err := compiled.Get(t.Context(), strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	wantGet(t, c, "7", "7WRITE")
	put(t, s, "policy/staff", "none")
	wantGet(t, c, "7", "7NONE")
	if v, err := compiled.Through(t.Context(), s, "staff"); v != "NONE" || err != nil {
		t.Errorf("Through outside of a load: %q, %v", v, err)
	}
}

// TestCacheBound: never more entries than asked for, nothing kept for those
// that are gone, and a flood does not drive out what is in use.
func TestCacheBound(t *testing.T) {
	for _, size := range []int{1, 7, 300, 5000} {
		s := memory.Open()
		var loads counting
		c := newCache(t, s, size, func(ctx context.Context, r store.Reader, key string) (string, error) {
			loads.n.Add(1)
			if _, err := r.List(ctx, store.Range{Prefix: "p" + key}); err != nil {
				return "", err
			}
			return value(ctx, r, key)
		})
		hot := max(1, size/10)
		for i := range 4*size + 10 {
			wantGet(t, c, "flood"+strconv.Itoa(i), "none")
			wantGet(t, c, "hot"+strconv.Itoa(i%hot), "none")
			if n := c.Len(); n > size {
				t.Fatalf("size %d: %d entries", size, n)
			}
		}
		keys, prefixes, _ := c.Nodes()
		if keys > size || prefixes > size {
			t.Errorf("size %d: %d records and %d prefixes are kept", size, keys, prefixes)
		}
		if size == 1 {
			continue
		}
		// Every shard holds fewer hot keys than it has room for, so each was
		// loaded twice at most: before and after its first use was seen.
		if n := int(loads.n.Load()) - 4*size - 10; n > 3*hot {
			t.Errorf("size %d: %d hot keys were loaded %d times", size, hot, n)
		}
	}
}

// TestCacheConcurrent: whoever has changed a record gets the new value, always.
func TestCacheConcurrent(t *testing.T) {
	s := memory.Open()
	number := func(ctx context.Context, r store.Reader, key string) (int, error) {
		v, err := value(ctx, r, key)
		n, _ := strconv.Atoi(v)
		return n, err
	}
	inner := newCache(t, s, 4, number)
	c := newCache(t, s, 4, func(ctx context.Context, r store.Reader, key string) (int, error) {
		a, err := inner.Through(ctx, r, key)
		if err != nil {
			return 0, err
		}
		items, err := r.List(ctx, store.Range{Prefix: key})
		if err == nil && len(items) == 1 {
			if b, _ := strconv.Atoi(string(items[0].Value)); b < a {
				t.Errorf("the list is older than the record: %d, %d", b, a)
			}
		}
		return a, err
	})
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			key := "k" + strconv.Itoa(w)
			for i := range 200 {
				put(t, s, key, strconv.Itoa(i))
				wantGet(t, c, key, i)
				wantGet(t, inner, key, i)
				if _, err := c.Get(t.Context(), "k"+strconv.Itoa((w+i)%8)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestCacheHitAllocates(t *testing.T) {
	s := &faulty{Store: memory.Open()}
	c := newCache(t, s, 10, value)
	if n := testing.AllocsPerRun(100, func() { c.Get(t.Context(), "a") }); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
}

func BenchmarkCacheHit(b *testing.B) {
	for _, deps := range []int{1, 10, 100} {
		s := &faulty{Store: memory.Open()}
		c := newCache(b, s, 1000, func(ctx context.Context, r store.Reader, key string) (int, error) {
			for i := range deps {
				r.Get(ctx, key+strconv.Itoa(i))
			}
			return 1, nil
		})
		b.Run(fmt.Sprint("deps=", deps), func(b *testing.B) {
			b.ReportAllocs()
			ctx := b.Context()
			for b.Loop() {
				c.Get(ctx, "AKIAIOSFODNN7EXAMPLE")
			}
		})
		b.Run(fmt.Sprint("parallel,deps=", deps), func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				ctx := context.Background()
				for pb.Next() {
					c.Get(ctx, "AKIAIOSFODNN7EXAMPLE")
				}
			})
		})
	}
}

// filled is a cache of 100,000 users who share a policy and list their groups.
func filled(b *testing.B, s store.Store) *store.Cache[int] {
	c := newCache(b, s, 1<<17, func(ctx context.Context, r store.Reader, key string) (int, error) {
		r.Get(ctx, key)
		r.Get(ctx, "policy")
		r.List(ctx, store.Range{Prefix: "member/" + key + "/"})
		return 1, nil
	})
	for i := range 100_000 {
		c.Get(b.Context(), "user/"+strconv.Itoa(i))
	}
	return c
}

func BenchmarkCacheHitOf100000(b *testing.B) {
	c := filled(b, &faulty{Store: memory.Open()})
	ids := make([]string, 1<<12)
	for i := range ids {
		ids[i] = "user/" + strconv.Itoa(i*24)
	}
	ctx := b.Context()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		c.Get(ctx, ids[i&(len(ids)-1)])
		i++
	}
}

// told is a store whose watcher can be called.
type told struct {
	store.Store
	changed func([]store.Change)
}

func (s *told) Watch(_ context.Context, fn func([]store.Change), _ func()) error {
	s.changed = fn
	return nil
}

func BenchmarkCacheChangeOf100000(b *testing.B) {
	s := &told{Store: memory.Open()}
	filled(b, s)
	for _, key := range []string{"policy", "member/user/77/x", "unrelated"} {
		b.Run(strings.ReplaceAll(key, "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			changes := []store.Change{{Rev: 1, Key: key}}
			for b.Loop() {
				s.changed(changes)
			}
		})
	}
}
