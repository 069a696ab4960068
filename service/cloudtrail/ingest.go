package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	// ingestEvery is how often an event data store takes what is new in the trail.
	ingestEvery = time.Minute
	// maxIngest bounds the events of one run, in bytes; more follow at once.
	maxIngest = 4 << 20
	// blockSize is how many bytes of events make a block, before compression.
	blockSize = 256 << 10
	// dropBlocks are as many as one transaction deletes.
	dropBlocks = 200
)

// ingestFrom has an event data store ingest from a place in the trail on, with
// what happens from now on. A run that still has to come for what was before, a
// stop and a start within a minute, goes on where it is.
func (s *Service) ingestFrom(ctx context.Context, tx store.Tx, d *dataStore, now time.Time, end trail.Place) error {
	if len(d.Spans) >= maxSpans {
		return wire.Errorf("ThrottlingException", "Ingestion was started and stopped too often: try again later.")
	}
	d.Status = cloudtrailapi.EventDataStoreStatus_ENABLED
	d.Spans = append(d.Spans, span{From: now})
	if d.Alive {
		return nil
	}
	d.Alive, d.At = true, end
	return s.queue.Add(ctx, tx, work.Job{Kind: jobIngest, ID: d.ID, Due: now.Add(ingestEvery)})
}

// stopIngestion ends it with what happened until now.
func (d *dataStore) stopIngestion(now time.Time) {
	d.Status = cloudtrailapi.EventDataStoreStatus_STOPPED_INGESTION
	if n := len(d.Spans); n > 0 && d.Spans[n-1].To.IsZero() {
		d.Spans[n-1].To = now
	}
}

// takes reports whether an event data store keeps an event.
func (d *dataStore) takes(e *trail.Event) bool {
	region, insight := realRegion(e.Region)
	if e.Account != d.Account || !d.Multi && region != d.Region || insight || strings.Contains(region, "/") || !d.logged(e.Time) {
		return false
	}
	var f facts
	return json.Unmarshal(e.JSON, &f) != nil || chosen(d.Selectors, e, &f)
}

// byID is an event data store by its id, or nil.
func (s *Service) storeByID(ctx context.Context, r store.Reader, id string) (*dataStore, error) {
	e, err := s.stores.OneBy(ctx, r, "id", id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return e.Value, nil
}

// ingest takes what is new in the trail into an event data store. That it is
// there and that the place moves on is one transaction, so no event is lost or
// there twice.
func (s *Service) ingest(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	d, err := s.storeByID(ctx, s.Store, j.ID)
	if err != nil || d == nil {
		return nil, err
	}
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	now, from, total := s.Clock.Now(), d.At, 0
	var blocks []*block
	reached, err := s.Log.Read(ctx, from, end, func(e *trail.Event) bool {
		if d.takes(e) {
			if n := len(blocks); n == 0 || blocks[n-1].size >= blockSize {
				blocks = append(blocks, &block{oldest: e.Time, newest: e.Time})
			}
			blocks[len(blocks)-1].add(e)
			total += len(e.JSON)
		}
		return total < maxIngest
	})
	if err != nil {
		return nil, err
	}
	old, err := s.expired(ctx, d, now)
	if err != nil {
		return nil, err
	}
	return func(tx store.Tx) error {
		d, err := s.storeByID(ctx, tx, j.ID)
		if err != nil || d == nil || d.At != from {
			return err
		}
		for _, b := range blocks {
			if err := b.put(ctx, tx, d); err != nil {
				return err
			}
		}
		for _, key := range old {
			if err := tx.Delete(ctx, key); err != nil {
				return err
			}
		}
		d.At = reached
		due := now.Add(ingestEvery)
		if reached.Before(end) || len(old) == dropBlocks {
			due = now
		} else {
			d.Spans = slices.DeleteFunc(d.Spans, func(s span) bool { return !s.To.IsZero() && s.To.Before(now.Add(-settling)) })
			// One that ingests no more still forgets what is too old.
			if d.Alive = len(d.Spans) > 0; !d.Alive {
				due = now.Add(24 * time.Hour)
			}
		}
		if d.Status != cloudtrailapi.EventDataStoreStatus_PENDING_DELETION || d.Alive {
			if err := s.queue.Add(ctx, tx, work.Job{Kind: jobIngest, ID: j.ID, Due: due}); err != nil {
				return err
			}
		}
		return s.stores.Put(ctx, tx, d.id(), d)
	}, nil
}

// catchUp has an event data store ingest what the trail has now, so that a query
// sees what was done before it was asked.
func (s *Service) catchUp(ctx context.Context, id string) error {
	end, err := s.Log.End(ctx)
	if err != nil {
		return err
	}
	for {
		d, err := s.storeByID(ctx, s.Store, id)
		if err != nil || d == nil || !d.Alive || !d.At.Before(end) {
			return err
		}
		finish, err := s.ingest(ctx, work.Job{Kind: jobIngest, ID: id})
		if err != nil || finish == nil {
			return err
		}
		if _, err := s.Store.Update(ctx, finish); err != nil {
			return err
		}
	}
}

// block are events that are stored together.
type block struct {
	oldest, newest time.Time
	text           bytes.Buffer // each with its length before it
	size           int
}

func (b *block) add(e *trail.Event) {
	if e.Time.Before(b.oldest) {
		b.oldest = e.Time
	}
	if e.Time.After(b.newest) {
		b.newest = e.Time
	}
	var n [binary.MaxVarintLen64]byte
	b.text.Write(n[:binary.PutUvarint(n[:], uint64(len(e.JSON)))])
	b.text.Write(e.JSON)
	b.size += len(e.JSON)
}

// blocksOf is what the keys of a store's blocks begin with. The time of the
// newest event comes next, and the oldest's last: what is outside of a time is
// not read.
func blocksOf(id string) string { return "block/" + id + "/" }

func (b *block) put(ctx context.Context, tx store.Tx, d *dataStore) error {
	body, err := compress(b.text.Bytes())
	if err != nil {
		return err
	}
	key := fmt.Sprintf("%s%016x/%016x/%016x", blocksOf(d.ID), b.newest.Unix(), d.Next, b.oldest.Unix())
	d.Next++
	return tx.Put(ctx, key, body)
}

// expired are the keys of some blocks all of whose events are past the days for
// which they are kept.
func (s *Service) expired(ctx context.Context, d *dataStore, now time.Time) ([]string, error) {
	items, err := s.Store.List(ctx, store.Range{Prefix: blocksOf(d.ID), Limit: 1})
	limit := fmt.Sprintf("%s%016x", blocksOf(d.ID), now.AddDate(0, 0, -int(d.Days)).Unix())
	if err != nil || len(items) == 0 || items[0].Key >= limit {
		return nil, err
	}
	if items, err = s.Store.List(ctx, store.Range{Prefix: blocksOf(d.ID), Limit: dropBlocks}); err != nil {
		return nil, err
	}
	var keys []string
	for _, item := range items {
		if item.Key < limit {
			keys = append(keys, item.Key)
		}
	}
	return keys, nil
}

// drop deletes an event data store whose waiting time is over, first its events.
func (s *Service) drop(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	items, err := s.Store.List(ctx, store.Range{Prefix: blocksOf(j.ID), Limit: dropBlocks})
	if err != nil {
		return nil, err
	}
	return func(tx store.Tx) error {
		d, err := s.storeByID(ctx, tx, j.ID)
		if err != nil || d == nil || d.Status != cloudtrailapi.EventDataStoreStatus_PENDING_DELETION {
			return err
		}
		for _, item := range items {
			if err := tx.Delete(ctx, item.Key); err != nil {
				return err
			}
		}
		if len(items) > 0 {
			return s.queue.Add(ctx, tx, work.Job{Kind: jobDrop, ID: j.ID, Due: j.Due})
		}
		return errors.Join(s.queue.Cancel(ctx, tx, jobIngest, j.ID), s.stores.Delete(ctx, tx, d.id()))
	}, nil
}

// stored has the events of an event data store that may be of a time, as
// lake.Source asks for them.
func (s *Service) stored(ctx context.Context, id string, from, to time.Time) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		after := ""
		if !from.IsZero() && from.Unix() > 0 {
			after = fmt.Sprintf("%s%016x", blocksOf(id), from.Unix())
		}
		// Events past their days are not answered, though their block may still be there.
		limit := time.Time{}
		if d, err := s.storeByID(ctx, s.Store, id); err != nil {
			yield(nil, err)
			return
		} else if d != nil {
			limit = s.Clock.Now().AddDate(0, 0, -int(d.Days))
		}
		for {
			items, err := s.Store.List(ctx, store.Range{Prefix: blocksOf(id), After: after, Limit: 8})
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range items {
				after = item.Key
				if !to.IsZero() && item.Key[strings.LastIndexByte(item.Key, '/')+1:] > fmt.Sprintf("%016x", max(to.Unix(), 0)) {
					continue // its oldest event is newer
				}
				if !unpack(item.Value, from, to, limit, yield) {
					return
				}
			}
			if len(items) < 8 {
				return
			}
		}
	}
}

// unpack yields the events of a block that are of a time and not before a limit.
func unpack(body []byte, from, to, limit time.Time, yield func([]byte, error) bool) bool {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return yield(nil, err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return yield(nil, err)
	}
	for len(text) > 0 {
		n, used := binary.Uvarint(text)
		if used <= 0 || n > uint64(len(text)-used) {
			return yield(nil, errors.New("cloudtrail: a block of events is damaged"))
		}
		event := text[used : used+int(n)]
		text = text[used+int(n):]
		var f struct{ EventTime time.Time }
		if json.Unmarshal(event, &f) == nil && !f.EventTime.IsZero() && (f.EventTime.Before(limit) || !from.IsZero() && f.EventTime.Before(from) || !to.IsZero() && f.EventTime.After(to)) {
			continue
		}
		if !yield(event, nil) {
			return false
		}
	}
	return true
}
