package analysis

import (
	"slices"
	"strings"

	"bartizan.dev/policy"
	"bartizan.dev/policy/reference"
)

// key is a condition key as a dimension. Its values are cut into cells: values
// of one cell make every condition at hand true, or every one false.
type key struct {
	name  string   // as first written
	cells []string // one value of each cell
	lone  bool     // a request may carry it as a single value
	multi bool     // a request may carry it as a set of values
	exact set      // cells of one value only
	known bool
	typ   reference.Type // when known

	uses     []use
	literals []string // values that conditions compare it with as text
}

// use is one condition on a key, of a document of one version.
type use struct {
	condition *policy.Condition
	version   policy.Version
	operator  operator
}

// maxCells bounds the cells of one dimension.
const maxCells = 4096

// cut makes the cells of k from the conditions on it.
func (k *key) cut(m *meter) error {
	if err := k.makeCells(m); err != nil {
		return err
	}
	alone := map[string]bool{}
	for _, v := range k.literals {
		alone[v] = true
	}
	k.exact = newSet(len(k.cells))
	for i, c := range k.cells {
		if alone[c] {
			k.exact.add(i)
		}
	}
	return nil
}

func (k *key) makeCells(m *meter) error {
	var globs []*glob
	bounds := map[family][]string{}
	texts := false
	for _, u := range k.uses {
		if u.operator.family == presence || u.operator.variables(u.condition, u.version) {
			continue
		}
		if u.operator.family == textual {
			texts = true
			globs = append(globs, valueGlobs(u.operator, u.condition, u.version)...)
		} else {
			bounds[u.operator.family] = append(bounds[u.operator.family], u.condition.Values...)
		}
	}
	switch {
	case k.known && k.typ == reference.Bool && len(bounds) == 0:
		k.cells = []string{"true", "false"}
		k.literals = k.cells
		return nil
	case len(bounds) == 0:
		return k.cutText(m, globs)
	}
	k.cells = k.candidates(bounds)
	if !texts {
		return k.limit()
	}
	var spelled []string
	for _, g := range globs {
		if !g.literal {
			return &UnsupportedError{Element: "condition key " + k.name, Reason: "it is compared both as text with wildcards (" + g.text + ") and as a number, date or address"}
		}
		spelled = append(spelled, g.string())
	}
	for _, c := range k.cells {
		spelled = append(spelled, spellings(c)...)
	}
	k.cells = spelled
	return k.limit()
}

func (k *key) limit() error {
	slices.Sort(k.cells)
	k.cells = slices.Compact(k.cells)
	if len(k.cells) > maxCells {
		return ErrTooComplex
	}
	return nil
}

// candidates returns values for the bounds of ordering operators and networks.
func (k *key) candidates(bounds map[family][]string) []string {
	var out []string
	if b := bounds[numeric]; b != nil {
		out = append(out, numbers(b)...)
	}
	if b := bounds[dated]; b != nil {
		dates := instants(b)
		out = append(out, dates...)
		if bounds[numeric] != nil { // seconds are dates and numbers
			var seconds []string
			for _, d := range slices.Concat(dates, bounds[numeric]) {
				if t, ok := parseInstant(d); ok {
					seconds = append(seconds, decimalInt(t.Unix()))
				}
			}
			out = append(out, numbers(seconds)...)
		}
	}
	if b := bounds[addressed]; b != nil {
		out = append(out, addresses(b)...)
	}
	typed := k.known && len(bounds) == 1 &&
		(k.typ == reference.Numeric && bounds[numeric] != nil || k.typ == reference.Date && bounds[dated] != nil ||
			k.typ == reference.IPAddress && bounds[addressed] != nil)
	if typed {
		return slices.DeleteFunc(out, func(s string) bool { return !k.valid(s) })
	}
	return append(out, "other") // neither number nor date nor address
}

// valid reports whether s is a value of k's type.
func (k *key) valid(s string) bool {
	one := func(op, v string) bool {
		return holds(&policy.Condition{Operator: op, Key: "k", Values: []string{v}}, policy.Version2012, "k", s, false)
	}
	switch k.typ {
	case reference.Numeric:
		return one("NumericLessThan", "0") || one("NumericGreaterThanEquals", "0")
	case reference.Date:
		return one("DateLessThan", "0") || one("DateGreaterThanEquals", "0")
	case reference.IPAddress:
		return one("IpAddress", "0.0.0.0/0") || one("IpAddress", "::/0")
	}
	return true
}

// cutText makes cells of the classes of words that globs tell apart.
func (k *key) cutText(m *meter, globs []*glob) error {
	plain := len(globs) > 0
	for _, g := range globs {
		plain = plain && g.literal
		if g.literal {
			k.literals = append(k.literals, g.string())
		}
	}
	arns := k.known && k.typ == reference.ARN
	if plain && !arns {
		for _, g := range globs {
			k.cells = append(k.cells, g.string())
		}
		k.cells = append(k.cells, unheard(k.cells))
		return k.limit()
	}
	if arns {
		globs = append([]*glob{anARN()}, globs...)
	}
	flat := make([]*glob, len(globs))
	for i, g := range globs {
		flat[i] = g.flat()
	}
	found, err := atoms(m, flat, maxCells)
	if err != nil {
		return err
	}
	for _, a := range found {
		if !arns || a.matched.has(0) {
			k.cells = append(k.cells, a.word)
		}
	}
	return k.limit()
}

// unheard returns a value that is not in list, which may be long.
func unheard(list []string) string {
	known := map[string]bool{}
	for _, v := range list {
		known[v] = true
	}
	out := "other"
	for n := int64(2); known[out]; n++ {
		out = "other" + decimalInt(n)
	}
	return out
}

// fresh returns name, or name with a number, such that it is not in list.
func fresh(name string, list []string) string {
	out := name
	for n := int64(2); slices.Contains(list, out); n++ {
		out = name + decimalInt(n)
	}
	return out
}

// learn sets what the reference knows of k.
func (k *key) learn(ref *reference.Reference) {
	k.lone, k.multi = true, true
	if ref == nil {
		return
	}
	c, ok := ref.ConditionKey(strings.TrimSpace(k.name))
	if !ok {
		return
	}
	k.known, k.typ, k.lone, k.multi = true, c.Type, !c.Multi, c.Multi
}
