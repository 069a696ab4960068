package work

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"bartizan.dev/store"
)

// Queue is the due-work of one service, kept in the service's own view of the
// store below "work/". Several nodes may run queues on one database.
type Queue struct {
	store    store.Store
	clock    *Clock
	handlers map[string]Handler
	opt      Options
	owner    string

	wake   chan struct{}
	target atomic.Int64 // when the loop will look again

	mu      sync.Mutex
	running map[string]bool // job keys at work here
	settled time.Time       // the latest time of which all that was due has been done
	waiters []chan struct{} // closed when settled moves
	active  sync.WaitGroup
}

// Options of a queue. The zero value is right for most.
type Options struct {
	// Lease is how long a job stays with a node that says nothing: 0 means 30 s.
	// It must be much longer than the nodes' clocks differ.
	Lease time.Duration
	// Parallel is how many jobs run at once, 0 means 4.
	Parallel int
	Log      *slog.Logger // nil means slog.Default()
}

// New returns a queue with its handlers by kind. It does nothing before Run.
// Transactions passed to Add and Cancel, and those that handlers get, are of st.
func New(st store.Store, clock *Clock, opt Options, handlers map[string]Handler) *Queue {
	if opt.Lease == 0 {
		opt.Lease = 30 * time.Second
	}
	if opt.Parallel == 0 {
		opt.Parallel = 4
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	return &Queue{
		store: st, clock: clock, handlers: handlers, opt: opt, owner: rand.Text(),
		wake: make(chan struct{}, 1), running: map[string]bool{},
	}
}

// Add schedules j in the caller's transaction. The same job again changes
// nothing; one with another due time or payload takes the old one's place, even
// while it is at work: what that run finishes with has no effect then.
func (q *Queue) Add(ctx context.Context, tx store.Tx, j Job) error {
	if err := j.check(); err != nil {
		return err
	}
	if q.handlers[j.Kind] == nil {
		return fmt.Errorf("%w: nothing handles the kind %q", ErrJob, j.Kind)
	}
	old, err := get(ctx, tx, j.Kind, j.ID)
	if err != nil {
		return err
	}
	due := j.Due.UnixNano()
	if old != nil && old.Due == due && bytes.Equal(old.Payload, j.Payload) {
		return nil
	}
	return put(ctx, tx, j.Kind, j.ID, &record{Due: due, Next: due, Payload: j.Payload}, old)
}

// Cancel removes a job in the caller's transaction; one that is not there is no
// error. If it is at work, what that run finishes with has no effect.
func (q *Queue) Cancel(ctx context.Context, tx store.Tx, kind, id string) error {
	old, err := get(ctx, tx, kind, id)
	if err != nil || old == nil {
		return err
	}
	return remove(ctx, tx, kind, id, old)
}

// Jobs returns the jobs of a kind by id, after the id given, at most limit.
func (q *Queue) Jobs(ctx context.Context, kind, after string, limit int) ([]Job, error) {
	prefix := jobKey(kind, "")
	if after != "" {
		after = prefix + after
	}
	items, err := q.store.List(ctx, store.Range{Prefix: prefix, After: after, Limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]Job, 0, len(items))
	for _, item := range items {
		id := strings.TrimPrefix(item.Key, prefix)
		rec, err := decode(item.Value, kind, id)
		if err != nil {
			return nil, err
		}
		out = append(out, rec.job(kind, id))
	}
	return out, nil
}

// Run does what is due until ctx ends, and returns when nothing is at work any
// more. It sleeps until the next due time, an Advance of the clock, or a change
// in the store that is due earlier.
func (q *Queue) Run(ctx context.Context) error {
	defer q.active.Wait()
	watching := false
	for {
		if !watching {
			err := q.watch(ctx)
			if watching = err == nil; !watching {
				q.opt.Log.Error("work: cannot watch the store, will try again", "error", err)
			}
		}
		moved := q.clock.Moved()
		q.target.Store(0) // a change from here on wakes us
		pause, err := q.pass(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			q.opt.Log.Error("work: cannot look for due work, will try again", "error", err)
			pause = time.Second
		}
		if !watching {
			pause = min(pause, time.Second)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-moved:
		case <-q.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (q *Queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// watch has the loop woken for work that is due before it would look again. It
// returns at once.
func (q *Queue) watch(ctx context.Context) error {
	return q.store.Watch(ctx, func(changes []store.Change) {
		for _, c := range changes {
			if next, _, _, ok := splitDue(c.Key); ok && !c.Deleted && (next < q.target.Load() || q.target.Load() == 0) {
				q.poke()
				return
			}
		}
	}, q.poke)
}

// farthest is how long the loop sleeps at most, so that a machine whose clock
// was set is not late for long.
const farthest = time.Minute

// pass starts what is due and returns how long to sleep.
func (q *Queue) pass(ctx context.Context) (time.Duration, error) {
	now := q.clock.Now()
	due, next, err := q.due(ctx, now)
	if err != nil {
		return 0, err
	}
	if len(due) == 0 {
		q.settle(now)
	} else if err := q.take(ctx, due, now); err != nil {
		return 0, err
	}
	next = min(next, now.Add(farthest).UnixNano())
	q.target.Store(next)
	return max(0, time.Duration(next-q.clock.Now().UnixNano())), nil
}

// dueJob is what a due key says.
type dueJob struct {
	at       int64
	kind, id string
}

// due returns the due jobs that this node can do, oldest first and no more than
// there are hands for, and the time when the next one is due.
func (q *Queue) due(ctx context.Context, now time.Time) (jobs []dueJob, next int64, err error) {
	q.mu.Lock()
	free := q.opt.Parallel - len(q.running)
	q.mu.Unlock()
	next = now.Add(farthest).UnixNano()
	for after := ""; ; {
		items, err := q.store.List(ctx, store.Range{Prefix: duePrefix, After: after, Limit: 100})
		if err != nil {
			return nil, 0, err
		}
		for _, item := range items {
			after = item.Key
			at, kind, id, ok := splitDue(item.Key)
			if !ok {
				return nil, 0, fmt.Errorf("work: key %q is damaged", item.Key)
			}
			if at > now.UnixNano() {
				return jobs, min(next, at), nil
			}
			q.mu.Lock()
			busy := q.running[jobKey(kind, id)]
			q.mu.Unlock()
			if busy || q.handlers[kind] == nil { // or the work of a newer version's node
				continue
			}
			if len(jobs) == free {
				return jobs, next, nil // whoever is done first wakes us
			}
			jobs = append(jobs, dueJob{at, kind, id})
		}
		if len(items) < 100 {
			return jobs, next, nil
		}
	}
}

// Settle waits until everything that is due now has been tried.
func (q *Queue) Settle(ctx context.Context) error {
	now := q.clock.Now()
	for {
		q.mu.Lock()
		if !q.settled.Before(now) {
			q.mu.Unlock()
			return nil
		}
		done := make(chan struct{})
		q.waiters = append(q.waiters, done)
		q.mu.Unlock()
		q.poke()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
		}
	}
}

// settle notes that nothing was left to do at now.
func (q *Queue) settle(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.running) > 0 {
		return
	}
	q.settled = now
	for _, done := range q.waiters {
		close(done)
	}
	q.waiters = nil
}

var errLost = errors.New("work: the job was changed, cancelled or taken over")
