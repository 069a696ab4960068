package kms

import (
	"context"
	"errors"
	"slices"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/arn"
	"bartizan.dev/service/kms/material"
	"bartizan.dev/store"
)

// metadata is KeyMetadata, read from the store through r.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
func (s *Service) metadata(ctx context.Context, r store.Reader, l *loaded) (*api.KeyMetadata, error) {
	state := l.state(s.Clock.Now())
	m := &api.KeyMetadata{
		AWSAccountId: &l.Account, KeyId: l.ID, Arn: &l.arn, CreationDate: l.Created, Description: &l.Description,
		Enabled: new(state == api.KeyState_Enabled), KeyUsage: l.Usage, KeyState: state, Origin: l.Origin, KeyManager: l.Manager,
		CustomerMasterKeySpec: api.CustomerMasterKeySpec(l.Spec), KeySpec: l.Spec, MultiRegion: &l.MultiRegion,
	}
	if l.Deletion != nil && state == api.KeyState_PendingDeletion {
		m.DeletionDate = *l.Deletion
	}
	if state == api.KeyState_PendingReplicaDeletion {
		m.PendingDeletionWindowInDays = &l.Window
	}
	if l.symmetric() && l.current != nil && l.Store == "" {
		m.CurrentKeyMaterialId = &l.current.record.ID
	}
	if l.Origin == api.OriginType_EXTERNAL && l.current != nil && state != api.KeyState_PendingImport {
		m.ExpirationModel = l.current.record.Expiration
		if to := l.current.record.ValidTo; to != nil {
			m.ValidTo = *to
		}
	}
	setAlgorithms(m)
	if err := s.describeStore(ctx, r, l, m); err != nil {
		return nil, err
	}
	if l.MultiRegion {
		relatives, err := s.relatives(ctx, r, &l.key)
		if err != nil {
			return nil, err
		}
		m.MultiRegionConfiguration = relatives
	}
	return m, nil
}

func setAlgorithms(m *api.KeyMetadata) {
	list := material.Algorithms(string(m.KeySpec), string(m.KeyUsage))
	switch m.KeyUsage {
	case api.KeyUsageType_ENCRYPT_DECRYPT:
		m.EncryptionAlgorithms = typed[api.EncryptionAlgorithmSpec](list)
	case api.KeyUsageType_SIGN_VERIFY:
		m.SigningAlgorithms = typed[api.SigningAlgorithmSpec](list)
	case api.KeyUsageType_GENERATE_VERIFY_MAC:
		m.MacAlgorithms = typed[api.MacAlgorithmSpec](list)
	case api.KeyUsageType_KEY_AGREEMENT:
		m.KeyAgreementAlgorithms = typed[api.KeyAgreementAlgorithmSpec](list)
	case api.KeyUsageType_ENCAPSULATE_DECAPSULATE:
		m.EncapsulationAlgorithms = typed[api.EncapsulationAlgorithmSpec](list)
	}
}

func typed[T ~string](list []string) []T {
	out := make([]T, len(list))
	for i, s := range list {
		out[i] = T(s)
	}
	return out
}

// relatives are the keys that a multi-Region key is related to.
func (s *Service) relatives(ctx context.Context, r store.Reader, k *key) (*api.MultiRegionConfiguration, error) {
	name := func(region string) *api.MultiRegionKey {
		return &api.MultiRegionKey{Arn: new(arn.New("kms", region, k.Account, "key/"+k.ID)), Region: &region}
	}
	out := &api.MultiRegionConfiguration{MultiRegionKeyType: api.MultiRegionKeyType_REPLICA, PrimaryKey: name(k.Primary), ReplicaKeys: []api.MultiRegionKey{}}
	if k.Primary == k.Region {
		out.MultiRegionKeyType = api.MultiRegionKeyType_PRIMARY
	}
	primary, err := s.keys.Get(ctx, r, keyPath(k.Account, k.Primary, k.ID))
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	} else if err != nil {
		return nil, err
	}
	for _, region := range slices.Sorted(slices.Values(primary.Replicas)) {
		out.ReplicaKeys = append(out.ReplicaKeys, *name(region))
	}
	return out, nil
}

// fresh reads a key and what belongs to it through r.
func (s *Service) fresh(ctx context.Context, r store.Reader, path string) (*loaded, error) {
	l, err := s.load(ctx, r, path)
	if err == nil && l == nil {
		account, region, id := splitPath(path)
		return nil, noKey(arn.New("kms", region, account, "key/"+id))
	}
	return l, err
}

// change reads the key of the call within a transaction, has it changed and
// writes it.
func (s *Service) change(ctx context.Context, do func(tx store.Tx, l *loaded, now time.Time) error) (*loaded, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	var l *loaded
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if l, err = s.fresh(ctx, tx, t.path()); err != nil {
			return err
		}
		if err := do(tx, l, s.now()); err != nil {
			return err
		}
		return s.keys.Put(ctx, tx, l.path(), &l.key)
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}
