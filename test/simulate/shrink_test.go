package simulate

import (
	"maps"
	"slices"
)

// shrink takes parts away from c as long as the two still say the same of it:
// ours and theirs.
func shrink(o *oracle, c *testCase, ours, theirs string) *testCase {
	for range 60 { // every round takes something away; large cases stay large rather than take long
		smaller := c.smaller()
		answers, err := o.ask(smaller...)
		if err != nil {
			return c
		}
		next := -1
		for i, s := range smaller {
			result, err := s.decide()
			a := answers[i]
			if err == nil && result == ours && a.Error == "" && a.Result == theirs && len(a.Ignored) == 0 && argued(o, s, ours, theirs) == "" {
				next = i
				break
			}
		}
		if next < 0 {
			return c
		}
		c = smaller[next]
	}
	return c
}

// smaller returns every case that is c less one part, largest parts first.
func (c *testCase) smaller() []*testCase {
	var out []*testCase
	change := func(f func(*testCase)) {
		s := *c
		f(&s)
		out = append(out, &s)
	}
	for _, field := range []func(*testCase) **document{
		func(s *testCase) **document { return &s.Boundary },
		func(s *testCase) **document { return &s.Session },
		func(s *testCase) **document { return &s.Endpoint },
		func(s *testCase) **document { return &s.ResourcePolicy },
	} {
		if d := *field(c); d != nil {
			change(func(s *testCase) { *field(s) = nil })
			for _, smaller := range d.smaller() {
				change(func(s *testCase) { *field(s) = &smaller })
			}
		}
	}
	for i := range c.Identity {
		change(func(s *testCase) { s.Identity = without(c.Identity, i) })
		for _, smaller := range c.Identity[i].smaller() {
			change(func(s *testCase) { s.Identity = with(c.Identity, i, smaller) })
		}
	}
	for _, field := range []func(*testCase) *[][]document{
		func(s *testCase) *[][]document { return &s.SCP },
		func(s *testCase) *[][]document { return &s.RCP },
	} {
		levels := *field(c)
		for i, docs := range levels {
			change(func(s *testCase) { *field(s) = without(levels, i) })
			for j := range docs {
				change(func(s *testCase) { *field(s) = with(levels, i, without(docs, j)) })
				for _, smaller := range docs[j].smaller() {
					change(func(s *testCase) { *field(s) = with(levels, i, with(docs, j, smaller)) })
				}
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(c.Context)) {
		change(func(s *testCase) { s.Context = withoutKey(c.Context, k) })
		for i := range c.Context[k] {
			if len(c.Context[k]) > 1 {
				change(func(s *testCase) {
					s.Context = maps.Clone(c.Context)
					s.Context[k] = without(c.Context[k], i)
				})
			}
		}
	}
	return out
}

func (d document) smaller() []document {
	var out []document
	for i, s := range d.Statement {
		if len(d.Statement) > 1 {
			out = append(out, document{d.Version, without(d.Statement, i)})
		}
		for _, smaller := range s.smaller() {
			out = append(out, document{d.Version, with(d.Statement, i, smaller)})
		}
	}
	return out
}

func (s statement) smaller() []statement {
	var out []statement
	for _, op := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[op])) {
			t := s
			t.Condition = withoutKey(s.Condition, op)
			if len(s.Condition[op]) > 1 {
				t.Condition[op] = withoutKey(s.Condition[op], key)
			}
			out = append(out, t)
			for i, values := 0, s.Condition[op][key]; len(values) > 1 && i < len(values); i++ {
				t := s
				t.Condition = maps.Clone(s.Condition)
				t.Condition[op] = maps.Clone(s.Condition[op])
				t.Condition[op][key] = without(values, i)
				out = append(out, t)
			}
		}
	}
	for _, field := range []func(*statement) *list{
		func(s *statement) *list { return &s.Action }, func(s *statement) *list { return &s.NotAction },
		func(s *statement) *list { return &s.Resource }, func(s *statement) *list { return &s.NotResource },
	} {
		l := *field(&s)
		for i := range l {
			t := s
			if len(l) > 1 {
				*field(&t) = without(l, i)
			} else if l[0] != "*" {
				*field(&t) = list{"*"}
			} else {
				continue
			}
			out = append(out, t)
		}
	}
	for _, field := range []func(*statement) *principals{
		func(s *statement) *principals { return &s.Principal }, func(s *statement) *principals { return &s.NotPrincipal },
	} {
		for kind, l := range *field(&s) {
			for i := 0; len(l) > 1 && i < len(l); i++ {
				t := s
				*field(&t) = principals{kind: without(l, i)}
				out = append(out, t)
			}
		}
	}
	return out
}

func without[S ~[]E, E any](s S, i int) S { return slices.Delete(slices.Clone(s), i, i+1) }

func with[S ~[]E, E any](s S, i int, v E) S {
	s = slices.Clone(s)
	s[i] = v
	return s
}

func withoutKey[M ~map[string]V, V any](m M, key string) M {
	m = maps.Clone(m)
	delete(m, key)
	return m
}
