package analysis

import (
	"encoding/binary"
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

// node is a state of the product of several globs: one place for each, found
// by reading char after the node from.
type node struct {
	places []place
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
}

func newProduct(m *meter, must int, globs []*glob) *product {
	p := &product{globs: globs, must: must, seen: map[string]bool{}, meter: m}
	first := node{places: make([]place, len(globs)), from: -1}
	for i, g := range globs {
		first.places[i] = g.start()
	}
	p.add(first)
	return p
}

// add puts n into the queue unless it is there already or a glob that must
// match no longer can.
func (p *product) add(n node) {
	p.key = p.key[:0]
	for i, at := range n.places {
		if i < p.must && len(at) == 0 {
			return
		}
		p.key = binary.AppendUvarint(p.key, uint64(len(at)))
		for _, x := range at {
			p.key = binary.AppendUvarint(p.key, uint64(x))
		}
	}
	if p.seen[string(p.key)] {
		return
	}
	p.seen[string(p.key)] = true
	p.nodes = append(p.nodes, n)
}

// expand adds what can be reached from node i by one character.
func (p *product) expand(i int) error {
	alive := 0
	for _, at := range p.nodes[i].places {
		alive += len(at)
	}
	runes := p.choices(p.nodes[i].places)
	if err := p.meter.spend(1 + alive*len(runes)/4); err != nil {
		return err
	}
	for _, r := range runes {
		next := node{places: make([]place, len(p.globs)), from: i, char: r}
		for k, at := range p.nodes[i].places {
			if len(at) > 0 {
				next.places[k] = p.globs[k].step(at, r)
			}
		}
		p.add(next)
	}
	return nil
}

// fillers are tried for a character that no pattern asks for.
const fillers = "xyzabcdefghijklmnopqrstuvwXYZABCDEFGHIJKLMNOPQRSTUVW0123456789-_./@=+~ "

// choices returns one character of every class that the places can tell apart:
// each that is asked for, and one that is not.
func (p *product) choices(places []place) []rune {
	runes, colon, digits := p.runes[:0], false, false
	for k, at := range places {
		g := p.globs[k]
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
		at := p.nodes[i].places
		accepted, doomed := true, false
		for k, g := range p.globs {
			if k < len(yes) {
				accepted = accepted && g.accepts(at[k])
			} else if g.accepts(at[k]) {
				accepted = false
				doomed = doomed || g.forever(at[k])
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

// atoms returns all classes of words that some of the globs matches or none
// does. It fails when there are more than limit.
func atoms(m *meter, globs []*glob, limit int) ([]atom, error) {
	p := newProduct(m, 0, globs)
	found := map[string]bool{}
	var out []atom
	for i := 0; i < len(p.nodes); i++ {
		v := newSet(len(globs))
		for k, at := range p.nodes[i].places {
			if globs[k].accepts(at) {
				v.add(k)
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
