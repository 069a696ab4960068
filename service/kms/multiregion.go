package kms

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Multi-Region keys: keys of one id and one material in several Regions, each
// with a policy, grants, aliases and tags of its own. The primary key has the
// rotation.
// https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html

var regionPattern = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$`)

func (s *Service) multiRegionRules() policy.Rules {
	return policy.Rules{
		"ReplicateKey": policy.On(func(ctx context.Context, in *api.ReplicateKeyRequest) ([]policy.Touch, error) {
			t, touch, err := s.touch(ctx, use{action: "kms:ReplicateKey", keyID: in.KeyId, more: func(c *conditions) {
				c.set("kms:ReplicaRegion", in.ReplicaRegion)
				c.setBool("kms:BypassPolicyLockoutSafetyCheck", orFalse(in.BypassPolicyLockoutSafetyCheck))
			}})
			touches := []policy.Touch{touch}
			if err != nil {
				return touches, err
			}
			caller.From(ctx).Found = t
			// "kms:CreateKey in the replica's Region", and its tags.
			// https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-replicate.html
			create := policy.Touch{Action: "kms:CreateKey", Account: touch.Account, RequestTags: requestTags(in.Tags, apiTag)}
			if t.loaded != nil {
				create.Keys = slices.DeleteFunc(slices.Concat(touch.SharedKeys, touch.Keys), func(p policy.Pair) bool { return p.Key == "kms:MultiRegionKeyType" })
				create.Keys = append(create.Keys, policy.Pair{Key: "kms:MultiRegionKeyType", Values: []string{string(api.MultiRegionKeyType_REPLICA)}})
			}
			touches = append(touches, create)
			if len(in.Tags) > 0 {
				create.Action = "kms:TagResource"
				touches = append(touches, create)
			}
			return touches, nil
		}),
		"UpdatePrimaryRegion": policy.On(func(ctx context.Context, in *api.UpdatePrimaryRegionRequest) ([]policy.Touch, error) {
			u := use{action: "kms:UpdatePrimaryRegion", keyID: in.KeyId, more: func(c *conditions) { c.set("kms:PrimaryRegion", in.PrimaryRegion) }}
			t, touch, err := s.touch(ctx, u)
			if err != nil {
				return []policy.Touch{touch}, err
			}
			caller.From(ctx).Found = t
			replica := t.ref
			replica.region = in.PrimaryRegion
			to, other, err := s.touchRef(ctx, u, replica)
			if err != nil || to.loaded == nil { // then there is nothing more to touch
				return []policy.Touch{touch}, err
			}
			return []policy.Touch{touch, other}, nil
		}),
	}
}

// primary refuses a key that is not a multi-Region primary key.
func (l *loaded) primary() error {
	if !l.MultiRegion || l.Primary != l.Region {
		return unsupported("%s is not a multi-Region primary key.", l.arn)
	}
	return nil
}

// family are the records of a key and, if it is a primary, of its replicas.
func (s *Service) family(ctx context.Context, r store.Reader, k *key) ([]*key, error) {
	out := []*key{k}
	for _, region := range k.Replicas {
		replica, err := s.keys.Get(ctx, r, keyPath(k.Account, region, k.ID))
		if err != nil {
			return nil, err
		}
		out = append(out, replica)
	}
	return out, nil
}

// ReplicateKey makes a related key in another Region.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html
func (s *Service) ReplicateKey(ctx context.Context, in *api.ReplicateKeyRequest) (*api.ReplicateKeyResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.primary(); err != nil {
		return nil, err
	}
	if !regionPattern.MatchString(in.ReplicaRegion) || in.ReplicaRegion == t.Region {
		return nil, invalid("ReplicaRegion %s is not another Region.", in.ReplicaRegion)
	}
	now := s.now()
	k := &key{
		Account: t.Account, Region: in.ReplicaRegion, ID: t.ID, Spec: t.Spec, Usage: t.Usage, Origin: t.Origin,
		Manager: t.Manager, Created: now, MultiRegion: true, Primary: t.Region,
	}
	if in.Description != nil {
		k.Description = *in.Description
	}
	if k.Tags, err = newTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if k.Policy, err = s.newPolicy(ctx, k, in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
		return nil, err
	}
	if _, err := s.domains.get(ctx, k.Region); err != nil {
		return nil, err
	}
	var replica *loaded
	_, err = s.change(ctx, func(tx store.Tx, l *loaded, now time.Time) error {
		if err := l.usable(now); err != nil {
			return err
		}
		if slices.Contains(l.Replicas, k.Region) {
			return wire.Errorf("AlreadyExistsException", "%s already exists.", k.arn())
		}
		l.Replicas = append(l.Replicas, k.Region)
		if err := s.copyMaterials(ctx, tx, &l.key, k); err != nil {
			return err
		}
		if err := s.count(ctx, tx, k, +1); err != nil {
			return err
		}
		if err := s.keys.Insert(ctx, tx, k.path(), k); err != nil {
			return err
		}
		if err := s.keys.Put(ctx, tx, l.path(), &l.key); err != nil { // relatives reads it
			return err
		}
		replica, err = s.fresh(ctx, tx, k.path())
		return err
	})
	if err != nil {
		return nil, err
	}
	meta, err := s.metadata(ctx, s.Store, replica)
	if err != nil {
		return nil, err
	}
	shown, err := s.Show(ctx, k.Policy)
	if err != nil {
		return nil, err
	}
	tags := []api.Tag{}
	for _, t := range k.Tags {
		tags = append(tags, api.Tag{TagKey: t.Key, TagValue: t.Value})
	}
	return &api.ReplicateKeyResponse{ReplicaKeyMetadata: meta, ReplicaPolicy: &shown, ReplicaTags: tags}, nil
}

// copyMaterials gives a replica the materials of its primary, wrapped under its
// own Region's domain key. Imported ones must be imported there too.
func (s *Service) copyMaterials(ctx context.Context, tx store.Tx, from, to *key) error {
	if from.Origin == api.OriginType_EXTERNAL {
		return nil
	}
	materials, err := s.materials.List(ctx, tx, from.path()+"/", "", 0)
	if err != nil {
		return err
	}
	for _, e := range materials {
		m := *e.Value
		secret, err := s.domains.unwrap(ctx, from.Region, materialName(from.path(), m.ID), m.Wrapped)
		if err != nil {
			return err
		}
		m.Wrapped, err = s.domains.wrap(ctx, to.Region, materialName(to.path(), m.ID), secret)
		clear(secret)
		if err != nil {
			return err
		}
		if err := s.materials.Put(ctx, tx, to.path()+"/"+m.ID, &m); err != nil {
			return err
		}
	}
	to.Current = from.Current
	return nil
}

// UpdatePrimaryRegion makes a replica the primary key and the primary key a
// replica.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdatePrimaryRegion.html
func (s *Service) UpdatePrimaryRegion(ctx context.Context, in *api.UpdatePrimaryRegionRequest) (*api.UpdatePrimaryRegionOutput, error) {
	_, err := s.change(ctx, func(tx store.Tx, l *loaded, now time.Time) error {
		if err := l.primary(); err != nil {
			return err
		}
		if in.PrimaryRegion == l.Region {
			return invalid("%s is already the primary key.", l.arn)
		}
		if err := l.usable(now); err != nil {
			return err
		}
		if !slices.Contains(l.Replicas, in.PrimaryRegion) {
			return noKey(arn.New("kms", in.PrimaryRegion, l.Account, "key/"+l.ID))
		}
		to, err := s.fresh(ctx, tx, keyPath(l.Account, in.PrimaryRegion, l.ID))
		if err != nil {
			return err
		}
		if err := to.usable(now); err != nil {
			return err
		}
		return s.moveLead(ctx, tx, &l.key, &to.key, now)
	})
	return &api.UpdatePrimaryRegionOutput{}, err
}

// moveLead makes to the primary key of from's family. from's record is left to
// the caller.
func (s *Service) moveLead(ctx context.Context, tx store.Tx, from, to *key, now time.Time) error {
	all, err := s.family(ctx, tx, from)
	if err != nil {
		return err
	}
	to.Replicas = append(slices.DeleteFunc(slices.Clone(from.Replicas), func(r string) bool { return r == to.Region }), from.Region)
	to.Rotation, to.Next, to.OnDemand = from.Rotation, from.Next, from.OnDemand
	from.Replicas, from.Rotation, from.Next, from.OnDemand = nil, 0, nil, 0
	if err := s.planRotation(ctx, tx, from, now); err != nil {
		return err
	}
	if err := s.planRotation(ctx, tx, to, now); err != nil {
		return err
	}
	from.Primary, to.Primary = to.Region, to.Region
	for _, k := range all[1:] {
		if k.Region == to.Region {
			k = to
		}
		k.Primary = to.Region
		if err := s.keys.Put(ctx, tx, k.path(), k); err != nil {
			return err
		}
	}
	return nil
}

// leaveRelatives takes a deleted replica out of its primary's record. A primary
// that waited for the last of its replicas begins to wait for its own end.
func (s *Service) leaveRelatives(ctx context.Context, tx store.Tx, k *key) error {
	if !k.MultiRegion || k.Primary == k.Region {
		return nil
	}
	primary, err := s.keys.Get(ctx, tx, keyPath(k.Account, k.Primary, k.ID))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	primary.Replicas = slices.DeleteFunc(primary.Replicas, func(r string) bool { return r == k.Region })
	if primary.Waiting && len(primary.Replicas) == 0 {
		if err := s.doom(ctx, tx, primary, s.now()); err != nil {
			return err
		}
	}
	return s.keys.Put(ctx, tx, primary.path(), primary)
}

// matchesPrimary refuses, as the first material of a replica, any other than
// its primary's.
// https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-import.html
func (s *Service) matchesPrimary(ctx context.Context, tx store.Tx, k *key, m *keyMaterial) error {
	if !k.MultiRegion || k.Primary == k.Region {
		return nil
	}
	primary, err := s.keys.Get(ctx, tx, keyPath(k.Account, k.Primary, k.ID))
	if err != nil {
		return err
	}
	if primary.Current != m.ID {
		return wrongMaterial()
	}
	return nil
}

// placeNextEverywhere: a new material is imported into the primary key first and
// then into each replica, before it can be rotated to.
// https://docs.aws.amazon.com/kms/latest/developerguide/rotating-keys-on-demand.html
func (s *Service) placeNextEverywhere(ctx context.Context, tx store.Tx, k *key, m *keyMaterial) error {
	if k.Primary == k.Region {
		if len(k.Replicas) > 0 {
			m.State = api.KeyMaterialState_PENDING_MULTI_REGION_IMPORT_AND_ROTATION
		}
		return nil
	}
	primary, err := s.keys.Get(ctx, tx, keyPath(k.Account, k.Primary, k.ID))
	if err != nil {
		return err
	}
	next, err := s.nextMaterial(ctx, tx, primary)
	if err != nil {
		return err
	}
	if next == nil || next.ID != m.ID {
		return badState("Import the new key material into the primary key %s first.", primary.arn())
	}
	return nil
}

// settleImport lets a primary's next material be rotated to when all replicas
// have it.
func (s *Service) settleImport(ctx context.Context, tx store.Tx, k *key, m *keyMaterial) error {
	if !k.MultiRegion || k.Primary == k.Region || m.State != api.KeyMaterialState_PENDING_ROTATION {
		return nil
	}
	primary, err := s.keys.Get(ctx, tx, keyPath(k.Account, k.Primary, k.ID))
	if err != nil {
		return err
	}
	for _, region := range primary.Replicas {
		if region == k.Region {
			continue
		}
		other, err := s.materials.Get(ctx, tx, keyPath(k.Account, region, k.ID)+"/"+m.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		if len(other.Wrapped) == 0 {
			return nil
		}
	}
	name := primary.path() + "/" + m.ID
	lead, err := s.materials.Get(ctx, tx, name)
	if err != nil {
		return err
	}
	lead.State = api.KeyMaterialState_PENDING_ROTATION
	return s.materials.Put(ctx, tx, name, lead)
}
