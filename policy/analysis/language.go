package analysis

import (
	"encoding/binary"
	"slices"
)

// space is the algebra of one dimension of strings: actions or resources. A
// region of it is a union of cubes, a cube is what all of some globs match and
// none of others; a region without cubes is empty. Regions are numbered, and
// every operation on them is remembered.
type space struct {
	meter   *meter
	globs   []*glob // as compared token by token
	flat    []*glob // as automata read them
	starred []*glob // without variables; nil: has none
	numbers map[string]int32
	within  map[[2]int32]bool // globs: is the first within the second?
	apart   map[[2]int32]bool // globs: have they nothing in common?
	regions [][]cube
	ids     map[string]int32
	done    map[operation]int32
	empties map[string]bool
	lists   [][]int32
}

type cube struct{ yes, no []int32 }

type operation struct {
	region, list int32
	minus        bool
}

const nowhere int32 = 0 // the empty region

func newSpace(m *meter) *space {
	s := &space{
		meter: m, numbers: map[string]int32{}, within: map[[2]int32]bool{}, apart: map[[2]int32]bool{},
		ids: map[string]int32{}, done: map[operation]int32{}, empties: map[string]bool{},
	}
	s.region(nil)
	return s
}

// add numbers a glob.
func (s *space) add(g *glob) int32 {
	var key []byte
	for _, t := range g.tokens {
		key = binary.AppendUvarint(key, uint64(t.kind)<<1|b2u(t.colon))
		key = binary.AppendUvarint(key, uint64(t.char))
	}
	if n, ok := s.numbers[string(key)]; ok {
		return n
	}
	n := int32(len(s.globs))
	s.numbers[string(key)] = n
	s.globs = append(s.globs, g)
	s.flat = append(s.flat, g.flat())
	var starred *glob
	if g.symbols {
		starred = g.starred()
	}
	s.starred = append(s.starred, starred)
	return n
}

func b2u(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// list numbers a union of globs, leaving out those within others.
func (s *space) list(globs []int32) (int32, error) {
	slices.Sort(globs)
	globs = slices.Compact(globs)
	var keep []int32
next:
	for _, g := range globs {
		for _, h := range globs {
			if g == h {
				continue
			}
			in, err := s.isWithin(g, h)
			if err != nil {
				return 0, err
			}
			if in {
				if back, err := s.isWithin(h, g); err != nil {
					return 0, err
				} else if !back || h < g {
					continue next
				}
			}
		}
		keep = append(keep, g)
	}
	s.lists = append(s.lists, keep)
	return int32(len(s.lists) - 1), nil
}

// whole returns the union of a list as a region.
func (s *space) whole(list int32) int32 {
	var cubes []cube
	for _, g := range s.lists[list] {
		cubes = append(cubes, cube{yes: []int32{g}})
	}
	return s.region(cubes)
}

// region numbers a union of cubes.
func (s *space) region(cubes []cube) int32 {
	var key []byte
	for _, c := range cubes {
		key = c.appendKey(key)
	}
	if n, ok := s.ids[string(key)]; ok {
		return n
	}
	n := int32(len(s.regions))
	s.ids[string(key)] = n
	s.regions = append(s.regions, cubes)
	return n
}

func (c cube) appendKey(key []byte) []byte {
	for _, l := range [][]int32{c.yes, c.no} {
		key = binary.AppendUvarint(key, uint64(len(l)))
		for _, g := range l {
			key = binary.AppendUvarint(key, uint64(g))
		}
	}
	return key
}

// minus returns the part of a region that no glob of the list matches.
func (s *space) minus(region, list int32) (int32, error) {
	return s.do(operation{region, list, true}, func(c cube) ([]cube, error) {
		var err error
		for _, g := range s.lists[list] {
			var gone bool
			if c, gone, err = s.without(c, g); gone || err != nil {
				return nil, err
			}
		}
		empty, err := s.empty(c)
		if empty || err != nil {
			return nil, err
		}
		return []cube{c}, nil
	})
}

// and returns the part of a region that some glob of the list matches.
func (s *space) and(region, list int32) (int32, error) {
	return s.do(operation{region, list, false}, func(c cube) ([]cube, error) {
		var out []cube
		for _, g := range s.lists[list] {
			d, err := s.with(c, g)
			if err != nil {
				return nil, err
			}
			if empty, err := s.empty(d); err != nil {
				return nil, err
			} else if !empty {
				out = append(out, d)
			}
		}
		return out, nil
	})
}

func (s *space) do(op operation, each func(cube) ([]cube, error)) (int32, error) {
	if n, ok := s.done[op]; ok {
		return n, nil
	}
	var out []cube
	for _, c := range s.regions[op.region] {
		if err := s.meter.spend(1 + len(s.lists[op.list])/4); err != nil {
			return 0, err
		}
		more, err := each(c)
		if err != nil {
			return 0, err
		}
		out = append(out, more...)
	}
	n := s.region(out)
	s.done[op] = n
	return n, nil
}

// without adds g to what c must not match. gone: nothing is left for sure.
func (s *space) without(c cube, g int32) (out cube, gone bool, err error) {
	for _, y := range c.yes {
		in, err := s.isWithin(y, g)
		if in || err != nil {
			return c, in, err
		}
		far, err := s.isApart(y, g)
		if far || err != nil {
			return c, false, err
		}
	}
	for _, n := range c.no {
		if in, err := s.isWithin(g, n); in || err != nil {
			return c, false, err
		}
	}
	return cube{c.yes, with(c.no, g)}, false, nil
}

// with adds g to what c must match.
func (s *space) with(c cube, g int32) (cube, error) {
	for _, y := range c.yes {
		if in, err := s.isWithin(y, g); in || err != nil {
			return c, err
		}
	}
	out := cube{yes: []int32{g}}
	for _, y := range c.yes {
		in, err := s.isWithin(g, y)
		if err != nil {
			return c, err
		}
		if !in {
			out.yes = with(out.yes, y)
		}
	}
	for _, n := range c.no { // what g cannot match need not be excluded
		far, err := s.isApart(g, n)
		if err != nil {
			return c, err
		}
		if !far {
			out.no = append(out.no, n)
		}
	}
	return out, nil
}

// with returns a copy of the sorted list with g.
func with(list []int32, g int32) []int32 {
	at, found := slices.BinarySearch(list, g)
	if found {
		return list
	}
	return slices.Insert(slices.Clone(list), at, g)
}

// empty reports whether c is empty for sure, whatever values variables have.
func (s *space) empty(c cube) (bool, error) {
	key := string(c.appendKey(nil))
	if e, ok := s.empties[key]; ok {
		return e, nil
	}
	e, err := s.isEmpty(c)
	if err == nil {
		s.empties[key] = e
	}
	return e, err
}

func (s *space) isEmpty(c cube) (bool, error) {
	symbols := false
	for _, y := range c.yes {
		symbols = symbols || s.globs[y].symbols
		for _, z := range c.yes {
			if far, err := s.isApart(y, z); far || err != nil {
				return far, err
			}
		}
		for _, n := range c.no {
			if in, err := s.isWithin(y, n); in || err != nil {
				return in, err
			}
		}
	}
	if len(c.yes) == 1 && len(c.no) <= 1 {
		return false, nil // being within was the whole question
	}
	for _, n := range c.no {
		symbols = symbols || s.globs[n].symbols
	}
	if !symbols {
		_, found, err := difference(s.meter, s.pick(c.yes, false), s.pick(c.no, false))
		return !found, err
	}
	// The value of a variable is a symbol: what has no word with symbols has none
	// with values either, as long as only one glob of yes is asked.
	for _, y := range c.yes {
		_, found, err := difference(s.meter, s.pick([]int32{y}, false), s.pick(c.no, false))
		if !found || err != nil {
			return !found && err == nil, err
		}
	}
	// A star stands for any value at least, where something must match.
	var plain []int32
	for _, n := range c.no {
		if !s.globs[n].symbols {
			plain = append(plain, n)
		}
	}
	_, found, err := difference(s.meter, s.pick(c.yes, true), s.pick(plain, false))
	return !found && err == nil, err
}

func (s *space) pick(list []int32, starred bool) []*glob {
	var out []*glob
	for _, n := range list {
		g := s.flat[n]
		if starred && s.starred[n] != nil {
			g = s.starred[n]
		}
		out = append(out, g)
	}
	return out
}
