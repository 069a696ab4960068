package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"bartizan.dev/store"
	"bartizan.dev/store/postgres/pgtest"
)

var (
	quiet   = slog.New(slog.DiscardHandler)
	schemas atomic.Int32
)

// schema returns the name of a schema that no other test uses.
func schema() string { return fmt.Sprintf("test %d", schemas.Add(1)) }

func mustOpen(t testing.TB, dsn string, opt Options) *Store {
	t.Helper()
	opt.Log = quiet
	s, err := Open(context.Background(), dsn, opt)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t testing.TB, s *Store, key, value string) int64 {
	t.Helper()
	rev, err := s.Update(context.Background(), func(tx store.Tx) error { return tx.Put(context.Background(), key, []byte(value)) })
	if err != nil {
		t.Fatalf("Update: %v", err)
	}
	return rev
}

// admin runs a statement over a connection of its own.
func admin(t testing.TB, dsn, sql string, args ...any) {
	t.Helper()
	c, err := pgx.Connect(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(context.Background(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// seen collects what a watcher is told.
type seen struct {
	mu      sync.Mutex
	changes []store.Change
	forgot  int
}

func (w *seen) watch(t testing.TB, s *Store) {
	t.Helper()
	err := s.Watch(context.WithoutCancel(t.Context()), func(c []store.Change) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.changes = append(w.changes, c...)
	}, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.forgot++
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *seen) all() []store.Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.changes)
}

// TestTwoNodes: what one node commits, the other is told within a second, by
// notification, by polling alone, and by Fresh alone.
func TestTwoNodes(t *testing.T) {
	dsn := pgtest.Start(t)
	for name, opt := range map[string]Options{"Notified": {Poll: time.Minute}, "Polled": {NoNotify: true}} {
		t.Run(name, func(t *testing.T) {
			opt.Schema = schema()
			a, b := mustOpen(t, dsn, opt), mustOpen(t, dsn, opt)
			told := make(chan store.Change, 10)
			if err := b.Watch(t.Context(), func(c []store.Change) { told <- c[0] }, func() {}); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				rev := put(t, a, "policy", strconv.Itoa(i))
				select {
				case c := <-told:
					if c.Rev != rev || c.Key != "policy" || c.Deleted {
						t.Errorf("told %+v, want revision %d", c, rev)
					}
				case <-time.After(time.Second):
					t.Fatal("not told within a second")
				}
			}
		})
	}
	t.Run("Fresh", func(t *testing.T) {
		opt := Options{Schema: schema(), Poll: time.Hour, NoNotify: true}
		a, b := mustOpen(t, dsn, opt), mustOpen(t, dsn, opt)
		var w seen
		w.watch(t, b)
		rev := put(t, a, "policy", "x")
		b.lastPoll.Store(0) // as if a second had passed
		if err := b.Fresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.all(); len(got) != 1 || got[0].Rev != rev {
			t.Errorf("told %v, want revision %d", got, rev)
		}
	})
}

// TestOrder: two nodes write at once; both see every change, once, in the same
// order, their own before Update returns.
func TestOrder(t *testing.T) {
	opt := Options{Schema: schema(), Poll: 5 * time.Millisecond}
	dsn := pgtest.Start(t)
	nodes := []*Store{mustOpen(t, dsn, opt), mustOpen(t, dsn, opt)}
	told := make([]seen, len(nodes))
	var newest [2]atomic.Int64
	for i, s := range nodes {
		told[i].watch(t, s)
		if err := s.Watch(t.Context(), func(c []store.Change) { newest[i].Store(c[len(c)-1].Rev) }, func() {}); err != nil {
			t.Fatal(err)
		}
	}
	const writers, each = 8, 40
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			at := w % len(nodes)
			for i := range each {
				rev, err := nodes[at].Update(context.Background(), func(tx store.Tx) error {
					ctx := context.Background()
					item, err := tx.Get(ctx, "counter")
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					n, _ := strconv.Atoi(string(item.Value))
					if err := tx.Put(ctx, fmt.Sprintf("w%d/%d", w, i), nil); err != nil {
						return err
					}
					return tx.PutIf(ctx, "counter", []byte(strconv.Itoa(n+1)), item.Rev)
				})
				if err != nil {
					t.Errorf("Update: %v", err)
					return
				}
				if newest[at].Load() < rev {
					t.Errorf("revision %d returned before its watcher was told", rev)
				}
			}
		})
	}
	wg.Wait()
	item, err := nodes[0].Get(t.Context(), "counter")
	if err != nil || string(item.Value) != strconv.Itoa(writers*each) || item.Rev != writers*each {
		t.Fatalf("counter: %s at %d, %v, want %d", item.Value, item.Rev, err, writers*each)
	}
	for i, s := range nodes {
		s.lastPoll.Store(0)
		if err := s.Fresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := told[i].all()
		if len(got) != 2*writers*each {
			t.Fatalf("node %d was told %d changes, want %d", i, len(got), 2*writers*each)
		}
		for j, c := range got {
			if c.Rev != int64(j/2+1) || j%2 == 1 && c.Key != "counter" {
				t.Fatalf("node %d: change %d is %+v", i, j, c)
			}
		}
	}
}

// TestFailClosed: without the database, Fresh fails after a second, and when it
// is back the node goes on.
func TestFailClosed(t *testing.T) {
	dsn := pgtest.Start(t)
	opt := Options{Schema: schema(), Poll: 50 * time.Millisecond}
	s := mustOpen(t, dsn, opt)
	put(t, s, "a", "1")
	// The tables are out of reach.
	old := pgx.Identifier{opt.Schema}.Sanitize()
	admin(t, dsn, `ALTER SCHEMA `+old+` RENAME TO away`)
	deadline := time.Now().Add(5 * time.Second)
	for s.Fresh(t.Context()) == nil {
		if time.Now().After(deadline) {
			t.Fatal("Fresh goes on saying yes")
		}
		time.Sleep(10 * time.Millisecond) // the database is another process
	}
	if _, err := s.Get(t.Context(), "a"); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get: %v, want an error of the database", err)
	}
	admin(t, dsn, `ALTER SCHEMA away RENAME TO `+old)
	if err := s.Fresh(t.Context()); err != nil {
		t.Errorf("Fresh: %v", err)
	}
	put(t, s, "a", "2")
}

// TestLostConnections kills every connection again and again under load: no
// update is lost, none takes effect twice.
func TestLostConnections(t *testing.T) {
	dsn := pgtest.Start(t)
	s := mustOpen(t, dsn, Options{Schema: schema()})
	ctx := context.Background()
	stop := make(chan struct{})
	var killer, wg sync.WaitGroup
	killer.Go(func() {
		c, err := pgx.Connect(ctx, dsn)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close(ctx)
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(5+rand.IntN(40)) * time.Millisecond):
			}
			c.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bartizan'`)
		}
	})
	const writers, each = 4, 100
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				_, err := s.Update(ctx, func(tx store.Tx) error {
					item, err := tx.Get(ctx, "counter")
					if err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					n, _ := strconv.Atoi(string(item.Value))
					return tx.Put(ctx, "counter", []byte(strconv.Itoa(n+1)))
				})
				if err != nil {
					t.Errorf("writer %d, update %d: %v", w, i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	killer.Wait()
	for range 20 { // a connection of the pool may be dead
		if item, err := s.Get(ctx, "counter"); err == nil {
			if string(item.Value) != strconv.Itoa(writers*each) {
				t.Errorf("counter is %s, want %d", item.Value, writers*each)
			}
			t.Logf("%d transactions began again", s.Retries())
			return
		}
	}
	t.Error("the store does not recover")
}

// TestOutcome: a connection that breaks in the commit is asked about.
func TestOutcome(t *testing.T) {
	dsn := pgtest.Start(t)
	s := mustOpen(t, dsn, Options{Schema: schema()})
	ctx := t.Context()
	broken := errors.New("connection reset")
	xid := func(end string) string {
		c, err := s.pool.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Release()
		var xid string
		c.Exec(ctx, `BEGIN`)
		c.QueryRow(ctx, `SELECT pg_current_xact_id()::text`).Scan(&xid)
		c.Exec(ctx, end)
		return xid
	}
	for end, want := range map[string]bool{`COMMIT`: true, `ROLLBACK`: false} {
		c, err := pgx.Connect(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		err = s.settle(ctx, &group{conn: c, xid: xid(end)}, broken)
		if (err == nil) != want || err != nil && !retryable(err) {
			t.Errorf("after %s: %v", end, err)
		}
	}
	soon, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	c, _ := pgx.Connect(ctx, dsn)
	if err := s.settle(soon, &group{conn: c, xid: "999999999"}, broken); !errors.Is(err, errUnknown) || retryable(err) {
		t.Errorf("nobody knows: %v, want errUnknown", err)
	}
}

func TestLogCut(t *testing.T) {
	dsn := pgtest.Start(t)
	opt := Options{Schema: schema(), KeepChanges: 20, Poll: time.Hour, NoNotify: true}
	a, b := mustOpen(t, dsn, opt), mustOpen(t, dsn, opt)
	var w seen
	w.watch(t, b)
	var rev int64
	for i := range 50 {
		rev = put(t, a, fmt.Sprint("k", i), "v")
	}
	if _, err := a.Changes(t.Context(), 1, 10); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Changes before the log: %v, want ErrNotFound", err)
	}
	if got, err := a.Changes(t.Context(), rev-5, 100); err != nil || len(got) != 5 {
		t.Errorf("Changes: %v, %v", got, err)
	}
	if got, err := a.Changes(t.Context(), rev+1, 10); err != nil || len(got) != 0 {
		t.Errorf("Changes after the end: %v, %v", got, err)
	}
	b.lastPoll.Store(0)
	if err := b.Fresh(t.Context()); err != nil || w.forgot != 1 || len(w.all()) != 0 {
		t.Errorf("Fresh: %v, forgot %d times, told %v", err, w.forgot, w.all())
	}
	put(t, b, "x", "y")
	if got := w.all(); len(got) != 1 || got[0].Key != "x" {
		t.Errorf("told %v after forgetting", got)
	}
	// The database is put back to an earlier state.
	admin(t, dsn, `UPDATE `+pgx.Identifier{opt.Schema}.Sanitize()+`.head SET rev = 45`)
	b.lastPoll.Store(0)
	if err := b.Fresh(t.Context()); err != nil || w.forgot != 2 {
		t.Errorf("after a restore: %v, forgot %d times", err, w.forgot)
	}
}

func TestWholeCommits(t *testing.T) {
	s := mustOpen(t, pgtest.Start(t), Options{Schema: schema()})
	for n := range 4 {
		if _, err := s.Update(t.Context(), func(tx store.Tx) error {
			for i := range 3*n + 1 { // 1, 4, 7, 10
				if err := tx.Put(t.Context(), fmt.Sprintf("%d/%d", n, i), nil); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		rev         int64
		limit, want int
	}{{0, 1, 1}, {0, 4, 1}, {0, 5, 5}, {0, 11, 5}, {0, 12, 12}, {1, 2, 4}, {3, 1, 10}, {2, 100, 17}, {4, 5, 0}} {
		got, err := s.Changes(t.Context(), c.rev, c.limit)
		if err != nil || len(got) != c.want {
			t.Errorf("Changes(%d, %d): %d, %v, want %d", c.rev, c.limit, len(got), err, c.want)
		}
	}
}

func TestNewerSchema(t *testing.T) {
	dsn := pgtest.Start(t)
	opt := Options{Schema: schema(), Log: quiet}
	mustOpen(t, dsn, opt).Close()
	admin(t, dsn, `INSERT INTO `+pgx.Identifier{opt.Schema}.Sanitize()+`.store_version (version) VALUES (99)`)
	if s, err := Open(t.Context(), dsn, opt); err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("Open: %v, %v", s, err)
	}
	if _, err := Open(t.Context(), "host=/nowhere password=hunter2 user=x sslmode=nonsense", opt); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Open with a bad string: %v", err)
	}
}

// TestOpenAtOnce: many nodes start on an empty database together.
func TestOpenAtOnce(t *testing.T) {
	dsn := pgtest.Start(t)
	opt := Options{Schema: schema(), Log: quiet}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(context.Background(), dsn, opt)
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			s.Close()
		})
	}
	wg.Wait()
}

// TestKill kills a node in a storm of updates: what it acknowledged is there,
// and the other node can write at once.
func TestKill(t *testing.T) {
	if dsn := os.Getenv("STORE_KILL_DSN"); dsn != "" {
		storm(t, dsn)
		return
	}
	dsn := pgtest.StartDurable(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Schema: "kill"}
	other := mustOpen(t, dsn, opt)
	cmd := exec.Command(exe, "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), "STORE_KILL_DSN="+dsn)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acked []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if key, ok := strings.CutPrefix(lines.Text(), "ok "); ok {
			acked = append(acked, key)
		}
		if len(acked) == 500 {
			cmd.Process.Signal(syscall.SIGKILL)
		}
	}
	if err := cmd.Wait(); err == nil || len(acked) < 500 {
		t.Fatalf("the node ended by itself (%v) after %d updates", err, len(acked))
	}
	begun := time.Now()
	put(t, other, "after", "")
	if d := time.Since(begun); d > 2*time.Second {
		t.Errorf("the other node waited %v", d)
	}
	for _, key := range acked {
		if _, err := other.Get(t.Context(), key); err != nil {
			t.Errorf("%s was acknowledged: %v", key, err)
		}
	}
}

func storm(t *testing.T, dsn string) {
	s := mustOpen(t, dsn, Options{Schema: "kill"})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 100_000 {
				key := fmt.Sprintf("w%d/%d", w, i)
				if _, err := s.Update(context.Background(), func(tx store.Tx) error { return tx.Put(context.Background(), key, []byte("v")) }); err != nil {
					return
				}
				os.Stdout.WriteString("ok " + key + "\n")
			}
		})
	}
	wg.Wait()
}

func BenchmarkUpdate(b *testing.B) {
	dsn := pgtest.StartDurable(b)
	value := make([]byte, 500)
	for _, c := range []int{1, 16, 64} {
		b.Run(strconv.Itoa(c), func(b *testing.B) {
			s := mustOpen(b, dsn, Options{Schema: schema()})
			ctx := context.Background()
			var n atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range c {
				wg.Go(func() {
					for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
						if _, err := s.Update(ctx, func(tx store.Tx) error {
							if _, err := tx.Get(ctx, fmt.Sprint("user/", i)); !errors.Is(err, store.ErrNotFound) {
								return err
							}
							if err := tx.Put(ctx, fmt.Sprint("user/", i), value); err != nil {
								return err
							}
							return tx.Put(ctx, fmt.Sprint("index/", i), nil)
						}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "updates/s")
		})
	}
	b.Run("Get", func(b *testing.B) {
		s := mustOpen(b, dsn, Options{Schema: schema()})
		put(b, s, "k", string(value))
		b.ResetTimer()
		for b.Loop() {
			if _, err := s.Get(context.Background(), "k"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
