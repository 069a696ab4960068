package policy

// Type is the type of a policy: where it is attached and what it can do there.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#access_policy-types
type Type uint8

const (
	None     Type = iota // no policy at all: see Decision.Type
	Identity             // managed or inline, of a user, group or role
	Boundary             // permissions boundary
	Session              // session policy
	Resource             // resource-based policy, such as a key policy
	Trust                // role trust policy
	SCP                  // service control policy
	RCP                  // resource control policy
	Endpoint             // VPC endpoint policy
	Grant                // not a document: a grant of the resource itself, as KMS has them
)

// String returns the name that AWS's access denied messages use.
func (t Type) String() string {
	return [...]string{"no policy", "identity-based policy", "permissions boundary", "session policy",
		"resource-based policy", "role trust policy", "service control policy",
		"resource control policy", "VPC endpoint policy", "grant"}[t]
}

// Source labels a policy, for decisions and explanations.
type Source struct {
	Type Type
	ARN  string // of a managed policy, SCP or RCP; of the owner or resource otherwise; may be empty
	Name string // for people and for SourcePolicyId, such as "inline:deploy"
	// Managed says that ARN is the policy's own, so that access denied messages
	// may show it.
	Managed bool
}

// Labelled is a document with its label, ready to be compiled.
type Labelled struct {
	Source   Source
	Document *Document
}
