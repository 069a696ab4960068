// Package caller says who is calling, as a context value. The gateway makes
// it; services read it. Nothing here decides access.
package caller

import (
	"context"
	"net/netip"
	"time"
)

// Kind is the kind of principal, as CloudTrail's userIdentity.type tells them
// apart.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
type Kind uint8

const (
	Anonymous   Kind = iota // no signature, on an operation that AWS leaves unsigned
	Root                    // the account itself
	User                    // an IAM user with a long-term key or a GetSessionToken session
	Role                    // an assumed-role session
	Federated               // a GetFederationToken session
	Service                 // an AWS service acting on its own behalf
	WebIdentity             // the bearer of an OIDC token that STS has not made a session of yet
	SAML                    // the bearer of a SAML assertion, likewise
	Certificate             // the holder of an X.509 certificate, at Roles Anywhere's CreateSession
)

// String returns CloudTrail's name for the kind.
func (k Kind) String() string {
	return [...]string{"Unknown", "Root", "IAMUser", "AssumedRole", "FederatedUser", "AWSService",
		"WebIdentityUser", "SAMLUser", "Unknown"}[k]
}

// Tag is a key and a value, of a principal or a session.
type Tag struct{ Key, Value string }

// Identity is a principal whose credentials have been verified.
type Identity struct {
	Kind      Kind
	Account   string // 12 digits; empty when the principal belongs to none
	ID        string // account id, AIDA…, AROA…:session, account:name
	ARN       string // as GetCallerIdentity answers it
	Name      string // user name, or role session name, or federated user name
	AccessKey string // access key id
	Service   string // service principal, such as kms.amazonaws.com, when Kind is Service
	Provider  string // who vouches for a WebIdentity or SAML bearer: ARN or domain name
	Session   *Session
	// Proof is what an operation that AWS leaves unsigned was shown instead of a
	// signature, verified by the operation's rule, for its handler.
	Proof any `json:"-"`
}

// Session is what temporary credentials carry.
type Session struct {
	Issued, Expires time.Time
	IssuerARN       string // role, user or root that the session speaks for
	IssuerID        string // AROA…, AIDA… or account id
	IssuerName      string
	MFA             bool      // MFA was used to get the credentials
	MFATime         time.Time // when; zero without MFA
	Chained         bool      // a role session made by another session
	SourceIdentity  string
	Provider        string   // federated provider ARN or name, for web identity and SAML
	Tags            []Tag    // session tags
	Transitive      []string // keys of Tags that stick through chaining
	Keys            []Tag    // condition keys that stay with the session, such as saml:sub
	Policy          string   // inline session policy document, or empty
	PolicyARNs      []string // managed session policies
}

// Call is one call on its way: the verified identity and the facts of the
// connection that policies and the trail need.
type Call struct {
	Identity  Identity
	RequestID string
	EventID   string
	Time      time.Time // when the call arrived, by the clock of work
	Region    string    // region of the credential scope; "aws-global" never appears here
	Source    netip.Addr
	UserAgent string
	Host      string
	TLS       string   // "TLSv1.3" and so on, "TLS" where a proxy ended it; empty in the clear
	Cipher    string   // TLS cipher suite, empty in the clear and behind a proxy
	Via       []string // service principals the call came through, outermost first
	// SourceARN is, where a service calls on its own behalf, the ARN of the resource
	// for which it does: aws:SourceArn.
	SourceARN string
	// Found is what the operation's rule has found and the policies have decided
	// about, for its handler: what a name means can change in between.
	Found any `json:"-"`
}

type contextKey struct{}

// With returns a context that carries c.
func With(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// AsService returns a context in which an AWS service calls on its own behalf,
// on resources of account. principal is its service principal, such as
// ec2.amazonaws.com.
func AsService(ctx context.Context, principal, account, region string, now time.Time) context.Context {
	return With(ctx, &Call{
		Identity: Identity{Kind: Service, Account: account, ID: principal, ARN: principal, Name: principal, Service: principal},
		Time:     now, Region: region,
	})
}

// From returns the call that ctx carries. It panics if there is none, which
// only a call that did not come through the gateway can cause.
func From(ctx context.Context) *Call {
	c, ok := ctx.Value(contextKey{}).(*Call)
	if !ok {
		panic("caller: no call in context: it did not come through the gateway")
	}
	return c
}
