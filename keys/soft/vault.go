package soft

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"io/fs"
	"maps"
	"os"
	"sync"
	"syscall"
	"time"

	"bartizan.dev/keys"
)

// Vault is a keys.Vault in software, for tests and for machines without an HSM:
// in memory, or in a file whose keys are wrapped by a custodian. Its keys leave
// the file only wrapped, but they are in this process's memory, which those of
// an HSM never are.
type Vault struct {
	file *vaultFile // nil: in memory

	mu     sync.RWMutex
	keys   map[string]vaultKey // nil after Close
	loaded edition
}

type vaultKey struct {
	secret []byte
	aead   cipher.AEAD
}

var _ keys.Vault = (*Vault)(nil)

// MemoryVault returns a vault whose keys end with it.
func MemoryVault() *Vault { return &Vault{keys: map[string]vaultKey{}} }

// OpenVault opens the vault in the file at path, whose keys are wrapped by c; a
// file that is not there is an empty vault. c stays the caller's to close.
func OpenVault(ctx context.Context, path string, c keys.Custodian) (*Vault, error) {
	v := &Vault{file: &vaultFile{path, c}, keys: map[string]vaultKey{}}
	return v, v.fresh(ctx)
}

func newVaultKey(secret []byte) (vaultKey, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return vaultKey{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return vaultKey{secret, aead}, err
}

// edition tells one state of a file from the next. Every change is a new file.
type edition struct {
	inode uint64
	size  int64
	at    time.Time
}

func editionOf(info fs.FileInfo) (e edition) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		e.inode = st.Ino
	}
	e.size, e.at = info.Size(), info.ModTime()
	return e
}

// fresh reads the file again if another process has changed it.
func (v *Vault) fresh(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if v.file == nil {
		return nil
	}
	v.mu.RLock()
	closed, loaded := v.keys == nil, v.loaded
	v.mu.RUnlock()
	if closed {
		return keys.ErrClosed
	}
	info, err := os.Stat(v.file.path)
	if os.IsNotExist(err) && loaded == (edition{}) {
		return nil
	}
	if err != nil {
		return err
	}
	if editionOf(info) == loaded {
		return nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.load(ctx)
}

// load reads the file. The caller holds the lock.
func (v *Vault) load(ctx context.Context) error {
	if v.keys == nil {
		return keys.ErrClosed
	}
	info, err := os.Stat(v.file.path)
	if os.IsNotExist(err) {
		return nil
	} else if err != nil {
		return err
	}
	held, err := v.file.read(ctx)
	if err != nil {
		return err
	}
	v.forget()
	v.keys, v.loaded = held, editionOf(info)
	return nil
}

func (v *Vault) forget() {
	for _, k := range v.keys {
		clear(k.secret)
	}
}

// key returns the AEAD of a label.
func (v *Vault) key(ctx context.Context, label string) (cipher.AEAD, error) {
	if err := v.fresh(ctx); err != nil {
		return nil, err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.keys == nil {
		return nil, keys.ErrClosed
	}
	k, ok := v.keys[label]
	if !ok {
		return nil, keys.ErrNoKey
	}
	return k.aead, nil
}

// Create makes a key from the system's random numbers.
func (v *Vault) Create(ctx context.Context, label string) error {
	if !keys.ValidLabel(label) {
		return keys.ErrLabel
	}
	return v.change(ctx, func(held map[string]vaultKey) error {
		if _, ok := held[label]; ok {
			return keys.ErrKeyExists
		}
		secret := make([]byte, keySize)
		rand.Read(secret) // never fails
		k, err := newVaultKey(secret)
		if err == nil {
			held[label] = k
		}
		return err
	})
}

// Destroy removes a key. Copies of the file made before still hold it, wrapped.
func (v *Vault) Destroy(ctx context.Context, label string) error {
	var gone vaultKey
	err := v.change(ctx, func(held map[string]vaultKey) error {
		k, ok := held[label]
		if !ok {
			return keys.ErrNoKey
		}
		gone = k
		delete(held, label)
		return nil
	})
	if err == nil { // only now: a file that could not be written still needs it
		clear(gone.secret)
	}
	return err
}

// change runs fn on a copy of the keys, which replaces them once it is kept.
func (v *Vault) change(ctx context.Context, fn func(map[string]vaultKey) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.keys == nil {
		return keys.ErrClosed
	}
	if v.file == nil {
		return fn(v.keys)
	}
	return alone(v.file.path, func() error {
		if err := v.load(ctx); err != nil {
			return err
		}
		held := maps.Clone(v.keys)
		if err := fn(held); err != nil {
			return err
		}
		if err := v.file.write(ctx, held); err != nil {
			return err
		}
		v.keys = held
		info, err := os.Stat(v.file.path)
		if err == nil {
			v.loaded = editionOf(info)
		}
		return err
	})
}

// Seal seals plaintext with the label's key.
func (v *Vault) Seal(ctx context.Context, label string, plaintext, associated []byte) ([]byte, error) {
	aead, err := v.key(ctx, label)
	if err != nil {
		return nil, err
	}
	if len(plaintext) > keys.MaxPlaintext || len(associated) > keys.MaxAssociated {
		return nil, keys.ErrTooLarge
	}
	out := make([]byte, 1, len(plaintext)+keys.SealOverhead)
	out[0] = 1
	return aead.Seal(out, nil, plaintext, associated), nil
}

// Open opens what Seal sealed.
func (v *Vault) Open(ctx context.Context, label string, sealed, associated []byte) ([]byte, error) {
	aead, err := v.key(ctx, label)
	if err != nil {
		return nil, err
	}
	if len(sealed) < keys.SealOverhead || len(sealed) > keys.MaxPlaintext+keys.SealOverhead ||
		len(associated) > keys.MaxAssociated || sealed[0] != 1 {
		return nil, keys.ErrUnseal
	}
	plaintext, err := aead.Open(nil, nil, sealed[1:], associated)
	if err != nil {
		return nil, keys.ErrUnseal
	}
	return plaintext, nil
}

// Has says whether there is a key with this label.
func (v *Vault) Has(ctx context.Context, label string) (bool, error) {
	switch _, err := v.key(ctx, label); err {
	case nil:
		return true, nil
	case keys.ErrNoKey:
		return false, nil
	default:
		return false, err
	}
}

// Describe says where the keys are.
func (v *Vault) Describe() string {
	if v.file == nil {
		return "software vault in memory"
	}
	return "software vault in " + v.file.path
}

// Close forgets the keys.
func (v *Vault) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.forget()
	v.keys = nil
	return nil
}
