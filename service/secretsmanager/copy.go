package secretsmanager

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/arn"
	"bartizan.dev/store"
)

// How the values of a primary come to its replica in another account.

// copier is the context in which values are copied: that of the replication role,
// or of the caller himself.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/cross-account-replicate-permissions.html
func (s *Service) copier(ctx context.Context, v *secret, to *link) (context.Context, error) {
	if to.Role == "" {
		return ctx, nil
	}
	a, err := arn.Parse(to.Role)
	if kind, _ := a.Type(); err != nil || a.Service != "iam" || kind != "role" || a.Account != v.Account {
		return nil, invalidParameter("ReplicationRoleARN must be the ARN of an IAM role in the primary account.")
	}
	as, err := s.Assume(ctx, to.Role, v.arn())
	if err != nil {
		return nil, errRole.With(err)
	}
	return as, nil
}

// shared are the labels of the versions that a replica has: those with a value and
// a label.
func (v *secret) shared() map[string][]string {
	out := map[string][]string{}
	for i := range v.Versions {
		if x := &v.Versions[i]; !x.Empty && len(x.Stages) > 0 {
			out[x.ID] = slices.Clone(x.Stages)
		}
	}
	return out
}

func sameLabels(a, b map[string][]string) bool {
	return maps.EqualFunc(a, b, slices.Equal[[]string])
}

// copyAcross brings the replica of a primary up to date. It fails no call: what is
// wrong, both secrets tell.
func (s *Service) copyAcross(ctx context.Context, was *secret) {
	ctx = context.WithoutCancel(ctx) // the value is written: its replica does not depend on who waits for the answer
	err := s.bringAcross(ctx, was)
	if err == nil {
		return
	}
	_, noted := s.Store.Update(ctx, func(tx store.Tx) error {
		v, err2 := s.same(ctx, tx, was)
		if err2 != nil || !v.Across.stillHolds(was.Across) {
			return ignoreMissing(err2)
		}
		return s.setAcross(ctx, tx, v, secretsmanagerapi.StatusType_Failed, failure(err))
	})
	if noted != nil {
		s.Log.Error("a failed replication was not noted", "secret", was.arn(), "replica", was.Across.ARN, "error", errors.Join(noted, err))
	}
}

func ignoreMissing(err error) error {
	if is(err, errNotFound) {
		return nil
	}
	return err
}

// setAcross writes the state of a replication on both sides.
func (s *Service) setAcross(ctx context.Context, tx store.Tx, v *secret, status secretsmanagerapi.StatusType, message string) error {
	v.Across.set(status, message)
	if err := s.secrets.Put(ctx, tx, v.key(), v); err != nil {
		return err
	}
	ref, err := partner(v.place(), v.Across.ARN)
	if err != nil {
		return err
	}
	r, err := s.get(ctx, tx, ref)
	if err != nil || r.From == nil || r.From.ARN != v.arn() {
		return ignoreMissing(err)
	}
	r.From.set(status, message)
	return s.secrets.Put(ctx, tx, r.key(), r)
}

// bringAcross copies what the replica lacks and gives it the primary's labels.
func (s *Service) bringAcross(ctx context.Context, was *secret) error {
	as, err := s.copier(ctx, was, was.Across)
	if err != nil {
		return err
	}
	for range 3 {
		v, err := s.same(ctx, s.Store, was)
		if err != nil || !v.Across.stillHolds(was.Across) {
			return ignoreMissing(err)
		}
		r, err := s.replicaOf(ctx, v, v.Across.ARN)
		if err != nil {
			return err
		}
		boxes, err := s.sealAcross(as, v, r)
		if err != nil {
			return err
		}
		_, err = s.Store.Update(ctx, func(tx store.Tx) error { return s.plantAcross(ctx, tx, v, r, boxes) })
		if !errors.Is(err, errAgain) {
			return err
		}
	}
	return invalidRequest("The secret is being changed by others. Try again.")
}

// sealAcross seals the values that a replica lacks under its key.
func (s *Service) sealAcross(ctx context.Context, v, r *secret) (map[string]*sealed, error) {
	out := map[string]*sealed{}
	for _, id := range slices.Sorted(maps.Keys(v.shared())) {
		if x := r.version(id); x != nil && !x.Empty {
			continue
		}
		value, err := s.reopen(ctx, v, id)
		if err != nil {
			return nil, err
		}
		if value == nil {
			continue
		}
		out[id], err = s.sealFor(ctx, r, id, value)
		clear(value.bytes)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// plantAcross writes them with the labels that the primary has now.
func (s *Service) plantAcross(ctx context.Context, tx store.Tx, was, of *secret, boxes map[string]*sealed) error {
	v, err := s.same(ctx, tx, was)
	if err != nil || !v.Across.stillHolds(was.Across) {
		return ignoreMissing(err)
	}
	r, err := s.linked(ctx, tx, v, of)
	if err != nil {
		return err
	}
	if r.KMSKey != of.KMSKey {
		return errAgain // sealed under the key before
	}
	old := r.Versions
	r.Versions = nil
	labels := v.shared()
	for i := range v.Versions {
		x := v.Versions[i]
		if labels[x.ID] == nil {
			continue
		}
		k := slices.IndexFunc(old, func(o version) bool { return o.ID == x.ID })
		switch box := boxes[x.ID]; {
		case k >= 0:
			x.Key, x.Accessed = old[k].Key, old[k].Accessed
			old = slices.Delete(old, k, k+1)
		case box == nil:
			return errAgain // new since
		default:
			x.Key, x.Accessed = r.shownKey(box), time.Time{}
			if err := s.values.Put(ctx, tx, r.valueKey(x.ID), box); err != nil {
				return err
			}
		}
		x.Stages = labels[x.ID]
		r.Versions = append(r.Versions, x)
	}
	for i := range old {
		if err := s.values.Delete(ctx, tx, r.valueKey(old[i].ID)); err != nil {
			return err
		}
	}
	r.Changed = s.now()
	if err := s.secrets.Put(ctx, tx, r.key(), r); err != nil {
		return err
	}
	return s.setAcross(ctx, tx, v, secretsmanagerapi.StatusType_InSync, "")
}
