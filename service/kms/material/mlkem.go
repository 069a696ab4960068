package material

import (
	"bytes"
	"crypto/mlkem"
	"encoding/asn1"

	"github.com/cloudflare/circl/kem"
	"github.com/cloudflare/circl/kem/mlkem/mlkem1024"
	"github.com/cloudflare/circl/kem/mlkem/mlkem512"
	"github.com/cloudflare/circl/kem/mlkem/mlkem768"
)

// kemSeed is d and z of FIPS 203, section 7.1.
const kemSeed = 64

// A kemSet is a parameter set of ML-KEM. The standard library has two of the
// three, and none in expanded form: that comes from circl, at import only.
type kemSet struct {
	oid        asn1.ObjectIdentifier
	ciphertext int
	open       func(seed []byte) (kemKey, error)
	expander   kem.Scheme
}

var (
	kem512  = kemSet{oidMLKEM512, mlkem512.CiphertextSize, open512, mlkem512.Scheme()}
	kem768  = kemSet{oidMLKEM768, mlkem.CiphertextSize768, open768, mlkem768.Scheme()}
	kem1024 = kemSet{oidMLKEM1024, mlkem.CiphertextSize1024, open1024, mlkem1024.Scheme()}
)

// https://docs.aws.amazon.com/kms/latest/developerguide/pqkeys.html#mlkem
func mlkemSpec(set kemSet) *spec {
	return &spec{
		usages:     []string{encapsulateDecapsulate},
		algorithms: map[string][]string{encapsulateDecapsulate: {"ML_KEM"}},
		pair:       true,
		fresh:      random(kemSeed),
		open: func(secret []byte) (opened, error) {
			if len(secret) != kemSeed {
				return nil, ErrMaterial
			}
			key, err := set.open(secret)
			if err != nil {
				return nil, ErrMaterial
			}
			return &mlkemKey{set: set, key: key}, nil
		},
		imported: func(plaintext []byte) ([]byte, error) {
			return parseSeed(plaintext, set.oid, kemSeed, func(seed []byte) ([]byte, []byte, error) {
				public, private := set.expander.DeriveKeyPair(seed)
				expanded, err := private.MarshalBinary()
				if err != nil {
					return nil, nil, err
				}
				key, err := public.MarshalBinary()
				return expanded, key, err
			})
		},
		pkcs8: func(secret []byte) []byte { return marshalSeed(set.oid, secret) },
	}
}

// kemKey is the same of each library.
type kemKey struct {
	encapsulationKey []byte
	encapsulate      func() (sharedSecret, ciphertext []byte)
	decapsulate      func(ciphertext []byte) (sharedSecret []byte, err error)
}

type mlkemKey struct {
	set kemSet
	key kemKey
}

func (k *mlkemKey) public() ([]byte, error) {
	return marshalPublic(k.set.oid, k.key.encapsulationKey), nil
}

func (k *mlkemKey) wipe() { k.key = kemKey{} }

func (k *mlkemKey) encapsulate() (sharedSecret, ciphertext []byte, err error) {
	sharedSecret, ciphertext = k.key.encapsulate()
	return sharedSecret, ciphertext, nil
}

func (k *mlkemKey) decapsulate(ciphertext []byte) ([]byte, error) {
	if len(ciphertext) != k.set.ciphertext {
		return nil, ErrCiphertext
	}
	secret, err := k.key.decapsulate(ciphertext)
	if err != nil {
		return nil, ErrCiphertext
	}
	return secret, nil
}

func open512(seed []byte) (kemKey, error) {
	public, private := mlkem512.NewKeyFromSeed(bytes.Clone(seed))
	encoded, err := public.MarshalBinary()
	if err != nil {
		return kemKey{}, err
	}
	return kemKey{
		encapsulationKey: encoded,
		encapsulate: func() (sharedSecret, ciphertext []byte) {
			ciphertext, sharedSecret = make([]byte, mlkem512.CiphertextSize), make([]byte, mlkem512.SharedKeySize)
			public.EncapsulateTo(ciphertext, sharedSecret, nil) // nil: from crypto/rand
			return sharedSecret, ciphertext
		},
		decapsulate: func(ciphertext []byte) ([]byte, error) {
			secret := make([]byte, mlkem512.SharedKeySize)
			private.DecapsulateTo(secret, ciphertext)
			return secret, nil
		},
	}, nil
}

func open768(seed []byte) (kemKey, error) {
	key, err := mlkem.NewDecapsulationKey768(seed)
	if err != nil {
		return kemKey{}, err
	}
	public := key.EncapsulationKey()
	return kemKey{public.Bytes(), public.Encapsulate, key.Decapsulate}, nil
}

func open1024(seed []byte) (kemKey, error) {
	key, err := mlkem.NewDecapsulationKey1024(seed)
	if err != nil {
		return kemKey{}, err
	}
	public := key.EncapsulationKey()
	return kemKey{public.Bytes(), public.Encapsulate, key.Decapsulate}, nil
}
