package scan

import (
	"maps"
	"slices"
)

// automaton finds all of a set of words in one pass, whatever their case
// (Aho and Corasick, CACM 18(6), 1975), as a table of states and classes of
// bytes.
type automaton struct {
	class   [256]uint8
	classes int
	next    []int32 // state × class: twice the next state's row, odd if it has hits
	hits    [][]hit // of a state, the longest word first
}

// hit is a word that ends at a state, and what wants it.
type hit struct {
	size int32
	want []int32
}

// newAutomaton takes words in lower case.
func newAutomaton(words map[string][]int32) *automaton {
	a := &automaton{classes: 1}
	for w := range words {
		for i := range len(w) {
			if b := lower(w[i]); a.class[b] == 0 {
				a.class[b] = uint8(min(a.classes, 255)) // 26 letters fold, so there are fewer than 255
				a.classes++
			}
		}
	}
	for b := 'A'; b <= 'Z'; b++ {
		a.class[b] = a.class[b|0x20]
	}
	a.grow()
	for _, w := range slices.Sorted(maps.Keys(words)) {
		a.insert(w, words[w])
	}
	a.link()
	for i, state := range a.next {
		a.next[i] = state * int32(a.classes) * 2
		if len(a.hits[state]) > 0 {
			a.next[i]++
		}
	}
	return a
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b | 0x20
	}
	return b
}

func (a *automaton) grow() int32 {
	a.next = append(a.next, make([]int32, a.classes)...)
	a.hits = append(a.hits, nil)
	return int32(len(a.hits) - 1)
}

func (a *automaton) insert(word string, want []int32) {
	state := int32(0)
	for i := range len(word) {
		at := int(state)*a.classes + int(a.class[word[i]])
		if a.next[at] == 0 {
			n := a.grow()
			a.next[at] = n
		}
		state = a.next[at]
	}
	a.hits[state] = append(a.hits[state], hit{int32(len(word)), want})
}

// link turns the tree into an automaton: where a state has no way on, it takes
// that of the longest suffix which is a prefix of a word.
func (a *automaton) link() {
	fail := make([]int32, len(a.hits))
	var queue []int32
	for c := range a.classes {
		if n := a.next[c]; n != 0 {
			queue = append(queue, n)
		}
	}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		a.hits[state] = append(a.hits[state], a.hits[fail[state]]...)
		for c := range a.classes {
			at := int(state)*a.classes + c
			other := a.next[int(fail[state])*a.classes+c]
			if n := a.next[at]; n != 0 {
				fail[n] = other
				queue = append(queue, n)
			} else {
				a.next[at] = other
			}
		}
	}
}

// find calls f with the start of each word in data and what wants it, in the
// order in which the words end.
func (a *automaton) find(data []byte, f func(at int, want []int32)) {
	row, next, class := int32(0), a.next, &a.class
	for i, b := range data {
		to := next[row+int32(class[b])]
		row = to >> 1
		if to&1 == 0 {
			continue
		}
		for _, h := range a.hits[int(row)/a.classes] {
			f(i+1-int(h.size), h.want)
		}
	}
}

// any reports whether data holds one of the words.
func (a *automaton) any(data []byte) bool {
	row := int32(0)
	for _, b := range data {
		to := a.next[row+int32(a.class[b])]
		if to&1 != 0 {
			return true
		}
		row = to >> 1
	}
	return false
}
