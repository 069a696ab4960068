// Package material is the cryptography of KMS keys: for every key spec it makes
// fresh material, opens it for use, and signs, verifies, encrypts, computes
// MACs, agrees and encapsulates with it. It also checks and unwraps material
// that a user imports. It knows no store, no clock and no caller, and reads
// nothing but crypto/rand.
//
// Symmetric encryption keys (SYMMETRIC_DEFAULT) are made and imported here too,
// but used elsewhere: their ciphertexts carry more than a primitive knows.
//
// https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
package material

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// The errors of this package; details may be wrapped around them, never secrets.
var (
	ErrSpec       = errors.New("the key spec is not known")
	ErrAlgorithm  = errors.New("the algorithm does not go with the key spec")
	ErrMessage    = errors.New("the message has the wrong length")
	ErrCiphertext = errors.New("the ciphertext is not valid")
	ErrSignature  = errors.New("the signature is not valid")
	ErrMAC        = errors.New("the MAC is not valid")
	ErrPeer       = errors.New("the peer's public key is not valid")
	ErrMaterial   = errors.New("the key material is not valid")
	ErrWrapped    = errors.New("the wrapped key material is not valid")
	ErrWiped      = errors.New("the key material was wiped")
	ErrFIPS       = errors.New("GODEBUG=fips140=only forbids the algorithm")

	// ErrMessageType is an ErrMessage too: the type, not the length, is wrong.
	ErrMessageType = fmt.Errorf("%w: the message type does not go with the algorithm", ErrMessage)
)

// Message types, as Sign and Verify take them; an empty one is RAW, as in AWS.
const (
	raw        = "RAW"
	digest     = "DIGEST"
	externalMu = "EXTERNAL_MU"
)

// A Key is opened material. It is safe for concurrent use, Wipe included.
type Key struct {
	spec   *spec
	public []byte

	// A read lock is held while the material is in use, so that Wipe never clears
	// it under an operation: half a private key makes signatures that betray it.
	lock sync.RWMutex
	key  opened // nil once wiped
}

// opened is a key in the form its library uses. Which of the interfaces below it
// implements decides what it can do.
type opened interface {
	public() ([]byte, error) // SubjectPublicKeyInfo; nil if there is none
	wipe()
}

type (
	encrypter interface {
		encrypt(a algorithm, plaintext []byte) ([]byte, error)
		decrypt(a algorithm, ciphertext []byte) ([]byte, error)
	}
	signer interface {
		sign(a algorithm, messageType string, message []byte) ([]byte, error)
		verify(a algorithm, messageType string, message, signature []byte) error
	}
	maker  interface{ mac(message []byte) []byte }
	agreer interface {
		agree(peer []byte) ([]byte, error)
	}
	encapsulator interface {
		encapsulate() (sharedSecret, ciphertext []byte, err error)
		decapsulate(ciphertext []byte) ([]byte, error)
	}
)

// New makes fresh material. It is raw bytes for symmetric and HMAC keys, PKCS#8
// for RSA and elliptic curves, the seed for ML-DSA (32 bytes) and ML-KEM (64).
func New(name string) (secret []byte, err error) {
	s, err := specOf(name)
	if err != nil {
		return nil, err
	}
	return s.fresh()
}

// Open makes material that New or ParseImported answered ready for use. What is
// the same for each use is computed here, once.
func Open(name string, secret []byte) (*Key, error) {
	s, err := specOf(name)
	if err != nil {
		return nil, err
	}
	key, err := s.open(secret)
	if err != nil {
		return nil, err
	}
	public, err := key.public()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	return &Key{spec: s, public: public, key: key}, nil
}

// Public is the SubjectPublicKeyInfo that GetPublicKey answers, nil for symmetric
// and HMAC keys. It stays after Wipe.
func (k *Key) Public() []byte { return bytes.Clone(k.public) }

// Wipe clears the material; every later use answers ErrWiped. Go lets us clear
// what we hold: raw secrets, Ed25519's seed, and the numbers of RSA, ECDSA and
// secp256k1 keys. What the libraries made of them inside (of ML-DSA and ML-KEM
// everything, of HMAC the padded keys, of RSA and ECDSA forms for computing and
// ECDH's copy) is let go of and lies in memory until the collector reuses it.
func (k *Key) Wipe() {
	k.lock.Lock()
	defer k.lock.Unlock()
	if k.key != nil {
		k.key.wipe()
		k.key = nil
	}
}

// use looks an algorithm up and says whether the key may be used with it. The
// caller holds the read lock.
func (k *Key) use(usage, name string) (algorithm, error) {
	if k.key == nil {
		return algorithm{}, ErrWiped
	}
	if !slices.Contains(k.spec.algorithms[usage], name) {
		return algorithm{}, ErrAlgorithm
	}
	a := algorithms[name]
	return a, a.permitted()
}

// Encrypt encrypts with the public key: RSAES_OAEP_SHA_1 or RSAES_OAEP_SHA_256.
// A plaintext above Capacity is an ErrMessage.
func (k *Key) Encrypt(algorithm string, plaintext []byte) ([]byte, error) {
	k.lock.RLock()
	defer k.lock.RUnlock()
	a, err := k.use(encryptDecrypt, algorithm)
	if err != nil {
		return nil, err
	}
	e, ok := k.key.(encrypter)
	if !ok {
		return nil, ErrAlgorithm
	}
	return e.encrypt(a, plaintext)
}

// Decrypt is the reverse of Encrypt. Whatever is wrong, it answers ErrCiphertext.
func (k *Key) Decrypt(algorithm string, ciphertext []byte) ([]byte, error) {
	k.lock.RLock()
	defer k.lock.RUnlock()
	a, err := k.use(encryptDecrypt, algorithm)
	if err != nil {
		return nil, err
	}
	e, ok := k.key.(encrypter)
	if !ok {
		return nil, ErrAlgorithm
	}
	return e.decrypt(a, ciphertext)
}

// Sign signs a message (RAW), its digest (DIGEST), or ML-DSA's message
// representative (EXTERNAL_MU).
//
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
func (k *Key) Sign(algorithm, messageType string, message []byte) ([]byte, error) {
	k.lock.RLock()
	defer k.lock.RUnlock()
	a, err := k.use(signVerify, algorithm)
	if err != nil {
		return nil, err
	}
	return k.key.(signer).sign(a, messageType, message)
}

// Verify answers nil for a signature of the message, and ErrSignature for
// anything else that has the form of a call.
//
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Verify.html
func (k *Key) Verify(algorithm, messageType string, message, signature []byte) error {
	k.lock.RLock()
	defer k.lock.RUnlock()
	a, err := k.use(signVerify, algorithm)
	if err != nil {
		return err
	}
	return k.key.(signer).verify(a, messageType, message, signature)
}

// MAC computes an HMAC. A key has one algorithm, that of its spec.
func (k *Key) MAC(algorithm string, message []byte) ([]byte, error) {
	k.lock.RLock()
	defer k.lock.RUnlock()
	if _, err := k.use(generateVerifyMAC, algorithm); err != nil {
		return nil, err
	}
	return k.key.(maker).mac(message), nil
}

// VerifyMAC compares a MAC in constant time. A shortened one is not valid.
func (k *Key) VerifyMAC(algorithm string, message, mac []byte) error {
	want, err := k.MAC(algorithm, message)
	if err != nil {
		return err
	}
	if !equal(want, mac) {
		return ErrMAC
	}
	return nil
}

// Agree computes the raw shared secret with a peer's public key, given as
// SubjectPublicKeyInfo of the same curve.
//
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DeriveSharedSecret.html
func (k *Key) Agree(peer []byte) ([]byte, error) {
	k.lock.RLock()
	defer k.lock.RUnlock()
	if _, err := k.use(keyAgreement, "ECDH"); err != nil {
		return nil, err
	}
	return k.key.(agreer).agree(peer)
}

// Encapsulate makes a shared secret of 32 bytes and the ciphertext it travels in.
func (k *Key) Encapsulate() (sharedSecret, ciphertext []byte, err error) {
	k.lock.RLock()
	defer k.lock.RUnlock()
	if _, err := k.use(encapsulateDecapsulate, "ML_KEM"); err != nil {
		return nil, nil, err
	}
	return k.key.(encapsulator).encapsulate()
}

// Decapsulate finds the shared secret of a ciphertext. One of the right length
// always has a secret: a forged one has one that nobody can know (implicit
// rejection: FIPS 203, section 6.3). A wrong length is ErrCiphertext.
func (k *Key) Decapsulate(ciphertext []byte) (sharedSecret []byte, err error) {
	k.lock.RLock()
	defer k.lock.RUnlock()
	if _, err := k.use(encapsulateDecapsulate, "ML_KEM"); err != nil {
		return nil, err
	}
	return k.key.(encapsulator).decapsulate(ciphertext)
}
