package analysis

import (
	"errors"
	"slices"
)

// box is a set of requests: one set for each dimension. Boxes are not changed
// once made.
type box struct {
	who      set
	action   int32
	resource int32
	keys     []state
	cores    []uint8 // of conditions with variables: notOn, notOff
}

// everything is the box of all requests.
func (e *engine) everything() *box {
	b := &box{who: fullSet(len(e.people)), action: e.anyAction, resource: e.anything}
	for _, k := range e.keys {
		b.keys = append(b.keys, k.full())
	}
	return b
}

// cut is one part of a statement, as a way to make a box smaller: by what
// matches the part, or by what does not.
type cut struct {
	part  aspect
	index int // of the key claim, or the condition with variables
}

type aspect uint8

const (
	whoPart aspect = iota
	actionPart
	resourcePart
	keyPart
	opaquePart
)

// cuts returns the parts of s, cheap ones first.
func (s *statement) cuts() []cut {
	if s.parts != nil {
		return s.parts
	}
	out := []cut{{part: whoPart}, {part: actionPart}}
	for i := range s.keys {
		out = append(out, cut{keyPart, i})
	}
	for i := range s.opaque {
		out = append(out, cut{opaquePart, i})
	}
	if !s.resource.any {
		out = append(out, cut{part: resourcePart})
	}
	s.parts = out
	return out
}

// apply returns the part of b that matches part c of s (hold), or that does
// not; nil when that is empty.
func (e *engine) apply(b *box, s *statement, c cut, hold bool) (*box, error) {
	if err := e.meter.spend(1 + len(b.keys)/4); err != nil {
		return nil, err
	}
	out := *b
	switch c.part {
	case whoPart:
		if hold {
			out.who = b.who.and(s.who)
		} else {
			out.who = b.who.minus(s.who)
		}
		if out.who.empty() {
			return nil, nil
		}
	case actionPart, resourcePart:
		region, space, w := &out.action, e.actions, s.action
		if c.part == resourcePart {
			region, space, w = &out.resource, e.resources, s.resource
		}
		var err error
		if hold != w.not {
			*region, err = space.and(*region, w.list)
		} else {
			*region, err = space.minus(*region, w.list)
		}
		if err != nil || *region == nowhere {
			return nil, err
		}
	case keyPart:
		k := &s.keys[c.index]
		next := b.keys[k.key].with(&k.claim, hold)
		if next.empty() {
			return nil, nil
		}
		out.keys = slices.Clone(b.keys)
		out.keys[k.key] = next
	case opaquePart:
		return e.switched(b, s.opaque[c.index], hold), nil
	}
	return &out, nil
}

// inside returns the part of b that s matches; nil: none.
func (e *engine) inside(b *box, s *statement) (*box, error) {
	for _, c := range s.cuts() {
		var err error
		if b, err = e.apply(b, s, c, true); b == nil {
			return nil, err
		}
	}
	return b, nil
}

// outside looks for a request in b that none of the statements matches. leaf
// makes a request of a box that is free of them, and may refuse it.
func (e *engine) outside(b *box, statements []*statement, leaf func(*box) (*Witness, error)) (*Witness, error) {
	if err := e.meter.spend(1 + len(statements)); err != nil {
		return nil, err
	}
	var left []*statement // those that match a part of b
	var best []cut        // of the statement that leaves the fewest ways out
	var chosen *statement
	for _, s := range statements {
		open, meets, err := e.open(b, s)
		if err != nil {
			return nil, err
		}
		if !meets {
			continue
		}
		if len(open) == 0 {
			return nil, nil // s matches all of b
		}
		left = append(left, s)
		if chosen == nil || len(open) < len(best) {
			chosen, best = s, open
		}
	}
	if chosen == nil {
		return leaf(b)
	}
	left = slices.DeleteFunc(left, func(s *statement) bool { return s == chosen })
	for _, c := range best {
		out, err := e.apply(b, chosen, c, false)
		if err != nil {
			return nil, err
		}
		if w, err := e.outside(out, left, leaf); w != nil || err != nil {
			return w, err
		}
		// What follows matches this part, so that no request is looked at twice.
		if b, err = e.apply(b, chosen, c, true); b == nil {
			return nil, err
		}
	}
	return nil, nil
}

// open returns the parts of s that some requests in b match and some do not.
// meets is false when s matches nothing in b.
func (e *engine) open(b *box, s *statement) (open []cut, meets bool, err error) {
	for _, c := range s.cuts() {
		in, out, err := e.split(b, s, c)
		if err != nil || !in {
			return nil, false, err
		}
		if out {
			open = append(open, c)
		}
	}
	return open, true, nil
}

// split reports whether some requests in b match part c of s, and whether some
// do not.
func (e *engine) split(b *box, s *statement, c cut) (in, out bool, err error) {
	if err := e.meter.spend(1); err != nil {
		return false, false, err
	}
	switch c.part {
	case whoPart:
		return b.who.meets(s.who), !b.who.within(s.who), nil
	case keyPart:
		k := &s.keys[c.index]
		yes, no := b.keys[k.key].with(&k.claim, true), b.keys[k.key].with(&k.claim, false)
		return !yes.empty(), !no.empty(), nil
	case opaquePart:
		o := s.opaque[c.index]
		return e.switched(b, o, true) != nil, e.switched(b, o, false) != nil, nil
	}
	region, space, w := b.action, e.actions, s.action
	if c.part == resourcePart {
		region, space, w = b.resource, e.resources, s.resource
	}
	yes, err := space.and(region, w.list)
	if err != nil {
		return false, false, err
	}
	no, err := space.minus(region, w.list)
	if w.not {
		yes, no = no, yes
	}
	return yes != nowhere, no != nowhere, err
}

// newAccess looks for a request that Allow statement s of the new documents
// allows, in the box, and the old ones do not.
func (e *engine) newAccess(in *box, s *statement) (*Witness, error) {
	b, err := e.inside(in, s)
	if b == nil {
		return nil, err
	}
	// Nothing old allows it …
	w, err := e.outside(b, slices.Concat(e.new.deny, e.old.allow), e.witness)
	if w != nil || err != nil {
		return w, err
	}
	// … or something old denies it.
	for _, d := range e.old.deny {
		denied, err := e.inside(b, d)
		if err != nil {
			return nil, err
		}
		if denied == nil {
			continue
		}
		if w, err := e.outside(denied, e.new.deny, e.witness); w != nil || err != nil {
			return w, err
		}
	}
	return nil, nil
}

// decide turns what a search found into an answer: a branch that could not be
// decided counts only if no other has a witness.
func (e *engine) decide(w *Witness, err error) (*Witness, error) {
	if w == nil && err == nil && e.undecided != nil {
		return nil, e.undecided
	}
	if errors.Is(err, ErrTooComplex) && e.undecided != nil {
		return nil, e.undecided
	}
	return w, err
}
