package analysis

import (
	"slices"

	"bartizan.dev/policy"
)

// closeness is how a resource-based policy must name a principal for its
// statements to count. What names it closer grants more: the account leaves it
// to policies of the principal, the principal itself or its role does not.
type closeness uint8

const (
	byAccount closeness = iota // in any way
	byRole                     // itself, or the role or user behind the session
	byItself                   // itself, or everyone
)

// standing returns the principals that a statement applies to. lenient: "*"
// means the bearers of tokens too, as AWS's checks read the policy that others
// are compared with.
func standing(cells []who, s *policy.Statement, near closeness, lenient bool) set {
	doc := &policy.Document{Version: policy.Version2012, Statements: []policy.Statement{{
		Effect: s.Effect, Principal: s.Principal, NotPrincipal: s.NotPrincipal,
		Action: []string{"*"}, Resource: []string{"*"},
	}}}
	b := bindings(policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Resource}, Document: doc}), near)
	out := newSet(len(cells))
	all := s.Principal != nil && (s.Principal.All || slices.Contains(s.Principal.AWS, "*"))
	for i := range cells {
		d := policy.Decide(&policy.Request{Principal: cells[i].Principal, Action: "a:b", Resource: "*"}, &b)
		applies := d.Allowed
		if s.Effect == policy.Deny {
			applies = d.Explicit
		}
		if applies || lenient && all && s.Effect == policy.Allow {
			out.add(i)
		}
	}
	return out
}

// bindings lets the resource-based policy set decide alone. The principal's own
// policies allow everything, or, where closeness asks for it, nothing.
func bindings(set *policy.Set, near closeness) policy.Bindings {
	b := policy.Bindings{Resource: set, Authority: policy.Key, Session: allowAll(policy.Session)}
	switch near {
	case byAccount:
		b.Identity = allowAll(policy.Identity)
	case byItself:
		b.Session = policy.Compile()
	}
	return b
}

func allowAll(t policy.Type) *policy.Set {
	doc := &policy.Document{Version: policy.Version2012, Statements: []policy.Statement{{Action: []string{"*"}, Resource: []string{"*"}}}}
	return policy.Compile(policy.Labelled{Source: policy.Source{Type: t}, Document: doc})
}
