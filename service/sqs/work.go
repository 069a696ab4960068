package sqs

import (
	"context"
	"errors"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// jobRetain deletes what has been in a queue for too long, or all under a UID that
// no queue has any more. The id is the UID, the payload the queue's key.
const jobRetain = "retain"

// perJob is how many messages one transaction deletes.
const perJob = 100

func (s *Service) doRetain(ctx context.Context, tx store.Tx, j work.Job) error {
	q, err := s.queues.Get(ctx, tx, string(j.Payload))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	gone := err != nil || q.UID != j.ID
	now, n := s.now(), 0
	found, err := s.messages.List(ctx, tx, j.ID+"/", "", perJob)
	if err != nil {
		return err
	}
	for _, e := range found {
		if !gone && !q.expired(e.Value, now) {
			break // those that follow are younger
		}
		if err := tx.Delete(ctx, dueKey(j.ID, e.Value.Due, e.ID[len(j.ID)+1:])); err != nil {
			return err
		}
		if err := s.messages.Delete(ctx, tx, e.ID); err != nil {
			return err
		}
		n++
	}
	next := now.Add(time.Hour)
	if n == perJob {
		next = now.Add(time.Millisecond)
	} else if gone {
		return nil
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobRetain, ID: j.ID, Due: next, Payload: j.Payload})
}
