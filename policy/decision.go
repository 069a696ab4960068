package policy

// Decision is the answer to a request. The zero value is a denial.
type Decision struct {
	Allowed  bool
	Explicit bool // denied by a Deny statement
	// Always says that AWS lets everyone do this whatever the policies say.
	Always bool
	// Type is the type of policy that decided: the one that allowed, the one
	// that denied, or the one that failed to allow. None: the root user.
	Type Type
	// Statement is the statement that allowed or denied; nil when Type failed to
	// allow, and for grants and the root user.
	Statement *Match
}

// Result returns the decision in the simulator's terms.
func (d Decision) Result() Result {
	switch {
	case d.Allowed:
		return Allowed
	case d.Explicit:
		return ExplicitDeny
	}
	return ImplicitDeny
}

// Match is a statement of a compiled policy, as decisions and explanations
// name it.
type Match struct {
	Source    *Source
	Index     int        // of the statement in its document, from 0
	Statement *Statement // with Sid and positions
}
