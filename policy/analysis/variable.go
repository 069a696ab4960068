package analysis

import (
	"slices"
	"strings"
)

// tries bounds the requests that are tried for a box with policy variables.
const tries = 2000

// try looks for a request of a box by trying values for the keys that policy
// variables name and the keys they are compared with. Without one, sure tells
// that there is none: all these keys have but few values, and all were tried.
func (e *engine) try(b *box) (w *Witness, sure bool, err error) {
	numbers := e.involved(b)
	pool := e.pool(b, numbers)
	options := make([][]Key, len(numbers))
	sure = !e.tiedVariables(b)
	for i, n := range numbers {
		options[i] = e.options(b, n, pool)
		sure = sure && !b.keys[n].multi && b.keys[n].single.within(e.keys[n].exact)
	}
	left := tries
	chosen := map[int]Key{}
	var step func(i int) (*Witness, error)
	step = func(i int) (*Witness, error) {
		if i == len(numbers) {
			left--
			w, ok, err := e.request(b, chosen)
			if err != nil || !ok || !e.confirms(w) {
				return nil, err
			}
			return w, nil
		}
		for _, o := range options[i] {
			chosen[numbers[i]] = o
			if w, err := step(i + 1); w != nil || err != nil || left <= 0 {
				return w, err
			}
		}
		return nil, nil
	}
	w, err = step(0)
	return w, sure && left > 0, err
}

// tiedVariables reports whether b depends on a variable, or a condition with
// variables, that the principal determines.
func (e *engine) tiedVariables(b *box) bool {
	for i, o := range b.cores {
		if o == 0 {
			continue
		}
		c := &e.cores[i]
		if c.key < 0 {
			return true
		}
		for _, text := range c.condition.Values {
			for _, p := range pieces(text, c.version) {
				if p.variable && isTied(parseVariable(p.text).name) {
					return true
				}
			}
		}
	}
	return slices.ContainsFunc(e.symbols, func(v variable) bool { return isTied(v.name) })
}

// involved returns the keys whose values matter to variables: those that are
// variables in the box's resource or in a condition that the box decides, and
// those that such a condition tests.
func (e *engine) involved(b *box) []int {
	var out []int
	add := func(name string) {
		if n, ok := e.keyNumber[strings.ToLower(name)]; ok && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	for i, o := range b.cores {
		if o == 0 {
			continue
		}
		u := e.cores[i]
		for _, text := range u.condition.Values {
			for _, p := range pieces(text, u.version) {
				if p.variable {
					add(parseVariable(p.text).name)
				}
			}
		}
		add(u.condition.Key)
	}
	for _, c := range e.resources.regions[b.resource] {
		for _, g := range slices.Concat(c.yes, c.no) {
			for _, t := range e.resources.globs[g].tokens {
				if t.kind == symbol {
					add(e.symbols[t.char-firstSymbol].name)
				}
			}
		}
	}
	return out
}

// pool returns the values that are worth trying for any key: two that nothing
// knows, and the cells of all keys involved.
func (e *engine) pool(b *box, numbers []int) []string {
	var known []string
	for _, n := range numbers {
		k := e.keys[n]
		for i := b.keys[n].single.first(); i >= 0 && len(known) < 40; i = b.keys[n].single.after(i) {
			known = append(known, k.cells[i])
		}
	}
	return append([]string{fresh("value", known), fresh("another", known)}, known...)
}

// options returns the values to try for key n in the order to try them.
func (e *engine) options(b *box, n int, pool []string) []Key {
	k, s := e.keys[n], &b.keys[n]
	var out []Key
	one := func(v string) {
		if !slices.ContainsFunc(out, func(o Key) bool { return !o.Multi && o.Values[0] == v }) {
			out = append(out, Key{Name: k.name, Values: []string{v}})
		}
	}
	if !s.single.empty() {
		for _, v := range pool { // policy.Decide tells whether it fits
			one(v)
		}
		for i := s.single.first(); i >= 0 && len(out) < 200; i = s.single.after(i) {
			one(k.cells[i])
		}
	}
	if s.multi {
		out = append(out, Key{Name: k.name, Values: s.values(k), Multi: true})
		for _, v := range pool {
			out = append(out, Key{Name: k.name, Values: append(s.values(k), v), Multi: true}, Key{Name: k.name, Values: []string{v}, Multi: true})
		}
	}
	if s.absent {
		out = append(out, Key{Name: k.name})
	}
	return out
}
