package analysis

import (
	"encoding/binary"
	"maps"
	"slices"
	"unicode"
)

// meter counts work down.
type meter struct{ left int }

func (m *meter) spend(n int) error {
	if m.left -= n; m.left < 0 {
		return ErrTooComplex
	}
	return nil
}

// node is a state of the product of several globs: a place for each that can
// still match, found by reading char after the node from.
type node struct {
	globs  []int32 // those that are alive
	places []place // theirs
	from   int
	char   rune
}

// product explores the product automaton of flat globs breadth first, so that
// words are shortest.
type product struct {
	globs []*glob
	must  int // the first so many must stay alive
	nodes []node
	seen  map[string]bool
	meter *meter
	key   []byte
	runes []rune
	next  node // scratch
}

func newProduct(m *meter, must int, globs []*glob) *product {
	p := &product{globs: globs, must: must, seen: map[string]bool{}, meter: m}
	first := node{from: -1}
	for i, g := range globs {
		first.globs = append(first.globs, int32(i))
		first.places = append(first.places, g.start())
	}
	p.add(first)
	return p
}

// add puts n into the queue unless it is there already or a glob that must
// match no longer can. It keeps n's slices only when it returns true.
func (p *product) add(n node) bool {
	if len(n.globs) < p.must || p.must > 0 && n.globs[p.must-1] != int32(p.must-1) {
		return false
	}
	p.key = p.key[:0]
	for i, at := range n.places {
		p.key = binary.AppendUvarint(p.key, uint64(n.globs[i]))
		p.key = binary.AppendUvarint(p.key, uint64(len(at)))
		for _, x := range at {
			p.key = binary.AppendUvarint(p.key, uint64(x))
		}
	}
	if p.seen[string(p.key)] {
		return false
	}
	p.seen[string(p.key)] = true
	p.nodes = append(p.nodes, n)
	return true
}

// expand adds what can be reached from node i by one character.
func (p *product) expand(i int) error {
	alive := 0
	for _, at := range p.nodes[i].places {
		alive += len(at)
	}
	runes := p.choices(&p.nodes[i])
	if err := p.meter.spend(1 + alive*len(runes)/4); err != nil {
		return err
	}
	for _, r := range runes {
		next := node{globs: p.next.globs[:0], places: p.next.places[:0], from: i, char: r}
		for k, at := range p.nodes[i].places {
			n := p.nodes[i].globs[k]
			if to := p.globs[n].step(at, r); len(to) > 0 {
				next.globs = append(next.globs, n)
				next.places = append(next.places, to)
			}
		}
		if p.add(next) {
			next.globs, next.places = nil, nil
		}
		p.next = next
	}
	return nil
}

// fillers are tried for a character that no pattern asks for.
const fillers = "xyzabcdefghijklmnopqrstuvwXYZABCDEFGHIJKLMNOPQRSTUVW0123456789-_./@=+~ "

// choices returns one character of every class that the places can tell apart:
// each that is asked for, and one that is not.
func (p *product) choices(n *node) []rune {
	runes, colon, digits := p.runes[:0], false, false
	for k, at := range n.places {
		g := p.globs[n.globs[k]]
		for _, i := range at {
			if int(i) == len(g.tokens) {
				continue
			}
			switch t := g.tokens[i]; t.kind {
			case char:
				runes = append(runes, t.char)
				if t.fold {
					for r := unicode.SimpleFold(t.char); r != t.char; r = unicode.SimpleFold(r) {
						runes = append(runes, r)
					}
				}
			case symbol:
				runes = append(runes, t.char)
			case digit:
				digits = true
			default:
				colon = colon || !t.colon
			}
		}
	}
	if colon {
		runes = append(runes, ':')
	}
	slices.Sort(runes)
	runes = slices.Compact(runes)
	asked := runes[:len(runes):len(runes)]
	if digits {
		runes = unasked(runes, asked, "1234567890")
		asked = append(asked, []rune("0123456789")...)
		slices.Sort(asked)
	}
	p.runes = unasked(runes, asked, fillers)
	return p.runes
}

// unasked appends the first character of from that is not in asked.
func unasked(runes, asked []rune, from string) []rune {
	for _, r := range from {
		if _, found := slices.BinarySearch(asked, r); !found {
			return append(runes, r)
		}
	}
	if from != fillers {
		return runes
	}
	for r := rune(0x4e00); ; r++ { // patterns that ask for all of ASCII
		if _, found := slices.BinarySearch(asked, r); !found {
			return append(runes, r)
		}
	}
}

// word returns what was read up to node i.
func (p *product) word(i int) []rune {
	var out []rune
	for ; p.nodes[i].from >= 0; i = p.nodes[i].from {
		out = append(out, p.nodes[i].char)
	}
	slices.Reverse(out)
	return out
}

// difference returns a shortest word that every one of yes matches and none of
// no; ok is false when there is none. The globs are flat.
func difference(m *meter, yes, no []*glob) (word []rune, ok bool, err error) {
	p := newProduct(m, len(yes), slices.Concat(yes, no))
	for i := 0; i < len(p.nodes); i++ {
		accepted, doomed := true, false
		for k, at := range p.nodes[i].places {
			n := p.nodes[i].globs[k]
			g := p.globs[n]
			if int(n) < len(yes) {
				accepted = accepted && g.accepts(at)
			} else if g.accepts(at) {
				accepted = false
				doomed = doomed || g.forever(at)
			}
		}
		if accepted {
			return p.word(i), true, nil
		}
		if doomed {
			continue
		}
		if err := p.expand(i); err != nil {
			return nil, false, err
		}
	}
	return nil, false, nil
}

// atom is a class of words that the same globs match, with a shortest one.
type atom struct {
	word    string
	matched set // of globs
}

// atoms returns all classes of words that the globs tell apart, the class of
// what none matches too. It fails when there are more than limit. Literals,
// which are most, are classes of one word; only the other globs need automata.
func atoms(m *meter, globs []*glob, limit int) ([]atom, error) {
	var wild []*glob
	var numbers []int
	words := map[string][]int{}
	for i, g := range globs {
		if g.literal {
			words[g.string()] = append(words[g.string()], i)
		} else {
			wild, numbers = append(wild, g), append(numbers, i)
		}
	}
	found, err := wildAtoms(m, wild, limit)
	if err != nil {
		return nil, err
	}
	var out []atom
	for _, a := range found {
		v := newSet(len(globs))
		for i := a.matched.first(); i >= 0; i = a.matched.after(i) {
			v.add(numbers[i])
		}
		if words[a.word] != nil {
			var ok bool
			if a.word, ok, err = another(m, wild, a.matched, words); err != nil {
				return nil, err
			} else if !ok {
				continue
			}
		}
		out = append(out, atom{a.word, v})
	}
	for _, w := range slices.Sorted(maps.Keys(words)) {
		v := newSet(len(globs))
		for _, i := range words[w] {
			v.add(i)
		}
		for k, g := range wild {
			if g.matches(w) {
				v.add(numbers[k])
			}
		}
		out = append(out, atom{w, v})
	}
	if len(out) > limit {
		return nil, ErrTooComplex
	}
	return out, nil
}

// another returns a word of a class of wild globs that is none of words.
func another(m *meter, wild []*glob, matched set, words map[string][]int) (string, bool, error) {
	var yes, no []*glob
	for i, g := range wild {
		if matched.has(i) {
			yes = append(yes, g)
		} else {
			no = append(no, g)
		}
	}
	for _, w := range slices.Sorted(maps.Keys(words)) {
		no = append(no, newGlob(w, chars(w, false)))
	}
	w, ok, err := difference(m, yes, no)
	return string(w), ok, err
}

func wildAtoms(m *meter, globs []*glob, limit int) ([]atom, error) {
	p := newProduct(m, 0, globs)
	found := map[string]bool{}
	var out []atom
	for i := 0; i < len(p.nodes); i++ {
		v := newSet(len(globs))
		for k, at := range p.nodes[i].places {
			if n := p.nodes[i].globs[k]; globs[n].accepts(at) {
				v.add(int(n))
			}
		}
		id := v.id()
		if !found[id] {
			found[id] = true
			out = append(out, atom{string(p.word(i)), v})
			if len(out) > limit {
				return nil, ErrTooComplex
			}
		}
		if err := p.expand(i); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// id returns s as a map key.
func (s set) id() string {
	b := make([]byte, 0, 8*len(s))
	for _, w := range s {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return string(b)
}
