package pattern

import (
	"math"
	"slices"
	"sort"
	"strings"
)

// builder is the changeable side of a set. A change rebuilds the indexes of
// the fields it touches and shares all others with the snapshot before.
type builder struct {
	clauses map[string]*liveClause
	byID    []*liveClause
	frozen  []*frozenClause
	freeIDs []uint32

	fields   map[string]*liveField
	byField  []*field
	freeFld  []uint32
	paths    bool // the tree of paths is out of date
	root     *node
	rules    [][]*branch // by slot
	freeSlot []uint32
	always   []*branch
}

type liveField struct {
	id      uint32
	clauses map[uint32]*liveClause
	dirty   bool
}

type liveClause struct {
	clause
	id     uint32
	field  *liveField
	refs   int
	pivots []*branch
	dirty  bool
}

func newBuilder() *builder {
	return &builder{clauses: map[string]*liveClause{}, fields: map[string]*liveField{}, paths: true}
}

// slot gives a new rule its number.
func (b *builder) slot() uint32 {
	if n := len(b.freeSlot); n > 0 {
		s := b.freeSlot[n-1]
		b.freeSlot = b.freeSlot[:n-1]
		return s
	}
	b.rules = append(b.rules, nil)
	return uint32(len(b.rules) - 1)
}

// add enters a rule's clauses; pick must follow before freeze.
func (b *builder) add(slot uint32, p *Pattern) {
	branches := make([]*branch, len(p.branches))
	for i, clauses := range p.branches {
		br := &branch{rule: slot, pivot: -1, all: make([]uint32, len(clauses))}
		for j := range clauses {
			br.all[j] = b.intern(&clauses[j]).id
		}
		branches[i] = br
	}
	b.rules[slot] = branches
}

func (b *builder) intern(c *clause) *liveClause {
	if l := b.clauses[c.key]; l != nil {
		l.refs++
		return l
	}
	f := b.fields[c.path]
	if f == nil {
		f = &liveField{clauses: map[uint32]*liveClause{}}
		if n := len(b.freeFld); n > 0 {
			f.id = b.freeFld[n-1]
			b.freeFld = b.freeFld[:n-1]
		} else {
			f.id = uint32(len(b.byField))
			b.byField = append(b.byField, nil)
		}
		b.fields[c.path] = f
		b.paths = true
	}
	l := &liveClause{clause: *c, field: f, refs: 1, dirty: true}
	if n := len(b.freeIDs); n > 0 {
		l.id = b.freeIDs[n-1]
		b.freeIDs = b.freeIDs[:n-1]
		b.byID[l.id] = l
	} else {
		l.id = uint32(len(b.byID))
		b.byID = append(b.byID, l)
		b.frozen = append(b.frozen, nil)
	}
	f.clauses[l.id] = l
	f.dirty = true
	b.clauses[c.key] = l
	return l
}

// pick chooses for each branch of a rule the clause it is found by: the one
// that selects most and that the fewest other branches share.
func (b *builder) pick(slot uint32) {
	for _, br := range b.rules[slot] {
		best, cost := -1, math.MaxInt
		for i, id := range br.all {
			if l := b.byID[id]; l.score > 0 && l.score*l.refs < cost {
				best, cost = i, l.score*l.refs
			}
		}
		if best < 0 {
			br.rest = br.all
			b.always = append(b.always, br)
			continue
		}
		l := b.byID[br.all[best]]
		br.pivot = int32(l.id)
		br.rest = slices.Delete(slices.Clone(br.all), best, best+1)
		sort.SliceStable(br.rest, func(i, j int) bool {
			return rank(b.byID[br.rest[i]]) < rank(b.byID[br.rest[j]])
		})
		if len(l.pivots) == 0 {
			l.field.dirty = true
		}
		l.pivots = append(l.pivots, br)
		l.dirty = true
	}
}

// rank orders clauses by what they cost to decide and how much they select.
func rank(l *liveClause) int {
	if l.score == 0 {
		return 1 << 10
	}
	return l.score
}

func (b *builder) remove(slot uint32) {
	for _, br := range b.rules[slot] {
		if br.pivot < 0 {
			b.always = without(b.always, br)
		} else {
			l := b.byID[br.pivot]
			l.pivots = without(l.pivots, br)
			l.dirty = true
			if len(l.pivots) == 0 {
				l.field.dirty = true
			}
		}
		for _, id := range br.all {
			b.release(b.byID[id])
		}
	}
	b.rules[slot] = nil
	b.freeSlot = append(b.freeSlot, slot)
}

// without copies: readers hold the old slice.
func without(list []*branch, br *branch) []*branch {
	out := make([]*branch, 0, len(list))
	for _, x := range list {
		if x != br {
			out = append(out, x)
		}
	}
	return out
}

func (b *builder) release(l *liveClause) {
	if l.refs--; l.refs > 0 {
		return
	}
	delete(b.clauses, l.key)
	delete(l.field.clauses, l.id)
	b.byID[l.id] = nil
	b.freeIDs = append(b.freeIDs, l.id)
	l.field.dirty = true
	if len(l.field.clauses) == 0 {
		delete(b.fields, l.path)
		b.freeFld = append(b.freeFld, l.field.id)
		b.paths = true
	}
}

// freeze makes the snapshot.
func (b *builder) freeze() *snapshot {
	s := &snapshot{slots: len(b.rules), always: slices.Clip(b.always)}
	for id, l := range b.byID {
		switch {
		case l == nil:
			b.frozen[id] = nil
		case l.dirty:
			b.frozen[id] = l.freeze()
			l.dirty = false
		}
	}
	s.clauses = slices.Clone(b.frozen)
	for _, f := range b.fields {
		if !f.dirty {
			continue
		}
		f.dirty = false
		ids := make([]uint32, 0, len(f.clauses))
		for id := range f.clauses {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		list := make([]*frozenClause, len(ids))
		for i, id := range ids {
			// Whether the index marks a clause can change with its pivots.
			b.frozen[id] = f.clauses[id].freeze()
			list[i], s.clauses[id] = b.frozen[id], b.frozen[id]
		}
		b.byField[f.id] = freezeField(list)
	}
	if b.paths {
		b.root, b.paths = b.tree(), false
	}
	s.root, s.fields = b.root, slices.Clone(b.byField)
	return s
}

func (l *liveClause) freeze() *frozenClause {
	c := &frozenClause{id: l.id, field: l.field.id, eager: true, any: l.any, pivots: slices.Clip(l.pivots)}
	for i := range l.any {
		switch l.any[i].op {
		case opAbsent:
			c.absent, c.eager = true, false
		case opExists, opNot:
			c.eager = false
		case opRange:
			c.eager = c.eager && len(l.pivots) > 0
		}
	}
	return c
}

// tree makes the tree of all paths.
func (b *builder) tree() *node {
	root := &node{field: -1}
	for path, f := range b.fields {
		n := root
		for _, step := range strings.Split(path, ".") {
			n = n.grow(step)
		}
		n.field = int32(f.id)
	}
	root.seal()
	return root
}

func (n *node) grow(step string) *node {
	if n.large == nil {
		n.large = map[string]*node{}
	}
	k := n.large[step]
	if k == nil {
		k = &node{field: -1}
		n.large[step] = k
	}
	return k
}

// seal settles how the node looks its names up.
func (n *node) seal() {
	for name, k := range n.large {
		k.seal()
		n.names = append(n.names, name)
		n.kids = append(n.kids, k)
	}
	if len(n.names) <= smallNode {
		n.large = nil
	}
}
