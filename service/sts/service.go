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
//     sealed into the session token and stored nowhere.
package sts

import (
	"context"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/policy"
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
	MFA    func(ctx context.Context, userID, serial, code string) (bool, error)
	Tokens *Tokens
	Now    func() time.Time
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
}

var _ stsapi.Server = (*Service)(nil)

// New returns the service.
func New(d Deps) *Service { return &Service{Deps: d} }
