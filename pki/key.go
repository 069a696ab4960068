package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

// A KeyAlgorithm is a kind of key under ACM's name.
type KeyAlgorithm string

// The kinds that ACM issues certificates for, and imports.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
const (
	RSA1024 KeyAlgorithm = "RSA_1024"
	RSA2048 KeyAlgorithm = "RSA_2048"
	RSA3072 KeyAlgorithm = "RSA_3072"
	RSA4096 KeyAlgorithm = "RSA_4096"
	P256    KeyAlgorithm = "EC_prime256v1"
	P384    KeyAlgorithm = "EC_secp384r1"
	P521    KeyAlgorithm = "EC_secp521r1"
)

var (
	rsaSizes = map[KeyAlgorithm]int{RSA1024: 1024, RSA2048: 2048, RSA3072: 3072, RSA4096: 4096}
	curves   = map[KeyAlgorithm]elliptic.Curve{P256: elliptic.P256(), P384: elliptic.P384(), P521: elliptic.P521()}
)

// NewKey makes a key.
func NewKey(a KeyAlgorithm) (crypto.Signer, error) {
	if c, ok := curves[a]; ok {
		return ecdsa.GenerateKey(c, rand.Reader)
	}
	if size, ok := rsaSizes[a]; ok && a != RSA1024 {
		return rsa.GenerateKey(rand.Reader, size)
	}
	return nil, fmt.Errorf("no keys are made for %s", a)
}

// AlgorithmOf names the kind of a public key, or "".
func AlgorithmOf(public crypto.PublicKey) KeyAlgorithm {
	switch k := public.(type) {
	case *rsa.PublicKey:
		for a, size := range rsaSizes {
			if k.N.BitLen() == size {
				return a
			}
		}
	case *ecdsa.PublicKey:
		for a, c := range curves {
			if k.Curve == c {
				return a
			}
		}
	}
	return ""
}

// signatureOf is how a key signs certificates: a hash as strong as the key.
func signatureOf(public crypto.PublicKey) (x509.SignatureAlgorithm, error) {
	switch AlgorithmOf(public) {
	case RSA2048, RSA3072, RSA4096:
		return x509.SHA256WithRSA, nil
	case P256:
		return x509.ECDSAWithSHA256, nil
	case P384:
		return x509.ECDSAWithSHA384, nil
	case P521:
		return x509.ECDSAWithSHA512, nil
	}
	return 0, fmt.Errorf("an authority cannot have a key of %T", public)
}
