package work

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/bits"
	"runtime/debug"
	"time"

	"bartizan.dev/store"
)

// taken is a job with this node's lease on it.
type taken struct {
	Job
	lease string
}

// take leases the jobs that are still to be had and starts them.
func (q *Queue) take(ctx context.Context, due []dueJob, now time.Time) error {
	var jobs []taken
	_, err := q.store.Update(ctx, func(tx store.Tx) error {
		jobs = jobs[:0]
		for _, d := range due {
			old, err := get(ctx, tx, d.kind, d.id)
			if err != nil {
				return err
			}
			if old == nil || old.Next != d.at {
				// Done, moved, or another node was faster, and the key is gone. Should
				// it be there without its job, it must not keep us busy.
				if err := tx.Delete(ctx, dueKey(d.at, d.kind, d.id)); err != nil {
					return err
				}
				continue
			}
			rec := *old
			rec.Owner, rec.Lease = q.owner, rand.Text()
			rec.Next = now.Add(q.opt.Lease).UnixNano()
			if err := put(ctx, tx, d.kind, d.id, &rec, old); err != nil {
				return err
			}
			jobs = append(jobs, taken{rec.job(d.kind, d.id), rec.Lease})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, j := range jobs {
		q.mu.Lock()
		q.running[jobKey(j.Kind, j.ID)] = true
		q.mu.Unlock()
		q.active.Go(func() {
			q.do(ctx, j)
			q.mu.Lock()
			delete(q.running, jobKey(j.Kind, j.ID))
			q.mu.Unlock()
			q.poke()
		})
	}
	if len(jobs) == 0 {
		q.poke() // look again for what the others left
	}
	return nil
}

// do runs a job to its end: removed, put off, or lost.
func (q *Queue) do(ctx context.Context, j taken) {
	runCtx, lost := context.WithCancelCause(ctx) // also of what the handler returned
	defer lost(nil)
	renewing, stop := context.WithCancel(runCtx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		q.renew(renewing, lost, j)
	}()
	finish, err := q.call(runCtx, j.Job)
	stop()
	<-renewed
	if err == nil {
		err = q.finish(ctx, j, finish)
	}
	switch {
	case err == nil:
	case errors.Is(err, errLost) || errors.Is(context.Cause(runCtx), errLost):
		q.opt.Log.Info("work: a run had no effect", "kind", j.Kind, "id", j.ID, "reason", errLost)
	default:
		q.putOff(ctx, j, err)
	}
}

// call calls the handler, and makes an error of its panic.
func (q *Queue) call(ctx context.Context, j Job) (finish func(store.Tx) error, err error) {
	defer func() {
		if p := recover(); p != nil {
			q.opt.Log.Error("work: a handler panicked", "kind", j.Kind, "id", j.ID, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return q.handlers[j.Kind](ctx, j)
}

// renew keeps the lease until ctx ends, and ends the run when it is lost.
func (q *Queue) renew(ctx context.Context, lost context.CancelCauseFunc, j taken) {
	tick := time.NewTicker(q.opt.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := q.change(ctx, j, func(tx store.Tx, old *record) error {
			rec := *old
			rec.Next = q.clock.Now().Add(q.opt.Lease).UnixNano()
			return put(ctx, tx, j.Kind, j.ID, &rec, old)
		})
		switch {
		case errors.Is(err, errLost):
			lost(errLost)
			return
		case err != nil && ctx.Err() == nil:
			// The lease may run out; if another node then does the job, our end of
			// it will have no effect.
			q.opt.Log.Warn("work: cannot renew a lease", "kind", j.Kind, "id", j.ID, "error", err)
		}
	}
}

// change runs fn in a transaction if the lease is still ours, else it returns
// errLost.
func (q *Queue) change(ctx context.Context, j taken, fn func(store.Tx, *record) error) error {
	_, err := q.store.Update(ctx, func(tx store.Tx) error {
		rec, err := get(ctx, tx, j.Kind, j.ID)
		if err != nil {
			return err
		}
		if rec == nil || rec.Lease != j.lease {
			return errLost
		}
		return fn(tx, rec)
	})
	return err
}

// finish removes the job and takes its effect, in one transaction.
func (q *Queue) finish(ctx context.Context, j taken, effect func(store.Tx) error) error {
	return q.change(ctx, j, func(tx store.Tx, rec *record) (err error) {
		if err := remove(ctx, tx, j.Kind, j.ID, rec); err != nil || effect == nil {
			return err
		}
		defer func() {
			if p := recover(); p != nil {
				q.opt.Log.Error("work: a handler panicked", "kind", j.Kind, "id", j.ID, "panic", p, "stack", string(debug.Stack()))
				err = fmt.Errorf("panic: %v", p)
			}
		}()
		return effect(tx)
	})
}

// delay is how long a job is put off after its nth failure.
func delay(n int) time.Duration {
	const longest = time.Hour
	if n > bits.Len64(uint64(longest/time.Second)) {
		return longest
	}
	return min(longest, time.Second<<(n-1))
}

// putOff gives the job back: at once, uncounted, when we are shutting down,
// else after a delay with the error on record.
func (q *Queue) putOff(ctx context.Context, j taken, cause error) {
	stopping := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := q.change(ctx, j, func(tx store.Tx, old *record) error {
		rec := *old
		rec.Owner, rec.Lease = "", ""
		rec.Next = q.clock.Now().UnixNano()
		if !stopping {
			rec.Attempts++
			rec.LastError = cause.Error()[:min(len(cause.Error()), maxError)]
			rec.Next += int64(delay(rec.Attempts))
		}
		return put(ctx, tx, j.Kind, j.ID, &rec, old)
	})
	switch {
	case err != nil && !errors.Is(err, errLost):
		q.opt.Log.Error("work: cannot put a failed job off; it comes back when its lease ends",
			"kind", j.Kind, "id", j.ID, "failure", cause, "error", err)
	case !stopping:
		q.opt.Log.Warn("work: a job failed and is put off", "kind", j.Kind, "id", j.ID,
			"attempt", j.Attempts+1, "again in", delay(j.Attempts+1), "error", cause)
	}
}
