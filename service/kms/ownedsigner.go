package kms

import (
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io"

	api "bartizan.dev/api/kms"
	"bartizan.dev/service/kms/material"
)

// An ownedSigner is a private key of a service that stays in KMS.
type ownedSigner struct {
	key    *material.Key
	public crypto.PublicKey
}

// OwnSigner returns a private key on NIST's P-256 that a service owns in a
// Region, under a name of its own, and makes it the first time: an authority's,
// for one. It must not be called within a transaction.
func (s *Service) OwnSigner(ctx context.Context, region, service, name string) (crypto.Signer, error) {
	const spec = api.KeySpec_ECC_NIST_P256
	name = ownedKeys + region + "/" + service + "/" + name
	_, m, err := s.ownedRecord(ctx, region, name, spec)
	if err != nil {
		return nil, err
	}
	secret, err := s.domains.unwrap(ctx, region, materialName(name, m.ID), m.Wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	k, err := material.Open(string(spec), secret)
	if err != nil {
		return nil, err
	}
	public, err := x509.ParsePKIXPublicKey(k.Public())
	if err != nil {
		return nil, err
	}
	return &ownedSigner{k, public}, nil
}

func (o *ownedSigner) Public() crypto.PublicKey { return o.public }

// Sign signs a SHA-256 digest.
func (o *ownedSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != crypto.SHA256 {
		return nil, fmt.Errorf("kms: a key on P-256 signs SHA-256, not %v", opts.HashFunc())
	}
	return o.key.Sign(string(api.SigningAlgorithmSpec_ECDSA_SHA_256), string(api.MessageType_DIGEST), digest)
}
