package material

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	_ "crypto/sha256" // SHA-224 and SHA-256
	_ "crypto/sha512" // SHA-384 and SHA-512
	"fmt"
	"hash"
	"sync"
)

// symmetric is the spec whose material is used elsewhere.
func symmetric() *spec {
	sized := func(b []byte) ([]byte, error) {
		if len(b) != 32 {
			return nil, fmt.Errorf("%w: a symmetric key has 256 bits", ErrMaterial)
		}
		return bytes.Clone(b), nil
	}
	return &spec{
		usages:     []string{encryptDecrypt},
		algorithms: map[string][]string{encryptDecrypt: {"SYMMETRIC_DEFAULT"}},
		fresh:      random(32),
		open: func(secret []byte) (opened, error) {
			b, err := sized(secret)
			return symmetricKey(b), err
		},
		imported: sized,
	}
}

type symmetricKey []byte

func (k symmetricKey) public() ([]byte, error) { return nil, nil }
func (k symmetricKey) wipe()                   { clear(k) }

// maxHMAC is the longest HMAC key that can be imported: 1,024 bits.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/importing-keys-conceptual.html#importing-keys-material-requirements
const maxHMAC = 128

// hmacSpec is an HMAC key (RFC 2104) as long as its hash, or longer if imported.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/hmac.html
func hmacSpec(h crypto.Hash, name string) *spec {
	sized := func(b []byte) ([]byte, error) {
		if len(b) < h.Size() || len(b) > maxHMAC {
			return nil, fmt.Errorf("%w: this HMAC key has %d to %d bits", ErrMaterial, h.Size()*8, maxHMAC*8)
		}
		return bytes.Clone(b), nil
	}
	return &spec{
		usages:     []string{generateVerifyMAC},
		algorithms: map[string][]string{generateVerifyMAC: {name}},
		fresh:      random(h.Size()),
		open: func(secret []byte) (opened, error) {
			b, err := sized(secret)
			if err != nil {
				return nil, err
			}
			k := &hmacKey{secret: b}
			k.states.New = func() any { return hmac.New(h.New, k.secret) }
			return k, nil
		},
		imported: sized,
	}
}

// hmacKey keeps hashes that have read the padded key, which saves half the work
// of a short message.
type hmacKey struct {
	secret []byte
	states sync.Pool
}

func (k *hmacKey) public() ([]byte, error) { return nil, nil }

func (k *hmacKey) wipe() { clear(k.secret) }

func (k *hmacKey) mac(message []byte) []byte {
	state := k.states.Get().(hash.Hash)
	defer k.states.Put(state)
	state.Reset()
	state.Write(message)
	return state.Sum(nil)
}
