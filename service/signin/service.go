// Package signin is AWS Sign-In: how people come to a session in the console,
// and developers' tools to the credentials of one.
//
//   - http.go has the routes of the pages' API and how they are guarded; what it
//     says and wants is documented in README.md.
//   - password.go, mfa.go, passkey.go: the steps of a sign-in. attempt.go slows
//     down who guesses. session.go is what comes of it.
//   - role.go switches roles within a session.
//   - federation.go is the federation endpoint for identity brokers.
//   - authorize.go, token.go, grant.go, dpop.go: OAuth 2.0 with PKCE and DPoP, for
//     `aws login`.
//   - permission.go, policy.go: who may sign in from where.
//   - event.go writes the AwsConsoleSignIn events.
//
// It knows no passwords, devices, roles or access keys: those it asks IAM and
// STS about, through Deps.
package signin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	iamapi "bartizan.dev/api/iam"
	signinapi "bartizan.dev/api/signin"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/oidc"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// Deps is all the service may touch. Functions may be called concurrently.
type Deps struct {
	Store store.Store // its own view
	Clock *work.Clock
	// Signed is the time that clients live in, where Clock may be moved.
	Signed func() time.Time
	Log    *slog.Logger
	// URL is the endpoint's base URL, such as https://localhost:4566.
	URL func() string
	// Secret is 32 secret bytes, the same at every start and on every node.
	Secret []byte

	Users    Users
	Devices  Devices
	Sessions Sessions

	// IAM and STS are called with the caller of the context, decided and recorded
	// as calls from outside are.
	IAM iamapi.Client
	STS stsapi.Client
	// Decide asks the policies whether the caller of ctx may do all that the
	// touches say; the error is AWS's answer.
	Decide func(ctx context.Context, touches ...policy.Touch) error
	// Organization tells an account's organization and whether the account manages
	// it; "" for an account in none.
	Organization func(ctx context.Context, account string) (id string, manages bool, err error)
	// Admit says whether the trail can take an event; Record appends one and
	// publishes it.
	Admit  func(ctx context.Context) error
	Record func(ctx context.Context, e *trail.Event) error
}

// Users is what sign-in asks IAM about the people who sign in.
type Users struct {
	// Account finds an account by its id or alias; "" if there is none.
	Account func(ctx context.Context, name string) (id string, err error)
	// Root finds an account by the e-mail address of its root user; "" if there is
	// none.
	Root func(ctx context.Context, email string) (account string, err error)
	// Password checks a password; the root user's when name is empty. It returns
	// nil if account, name and password do not fit together, and must take as long
	// then as it does otherwise.
	Password func(ctx context.Context, account, name, password string) (*User, error)
	// Known reports whether there is such a user: for the event of a failure only,
	// never for the answer.
	Known func(ctx context.Context, account, name string) (id string, err error)
	// Again looks up who is signed in as id; nil if nobody is any more.
	Again func(ctx context.Context, id *caller.Identity) (*User, error)
	// SetRoot changes the root user's password.
	SetRoot func(ctx context.Context, account, password string) error
}

// User is a principal that may sign in.
type User struct {
	Identity caller.Identity
	// Stamp changes when the password does, or is taken away. Sessions end then.
	Stamp string
	// MustChange: a new password must be chosen before anything else.
	MustChange bool
	// Locked: the password has expired for good.
	Locked bool
}

// Devices are the MFA devices of users, by the user's id (the account's for a
// root user).
type Devices struct {
	List func(ctx context.Context, userID string) ([]Device, error)
	// Code checks a one-time password of a device and spends it.
	Code func(ctx context.Context, userID, serial, code string) (bool, error)
	// Passkeys returns the passkeys among the devices.
	Passkeys func(ctx context.Context, userID string) ([]Passkey, error)
	// AddPasskey registers a passkey for the user; the error is AWS's answer.
	AddPasskey func(ctx context.Context, id *caller.Identity, name string, key Passkey) (serial string, err error)
	// BumpPasskey keeps a passkey's new signature counter, and returns false if
	// another sign-in has moved it to count or beyond meanwhile.
	BumpPasskey func(ctx context.Context, credential []byte, count uint32) (bool, error)
}

// Device is an MFA device.
type Device struct {
	Serial  string
	Passkey bool // else it shows one-time passwords
}

// Passkey is a WebAuthn credential.
type Passkey struct {
	Serial string // ARN of the device
	ID     []byte // credential id
	Key    []byte // public key, COSE_Key in CBOR as the authenticator gave it
	Count  uint32 // signature counter; 0 if the authenticator has none
}

// Sessions is what sign-in asks STS for.
type Sessions struct {
	// Issue makes temporary credentials for an identity whose Session says how
	// long and for whom.
	Issue func(id caller.Identity) (Credentials, error)
	// Open verifies temporary credentials and returns whose they are; ErrCredentials
	// if they are not ours, do not fit together, have expired or belong to nobody
	// any more.
	Open func(ctx context.Context, c Credentials) (caller.Identity, error)
	// Longest is the longest session that a role allows.
	Longest func(ctx context.Context, roleARN string) (time.Duration, error)
}

// ErrCredentials is returned by Sessions.Open.
var ErrCredentials = errors.New("signin: not valid credentials")

// Credentials are temporary credentials.
type Credentials struct{ AccessKey, Secret, Token string }

// Service answers the operations of AWS Sign-In and, by Handler, its pages.
type Service struct {
	signinapi.Unimplemented
	Deps
	records
	work   *work.Queue
	seal   *sealer
	signer *oidc.Signer
	guard  *http.CrossOriginProtection
}

var _ signinapi.Server = (*Service)(nil)

// New returns the service. Its work is done while Work runs.
func New(ctx context.Context, d Deps) (*Service, error) {
	s := &Service{Deps: d, records: newRecords(), guard: http.NewCrossOriginProtection()}
	// Brokers' pages send people here from their own origin, with a token that
	// says who they are.
	s.guard.AddInsecureBypassPattern("POST /federation")
	s.work = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, map[string]work.Handler{forgetKind: work.InTx(s.forgotten)})
	var err error
	if s.seal, err = newSealer(d.Secret); err != nil {
		return nil, err
	}
	key, err := s.signingKey(ctx)
	if err != nil {
		return nil, err
	}
	s.signer, err = oidc.NewSigner("ES256", key)
	return s, err
}

// Work forgets what has expired, until ctx ends.
func (s *Service) Work() *work.Queue { return s.work }

// signingKey is the key that id tokens are signed with, made at the first
// start.
func (s *Service) signingKey(ctx context.Context) (*ecdsa.PrivateKey, error) {
	const name = "key/idtoken"
	fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(fresh)
	if err != nil {
		return nil, err
	}
	var stored []byte
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		item, err := tx.Get(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			stored = der
			return tx.Put(ctx, name, der)
		}
		stored = item.Value
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("signin: the key of id tokens: %w", err)
	}
	return x509.ParseECPrivateKey(stored)
}
