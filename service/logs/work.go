package logs

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// What happens later.
const (
	jobRetention = "retention" // the id is a group's UID, the payload its key
	jobPurge     = "purge"     // the id is a deleted group's UID
	jobStream    = "stream"    // the id is a deleted stream's UID, the payload its group's
)

func (s *Service) handlers() map[string]work.Handler {
	return map[string]work.Handler{jobRetention: work.InTx(s.doRetention), jobPurge: work.InTx(s.doPurge), jobStream: work.InTx(s.doStream)}
}

// perJob is how many records one transaction deletes.
const perJob = 1000

// doRetention deletes what has expired, and comes again: soon if there is more,
// else in an hour. What has expired is not shown even before.
func (s *Service) doRetention(ctx context.Context, tx store.Tx, j work.Job) error {
	g, err := s.groups.Get(ctx, tx, string(j.Payload))
	if errors.Is(err, store.ErrNotFound) || err == nil && (g.UID != j.ID || g.Days == 0) {
		return nil
	} else if err != nil {
		return err
	}
	now := s.now()
	items, err := tx.List(ctx, store.Range{Prefix: g.event(""), Limit: perJob})
	if err != nil {
		return err
	}
	end, n := firstID(g.horizon(now)), 0
	for _, item := range items {
		id := item.Key[len(g.event("")):]
		if id >= end {
			break
		}
		if err := s.expire(ctx, tx, g, id, item); err != nil {
			return err
		}
		n++
	}
	next := now.Add(time.Hour)
	if n == perJob {
		next = now.Add(time.Millisecond)
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobRetention, ID: g.UID, Due: next, Payload: j.Payload})
}

// expire deletes an event.
func (s *Service) expire(ctx context.Context, tx store.Tx, g *group, id string, item store.Item) error {
	l := new(line)
	if err := json.Unmarshal(item.Value, l); err != nil {
		return err
	}
	v, err := s.streams.Get(ctx, tx, g.UID+"/"+l.Stream)
	if err == nil {
		err = tx.Delete(ctx, v.line(id))
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return tx.Delete(ctx, item.Key)
}

// doPurge deletes the streams of a deleted group with their events.
func (s *Service) doPurge(ctx context.Context, tx store.Tx, j work.Job) error {
	streams, err := s.streams.List(ctx, tx, j.ID+"/", "", 1)
	if err != nil || len(streams) == 0 {
		return err
	}
	v := streams[0].Value
	more, err := s.empty(ctx, tx, j.ID, v.UID)
	if err != nil {
		return err
	}
	if !more {
		if err := s.streams.Delete(ctx, tx, streams[0].ID); err != nil {
			return err
		}
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobPurge, ID: j.ID, Due: s.now().Add(time.Millisecond)})
}

func (s *Service) doStream(ctx context.Context, tx store.Tx, j work.Job) error {
	more, err := s.empty(ctx, tx, string(j.Payload), j.ID)
	if err != nil || !more {
		return err
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobStream, ID: j.ID, Due: s.now().Add(time.Millisecond), Payload: j.Payload})
}

// empty deletes events of a stream; more may be left.
func (s *Service) empty(ctx context.Context, tx store.Tx, groupUID, streamUID string) (more bool, err error) {
	g, v := group{UID: groupUID}, stream{UID: streamUID}
	items, err := tx.List(ctx, store.Range{Prefix: v.line(""), Limit: perJob})
	if err != nil {
		return false, err
	}
	for _, item := range items {
		if err := tx.Delete(ctx, g.event(item.Key[len(v.line("")):])); err != nil {
			return false, err
		}
		if err := tx.Delete(ctx, item.Key); err != nil {
			return false, err
		}
	}
	return len(items) == perJob, nil
}
