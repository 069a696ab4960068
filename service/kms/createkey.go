package kms

import (
	"context"
	"errors"
	"slices"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/service/kms/material"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func createKeyRule(_ *Service) policy.Rule {
	return policy.On(func(ctx context.Context, in *api.CreateKeyRequest) ([]policy.Touch, error) {
		call := caller.From(ctx)
		w, err := newWish(in)
		c := newConditions(8)
		c.setCall(call)
		c.setText("kms:KeySpec", string(w.spec))
		c.setText("kms:CustomerMasterKeySpec", string(w.spec))
		c.setText("kms:KeyUsage", string(w.usage))
		c.setText("kms:CustomerMasterKeyUsage", string(w.usage))
		c.setText("kms:KeyOrigin", string(w.origin))
		multi := in.MultiRegion != nil && *in.MultiRegion
		c.setBool("kms:MultiRegion", &multi)
		if multi {
			c.set("kms:MultiRegionKeyType", string(api.MultiRegionKeyType_PRIMARY))
		}
		c.setBool("kms:BypassPolicyLockoutSafetyCheck", orFalse(in.BypassPolicyLockoutSafetyCheck))
		touch := policy.Touch{Action: "kms:CreateKey", Keys: c.pairs, RequestTags: requestTags(in.Tags, apiTag)}
		touches := []policy.Touch{touch}
		if len(in.Tags) > 0 {
			touch.Action = "kms:TagResource"
			touches = append(touches, touch)
		}
		return touches, err
	})
}

func orFalse(b *bool) *bool {
	if b == nil {
		return new(false)
	}
	return b
}

func apiTag(t api.Tag) policy.Tag { return policy.Tag{Key: t.TagKey, Value: t.TagValue} }

// wish is the kind of key that CreateKey is asked for.
type wish struct {
	spec   api.KeySpec
	usage  api.KeyUsageType
	origin api.OriginType
}

// newWish reads spec, usage and origin, which must go together.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
func newWish(in *api.CreateKeyRequest) (wish, error) {
	w := wish{in.KeySpec, in.KeyUsage, in.Origin}
	if w.spec == "" {
		w.spec = api.KeySpec(in.CustomerMasterKeySpec)
	} else if in.CustomerMasterKeySpec != "" && in.CustomerMasterKeySpec != api.CustomerMasterKeySpec(in.KeySpec) {
		return w, invalid("You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.")
	}
	if w.spec == "" {
		w.spec = api.KeySpec_SYMMETRIC_DEFAULT
	}
	if w.origin == "" {
		w.origin = api.OriginType_AWS_KMS
	}
	if w.usage == "" {
		if w.spec != api.KeySpec_SYMMETRIC_DEFAULT {
			return w, invalid("You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
		}
		w.usage = encryptDecrypt
	}
	if w.spec == api.KeySpec_SM2 {
		return w, unsupported("SM2 keys exist in the China Regions only.")
	}
	if !slices.Contains(material.Usages(string(w.spec)), string(w.usage)) {
		return w, invalid("KeyUsage %s is not compatible with KeySpec %s", w.usage, w.spec)
	}
	return w, nil
}

// CreateKey makes a key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
func (s *Service) CreateKey(ctx context.Context, in *api.CreateKeyRequest) (*api.CreateKeyResponse, error) {
	call := caller.From(ctx)
	w, err := newWish(in)
	if err != nil {
		return nil, err
	}
	now := s.now()
	k := &key{
		Account: call.Identity.Account, Region: call.Region, Spec: w.spec, Usage: w.usage, Origin: w.origin,
		Manager: api.KeyManagerType_CUSTOMER, Created: now, MultiRegion: in.MultiRegion != nil && *in.MultiRegion,
	}
	k.ID = newKeyID(k.MultiRegion)
	if in.Description != nil {
		k.Description = *in.Description
	}
	if k.MultiRegion {
		k.Primary = k.Region
	}
	if k.Tags, err = newTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if k.Policy, err = s.newPolicy(ctx, k, in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
		return nil, err
	}
	m, err := s.provision(ctx, k, in, now)
	if err != nil {
		return nil, err
	}
	l, err := s.insertKey(ctx, k, m)
	if err != nil {
		s.abandon(ctx, k)
		return nil, err
	}
	meta, err := s.metadata(ctx, s.Store, l)
	if err != nil {
		return nil, err
	}
	return &api.CreateKeyResponse{KeyMetadata: meta}, nil
}

// provision makes a key's material, or arranges for it where it is not made
// here. It may take its time, so it is not part of the transaction.
func (s *Service) provision(ctx context.Context, k *key, in *api.CreateKeyRequest, now time.Time) (*keyMaterial, error) {
	inStore := k.Origin == api.OriginType_AWS_CLOUDHSM || k.Origin == api.OriginType_EXTERNAL_KEY_STORE
	switch {
	case inStore != (in.CustomKeyStoreId != nil):
		return nil, invalid("CustomKeyStoreId must be given with Origin AWS_CLOUDHSM or EXTERNAL_KEY_STORE, and only then.")
	case (in.XksKeyId != nil) != (k.Origin == api.OriginType_EXTERNAL_KEY_STORE):
		return nil, invalid("XksKeyId must be given with Origin EXTERNAL_KEY_STORE, and only then.")
	case inStore:
		return s.provisionInStore(ctx, k, in, now)
	case k.Origin == api.OriginType_EXTERNAL:
		return nil, nil
	}
	secret, err := material.New(string(k.Spec))
	if err != nil {
		return nil, materialError(err, string(k.Spec))
	}
	defer clear(secret)
	return s.newMaterial(ctx, k, secret, now)
}

// newMaterial wraps a material and makes its record, current.
func (s *Service) newMaterial(ctx context.Context, k *key, secret []byte, now time.Time) (*keyMaterial, error) {
	id, err := materialID(k.ID, secret)
	if err != nil {
		return nil, err
	}
	wrapped, err := s.domains.wrap(ctx, k.Region, materialName(k.path(), id), secret)
	if err != nil {
		return nil, err
	}
	return &keyMaterial{ID: id, Wrapped: wrapped, Created: now, State: api.KeyMaterialState_CURRENT}, nil
}

// insertKey writes a new key with its material, if it has one.
func (s *Service) insertKey(ctx context.Context, k *key, m *keyMaterial) (l *loaded, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if k.Manager == api.KeyManagerType_CUSTOMER {
			if err := s.count(ctx, tx, k, +1); err != nil {
				return err
			}
		}
		if err := s.enterStore(ctx, tx, k); err != nil {
			return err
		}
		if m != nil {
			k.Current = m.ID
			if err := s.materials.Insert(ctx, tx, k.path()+"/"+m.ID, m); err != nil {
				return err
			}
		}
		if err := s.keys.Insert(ctx, tx, k.path(), k); errors.Is(err, store.ErrExists) {
			return wire.Errorf("AlreadyExistsException", "%s already exists.", k.arn()).With(err)
		} else if err != nil {
			return err
		}
		l, err = s.fresh(ctx, tx, k.path())
		return err
	})
	return l, err
}
