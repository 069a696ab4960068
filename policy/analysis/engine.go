package analysis

import (
	"slices"
	"strings"

	"bartizan.dev/policy"
	"bartizan.dev/policy/reference"
)

// engine answers one question.
type engine struct {
	meter     *meter
	reference *reference.Reference // nil: nothing is known
	typ       policy.Type
	attached  bool // policies of principals, without Principal
	actions   *space
	resources *space
	anyAction int32 // regions: every request there is
	anything  int32
	people    []who
	keys      []*key
	keyNumber map[string]int // by lower case
	symbols   []variable
	cores     []core
	coreIDs   map[string]int
	near      closeness
	old, new  side
	undecided *UnsupportedError // of the first branch that was not decided
	confirms  func(*Witness) bool
}

// variable is a policy variable, with its default.
type variable struct {
	name     string
	fallback string
	optional bool // has a default
}

// prepare makes an engine for two lists of documents. lenient: see standing.
func (a *Analyzer) prepare(old, updated []*policy.Document, t policy.Type, near closeness, lenient bool) (*engine, error) {
	e := &engine{
		near: near, reference: a.Reference,
		meter: &meter{left: a.Budget}, typ: t, keyNumber: map[string]int{}, coreIDs: map[string]int{},
		attached: t == policy.Identity || t == policy.Boundary || t == policy.Session || t == policy.SCP,
	}
	e.confirms = e.isNew
	if a.Budget == 0 {
		e.meter.left = DefaultBudget
	}
	e.actions, e.resources = newSpace(e.meter), newSpace(e.meter)
	all := slices.Concat(old, updated)
	for _, d := range all {
		if err := Check(d, t); err != nil {
			return nil, err
		}
	}
	if err := e.dimensions(all); err != nil {
		return nil, err
	}
	if err := e.universe(); err != nil {
		return nil, err
	}
	if err := e.side(&e.old, old, lenient); err != nil {
		return nil, err
	}
	return e, e.side(&e.new, updated, false)
}

// Check refuses documents that package policy would not take as a policy of
// type t. A resource-based policy may leave the resource out, which means the
// resource that it is attached to: trust policies must, and AWS's checks take it.
func Check(d *policy.Document, t policy.Type) error {
	switch t {
	case policy.Identity, policy.Boundary, policy.Session, policy.SCP:
		return d.Check(t)
	case policy.Resource, policy.Trust:
	default:
		return &UnsupportedError{Element: t.String(), Reason: "policies of this type are not analysed"}
	}
	copied := *d
	copied.Statements = slices.Clone(d.Statements)
	for i := range copied.Statements {
		if s := &copied.Statements[i]; s.Resource == nil && s.NotResource == nil {
			s.Resource = []string{"*"}
		}
	}
	return copied.Check(policy.Resource)
}

// universe makes the regions of all actions and all resources. Actions that AWS
// allows whatever policies say are left out.
func (e *engine) universe() (err error) {
	one := func(s *space, globs ...*glob) (int32, error) {
		var list []int32
		for _, g := range globs {
			list = append(list, s.add(g))
		}
		return s.list(list)
	}
	all, err := one(e.actions, actionGlobs("*")...)
	if err != nil {
		return err
	}
	free, err := one(e.actions, append(actionGlobs("sts:GetCallerIdentity"), actionGlobs("sts:GetSessionToken")...)...)
	if err != nil {
		return err
	}
	if e.anyAction, err = e.actions.minus(e.actions.whole(all), free); err != nil {
		return err
	}
	all, err = one(e.resources, resourceGlobs("*", policy.Version2012, nil)...)
	e.anything = e.resources.whole(all)
	return err
}

// dimensions makes the cells of principals and condition keys.
func (e *engine) dimensions(all []*policy.Document) error {
	n := &names{}
	if e.attached {
		n.accounts = []string{someAccount}
	}
	for _, d := range all {
		for i := range d.Statements {
			s := &d.Statements[i]
			n.element(s.Principal)
			n.element(s.NotPrincipal)
			for j := range s.Condition {
				e.note(n, use{&s.Condition[j], d.Version, parseOperator(s.Condition[j].Operator)})
			}
			if d.Version == policy.Version2012 {
				for _, r := range slices.Concat(s.Resource, s.NotResource) {
					e.noteVariables(r)
				}
			}
		}
	}
	if e.attached {
		n.accounts = nil
	}
	for _, k := range e.keys {
		k.learn(e.reference)
		if err := k.cut(e.meter); err != nil {
			return err
		}
	}
	var err error
	e.people, err = people(e.meter, n, e.attached)
	return err
}

// note enters a condition into its key, or into the principals.
func (e *engine) note(n *names, u use) {
	if u.operator.variables(u.condition, u.version) {
		for _, v := range u.condition.Values {
			e.noteVariables(v)
		}
	}
	if isTied(u.condition.Key) {
		n.condition(u)
		return
	}
	k := e.key(u.condition.Key)
	k.uses = append(k.uses, u)
}

func (e *engine) noteVariables(text string) {
	for _, p := range pieces(text, policy.Version2012) {
		if v := parseVariable(p.text); p.variable && !isTied(v.name) {
			e.key(v.name)
		}
	}
}

// key returns the key called name.
func (e *engine) key(name string) *key {
	id := strings.ToLower(name)
	n, ok := e.keyNumber[id]
	if !ok {
		n = len(e.keys)
		e.keyNumber[id] = n
		e.keys = append(e.keys, &key{name: name})
	}
	return e.keys[n]
}

func parseVariable(inner string) variable {
	name, rest, found := strings.Cut(inner, ",")
	v := variable{name: strings.TrimSpace(name)}
	if rest = strings.TrimSpace(rest); found && len(rest) >= 2 && rest[0] == '\'' && rest[len(rest)-1] == '\'' {
		v.fallback, v.optional = rest[1:len(rest)-1], true
	}
	return v
}

// symbol returns the token of a variable.
func (e *engine) symbol(inner string) token {
	v := parseVariable(inner)
	for i, w := range e.symbols {
		if strings.EqualFold(v.name, w.name) && v.optional == w.optional && v.fallback == w.fallback {
			return token{kind: symbol, char: firstSymbol + rune(i)}
		}
	}
	e.symbols = append(e.symbols, v)
	return token{kind: symbol, char: firstSymbol + rune(len(e.symbols)-1)}
}

// side compiles a list of documents.
func (e *engine) side(out *side, docs []*policy.Document, lenient bool) error {
	var in []policy.Labelled
	for i, d := range docs {
		in = append(in, policy.Labelled{Source: policy.Source{Type: e.typ}, Document: d})
		out.versions = append(out.versions, d.Version)
		for j := range d.Statements {
			s, err := e.statement(d, j, lenient)
			if err != nil {
				return err
			}
			s.document = i
			if s.deny {
				out.deny = append(out.deny, s)
			} else {
				out.allow = append(out.allow, s)
			}
		}
	}
	set := policy.Compile(in...)
	if e.attached {
		out.bindings = policy.Bindings{Identity: set}
	} else {
		out.bindings = bindings(set, e.near)
	}
	return nil
}

func (e *engine) statement(d *policy.Document, i int, lenient bool) (*statement, error) {
	src := &d.Statements[i]
	s := &statement{index: i, source: src, deny: src.Effect == policy.Deny, who: fullSet(len(e.people))}
	if err := e.meter.spend(len(e.people)); err != nil {
		return nil, err
	}
	if !e.attached {
		s.who = standing(e.people, src, e.near, lenient)
	}
	var err error
	if s.action, err = e.actionPart(src.Action, src.NotAction); err != nil {
		return nil, err
	}
	if s.resource, err = e.resourcePart(d.Version, src); err != nil {
		return nil, err
	}
	e.presence(s, d.Version)
	for j := range src.Condition {
		if err := e.condition(s, use{&src.Condition[j], d.Version, parseOperator(src.Condition[j].Operator)}); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (e *engine) actionPart(yes, no []string) (within, error) {
	w := within{not: no != nil}
	var list []int32
	for _, p := range slices.Concat(yes, no) {
		for _, g := range actionGlobs(p) {
			list = append(list, e.actions.add(g))
		}
	}
	var err error
	w.list, err = e.actions.list(list)
	return w, err
}

func (e *engine) resourcePart(v policy.Version, s *policy.Statement) (within, error) {
	if s.Resource == nil && s.NotResource == nil {
		return within{any: true}, nil
	}
	w := within{not: s.NotResource != nil}
	var list []int32
	for _, r := range slices.Concat(s.Resource, s.NotResource) {
		for _, g := range resourceGlobs(r, v, e.symbol) {
			list = append(list, e.resources.add(g))
		}
	}
	var err error
	w.list, err = e.resources.list(list)
	return w, err
}

// condition adds a condition to a statement.
func (e *engine) condition(s *statement, u use) error {
	if u.operator.variables(u.condition, u.version) {
		s.opaque = append(s.opaque, e.opaque(u))
		return nil
	}
	if isTied(u.condition.Key) {
		ask := newAsker(u.condition, u.version)
		for i := range e.people {
			ask.request.Context.Reset(0)
			e.people[i].context(&ask.request.Context)
			if !policy.Decide(&ask.request, &ask.bindings).Allowed {
				s.who[i/64] &^= 1 << (i % 64)
			}
		}
		return e.meter.spend(len(e.people) * (1 + len(u.condition.Values)/8))
	}
	n := e.keyNumber[strings.ToLower(u.condition.Key)]
	if err := e.meter.spend(len(e.keys[n].cells) * (1 + len(u.condition.Values)/8)); err != nil {
		return err
	}
	s.keys = append(s.keys, keyClaim{n, e.keys[n].ask(u)})
	return nil
}
