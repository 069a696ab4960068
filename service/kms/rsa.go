package kms

import (
	"context"

	api "bartizan.dev/api/kms"
	"bartizan.dev/service/kms/material"
)

func (s *Service) encryptAsymmetric(ctx context.Context, t *target, in *api.EncryptRequest) ([]byte, error) {
	algorithm := string(in.EncryptionAlgorithm)
	if len(t.context.keys) > 0 {
		return nil, invalid("EncryptionContext is not supported with asymmetric keys.")
	}
	if most := material.Capacity(string(t.Spec), algorithm); len(in.Plaintext) > most {
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
