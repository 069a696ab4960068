package explain

import (
	"fmt"
	"strings"

	"bartizan.dev/policy"
)

// Tree is a decision as people read it: layer, policy, statement, condition.
type Tree struct {
	Decision  string        `json:"decision"` // allowed, explicitDeny, implicitDeny
	Message   string        `json:"message,omitempty"`
	Principal string        `json:"principal"`
	Action    string        `json:"action"`
	Resource  string        `json:"resource"`
	Context   []policy.Pair `json:"-"`
	Layers    []Layer       `json:"layers"`
	Missing   []string      `json:"missingContextKeys,omitempty"`
	Changes   []Change      `json:"smallestChange,omitempty"` // all of them together would allow it
	// Instead tells what the request itself could have for an Allow statement to
	// match that only its conditions keep from matching.
	Instead []string `json:"instead,omitempty"`
	// Withheld says that policies took part which are not for the reader to see.
	Withheld string `json:"withheld,omitempty"`
}

// Layer is what the policies of one type, and of one level for SCPs and RCPs,
// say together.
type Layer struct {
	Type     string       `json:"type"`
	Level    int          `json:"level"` // of SCPs and RCPs: 0 is the root
	Result   string       `json:"result"`
	Policies []PolicyNode `json:"policies"` // in the order of the set

	Kind    policy.Type   `json:"-"` // Type
	Outcome policy.Result `json:"-"` // Result
}

// PolicyNode is one policy of a layer.
type PolicyNode struct {
	Name       string          `json:"name,omitempty"`
	ARN        string          `json:"arn,omitempty"`
	Statements []StatementNode `json:"statements"`
}

// StatementNode is how one statement fared.
type StatementNode struct {
	Index      int             `json:"index"` // from 0
	Sid        string          `json:"sid,omitempty"`
	Effect     string          `json:"effect"`
	Matched    bool            `json:"matched"`
	Why        string          `json:"why,omitempty"` // why it did not match
	Conditions []ConditionNode `json:"conditions,omitempty"`
}

// ConditionNode is how one condition fared.
type ConditionNode struct {
	Operator string   `json:"operator"`
	Key      string   `json:"key"`
	Wanted   []string `json:"wanted"`
	Found    []string `json:"found"` // nil: the request has no such key
	Matched  bool     `json:"matched"`
}

// New asks every statement of every policy that bears on the request.
func New(r *policy.Request, b *policy.Bindings) *Tree {
	e := policy.Explain(r, b)
	t := &Tree{
		Decision: e.Decision.Result().String(), Message: e.Decision.Message(r, true),
		Principal: display(&r.Principal), Action: r.Action, Resource: r.Resource,
		Context: r.Context.Pairs(0), Layers: []Layer{}, Missing: e.Missing,
	}
	for i := range e.Layers {
		t.Layers = append(t.Layers, layer(&e.Layers[i], setOf(b, e.Layers[i].Type, e.Layers[i].Level)))
	}
	if !e.Decision.Allowed {
		t.Changes, t.Instead = Suggest(r, b), instead(e)
	}
	return t
}

// instead looks for Allow statements of the layers that failed to allow which
// only conditions keep from matching.
func instead(e *policy.Explanation) (out []string) {
	for i := range e.Layers {
		l := &e.Layers[i]
		if l.Result != policy.ImplicitDeny {
			continue
		}
		for j := range l.Statements {
			tr := &l.Statements[j]
			if tr.Statement.Effect != policy.Allow || !tr.Principal || !tr.Action || !tr.Resource {
				continue
			}
			var wants []string
			for _, c := range tr.Conditions {
				if !c.Matched {
					wants = append(wants, fmt.Sprintf("%s %s %q", c.Condition.Operator, c.Condition.Key, c.Condition.Values))
				}
			}
			if wants != nil {
				out = append(out, fmt.Sprintf("meet %s, as statement %d of %s %s wants", strings.Join(wants, " and "), tr.Index+1, l.Type, label(tr.Source)))
			}
		}
	}
	return out
}

func display(p *policy.Principal) string {
	switch {
	case p.ARN != "":
		return p.ARN
	case len(p.Names) > 0:
		return strings.Join(p.Names, ", ")
	}
	return "anonymous"
}

// layer gathers the traces of a layer by policy; a policy without statements is
// shown too.
func layer(in *policy.Layer, set *policy.Set) Layer {
	out := Layer{Type: in.Type.String(), Level: in.Level, Result: in.Result.String(), Policies: []PolicyNode{}, Kind: in.Type, Outcome: in.Result}
	at := map[*policy.Source]int{}
	for _, p := range set.Policies() {
		s := &p.Source
		at[s] = len(out.Policies)
		out.Policies = append(out.Policies, PolicyNode{Name: s.Name, ARN: s.ARN, Statements: []StatementNode{}})
	}
	for i := range in.Statements {
		tr := &in.Statements[i]
		p := &out.Policies[at[tr.Source]]
		p.Statements = append(p.Statements, statement(tr))
	}
	return out
}

func statement(tr *policy.Trace) StatementNode {
	n := StatementNode{Index: tr.Index, Sid: tr.Statement.Sid, Effect: tr.Statement.Effect.String(), Matched: tr.Matched}
	for _, c := range tr.Conditions {
		n.Conditions = append(n.Conditions, ConditionNode{
			Operator: c.Condition.Operator, Key: c.Condition.Key, Wanted: c.Condition.Values, Found: c.Values, Matched: c.Matched,
		})
	}
	if !tr.Matched {
		n.Why = why(tr)
	}
	return n
}

// why names the first part of a statement that kept it from matching.
func why(tr *policy.Trace) string {
	switch {
	case !tr.Principal:
		return "it is not about this principal"
	case !tr.Action:
		return "it is not about this action"
	case !tr.Resource:
		return "it is not about this resource"
	}
	for _, c := range tr.Conditions {
		if c.Matched {
			continue
		}
		have := "the request does not have it"
		if !c.Missing {
			have = fmt.Sprintf("the request has %q", c.Values)
		}
		return fmt.Sprintf("%s %s wants %q, %s", c.Condition.Operator, c.Condition.Key, c.Condition.Values, have)
	}
	return "it can never match"
}

// setOf is the set behind a layer of an explanation.
func setOf(b *policy.Bindings, t policy.Type, level int) *policy.Set {
	if p := place(b, t, level); p != nil {
		return *p
	}
	return nil
}

// place is where the bindings keep the set of a layer.
func place(b *policy.Bindings, t policy.Type, level int) **policy.Set {
	switch t {
	case policy.Identity:
		return &b.Identity
	case policy.Boundary:
		return &b.Boundary
	case policy.Session:
		return &b.Session
	case policy.Resource, policy.Trust:
		return &b.Resource
	case policy.Endpoint:
		return &b.Endpoint
	case policy.SCP:
		if level < len(b.SCP) {
			return &b.SCP[level]
		}
	case policy.RCP:
		if level < len(b.RCP) {
			return &b.RCP[level]
		}
	}
	return nil
}
