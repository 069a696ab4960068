package analysis

import (
	"fmt"
	"slices"
	"strings"

	"bartizan.dev/policy"
)

// A condition with policy variables compares two parts of a request, which no
// box can say. What it compares, without its negation and IfExists, is a core:
// a switch that is on or off in a request, as long as the key is present.
// Whether a request can have its switches so is found out by trying.
type core struct {
	use
	key int // of the condition; -1: a key that the principal determines
}

// opaque is a condition with variables, in terms of its core.
type opaque struct {
	core    int
	negated bool
	absent  bool // what it says when the key is absent
	lone    bool // without set operator, it is false for a set of values
}

// opaque returns what u says of its core.
func (e *engine) opaque(u use) opaque {
	name := strings.ToLower(u.condition.Operator)
	o := opaque{lone: u.operator.quantifier == single, negated: strings.Contains(name, "not")}
	o.absent = newAsker(u.condition, u.version).absent()
	id := fmt.Sprintf("%d %s %s %q", u.operator.quantifier, u.operator.test, strings.ToLower(u.condition.Key), u.condition.Values)
	if u.operator.quantifier != single { // the set operator stands outside of the negation
		id, o.negated = id+name[:strings.IndexByte(name, ':')]+fmt.Sprint(strings.Contains(name, "not")), false
	}
	n, ok := e.coreIDs[id]
	if !ok {
		n = len(e.cores)
		e.coreIDs[id] = n
		c := core{use: u, key: -1}
		if !isTied(u.condition.Key) {
			c.key = e.keyNumber[strings.ToLower(u.condition.Key)]
		}
		e.cores = append(e.cores, c)
	}
	o.core = n
	return o
}

// The states of a core in a box, as bits: excluded when the key is present.
const (
	notOn  = 1
	notOff = 2
)

// switched returns the part of b where o holds, or where it does not; nil when
// that is empty for sure.
func (e *engine) switched(b *box, o opaque, hold bool) *box {
	out := *b
	out.cores = slices.Clone(b.cores)
	for len(out.cores) <= o.core {
		out.cores = append(out.cores, 0)
	}
	if hold != o.negated {
		out.cores[o.core] |= notOff
	} else {
		out.cores[o.core] |= notOn
	}
	stuck := out.cores[o.core] == notOn|notOff
	k := e.cores[o.core].key
	if k < 0 {
		if stuck {
			return nil
		}
		return &out
	}
	s := out.keys[k]
	s.absent = s.absent && o.absent == hold
	if o.lone && hold {
		s.multi = false
	}
	if stuck {
		s.single = newSet(len(e.keys[k].cells))
		s.multi = s.multi && o.lone
	}
	if s.empty() {
		return nil
	}
	out.keys = slices.Clone(b.keys)
	out.keys[k] = s
	return &out
}

// presence adds to a statement what its variables demand: a statement all of
// whose resources have a variable matches only where the variable has a value.
func (e *engine) presence(s *statement, v policy.Version) {
	if v != policy.Version2012 || len(s.source.Resource) == 0 {
		return
	}
	var needed []string
	for i, r := range s.source.Resource {
		var here []string
		if fields := parts(r, v); len(fields) == 6 || len(fields) == 1 {
			for _, p := range pieces(fields[len(fields)-1], v) {
				if w := parseVariable(p.text); p.variable && !w.optional && !isTied(w.name) {
					here = append(here, strings.ToLower(w.name))
				}
			}
		}
		if i == 0 {
			needed = here
		} else {
			needed = slices.DeleteFunc(needed, func(n string) bool { return !slices.Contains(here, n) })
		}
	}
	slices.Sort(needed)
	for _, n := range slices.Compact(needed) {
		k := e.keyNumber[n]
		all := fullSet(len(e.keys[k].cells))
		s.keys = append(s.keys, keyClaim{k, claim{single: all, multi: never, cells: newSet(len(e.keys[k].cells))}})
	}
}
