package material

import (
	"crypto"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // RSAES_OAEP_SHA_1
	"crypto/x509"
	"fmt"
	"math/big"
)

// https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html#key-spec-rsa
func rsaSpec(bits int) *spec {
	return &spec{
		usages: []string{encryptDecrypt, signVerify},
		algorithms: map[string][]string{
			encryptDecrypt: {"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"},
			signVerify: {
				"RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512",
				"RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512",
			},
		},
		pair: true,
		fresh: func() ([]byte, error) {
			key, err := rsa.GenerateKey(rand.Reader, bits)
			if err != nil {
				return nil, err
			}
			k := rsaKey{key}
			defer k.wipe()
			return x509.MarshalPKCS8PrivateKey(key)
		},
		open: func(secret []byte) (opened, error) {
			key, err := parseRSA(secret, bits)
			if err != nil {
				return nil, err
			}
			return rsaKey{key}, nil
		},
		imported: func(plaintext []byte) ([]byte, error) {
			key, err := parseRSA(plaintext, bits)
			if err != nil {
				return nil, err
			}
			k := rsaKey{key}
			defer k.wipe()
			return x509.MarshalPKCS8PrivateKey(key)
		},
	}
}

// parseRSA reads a PKCS#8 RSA key of two primes. The standard library checks that
// the numbers belong together; that nothing else lies among them, the comparison
// with their one encoding.
func parseRSA(der []byte, bits int) (*rsa.PrivateKey, error) {
	p, ok := parsePKCS8(der)
	if !ok || !p.oid.Equal(oidRSA) || !p.nullParameters() || p.public != nil {
		return nil, ErrMaterial
	}
	// Modulus, exponents, primes and the rest are together at most five times as
	// long as the modulus; the time to check longer numbers is not spent.
	if len(p.key) > 5*bits/8+64 {
		return nil, ErrMaterial
	}
	key, err := x509.ParsePKCS1PrivateKey(p.key)
	if err != nil {
		return nil, ErrMaterial
	}
	if len(key.Primes) != 2 {
		return nil, fmt.Errorf("%w: an RSA key has two primes", ErrMaterial)
	}
	if key.N.BitLen() != bits {
		return nil, fmt.Errorf("%w: a modulus of %d bits", ErrMaterial, key.N.BitLen())
	}
	if key.E <= 1<<16 && fips140.Enforced() {
		return nil, fmt.Errorf("%w: the exponent %d", ErrFIPS, key.E)
	}
	again := x509.MarshalPKCS1PrivateKey(key)
	defer clear(again)
	if !equal(again, p.key) {
		return nil, ErrMaterial
	}
	return key, nil
}

type rsaKey struct{ *rsa.PrivateKey }

func (k rsaKey) public() ([]byte, error) { return x509.MarshalPKIXPublicKey(&k.PublicKey) }

func (k rsaKey) wipe() {
	wipeInt(k.D)
	for _, p := range k.Primes {
		wipeInt(p)
	}
	wipeInt(k.Precomputed.Dp)
	wipeInt(k.Precomputed.Dq)
	wipeInt(k.Precomputed.Qinv)
}

func wipeInt(n *big.Int) {
	if n != nil {
		clear(n.Bits())
	}
}

// Capacity is the longest plaintext that Encrypt takes with a spec and algorithm
// (RFC 8017, section 7.1.1); 0 if they do not go together.
func Capacity(name, algorithm string) int {
	bytes, ok := map[string]int{"RSA_2048": 256, "RSA_3072": 384, "RSA_4096": 512}[name]
	if !ok {
		return 0
	}
	switch algorithm {
	case "RSAES_OAEP_SHA_1":
		return bytes - 2*20 - 2
	case "RSAES_OAEP_SHA_256":
		return bytes - 2*32 - 2
	}
	return 0
}

func (k rsaKey) encrypt(a algorithm, plaintext []byte) ([]byte, error) {
	if len(plaintext) > k.Size()-2*a.hash.Size()-2 {
		return nil, ErrMessage
	}
	return rsa.EncryptOAEP(a.hash.New(), rand.Reader, &k.PublicKey, plaintext, nil)
}

func (k rsaKey) decrypt(a algorithm, ciphertext []byte) ([]byte, error) {
	plaintext, err := rsa.DecryptOAEP(a.hash.New(), nil, k.PrivateKey, ciphertext, nil)
	if err != nil {
		return nil, ErrCiphertext
	}
	return plaintext, nil
}

// The salt of PSS is as long as the digest, both ways.
var pss = map[crypto.Hash]*rsa.PSSOptions{
	crypto.SHA256: {SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256},
	crypto.SHA384: {SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA384},
	crypto.SHA512: {SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA512},
}

func (k rsaKey) sign(a algorithm, messageType string, message []byte) ([]byte, error) {
	d, err := hashed(a, messageType, message)
	if err != nil {
		return nil, err
	}
	if a.pss {
		return rsa.SignPSS(rand.Reader, k.PrivateKey, a.hash, d, pss[a.hash])
	}
	return rsa.SignPKCS1v15(nil, k.PrivateKey, a.hash, d)
}

func (k rsaKey) verify(a algorithm, messageType string, message, signature []byte) error {
	d, err := hashed(a, messageType, message)
	if err != nil {
		return err
	}
	if a.pss {
		err = rsa.VerifyPSS(&k.PublicKey, a.hash, d, signature, pss[a.hash])
	} else {
		err = rsa.VerifyPKCS1v15(&k.PublicKey, a.hash, d, signature)
	}
	if err != nil {
		return ErrSignature
	}
	return nil
}
