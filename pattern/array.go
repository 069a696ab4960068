package pattern

import "slices"

// Array consistency: of each array of objects (or of arrays) a rule takes one
// element, and all its clauses must be satisfied by values in the elements
// taken. EventBridge's own words: the fields must match in the same element.

type span struct{ from, to int32 }

// consistent decides it for a branch whose clauses are satisfied one by one.
func (sc *scratch) consistent(b *branch) (bool, error) {
	base := len(sc.spans)
	defer func() { sc.spans = sc.spans[:base] }()
	for _, id := range b.all {
		c := sc.snap.clauses[id]
		if c.absent && sc.fieldAt[c.field] == sc.epoch && sc.fieldNested(c.field) {
			return sc.search(b)
		}
		if c.absent && sc.fieldAt[c.field] != sc.epoch {
			continue
		}
		s := sc.elements(c)
		if s.from == s.to {
			return false, nil
		}
		sc.spans = append(sc.spans, s)
	}
	return len(sc.spans)-base < 2 || sc.choose(0, base), nil
}

func (sc *scratch) fieldNested(field uint32) bool {
	for k := sc.fieldVal[field]; k > 0; k = sc.values[k-1].next {
		if sc.values[k-1].elem > 0 {
			return true
		}
	}
	return false
}

// elements are the elements with a value that satisfies c, in the event's
// order, kept for all branches that ask.
func (sc *scratch) elements(c *frozenClause) span {
	if sc.nodesAt[c.id] == sc.epoch {
		return sc.nodes[c.id]
	}
	from := len(sc.pool)
	if sc.fieldAt[c.field] == sc.epoch {
		for k := sc.fieldVal[c.field]; k > 0; {
			v := &sc.values[k-1]
			if n := len(sc.pool); (n == from || sc.pool[n-1] != v.elem) && c.match(v) {
				sc.pool = append(sc.pool, v.elem)
			}
			k = v.next
		}
	}
	slices.Sort(sc.pool[from:])
	sc.pool = sc.pool[:from+len(slices.Compact(sc.pool[from:]))]
	s := span{int32(from), int32(len(sc.pool))}
	sc.nodesAt[c.id], sc.nodes[c.id] = sc.epoch, s
	return s
}

// choose reports whether the clauses whose elements stand in sc.spans from base
// on can be satisfied together within the element e, in which they all lie.
// A clause satisfied by e itself is done. The others lie in arrays of e: those
// in one array must share one of its elements; different arrays do not matter
// to each other. Each element is looked at once for each clause, so the cost is
// the product of the two.
func (sc *scratch) choose(e int32, base int) bool {
	for i := base; i < len(sc.spans); {
		if sc.pool[sc.spans[i].from] == e {
			sc.spans[i] = sc.spans[len(sc.spans)-1]
			sc.spans = sc.spans[:len(sc.spans)-1]
		} else {
			i++
		}
	}
	for len(sc.spans) > base {
		lead := sc.spans[len(sc.spans)-1]
		sc.spans = sc.spans[:len(sc.spans)-1]
		array := sc.elems[sc.below(e, sc.pool[lead.from])].array
		group := len(sc.spans) // the clauses in the same array move to the end
		for i := base; i < group; {
			if sc.elems[sc.below(e, sc.pool[sc.spans[i].from])].array == array {
				group--
				sc.spans[i], sc.spans[group] = sc.spans[group], sc.spans[i]
			} else {
				i++
			}
		}
		if !sc.someElement(e, lead, group) {
			return false
		}
		sc.spans = sc.spans[:group]
	}
	return true
}

// someElement looks for an element of lead's array in which lead and the
// clauses from group on can be satisfied.
func (sc *scratch) someElement(e int32, lead span, group int) bool {
	end := len(sc.spans)
	for lead.from < lead.to {
		y := sc.below(e, sc.pool[lead.from])
		last := sc.elems[y].last
		mine := sc.within(lead, y, last)
		lead.from = mine.to
		if group == end {
			return true // no other clause to agree with
		}
		ok := true
		for i := group; i < end && ok; i++ {
			s := sc.within(sc.spans[i], y, last)
			ok = s.from < s.to
			sc.spans = append(sc.spans, s)
		}
		if ok {
			sc.spans = append(sc.spans, mine)
			ok = sc.choose(y, end)
		}
		sc.spans = sc.spans[:end]
		if ok {
			return true
		}
	}
	return false
}

// below is the element right under e that x lies in.
func (sc *scratch) below(e, x int32) int32 {
	for sc.elems[x].parent != e {
		x = sc.elems[x].parent
	}
	return x
}

// within narrows s to the elements from y to last.
func (sc *scratch) within(s span, y, last int32) span {
	list := sc.pool[s.from:s.to]
	return span{s.from + lower(list, y), s.from + lower(list, last+1)}
}

// lower is how many of the sorted list lie below x.
func lower(list []int32, x int32) int32 {
	lo, hi := 0, len(list)
	for lo < hi {
		if mid := (lo + hi) / 2; list[mid] < x {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return int32(lo)
}

// maxSteps bounds search.
const maxSteps = 1 << 14

// search decides branches that want a field absent which occurs below an array.
// EventBridge asks for absence in the order of the paths: among the elements
// that the clauses before have taken. So all choices are tried in that order.
func (sc *scratch) search(b *branch) (bool, error) {
	sc.steps, sc.chosen = 0, sc.chosen[:0]
	ok := sc.place(b, 0)
	if !ok && sc.steps > maxSteps {
		return false, ErrUndecided
	}
	return ok, nil
}

func (sc *scratch) place(b *branch, i int) bool {
	if i == len(b.all) {
		return true
	}
	if sc.steps++; sc.steps > maxSteps {
		return false
	}
	c := sc.snap.clauses[b.all[i]]
	s := sc.elements(c)
	for k := s.from; k < s.to; k++ {
		x := sc.pool[k]
		if !sc.agrees(x) {
			continue
		}
		sc.chosen = append(sc.chosen, x)
		ok := sc.place(b, i+1)
		sc.chosen = sc.chosen[:len(sc.chosen)-1]
		if ok {
			return true
		}
	}
	return c.absent && sc.absentHere(c) && sc.place(b, i+1)
}

// absentHere reports whether no value of c's field agrees with what is chosen.
func (sc *scratch) absentHere(c *frozenClause) bool {
	if sc.fieldAt[c.field] != sc.epoch {
		return true
	}
	for k := sc.fieldVal[c.field]; k > 0; k = sc.values[k-1].next {
		if sc.steps++; sc.agrees(sc.values[k-1].elem) {
			return false
		}
	}
	return true
}

// agrees reports whether x takes no other element of an array than what is
// chosen does.
func (sc *scratch) agrees(x int32) bool {
	for _, y := range sc.chosen {
		a, b := x, y
		for sc.elems[a].depth > sc.elems[b].depth {
			a = sc.elems[a].parent
		}
		for sc.elems[b].depth > sc.elems[a].depth {
			b = sc.elems[b].parent
		}
		if a == b {
			continue
		}
		for sc.elems[a].parent != sc.elems[b].parent {
			a, b = sc.elems[a].parent, sc.elems[b].parent
		}
		if sc.elems[a].array == sc.elems[b].array {
			return false
		}
	}
	return true
}
