package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

const dayNanos = int64(24 * time.Hour)

// dayOf returns the number of the day since 1970 that at is in.
func dayOf(at int64) int64 { return at / dayNanos } // times before 1970 are refused

func dayName(day int64) string { return time.Unix(0, day*dayNanos).UTC().Format("20060102") }

// haveDays makes the partitions for the times that have none.
func (t *Trail) haveDays(ctx context.Context, times []int64) error {
	var missing []int64
	t.mu.Lock()
	for _, at := range times {
		if d := dayOf(at); !t.days[d] && !slices.Contains(missing, d) {
			missing = append(missing, d)
		}
	}
	t.mu.Unlock()
	if missing == nil {
		return nil
	}
	return t.locked(ctx, func(tx pgx.Tx) error { return t.makeDays(ctx, tx, missing...) })
}

func (t *Trail) forgetDays() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.days)
}

// makeDays makes the partitions of days. They are attached when they are
// complete, which holds up neither readers nor writers of the other days.
// https://www.postgresql.org/docs/current/ddl-partitioning.html
func (t *Trail) makeDays(ctx context.Context, tx pgx.Tx, days ...int64) error {
	for _, d := range days {
		for _, table := range []string{"event", "posting"} {
			name := table + "_" + dayName(d)
			var exists bool
			if err := tx.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, name).Scan(&exists); err != nil {
				return err
			}
			if exists {
				continue
			}
			if _, err := tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE %s (LIKE %s INCLUDING ALL);
				ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%d) TO (%d)`, name, table, table, name, d*dayNanos, (d+1)*dayNanos)); err != nil {
				return err
			}
		}
		t.mu.Lock()
		t.days[d] = true // if the commit fails, inserting tells
		t.mu.Unlock()
	}
	return nil
}

// keep makes the next days' partitions and drops those past their time, once an
// hour.
func (t *Trail) keep() {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := t.maintain(t.ctx); err != nil && t.ctx.Err() == nil {
			t.opt.Log.Error("trail: cannot maintain the partitions, will try again", "error", err)
		}
		select {
		case <-t.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (t *Trail) maintain(ctx context.Context) error {
	now := t.opt.Now().UnixNano()
	return errors.Join(
		t.haveDays(ctx, []int64{now, now + dayNanos, now + 2*dayNanos}),
		t.expire(ctx, now))
}

// expire drops the days that are older than Keep, by the earlier of the clock
// and the newest event, so that one wrong clock alone removes nothing.
func (t *Trail) expire(ctx context.Context, now int64) error {
	var newest *int64
	if err := t.pool.QueryRow(ctx, `SELECT max(at) FROM event`).Scan(&newest); err != nil {
		return err
	}
	if newest == nil {
		return nil
	}
	limit := dayName(max(0, dayOf(max(0, min(now, *newest)-int64(t.opt.Keep)))))
	return t.locked(ctx, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
			WHERE i.inhparent IN (to_regclass('event'), to_regclass('posting')) AND right(c.relname, 8) < $1 ORDER BY 1`, limit)
		if err != nil {
			return err
		}
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(names) == 0 {
			return err
		}
		t.opt.Log.Info("trail: removing events past their time", "partitions", names, "keep", t.opt.Keep)
		for _, name := range names {
			if _, err := tx.Exec(ctx, `DROP TABLE `+pgx.Identifier{name}.Sanitize()); err != nil {
				return err
			}
		}
		t.forgetDays()
		return nil
	})
}
