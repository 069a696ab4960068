package material

import (
	"crypto"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/subtle"
	"slices"

	"filippo.io/mldsa"
)

// Key usages of the model.
const (
	encryptDecrypt         = "ENCRYPT_DECRYPT"
	signVerify             = "SIGN_VERIFY"
	generateVerifyMAC      = "GENERATE_VERIFY_MAC"
	keyAgreement           = "KEY_AGREEMENT"
	encapsulateDecapsulate = "ENCAPSULATE_DECAPSULATE"
)

// A spec is all that differs from one key spec to the next.
type spec struct {
	usages     []string
	algorithms map[string][]string // by usage, in DescribeKey's order
	pair       bool                // a DataKeyPairSpec of the model
	outside    bool                // no FIPS standard names it: refused under fips140=only

	fresh    func() ([]byte, error)
	open     func(secret []byte) (opened, error)
	imported func(plaintext []byte) (secret []byte, err error)
	pkcs8    func(secret []byte) []byte // of a pair; nil: the secret is PKCS#8 already
}

// specs is the table of key specs. SM2 exists in AWS's China Regions only.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
var specs = map[string]*spec{
	"SYMMETRIC_DEFAULT": symmetric(),

	"RSA_2048": rsaSpec(2048),
	"RSA_3072": rsaSpec(3072),
	"RSA_4096": rsaSpec(4096),

	"ECC_NIST_P256": nistSpec(elliptic.P256(), "ECDSA_SHA_256"),
	"ECC_NIST_P384": nistSpec(elliptic.P384(), "ECDSA_SHA_384"),
	"ECC_NIST_P521": nistSpec(elliptic.P521(), "ECDSA_SHA_512"),

	"ECC_SECG_P256K1":       koblitzSpec(),
	"ECC_NIST_EDWARDS25519": edwardsSpec(),

	"HMAC_224": hmacSpec(crypto.SHA224, "HMAC_SHA_224"),
	"HMAC_256": hmacSpec(crypto.SHA256, "HMAC_SHA_256"),
	"HMAC_384": hmacSpec(crypto.SHA384, "HMAC_SHA_384"),
	"HMAC_512": hmacSpec(crypto.SHA512, "HMAC_SHA_512"),

	"ML_DSA_44": mldsaSpec(mldsa.MLDSA44(), &lattice44),
	"ML_DSA_65": mldsaSpec(mldsa.MLDSA65(), &lattice65),
	"ML_DSA_87": mldsaSpec(mldsa.MLDSA87(), &lattice87),

	"ML_KEM_512":  mlkemSpec(kem512),
	"ML_KEM_768":  mlkemSpec(kem768),
	"ML_KEM_1024": mlkemSpec(kem1024),
}

func specOf(name string) (*spec, error) {
	s, ok := specs[name]
	if !ok {
		return nil, ErrSpec
	}
	if s.outside && fips140.Enforced() {
		return nil, ErrFIPS
	}
	return s, nil
}

// An algorithm is what the name of a signing or encryption algorithm stands for.
type algorithm struct {
	hash crypto.Hash // 0: it hashes inside
	pss  bool        // RSA: PSS, not PKCS#1 v1.5
}

// permitted refuses SHA-1 under fips140=only, where its use would panic.
func (a algorithm) permitted() error {
	if a.hash == crypto.SHA1 && fips140.Enforced() {
		return ErrFIPS
	}
	return nil
}

var algorithms = map[string]algorithm{
	"RSAES_OAEP_SHA_1":          {hash: crypto.SHA1},
	"RSAES_OAEP_SHA_256":        {hash: crypto.SHA256},
	"RSASSA_PKCS1_V1_5_SHA_256": {hash: crypto.SHA256},
	"RSASSA_PKCS1_V1_5_SHA_384": {hash: crypto.SHA384},
	"RSASSA_PKCS1_V1_5_SHA_512": {hash: crypto.SHA512},
	"RSASSA_PSS_SHA_256":        {hash: crypto.SHA256, pss: true},
	"RSASSA_PSS_SHA_384":        {hash: crypto.SHA384, pss: true},
	"RSASSA_PSS_SHA_512":        {hash: crypto.SHA512, pss: true},
	"ECDSA_SHA_256":             {hash: crypto.SHA256},
	"ECDSA_SHA_384":             {hash: crypto.SHA384},
	"ECDSA_SHA_512":             {hash: crypto.SHA512},
	"ED25519_PH_SHA_512":        {hash: crypto.SHA512},
	"ED25519_SHA_512":           {},
	"ML_DSA_SHAKE_256":          {},
}

// Usages are the key usages a spec can be created with; nil if there is no such
// spec.
func Usages(name string) []string {
	s, ok := specs[name]
	if !ok {
		return nil
	}
	return slices.Clone(s.usages)
}

// Algorithms are what DescribeKey lists for a spec and usage, in its order.
func Algorithms(name, usage string) []string {
	s, ok := specs[name]
	if !ok {
		return nil
	}
	return slices.Clone(s.algorithms[usage])
}

// Digest is the length of message that MessageType DIGEST wants with a signing
// algorithm; ok is false for those that take no digest.
func Digest(name string) (size int, ok bool) {
	a, known := algorithms[name]
	if !known || a.hash == 0 || len(name) > 5 && name[:5] == "RSAES" {
		return 0, false
	}
	return a.hash.Size(), true
}

// NewPair makes a data key pair: PKCS#8 and SubjectPublicKeyInfo.
//
// https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPair.html
func NewPair(name string) (private, public []byte, err error) {
	s, err := specOf(name)
	if err != nil {
		return nil, nil, err
	}
	if !s.pair {
		return nil, nil, ErrSpec
	}
	secret, err := s.fresh()
	if err != nil {
		return nil, nil, err
	}
	key, err := s.open(secret)
	if err != nil {
		return nil, nil, err
	}
	defer key.wipe()
	if public, err = key.public(); err != nil {
		return nil, nil, err
	}
	if s.pkcs8 == nil {
		return secret, public, nil
	}
	defer clear(secret)
	return s.pkcs8(secret), public, nil
}

func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// random is a maker of so many random bytes. crypto/rand does not fail: it ends
// the program if the system has no randomness.
func random(size int) func() ([]byte, error) {
	return func() ([]byte, error) {
		b := make([]byte, size)
		_, err := rand.Read(b)
		return b, err
	}
}

// hashed is the digest that a hash-then-sign algorithm signs.
func hashed(a algorithm, messageType string, message []byte) ([]byte, error) {
	switch messageType {
	case raw, "":
		h := a.hash.New()
		h.Write(message)
		return h.Sum(nil), nil
	case digest:
		if len(message) != a.hash.Size() {
			return nil, ErrMessage
		}
		return message, nil
	}
	return nil, ErrMessageType
}
