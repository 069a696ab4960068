package material

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha512"
	"crypto/x509"
)

// https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html#key-spec-ecc
func edwardsSpec() *spec {
	return &spec{
		usages:     []string{signVerify},
		algorithms: map[string][]string{signVerify: {"ED25519_SHA_512", "ED25519_PH_SHA_512"}},
		pair:       true,
		fresh: func() ([]byte, error) {
			_, key, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				return nil, err
			}
			defer clear(key)
			return x509.MarshalPKCS8PrivateKey(key)
		},
		open: func(secret []byte) (opened, error) {
			key, err := parseEdwards(secret)
			if err != nil {
				return nil, err
			}
			return edwardsKey(key), nil
		},
		imported: func(plaintext []byte) ([]byte, error) {
			key, err := parseEdwards(plaintext)
			if err != nil {
				return nil, err
			}
			defer clear(key)
			return x509.MarshalPKCS8PrivateKey(key)
		},
	}
}

// parseEdwards reads a key as RFC 8410, section 7 writes it.
func parseEdwards(der []byte) (ed25519.PrivateKey, error) {
	p, ok := parsePKCS8(der)
	if !ok || !p.oid.Equal(oidEd25519) || p.parameters != nil {
		return nil, ErrMaterial
	}
	seed, ok := octets(p.key)
	if !ok || len(seed) != ed25519.SeedSize {
		return nil, ErrMaterial
	}
	key := ed25519.NewKeyFromSeed(seed)
	if p.public != nil && !equal(p.public, key[ed25519.SeedSize:]) {
		return nil, ErrMaterial
	}
	return key, nil
}

type edwardsKey ed25519.PrivateKey

func (k edwardsKey) verifier() ed25519.PublicKey { return ed25519.PublicKey(k[ed25519.SeedSize:]) }

func (k edwardsKey) public() ([]byte, error) { return x509.MarshalPKIXPublicKey(k.verifier()) }

func (k edwardsKey) wipe() { clear(k[:ed25519.SeedSize]) }

// prepare answers what is signed and how. ED25519_SHA_512 takes RAW only and
// ED25519_PH_SHA_512 takes DIGEST only; of the latter AWS says that the digest is
// hashed once more, as the first step of Ed25519ph demands.
//
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html#KMS-Sign-request-MessageType
func (k edwardsKey) prepare(a algorithm, messageType string, message []byte) ([]byte, *ed25519.Options, error) {
	if a.hash == 0 {
		if messageType != raw && messageType != "" {
			return nil, nil, ErrMessageType
		}
		return message, &ed25519.Options{}, nil
	}
	if messageType != digest {
		return nil, nil, ErrMessageType
	}
	if len(message) != sha512.Size {
		return nil, nil, ErrMessage
	}
	again := sha512.Sum512(message)
	return again[:], &ed25519.Options{Hash: crypto.SHA512}, nil
}

func (k edwardsKey) sign(a algorithm, messageType string, message []byte) ([]byte, error) {
	message, options, err := k.prepare(a, messageType, message)
	if err != nil {
		return nil, err
	}
	return ed25519.PrivateKey(k).Sign(nil, message, options)
}

func (k edwardsKey) verify(a algorithm, messageType string, message, signature []byte) error {
	message, options, err := k.prepare(a, messageType, message)
	if err != nil {
		return err
	}
	if ed25519.VerifyWithOptions(k.verifier(), message, signature, options) != nil {
		return ErrSignature
	}
	return nil
}
