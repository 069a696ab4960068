package store

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// The seal's own records. The custodian wraps the master key, and the master
// key encrypts the ring of barrier keys, so that a new root key means writing
// one small record again.
const (
	sealPrefix  = "\x00seal/"
	masterKey   = sealPrefix + "master"
	ringKey     = sealPrefix + "ring"
	sealRecords = 2

	barrierPurpose = "store/barrier"
)

func reserved(key string) bool { return strings.HasPrefix(key, sealPrefix) }

// With random nonces a key of AES-GCM may seal 2^32 values (NIST SP 800-38D
// section 8.3). A node reserves barrierBlock of them at a time in the ring, so
// that the count is right over restarts and nodes, and at barrierLimit a new key
// takes over.
const (
	barrierBlock = 1 << 20
	barrierLimit = 1 << 31
)

// A ring is the barrier keys at one moment. Once installed it is not changed.
type ring struct {
	master cipher.AEAD
	keys   []*barrier // versions ascending
	newest *barrier
}

// barrier is one key of the ring.
type barrier struct {
	version  uint32
	secret   []byte
	reserved int64 // by all nodes, ever
	aead     cipher.AEAD
	left     *atomic.Int64 // of what this node has reserved
}

// take takes one of the values that may be sealed.
func (b *barrier) take() bool {
	if b.left.Add(-1) >= 0 {
		return true
	}
	b.left.Add(1)
	return false
}

func newAEAD(secret []byte) (cipher.AEAD, error) {
	if len(secret) != 32 {
		return nil, errors.New("store: not a key of 32 bytes")
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func newSecret() []byte {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	return secret
}

// ringRecord is a ring as it is stored, before encryption.
type ringRecord struct {
	Keys []barrierRecord
}

type barrierRecord struct {
	Version  uint32
	Secret   []byte
	Reserved int64
}

func (r *ring) encode() ([]byte, error) {
	var rec ringRecord
	for _, b := range r.keys {
		rec.Keys = append(rec.Keys, barrierRecord{b.version, b.secret, b.reserved})
	}
	doc, err := json.Marshal(rec)
	if err != nil {
		return nil, err
	}
	defer clear(doc)
	return r.master.Seal([]byte{sealFormat}, nil, doc, []byte(ringKey)), nil
}

// decodeRing opens a stored ring.
func decodeRing(master cipher.AEAD, sealed []byte) (*ring, error) {
	if len(sealed) < 1 || sealed[0] != sealFormat {
		return nil, fmt.Errorf("%w (the ring of keys)", ErrDamaged)
	}
	doc, err := master.Open(nil, nil, sealed[1:], []byte(ringKey))
	if err != nil {
		return nil, fmt.Errorf("%w (the ring of keys)", ErrDamaged)
	}
	defer clear(doc)
	var rec ringRecord
	if err := json.Unmarshal(doc, &rec); err != nil {
		return nil, fmt.Errorf("store: the ring of keys: %w", err)
	}
	r := &ring{master: master}
	for _, k := range rec.Keys {
		if r, err = r.with(k); err != nil {
			return nil, err
		}
	}
	if r.newest == nil {
		return nil, fmt.Errorf("%w (the ring of keys)", ErrDamaged)
	}
	return r, nil
}

// with returns r and one key more, the newest.
func (r *ring) with(k barrierRecord) (*ring, error) {
	aead, err := newAEAD(k.Secret)
	if err != nil {
		return nil, err
	}
	b := &barrier{k.Version, k.Secret, k.Reserved, aead, new(atomic.Int64)}
	return &ring{r.master, append(slices.Clip(r.keys), b), b}, nil
}

func (r *ring) find(version uint32) *barrier {
	if r.newest.version == version {
		return r.newest
	}
	for _, b := range r.keys {
		if b.version == version {
			return b
		}
	}
	return nil
}
