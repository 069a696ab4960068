package postgres

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"bartizan.dev/trail"
)

// settling is after which time no node adds an event of that time any more:
// longer than a call lasts and an append is tried.
const settling = 2 * time.Minute

var _ trail.Log = (*Trail)(nil)

// End implements trail.Log. A place is a time and a number. Nodes number their
// events each for itself, so the order is that of times, and the end lies
// settling in the past. An event that is recorded later than that after its time
// is found by Lookup and not by Read.
func (t *Trail) End(context.Context) (trail.Place, error) {
	if t.ctx.Err() != nil {
		return trail.Place{}, trail.ErrClosed
	}
	return trail.Place{Part: uint64(t.opt.Now().Add(-settling).UnixNano())}, nil
}

// Read implements trail.Log.
func (t *Trail) Read(ctx context.Context, from, to trail.Place, fn func(*trail.Event) bool) (trail.Place, error) {
	const page = 500
	for {
		if !from.Before(to) {
			return from, nil
		}
		rows, err := t.pool.Query(ctx, `SELECT at, seq, attrs, json FROM event
			WHERE at >= $1 AND at <= $3 AND (at, seq) >= ($1, $2) AND (at, seq) < ($3, $4) ORDER BY at, seq LIMIT $5`,
			number(from.Part), number(from.Offset), number(to.Part), number(to.Offset), page)
		if err != nil {
			return from, wrap(err)
		}
		found, err := pgx.CollectRows(rows, scanEvent)
		if err != nil {
			return from, wrap(err)
		}
		for i := range found {
			from = trail.Place{Part: uint64(found[i].Time), Offset: found[i].Seq + 1}
			if !fn(&found[i].event) {
				return from, nil
			}
		}
		if len(found) < page {
			return to, nil
		}
	}
}

func number(n uint64) int64 { return int64(min(n, math.MaxInt64)) }
