package pattern

import "sort"

// ranges finds the ranges that a number lies in: they are sorted by their lower
// bound under a tree of the greatest upper bounds, so that k of n are found in
// O(k log n).
type ranges struct {
	list []rangeEntry
	tree []int64 // tree[1] is of all; of i the halves are 2i and 2i+1
	size int
}

type rangeEntry struct {
	lo, hi int64
	clause uint32
}

func newRanges(list []rangeEntry) *ranges {
	if len(list) == 0 {
		return nil
	}
	sort.Slice(list, func(i, j int) bool { return list[i].lo < list[j].lo })
	r := &ranges{list: list, size: 1}
	for r.size < len(list) {
		r.size *= 2
	}
	const none = -maxMillions - 1
	r.tree = make([]int64, 2*r.size)
	for i := range r.tree {
		r.tree[i] = none
	}
	for i, e := range list {
		r.tree[r.size+i] = e.hi
	}
	for i := r.size - 1; i > 0; i-- {
		r.tree[i] = max(r.tree[2*i], r.tree[2*i+1])
	}
	return r
}

func (r *ranges) find(sc *scratch, x int64) {
	n := sort.Search(len(r.list), func(i int) bool { return r.list[i].lo > x })
	if n > 0 {
		r.descend(sc, x, 1, 0, r.size, n)
	}
}

// descend visits the node over [from,to), of which the first n of the list count.
func (r *ranges) descend(sc *scratch, x int64, node, from, to, n int) {
	if from >= n || r.tree[node] < x {
		return
	}
	if to-from == 1 {
		sc.hit(r.list[from].clause)
		return
	}
	mid := (from + to) / 2
	r.descend(sc, x, 2*node, from, mid, n)
	r.descend(sc, x, 2*node+1, mid, to, n)
}
