package pattern

// grams finds the wildcards that a value may match: each stands under one of
// its own runs of up to four bytes, the one that the fewest others contain.
// A value that lacks the run cannot match; one that has it is compared.
type grams struct {
	filter [1 << 10]uint64 // a bit per hash of a run: most places of a value stop here
	runs   map[uint32]uint32 // the list that a run leads to
	lists  [][]wildEntry
	sizes  []int       // lengths of runs there are
	always []wildEntry // wildcards without any literal
}

type wildEntry struct {
	wild   *wildcard
	clause uint32
}

const maxGram = 4

func newGrams(entries []wildEntry) *grams {
	if len(entries) == 0 {
		return nil
	}
	g := &grams{runs: map[uint32]uint32{}}
	shared := map[uint32]int{}
	for _, e := range entries {
		e.wild.eachGram(func(run uint32, _ int) { shared[run]++ })
	}
	var has [maxGram + 1]bool
	for _, e := range entries {
		best, size, fewest := uint32(0), 0, 0
		e.wild.eachGram(func(run uint32, n int) {
			if size == 0 || n > size || n == size && shared[run] < fewest {
				best, size, fewest = run, n, shared[run]
			}
		})
		if size == 0 {
			g.always = append(g.always, e)
			continue
		}
		has[size] = true
		h := gramHash(best, size)
		g.filter[h>>6] |= 1 << (h & 63)
		at, known := g.runs[best]
		if !known {
			at = uint32(len(g.lists))
			g.runs[best] = at
			g.lists = append(g.lists, nil)
		}
		g.lists[at] = append(g.lists[at], e)
	}
	for n, there := range has {
		if there {
			g.sizes = append(g.sizes, n)
		}
	}
	return g
}

// eachGram calls f for the runs of maxGram bytes in w, or where a literal is
// shorter for the whole of it. Bytes below 0 never occur, so shorter runs are
// told apart by their leading zeros.
func (w *wildcard) eachGram(f func(run uint32, n int)) {
	for _, part := range w.parts {
		n := min(len(part), maxGram)
		if n == 0 {
			continue
		}
		for i := 0; i+n <= len(part); i++ {
			run := uint32(0)
			for _, c := range []byte(part[i : i+n]) {
				run = run<<8 | uint32(c)
			}
			if n == maxGram || run>>(8*(n-1)) != 0 {
				f(run, n)
			}
		}
	}
}

func gramHash(run uint32, n int) uint32 { return (run*2654435761 + uint32(n)*0x9e37) >> 16 }

func (g *grams) find(sc *scratch, v []byte) {
	g.try(sc, v, g.always)
	sc.tick++ // a list is tried once for a value, however often its run occurs
	if len(sc.tried) < len(g.lists) {
		sc.tried = append(sc.tried, make([]uint64, len(g.lists))...)
	}
	for _, n := range g.sizes {
		run, mask := uint32(0), ^uint32(0)>>(8*(maxGram-n))
		for i, c := range v {
			run = (run<<8 | uint32(c)) & mask
			if i+1 < n {
				continue
			}
			if h := gramHash(run, n); g.filter[h>>6]&(1<<(h&63)) != 0 {
				if at, ok := g.runs[run]; ok && sc.tried[at] != sc.tick {
					sc.tried[at] = sc.tick
					g.try(sc, v, g.lists[at])
				}
			}
		}
	}
}

func (g *grams) try(sc *scratch, v []byte, entries []wildEntry) {
	for _, e := range entries {
		if sc.mark[e.clause] != sc.epoch && e.wild.match(v) {
			sc.hit(e.clause)
		}
	}
}
