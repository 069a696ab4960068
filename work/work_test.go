package work

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bartizan.dev/store"
)

var quiet = Options{Log: slog.New(slog.DiscardHandler)}

// sleep lets time pass and everybody come to rest.
func sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// notes are taken by several goroutines.
type notes struct {
	mu   sync.Mutex
	list []string
}

func (n *notes) add(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.list = append(n.list, fmt.Sprintf(format, args...))
}

func (n *notes) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.list)
}

// start runs q until the test's end or stop.
func start(t *testing.T, q *Queue) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := q.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func add(t *testing.T, m *faulty, q *Queue, jobs ...Job) {
	t.Helper()
	if _, err := m.Update(t.Context(), func(tx store.Tx) error {
		for _, j := range jobs {
			if err := q.Add(t.Context(), tx, j); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatalf("Add: %v", err)
	}
}

// mark writes a mark; its presence twice would show.
func mark(ctx context.Context, tx store.Tx, name string) error {
	item, err := tx.Get(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return tx.Put(ctx, name, append(item.Value, '|'))
}

func marks(m *faulty, name string) int {
	item, _ := m.Get(context.Background(), name)
	return len(item.Value)
}

func empty(t *testing.T, m *faulty) {
	t.Helper()
	if left := m.all("work/"); len(left) > 0 {
		t.Errorf("left in the store: %v", left)
	}
}

func TestDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, clock := newStore(), new(Clock)
		var log notes
		begin := clock.Now()
		q := New(m, clock, quiet, map[string]Handler{"k": InTx(func(ctx context.Context, tx store.Tx, j Job) error {
			log.add("%s %s %v", j.ID, j.Payload, clock.Now().Sub(begin))
			return mark(ctx, tx, "done/"+j.ID)
		})})
		start(t, q)
		synctest.Wait()
		add(t, m, q, Job{Kind: "k", ID: "hour/with/slashes", Due: begin.Add(time.Hour), Payload: []byte("1")},
			Job{Kind: "k", ID: "now", Due: begin}, Job{Kind: "k", ID: "soon", Due: begin.Add(90 * time.Second)})
		add(t, m, q, Job{Kind: "k", ID: "later", Due: begin.Add(400 * 24 * time.Hour)})
		synctest.Wait()
		ran := log.all()
		if want := []string{"now  0s"}; !slices.Equal(ran, want) {
			t.Fatalf("ran %q, want %q", ran, want)
		}
		sleep(2 * time.Hour)
		ran = log.all()
		if want := []string{"now  0s", "soon  1m30s", "hour/with/slashes 1 1h0m0s"}; !slices.Equal(ran, want) {
			t.Fatalf("ran %q, want %q", ran, want)
		}
		clock.Advance(400 * 24 * time.Hour)
		if err := q.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		ran = log.all()
		if want := "later  9602h0m0s"; ran[len(ran)-1] != want || marks(m, "done/later") != 1 {
			t.Fatalf("ran %q, want %q at the end", ran, want)
		}
		empty(t, m)
	})
}

func TestAddAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, clock := newStore(), new(Clock)
		var log notes
		q := New(m, clock, quiet, map[string]Handler{"k": InTx(func(_ context.Context, _ store.Tx, j Job) error {
			log.add("%s", j.Payload)
			return nil
		})})
		start(t, q)
		j := Job{Kind: "k", ID: "x", Due: clock.Now().Add(time.Hour), Payload: []byte("a")}
		add(t, m, q, j)
		before := fmt.Sprint(m.all(""))
		add(t, m, q, j)
		if after := fmt.Sprint(m.all("")); after != before {
			t.Errorf("the same job again changed\n%s\nto\n%s", before, after)
		}
		j.Payload, j.Due = []byte("b"), clock.Now().Add(2*time.Hour)
		add(t, m, q, j)
		sleep(90 * time.Minute)
		if ran := log.all(); len(ran) != 0 {
			t.Fatalf("ran %q before it was due", ran)
		}
		sleep(time.Hour)
		if ran := log.all(); !slices.Equal(ran, []string{"b"}) {
			t.Errorf("ran %q, want b", ran)
		}
		add(t, m, q, Job{Kind: "k", ID: "y", Due: clock.Now().Add(time.Hour)})
		if jobs, err := q.Jobs(t.Context(), "k", "", 10); err != nil || len(jobs) != 1 || jobs[0].ID != "y" {
			t.Errorf("Jobs: %v, %v", jobs, err)
		}
		for range 2 {
			if _, err := m.Update(t.Context(), func(tx store.Tx) error { return q.Cancel(t.Context(), tx, "k", "y") }); err != nil {
				t.Fatalf("Cancel: %v", err)
			}
		}
		sleep(2 * time.Hour)
		if len(log.all()) != 1 {
			t.Errorf("a cancelled job ran")
		}
		empty(t, m)
	})
}

func TestRefused(t *testing.T) {
	m, clock := newStore(), new(Clock)
	q := New(m, clock, quiet, map[string]Handler{"k": nil, "h": InTx(nil)})
	for _, j := range []Job{
		{ID: "x", Due: time.Now()}, {Kind: "h", Due: time.Now()}, {Kind: "h/h", ID: "x", Due: time.Now()}, {Kind: "h", ID: "x"},
		{Kind: "k", ID: "x", Due: time.Now()}, {Kind: "h", ID: strings.Repeat("x", 400), Due: time.Now()},
		{Kind: "h", ID: "x", Due: time.Now(), Payload: make([]byte, maxPayload+1)},
	} {
		if _, err := m.Update(t.Context(), func(tx store.Tx) error { return q.Add(t.Context(), tx, j) }); !errors.Is(err, ErrJob) {
			t.Errorf("Add(%.50v): %v, want ErrJob", j, err)
		}
	}
	empty(t, m)
}

// TestFailures: errors and panics put a job off, longer each time, on record.
func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, clock := newStore(), new(Clock)
		begin := clock.Now()
		var log notes
		q := New(m, clock, quiet, map[string]Handler{"k": func(ctx context.Context, j Job) (func(store.Tx) error, error) {
			log.add("%v %d", clock.Now().Sub(begin), j.Attempts)
			switch len(log.all()) {
			case 1:
				return nil, errors.New("first")
			case 2:
				panic("second")
			case 3:
				return func(tx store.Tx) error { mark(ctx, tx, "no"); return errors.New("third") }, nil
			case 4:
				return func(tx store.Tx) error { mark(ctx, tx, "no"); panic("fourth") }, nil
			}
			return func(tx store.Tx) error { return mark(ctx, tx, "yes") }, nil
		}})
		start(t, q)
		add(t, m, q, Job{Kind: "k", ID: "x", Due: begin})
		sleep(5 * time.Second)
		jobs, err := q.Jobs(t.Context(), "k", "", 10)
		if err != nil || len(jobs) != 1 || jobs[0].Attempts != 3 || jobs[0].LastError != "third" || !jobs[0].Due.Equal(begin) {
			t.Errorf("Jobs: %+v, %v", jobs, err)
		}
		sleep(time.Minute)
		if got, want := log.all(), []string{"0s 0", "1s 1", "3s 2", "7s 3", "15s 4"}; !slices.Equal(got, want) {
			t.Errorf("ran at %v, want %v", got, want)
		}
		if marks(m, "no") != 0 || marks(m, "yes") != 1 {
			t.Errorf("effects: no %d, yes %d, want 0 and 1", marks(m, "no"), marks(m, "yes"))
		}
		empty(t, m)
	})
	for n, want := range map[int]time.Duration{1: time.Second, 12: 2048 * time.Second, 13: time.Hour, 63: time.Hour, 1 << 40: time.Hour} {
		if got := delay(n); got != want {
			t.Errorf("delay(%d) = %v, want %v", n, got, want)
		}
	}
}

// TestNodes: many jobs, several nodes, a store that fails now and then: each
// job takes effect once.
func TestNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, clock := newStore(), new(Clock)
		n := 0
		m.fault = func() error {
			if n++; n%7 == 0 {
				return errors.New("fault")
			}
			return nil
		}
		var mu sync.Mutex
		runs := map[string]int{}
		var last *Queue
		for range 3 {
			last = New(m, clock, quiet, map[string]Handler{"k": func(ctx context.Context, j Job) (func(store.Tx) error, error) {
				mu.Lock()
				runs[j.ID]++
				mu.Unlock()
				time.Sleep(time.Second)
				return func(tx store.Tx) error { return mark(ctx, tx, "done/"+j.ID) }, nil
			}})
			start(t, last)
		}
		for i := range 100 {
			for {
				if _, err := m.Update(t.Context(), func(tx store.Tx) error {
					return last.Add(t.Context(), tx, Job{Kind: "k", ID: fmt.Sprint(i), Due: clock.Now().Add(time.Minute)})
				}); err == nil {
					break
				}
			}
		}
		sleep(time.Hour)
		for i := range 100 {
			if got := marks(m, "done/"+fmt.Sprint(i)); got != 1 {
				t.Errorf("job %d took effect %d times, ran %d times", i, got, runs[fmt.Sprint(i)])
			}
		}
		empty(t, m)
	})
}

// TestLeases: a long job keeps its lease; a dead node's job is taken over; what
// the dead one does when it wakes has no effect.
func TestLeases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, clock := newStore(), new(Clock)
		begin := clock.Now()
		var log notes
		node := func(name string, each time.Duration) *Queue {
			return New(m, clock, quiet, map[string]Handler{"k": func(ctx context.Context, j Job) (func(store.Tx) error, error) {
				log.add("%s %s %v", name, j.ID, clock.Now().Sub(begin))
				time.Sleep(each)
				return func(tx store.Tx) error { return mark(ctx, tx, "done/"+j.ID) }, nil
			}})
		}
		a, b := node("a", 5*time.Minute), node("b", time.Second)
		start(t, a)
		synctest.Wait()
		add(t, m, a, Job{Kind: "k", ID: "long", Due: begin})
		synctest.Wait()
		start(t, b)
		sleep(10 * time.Minute)
		ran := log.all()
		if want := []string{"a long 0s"}; !slices.Equal(ran, want) || marks(m, "done/long") != 1 {
			t.Fatalf("ran %v, want %v", ran, want)
		}
		// A third node takes a job and is not heard of again: its process stands
		// still (its lease is not renewed) and goes on much later.
		c := node("c", time.Second)
		dead, err := takeOne(t, m, c, Job{Kind: "k", ID: "orphan", Due: clock.Now()})
		if err != nil {
			t.Fatal(err)
		}
		sleep(29 * time.Second)
		if ran = log.all(); len(ran) != 1 {
			t.Fatalf("ran %v before the lease ended", ran)
		}
		sleep(10 * time.Minute)
		if ran = log.all(); len(ran) != 2 || marks(m, "done/orphan") != 1 {
			t.Fatalf("ran %v, want the orphan to be taken over", ran)
		}
		if err := c.finish(t.Context(), dead, func(tx store.Tx) error { return mark(t.Context(), tx, "done/orphan") }); !errors.Is(err, errLost) {
			t.Errorf("finish of the dead: %v, want errLost", err)
		}
		if marks(m, "done/orphan") != 1 {
			t.Errorf("the orphan took effect twice")
		}
		empty(t, m)
	})
}

// takeOne leases a job for a queue that does not run.
func takeOne(t *testing.T, m *faulty, q *Queue, j Job) (taken, error) {
	rec := &record{Due: j.Due.UnixNano(), Next: q.clock.Now().Add(q.opt.Lease).UnixNano(), Owner: q.owner, Lease: "old"}
	_, err := m.Update(t.Context(), func(tx store.Tx) error { return put(t.Context(), tx, j.Kind, j.ID, rec, nil) })
	return taken{j, "old"}, err
}

// TestChangedWhileRunning: a job that is cancelled or put elsewhere while it is
// at work has no effect from that run, which is told to stop.
func TestChangedWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, clock := newStore(), new(Clock)
		var told notes
		q := New(m, clock, quiet, map[string]Handler{"k": func(ctx context.Context, j Job) (func(store.Tx) error, error) {
			select {
			case <-ctx.Done():
				told.add("%s", j.ID)
			case <-time.After(time.Minute):
			}
			return func(tx store.Tx) error { return mark(ctx, tx, "done/"+string(j.Payload)) }, nil
		}})
		start(t, q)
		add(t, m, q, Job{Kind: "k", ID: "a", Due: clock.Now(), Payload: []byte("a1")}, Job{Kind: "k", ID: "b", Due: clock.Now(), Payload: []byte("b1")})
		synctest.Wait()
		if _, err := m.Update(t.Context(), func(tx store.Tx) error { return q.Cancel(t.Context(), tx, "k", "a") }); err != nil {
			t.Fatal(err)
		}
		add(t, m, q, Job{Kind: "k", ID: "b", Due: clock.Now().Add(time.Hour), Payload: []byte("b2")})
		sleep(3 * time.Hour)
		if marks(m, "done/a1")+marks(m, "done/b1") != 0 || marks(m, "done/b2") != 1 {
			t.Errorf("effects a1 %d b1 %d b2 %d", marks(m, "done/a1"), marks(m, "done/b1"), marks(m, "done/b2"))
		}
		if n := len(told.all()); n != 2 {
			t.Errorf("%d runs were told to stop, want 2", n)
		}
		empty(t, m)
	})
}

// TestRecurring: a job may add itself again.
func TestRecurring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, clock := newStore(), new(Clock)
		var q *Queue
		var n atomic.Int32
		q = New(m, clock, quiet, map[string]Handler{"k": InTx(func(ctx context.Context, tx store.Tx, j Job) error {
			n.Add(1)
			j.Due = j.Due.Add(time.Hour)
			return q.Add(ctx, tx, j)
		})})
		start(t, q)
		add(t, m, q, Job{Kind: "k", ID: "x", Due: clock.Now().Add(time.Hour)})
		sleep(5*time.Hour + time.Minute)
		if n.Load() != 5 {
			t.Errorf("ran %d times in five hours", n.Load())
		}
		clock.Advance(5 * time.Hour)
		if err := q.Settle(t.Context()); err != nil || n.Load() != 10 {
			t.Errorf("ran %d times in ten hours, %v", n.Load(), err)
		}
	})
}

// TestStop: shutting down gives jobs back at once and uncounted.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, clock := newStore(), new(Clock)
		handlers := map[string]Handler{"k": func(ctx context.Context, j Job) (func(store.Tx) error, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		q := New(m, clock, quiet, handlers)
		stop := start(t, q)
		add(t, m, q, Job{Kind: "k", ID: "x", Due: clock.Now()})
		synctest.Wait()
		begin := time.Now()
		stop()
		if d := time.Since(begin); d > 0 {
			t.Errorf("stopping took %v", d)
		}
		jobs, err := q.Jobs(t.Context(), "k", "", 10)
		if err != nil || len(jobs) != 1 || jobs[0].Attempts != 0 {
			t.Errorf("Jobs: %+v, %v", jobs, err)
		}
		ran := false
		other := New(m, clock, quiet, map[string]Handler{"k": InTx(func(context.Context, store.Tx, Job) error { ran = true; return nil })})
		start(t, other)
		synctest.Wait()
		if !ran {
			t.Error("another node did not go on at once")
		}
	})
}

// TestIdle: nothing due, nothing done.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, clock := newStore(), new(Clock)
		q := New(m, clock, quiet, map[string]Handler{"k": InTx(func(context.Context, store.Tx, Job) error { return nil })})
		start(t, q)
		// What only a newer version knows, and a key without its job, must not
		// keep the loop busy.
		if _, err := m.Update(t.Context(), func(tx store.Tx) error {
			if err := put(t.Context(), tx, "newer", "x", &record{}, nil); err != nil {
				return err
			}
			return tx.Put(t.Context(), dueKey(1, "k", "gone"), nil)
		}); err != nil {
			t.Fatal(err)
		}
		sleep(time.Hour)
		m.mu.Lock()
		n := m.updates
		m.mu.Unlock()
		if n > 2 {
			t.Errorf("%d updates while there was nothing to do", n)
		}
		if err := q.Settle(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
