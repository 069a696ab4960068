package keys

import (
	"context"
	"errors"
)

// Errors of a Vault. ErrUnseal is one of them.
var (
	// ErrKeyExists is returned by Create for a label that is taken.
	ErrKeyExists = errors.New("keys: a key with this label exists")
	// ErrNoKey is returned for a label that no key has.
	ErrNoKey = errors.New("keys: no key with this label")
	// ErrLabel is returned by Create for what cannot be a label.
	ErrLabel = errors.New("keys: a label is 1 to 128 letters, digits and the characters . _ : / @ + - in ASCII")
	// ErrTooLarge is returned by Seal for more than MaxPlaintext or MaxAssociated.
	ErrTooLarge = errors.New("keys: a vault seals at most 8 KiB, with at most 16 KiB of associated data")
	// ErrClosed is returned by everything but Describe and Close after Close.
	ErrClosed = errors.New("keys: closed")
	// ErrUnavailable is returned while what holds the keys cannot be reached. The
	// same call may succeed later.
	ErrUnavailable = errors.New("keys: the keys cannot be reached at the moment")
)

// Bounds of a Vault. KMS seals 4,096 bytes for a caller, and a domain's key.
const (
	MaxLabel      = 128
	MaxPlaintext  = 8 << 10
	MaxAssociated = 16 << 10
	// SealOverhead is how many bytes Seal adds: a version, a nonce and a tag.
	SealOverhead = 1 + 12 + 16
)

// Vault makes and uses keys (AES-256) that never leave it: they have a label,
// and no method returns one. Vaults live in keys/<kind>; keystest.RunVault is
// the suite all of them pass.
//
// What Seal returns is self-contained but for the label: one byte 1, a random
// nonce of 12 bytes, and the plaintext under AES-256-GCM with its tag of 16
// bytes. The associated data is bound as given.
type Vault interface {
	// Create makes a key. It is kept before Create returns.
	Create(ctx context.Context, label string) error
	Seal(ctx context.Context, label string, plaintext, associated []byte) ([]byte, error)
	// Open returns ErrUnseal for anything that Seal did not return for this key and
	// associated data.
	Open(ctx context.Context, label string, sealed, associated []byte) ([]byte, error)
	// Destroy destroys a key for good. A later key of the same label opens nothing
	// that this one sealed.
	Destroy(ctx context.Context, label string) error
	Has(ctx context.Context, label string) (bool, error)
	// Describe names the vault and where it is, for people. No secret.
	Describe() string
	Close() error
}

// ValidLabel says whether a key may have this label. The characters are those
// that every token and file stores unchanged.
func ValidLabel(label string) bool {
	if label == "" || len(label) > MaxLabel {
		return false
	}
	for _, c := range []byte(label) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '_', c == ':', c == '/', c == '@', c == '+', c == '-':
		default:
			return false
		}
	}
	return true
}
