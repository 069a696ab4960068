package kms

import (
	"context"
	"errors"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/service/kms/material"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// rotates refuses rotation of a key that has none.
// https://docs.aws.amazon.com/kms/latest/developerguide/rotate-keys.html
func (l *loaded) rotates(automatic bool) error {
	switch {
	case !l.symmetric() || l.Store != "":
		return unsupported("%s cannot be rotated: only symmetric encryption keys outside of custom key stores can.", l.arn)
	case automatic && l.Origin == api.OriginType_EXTERNAL:
		return unsupported("%s origin is %s which is not valid for this operation.", l.arn, l.Origin)
	case l.MultiRegion && l.Primary != l.Region:
		return unsupported("%s is a replica key: it is rotated with its primary key.", l.arn)
	}
	return nil
}

// planRotation gives a key the job of its next automatic rotation, or takes it
// away.
func (s *Service) planRotation(ctx context.Context, tx store.Tx, k *key, now time.Time) error {
	if k.Rotation == 0 {
		k.Next = nil
		return s.queue.Cancel(ctx, tx, jobRotate, k.path())
	}
	if k.Next == nil {
		k.Next = new(now.AddDate(0, 0, int(k.Rotation)))
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobRotate, ID: k.path(), Due: *k.Next})
}

// EnableKeyRotation has the material replaced every 90 to 2,560 days, 365 unless
// another number is given. It changes the number as well.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html
func (s *Service) EnableKeyRotation(ctx context.Context, in *api.EnableKeyRotationRequest) (*api.EnableKeyRotationOutput, error) {
	_, err := s.change(ctx, func(tx store.Tx, l *loaded, now time.Time) error {
		if err := l.customers(); err != nil {
			return err
		}
		if err := l.rotates(true); err != nil {
			return err
		}
		if err := l.usable(now); err != nil {
			return err
		}
		days := int32(defaultDays)
		if in.RotationPeriodInDays != nil {
			days = *in.RotationPeriodInDays
		}
		if l.Rotation != days {
			l.Rotation, l.Next = days, nil
		}
		return s.planRotation(ctx, tx, &l.key, now)
	})
	return &api.EnableKeyRotationOutput{}, err
}

// DisableKeyRotation ends automatic rotation. Materials stay.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKeyRotation.html
func (s *Service) DisableKeyRotation(ctx context.Context, _ *api.DisableKeyRotationRequest) (*api.DisableKeyRotationOutput, error) {
	_, err := s.change(ctx, func(tx store.Tx, l *loaded, now time.Time) error {
		if err := l.customers(); err != nil {
			return err
		}
		if err := l.rotates(true); err != nil {
			return err
		}
		if err := l.usable(now); err != nil {
			return err
		}
		l.Rotation = 0
		return s.planRotation(ctx, tx, &l.key, now)
	})
	return &api.DisableKeyRotationOutput{}, err
}

// GetKeyRotationStatus tells whether and when a key is rotated. A replica
// answers for its primary.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
func (s *Service) GetKeyRotationStatus(ctx context.Context, _ *api.GetKeyRotationStatusRequest) (*api.GetKeyRotationStatusResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	k := &t.key
	if t.MultiRegion && t.Primary != t.Region {
		if k, err = s.keys.Get(ctx, s.Store, keyPath(t.Account, t.Primary, t.ID)); err != nil {
			return nil, err
		}
	}
	if t.Store != "" {
		return nil, unsupported("%s origin is %s which is not valid for this operation.", t.arn, t.Origin)
	}
	on := k.Rotation != 0 && k.Deletion == nil
	out := &api.GetKeyRotationStatusResponse{KeyId: &t.arn, KeyRotationEnabled: &on}
	if on {
		out.RotationPeriodInDays = &k.Rotation
		if k.Next != nil {
			out.NextRotationDate = *k.Next
		}
	}
	return out, nil
}

// RotateKeyOnDemand replaces the material now. Earlier ones go on decrypting.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html
func (s *Service) RotateKeyOnDemand(ctx context.Context, _ *api.RotateKeyOnDemandRequest) (*api.RotateKeyOnDemandResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.domainsOf(ctx, s); err != nil {
		return nil, err
	}
	l, err := s.change(ctx, func(tx store.Tx, l *loaded, now time.Time) error {
		if err := l.customers(); err != nil {
			return err
		}
		if err := l.rotates(false); err != nil {
			return err
		}
		if err := l.usable(now); err != nil {
			return err
		}
		if l.OnDemand >= maxOnDemand {
			return exceeded("%s has been rotated on demand %d times, which is the quota.", l.arn, maxOnDemand)
		}
		l.OnDemand++
		if l.Origin == api.OriginType_EXTERNAL {
			return s.promoteImported(ctx, tx, &l.key, now)
		}
		return s.rotate(ctx, tx, &l.key, api.RotationType_ON_DEMAND, now)
	})
	if err != nil {
		return nil, err
	}
	return &api.RotateKeyOnDemandResponse{KeyId: &l.arn}, nil
}

// domainsOf opens the domain keys of a key's Regions: within a transaction it
// would be too late to make one.
func (l *loaded) domainsOf(ctx context.Context, s *Service) error {
	for _, region := range append([]string{l.Region}, l.Replicas...) {
		if _, err := s.domains.get(ctx, region); err != nil {
			return err
		}
	}
	return nil
}

// rotate gives a key, and the replicas of a primary, a new current material.
func (s *Service) rotate(ctx context.Context, tx store.Tx, k *key, kind api.RotationType, now time.Time) error {
	secret, err := material.New(string(k.Spec))
	if err != nil {
		return err
	}
	defer clear(secret)
	if err := s.supersede(ctx, tx, k, secret, kind, now); err != nil {
		return err
	}
	for _, region := range k.Replicas {
		replica, err := s.keys.Get(ctx, tx, keyPath(k.Account, region, k.ID))
		if err != nil {
			return err
		}
		if err := s.supersede(ctx, tx, replica, secret, kind, now); err != nil {
			return err
		}
		if err := s.keys.Put(ctx, tx, replica.path(), replica); err != nil {
			return err
		}
	}
	return nil
}

// supersede makes secret the current material of one key. The key's own record
// is left to the caller.
func (s *Service) supersede(ctx context.Context, tx store.Tx, k *key, secret []byte, kind api.RotationType, now time.Time) error {
	m, err := s.newMaterial(ctx, k, secret, now)
	if err != nil {
		return err
	}
	m.Rotated, m.Kind = &now, kind
	if err := s.retireCurrent(ctx, tx, k); err != nil {
		return err
	}
	k.Current = m.ID
	return s.materials.Put(ctx, tx, k.path()+"/"+m.ID, m)
}

// retireCurrent leaves the current material for decryption only.
func (s *Service) retireCurrent(ctx context.Context, tx store.Tx, k *key) error {
	id := k.path() + "/" + k.Current
	old, err := s.materials.Get(ctx, tx, id)
	if err != nil {
		return err
	}
	old.State = api.KeyMaterialState_NON_CURRENT
	return s.materials.Put(ctx, tx, id, old)
}

// doRotate is the automatic rotation.
func (s *Service) doRotate(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	l, err := s.load(ctx, s.Store, j.ID)
	if err != nil || l == nil {
		return nil, err
	}
	if err := l.domainsOf(ctx, s); err != nil {
		return nil, err
	}
	return func(tx store.Tx) error {
		k, err := s.keys.Get(ctx, tx, j.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		now := s.now()
		if k.Rotation == 0 || k.Next == nil || now.Before(*k.Next) || k.Deletion != nil || k.Waiting {
			return nil
		}
		// A disabled key is not rotated. If it is due when it is enabled again, it is
		// rotated then: see EnableKey.
		// https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-enable.html
		if k.Disabled {
			return nil
		}
		if err := s.rotate(ctx, tx, k, api.RotationType_AUTOMATIC, now); err != nil {
			return err
		}
		k.Next = nil
		if err := s.planRotation(ctx, tx, k, now); err != nil {
			return err
		}
		return s.keys.Put(ctx, tx, j.ID, k)
	}, nil
}

// ListKeyRotations lists the rotations of a key, or all its materials.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html
func (s *Service) ListKeyRotations(ctx context.Context, in *api.ListKeyRotationsRequest) (*api.ListKeyRotationsResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newPage(in.Limit, in.Marker, 100, 1000)
	if err != nil {
		return nil, err
	}
	if !t.symmetric() || t.Store != "" {
		return nil, unsupported("%s has no rotations: only symmetric encryption keys outside of custom key stores have.", t.arn)
	}
	list, err := s.rotations(ctx, t, in.IncludeKeyMaterial == api.IncludeKeyMaterial_ALL_KEY_MATERIAL)
	if err != nil {
		return nil, err
	}
	rotations, next := cut(p, list, func(r *api.RotationsListEntry) string { return rotationOrder(r) })
	return &api.ListKeyRotationsResponse{Rotations: rotations, NextMarker: next, Truncated: new(next != nil)}, nil
}
