package kms

import (
	"context"
	"strconv"
	"strings"

	api "bartizan.dev/api/kms"
)

// largest is how many bytes RSA-OAEP takes (RFC 8017 section 7.1.1): the modulus
// less two hashes and two bytes.
func largest(spec api.KeySpec, algorithm string) int {
	bits, err := strconv.Atoi(strings.TrimPrefix(string(spec), "RSA_"))
	if err != nil {
		return 0
	}
	hash := 32
	if strings.HasSuffix(algorithm, "SHA_1") {
		hash = 20
	}
	return bits/8 - 2*hash - 2
}

func (s *Service) encryptAsymmetric(ctx context.Context, t *target, in *api.EncryptRequest) ([]byte, error) {
	algorithm := string(in.EncryptionAlgorithm)
	if len(t.context.keys) > 0 {
		return nil, invalid("EncryptionContext is not supported with asymmetric keys.")
	}
	if most := largest(t.Spec, algorithm); len(in.Plaintext) > most {
		return nil, invalid("Algorithm %s and key spec %s cannot encrypt data larger than %d bytes.", algorithm, t.Spec, most)
	}
	k, err := t.material(ctx)
	if err != nil {
		return nil, err
	}
	if err := dryRun(in.DryRun); err != nil {
		return nil, err
	}
	blob, err := k.Encrypt(algorithm, in.Plaintext)
	if err != nil {
		return nil, materialError(err, algorithm)
	}
	return blob, nil
}

func (s *Service) decryptAsymmetric(ctx context.Context, t *target, o *source) ([]byte, error) {
	algorithm := string(o.algorithm)
	if len(t.context.keys) > 0 {
		return nil, invalid("EncryptionContext is not supported with asymmetric keys.")
	}
	k, err := t.material(ctx)
	if err != nil {
		return nil, err
	}
	plaintext, err := k.Decrypt(algorithm, o.blob)
	if err != nil {
		return nil, materialError(err, algorithm)
	}
	return plaintext, nil
}
