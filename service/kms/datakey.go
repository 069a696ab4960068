package kms

import (
	"context"
	"crypto/rand"

	api "bartizan.dev/api/kms"
	"bartizan.dev/policy"
)

// dataKey is what the operations that make a data key have in common.
type dataKey struct {
	operation string
	spec      api.DataKeySpec
	bytes     *int32
	dry       *bool
}

// size is the length of the data key, in bytes.
func (d *dataKey) size() (int, error) {
	switch {
	case (d.spec == "") == (d.bytes == nil):
		return 0, invalid("Please specify either number of bytes or key spec.")
	case d.bytes != nil:
		return int(*d.bytes), nil
	case d.spec == api.DataKeySpec_AES_128:
		return 16, nil
	}
	return 32, nil
}

// make makes a data key and encrypts it.
func (s *Service) makeDataKey(ctx context.Context, d dataKey) (t *target, plaintext, blob []byte, material *string, err error) {
	if t, err = found(ctx); err != nil {
		return nil, nil, nil, nil, err
	}
	size, err := d.size()
	if err != nil {
		return nil, nil, nil, nil, err
	}
	if err := s.ready(t, d.operation, encryptDecrypt, string(api.EncryptionAlgorithmSpec_SYMMETRIC_DEFAULT)); err != nil {
		return nil, nil, nil, nil, err
	}
	if err := dryRun(d.dry); err != nil {
		return nil, nil, nil, nil, err
	}
	plaintext = make([]byte, size)
	rand.Read(plaintext) // never fails
	blob, material, err = s.seal(ctx, t, d.operation, plaintext, &t.context)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	t.used(ctx, d.operation)
	return t, plaintext, blob, material, nil
}

func dataKeyRules(s *Service) policy.Rules {
	const algorithm = api.EncryptionAlgorithmSpec_SYMMETRIC_DEFAULT
	pair := func(spec api.DataKeyPairSpec) func(c *conditions) {
		return func(c *conditions) { c.set("kms:DataKeyPairSpec", string(spec)) }
	}
	return policy.Rules{
		"GenerateDataKey": on(s, func(in *api.GenerateDataKeyRequest) use {
			return use{action: "kms:GenerateDataKey", grant: api.GrantOperation_GenerateDataKey, keyID: in.KeyId, aliases: true,
				tokens: in.GrantTokens, context: in.EncryptionContext, algorithm: algorithm}
		}),
		"GenerateDataKeyWithoutPlaintext": on(s, func(in *api.GenerateDataKeyWithoutPlaintextRequest) use {
			return use{action: "kms:GenerateDataKeyWithoutPlaintext", grant: api.GrantOperation_GenerateDataKeyWithoutPlaintext, keyID: in.KeyId, aliases: true,
				tokens: in.GrantTokens, context: in.EncryptionContext, algorithm: algorithm}
		}),
		"GenerateDataKeyPair": on(s, func(in *api.GenerateDataKeyPairRequest) use {
			return use{action: "kms:GenerateDataKeyPair", grant: api.GrantOperation_GenerateDataKeyPair, keyID: in.KeyId, aliases: true,
				tokens: in.GrantTokens, context: in.EncryptionContext, algorithm: algorithm, more: pair(in.KeyPairSpec)}
		}),
		"GenerateDataKeyPairWithoutPlaintext": on(s, func(in *api.GenerateDataKeyPairWithoutPlaintextRequest) use {
			return use{action: "kms:GenerateDataKeyPairWithoutPlaintext", grant: api.GrantOperation_GenerateDataKeyPairWithoutPlaintext, keyID: in.KeyId, aliases: true,
				tokens: in.GrantTokens, context: in.EncryptionContext, algorithm: algorithm, more: pair(in.KeyPairSpec)}
		}),
	}
}

// GenerateDataKey makes a key for use outside and answers it twice: in the clear
// and encrypted.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html
func (s *Service) GenerateDataKey(ctx context.Context, in *api.GenerateDataKeyRequest) (*api.GenerateDataKeyResponse, error) {
	if in.Recipient != nil {
		return nil, noEnclaves()
	}
	t, plaintext, blob, material, err := s.makeDataKey(ctx, dataKey{"GenerateDataKey", in.KeySpec, in.NumberOfBytes, in.DryRun})
	if err != nil {
		return nil, err
	}
	return &api.GenerateDataKeyResponse{CiphertextBlob: blob, Plaintext: plaintext, KeyId: &t.arn, KeyMaterialId: material}, nil
}

// GenerateDataKeyWithoutPlaintext answers only the encrypted key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyWithoutPlaintext.html
func (s *Service) GenerateDataKeyWithoutPlaintext(ctx context.Context, in *api.GenerateDataKeyWithoutPlaintextRequest) (*api.GenerateDataKeyWithoutPlaintextResponse, error) {
	t, plaintext, blob, material, err := s.makeDataKey(ctx, dataKey{"GenerateDataKeyWithoutPlaintext", in.KeySpec, in.NumberOfBytes, in.DryRun})
	if err != nil {
		return nil, err
	}
	clear(plaintext)
	return &api.GenerateDataKeyWithoutPlaintextResponse{CiphertextBlob: blob, KeyId: &t.arn, KeyMaterialId: material}, nil
}

// GenerateRandom answers random bytes. It touches no key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html
func (s *Service) GenerateRandom(ctx context.Context, in *api.GenerateRandomRequest) (*api.GenerateRandomResponse, error) {
	if in.Recipient != nil {
		return nil, noEnclaves()
	}
	if in.NumberOfBytes == nil {
		return nil, invalid("NumberOfBytes is required.")
	}
	if in.CustomKeyStoreId != nil {
		return s.randomFromStore(ctx, *in.CustomKeyStoreId, int(*in.NumberOfBytes))
	}
	out := make([]byte, *in.NumberOfBytes)
	rand.Read(out) // never fails
	return &api.GenerateRandomResponse{Plaintext: out}, nil
}
