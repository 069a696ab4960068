// Package keys is the custody of keys: of the root key (Custodian), from which
// everything at rest is sealed, and of keys that are made and used where they
// are kept (Vault). Engines live in keys/<kind>; keys/keystest has the suites
// that all of them pass.
package keys

import (
	"context"
	"errors"
)

// ErrUnseal is returned by Unwrap and Open for anything this custodian or vault
// did not wrap under the same purpose, key and associated data. It says nothing more on purpose.
var ErrUnseal = errors.New("keys: cannot unseal: wrong root key or damaged data")

// Custodian wraps and unwraps short secrets (keys of at most 1 KiB) under the
// root key, which never leaves it. Purpose is bound as associated data.
type Custodian interface {
	Wrap(ctx context.Context, purpose string, secret []byte) ([]byte, error)
	Unwrap(ctx context.Context, purpose string, wrapped []byte) ([]byte, error)
	// Rotate makes a new root key for later Wraps; what was wrapped before can
	// still be unwrapped.
	Rotate(ctx context.Context) error
	// Describe names the custodian and where the key is, for people. No secret.
	Describe() string
	Close() error
}
