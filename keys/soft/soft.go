// Package soft keeps the root key in software: in a file that only its owner
// may read, in a file sealed under a passphrase, in a systemd credential, or in
// memory for `bartizan dev` and tests.
//
// # Format of a wrapped secret
//
// One byte 1, the version of the root key (4 bytes, big endian), a nonce of 12
// bytes, and the secret under AES-256-GCM with its tag of 16 bytes. Associated
// data is "bartizan wrap 1", the version and the purpose. The nonce is random
// (NIST SP 800-38D section 8.2.2): a root key wraps far fewer than the 2^32
// secrets that allows, since it wraps keys and not data.
package soft

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"bartizan.dev/keys"
)

var (
	// ErrClosed is returned after Close.
	ErrClosed = keys.ErrClosed
	// ErrTooLarge is returned by Wrap for a secret above MaxSecret.
	ErrTooLarge = errors.New("keys: a secret to be wrapped has at most 1024 bytes")
	// ErrReadOnly is returned by Rotate where the key is kept by someone else.
	ErrReadOnly = errors.New("keys: the root key is in a systemd credential, which bartizan cannot change: make a new credential with one more key line, and restart")
)

// MaxSecret is how long a wrapped secret may be, in bytes.
const MaxSecret = 1 << 10

const (
	keySize  = 32
	header   = 1 + 4
	overhead = header + 12 + 16
)

// rootKey is one version of the root key. Versions begin at 1.
type rootKey struct {
	version uint32
	secret  []byte
	aead    cipher.AEAD
}

func newKey(version uint32, secret []byte) (rootKey, error) {
	if len(secret) != keySize || version == 0 {
		return rootKey{}, errors.New("keys: not a root key")
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return rootKey{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return rootKey{version, secret, aead}, err
}

func randomKey(version uint32) (rootKey, error) {
	secret := make([]byte, keySize)
	rand.Read(secret) // never fails
	return newKey(version, secret)
}

// A keeper is where the versions of a root key are kept, oldest first.
type keeper interface {
	load() ([]rootKey, error)
	// add makes a further version and returns all of them. It is there before
	// add returns, or not at all.
	add() ([]rootKey, error)
	describe() string
}

// Custodian is a keys.Custodian in software.
type Custodian struct {
	keeper keeper

	rotate sync.Mutex // one Rotate at a time
	mu     sync.RWMutex
	keys   []rootKey // oldest first; nil after Close
}

var _ keys.Custodian = (*Custodian)(nil)

func open(k keeper) (*Custodian, error) {
	loaded, err := k.load()
	if err != nil {
		return nil, err
	}
	return &Custodian{keeper: k, keys: loaded}, nil
}

func associated(version uint32, purpose string) []byte {
	ad := append([]byte("bartizan wrap 1\x00"), 0, 0, 0, 0)
	binary.BigEndian.PutUint32(ad[len(ad)-4:], version)
	return append(ad, purpose...)
}

// Wrap seals secret under the newest root key.
func (c *Custodian) Wrap(ctx context.Context, purpose string, secret []byte) ([]byte, error) {
	if len(secret) > MaxSecret {
		return nil, ErrTooLarge
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.keys) == 0 {
		return nil, ErrClosed
	}
	k := c.keys[len(c.keys)-1]
	out := make([]byte, header, overhead+len(secret))
	out[0] = 1
	binary.BigEndian.PutUint32(out[1:], k.version)
	return k.aead.Seal(out, nil, secret, associated(k.version, purpose)), nil
}

// Unwrap opens what Wrap sealed, by any version of the root key, or returns
// keys.ErrUnseal.
func (c *Custodian) Unwrap(ctx context.Context, purpose string, wrapped []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(wrapped) < overhead || len(wrapped) > overhead+MaxSecret || wrapped[0] != 1 {
		return nil, keys.ErrUnseal
	}
	version := binary.BigEndian.Uint32(wrapped[1:])
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.keys) == 0 {
		return nil, ErrClosed
	}
	for _, k := range c.keys {
		if k.version != version {
			continue
		}
		secret, err := k.aead.Open(nil, nil, wrapped[header:], associated(version, purpose))
		if err != nil {
			return nil, keys.ErrUnseal
		}
		return secret, nil
	}
	return nil, keys.ErrUnseal
}

// Rotate makes a new root key. Copies of the file that other nodes use must be
// replaced by the new one, and those nodes restarted, before anything is wrapped
// under it that they must open.
func (c *Custodian) Rotate(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.rotate.Lock()
	defer c.rotate.Unlock()
	c.mu.RLock()
	closed := c.keys == nil
	c.mu.RUnlock()
	if closed {
		return ErrClosed
	}
	added, err := c.keeper.add()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		wipe(added)
		return ErrClosed
	}
	c.keys = added
	return nil
}

// Describe says where the key is and which version is in use.
func (c *Custodian) Describe() string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if len(c.keys) == 0 {
		return c.keeper.describe() + ", closed"
	}
	return fmt.Sprintf("%s, version %d", c.keeper.describe(), c.keys[len(c.keys)-1].version)
}

// Close forgets the keys. What crypto/aes made of them stays in memory until
// the garbage collector takes it.
func (c *Custodian) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	wipe(c.keys)
	c.keys = nil
	return nil
}

func wipe(ks []rootKey) {
	for _, k := range ks {
		clear(k.secret)
	}
}

// next returns the version after the newest of ks.
func next(ks []rootKey) (rootKey, error) {
	if len(ks) == 0 {
		return randomKey(1)
	}
	return randomKey(ks[len(ks)-1].version + 1)
}
