package kms

import (
	"context"
	"crypto/rand"

	api "bartizan.dev/api/kms"
	"bartizan.dev/policy"
)

const encryptDecrypt = api.KeyUsageType_ENCRYPT_DECRYPT

func orSymmetric(a api.EncryptionAlgorithmSpec) api.EncryptionAlgorithmSpec {
	if a == "" {
		return api.EncryptionAlgorithmSpec_SYMMETRIC_DEFAULT
	}
	return a
}

func encryptRule(s *Service) policy.Rule {
	return on(s, func(in *api.EncryptRequest) use {
		return use{
			action: "kms:Encrypt", grant: api.GrantOperation_Encrypt, keyID: in.KeyId, aliases: true, tokens: in.GrantTokens, context: in.EncryptionContext,
			algorithm: orSymmetric(in.EncryptionAlgorithm),
		}
	})
}

// Encrypt encrypts up to 4,096 bytes.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html
func (s *Service) Encrypt(ctx context.Context, in *api.EncryptRequest) (*api.EncryptResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	algorithm := orSymmetric(in.EncryptionAlgorithm)
	if err := s.ready(t, "Encrypt", encryptDecrypt, string(algorithm)); err != nil {
		return nil, err
	}
	var blob []byte
	if f := foreignOf(ctx); f != nil {
		if err := s.encryptForeign(ctx, t, f); err != nil {
			return nil, err
		}
	} else if t.symmetric() {
		if err := dryRun(in.DryRun); err != nil {
			return nil, err
		}
		blob, _, err = s.seal(ctx, t, "Encrypt", in.Plaintext, &t.context)
	} else {
		blob, err = s.encryptAsymmetric(ctx, t, in)
	}
	if err != nil {
		return nil, err
	}
	t.used(ctx, "Encrypt")
	return &api.EncryptResponse{CiphertextBlob: blob, KeyId: &t.arn, EncryptionAlgorithm: algorithm}, nil
}

// encryptForeign encrypts for a KMS elsewhere: see proxy.go.
func (s *Service) encryptForeign(ctx context.Context, t *target, f *foreign) error {
	if !t.symmetric() || t.Store != "" {
		return unsupported("%s cannot be an external key: it must be a symmetric encryption key that is kept here.", t.arn)
	}
	c, err := t.current.cipher(ctx)
	if err != nil {
		return err
	}
	salt := make([]byte, foreignSalt)
	rand.Read(salt) // never fails
	return c.sealForeign(f, salt)
}

// ready refuses a cryptographic operation that the key cannot do, or not now.
func (s *Service) ready(t *target, operation string, usage api.KeyUsageType, algorithm string) error {
	if err := t.usable(s.Clock.Now()); err != nil {
		return err
	}
	if err := t.wants(operation, usage); err != nil {
		return err
	}
	return t.does(algorithm)
}

// seal encrypts under a symmetric key, wherever it is kept. material is empty
// for a key in a custom key store.
func (s *Service) seal(ctx context.Context, t *target, operation string, plaintext []byte, ec *encryptionContext) (blob []byte, material *string, err error) {
	switch t.Origin {
	case api.OriginType_AWS_CLOUDHSM:
		blob, err = s.sealHSM(ctx, t, plaintext, ec)
		return blob, nil, err
	case api.OriginType_EXTERNAL_KEY_STORE:
		blob, err = s.sealXKS(ctx, t, operation, plaintext, ec)
		return blob, nil, err
	}
	c, err := t.current.cipher(ctx)
	if err != nil {
		return nil, nil, err
	}
	blob, err = c.seal(plaintext, ec)
	return blob, &c.id, err
}
