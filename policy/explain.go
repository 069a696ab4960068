package policy

// Explanation is the whole story of a decision.
type Explanation struct {
	Decision Decision
	Layers   []Layer  // in evaluation order, only those that took part
	Missing  []string // condition keys that policies asked for and the context lacks, as written, sorted
}

// Layer is what the policies of one type (and level, for SCPs and RCPs) say
// when they are asked alone.
type Layer struct {
	Type       Type
	Level      int    // of SCPs and RCPs: 0 is the root
	Result     Result // of this layer alone
	Statements []Trace
}

// Result is what one layer says alone.
type Result uint8

const (
	ImplicitDeny Result = iota
	ExplicitDeny
	Allowed
)

// String returns AWS's name, as the policy simulator has it.
func (r Result) String() string {
	return [...]string{"implicitDeny", "explicitDeny", "allowed"}[r]
}

// Trace is how one statement fared.
type Trace struct {
	Match
	Matched   bool // every part below matched
	Principal bool // true also when the statement needs none
	Action    bool
	Resource  bool
	// Conditions tells each condition in the order written.
	Conditions []ConditionTrace
}

// ConditionTrace is how one condition fared.
type ConditionTrace struct {
	Condition *Condition
	Matched   bool
	Missing   bool     // the key is not in the context
	Values    []string // of the context
}

// Explain answers as Decide does and tells why, statement by statement, in
// every policy that applies.
func Explain(r *Request, b *Bindings) *Explanation {
	if b == nil {
		b = &Bindings{}
	}
	var buf [maxAction]byte
	q := query{
		principal: &r.Principal,
		action:    lowerInto(&buf, r.Action),
		resource:  splitARN(r.Resource),
		context:   &r.Context,
		bounded:   b.Boundary != nil,
	}
	e := evaluation{request: r, bindings: b, query: &q}
	out := &Explanation{Decision: Decide(r, b)}
	missing := keyCollector{}
	add := func(s *Set, t Type, level int) {
		if s != nil {
			out.Layers = append(out.Layers, s.trace(&q, t, level, missing))
		}
	}
	for i, s := range e.rcps() {
		add(s, RCP, i)
	}
	for i, s := range e.scps() {
		add(s, SCP, i)
	}
	add(b.Endpoint, Endpoint, 0)
	add(b.Resource, e.resourceType(), 0)
	if e.attached() {
		add(b.Identity, Identity, 0)
		add(b.Boundary, Boundary, 0)
		add(b.Session, Session, 0)
	}
	out.Missing = missing.sorted()
	return out
}

// Result returns what the policies of type t say together, all levels of SCPs
// and RCPs included; ok is false when none took part.
func (e *Explanation) Result(t Type) (r Result, ok bool) {
	r = Allowed
	for i := range e.Layers {
		l := &e.Layers[i]
		if l.Type != t {
			continue
		}
		ok = true
		if l.Result == ExplicitDeny || r == Allowed {
			r = l.Result
		}
	}
	if !ok {
		r = ImplicitDeny
	}
	return r, ok
}

// Matched returns the statements that matched, of the whole explanation, in
// evaluation order.
func (e *Explanation) Matched() []Match {
	var out []Match
	for i := range e.Layers {
		for j := range e.Layers[i].Statements {
			if t := &e.Layers[i].Statements[j]; t.Matched {
				out = append(out, t.Match)
			}
		}
	}
	return out
}

// trace asks every statement of s, without the index.
func (s *Set) trace(q *query, t Type, level int, missing keyCollector) Layer {
	l := Layer{Type: t, Level: level, Statements: make([]Trace, 0, s.Len())}
	for _, part := range s.all() {
		for i := range part.statements {
			st := &part.statements[i]
			tr := st.trace(q, missing)
			l.Statements = append(l.Statements, tr)
			switch {
			case !tr.Matched || l.Result == ExplicitDeny:
			case st.deny:
				l.Result = ExplicitDeny
			default:
				l.Result = Allowed
			}
		}
	}
	return l
}

func (s *statement) trace(q *query, missing keyCollector) Trace {
	t := Trace{
		Match:     s.Match,
		Principal: s.standing(q) != stranger,
		Action:    q.action != nil && s.matchesAction(q),
		Resource:  s.matchesResource(q),
	}
	t.Matched = t.Principal && t.Action && t.Resource && !s.dead
	if t.Action {
		s.noteVariables(q.context, missing)
	}
	for i := range s.conditions {
		c := &s.conditions[i]
		ct := ConditionTrace{Condition: c.source, Matched: c.holds(q.context)}
		f, ok := q.context.find(c.key)
		if ct.Missing = !ok; ok {
			for j := range f.len() {
				ct.Values = append(ct.Values, f.at(j))
			}
		} else if t.Action {
			missing.add(c.key.name)
		}
		t.Matched = t.Matched && ct.Matched
		t.Conditions = append(t.Conditions, ct)
	}
	return t
}

// noteVariables adds the variables of s that have no value.
func (s *statement) noteVariables(c *Context, missing keyCollector) {
	note := func(tokens []token) {
		for i := range tokens {
			if t := &tokens[i]; t.kind == variable && !t.dflt {
				if _, ok := c.variable(t.key); !ok {
					missing.add(t.key.name)
				}
			}
		}
	}
	for i := range s.resources {
		note(s.resources[i].rest.tokens)
	}
	for i := range s.conditions {
		for j := range s.conditions[i].values {
			v := &s.conditions[i].values[j]
			note(v.text.tokens)
			note(v.arn.whole.tokens)
			note(v.arn.rest.tokens)
		}
	}
}
