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
	known bool
	typ   reference.Type // when known

	uses []use
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
	}
	arns := k.known && k.typ == reference.ARN
	if plain && !arns {
		for _, g := range globs {
			k.cells = append(k.cells, g.string())
		}
		k.cells = append(k.cells, fresh("other", k.cells))
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

// fresh returns name, or name with a number, such that it is not in list.
func fresh(name string, list []string) string {
	out := name
	for n := int64(2); slices.Contains(list, out); n++ {
		out = name + decimalInt(n)
	}
	return out
}

// claim is what one condition says of a key: the states of the key in which it
// holds.
type claim struct {
	absent bool
	single set
	multi  demand
	cells  set // of demand some and every
}

type demand uint8

const (
	never  demand = iota // no set of values
	always               // every set of values
	any1                 // a set with a value in cells
	every                // a set with all values in cells
)

// ask puts the condition to package policy for every cell of k.
func (k *key) ask(u use) claim {
	ask := newAsker(u.condition, u.version)
	c := claim{absent: ask.absent(), single: newSet(len(k.cells)), cells: newSet(len(k.cells))}
	if u.operator.family == presence {
		present := ask.one(k.name, "x", false)
		c.multi = never
		if present {
			c.single, c.multi = fullSet(len(k.cells)), always
		}
		return c
	}
	for i, v := range k.cells {
		if ask.one(k.name, v, false) {
			c.single.add(i)
		}
	}
	switch u.operator.quantifier {
	case anyValue:
		c.multi = any1
	case allValues:
		c.multi = every
	}
	c.cells = c.single // one value is in a set by itself what it is alone
	return c
}

// state is what is left of a key: the states of a request that are still
// possible.
type state struct {
	absent bool
	single set
	multi  bool
	every  set   // the values of a set lie here
	hits   []set // and one of them in each of these
}

// full returns the state in which nothing is excluded.
func (k *key) full() state {
	n := len(k.cells)
	s := state{absent: true, single: newSet(n), multi: k.multi, every: fullSet(n)}
	if k.lone {
		s.single = fullSet(n)
	}
	return s
}

// with returns the part of s where c holds, or where it does not.
func (s state) with(c *claim, hold bool) state {
	out := s
	out.absent = s.absent && c.absent == hold
	if hold {
		out.single = s.single.and(c.single)
	} else {
		out.single = s.single.minus(c.single)
	}
	switch {
	case c.multi == never:
		out.multi = s.multi && !hold
	case c.multi == always:
		out.multi = s.multi && hold
	case c.multi == every && hold:
		out.every = s.every.and(c.cells)
	case c.multi == any1 && !hold:
		out.every = s.every.minus(c.cells)
	case c.multi == any1:
		out.hits = append(slices.Clone(s.hits), c.cells)
	default:
		out.hits = append(slices.Clone(s.hits), fullSet(64*len(c.cells)).minus(c.cells))
	}
	out.multi = out.multi && !out.every.empty()
	for _, h := range out.hits {
		out.multi = out.multi && out.every.meets(h)
	}
	if !out.multi {
		out.hits = nil
	}
	return out
}

func (s *state) empty() bool { return !s.absent && !s.multi && s.single.empty() }

// values returns a set of values that fits s.multi.
func (s *state) values(k *key) []string {
	var out []string
	for _, h := range s.hits {
		v := k.cells[h.and(s.every).first()]
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if out == nil {
		out = []string{k.cells[s.every.first()]}
	}
	return out
}

// asker asks package policy about one condition.
type asker struct {
	bindings policy.Bindings
	request  policy.Request
}

func newAsker(c *policy.Condition, v policy.Version) *asker {
	doc := &policy.Document{Version: v, Statements: []policy.Statement{{
		Action: []string{"*"}, Resource: []string{"*"}, Condition: []policy.Condition{*c},
	}}}
	return &asker{
		bindings: policy.Bindings{Identity: policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Identity}, Document: doc})},
		request:  policy.Request{Principal: policy.Principal{Kind: policy.User, Account: someAccount}, Action: "a:b", Resource: "*"},
	}
}

func (a *asker) absent() bool {
	a.request.Context.Reset(0)
	return policy.Decide(&a.request, &a.bindings).Allowed
}

func (a *asker) one(name, value string, multi bool) bool {
	a.request.Context.Reset(0)
	if multi {
		a.request.Context.SetAll(name, []string{value})
	} else {
		a.request.Context.Set(name, value)
	}
	return policy.Decide(&a.request, &a.bindings).Allowed
}

// holds asks about one condition and one value.
func holds(c *policy.Condition, v policy.Version, name, value string, multi bool) bool {
	return newAsker(c, v).one(name, value, multi)
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
