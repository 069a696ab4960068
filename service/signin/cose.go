package signin

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
)

// coseKey is a public key as authenticators give it (RFC 9052 section 7, RFC
// 9053), with its algorithm.
type coseKey struct {
	algorithm int64
	key       crypto.PublicKey
}

// Algorithms of COSE that are offered to authenticators, the best first.
// https://www.iana.org/assignments/cose/cose.xhtml#algorithms
const (
	coseES256 = -7
	coseEdDSA = -8
	coseRS256 = -257
)

// Key types and curves of COSE.
const (
	coseOKP, coseEC2, coseRSA = 1, 2, 3
	coseP256, coseEd25519     = 1, 6
)

// parseCOSE reads a COSE_Key. A key of any other kind, or a weak one, is
// refused.
func parseCOSE(doc []byte) (*coseKey, error) {
	var m map[int64]any
	if err := decoding.Unmarshal(doc, &m); err != nil {
		return nil, refuse("the key is no COSE_Key")
	}
	number := func(label int64) int64 {
		switch v := m[label].(type) {
		case uint64:
			return int64(min(v, 1<<62))
		case int64:
			return v
		}
		return 0
	}
	octets := func(label int64) []byte {
		b, _ := m[label].([]byte)
		return b
	}
	k := &coseKey{algorithm: number(3)}
	switch kind := number(1); {
	case k.algorithm == coseES256 && kind == coseEC2 && number(-1) == coseP256:
		x, y := octets(-2), octets(-3)
		if len(x) != 32 || len(y) != 32 {
			return nil, refuse("the key's point is cut off")
		}
		key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		if err != nil {
			return nil, refuse("the key's point is not on its curve")
		}
		k.key = key
	case k.algorithm == coseEdDSA && kind == coseOKP && number(-1) == coseEd25519:
		x := octets(-2)
		if len(x) != ed25519.PublicKeySize {
			return nil, refuse("the key is cut off")
		}
		k.key = ed25519.PublicKey(x)
	case k.algorithm == coseRS256 && kind == coseRSA:
		n, e := new(big.Int).SetBytes(octets(-1)), new(big.Int).SetBytes(octets(-2))
		if n.BitLen() < 2048 || n.BitLen() > 8192 || e.BitLen() > 31 || e.Cmp(big.NewInt(3)) < 0 || e.Bit(0) == 0 {
			return nil, refuse("the RSA key is too weak or too large")
		}
		k.key = &rsa.PublicKey{N: n, E: int(e.Int64())}
	default:
		return nil, refuse("the key's algorithm was not offered")
	}
	return k, nil
}

// verify checks a signature of what signed is.
func (k *coseKey) verify(signed, signature []byte) bool {
	digest := sha256.Sum256(signed)
	switch key := k.key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest[:], signature)
	case ed25519.PublicKey:
		return ed25519.Verify(key, signed, signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) == nil
	}
	return false
}
