package cloudtrail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"sort"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/service/cloudtrail/lake"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

const (
	queryTime    = 10 * time.Minute // that a query may run
	maxResultSet = 8 << 20          // bytes of its results
	rowsBlock    = 128 << 10        // bytes of results stored together
	lookAgain    = 20_000           // events after which it is seen whether a query was cancelled
)

var (
	errCancelled = errors.New("the query was cancelled")
	errTimedOut  = errors.New("the query ran longer than 10 minutes")
	errLarge     = errors.New("the results are larger than 8 MiB: aggregate them, or add a LIMIT")
)

// cell is a column of a row by its name, as AWS answers it.
type cell = map[string]string

// results are rows in blocks, encoded.
type results struct {
	rows, size int
	block      []json.RawMessage
	firsts     []int
	blocks     [][]byte
	weight     int // of block
}

func (r *results) add(names []string, values []*string) error {
	row := make([]cell, len(names))
	for i := range names {
		v := ""
		if values[i] != nil {
			v = *values[i]
		}
		row[i] = cell{names[i]: v}
	}
	b, err := json.Marshal(row)
	if err != nil {
		return err
	}
	if len(r.block) == 0 {
		r.firsts = append(r.firsts, r.rows)
	}
	r.block, r.weight = append(r.block, b), r.weight+len(b)
	r.rows++
	if r.size += len(b); r.size > maxResultSet {
		return errLarge
	}
	if r.weight >= rowsBlock {
		return r.flush()
	}
	return nil
}

func (r *results) flush() error {
	if len(r.block) == 0 {
		return nil
	}
	b, err := json.Marshal(r.block)
	r.blocks, r.block, r.weight = append(r.blocks, b), nil, 0
	return err
}

func rowsKey(id string, first int) string { return fmt.Sprintf("rows/%s/%08d", id, first) }

// rows reads some rows of a query.
func (s *Service) rows(ctx context.Context, q *query, from, n int) ([][]map[string]string, error) {
	out := [][]map[string]string{}
	// The block that begins at from or is the last before.
	for i := sort.SearchInts(q.Blocks, from+1) - 1; i >= 0 && i < len(q.Blocks) && len(out) < n; i++ {
		item, err := s.lakeStore.Get(ctx, rowsKey(q.ID, q.Blocks[i]))
		if err != nil {
			return nil, err
		}
		var rows [][]map[string]string
		if err := json.Unmarshal(item.Value, &rows); err != nil {
			return nil, err
		}
		rows = rows[min(max(0, from-q.Blocks[i]), len(rows)):]
		out = append(out, rows[:min(len(rows), n-len(out))]...)
	}
	return out, nil
}

// amendQuery changes a query that has not ended; ok is false for one that has.
func (s *Service) amendQuery(ctx context.Context, id string, f func(tx store.Tx, q *query) error) (q *query, ok bool, err error) {
	_, err = s.lakeStore.Update(ctx, func(tx store.Tx) error {
		v, err := s.queries.Get(ctx, tx, id)
		if q, ok = v, err == nil && v.open(); !ok {
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return err
		}
		if err := f(tx, v); err != nil {
			return err
		}
		return s.queries.Put(ctx, tx, id, v)
	})
	return q, ok, err
}

// runQuery runs a query. Its results and its end are one transaction.
func (s *Service) runQuery(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	q, ok, err := s.amendQuery(ctx, j.ID, func(_ store.Tx, q *query) error {
		q.Status = cloudtrailapi.QueryStatus_RUNNING
		return nil
	})
	if err != nil || !ok {
		return nil, err
	}
	run, cancel := context.WithCancelCause(ctx)
	s.running.Store(j.ID, cancel)
	defer s.running.Delete(j.ID)
	timed, stop := context.WithTimeoutCause(run, queryTime, errTimedOut)
	defer stop()
	began := time.Now()
	var out results
	var table csvTable
	add := out.add
	if q.URI != "" {
		add = func(names []string, values []*string) error {
			return errors.Join(out.add(names, values), table.add(names, values))
		}
	}
	st, err := lake.Parse(q.Statement)
	var stats lake.Stats
	for _, id := range q.Stores {
		if err == nil {
			err = s.catchUp(timed, id)
		}
	}
	if err == nil {
		stats, err = s.lake.Run(timed, st, q.Parameters, s.watched(q), add)
	}
	if err == nil {
		err = out.flush()
	}
	if ctx.Err() != nil {
		return nil, ctx.Err() // the process ends, or the job is another node's: it is run again
	}
	status, failure := cloudtrailapi.QueryStatus_FINISHED, ""
	if cause := context.Cause(timed); cause != nil && err != nil {
		err = cause
	}
	switch _, known := errors.AsType[*lake.Error](err); {
	case err == nil:
	case errors.Is(err, errCancelled):
		return nil, nil
	case errors.Is(err, errTimedOut):
		status, failure = cloudtrailapi.QueryStatus_TIMED_OUT, err.Error()
	case known, errors.Is(err, errLarge):
		status, failure = cloudtrailapi.QueryStatus_FAILED, err.Error()
	case j.Attempts < 3:
		return nil, err
	default:
		s.Logger.Error("a query of an event data store failed", "query", q.ID, "cause", err)
		status, failure = cloudtrailapi.QueryStatus_FAILED, "The query failed. Its request is in the server's log."
	}
	delivered := q.DeliveryStatus
	if q.URI != "" {
		delivered = cloudtrailapi.DeliveryStatus_FAILED
		if status == cloudtrailapi.QueryStatus_FINISHED {
			if err := s.deliverResults(ctx, q, &table, s.Clock.Now()); err != nil {
				s.Logger.Warn("the results of a query could not be delivered", "query", q.ID, "bucket", q.URI, "cause", err)
			} else {
				delivered = cloudtrailapi.DeliveryStatus_SUCCESS
			}
		}
	}
	millis := int32(time.Since(began).Milliseconds())
	return func(tx store.Tx) error {
		q, err := s.queries.Get(ctx, tx, j.ID)
		if err != nil || !q.open() {
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return err
		}
		q.DeliveryStatus = delivered
		q.Status, q.Error, q.Events, q.Bytes, q.Millis = status, failure, stats.Events, stats.Bytes, millis
		if status == cloudtrailapi.QueryStatus_FINISHED {
			q.Rows, q.Blocks = out.rows, out.firsts
			for i, b := range out.blocks {
				if err := tx.Put(ctx, rowsKey(q.ID, out.firsts[i]), b); err != nil {
					return err
				}
			}
		}
		return s.queries.Put(ctx, tx, j.ID, q)
	}, nil
}

// watched is the source of a query's events, which ends when the query is
// cancelled, on whatever node.
func (s *Service) watched(q *query) lake.Source {
	return func(ctx context.Context, id string, from, to time.Time) iter.Seq2[[]byte, error] {
		return func(yield func([]byte, error) bool) {
			n := 0
			for event, err := range s.stored(ctx, id, from, to) {
				if n++; n%lookAgain == 0 {
					if now, err := s.queries.Get(ctx, s.lakeStore, q.id()); err == nil && !now.open() {
						yield(nil, errCancelled)
						return
					}
				}
				if !yield(event, err) {
					return
				}
			}
		}
	}
}

// forget deletes a query and its results after seven days.
func (s *Service) forget(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	return func(tx store.Tx) error {
		q, err := s.queries.Get(ctx, tx, j.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		for _, first := range q.Blocks {
			if err := tx.Delete(ctx, rowsKey(q.ID, first)); err != nil {
				return err
			}
		}
		return s.queries.Delete(ctx, tx, j.ID)
	}, nil
}
