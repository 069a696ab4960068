package policy

// statement is a compiled statement.
type statement struct {
	Match
	deny       bool
	dead       bool // can never match; kept for explanations
	actions    []string
	notAction  bool // actions are of NotAction
	resources  []arnPattern
	notRes     bool // resources are of NotResource
	principal  principals
	who        whose
	conditions []condition
}

// whose says how the principal of a statement is decided.
type whose uint8

const (
	attached whose = iota // no such element: the policy is attached to the principal
	listed                // Principal
	unlisted              // NotPrincipal
	nobody                // the policy type needs the element, or forbids it
)

func compileStatement(in *Labelled, index int) statement {
	src, st := &in.Source, &in.Document.Statements[index]
	with := syntax(0)
	if in.Document.Version == Version2012 {
		with = variables
	}
	out := statement{
		Match: Match{Source: src, Index: index, Statement: st},
		deny:  st.Effect == Deny,
		dead:  st.badEffect && st.Effect == Allow,
	}
	actions := st.Action
	if st.NotAction != nil {
		actions, out.notAction = st.NotAction, true
	}
	for _, a := range actions {
		out.actions = append(out.actions, lower(a))
	}
	resources := st.Resource
	if st.NotResource != nil {
		resources, out.notRes = st.NotResource, true
	}
	for _, r := range resources {
		out.resources = append(out.resources, compileResource(r, with|wildcards))
	}
	out.compilePrincipal(st, src.Type)
	if st.Resource == nil && st.NotResource == nil {
		// Only trust policies and resource policies may leave the resource out.
		out.notRes = true
		out.dead = out.dead || src.Type != Trust && src.Type != Resource
	}
	for i := range st.Condition {
		c, ok := compileCondition(&st.Condition[i], with)
		if !ok {
			// An operator nobody knows: never allow by it, always deny by it.
			out.dead = out.dead || !out.deny
			continue
		}
		out.conditions = append(out.conditions, c)
	}
	return out
}

func (s *statement) compilePrincipal(st *Statement, t Type) {
	none := st.Principal == nil && st.NotPrincipal == nil
	switch t {
	case Identity, Boundary, Session, SCP:
		if !none {
			s.who = nobody
		}
		return
	}
	switch {
	case none:
		s.who = nobody
	case st.NotPrincipal != nil:
		s.who, s.principal = unlisted, compilePrincipals(st.NotPrincipal)
	default:
		s.who, s.principal = listed, compilePrincipals(st.Principal)
		if s.principal.all && (t == RCP || t == Endpoint) {
			// "This default RCP allows all principals and actions access to pass
			// through RCP evaluation", bearers of federated tokens included.
			// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html
			s.who = attached
		}
	}
}

// matchesAction tests the action of q against the whole element.
func (s *statement) matchesAction(q *query) bool {
	for _, p := range s.actions {
		if matchWild(p, q.action) {
			return !s.notAction
		}
	}
	return s.notAction
}

// matchesResource tests the resource of q against the whole element.
func (s *statement) matchesResource(q *query) bool {
	for i := range s.resources {
		if s.resources[i].match(&q.resource, q.context) {
			return !s.notRes
		}
	}
	return s.notRes
}

// standing returns how the statement names the principal of q.
func (s *statement) standing(q *query) standing {
	switch s.who {
	case attached:
		return direct
	case listed:
		return s.principal.standing(q.principal, s.deny)
	case unlisted:
		if s.principal.excepts(q.principal, s.deny, q.bounded) {
			return stranger
		}
		return direct
	}
	return stranger
}

func (s *statement) matchesConditions(c *Context) bool {
	for i := range s.conditions {
		if !s.conditions[i].holds(c) {
			return false
		}
	}
	return true
}
