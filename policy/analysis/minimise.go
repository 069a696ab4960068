package analysis

import (
	"errors"
	"slices"

	"bartizan.dev/policy"
)

// Minimise returns a document that allows and denies the same requests without
// the statements, actions, resources and principals that others cover. What it
// cannot decide, it keeps. For resource-based policies "the same" includes how
// closely the policy names the principal.
func (a *Analyzer) Minimise(doc *policy.Document, t policy.Type) (*policy.Document, []Removed, error) {
	m := &minimiser{analyzer: a, typ: t, doc: clone(doc)}
	if err := check(doc, t); err != nil {
		return nil, nil, err
	}
	for i := range m.doc.Statements {
		m.origin = append(m.origin, i)
	}
	for i := len(m.doc.Statements) - 1; i >= 0; i-- {
		if err := m.statement(i); err != nil {
			return nil, nil, err
		}
	}
	for i := range m.doc.Statements {
		for _, l := range lists {
			if err := m.list(i, l); err != nil {
				return nil, nil, err
			}
		}
	}
	slices.SortStableFunc(m.removed, func(a, b Removed) int { return a.Statement - b.Statement })
	return m.doc, m.removed, nil
}

type minimiser struct {
	analyzer *Analyzer
	typ      policy.Type
	doc      *policy.Document
	origin   []int // index of each statement in the original document
	removed  []Removed
}

// lists are the elements whose entries may be redundant.
var lists = []struct {
	name string
	of   func(*policy.Statement) *[]string
}{
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

// statement removes statement i if the document says the same without it. A
// document keeps at least one.
func (m *minimiser) statement(i int) error {
	if len(m.doc.Statements) == 1 {
		return nil
	}
	c := clone(m.doc)
	c.Statements = slices.Delete(c.Statements, i, i+1)
	same, err := m.same(c)
	if !same || err != nil {
		return err
	}
	m.doc = c
	m.removed = append(m.removed, Removed{Statement: m.origin[i], Element: "Statement"})
	m.origin = slices.Delete(m.origin, i, i+1)
	return nil
}

// list removes what is redundant in one element of statement i, the last
// entries first.
func (m *minimiser) list(i int, l struct {
	name string
	of   func(*policy.Statement) *[]string
}) error {
	for j := len(*l.of(&m.doc.Statements[i])) - 1; j >= 0; j-- {
		c := clone(m.doc)
		entries := l.of(&c.Statements[i])
		if len(*entries) == 1 {
			return nil
		}
		value := (*entries)[j]
		*entries = slices.Delete(*entries, j, j+1)
		same, err := m.same(c)
		if err != nil {
			return err
		}
		if same {
			m.doc = c
			m.removed = append(m.removed, Removed{Statement: m.origin[i], Element: l.name, Value: value})
		}
	}
	return nil
}

// same reports whether c decides as m.doc does.
func (m *minimiser) same(c *policy.Document) (bool, error) {
	nears := []closeness{byAccount}
	if m.typ == policy.Resource || m.typ == policy.Trust {
		nears = append(nears, byRole, byItself)
	}
	for _, near := range nears {
		for _, pair := range [][2]*policy.Document{{c, m.doc}, {m.doc, c}} {
			more, err := m.analyzer.grantsMore(pair[0], pair[1], m.typ, near)
			if _, unsure := errors.AsType[*UnsupportedError](err); unsure {
				return false, nil
			}
			if more || err != nil {
				return false, err
			}
		}
	}
	// Beside other policies a Deny counts although this one allows nothing there.
	more, err := m.analyzer.deniesMore(c, m.doc, m.typ)
	if !more && err == nil {
		more, err = m.analyzer.deniesMore(m.doc, c, m.typ)
	}
	if _, unsure := errors.AsType[*UnsupportedError](err); unsure {
		return false, nil
	}
	return !more && err == nil, err
}

// grantsMore reports whether updated allows what old does not.
func (a *Analyzer) grantsMore(old, updated *policy.Document, t policy.Type, near closeness) (bool, error) {
	e, err := a.prepare([]*policy.Document{old}, []*policy.Document{updated}, t, near, false)
	if err != nil {
		return false, err
	}
	all := e.everything()
	for _, s := range e.new.allow {
		w, err := e.newAccess(all, s)
		if w != nil || err != nil {
			return w != nil, err
		}
	}
	_, err = e.decide(nil, nil)
	return false, err
}

// deniesMore reports whether updated denies what old does not.
func (a *Analyzer) deniesMore(old, updated *policy.Document, t policy.Type) (bool, error) {
	e, err := a.prepare([]*policy.Document{old}, []*policy.Document{updated}, t, byAccount, false)
	if err != nil {
		return false, err
	}
	e.confirms = func(w *Witness) bool {
		return policy.Decide(&w.Request, &e.new.bindings).Explicit && !policy.Decide(&w.Request, &e.old.bindings).Explicit
	}
	for _, s := range e.new.deny {
		b, err := e.inside(e.everything(), s)
		if err != nil {
			return false, err
		}
		if b == nil {
			continue
		}
		w, err := e.outside(b, e.old.deny, e.witness)
		if w != nil || err != nil {
			return w != nil, err
		}
	}
	_, err = e.decide(nil, nil)
	return false, err
}
