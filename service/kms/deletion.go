package kms

import (
	"context"
	"errors"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// pendingWindow is how many days a key waits for its deletion.
func pendingWindow(asked *int32) int32 {
	if asked == nil {
		return defaultWait
	}
	return *asked
}

// ScheduleKeyDeletion deletes a key in 7 to 30 days. A multi-Region primary
// waits for its replicas first.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
func (s *Service) ScheduleKeyDeletion(ctx context.Context, in *api.ScheduleKeyDeletionRequest) (*api.ScheduleKeyDeletionResponse, error) {
	days := pendingWindow(in.PendingWindowInDays)
	if days < 7 || days > 30 {
		return nil, invalid("PendingWindowInDays must be between 7 and 30 days, inclusive.")
	}
	l, err := s.change(ctx, func(tx store.Tx, l *loaded, now time.Time) error {
		if err := l.customers(); err != nil {
			return err
		}
		if err := l.need(now, living...); err != nil {
			return err
		}
		l.Window = days
		if l.MultiRegion && l.Primary == l.Region && len(l.Replicas) > 0 {
			l.Waiting = true
			return nil
		}
		return s.doom(ctx, tx, &l.key, now)
	})
	if err != nil {
		return nil, err
	}
	out := &api.ScheduleKeyDeletionResponse{KeyId: &l.arn, KeyState: l.state(s.Clock.Now()), PendingWindowInDays: &l.Window}
	if l.Deletion != nil {
		out.DeletionDate = *l.Deletion
	}
	return out, nil
}

// doom gives a key its end.
func (s *Service) doom(ctx context.Context, tx store.Tx, k *key, now time.Time) error {
	k.Waiting, k.Deletion = false, new(now.AddDate(0, 0, int(k.Window)))
	if err := s.queue.Cancel(ctx, tx, jobRotate, k.path()); err != nil {
		return err
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobDelete, ID: k.path(), Due: *k.Deletion})
}

// CancelKeyDeletion takes a key back that waits for its deletion. It is disabled
// then.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html
func (s *Service) CancelKeyDeletion(ctx context.Context, _ *api.CancelKeyDeletionRequest) (*api.CancelKeyDeletionResponse, error) {
	l, err := s.change(ctx, func(tx store.Tx, l *loaded, now time.Time) error {
		if l.Deletion == nil && !l.Waiting {
			return badState("%s is not pending deletion.", l.arn)
		}
		l.Deletion, l.Waiting, l.Window, l.Disabled = nil, false, 0, true
		if err := s.queue.Cancel(ctx, tx, jobDelete, l.path()); err != nil {
			return err
		}
		return s.planRotation(ctx, tx, &l.key, now)
	})
	if err != nil {
		return nil, err
	}
	return &api.CancelKeyDeletionResponse{KeyId: &l.arn}, nil
}

// doDelete deletes a key for good: its materials first of all.
func (s *Service) doDelete(ctx context.Context, tx store.Tx, j work.Job) error {
	k, err := s.keys.Get(ctx, tx, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if k.Deletion == nil || s.Clock.Now().Before(*k.Deletion) {
		return nil // cancelled, and the job was already taken
	}
	return s.erase(ctx, tx, k)
}

// erase deletes all there is of a key.
func (s *Service) erase(ctx context.Context, tx store.Tx, k *key) error {
	path := k.path()
	materials, err := s.materials.List(ctx, tx, path+"/", "", 0)
	if err != nil {
		return err
	}
	for _, m := range materials {
		if err := s.materials.Delete(ctx, tx, m.ID); err != nil {
			return err
		}
		if err := s.queue.Cancel(ctx, tx, jobExpire, m.ID); err != nil {
			return err
		}
	}
	grants, err := s.grants.List(ctx, tx, path+"/", "", 0)
	if err != nil {
		return err
	}
	for _, g := range grants {
		if err := s.grants.Delete(ctx, tx, g.ID); err != nil {
			return err
		}
	}
	names, err := s.aliases.By(ctx, tx, "key", path, "", 0)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.aliases.Delete(ctx, tx, name); err != nil {
			return err
		}
	}
	if err := s.leaveRelatives(ctx, tx, k); err != nil {
		return err
	}
	if err := s.leaveStore(ctx, tx, k); err != nil {
		return err
	}
	for _, name := range [...]string{usageKeys + path, grantCounts + path} {
		if err := tx.Delete(ctx, name); err != nil {
			return err
		}
	}
	if err := s.count(ctx, tx, k, -1); err != nil {
		return err
	}
	s.usage.Delete(path)
	return s.keys.Delete(ctx, tx, path)
}
