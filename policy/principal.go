package policy

import (
	"slices"
	"strings"

	"bartizan.dev/arn"
)

// standing is how a policy names the principal of a request. Higher is closer,
// and what is closer grants more.
type standing uint8

const (
	stranger standing = iota // not at all
	account                  // by its account, which may then decide by its own policies
	issuer                   // by the role behind the session, or the user behind the federated user
	direct                   // by its own ARN or id, or as everyone
)

// principals is a compiled Principal or NotPrincipal element.
type principals struct {
	all       bool
	arns      []string
	accounts  []string
	ids       []string // unique ids of users and roles
	services  []string
	federated []string
	canonical []string
}

func compilePrincipals(in *Principals) principals {
	out := principals{all: in.All, services: named(in.Service), federated: named(in.Federated), canonical: named(in.Canonical)}
	for _, p := range named(in.AWS) {
		switch {
		case p == "*":
			out.all = true
		case arn.IsAccount(p):
			out.accounts = append(out.accounts, p)
		case rootAccount(p) != "":
			out.accounts = append(out.accounts, rootAccount(p))
		case strings.HasPrefix(p, "arn:"):
			out.arns = append(out.arns, p)
		default:
			out.ids = append(out.ids, p)
		}
	}
	return out
}

// named leaves out empty strings, which must not match what a principal lacks.
func named(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
}

// rootAccount returns the account whose ARN s is (arn:aws:iam::…:root).
func rootAccount(s string) string {
	if a, err := arn.Parse(s); err == nil && a.Service == "iam" && a.Resource == "root" && arn.IsAccount(a.Account) {
		return a.Account
	}
	return ""
}

// standing returns how the element names p. The bearer of a token that is not
// yet a session is everyone only where that denies.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
func (l *principals) standing(p *Principal, deny bool) standing {
	switch p.Kind {
	case WebIdentity, SAML:
		if l.all && deny || containsAny(l.federated, p.Names) {
			return direct
		}
		return stranger
	case Service:
		if l.all || containsAny(l.services, p.Names) {
			return direct
		}
		return stranger
	}
	if l.all {
		return direct
	}
	if p.Kind == Anonymous {
		return stranger
	}
	return l.member(p)
}

// member is standing for principals that belong to an account.
func (l *principals) member(p *Principal) standing {
	if slices.Contains(l.arns, p.ARN) || len(l.ids) > 0 && slices.Contains(l.ids, p.ID) {
		return direct
	}
	inAccount := p.Account != "" && slices.Contains(l.accounts, p.Account)
	if inAccount && p.Kind == Root {
		return direct
	}
	if p.Issuer != "" && slices.Contains(l.arns, p.Issuer) || l.namesIssuerID(p) {
		return issuer
	}
	if inAccount || p.Canonical != "" && slices.Contains(l.canonical, p.Canonical) {
		return account
	}
	return stranger
}

// namesIssuerID: the id of a role session is the id of its role, a colon and
// the session's name.
func (l *principals) namesIssuerID(p *Principal) bool {
	if len(l.ids) == 0 || p.Kind != Role {
		return false
	}
	id, _, found := strings.Cut(p.ID, ":")
	return found && slices.Contains(l.ids, id)
}

// excepts reports whether NotPrincipal leaves p out. In a Deny statement a
// session is left out only when both itself and its role (or user) are listed,
// and a principal with a permissions boundary never is. In an Allow statement
// any mention leaves it out.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
func (l *principals) excepts(p *Principal, deny, bounded bool) bool {
	if l.all {
		return true
	}
	if !deny {
		return l.standing(p, true) != stranger
	}
	if bounded && (p.Kind == User || p.Kind == Role || p.Kind == FederatedUser) {
		return false
	}
	if l.standing(p, true) != direct {
		return false
	}
	if p.Issuer == "" || p.Kind != Role && p.Kind != FederatedUser {
		return true
	}
	if slices.Contains(l.arns, p.Issuer) || l.namesIssuerID(p) {
		return true
	}
	a := rootAccount(p.Issuer)
	return a != "" && slices.Contains(l.accounts, a)
}

func containsAny(list, names []string) bool {
	for _, n := range names {
		if slices.Contains(list, n) {
			return true
		}
	}
	return false
}
