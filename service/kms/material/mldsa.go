package material

import (
	"crypto"
	"encoding/asn1"

	"filippo.io/mldsa"
	"filippo.io/mldsa/mldsacrypto"
)

// muSize is the length of μ, ML-DSA's message representative: FIPS 204, section
// 6.2.
const muSize = 64

// mldsaSpec is a parameter set of ML-DSA, with an empty context. A digest is
// neither RAW nor μ, and so DIGEST is refused.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/mldsa.html
func mldsaSpec(params mldsa.Parameters, set *lattice) *spec {
	oid := mldsaOID(params)
	return &spec{
		usages:     []string{signVerify},
		algorithms: map[string][]string{signVerify: {"ML_DSA_SHAKE_256"}},
		fresh:      random(mldsa.PrivateKeySize),
		open: func(secret []byte) (opened, error) {
			key, err := mldsa.NewPrivateKey(params, secret)
			if err != nil {
				return nil, ErrMaterial
			}
			return &mldsaKey{oid: oid, set: set, private: key, verifier: key.PublicKey()}, nil
		},
		imported: func(plaintext []byte) ([]byte, error) {
			return parseSeed(plaintext, oid, mldsa.PrivateKeySize, func(seed []byte) ([]byte, []byte, error) {
				key, err := mldsa.NewPrivateKey(params, seed)
				if err != nil {
					return nil, nil, err
				}
				public := key.PublicKey().Bytes()
				return set.expand(seed, public), public, nil
			})
		},
	}
}

func mldsaOID(params mldsa.Parameters) asn1.ObjectIdentifier {
	switch params {
	case mldsa.MLDSA44():
		return oidMLDSA44
	case mldsa.MLDSA65():
		return oidMLDSA65
	}
	return oidMLDSA87
}

type mldsaKey struct {
	oid      asn1.ObjectIdentifier
	set      *lattice
	private  *mldsa.PrivateKey
	verifier *mldsa.PublicKey
}

func (k *mldsaKey) public() ([]byte, error) { return marshalPublic(k.oid, k.verifier.Bytes()), nil }

func (k *mldsaKey) wipe() { k.private, k.verifier = nil, nil }

// prepare says whether the message is μ.
func (k *mldsaKey) prepare(messageType string, message []byte) (mu bool, err error) {
	switch messageType {
	case raw, "":
		return false, nil
	case externalMu:
		if len(message) != muSize {
			return false, ErrMessage
		}
		return true, nil
	}
	return false, ErrMessageType
}

func (k *mldsaKey) sign(_ algorithm, messageType string, message []byte) ([]byte, error) {
	mu, err := k.prepare(messageType, message)
	if err != nil {
		return nil, err
	}
	hash := crypto.Hash(0)
	if mu {
		hash = mldsacrypto.MLDSAMu
	}
	return k.private.Sign(nil, message, hash)
}

// verify uses the library for messages. It verifies no μ, which is why lattice.go
// does.
func (k *mldsaKey) verify(_ algorithm, messageType string, message, signature []byte) error {
	mu, err := k.prepare(messageType, message)
	if err != nil {
		return err
	}
	if mu {
		if !k.set.verify(k.verifier.Bytes(), message, signature) {
			return ErrSignature
		}
		return nil
	}
	if mldsa.Verify(k.verifier, message, signature, nil) != nil {
		return ErrSignature
	}
	return nil
}
