package kms

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	api "bartizan.dev/api/kms"
	"bartizan.dev/service/kms/material"
	"bartizan.dev/store"
)

// AWS owned keys: what a service keeps for itself, such as the password of an
// HSM's user, is encrypted under a key of its own in each Region. No account
// sees these keys, no operation lists or names them, no policy decides about
// them: they are the service's own affair. KMS seals its grant tokens, import
// tokens and the credentials of custom key stores so.
// https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-owned-key

// ownedKeys is where they are stored: owned/REGION/SERVICE.
const ownedKeys = "owned/"

// An Owned is a service's own key in a Region.
type Owned struct{ material *cipherMaterial }

// Seal encrypts a secret. Open wants the same context.
func (o Owned) Seal(secret []byte, context map[string]string) ([]byte, error) {
	ec, err := newContext(context)
	if err != nil {
		return nil, err
	}
	return o.material.seal(secret, &ec)
}

// Open opens what Seal made, or fails with the error of a bad ciphertext.
func (o Owned) Open(sealed []byte, context map[string]string) ([]byte, error) {
	ec, err := newContext(context)
	if err != nil {
		return nil, err
	}
	if len(sealed) < blobMin {
		return nil, badCiphertext()
	}
	return o.material.open(sealed, &ec)
}

// owned are the keys in use, by Region and service.
type owned struct {
	mu   sync.RWMutex
	open map[string]Owned
}

// Own returns the key of a service in a Region, and makes it the first time. It
// must not be called within a transaction.
func (s *Service) Own(ctx context.Context, region, service string) (Owned, error) {
	name := ownedKeys + region + "/" + service
	s.owned.mu.RLock()
	o, ok := s.owned.open[name]
	s.owned.mu.RUnlock()
	if ok {
		return o, nil
	}
	k, m, err := s.ownedRecord(ctx, region, name, api.KeySpec_SYMMETRIC_DEFAULT)
	if err != nil {
		return Owned{}, err
	}
	secret, err := s.domains.unwrap(ctx, region, materialName(name, m.ID), m.Wrapped)
	if err != nil {
		return Owned{}, err
	}
	if o.material, err = newCipherMaterial(k, m, secret); err != nil {
		return Owned{}, err
	}
	s.owned.mu.Lock()
	defer s.owned.mu.Unlock()
	s.owned.open[name] = o
	return o, nil
}

// ownedKey is the stored form of such a key.
type ownedKey struct {
	Key      string      `json:"key"` // id
	Material keyMaterial `json:"material"`
}

// noAccount is the account that owned keys have in their ciphertexts.
const noAccount = "000000000000"

func (s *Service) ownedRecord(ctx context.Context, region, name string, spec api.KeySpec) (*key, *keyMaterial, error) {
	read := func(r store.Reader) (*ownedKey, error) {
		item, err := r.Get(ctx, name)
		if err != nil {
			return nil, err
		}
		o := new(ownedKey)
		return o, json.Unmarshal(item.Value, o)
	}
	o, err := read(s.Store)
	if errors.Is(err, store.ErrNotFound) {
		if o, err = s.newOwned(ctx, region, name, spec); err != nil {
			return nil, nil, err
		}
		_, err = s.Store.Update(ctx, func(tx store.Tx) error {
			if there, err := read(tx); err == nil { // another node was faster
				o = there
				return nil
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			doc, err := json.Marshal(o)
			if err != nil {
				return err
			}
			return tx.Put(ctx, name, doc)
		})
	}
	if err != nil {
		return nil, nil, err
	}
	return &key{Account: noAccount, Region: region, ID: o.Key}, &o.Material, nil
}

func (s *Service) newOwned(ctx context.Context, region, name string, spec api.KeySpec) (*ownedKey, error) {
	secret, err := material.New(string(spec))
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	id := newKeyID(false)
	m := keyMaterial{Created: s.now(), State: api.KeyMaterialState_CURRENT}
	if m.ID, err = materialID(id, secret); err != nil {
		return nil, err
	}
	m.Wrapped, err = s.domains.wrap(ctx, region, materialName(name, m.ID), secret)
	return &ownedKey{id, m}, err
}

// sealOwn and openOwn are for KMS's own secrets. what names the secret.
func (s *Service) sealOwn(ctx context.Context, region, what string, secret []byte) ([]byte, error) {
	o, err := s.Own(ctx, region, "kms")
	if err != nil {
		return nil, err
	}
	return o.Seal(secret, map[string]string{"kms": what})
}

func (s *Service) openOwn(ctx context.Context, region, what string, sealed []byte) ([]byte, error) {
	o, err := s.Own(ctx, region, "kms")
	if err != nil {
		return nil, err
	}
	return o.Open(sealed, map[string]string{"kms": what})
}
