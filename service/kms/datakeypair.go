package kms

import (
	"context"
	"errors"

	api "bartizan.dev/api/kms"
	"bartizan.dev/service/kms/material"
)

// keyPair is a data key pair with its private key encrypted.
type keyPair struct {
	target                *target
	private, public, blob []byte
	material              *string
}

// makePair makes a data key pair and encrypts its private key.
func (s *Service) makePair(ctx context.Context, operation string, spec api.DataKeyPairSpec, dry *bool) (*keyPair, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.ready(t, operation, encryptDecrypt, string(api.EncryptionAlgorithmSpec_SYMMETRIC_DEFAULT)); err != nil {
		return nil, err
	}
	if t.Store != "" {
		return nil, unsupported("%s origin is %s which is not valid for this operation.", t.arn, t.Origin)
	}
	if err := dryRun(dry); err != nil {
		return nil, err
	}
	p := &keyPair{target: t}
	p.private, p.public, err = material.NewPair(string(spec))
	if errors.Is(err, material.ErrSpec) {
		return nil, unsupported("KeyPairSpec %s is not supported in this Region.", spec)
	} else if err != nil {
		return nil, materialError(err, string(spec))
	}
	if p.blob, p.material, err = s.seal(ctx, t, operation, p.private, &t.context); err != nil {
		return nil, err
	}
	t.used(ctx, operation)
	return p, nil
}

// GenerateDataKeyPair makes a key pair for use outside and answers its private
// key twice: in the clear and encrypted.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPair.html
func (s *Service) GenerateDataKeyPair(ctx context.Context, in *api.GenerateDataKeyPairRequest) (*api.GenerateDataKeyPairResponse, error) {
	if in.Recipient != nil {
		return nil, noEnclaves()
	}
	p, err := s.makePair(ctx, "GenerateDataKeyPair", in.KeyPairSpec, in.DryRun)
	if err != nil {
		return nil, err
	}
	return &api.GenerateDataKeyPairResponse{
		PrivateKeyCiphertextBlob: p.blob, PrivateKeyPlaintext: p.private, PublicKey: p.public, KeyId: &p.target.arn, KeyPairSpec: in.KeyPairSpec, KeyMaterialId: p.material,
	}, nil
}

// GenerateDataKeyPairWithoutPlaintext answers only the encrypted private key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPairWithoutPlaintext.html
func (s *Service) GenerateDataKeyPairWithoutPlaintext(ctx context.Context, in *api.GenerateDataKeyPairWithoutPlaintextRequest) (*api.GenerateDataKeyPairWithoutPlaintextResponse, error) {
	p, err := s.makePair(ctx, "GenerateDataKeyPairWithoutPlaintext", in.KeyPairSpec, in.DryRun)
	if err != nil {
		return nil, err
	}
	clear(p.private)
	return &api.GenerateDataKeyPairWithoutPlaintextResponse{
		PrivateKeyCiphertextBlob: p.blob, PublicKey: p.public, KeyId: &p.target.arn, KeyPairSpec: in.KeyPairSpec, KeyMaterialId: p.material,
	}, nil
}
