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
	// Bounds returns what the organization of an account lays on it; nil for an
	// account in none.
	Bounds(ctx context.Context, account string) (*Bounds, error)
	// Used notes that a caller has tried to call an operation of a service;
	// operation is empty if the service has none of that name.
	Used(id *caller.Identity, service, operation, region string)
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
	Tags      []policy.Tag // aws:PrincipalTag/…
}

// Bounds is an account's place in its organization and the policies that hold
// there, one set per level from the root to the account. It is shared between
// calls and must not be changed.
type Bounds struct {
	Organization string   // o-…; empty for an account that was closed for good
	Paths        []string // one: o-…/r-…/ou-…/, as aws:PrincipalOrgPaths has it
	Targets      []string // ARNs of root, organizational units and account
	SCP          []*policy.Set
	RCP          []*policy.Set
}
