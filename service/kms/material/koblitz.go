package material

import (
	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
)

// koblitzSpec is secp256k1. NIST allows the curve for blockchains only (SP
// 800-186, section 3.2.3), and no FIPS module of Go's has it.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html#key-spec-ecc
func koblitzSpec() *spec {
	return &spec{
		usages:     []string{signVerify},
		algorithms: map[string][]string{signVerify: {"ECDSA_SHA_256"}},
		pair:       true,
		outside:    true,
		fresh: func() ([]byte, error) {
			key, err := secp256k1.GeneratePrivateKey()
			if err != nil {
				return nil, err
			}
			defer key.Zero()
			return marshalKoblitz(key), nil
		},
		open: func(secret []byte) (opened, error) {
			key, err := parseKoblitz(secret)
			if err != nil {
				return nil, err
			}
			return &koblitzKey{private: key, verifier: key.PubKey()}, nil
		},
		imported: func(plaintext []byte) ([]byte, error) {
			key, err := parseKoblitz(plaintext)
			if err != nil {
				return nil, err
			}
			defer key.Zero()
			return marshalKoblitz(key), nil
		},
	}
}

func marshalKoblitz(key *secp256k1.PrivateKey) []byte {
	scalar := key.Serialize()
	defer clear(scalar)
	return marshalEC(oidSecp256k1, scalar, key.PubKey().SerializeUncompressed())
}

func parseKoblitz(der []byte) (*secp256k1.PrivateKey, error) {
	scalar, public, err := parseEC(der, oidSecp256k1)
	if err != nil || len(scalar) != secp256k1.PrivKeyBytesLen {
		return nil, ErrMaterial
	}
	var key secp256k1.PrivateKey
	if overflow := key.Key.SetByteSlice(scalar); overflow || key.Key.IsZero() {
		return nil, ErrMaterial
	}
	if !samePoint(key.PubKey().SerializeUncompressed(), public) {
		return nil, ErrMaterial
	}
	return &key, nil
}

type koblitzKey struct {
	private  *secp256k1.PrivateKey
	verifier *secp256k1.PublicKey
}

func (k *koblitzKey) public() ([]byte, error) {
	return marshalECPublic(oidSecp256k1, k.verifier.SerializeUncompressed()), nil
}

func (k *koblitzKey) wipe() { k.private.Zero() }

// sign is deterministic (RFC 6979) and answers the lower of the two values of S
// that verify, as Bitcoin and Ethereum demand; both verify.
func (k *koblitzKey) sign(a algorithm, messageType string, message []byte) ([]byte, error) {
	d, err := hashed(a, messageType, message)
	if err != nil {
		return nil, err
	}
	return ecdsa.Sign(k.private, d).Serialize(), nil
}

func (k *koblitzKey) verify(a algorithm, messageType string, message, signature []byte) error {
	d, err := hashed(a, messageType, message)
	if err != nil {
		return err
	}
	s, err := ecdsa.ParseDERSignature(signature)
	if err != nil || !s.Verify(d, k.verifier) {
		return ErrSignature
	}
	return nil
}
