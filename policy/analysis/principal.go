package analysis

import (
	"slices"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/policy"
)

// someAccount is an account that policies at hand need not know.
const someAccount = "111122223333"

// who is one cell of principals: a principal that stands for all that no policy
// at hand can tell from it.
type who struct {
	policy.Principal
	key      string // aws:PrincipalArn; empty: absent
	stranger bool   // no policy names it, its role or its account
}

// tied are the condition keys that the principal determines, in lower case.
var tied = []string{"aws:principalarn", "aws:principalaccount", "aws:principaltype", "aws:principalisawsservice"}

func isTied(name string) bool { return slices.Contains(tied, strings.ToLower(name)) }

// context sets the tied keys.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
func (w *who) context(c *policy.Context) {
	if w.key != "" {
		c.Set("aws:PrincipalArn", w.key)
	}
	if w.Account != "" {
		c.Set("aws:PrincipalAccount", w.Account)
	}
	c.SetBool("aws:PrincipalIsAWSService", w.Kind == policy.Service)
	switch w.Kind {
	case policy.Root:
		c.Set("aws:PrincipalType", "Account")
	case policy.User:
		c.Set("aws:PrincipalType", "User")
	case policy.FederatedUser:
		c.Set("aws:PrincipalType", "FederatedUser")
	case policy.Role:
		c.Set("aws:PrincipalType", "AssumedRole")
	case policy.Anonymous:
		c.Set("aws:PrincipalType", "Anonymous")
	}
}

// names collects what policies call principals.
type names struct {
	accounts, arns, sessions, ids, services, federated, canonical []string
	partitions                                                    []string
	globs                                                         []*glob // of aws:PrincipalArn
}

func (n *names) element(p *policy.Principals) {
	if p == nil {
		return
	}
	for _, s := range p.AWS {
		a, err := arn.Parse(s)
		switch {
		case s == "*" || s == "":
		case arn.IsAccount(s):
			n.accounts = append(n.accounts, s)
		case err != nil:
			n.ids = append(n.ids, s)
		default:
			n.partitions = append(n.partitions, a.Partition)
			n.accounts = append(n.accounts, a.Account)
			if kind, _ := a.Type(); a.Service == "sts" && kind == "assumed-role" {
				n.sessions = append(n.sessions, s)
			} else if a.Resource != "root" {
				n.arns = append(n.arns, s)
			}
		}
	}
	n.services = append(n.services, p.Service...)
	n.federated = append(n.federated, p.Federated...)
	n.canonical = append(n.canonical, p.Canonical...)
}

// condition notes what a condition on a tied key distinguishes.
func (n *names) condition(u use) {
	if u.operator.family != textual || u.operator.variables(u.condition, u.version) {
		return
	}
	switch strings.ToLower(u.condition.Key) {
	case "aws:principalarn":
		n.globs = append(n.globs, valueGlobs(u.operator, u.condition, u.version)...)
		for _, v := range u.condition.Values {
			if f := strings.SplitN(v, ":", 3); len(f) == 3 && !strings.ContainsAny(f[1], "*?$") {
				n.partitions = append(n.partitions, f[1])
			}
		}
	case "aws:principalaccount":
		for _, g := range valueGlobs(u.operator, u.condition, u.version) {
			n.globs = append(n.globs, accountGlob(g.tokens))
		}
	}
}

// accountGlob matches the ARNs of accounts that tokens match.
func accountGlob(tokens []token) *glob {
	out := wilds("arn:*:*::", false)
	for _, t := range tokens {
		t.colon = false
		out = append(out, t)
	}
	return newGlob("account", append(append(out, token{kind: char, char: ':'}), token{kind: many, colon: true}))
}

// shape matches the principal ARNs of one kind.
func shape(partition, service, resource string, named bool) *glob {
	tokens := chars("arn:"+partition+":"+service+"::", false)
	for range 12 {
		tokens = append(tokens, token{kind: digit})
	}
	tokens = append(tokens, chars(":"+resource, false)...)
	if named {
		tokens = append(tokens, token{kind: some, colon: false})
	}
	return newGlob(resource, tokens)
}

// kinds of principal ARNs, in the order of shapes.
var kinds = []struct {
	service, resource string
	kind              policy.Kind
}{
	{"iam", "user/", policy.User}, {"iam", "role/", policy.Role},
	{"iam", "root", policy.Root}, {"sts", "federated-user/", policy.FederatedUser},
}

// people returns the cells of principals. attached: only those that policies
// can be attached to and limit, users and roles.
func people(m *meter, n *names, attached bool) ([]who, error) {
	n.tidy()
	globs, shapes := n.patterns(attached)
	flat := make([]*glob, len(globs))
	for i, g := range globs {
		flat[i] = g.flat()
	}
	found, err := atoms(m, flat, maxCells)
	if err != nil {
		return nil, err
	}
	var out []who
	for _, a := range found {
		for i, k := range shapes {
			if a.matched.has(i) {
				out = append(out, n.of(a.word, k, attached)...)
			}
		}
	}
	out = n.cross(out)
	if !attached {
		out = append(out, n.others()...)
	}
	if len(out) > maxCells {
		return nil, ErrTooComplex
	}
	for i := range out {
		w := &out[i]
		w.stranger = w.Kind == policy.Anonymous || w.Account != "" && !slices.Contains(n.accounts, w.Account) &&
			!slices.Contains(n.ids, w.ID) && w.Canonical == ""
	}
	return out, nil
}

func (n *names) tidy() {
	n.partitions = append(n.partitions, arn.Partition)
	for _, l := range []*[]string{&n.accounts, &n.arns, &n.sessions, &n.ids, &n.services, &n.federated, &n.canonical, &n.partitions} {
		slices.Sort(*l)
		*l = slices.Compact(*l)
		*l = slices.DeleteFunc(*l, func(s string) bool { return s == "" })
	}
}

// patterns returns what tells principal ARNs apart: first the shapes, whose
// kinds are returned too, then what policies name.
func (n *names) patterns(attached bool) (globs []*glob, shapes []policy.Kind) {
	for _, p := range n.partitions {
		for i, k := range kinds {
			if attached && i > 1 {
				break
			}
			globs = append(globs, shape(p, k.service, k.resource, k.kind != policy.Root))
			shapes = append(shapes, k.kind)
		}
	}
	for _, a := range n.accounts {
		globs = append(globs, accountGlob(chars(a, false)))
	}
	for _, a := range n.arns {
		globs = append(globs, newGlob(a, chars(a, false)))
	}
	for _, s := range n.sessions { // the role behind a session, without its path
		if r := roleOf(s); r != "" {
			globs = append(globs, newGlob(r, chars(r, false)))
		}
	}
	return append(globs, n.globs...), shapes
}

// roleOf returns the ARN of the role of a session's ARN, if it has no path.
func roleOf(session string) string {
	a, err := arn.Parse(session)
	if err != nil {
		return ""
	}
	_, rest := a.Type()
	name, _, ok := strings.Cut(rest, "/")
	if !ok || name == "" {
		return ""
	}
	a.Service, a.Resource = "iam", "role/"+name
	return a.String()
}

// of returns the principals of the ARN name.
func (n *names) of(name string, kind policy.Kind, attached bool) []who {
	a, err := arn.Parse(name)
	if err != nil {
		return nil
	}
	base := who{key: name, Principal: policy.Principal{Kind: kind, Account: a.Account, ARN: name}}
	switch kind {
	case policy.User:
		base.ID = "AIDAEXAMPLE"
	case policy.Root:
		base.ID = a.Account
	case policy.Role:
		return n.ofRole(a, base)
	case policy.FederatedUser:
		_, user := a.Type()
		base.ID = a.Account + ":" + user
		return n.ofFederated(a, base)
	}
	return []who{base}
}

// ofRole returns the sessions of a role: one of no account's interest, and
// those that policies name.
func (n *names) ofRole(a arn.ARN, base who) []who {
	role := a.String()
	short := a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
	if short == "" {
		return nil
	}
	base.Issuer = role
	a.Service = "sts"
	var out []who
	add := func(session string) {
		w := base
		w.ID = "AROAEXAMPLE:" + session[strings.LastIndexByte(session, '/')+1:]
		w.ARN = session
		out = append(out, w)
	}
	a.Resource = "assumed-role/" + short + "/session"
	add(a.String())
	for _, s := range n.sessions {
		if b, err := arn.Parse(s); err == nil && b.Partition == a.Partition && b.Account == a.Account && strings.HasPrefix(b.Resource, "assumed-role/"+short+"/") {
			add(s)
		}
	}
	return out
}

// ofFederated returns the sessions of a federated user: of a user nobody names,
// of the root user, and of the users that policies name.
func (n *names) ofFederated(a arn.ARN, base who) []who {
	b := a
	b.Service = "iam"
	issuers := []string{"user/federator", "root"}
	for _, s := range n.arns {
		if u, err := arn.Parse(s); err == nil && u.Account == a.Account && u.Service == "iam" && strings.HasPrefix(u.Resource, "user/") {
			issuers = append(issuers, u.Resource)
		}
	}
	var out []who
	for _, i := range issuers {
		b.Resource = i
		w := base
		w.Issuer = b.String()
		out = append(out, w)
	}
	return out
}

// cross gives each principal each of the ids that policies name.
func (n *names) cross(list []who) []who {
	out := list
	for _, w := range list {
		for _, id := range n.ids {
			v := w
			switch {
			case w.Kind == policy.User && !strings.HasPrefix(id, "AROA"):
				v.ID = id
			case w.Kind == policy.Role && strings.Contains(id, ":"):
				v.ID = id
			case w.Kind == policy.Role && !strings.HasPrefix(id, "AIDA"):
				v.ID = id + ":session"
			default:
				continue
			}
			out = append(out, v)
		}
	}
	list = out
	for _, w := range list {
		for _, c := range n.canonical {
			v := w
			v.Canonical = c
			out = append(out, v)
		}
	}
	return out
}

// others returns the principals that belong to no account.
func (n *names) others() []who {
	out := []who{{Principal: policy.Principal{Kind: policy.Anonymous}}}
	for _, s := range append(n.services, fresh("service.amazonaws.com", n.services)) {
		out = append(out, who{Principal: policy.Principal{Kind: policy.Service, Names: []string{s}}})
	}
	saml := "arn:aws:iam::" + someAccount + ":saml-provider/provider"
	for _, f := range append(n.federated, fresh("provider.example.com", n.federated), fresh(saml, n.federated)) {
		kind := policy.WebIdentity
		if strings.Contains(f, ":saml-provider/") {
			kind = policy.SAML
		}
		out = append(out, who{Principal: policy.Principal{Kind: kind, Names: []string{f}}})
	}
	return out
}

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
