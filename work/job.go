package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"bartizan.dev/store"
)

// Job is one piece of work. Kind and ID together name it.
type Job struct {
	Kind    string    // a handler's; without a slash
	ID      string    // what it is about, such as a key id
	Due     time.Time // when to do it, by the Clock
	Payload []byte    // for the handler; at most 64 KiB
	// What has happened to it so far; Add ignores these.
	Attempts  int    // how often it has failed
	LastError string // why, the last time
}

// Handler does a job. It may take its time and be run again after a crash, so
// what it does itself must bear repetition; it should stop when ctx ends. What
// must happen exactly once belongs into the function it returns, which runs in
// the transaction that removes the job (nil: nothing but that). That function
// may itself Add the job again. It may run more than once, like every function
// passed to Update, but takes effect once.
//
// An error, of either, puts the job off: 1 s, 2 s, 4 s … at most an hour.
type Handler func(ctx context.Context, j Job) (finish func(store.Tx) error, err error)

// InTx is the Handler of work that is only changes in the store.
func InTx(do func(ctx context.Context, tx store.Tx, j Job) error) Handler {
	return func(ctx context.Context, j Job) (func(store.Tx) error, error) {
		return func(tx store.Tx) error { return do(ctx, tx, j) }, nil
	}
}

// ErrJob is returned by Add and Cancel for a job that cannot be named or kept.
var ErrJob = errors.New("work: bad job")

// What is stored, below the prefix "work/" of the queue's view:
//
//	work/job/KIND/ID       a record
//	work/due/TIME/KIND/ID  nothing; TIME is the record's Next, 16 hex digits
//
// Leases need no record of their own: who takes a job moves Next to the end of
// his lease, and if he dies it is simply due again.
const (
	jobPrefix  = "work/job/"
	duePrefix  = "work/due/"
	maxName    = 400 // bytes of Kind and ID, to stay below store.MaxKey
	maxPayload = 64 << 10
	maxError   = 1 << 10 // bytes of LastError kept
)

// record is a job at rest.
type record struct {
	Due       int64  `json:"due"`  // nanoseconds since 1970
	Next      int64  `json:"next"` // when to look at it: Due, or the end of a lease or of a delay
	Payload   []byte `json:"payload,omitempty"`
	Attempts  int    `json:"attempts,omitempty"`
	LastError string `json:"lastError,omitempty"`
	Owner     string `json:"owner,omitempty"` // the node that does it now
	Lease     string `json:"lease,omitempty"` // random, anew each time it is taken
}

func (j *Job) check() error {
	switch {
	case j.Kind == "" || j.ID == "" || strings.Contains(j.Kind, "/"):
		return fmt.Errorf("%w: kind %q, id %q", ErrJob, j.Kind, j.ID)
	case len(j.Kind)+len(j.ID) > maxName:
		return fmt.Errorf("%w: name of %d bytes, at most %d", ErrJob, len(j.Kind)+len(j.ID), maxName)
	case len(j.Payload) > maxPayload:
		return fmt.Errorf("%w: payload of %d bytes, at most %d", ErrJob, len(j.Payload), maxPayload)
	case j.Due.Year() < 1970 || j.Due.Year() > 2261:
		return fmt.Errorf("%w: due in the year %d", ErrJob, j.Due.Year())
	}
	return nil
}

func jobKey(kind, id string) string { return jobPrefix + kind + "/" + id }

func dueKey(next int64, kind, id string) string {
	return fmt.Sprintf("%s%016x/%s/%s", duePrefix, uint64(max(next, 0)), kind, id)
}

// splitDue takes a key of dueKey apart.
func splitDue(key string) (next int64, kind, id string, ok bool) {
	rest, ok := strings.CutPrefix(key, duePrefix)
	if !ok || len(rest) < 17 || rest[16] != '/' {
		return 0, "", "", false
	}
	n, err := strconv.ParseUint(rest[:16], 16, 64)
	kind, id, ok = strings.Cut(rest[17:], "/")
	if err != nil || n > math.MaxInt64 || !ok {
		return 0, "", "", false
	}
	return int64(n), kind, id, true
}

// get returns the record, or nil when there is none.
func get(ctx context.Context, r store.Reader, kind, id string) (*record, error) {
	item, err := r.Get(ctx, jobKey(kind, id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decode(item.Value, kind, id)
}

func decode(b []byte, kind, id string) (*record, error) {
	rec := new(record)
	if err := json.Unmarshal(b, rec); err != nil {
		return nil, fmt.Errorf("work: job %s/%s: %w", kind, id, err)
	}
	return rec, nil
}

// put writes the record and its due key; old is what was there, or nil.
func put(ctx context.Context, tx store.Tx, kind, id string, rec, old *record) error {
	b, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("work: job %s/%s: %w", kind, id, err)
	}
	if old == nil || old.Next != rec.Next {
		if old != nil {
			if err := tx.Delete(ctx, dueKey(old.Next, kind, id)); err != nil {
				return err
			}
		}
		if err := tx.Put(ctx, dueKey(rec.Next, kind, id), nil); err != nil {
			return err
		}
	}
	return tx.Put(ctx, jobKey(kind, id), b)
}

func remove(ctx context.Context, tx store.Tx, kind, id string, rec *record) error {
	if err := tx.Delete(ctx, dueKey(rec.Next, kind, id)); err != nil {
		return err
	}
	return tx.Delete(ctx, jobKey(kind, id))
}

func (rec *record) job(kind, id string) Job {
	return Job{
		Kind: kind, ID: id, Due: time.Unix(0, rec.Due).UTC(), Payload: rec.Payload,
		Attempts: rec.Attempts, LastError: rec.LastError,
	}
}
