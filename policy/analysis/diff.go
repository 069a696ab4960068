package analysis

import (
	"slices"

	"bartizan.dev/policy"
)

// Diff returns what updated grants that old did not, statement by statement; an
// empty list means nothing. With an *UnsupportedError the list is what could be
// decided, and may lack a statement.
func (a *Analyzer) Diff(old, updated []*policy.Document, t policy.Type) ([]Grant, error) {
	e, err := a.prepare(old, updated, t, byAccount, true)
	if err != nil {
		return nil, err
	}
	var out []Grant
	var undecided error
	all := e.everything()
	for _, s := range e.new.allow {
		w, err := e.newAccess(all, s)
		if err != nil {
			return nil, err
		}
		if w == nil {
			if e.undecided != nil && undecided == nil {
				undecided = e.undecided
			}
			e.undecided = nil
			continue
		}
		g := Grant{Document: s.document, Statement: s.index, Sid: s.source.Sid, Conditions: s.source.Condition, Witness: w}
		if err := e.detail(all, s, &g); err != nil {
			return nil, err
		}
		e.undecided = nil
		out = append(out, g)
	}
	return out, undecided
}

// detail narrows a grant down to those entries of the statement under which
// there is something new. An entry for which that cannot be decided stays in.
func (e *engine) detail(all *box, s *statement, g *Grant) error {
	keep := func(b *box) (bool, error) {
		if b == nil {
			return false, nil
		}
		e.undecided = nil
		w, err := e.newAccess(b, s)
		return w != nil || e.undecided != nil, err
	}
	for _, entry := range s.source.Action {
		b, err := e.limit(all, []string{entry}, nil)
		if err == nil {
			err = e.collect(&g.Actions, entry, b, keep)
		}
		if err != nil {
			return err
		}
	}
	for _, entry := range s.source.NotAction {
		g.Actions = append(g.Actions, "!"+entry)
	}
	for _, entry := range s.source.Resource {
		b, err := e.onResource(all, s, entry)
		if err == nil {
			err = e.collect(&g.Resources, entry, b, keep)
		}
		if err != nil {
			return err
		}
	}
	for _, entry := range s.source.NotResource {
		g.Resources = append(g.Resources, "!"+entry)
	}
	if s.source.Principal == nil {
		return nil
	}
	for _, p := range append(entries(s.source.Principal), services(s.source.Principal)...) {
		b := *all
		b.who = standing(e.people, &policy.Statement{Principal: p.element}, byAccount, false)
		if err := e.collect(&g.Principals, p.name, &b, keep); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) collect(to *[]string, entry string, b *box, keep func(*box) (bool, error)) error {
	ok, err := keep(b)
	if ok && !slices.Contains(*to, entry) {
		*to = append(*to, entry)
	}
	return err
}

// onResource returns the part of b with a resource that one entry of s matches.
func (e *engine) onResource(b *box, s *statement, entry string) (*box, error) {
	var list []int32
	for _, g := range resourceGlobs(entry, e.version(s), e.symbol) {
		list = append(list, e.resources.add(g))
	}
	n, err := e.resources.list(list)
	if err != nil {
		return nil, err
	}
	return e.apply(b, &statement{resource: within{list: n}}, cut{part: resourcePart}, true)
}

// version returns the version of the document of a statement of the new side.
func (e *engine) version(s *statement) policy.Version { return e.new.versions[s.document] }

func services(p *policy.Principals) []entry {
	var out []entry
	for _, n := range p.Service {
		out = append(out, entry{"Service", n, &policy.Principals{Service: []string{n}}})
	}
	return out
}
