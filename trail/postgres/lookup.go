package postgres

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"bartizan.dev/trail"
)

// Lookup implements trail.Trail.
func (t *Trail) Lookup(ctx context.Context, q trail.Query) (trail.Page, error) {
	if err := q.Check(); err != nil {
		return trail.Page{}, err
	}
	from, err := q.From()
	if err != nil {
		return trail.Page{}, err
	}
	if t.ctx.Err() != nil {
		return trail.Page{}, trail.ErrClosed
	}
	start, _ := q.Bounds()
	var h hasher
	key := h.key(t.seed, q.Account, q.Region, q.Attribute, q.Value)
	var page trail.Page
	for {
		want := q.Limit + 1 - len(page.Events)
		found, err := t.read(ctx, key, start, from, want)
		if err != nil {
			return trail.Page{}, wrap(err)
		}
		for _, f := range found {
			if q.Matches(&f.event) { // else another value with the same hash
				if len(page.Events) == q.Limit {
					page.Next = q.NextToken(from)
					return page, nil
				}
				page.Events = append(page.Events, f.event)
			}
			from = f.Position
		}
		if len(found) < want {
			return page, nil
		}
	}
}

type found struct {
	trail.Position
	event trail.Event
}

// read returns the newest n events of a key that are older than p and not older
// than start, newest first. The partitions are in the order of time, so the scan
// ends with the nth.
func (t *Trail) read(ctx context.Context, key, start int64, p trail.Position, n int) ([]found, error) {
	seq := int64(min(p.Seq, math.MaxInt64))
	rows, err := t.pool.Query(ctx, `SELECT p.at, p.seq, e.attrs, e.json FROM (
			SELECT at, seq FROM posting
			WHERE key = $1 AND at >= $2 AND at <= $3 AND (at, seq) < ($3, $4)
			ORDER BY at DESC, seq DESC LIMIT $5) p
		JOIN event e ON e.at = p.at AND e.seq = p.seq ORDER BY p.at DESC, p.seq DESC`, key, start, p.Time, seq, n)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanEvent)
}

// scanEvent reads a row of at, seq, attrs and json.
func scanEvent(row pgx.CollectableRow) (f found, err error) {
	var attrs []byte
	var seq int64
	if err := row.Scan(&f.Time, &seq, &attrs, &f.event.JSON); err != nil {
		return f, err
	}
	f.Seq = uint64(seq)
	f.event.Time = time.Unix(0, f.Time).UTC()
	return f, decode(attrs, &f.event)
}
