package pkcs11

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"bartizan.dev/keys"
)

// MaxSecret is how long a wrapped secret may be, in bytes.
const MaxSecret = 1 << 10

// maxVersions bounds the search for the newest version of a root key.
const maxVersions = 10_000

// Custodian keeps the root key in a vault, one key for each version, labelled
// NAME/VERSION. It never leaves the vault: each Wrap and Unwrap goes there.
//
// A wrapped secret is one byte 1, the version (4 bytes, big endian), and what
// the vault makes of the secret; associated data is "bartizan wrap 1", the
// version and the purpose, as in package soft.
type Custodian struct {
	vault keys.Vault
	name  string

	mu      sync.RWMutex
	version uint32
	closed  bool
}

var _ keys.Custodian = (*Custodian)(nil)

// NewCustodian returns a custodian of the root key with this name in a vault,
// and makes the key when there is none. Close closes the vault.
func NewCustodian(ctx context.Context, v keys.Vault, name string) (*Custodian, error) {
	c := &Custodian{vault: v, name: name}
	if err := c.newest(ctx); err != nil {
		return nil, err
	}
	if c.version > 0 {
		return c, nil
	}
	if err := c.Rotate(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Custodian) label(version uint32) string {
	return c.name + "/" + strconv.FormatUint(uint64(version), 10)
}

// newest finds the newest version. The caller holds the lock, or is alone.
func (c *Custodian) newest(ctx context.Context) error {
	for c.version < maxVersions {
		has, err := c.vault.Has(ctx, c.label(c.version+1))
		if err != nil || !has {
			return err
		}
		c.version++
	}
	return errors.New("pkcs11: the root key has too many versions")
}

func associated(version uint32, purpose string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte("bartizan wrap 1\x00"), version), purpose...)
}

// Wrap seals secret under the newest version that this custodian knows.
func (c *Custodian) Wrap(ctx context.Context, purpose string, secret []byte) ([]byte, error) {
	if len(secret) > MaxSecret {
		return nil, errors.New("keys: a secret to be wrapped has at most 1024 bytes")
	}
	c.mu.RLock()
	version, closed := c.version, c.closed
	c.mu.RUnlock()
	if closed {
		return nil, keys.ErrClosed
	}
	sealed, err := c.vault.Seal(ctx, c.label(version), secret, associated(version, purpose))
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32([]byte{1}, version), sealed...), nil
}

// Unwrap opens what Wrap sealed, by any version, also one that another node has
// made since.
func (c *Custodian) Unwrap(ctx context.Context, purpose string, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 5+keys.SealOverhead || len(wrapped) > 5+keys.SealOverhead+MaxSecret || wrapped[0] != 1 {
		return nil, keys.ErrUnseal
	}
	version := binary.BigEndian.Uint32(wrapped[1:])
	secret, err := c.vault.Open(ctx, c.label(version), wrapped[5:], associated(version, purpose))
	if errors.Is(err, keys.ErrNoKey) {
		return nil, keys.ErrUnseal
	}
	return secret, err
}

// Rotate makes a new version in the vault.
func (c *Custodian) Rotate(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return keys.ErrClosed
	}
	for {
		if err := c.newest(ctx); err != nil {
			return err
		}
		err := c.vault.Create(ctx, c.label(c.version+1))
		if errors.Is(err, keys.ErrKeyExists) {
			continue // another node was faster: ours comes after it
		}
		if err == nil {
			c.version++
		}
		return err
	}
}

// Describe says where the root key is and which version is in use.
func (c *Custodian) Describe() string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return fmt.Sprintf("root key in %s, version %d", c.vault.Describe(), c.version)
}

// Close closes the vault.
func (c *Custodian) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	return c.vault.Close()
}
