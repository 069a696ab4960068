package policy

// Kind is the kind of principal that makes a request.
type Kind uint8

const (
	Anonymous     Kind = iota
	Root               // the account's root user, or an AssumeRoot session
	User               // an IAM user, with a long-term key or a GetSessionToken session
	Role               // an assumed-role session
	FederatedUser      // a GetFederationToken session
	Service            // an AWS service by its service principal
	WebIdentity        // the bearer of an OIDC token, before AssumeRoleWithWebIdentity has made a session
	SAML               // the bearer of a SAML assertion, before AssumeRoleWithSAML has made a session
)

// Principal is who makes a request.
type Principal struct {
	Kind    Kind
	Account string // 12 digits; empty for Anonymous, Service, WebIdentity and SAML
	// ARN is the principal's own: the user, root, role session
	// (arn:aws:sts::…:assumed-role/…/…) or federated user session
	// (arn:aws:sts::…:federated-user/…). Empty for Anonymous.
	ARN string
	// Issuer is the ARN of the role behind a role session (arn:aws:iam::…:role/…)
	// or of the user behind a federated user session.
	Issuer string
	// ID is the unique id: AIDA…, AROA…:session, account:name, or the account.
	ID string
	// Names are the service principals (kms.amazonaws.com) of a Service, or the
	// one provider of a WebIdentity (ARN or domain name) or SAML (ARN) bearer.
	Names []string
	// Canonical is the account's canonical user id, if it has one.
	Canonical string
	// ServiceLinked says that the role is a service-linked role, which SCPs and
	// RCPs do not bind.
	ServiceLinked bool
}

// Request is one question: may this principal do this action on this resource
// in this context?
type Request struct {
	Principal       Principal
	Action          string // service:Name, in any case
	Resource        string // an ARN, or "*" for actions that touch none
	ResourceAccount string // 12 digits; empty means the principal's own account
	Context         Context
}

// CrossAccount reports whether the resource belongs to another account than
// the principal.
func (r *Request) CrossAccount() bool {
	return r.ResourceAccount != "" && r.ResourceAccount != r.Principal.Account
}
