package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"bartizan.dev/trail"
)

const (
	maxGroup = 256     // events in one statement
	maxBytes = 8 << 20 // of events after which a group takes no more
	patience = 10 * time.Second
)

// request is an Append that waits.
type request struct {
	e    *trail.Event
	done chan error
}

// Append implements trail.Trail. It does not heed the end of ctx: a caller that
// has gone away is no reason to leave the record out. It fails when the database
// cannot be reached for ten seconds.
func (t *Trail) Append(_ context.Context, e *trail.Event) error {
	if err := e.Check(); err != nil {
		return err
	}
	r := &request{e: e, done: make(chan error, 1)}
	select {
	case t.queue <- r:
		return <-r.done
	case <-t.ctx.Done():
		return trail.ErrClosed
	}
}

// write takes the events that wait as a group and inserts them, for as long as
// the trail is open.
func (t *Trail) write() {
	var rows rows
	for {
		var group []*request
		size := 0
		select {
		case <-t.ctx.Done():
			return
		case r := <-t.queue:
			group, size = append(group, r), len(r.e.JSON)
		}
	more:
		for len(group) < maxGroup && size < maxBytes {
			select {
			case r := <-t.queue:
				group = append(group, r)
				size += len(r.e.JSON)
			default:
				break more
			}
		}
		err := t.insert(&rows, group)
		for _, r := range group {
			r.done <- err
		}
	}
}

// rows are the columns of a statement.
type rows struct {
	hasher
	at, seq             []int64
	attrs, json         [][]byte
	keys, keyAt, keySeq []int64
}

func (t *Trail) fill(c *rows, group []*request, seq uint64) {
	c.at, c.seq, c.attrs, c.json = c.at[:0], c.seq[:0], nil, nil
	c.keys, c.keyAt, c.keySeq = c.keys[:0], c.keyAt[:0], c.keySeq[:0]
	for i, r := range group {
		at, place := r.e.Time.UnixNano(), int64(seq)+int64(i)
		c.at, c.seq = append(c.at, at), append(c.seq, place)
		c.attrs = append(c.attrs, encode(nil, r.e))
		c.json = append(c.json, append([]byte{}, r.e.JSON...))
		c.keys = c.hasher.keys(c.keys, t.seed, r.e)
		for len(c.keyAt) < len(c.keys) {
			c.keyAt, c.keySeq = append(c.keyAt, at), append(c.keySeq, place)
		}
	}
}

// insert brings a group into the database, trying again where that can help.
func (t *Trail) insert(c *rows, group []*request) error {
	// Appends under way are finished when the trail closes.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), patience)
	defer cancel()
	var err error
	c.seq = c.seq[:0]
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		if err = t.tryInsert(ctx, c, group); err == nil {
			t.good()
			return nil
		}
		if !retryable(err) || ctx.Err() != nil {
			break
		}
		t.opt.Log.Warn("trail: cannot record, will try again", "events", len(group), "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(min(pause, time.Second)):
		}
	}
	t.lastGood.Store(0) // Admit refuses until a probe succeeds
	t.opt.Log.Error("trail: cannot record", "events", len(group), "error", err)
	return wrap(err)
}

func (t *Trail) tryInsert(ctx context.Context, c *rows, group []*request) error {
	if len(c.seq) == 0 { // the first time; later the same places again
		seq, err := t.places(ctx, len(group))
		if err != nil {
			return err
		}
		t.fill(c, group, seq)
	}
	if err := t.haveDays(ctx, c.at); err != nil {
		return err
	}
	_, err := t.pool.Exec(ctx, `WITH e AS (
			INSERT INTO event (at, seq, attrs, json) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[])
			ON CONFLICT DO NOTHING)
		INSERT INTO posting (key, at, seq) SELECT * FROM unnest($5::bigint[], $6::bigint[], $7::bigint[])
		ON CONFLICT DO NOTHING`, c.at, c.seq, c.attrs, c.json, c.keys, c.keyAt, c.keySeq)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "23514" {
		t.forgetDays() // a day was dropped under us
	}
	return err
}

// places reserves n consecutive places in the order of events.
func (t *Trail) places(ctx context.Context, n int) (uint64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last-t.seq < uint64(n) {
		var number int64
		if err := t.pool.QueryRow(ctx, `SELECT nextval('event_block')`).Scan(&number); err != nil {
			return 0, fmt.Errorf("reserving places: %w", err)
		}
		t.seq, t.last = uint64(number)*block, uint64(number+1)*block
	}
	t.seq += uint64(n)
	return t.seq - uint64(n), nil
}

// retryable reports whether an insert may succeed when it is sent again.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func retryable(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return true // the connection
	}
	switch pg.Code {
	case "40001", "40P01", "55P03", "23514", // conflict, deadlock, lock, no partition for the day
		"57P01", "57P02", "57P03", "53300": // going down, crashed, starting up, too many connections
		return true
	}
	return false
}
