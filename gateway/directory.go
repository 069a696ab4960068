package gateway

import (
	"context"
	"errors"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

var (
	// ErrUnknownKey says that no active access key has this id.
	ErrUnknownKey = errors.New("gateway: unknown access key")
	// ErrToken says that the session token is not one of ours, is another key's,
	// or was revoked.
	ErrToken = errors.New("gateway: invalid session token")
	// ErrExpired says that the session token is past its end.
	ErrExpired = errors.New("gateway: expired session token")
)

// Directory knows the principals: who an access key belongs to and what its
// owner may do. Its answers may come from a cache only if the store vouches
// that the cache is fresh.
type Directory interface {
	// Credential returns the secret and the owner of an access key, or one of the
	// errors above. token is the session token, or empty.
	Credential(ctx context.Context, accessKey, token string) (Credential, error)
	// Usable reports whether AWS takes this kind of credentials for the operation
	// at all, whatever the policies say.
	Usable(id *caller.Identity, service, operation string) bool
	// Standing returns the policies that bear on a verified caller.
	Standing(ctx context.Context, id *caller.Identity) (*Standing, error)
	// Used notes that an access key was used for a service.
	Used(id *caller.Identity, service, region string)
}

// Credential is an access key with its owner.
type Credential struct {
	Secret   string
	Identity caller.Identity
}

// Standing is what a principal brings to a decision. It is shared between
// calls and must not be changed.
type Standing struct {
	Principal policy.Principal
	Identity  *policy.Set
	Boundary  *policy.Set
	Session   *policy.Set
	SCP       []*policy.Set
	Tags      []policy.Tag // aws:PrincipalTag/…
}
