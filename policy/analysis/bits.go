package analysis

import "math/bits"

// set is a set of small numbers: the cells of one dimension. All sets of a
// dimension have the same length.
type set []uint64

func newSet(n int) set { return make(set, (n+63)/64) }

// fullSet returns {0 … n-1}.
func fullSet(n int) set {
	s := newSet(n)
	for i := range n {
		s.add(i)
	}
	return s
}

func (s set) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s set) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s set) empty() bool {
	for _, w := range s {
		if w != 0 {
			return false
		}
	}
	return true
}

func (s set) and(t set) set {
	out := make(set, len(s))
	for i := range s {
		out[i] = s[i] & t[i]
	}
	return out
}

func (s set) minus(t set) set {
	out := make(set, len(s))
	for i := range s {
		out[i] = s[i] &^ t[i]
	}
	return out
}

func (s set) meets(t set) bool {
	for i := range s {
		if s[i]&t[i] != 0 {
			return true
		}
	}
	return false
}

func (s set) within(t set) bool {
	for i := range s {
		if s[i]&^t[i] != 0 {
			return false
		}
	}
	return true
}

// first returns the smallest member, or -1.
func (s set) first() int { return s.after(-1) }

// after returns the smallest member greater than i, or -1.
func (s set) after(i int) int {
	for i++; i < len(s)*64; i++ {
		w := s[i/64] >> (i % 64)
		if w == 0 {
			i |= 63
			continue
		}
		return i + bits.TrailingZeros64(w)
	}
	return -1
}
