package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/gateway"
	"bartizan.dev/policy"
	"bartizan.dev/service/iam"
	"bartizan.dev/service/signin"
	"bartizan.dev/service/sts"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// directory answers the gateway's questions about principals from IAM, which
// knows users and roles, and STS, which can open its session tokens.
type directory struct {
	iam    *iam.Service
	tokens *sts.Tokens
	now    func() time.Time
	// bounds asks Organizations; nil while there is none.
	bounds func(ctx context.Context, account string) (*gateway.Bounds, error)
}

func (d *directory) Bounds(ctx context.Context, account string) (*gateway.Bounds, error) {
	if d.bounds == nil {
		return nil, nil
	}
	b, err := d.bounds(ctx, account)
	if err != nil {
		return nil, unavailable(err)
	}
	return b, nil
}

func (d *directory) Credential(ctx context.Context, accessKey, token string) (gateway.Credential, error) {
	if token != "" {
		return d.session(ctx, accessKey, token)
	}
	c, err := d.iam.Credential(ctx, accessKey)
	if err != nil {
		return gateway.Credential{}, unavailable(err)
	}
	if c == nil {
		return gateway.Credential{}, gateway.ErrUnknownKey
	}
	return gateway.Credential{Secret: c.Secret, Identity: c.Identity}, nil
}

// unavailable is the answer while nobody can be looked up: the store is gone, or
// the node has lost touch with it and does not know what was taken away since.
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
func unavailable(err error) error {
	if errors.Is(err, store.ErrDamaged) || errors.Is(err, context.Canceled) {
		return err
	}
	return &wire.Error{Code: "ServiceUnavailable", Status: 503, Fault: true, Cause: err,
		Message: "The request has failed due to a temporary failure of the server."}
}

// session opens a session token. A session ends with its principal: with the
// role or user it was made for, or the access key's account.
func (d *directory) session(ctx context.Context, accessKey, token string) (gateway.Credential, error) {
	secret, id, err := d.tokens.Open(accessKey, token)
	if errors.Is(err, sts.ErrToken) {
		return gateway.Credential{}, gateway.ErrToken
	} else if err != nil {
		return gateway.Credential{}, err
	}
	if !d.now().Before(id.Session.Expires) {
		return gateway.Credential{Secret: secret}, gateway.ErrExpired
	}
	if id.Session.IssuerID != id.Account { // not the root user's own
		s, err := d.iam.Standing(ctx, id.Session.IssuerID)
		if err != nil {
			return gateway.Credential{}, unavailable(err)
		}
		if s == nil {
			return gateway.Credential{Secret: secret}, gateway.ErrToken
		}
		if id.Kind == caller.User { // who may have been renamed since
			id.ARN = s.Principal.ARN
			id.Name = id.ARN[strings.LastIndexByte(id.ARN, '/')+1:]
		}
	}
	return gateway.Credential{Secret: secret, Identity: id}, nil
}

// Usable: the credentials of GetFederationToken call no IAM and of STS only
// GetCallerIdentity; those of GetSessionToken call IAM only if they were got
// with MFA, and of STS only AssumeRole and GetCallerIdentity.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
func (d *directory) Usable(id *caller.Identity, service, operation string) bool {
	switch {
	case id.Session == nil || id.Kind == caller.Role:
		return true
	case id.Kind == caller.Root && len(id.Session.PolicyARNs) > 0: // AssumeRoot, which its task policy limits
		return true
	case ofConsole(id.Session): // may do what its user may, as on AWS
		return true
	case service == "sts" && (operation == "GetSessionToken" || operation == "GetFederationToken"):
		return true // STS refuses them itself, with a message of its own
	case service == "sts":
		return operation == "GetCallerIdentity" || operation == "AssumeRole" && id.Kind != caller.Federated
	case service == "iam":
		return id.Kind != caller.Federated && id.Session.MFA
	}
	return true
}

func (d *directory) Standing(ctx context.Context, id *caller.Identity) (*gateway.Standing, error) {
	out := &gateway.Standing{Principal: policy.Principal{Account: id.Account, ARN: id.ARN, ID: id.ID}}
	switch id.Kind {
	case caller.Anonymous:
		out.Principal.Kind = policy.Anonymous
		return out, nil
	case caller.Service:
		// A service belongs to no account: the SCPs of the account it acts on do not
		// bind it.
		out.Principal.Kind, out.Principal.Names, out.Principal.Account = policy.Service, []string{id.Service}, ""
		return out, nil
	case caller.WebIdentity:
		out.Principal.Kind, out.Principal.Names = policy.WebIdentity, []string{id.Provider}
		return out, nil
	case caller.SAML:
		out.Principal.Kind, out.Principal.Names = policy.SAML, []string{id.Provider}
		return out, nil
	case caller.Certificate: // nobody, until the operation's rule has made a service of it
		out.Principal.Kind = policy.Anonymous
		return out, nil
	case caller.Root:
		out.Principal.Kind = policy.Root
		if id.Session != nil && len(id.Session.PolicyARNs) > 0 { // AssumeRoot's task policy
			set, err := d.iam.SessionSet(ctx, id.Session.Policy, id.Session.PolicyARNs)
			out.Session = set
			return out, err
		}
		return out, nil
	}
	owner := id.ID
	if id.Session != nil {
		owner = id.Session.IssuerID
	}
	if owner != id.Account { // a federated user of the root user has no policies of its own
		s, err := d.iam.Standing(ctx, owner)
		if err != nil {
			return nil, unavailable(err)
		}
		if s == nil {
			return nil, errNoStanding
		}
		out.Identity, out.Boundary, out.Tags = s.Identity, s.Boundary, s.Tags
		out.Principal.ServiceLinked = s.Principal.ServiceLinked
	}
	return out, d.addSession(ctx, id, out)
}

// errNoStanding ends a call whose principal was deleted after its credentials
// were verified. It cannot be decided, so it is refused.
var errNoStanding = errors.New("server: the caller no longer exists")

func (d *directory) addSession(ctx context.Context, id *caller.Identity, out *gateway.Standing) (err error) {
	switch id.Kind {
	case caller.User:
		out.Principal.Kind = policy.User
	case caller.Role:
		out.Principal.Kind, out.Principal.Issuer = policy.Role, id.Session.IssuerARN
	case caller.Federated:
		out.Principal.Kind, out.Principal.Issuer = policy.FederatedUser, id.Session.IssuerARN
	}
	if id.Session == nil {
		return nil
	}
	if len(id.Session.Tags) > 0 { // session tags hide the principal's tags of the same key
		tags := make([]policy.Tag, 0, len(id.Session.Tags)+len(out.Tags))
		for _, t := range id.Session.Tags {
			tags = append(tags, policy.Tag(t))
		}
		for _, t := range out.Tags {
			if !hasTag(tags, t.Key) {
				tags = append(tags, t)
			}
		}
		out.Tags = tags
	}
	out.Session, err = d.iam.SessionSet(ctx, id.Session.Policy, id.Session.PolicyARNs)
	return err
}

func hasTag(tags []policy.Tag, key string) bool {
	for _, t := range tags {
		if strings.EqualFold(t.Key, key) {
			return true
		}
	}
	return false
}

func (d *directory) Used(id *caller.Identity, service, operation, region string) {
	now := d.now()
	principal := id.ID
	if id.Session != nil {
		principal = id.Session.IssuerID
	}
	switch {
	case id.Session == nil:
		d.iam.Used(id.AccessKey, now, service, region)
	case id.Kind == caller.Role:
		d.iam.Used(principal, now, service, region)
	}
	d.iam.Accessed(id.Account, principal, service, operation, region, now)
}

// ofConsole reports whether a session is one of the console, or of a tool that
// was let into it by `aws login`.
func ofConsole(s *caller.Session) bool {
	for _, k := range s.Keys {
		if k.Key == signin.SessionKey {
			return true
		}
	}
	return false
}
