// Package sts is AWS Security Token Service: it says who is calling and gives
// out temporary credentials. It is the smallest real service, so it is also the
// one to read first; the way a service is laid out is explained here.
//
//   - service.go has Deps, everything the service may touch, and New.
//   - authorise.go declares, per operation, what it touches. The gateway asks
//     the policies; no handler decides access.
//   - One file per chapter of the API reference holds the handlers: plain methods
//     on a generated input and output, with no HTTP and no JSON in them.
//   - token.go is what this service has instead of records: its sessions are
//     sealed into the session token and stored nowhere. All it stores is which
//     SAML assertions were used (replay.go).
package sts

import (
	"context"
	"log/slog"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/oidc"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Deps is all the service may touch.
type Deps struct {
	// Role looks up the role that is to be assumed. It returns ErrNoRole if there
	// is none.
	Role func(ctx context.Context, arn string) (*Role, error)
	// Policies tells whether managed policies exist, for session policies.
	Policies func(ctx context.Context, arns []string) (missing string, err error)
	// MFA checks a one-time password of the caller's device. It returns false for
	// a device that is not the caller's and for a wrong or used code.
	MFA func(ctx context.Context, userID, serial, code string) (bool, error)
	// RootTask reports whether an account may run a task as another's root user,
	// the task being the ARN of a managed policy.
	RootTask func(ctx context.Context, account, target, task string) (bool, error)
	// Issuer returns what signs an account's tokens with an algorithm; nil while
	// outbound identity federation is not enabled there.
	Issuer func(ctx context.Context, account, algorithm string) (*Issuer, error)
	// Tags returns a caller's tags: the principal's, hidden by its session's.
	Tags func(ctx context.Context, id *caller.Identity) ([]policy.Tag, error)
	// Organization returns the id of an account's organization and the account's
	// paths in it; "" for an account in none. The function may be nil.
	Organization func(ctx context.Context, account string) (id string, paths []string, err error)
	Tokens       *Tokens
	Now          func() time.Time

	// OpenID returns the OpenID Connect provider of an account whose tokens an
	// issuer signs; nil if there is none.
	OpenID  func(ctx context.Context, account, issuer string) (*OpenIDProvider, error)
	Issuers *oidc.Cache // their keys
	// SAML returns the SAML provider with an ARN; nil if there is none.
	SAML  func(ctx context.Context, arn string) (*SAMLProvider, error)
	URL   func() string // of the endpoint, without a slash at the end
	Store store.Store   // its own view: which assertions were used
	Clock *work.Clock   // by which they are forgotten
	Log   *slog.Logger
}

// Role is what STS needs to know of a role.
type Role struct {
	ARN, ID, Name string
	Account       string
	MaxSession    time.Duration
	Trust         *policy.Set
	Tags          []policy.Tag
}

// Service answers the operations of STS.
type Service struct {
	stsapi.Unimplemented
	Deps
	queue *work.Queue
}

var _ stsapi.Server = (*Service)(nil)

// New returns the service.
func New(d Deps) *Service {
	s := &Service{Deps: d}
	s.queue = s.newQueue()
	return s
}
