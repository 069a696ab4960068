package policy

// Bindings are the policies that apply to one request. A nil *Set means that
// no policy of that type is attached, which differs from an empty set (one
// that allows nothing) for Boundary, Session and Endpoint.
type Bindings struct {
	// Identity holds the identity-based policies of the user with its groups, or
	// of the role, or of the user behind a federated user session.
	Identity *Set
	// Boundary is the permissions boundary of the user or role; nil: no boundary.
	Boundary *Set
	// Session holds the session policies. nil: none were passed, so the session
	// has what its role has; but a FederatedUser without them has nothing.
	Session *Set
	// SCP holds one set per level, root to account, of the principal's
	// organisation; nil for an account outside one and for the management account.
	SCP []*Set
	// RCP holds one set per level, root to account, of the resource's
	// organisation; nil outside one, for the management account, and for
	// services that do not support RCPs.
	RCP []*Set
	// Endpoint is the policy of the VPC endpoint the request came through; nil
	// when it came through none.
	Endpoint *Set
	// Resource is the resource-based policy, or the role trust policy.
	Resource *Set
	// Authority says what the resource's own policy must do.
	Authority Authority
	// Grant, when not nil, is a grant of the resource that allows exactly this
	// request (a KMS grant). It stands beside the resource-based policy.
	Grant *Source
}

// Authority says how the resource-based policy takes part.
type Authority uint8

const (
	// Shared: within the account, identity-based or resource-based policy
	// suffices. Most resources.
	Shared Authority = iota
	// Key: a KMS key. Its key policy must allow, directly or by naming the
	// account, even for callers of the same account and its root user.
	// https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
	Key
	// RoleTrust: a role that is to be assumed. Its trust policy must allow, as
	// with Key.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
	RoleTrust
)
