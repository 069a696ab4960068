package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that the table names
	_ "crypto/sha512"
	"math/big"
)

// algorithm is a signature algorithm of RFC 7518, section 3, or RFC 8037.
type algorithm struct {
	hash  crypto.Hash
	pss   bool
	curve elliptic.Curve // nil: RSA, or Ed25519 if hash is 0
}

// algorithmOf is the whole list: no token is ever verified by another one, and
// so neither "none" nor a shared secret can stand in for a key.
func algorithmOf(name string) (algorithm, bool) {
	a, ok := map[string]algorithm{
		"RS256": {hash: crypto.SHA256}, "RS384": {hash: crypto.SHA384}, "RS512": {hash: crypto.SHA512},
		"PS256": {hash: crypto.SHA256, pss: true}, "PS384": {hash: crypto.SHA384, pss: true}, "PS512": {hash: crypto.SHA512, pss: true},
		"ES256": {hash: crypto.SHA256, curve: elliptic.P256()},
		"ES384": {hash: crypto.SHA384, curve: elliptic.P384()},
		"ES512": {hash: crypto.SHA512, curve: elliptic.P521()},
		"EdDSA": {},
	}[name]
	return a, ok
}

// Bounds of RSA keys in bits: RFC 7518, section 3.3, demands the lower one; the
// upper one bounds the time a check takes.
const minRSA, maxRSA = 2048, 8192

// suits says whether a key is of the algorithm's kind and size.
func (a algorithm) suits(key crypto.PublicKey) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return a.hash != 0 && a.curve == nil && k.N.BitLen() >= minRSA && k.N.BitLen() <= maxRSA
	case *ecdsa.PublicKey:
		return a.curve != nil && k.Curve == a.curve
	case ed25519.PublicKey:
		return a.hash == 0
	}
	return false
}

func (a algorithm) digest(signed []byte) []byte {
	h := a.hash.New()
	h.Write(signed) // a hash never fails
	return h.Sum(nil)
}

// verify checks a signature by a key that suits.
func (a algorithm) verify(key crypto.PublicKey, signed, signature []byte) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if a.pss { // the salt is as long as the hash: RFC 7518, section 3.5
			return rsa.VerifyPSS(k, a.hash, a.digest(signed), signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
		return rsa.VerifyPKCS1v15(k, a.hash, a.digest(signed), signature) == nil
	case *ecdsa.PublicKey: // R and S, each as long as the curve's order: RFC 7518, section 3.4
		n := (k.Curve.Params().BitSize + 7) / 8
		if len(signature) != 2*n {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:])
		return ecdsa.Verify(k, a.digest(signed), r, s)
	case ed25519.PublicKey:
		return ed25519.Verify(k, signed, signature)
	}
	return false
}
