package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

// Signer signs tokens with one key.
//
//	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
//	signer, err := oidc.NewSigner("ES384", key)
//	token, err := signer.Sign(map[string]any{"iss": issuer, "sub": subject, "aud": audience, "exp": …})
//	doc, err := json.Marshal(oidc.JWKS{signer.Key()})
type Signer struct {
	algorithm string
	id        string
	key       crypto.Signer
	header    string // base64url
}

// NewSigner returns a signer by one of the algorithms of this package. Its kid
// is KeyID of the key. A key that does not suit is refused with ErrAlgorithm.
func NewSigner(algorithm string, key crypto.Signer) (*Signer, error) {
	a, ok := algorithmOf(algorithm)
	if !ok || !a.suits(key.Public()) {
		return nil, fmt.Errorf("%w: %q with a %T", ErrAlgorithm, algorithm, key.Public())
	}
	id, err := KeyID(key.Public())
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(map[string]string{"alg": algorithm, "kid": id, "typ": "JWT"})
	if err != nil {
		return nil, err
	}
	return &Signer{algorithm: algorithm, id: id, key: key, header: base64.RawURLEncoding.EncodeToString(header)}, nil
}

// Key is the public half, for a JWKS.
func (s *Signer) Key() Key { return Key{ID: s.id, Algorithm: s.algorithm, Public: s.key.Public()} }

// Sign returns the token (JWS compact serialisation) whose claims are the JSON
// object that claims encodes to.
func (s *Signer) Sign(claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("oidc: claims: %w", err)
	}
	signed := s.header + "." + base64.RawURLEncoding.EncodeToString(payload)
	signature, err := s.sign([]byte(signed))
	if err != nil {
		return "", fmt.Errorf("oidc: signing: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func (s *Signer) sign(signed []byte) ([]byte, error) {
	a, _ := algorithmOf(s.algorithm)
	if a.hash == 0 {
		return s.key.Sign(rand.Reader, signed, crypto.Hash(0))
	}
	var opts crypto.SignerOpts = a.hash
	if a.pss {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.hash}
	}
	signature, err := s.key.Sign(rand.Reader, a.digest(signed), opts)
	if err != nil || a.curve == nil {
		return signature, err
	}
	return rawSignature(signature, s.key.Public().(*ecdsa.PublicKey))
}

// rawSignature turns ASN.1's form of an ECDSA signature into that of tokens.
func rawSignature(der []byte, key *ecdsa.PublicKey) ([]byte, error) {
	var v struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &v); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("the key's signature is not ECDSA's: %w", err)
	}
	n := (key.Curve.Params().BitSize + 7) / 8
	out := make([]byte, 2*n)
	v.R.FillBytes(out[:n])
	v.S.FillBytes(out[n:])
	return out, nil
}
