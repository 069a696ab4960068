// Package metadata is the endpoints on a host that AWS's SDKs ask for
// credentials: the EC2 instance metadata service (IMDSv2), the container
// credentials endpoint, and the agent of EKS Pod Identity.
//
// It is a data plane: it keeps nothing but its last Config and the credentials
// it was given, and goes on without whoever gave them until these end.
//
//   - metadata.go, refresh.go: Config, Apply, credentials that stay fresh.
//   - instance.go, tree.go, token.go: the instance metadata service.
//   - container.go, pods.go: the others.
//   - listen.go: sockets whose answers go no further than they should.
package metadata

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// Credentials are temporary credentials of a role.
type Credentials struct {
	AccessKey, Secret, Token string
	Expires                  time.Time
	Account                  string // of the role; may be empty
}

// Source gets new credentials. It returns an error that wraps ErrDenied where
// the role cannot be assumed, and not merely now.
type Source func(ctx context.Context) (Credentials, error)

// ErrDenied says that a role may not be assumed.
var ErrDenied = errors.New("metadata: the role cannot be assumed")

// Config is what the endpoints serve. A nil part is not served: its handler
// answers 404.
type Config struct {
	Instance  *Instance
	Container *Container
	Pods      *Pods
}

// Instance is what the instance metadata service tells. Fields that are empty
// are not in its tree.
type Instance struct {
	ID        string // i-…
	Account   string // 12 digits
	Region    string
	Zone      string
	Type      string // m5.large
	Image     string // ami-…
	Hostname  string
	Address   netip.Addr // private IPv4 address
	Launched  time.Time
	AllowV1   bool   // also answer without a token, as HttpTokens "optional" does
	ProfileID string // AIPA… of the instance profile
	Profile   string // its ARN
	Role      string // name of the role; empty: there are no credentials
	Source    Source
}

// Container is the container credentials endpoint.
type Container struct {
	Path   string // of the URI, such as /credentials
	Token  string // what Authorization must hold
	Role   string // ARN
	Source Source
}

// minPath is how long a path must be to be a secret by itself, as the random
// relative URIs of ECS are.
const minPath = 32

// Pods is the agent of EKS Pod Identity. Exchange gets credentials for the token
// of a pod's service account.
type Pods struct {
	Exchange func(ctx context.Context, token string) (Credentials, error)
}

// Plane serves a Config.
type Plane struct {
	now    func() time.Time
	log    *slog.Logger
	key    [32]byte // of the session tokens of the instance metadata service
	config atomic.Pointer[applied]
}

// applied is a Config with the credentials got for it.
type applied struct {
	Config
	instance  *refresher
	container *refresher
	pods      *pods
}

// New returns a plane that serves nothing yet. Tokens of the instance metadata
// service are good for this plane alone.
func New(now func() time.Time, log *slog.Logger) *Plane {
	p := &Plane{now: now, log: log}
	rand.Read(p.key[:]) // never fails: see crypto/rand
	p.config.Store(&applied{})
	return p
}

// Apply serves c from now on, or returns an error and changes nothing.
func (p *Plane) Apply(c Config) error {
	a := &applied{Config: c}
	if i := c.Instance; i != nil {
		if (i.Role != "") != (i.Source != nil) || strings.Contains(i.Role, "/") {
			return errors.New("metadata: an instance with a role needs its name and a source of credentials")
		}
		if i.Source != nil {
			a.instance = p.refresher(i.Source)
		}
	}
	if t := c.Container; t != nil {
		switch {
		case t.Source == nil || !strings.HasPrefix(t.Path, "/"):
			return errors.New("metadata: container credentials need a source, and a path that begins with /")
		case t.Token == "" && len(t.Path) < minPath:
			return fmt.Errorf("metadata: container credentials need a token, or a path of %d characters that nobody guesses", minPath)
		}
		a.container = p.refresher(t.Source)
	}
	if c.Pods != nil {
		if c.Pods.Exchange == nil {
			return errors.New("metadata: pods need a way to exchange their tokens")
		}
		a.pods = p.newPods(c.Pods.Exchange)
	}
	p.config.Store(a)
	return nil
}
