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

// accountGlob matches the ARNs of accounts that tokens match.
func accountGlob(tokens []token) *glob {
	out := wilds("arn:*:*::", false)
	for _, t := range tokens {
		t.colon = false
		out = append(out, t)
	}
	return newGlob("account", append(append(out, token{kind: char, char: ':'}), token{kind: many, colon: true}))
}

// shape matches the principal ARNs of one kind, of any account or of one.
func shape(partition, service, account, resource string, named bool) *glob {
	tokens := chars("arn:"+partition+":"+service+"::", false)
	if account == "" {
		for range 12 {
			tokens = append(tokens, token{kind: digit})
		}
	}
	tokens = append(tokens, chars(account+":"+resource, false)...)
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
				if err := m.spend(1 + (len(n.sessions)+len(n.arns))/4); err != nil {
					return nil, err
				}
				out = append(out, n.of(a.word, k)...)
			}
		}
	}
	if len(out)*(1+len(n.ids))*(1+len(n.canonical)) > maxCells {
		return nil, ErrTooComplex
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
	list := kinds
	if attached {
		list = kinds[:2]
	}
	for _, account := range append([]string{""}, n.accounts...) {
		for _, p := range n.partitions {
			for _, k := range list {
				globs = append(globs, shape(p, k.service, account, k.resource, k.kind != policy.Root))
				if account == "" {
					shapes = append(shapes, k.kind)
				}
			}
		}
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
func (n *names) of(name string, kind policy.Kind) []who {
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
