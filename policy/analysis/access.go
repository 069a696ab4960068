package analysis

import (
	"slices"
	"strings"

	"bartizan.dev/policy"
)

// shownKeys are the condition keys that findings show, in lower case.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-filter-keys.html
var shownKeys = []string{
	"aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:sourcearn", "aws:sourceaccount",
	"aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceowner", "aws:userid", "aws:sourceorgid", "aws:sourceorgpaths",
	"aws:vpceaccount", "aws:vpceorgid", "aws:vpceorgpaths", "aws:sourcevpcarn",
	"cognito-identity.amazonaws.com:aud", "graph.facebook.com:app_id", "accounts.google.com:aud", "www.amazon.com:app_id",
	"kms:calleraccount", "kms:viaservice", "s3:dataaccesspointaccount", "s3:dataaccesspointarn", "lambda:functionurlauthtype",
	"saml:aud", "saml:iss", "token.actions.githubusercontent.com:sub", "token.actions.githubusercontent.com:aud",
}

// Access returns who from outside the zone of trust gets access by doc, the
// policy of a resource, in the order of statements and principals. AWS's own
// services are not reported. Access that a condition confines to the zone (its
// organisation, its accounts, resources of its accounts) is none.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-concepts.html
func (a *Analyzer) Access(doc *policy.Document, zone Zone) ([]External, error) {
	open, err := a.public(doc, "")
	if err != nil {
		return nil, err
	}
	e, err := a.prepare(nil, []*policy.Document{doc, zone.trusted()}, policy.Resource, byAccount, true)
	if err != nil {
		return nil, err
	}
	var out []External
	for _, s := range e.new.allow {
		if s.source.Principal == nil {
			continue
		}
		for _, p := range entries(s.source.Principal) {
			x, err := e.external(s, p)
			if err != nil {
				return nil, err
			}
			if x == nil {
				continue
			}
			x.Public = p.name == "*" && slices.ContainsFunc(open.Reasons, func(r Reason) bool { return r.Statement == s.index })
			out = append(out, *x)
		}
	}
	return out, nil
}

// entry is one principal of a statement.
type entry struct {
	kind, name string
	element    *policy.Principals
}

// entries takes a Principal element apart. AWS's services are left out.
func entries(p *policy.Principals) []entry {
	var out []entry
	if p.All || slices.Contains(p.AWS, "*") {
		return append(out, entry{"AWS", "*", &policy.Principals{All: true}})
	}
	for _, n := range p.AWS {
		out = append(out, entry{"AWS", n, &policy.Principals{AWS: []string{n}}})
	}
	for _, n := range p.Federated {
		out = append(out, entry{"Federated", n, &policy.Principals{Federated: []string{n}}})
	}
	for _, n := range p.Canonical {
		out = append(out, entry{"CanonicalUser", n, &policy.Principals{Canonical: []string{n}}})
	}
	return out
}

// external finds what one principal of a statement may do; nil: nothing.
func (e *engine) external(s *statement, p entry) (*External, error) {
	b := e.everything()
	b.who = standing(e.people, &policy.Statement{Principal: p.element}, byAccount, false)
	if p.name == "*" {
		b.who = e.outsiders(b.who)
	}
	if b.who.empty() {
		return nil, nil
	}
	x := &External{Type: p.kind, Principal: p.name, Statement: s.index, Sid: s.source.Sid, Condition: shown(s.source.Condition)}
	actions := s.source.Action
	if s.source.NotAction != nil {
		actions = []string{"*"}
	}
	for _, action := range actions {
		in, err := e.limit(b, []string{action}, nil)
		if err != nil {
			return nil, err
		}
		if in == nil {
			continue
		}
		w, err := e.decide(e.newAccess(in, s))
		if err != nil {
			return nil, err
		}
		if w == nil {
			continue
		}
		if x.Witness == nil {
			x.Witness = w
		}
		x.Actions = append(x.Actions, action)
	}
	if x.Witness == nil {
		return nil, nil
	}
	slices.Sort(x.Actions)
	x.Actions = slices.Compact(x.Actions)
	return x, nil
}

// outsiders leaves AWS's services and bearers of tokens out: "*" in an Allow
// statement is reported for principals of accounts and anonymous ones.
func (e *engine) outsiders(who set) set {
	out := newSet(len(e.people))
	for i := range e.people {
		switch e.people[i].Kind {
		case policy.Service, policy.WebIdentity, policy.SAML:
		default:
			out.add(i)
		}
	}
	return out.and(who)
}

// shown returns what findings show of conditions: keys with the values that
// they must have.
func shown(list []policy.Condition) map[string]string {
	out := map[string]string{}
	for _, c := range list {
		if strings.Contains(strings.ToLower(c.Operator), "not") || parseOperator(c.Operator).family == presence {
			continue
		}
		if slices.Contains(shownKeys, strings.ToLower(c.Key)) {
			out[c.Key] = strings.Join(c.Values, ",")
		}
	}
	return out
}

// trusted returns a policy that denies what comes from inside the zone.
func (z Zone) trusted() *policy.Document {
	out := &denials{}
	if len(z.Accounts) > 0 {
		out.Version = policy.Version2008
		out.Statements = append(out.Statements, policy.Statement{
			Effect: policy.Deny, Principal: &policy.Principals{AWS: z.Accounts}, Action: []string{"*"}, Resource: []string{"*"},
		})
		for _, k := range []string{"aws:SourceAccount", "aws:SourceOwner", "aws:VpceAccount", "kms:CallerAccount", "s3:DataAccessPointAccount"} {
			out.deny("ForAnyValue:StringEquals", k, z.Accounts...)
		}
		var arns []string
		for _, id := range z.Accounts {
			arns = append(arns, "arn:*:*:*:"+id+":*")
		}
		for _, k := range []string{"aws:SourceArn", "aws:SourceVpcArn", "s3:DataAccessPointArn"} {
			out.deny("ForAnyValue:ArnLike", k, arns...)
		}
	}
	if z.Organization != "" {
		for _, k := range []string{"aws:PrincipalOrgID", "aws:SourceOrgID", "aws:VpceOrgID"} {
			out.deny("ForAnyValue:StringEquals", k, z.Organization)
		}
		for _, k := range []string{"aws:PrincipalOrgPaths", "aws:SourceOrgPaths", "aws:VpceOrgPaths"} {
			out.deny("ForAnyValue:StringLike", k, z.Organization+"/*")
		}
	}
	return &out.Document
}
