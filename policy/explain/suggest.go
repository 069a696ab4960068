package explain

import (
	"encoding/json"
	"slices"
	"strings"

	"bartizan.dev/policy"
)

// Change is one edit of a policy.
type Change struct {
	Type   string `json:"type"`  // of policy
	Level  int    `json:"level"` // of SCPs and RCPs
	Policy string `json:"policy,omitempty"`
	Sid    string `json:"sid,omitempty"`
	Index  int    `json:"index"` // of the statement, from 0; -1 for a new one
	Edit   Edit   `json:"edit"`
	// Statement is the new statement, or the changed one.
	Statement json.RawMessage `json:"statement,omitempty"`
}

// Edit is a way to change a policy.
type Edit string

const (
	AddStatement    Edit = "add this statement"
	ExceptPrincipal Edit = "except this principal from the statement"
	RemoveStatement Edit = "remove the statement"
)

// maxChanges bounds the search; a principal may be denied by very many
// statements.
const maxChanges = 32

// Suggest returns edits that together allow the request and grant next to
// nothing else: each takes one obstacle away, the one that decides. nil when
// the request is allowed already or edits of policies cannot allow it, as with
// a federated user without session policy.
func Suggest(r *policy.Request, bindings *policy.Bindings) []Change {
	b := *bindings
	b.SCP, b.RCP = slices.Clone(b.SCP), slices.Clone(b.RCP)
	var out []Change
	for range maxChanges {
		d := policy.Decide(r, &b)
		if d.Allowed {
			return out
		}
		var c *Change
		if d.Explicit {
			c = lift(r, &b, d)
		} else {
			c = grant(r, &b, d.Type)
		}
		if c == nil {
			return nil
		}
		out = append(out, *c)
	}
	return nil
}

// lift makes a Deny statement spare the principal, or removes it where it
// cannot be said who is spared.
func lift(r *policy.Request, b *policy.Bindings, d policy.Decision) *Change {
	at, level := find(b, d)
	if at == nil {
		return nil
	}
	c := &Change{Type: d.Type.String(), Level: level, Policy: label(d.Statement.Source), Sid: d.Statement.Statement.Sid, Index: d.Statement.Index}
	arn, ok := r.Context.Get("aws:PrincipalArn")
	if ok && len(arn.Values) == 1 && !strings.ContainsAny(arn.Values[0], "*?$") {
		st := *d.Statement.Statement
		st.Condition = except(st.Condition, arn.Values[0])
		replace(at, d.Statement, &st)
		if now := policy.Decide(r, b); !same(now, d) {
			c.Edit, c.Statement = ExceptPrincipal, text(&st)
			return c
		}
	}
	c.Edit = RemoveStatement
	replace(at, d.Statement, nil)
	return c
}

// same reports whether the same statement still denies.
func same(a, b policy.Decision) bool {
	return a.Explicit && b.Explicit && a.Type == b.Type && a.Statement.Index == b.Statement.Index && *a.Statement.Source == *b.Statement.Source
}

// except adds principal to the values that ArnNotEquals refuses; values of a
// negated operator are all excluded.
func except(list []policy.Condition, principal string) []policy.Condition {
	out := slices.Clone(list)
	for i := range out {
		if strings.EqualFold(out[i].Operator, "ArnNotEquals") && strings.EqualFold(out[i].Key, "aws:PrincipalArn") {
			out[i].Values = append(slices.Clone(out[i].Values), principal)
			return out
		}
	}
	return append(out, policy.Condition{Operator: "ArnNotEquals", Key: "aws:PrincipalArn", Values: []string{principal}})
}

// grant adds what is missing to the layer that failed to allow: to a statement
// that lacks the action or the resource alone, or as a new statement.
func grant(r *policy.Request, b *policy.Bindings, t policy.Type) *Change {
	level := 0
	if t == policy.SCP || t == policy.RCP {
		if level = failing(r, b, t); level < 0 {
			return nil
		}
	}
	at := place(b, t, level)
	if at == nil {
		return nil
	}
	st := &policy.Statement{Effect: policy.Allow, Action: []string{r.Action}, Resource: []string{r.Resource}}
	switch t {
	case policy.Resource, policy.Trust:
		if st.Principal = principals(&r.Principal); st.Principal == nil {
			return nil
		}
		if t == policy.Trust {
			st.Resource = nil
		}
	case policy.RCP, policy.Endpoint:
		st.Principal = &policy.Principals{All: true}
	}
	c := &Change{Type: t.String(), Level: level, Index: -1, Edit: AddStatement, Statement: text(st)}
	all := append(copies(*at), policy.Labelled{
		Source:   policy.Source{Type: t, Name: "new"},
		Document: &policy.Document{Version: policy.Version2012, Statements: []policy.Statement{*st}},
	})
	*at = policy.Compile(all...)
	return c
}

// failing is the first level that does not allow, or -1.
func failing(r *policy.Request, b *policy.Bindings, t policy.Type) int {
	for _, l := range policy.Explain(r, b).Layers {
		if l.Type == t && l.Result != policy.Allowed {
			return l.Level
		}
	}
	return -1
}

// principals names the principal as a resource-based policy would: a session by
// its role.
func principals(p *policy.Principal) *policy.Principals {
	switch p.Kind {
	case policy.Service:
		return &policy.Principals{Service: p.Names}
	case policy.WebIdentity, policy.SAML:
		return &policy.Principals{Federated: p.Names}
	case policy.Anonymous:
		return &policy.Principals{All: true}
	case policy.Role:
		return &policy.Principals{AWS: []string{p.Issuer}}
	}
	return &policy.Principals{AWS: []string{p.ARN}}
}

// find is the set that holds the deciding statement.
func find(b *policy.Bindings, d policy.Decision) (at **policy.Set, level int) {
	levels := 1
	switch d.Type {
	case policy.SCP:
		levels = len(b.SCP)
	case policy.RCP:
		levels = len(b.RCP)
	}
	for l := range levels {
		at := place(b, d.Type, l)
		if at == nil {
			return nil, 0
		}
		for _, p := range (*at).Policies() {
			if &p.Source == d.Statement.Source {
				return at, l
			}
		}
	}
	return nil, 0
}

// replace puts st in the place of a statement, or nothing.
func replace(at **policy.Set, m *policy.Match, st *policy.Statement) {
	all := copies(*at)
	for i := range all {
		if all[i].Source != *m.Source || len(all[i].Document.Statements) <= m.Index {
			continue
		}
		doc := *all[i].Document
		doc.Statements = slices.Clone(doc.Statements)
		if st != nil {
			doc.Statements[m.Index] = *st
		} else { // one that matches nothing keeps the indexes of the others
			doc.Statements[m.Index] = policy.Statement{Sid: doc.Statements[m.Index].Sid, Effect: policy.Deny, Action: []string{}, Resource: []string{}}
		}
		all[i].Document = &doc
	}
	*at = policy.Compile(all...)
}

// copies are the policies of a set, to be changed.
func copies(s *policy.Set) []policy.Labelled {
	var out []policy.Labelled
	for _, p := range s.Policies() {
		out = append(out, *p)
	}
	return out
}

func label(s *policy.Source) string {
	if s.Managed || s.Name == "" {
		return s.ARN
	}
	return s.Name
}

// text is a statement as it stands in a policy. Statements hold nothing but
// strings, so it cannot fail.
func text(st *policy.Statement) json.RawMessage {
	b, err := json.Marshal(st)
	if err != nil {
		return nil
	}
	return b
}
