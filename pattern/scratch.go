package pattern

// scratch is what one match works with; it is reused, so that matching
// allocates nothing once its slices have grown.
type scratch struct {
	snap  *snapshot
	b     []byte
	i     int
	epoch uint32

	// By clause: epoch says it is satisfied, epoch+1 that it is not.
	mark   []uint32
	hits   []uint32 // clauses marked by the index
	driven []uint32 // clauses whose field has a value, to be decided

	values   []value
	fieldAt  []uint32 // by field: the epoch of its values
	fieldVal []int32  // by field: its last value, plus one
	arena    []byte   // unescaped and folded text

	tick  uint64   // counts values looked up in grams
	tried []uint64 // by list of grams: the tick it was tried at

	elems  []elem // elements of arrays, in the order of the event; 0 is the event
	depth  int
	nested bool // some value lies in an element

	ruleAt []uint32 // by rule: the epoch it matched in
	rules  []uint32 // rules that matched

	// For array consistency.
	nodesAt []uint32 // by clause: the epoch of its nodes
	nodes   []span   // by clause: where in pool its elements lie
	pool    []int32
	spans   []span
	chosen  []int32
	steps   int
}

// elem is an object or array that is an element of an array.
type elem struct {
	parent int32 // the element around the array
	array  *node // the array's path: with parent it says which array
	last   int32 // the last element within this one
	depth  int32
}

// maxKept bounds what a scratch may hold when it is put back.
const maxKept = 1 << 16

func (sc *scratch) begin(s *snapshot, event []byte) {
	sc.snap, sc.b, sc.i = s, event, 0
	sc.mark = grown(sc.mark, len(s.clauses))
	sc.nodesAt = grown(sc.nodesAt, len(s.clauses))
	if len(sc.nodes) < len(s.clauses) {
		sc.nodes = make([]span, len(s.clauses)+len(s.clauses)/4)
	}
	sc.fieldAt = grown(sc.fieldAt, len(s.fields))
	if len(sc.fieldVal) < len(s.fields) {
		sc.fieldVal = make([]int32, len(s.fields)+len(s.fields)/4)
	}
	sc.ruleAt = grown(sc.ruleAt, s.slots)
	if sc.epoch += 2; sc.epoch == 0 { // wrapped: old marks would look new
		clear(sc.mark)
		clear(sc.nodesAt)
		clear(sc.fieldAt)
		clear(sc.ruleAt)
		sc.epoch = 2
	}
	sc.hits, sc.driven, sc.values = sc.hits[:0], sc.driven[:0], sc.values[:0]
	sc.arena, sc.rules = sc.arena[:0], sc.rules[:0]
	sc.elems = append(sc.elems[:0], elem{parent: -1})
	sc.depth, sc.nested = 0, false
	sc.pool, sc.spans, sc.chosen = sc.pool[:0], sc.spans[:0], sc.chosen[:0]
}

// end lets go of the event, and reports whether the scratch is worth keeping.
func (sc *scratch) end() bool {
	sc.b, sc.snap = nil, nil
	clear(sc.values) // they point into the event
	return cap(sc.values) <= maxKept/8 && cap(sc.arena) <= 1<<20 && cap(sc.elems) <= maxKept && cap(sc.pool) <= maxKept
}

func grown(s []uint32, n int) []uint32 {
	if len(s) >= n {
		return s
	}
	return append(make([]uint32, 0, n+n/4), append(s, make([]uint32, n-len(s)+n/4)...)...)
}

func (sc *scratch) hit(clause uint32) {
	if sc.mark[clause] != sc.epoch {
		sc.mark[clause] = sc.epoch
		sc.hits = append(sc.hits, clause)
	}
}

func (sc *scratch) hitAll(clauses []uint32) {
	for _, c := range clauses {
		sc.hit(c)
	}
}
