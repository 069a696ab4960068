package kms

import (
	"context"

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
			more: func(c *conditions) { c.set("kms:EncryptionAlgorithm", string(orSymmetric(in.EncryptionAlgorithm))) },
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
	if t.symmetric() {
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
	c, err := t.current.cipher(ctx)
	if err != nil {
		return nil, nil, err
	}
	blob, err = c.seal(plaintext, ec)
	return blob, &c.id, err
}
