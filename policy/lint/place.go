package lint

import (
	"slices"
	"sort"
	"unicode/utf8"
)

// place is what a finding points at: a value, the name of a member, or a part
// of a string.
type place struct {
	node     *node
	key      bool // the name of the member, not its value
	from, to int  // part of node.text, in bytes, when to > 0
}

func at(n *node) place                   { return place{node: n} }
func atKey(n *node) place                { return place{node: n, key: true} }
func within(n *node, from, to int) place { return place{node: n, from: from, to: to} }
func atAll(nodes []*node) (out []place) {
	for _, n := range nodes {
		out = append(out, at(n))
	}
	return out
}

// span returns the bytes of the document.
func (p place) span() (start, end int) {
	n := p.node
	switch {
	case p.key:
		return n.nameStart, n.nameEnd
	case p.to > 0 && n.end-n.start == len(n.text)+2: // no escapes: the text is as written
		return n.start + 1 + p.from, n.start + 1 + p.to
	}
	return n.start, n.end
}

// path returns the steps from the root.
func (p place) path() []PathElement {
	out := []PathElement{}
	for n := p.node; n.parent != nil; n = n.parent {
		switch {
		case n.parent.kind == array:
			out = append(out, PathElement{Index: &n.index})
		case p.key && n == p.node:
			out = append(out, PathElement{Key: &n.name})
		default:
			out = append(out, PathElement{Value: &n.name})
		}
	}
	slices.Reverse(out)
	if p.to > 0 {
		start := utf8.RuneCountInString(p.node.text[:p.from])
		length := utf8.RuneCountInString(p.node.text[p.from:p.to])
		out = append(out, PathElement{Substring: &Substring{Start: start, Length: length}})
	}
	return out
}

// ruler tells positions, in characters, of offsets in bytes. Every step bytes
// it remembers how many characters came before, so that many findings in one
// long line stay cheap.
type ruler struct {
	in    []byte
	lines []int // where lines begin
	marks []int // characters before byte i*step
}

const step = 256

func newRuler(in []byte) *ruler {
	r := &ruler{in: in, lines: []int{0}, marks: make([]int, 0, len(in)/step+1)}
	chars := 0
	for i, c := range in {
		if i%step == 0 {
			r.marks = append(r.marks, chars)
		}
		if c&0xC0 != 0x80 { // not inside a character
			chars++
		}
		if c == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	return r
}

// chars returns how many characters begin before the offset.
func (r *ruler) chars(offset int) int {
	if len(r.marks) == 0 {
		return 0
	}
	mark := min(offset/step, len(r.marks)-1)
	n := r.marks[mark]
	for _, c := range r.in[mark*step : offset] {
		if c&0xC0 != 0x80 {
			n++
		}
	}
	return n
}

func (r *ruler) position(offset int) Position {
	offset = min(offset, len(r.in))
	line := sort.SearchInts(r.lines, offset+1) - 1
	n := r.chars(offset)
	return Position{Line: line + 1, Column: n - r.chars(r.lines[line]), Offset: n}
}

func (r *ruler) location(p place) Location {
	start, end := p.span()
	return Location{Path: p.path(), Span: Span{Start: r.position(start), End: r.position(end)}}
}
