package analysis

import (
	"slices"

	"bartizan.dev/policy"
)

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
