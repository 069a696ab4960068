package kms

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/keys"
	"bartizan.dev/service/kms/material"
	"bartizan.dev/service/kms/xks"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// noMaterial stands in the header of a ciphertext whose key's material has no
// id.
var noMaterial = strings.Repeat("0", 64)

// vaults are this node's connections to HSMs, by the path of the store.
type vaults struct {
	mu   sync.Mutex
	open map[string]*openVault
}

// provisionInStore makes or finds a key in a custom key store.
// https://docs.aws.amazon.com/kms/latest/developerguide/create-cmk-keystore.html
// https://docs.aws.amazon.com/kms/latest/developerguide/create-xks-keys.html
func (s *Service) provisionInStore(ctx context.Context, k *key, in *api.CreateKeyRequest, now time.Time) (*keyMaterial, error) {
	c, err := s.storeOf(ctx, s.Store, *in.CustomKeyStoreId)
	if err != nil {
		return nil, err
	}
	switch {
	case k.Origin == api.OriginType_AWS_CLOUDHSM != c.hsm():
		return nil, invalid("Origin %s does not go with a custom key store of type %s.", k.Origin, c.Type)
	case !k.symmetric() || k.MultiRegion:
		return nil, unsupported("A custom key store has symmetric encryption keys of one Region only.")
	case c.State != api.ConnectionStateType_CONNECTED:
		return nil, badStore("Custom key store %s is not connected.", c.ID)
	}
	k.Store = c.ID
	if c.hsm() {
		k.External = k.ID
		v, err := s.vault(ctx, c)
		if err == nil {
			err = v.Create(ctx, k.External)
		}
		if err != nil {
			return nil, badStore("KMS cannot make a key in the cluster of custom key store %s.", c.ID).With(err)
		}
		return nil, nil
	}
	k.External = *in.XksKeyId
	client, err := s.proxyOf(ctx, c)
	if err != nil {
		return nil, err
	}
	meta, err := client.KeyMetadata(ctx, k.External, s.xksMetadata(ctx, "", "CreateKey"))
	if err != nil {
		return nil, xksError(err, xks.CreatingKey)
	}
	if err := meta.Usable(); err != nil {
		return nil, err
	}
	secret, err := material.New(string(k.Spec))
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	return s.newMaterial(ctx, k, secret, now)
}

// abandon destroys the key that was made in an HSM for a key that then came to
// nothing.
func (s *Service) abandon(ctx context.Context, k *key) {
	if k.Origin != api.OriginType_AWS_CLOUDHSM {
		return
	}
	ctx = context.WithoutCancel(ctx)
	c, err := s.stores.Get(ctx, s.Store, k.storePath())
	if err == nil {
		var v keys.Vault
		if v, err = s.vault(ctx, c); err == nil {
			err = v.Destroy(ctx, k.External)
		}
	}
	if err != nil {
		s.Log.Warn("a key without use stays in an HSM", "label", k.External, "store", k.Store, "cause", err)
	}
}

// enterStore notes in the transaction that makes a key that its store has it.
func (s *Service) enterStore(ctx context.Context, tx store.Tx, k *key) error {
	if k.Store == "" {
		return nil
	}
	if _, err := s.stores.Get(ctx, tx, k.storePath()); errors.Is(err, store.ErrNotFound) {
		return noStore(k.Store)
	} else if err != nil {
		return err
	}
	if k.Origin != api.OriginType_EXTERNAL_KEY_STORE {
		return nil
	}
	_, err := tx.Get(ctx, k.externalName())
	if err == nil {
		return wire.Errorf("XksKeyAlreadyInUseException", "The external key %s is already associated with a KMS key in custom key store %s.", k.External, k.Store)
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return tx.Put(ctx, k.externalName(), []byte(k.path()))
}

func (k *key) storePath() string { return k.Account + "/" + k.Region + "/" + k.Store }

func (k *key) externalName() string { return "external/" + k.storePath() + "/" + k.External }

// leaveStore takes a deleted key out of its store. The key in an HSM is
// destroyed by work that follows: an HSM is not part of a transaction.
func (s *Service) leaveStore(ctx context.Context, tx store.Tx, k *key) error {
	switch k.Origin {
	case api.OriginType_EXTERNAL_KEY_STORE:
		return tx.Delete(ctx, k.externalName())
	case api.OriginType_AWS_CLOUDHSM:
		return s.plan(ctx, tx, jobDestroy, k.storePath()+"/"+k.External, s.now())
	}
	return nil
}

// describeStore adds to KeyMetadata what custom key stores have.
func (s *Service) describeStore(_ context.Context, _ store.Reader, l *loaded, m *api.KeyMetadata) error {
	if l.custom == nil {
		return nil
	}
	m.CustomKeyStoreId = &l.custom.ID
	if l.custom.hsm() {
		m.CloudHsmClusterId = &l.custom.Cluster
	} else {
		m.XksKeyConfiguration = &api.XksKeyConfigurationType{Id: &l.External}
	}
	return nil
}

// randomFromStore is GenerateRandom by an HSM.
func (s *Service) randomFromStore(ctx context.Context, id string, n int) (*api.GenerateRandomResponse, error) {
	c, err := s.storeOf(ctx, s.Store, id)
	if err != nil {
		return nil, err
	}
	if !c.hsm() {
		return nil, unsupported("Custom key store %s is of type %s, which makes no random bytes.", c.ID, c.Type)
	}
	if c.State != api.ConnectionStateType_CONNECTED {
		return nil, badStore("Custom key store %s is not connected.", c.ID)
	}
	v, err := s.vault(ctx, c)
	if err != nil {
		return nil, badStore("KMS cannot reach the cluster of custom key store %s.", c.ID).With(err)
	}
	source, ok := v.(*openVault).Vault.(interface {
		Random(ctx context.Context, n int) ([]byte, error)
	})
	if !ok {
		return nil, unsupported("The HSM of custom key store %s makes no random bytes for others.", c.ID)
	}
	out, err := source.Random(ctx, n)
	if err != nil {
		return nil, badStore("KMS cannot reach the cluster of custom key store %s.", c.ID).With(err)
	}
	// Ours beside the HSM's: neither alone decides what comes out.
	own := make([]byte, n)
	rand.Read(own)
	for i := range out {
		out[i] ^= own[i]
	}
	return &api.GenerateRandomResponse{Plaintext: out}, nil
}
