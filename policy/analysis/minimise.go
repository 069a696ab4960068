package analysis

import (
	"slices"

	"bartizan.dev/policy"
)

// Minimise returns a document that allows and denies the same requests without
// the statements, actions, resources and principals that others cover. What it
// cannot decide, it keeps. For resource-based policies "the same" includes how
// closely the policy names the principal. A Deny counts although the document
// allows nothing there, because other policies may. Each step has the budget of
// one question.
func (a *Analyzer) Minimise(doc *policy.Document, t policy.Type) (*policy.Document, []Removed, error) {
	m := &minimiser{doc: clone(doc)}
	nears := []closeness{byAccount}
	if t == policy.Resource || t == policy.Trust {
		nears = append(nears, byRole, byItself)
	}
	for _, near := range nears {
		e, err := a.prepare(nil, []*policy.Document{m.doc}, t, near, false)
		if err != nil {
			return nil, nil, err
		}
		v := view{engine: e, budget: e.meter.left, statements: make([]*statement, len(doc.Statements))}
		for _, s := range slices.Concat(e.new.allow, e.new.deny) {
			v.statements[s.index] = s
		}
		m.views = append(m.views, v)
	}
	left := len(doc.Statements)
	for i := left - 1; i >= 0 && left > 1; i-- {
		gone, err := m.try(i, nil)
		if err != nil {
			return nil, nil, err
		}
		if gone {
			m.removed = append(m.removed, Removed{Statement: i, Element: "Statement"})
			left--
		}
	}
	for i := range doc.Statements {
		for _, l := range lists {
			if err := m.list(i, l); err != nil {
				return nil, nil, err
			}
		}
	}
	slices.SortStableFunc(m.removed, func(a, b Removed) int { return a.Statement - b.Statement })
	m.doc.Statements = slices.DeleteFunc(m.doc.Statements, func(s policy.Statement) bool { return len(s.Action)+len(s.NotAction) == 0 })
	return m.doc, m.removed, nil
}

type minimiser struct {
	doc     *policy.Document // a removed statement is empty until the end
	views   []view
	removed []Removed
}

// view is the document at one closeness.
type view struct {
	engine     *engine
	budget     int
	statements []*statement // what is left; nil: removed
}

// element is a list of a statement whose entries may be redundant.
type element struct {
	name string
	of   func(*policy.Statement) *[]string
}

var lists = []element{
	{"Action", func(s *policy.Statement) *[]string { return &s.Action }},
	{"NotAction", func(s *policy.Statement) *[]string { return &s.NotAction }},
	{"Resource", func(s *policy.Statement) *[]string { return &s.Resource }},
	{"NotResource", func(s *policy.Statement) *[]string { return &s.NotResource }},
	{"Principal", func(s *policy.Statement) *[]string {
		if s.Principal == nil {
			return new([]string)
		}
		return &s.Principal.AWS
	}},
}

func clone(d *policy.Document) *policy.Document {
	out := *d
	out.Statements = slices.Clone(d.Statements)
	for i := range out.Statements {
		s := &out.Statements[i]
		for _, l := range lists[:4] {
			*l.of(s) = slices.Clone(*l.of(s))
		}
		if s.Principal != nil {
			p := *s.Principal
			p.AWS = slices.Clone(p.AWS)
			s.Principal = &p
		}
	}
	return &out
}

// list removes what is redundant in one element of statement i, the last
// entries first.
func (m *minimiser) list(i int, l element) error {
	for j := len(*l.of(&m.doc.Statements[i])) - 1; j >= 0; j-- {
		entries := *l.of(&m.doc.Statements[i])
		if len(entries) == 1 {
			return nil
		}
		next := clone(&policy.Document{Statements: m.doc.Statements[i : i+1]}).Statements[0]
		*l.of(&next) = slices.Delete(slices.Clone(entries), j, j+1)
		gone, err := m.try(i, &next)
		if err != nil {
			return err
		}
		if gone {
			m.removed = append(m.removed, Removed{Statement: i, Element: l.name, Value: entries[j]})
		}
	}
	return nil
}

// try replaces statement i, by nothing if next is nil, unless that makes a
// difference.
func (m *minimiser) try(i int, next *policy.Statement) (bool, error) {
	changed := make([]*statement, len(m.views))
	for n := range m.views {
		v := &m.views[n]
		v.engine.meter.left = v.budget
		var err error
		if changed[n], err = v.engine.replace(v.statements[i], next, m.doc.Version); err != nil {
			return false, err
		}
		if same, err := v.same(i, changed[n]); !same || err != nil {
			return false, err
		}
	}
	for n := range m.views {
		m.views[n].statements[i] = changed[n]
	}
	if next == nil {
		next = &policy.Statement{}
	}
	m.doc.Statements[i] = *next
	return true, nil
}

// replace returns s with the lists of next.
func (e *engine) replace(s *statement, next *policy.Statement, v policy.Version) (*statement, error) {
	if next == nil {
		return nil, nil
	}
	out := *s
	out.source, out.parts = next, nil
	var err error
	if out.action, err = e.actionPart(next.Action, next.NotAction); err != nil {
		return nil, err
	}
	if out.resource, err = e.resourcePart(v, next); err != nil {
		return nil, err
	}
	if !e.attached {
		// Conditions on the principal were taken out of s.who already.
		out.who = s.who.and(standing(e.people, next, e.near, false))
	}
	return &out, nil
}

// same reports whether statement i may become next: what only one of the two
// matches must be matched by others, of which a Deny hides an Allow, too.
func (v *view) same(i int, next *statement) (bool, error) {
	var others []*statement
	for j, s := range v.statements {
		if j != i && s != nil && (s.deny || !v.statements[i].deny) {
			others = append(others, s)
		}
	}
	for _, pair := range [][2]*statement{{v.statements[i], next}, {next, v.statements[i]}} {
		if pair[0] == nil {
			continue
		}
		b, err := v.engine.inside(v.engine.everything(), pair[0])
		if err != nil {
			return false, err
		}
		if b == nil {
			continue
		}
		free := others
		if pair[1] != nil {
			free = append(slices.Clone(others), pair[1])
		}
		w, err := v.engine.outside(b, free, func(*box) (*Witness, error) { return &Witness{}, nil })
		if w != nil || err != nil {
			return false, err
		}
	}
	return true, nil
}
