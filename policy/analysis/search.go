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
	opaque   []int8 // of each condition with variables: 0 open, 1 holds, -1 does not
}

// everything is the box of all requests.
func (e *engine) everything() *box {
	b := &box{who: fullSet(len(e.people)), action: e.anyAction, resource: e.anything, opaque: make([]int8, len(e.opaques))}
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
	out := []cut{{part: whoPart}, {part: actionPart}}
	for i := range s.keys {
		out = append(out, cut{keyPart, i})
	}
	for _, i := range s.opaque {
		out = append(out, cut{opaquePart, i})
	}
	if !s.resource.any {
		out = append(out, cut{part: resourcePart})
	}
	return out
}

// apply returns the part of b that matches part c of s (hold), or that does
// not; nil when that is empty.
func (e *engine) apply(b *box, s *statement, c cut, hold bool) (*box, error) {
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
		want := int8(1)
		if !hold {
			want = -1
		}
		if b.opaque[c.index] == -want {
			return nil, nil
		}
		out.opaque = slices.Clone(b.opaque)
		out.opaque[c.index] = want
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
		in, err := e.apply(b, s, c, true)
		if in == nil {
			return nil, false, err
		}
		out, err := e.apply(b, s, c, false)
		if err != nil {
			return nil, false, err
		}
		if out != nil {
			open = append(open, c)
		}
	}
	return open, true, nil
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
