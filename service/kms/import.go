package kms

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/policy"
	"bartizan.dev/service/kms/material"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

func (s *Service) importRules() policy.Rules {
	return policy.Rules{
		"GetParametersForImport": on(s, func(in *api.GetParametersForImportRequest) use {
			return use{action: "kms:GetParametersForImport", keyID: in.KeyId, more: func(c *conditions) {
				c.set("kms:WrappingAlgorithm", string(in.WrappingAlgorithm))
				c.set("kms:WrappingKeySpec", string(in.WrappingKeySpec))
			}}
		}),
		"ImportKeyMaterial": on(s, func(in *api.ImportKeyMaterialRequest) use {
			return use{action: "kms:ImportKeyMaterial", keyID: in.KeyId, more: func(c *conditions) {
				c.set("kms:ExpirationModel", string(orExpires(in.ExpirationModel)))
				c.setTime("kms:ValidTo", in.ValidTo)
			}}
		}),
		"DeleteImportedKeyMaterial": plain(s, "DeleteImportedKeyMaterial", func(in *api.DeleteImportedKeyMaterialRequest) string { return in.KeyId }),
	}
}

func orExpires(m api.ExpirationModelType) api.ExpirationModelType {
	if m == "" {
		return api.ExpirationModelType_KEY_MATERIAL_EXPIRES
	}
	return m
}

// importLife is how long a token and its public key are good.
// https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-get-public-key-and-token.html
const importLife = 24 * time.Hour

// maxExpiry is how far ahead the end of an imported material may be.
const maxExpiry = 365 * 24 * time.Hour

// importToken is what an import token holds: the wrapping key and what it is for.
// It is sealed under a key of KMS itself and kept nowhere.
type importToken struct {
	Key       string            `json:"key"` // path
	Algorithm api.AlgorithmSpec `json:"algorithm"`
	Until     time.Time         `json:"until"`
	Private   []byte            `json:"private"` // PKCS #1
}

const importTokenName = "import token"

// GetParametersForImport makes a key pair under whose public key material is
// wrapped for its import.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GetParametersForImport.html
func (s *Service) GetParametersForImport(ctx context.Context, in *api.GetParametersForImportRequest) (*api.GetParametersForImportResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.imports(); err != nil {
		return nil, err
	}
	if err := t.need(s.Clock.Now(), living...); err != nil {
		return nil, err
	}
	bits, err := wrappingBits(t.loaded, in)
	if err != nil {
		return nil, err
	}
	pair, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	if err != nil {
		return nil, err
	}
	until := s.now().Add(importLife)
	doc, err := json.Marshal(importToken{Key: t.path(), Algorithm: in.WrappingAlgorithm, Until: until, Private: x509.MarshalPKCS1PrivateKey(pair)})
	if err != nil {
		return nil, err
	}
	defer clear(doc)
	token, err := s.sealOwn(ctx, t.Region, importTokenName, doc)
	if err != nil {
		return nil, err
	}
	return &api.GetParametersForImportResponse{KeyId: &t.arn, ImportToken: token, PublicKey: public, ParametersValidTo: until}, nil
}

// imports refuses a key whose material is not the customer's.
func (l *loaded) imports() error {
	if l.Origin != api.OriginType_EXTERNAL {
		return unsupported("%s origin is %s which is not valid for this operation.", l.arn, l.Origin)
	}
	return nil
}

// wrappingBits is the size of the wrapping key, if it can wrap the material.
// https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-get-public-key-and-token.html#select-wrapping-algorithm
func wrappingBits(l *loaded, in *api.GetParametersForImportRequest) (int, error) {
	bits := map[api.WrappingKeySpec]int{api.WrappingKeySpec_RSA_2048: 2048, api.WrappingKeySpec_RSA_3072: 3072, api.WrappingKeySpec_RSA_4096: 4096}[in.WrappingKeySpec]
	oaep := in.WrappingAlgorithm == api.AlgorithmSpec_RSAES_OAEP_SHA_1 || in.WrappingAlgorithm == api.AlgorithmSpec_RSAES_OAEP_SHA_256
	switch {
	case bits == 0 || in.WrappingAlgorithm == api.AlgorithmSpec_SM2PKE:
		return 0, unsupported("SM2 exists in the China Regions only.")
	case in.WrappingAlgorithm == api.AlgorithmSpec_RSAES_PKCS1_V1_5:
		return 0, unsupported("The wrapping algorithm RSAES_PKCS1_V1_5 is no longer supported.")
	case oaep && strings.HasPrefix(string(l.Spec), "RSA_"),
		oaep && strings.HasPrefix(string(l.Spec), "ML_"),
		oaep && l.Spec == api.KeySpec_ECC_NIST_P521 && bits == 2048:
		return 0, invalid("Wrapping algorithm %s with wrapping key spec %s cannot wrap key material of key spec %s.", in.WrappingAlgorithm, in.WrappingKeySpec, l.Spec)
	}
	return bits, nil
}

// ImportKeyMaterial gives a key the customer's material: the first time, or again
// after it was deleted or has expired, or a new one for the next rotation.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ImportKeyMaterial.html
func (s *Service) ImportKeyMaterial(ctx context.Context, in *api.ImportKeyMaterialRequest) (*api.ImportKeyMaterialResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.imports(); err != nil {
		return nil, err
	}
	if err := s.checkExpiry(in); err != nil {
		return nil, err
	}
	secret, err := s.unwrapImport(ctx, t, in)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	m, err := s.newMaterial(ctx, &t.key, secret, s.now())
	if err != nil {
		return nil, err
	}
	m.Expiration = orExpires(in.ExpirationModel)
	if m.Expiration == api.ExpirationModelType_KEY_MATERIAL_EXPIRES {
		m.ValidTo = &in.ValidTo
	}
	if in.KeyMaterialDescription != nil {
		m.Description = *in.KeyMaterialDescription
	}
	if in.KeyMaterialId != nil && *in.KeyMaterialId != m.ID {
		return nil, wrongMaterial()
	}
	_, err = s.change(ctx, func(tx store.Tx, l *loaded, now time.Time) error {
		if err := l.need(now, living...); err != nil {
			return err
		}
		return s.place(ctx, tx, &l.key, m, in.ImportType)
	})
	if err != nil {
		return nil, err
	}
	return &api.ImportKeyMaterialResponse{KeyId: &t.arn, KeyMaterialId: &m.ID}, nil
}

func (s *Service) checkExpiry(in *api.ImportKeyMaterialRequest) error {
	now := s.Clock.Now()
	if orExpires(in.ExpirationModel) == api.ExpirationModelType_KEY_MATERIAL_DOES_NOT_EXPIRE {
		if !in.ValidTo.IsZero() {
			return invalid("A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
		}
		return nil
	}
	switch {
	case in.ValidTo.IsZero():
		return invalid("A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
	case !in.ValidTo.After(now):
		return invalid("The validTo date must be in the future")
	case in.ValidTo.After(now.Add(maxExpiry)):
		return invalid("The validTo date must be at most 365 days from now")
	}
	return nil
}

func wrongMaterial() *wire.Error {
	return wire.Errorf("IncorrectKeyMaterialException", "The key material in the request is not identical to the key material that was previously imported into this KMS key.")
}

// unwrapImport opens token and material of a request.
func (s *Service) unwrapImport(ctx context.Context, t *target, in *api.ImportKeyMaterialRequest) ([]byte, error) {
	doc, err := s.openOwn(ctx, t.Region, importTokenName, in.ImportToken)
	if err != nil {
		return nil, wire.Errorf("InvalidImportTokenException", "The import token is invalid.").With(err)
	}
	defer clear(doc)
	var token importToken
	if err := json.Unmarshal(doc, &token); err != nil {
		return nil, err
	}
	defer clear(token.Private)
	if token.Key != t.path() {
		return nil, wire.Errorf("InvalidImportTokenException", "The import token is for another key.")
	}
	if !s.Clock.Now().Before(token.Until) {
		return nil, wire.Errorf("ExpiredImportTokenException", "The import token has expired.")
	}
	private, err := x509.ParsePKCS1PrivateKey(token.Private)
	if err != nil {
		return nil, err
	}
	plain, err := material.Unwrap(private, string(token.Algorithm), in.EncryptedKeyMaterial)
	if errors.Is(err, material.ErrWrapped) {
		return nil, badCiphertext()
	} else if err != nil {
		return nil, err
	}
	defer clear(plain)
	secret, err := material.ParseImported(string(t.Spec), plain)
	if err != nil {
		return nil, wire.Errorf("IncorrectKeyMaterialException", "The key material is not valid for key spec %s.", t.Spec)
	}
	return secret, nil
}

// place puts an imported material where it belongs.
func (s *Service) place(ctx context.Context, tx store.Tx, k *key, m *keyMaterial, kind api.ImportType) error {
	id := k.path() + "/" + m.ID
	old, err := s.materials.Get(ctx, tx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch {
	case old != nil: // again: it keeps its place
		m.State, m.Created, m.Rotated, m.Kind = old.State, old.Created, old.Rotated, old.Kind
		if m.Description == "" {
			m.Description = old.Description
		}
	case k.Current == "": // the first one
		if err := s.matchesPrimary(ctx, tx, k, m); err != nil {
			return err
		}
		k.Current = m.ID
	case kind != api.ImportType_NEW_KEY_MATERIAL || !k.symmetric():
		return wrongMaterial()
	default:
		if err := s.placeNext(ctx, tx, k, m); err != nil {
			return err
		}
	}
	if err := s.materials.Put(ctx, tx, id, m); err != nil {
		return err
	}
	if m.ValidTo == nil {
		err = s.queue.Cancel(ctx, tx, jobExpire, id)
	} else {
		err = s.queue.Add(ctx, tx, work.Job{Kind: jobExpire, ID: id, Due: *m.ValidTo})
	}
	if err != nil {
		return err
	}
	return s.settleImport(ctx, tx, k, m)
}

// placeNext makes a new material the one of the next rotation on demand.
func (s *Service) placeNext(ctx context.Context, tx store.Tx, k *key, m *keyMaterial) error {
	next, err := s.nextMaterial(ctx, tx, k)
	if err != nil {
		return err
	}
	if next != nil {
		return badState("%s has key material %s pending rotation. Rotate the key, or delete that material, before you import another.", k.arn(), next.ID)
	}
	m.State = api.KeyMaterialState_PENDING_ROTATION
	if k.MultiRegion {
		return s.placeNextEverywhere(ctx, tx, k, m)
	}
	return nil
}

// nextMaterial is the material that waits for a rotation, or nil.
func (s *Service) nextMaterial(ctx context.Context, r store.Reader, k *key) (*keyMaterial, error) {
	materials, err := s.materials.List(ctx, r, k.path()+"/", "", 0)
	if err != nil {
		return nil, err
	}
	for _, e := range materials {
		switch e.Value.State {
		case api.KeyMaterialState_PENDING_ROTATION, api.KeyMaterialState_PENDING_MULTI_REGION_IMPORT_AND_ROTATION:
			return e.Value, nil
		}
	}
	return nil, nil
}

// promoteImported is RotateKeyOnDemand of a key with imported material, and of
// its replicas.
func (s *Service) promoteImported(ctx context.Context, tx store.Tx, k *key, now time.Time) error {
	all, err := s.family(ctx, tx, k)
	if err != nil {
		return err
	}
	for _, one := range all {
		next, err := s.nextMaterial(ctx, tx, one)
		if err != nil {
			return err
		}
		if next == nil || next.State != api.KeyMaterialState_PENDING_ROTATION || len(next.Wrapped) == 0 {
			return badState("No available key material pending rotation for the key: %s.", one.arn())
		}
		if err := s.retireCurrent(ctx, tx, one); err != nil {
			return err
		}
		next.State, next.Rotated, next.Kind = api.KeyMaterialState_CURRENT, &now, api.RotationType_ON_DEMAND
		one.Current = next.ID
		if err := s.materials.Put(ctx, tx, one.path()+"/"+next.ID, next); err != nil {
			return err
		}
		if err := s.keys.Put(ctx, tx, one.path(), one); err != nil {
			return err
		}
	}
	return nil
}

// DeleteImportedKeyMaterial takes a material away, at once. The key needs it
// again before it can be used.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteImportedKeyMaterial.html
func (s *Service) DeleteImportedKeyMaterial(ctx context.Context, in *api.DeleteImportedKeyMaterialRequest) (*api.DeleteImportedKeyMaterialResponse, error) {
	var id string
	l, err := s.change(ctx, func(tx store.Tx, l *loaded, now time.Time) error {
		if err := l.imports(); err != nil {
			return err
		}
		if err := l.need(now, living...); err != nil {
			return err
		}
		if id = l.Current; in.KeyMaterialId != nil {
			id = *in.KeyMaterialId
		}
		if id == "" {
			return nil // there is none: "the operation succeeds"
		}
		return s.forget(ctx, tx, &l.key, id)
	})
	if err != nil {
		return nil, err
	}
	out := &api.DeleteImportedKeyMaterialResponse{KeyId: &l.arn}
	if id != "" {
		out.KeyMaterialId = &id
	}
	return out, nil
}

// forget deletes a material. Of one that was current once its record stays, so
// that it can be known when it is imported again.
func (s *Service) forget(ctx context.Context, tx store.Tx, k *key, id string) error {
	name := k.path() + "/" + id
	m, err := s.materials.Get(ctx, tx, name)
	if errors.Is(err, store.ErrNotFound) {
		return notFound("Key material %s does not exist.", id)
	} else if err != nil {
		return err
	}
	if err := s.queue.Cancel(ctx, tx, jobExpire, name); err != nil {
		return err
	}
	if m.State != api.KeyMaterialState_CURRENT && m.State != api.KeyMaterialState_NON_CURRENT {
		return s.materials.Delete(ctx, tx, name)
	}
	m.Wrapped, m.ValidTo, m.Expiration = nil, nil, ""
	return s.materials.Put(ctx, tx, name, m)
}

// doExpire deletes a material at its end.
func (s *Service) doExpire(ctx context.Context, tx store.Tx, j work.Job) error {
	m, err := s.materials.Get(ctx, tx, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if m.ValidTo == nil || s.Clock.Now().Before(*m.ValidTo) {
		return nil
	}
	path := j.ID[:strings.LastIndexByte(j.ID, '/')]
	k, err := s.keys.Get(ctx, tx, path)
	if err != nil {
		return err
	}
	if err := s.forget(ctx, tx, k, m.ID); err != nil {
		return err
	}
	return s.keys.Put(ctx, tx, path, k)
}
