package analysis

import (
	"fmt"
	"slices"
	"strings"

	"bartizan.dev/policy"
)

// witness makes a request of a box and has policy.Decide confirm it. Without
// policy variables the first request must do. With them, some are tried; when
// none does, the branch is undecided.
func (e *engine) witness(b *box) (*Witness, error) {
	if len(e.symbols) == 0 && len(e.opaques) == 0 {
		w, ok, err := e.request(b, nil)
		if err != nil {
			return nil, err
		}
		if !ok || !e.confirms(w) {
			return nil, fmt.Errorf("analysis: this is a bug: policy.Decide does not confirm %s on %s by %s", w.Request.Action, w.Request.Resource, w.Request.Principal.ARN)
		}
		return w, nil
	}
	w, err := e.try(b)
	if w == nil && err == nil && e.undecided == nil {
		e.undecided = e.blame(b)
	}
	return w, err
}

// isNew reports whether the new documents allow and the old do not.
func (e *engine) isNew(w *Witness) bool {
	return policy.Decide(&w.Request, &e.new.bindings).Allowed && !policy.Decide(&w.Request, &e.old.bindings).Allowed
}

// blame names the variable on which a box depends.
func (e *engine) blame(b *box) *UnsupportedError {
	for i, o := range b.opaque {
		if o != 0 {
			c := e.opaques[i].condition
			return &UnsupportedError{
				Element: fmt.Sprintf("condition %s %s %s", c.Operator, c.Key, strings.Join(c.Values, ", ")),
				Reason:  "the answer depends on the values of its policy variables",
			}
		}
	}
	for _, c := range e.resources.regions[b.resource] {
		for _, g := range slices.Concat(c.yes, c.no) {
			if e.resources.globs[g].symbols {
				return &UnsupportedError{Element: "resource " + e.resources.globs[g].text, Reason: "the answer depends on the values of its policy variables"}
			}
		}
	}
	return &UnsupportedError{Element: "policy variables", Reason: "the answer depends on their values"}
}

// request makes a request of a box. chosen overrules the values of keys by
// their number; absent ones are nil lists.
func (e *engine) request(b *box, chosen map[int]Key) (*Witness, bool, error) {
	who := &e.people[e.choose(b.who)]
	w := &Witness{Request: policy.Request{Principal: who.Principal}}
	var ok bool
	var err error
	if w.Request.Action, ok, err = e.word(e.actions, b.action, nil); !ok {
		return w, false, err
	}
	values := map[string]string{}
	for i, k := range e.keys {
		v := Key{Name: k.name}
		if c, ok := chosen[i]; ok {
			v = c
		} else if s := &b.keys[i]; !s.absent {
			if c := s.single.first(); c >= 0 {
				v.Values = []string{k.cells[c]}
			} else {
				v.Values, v.Multi = s.values(k), true
			}
		}
		if v.Values != nil {
			w.Context = append(w.Context, v)
			if !v.Multi {
				values[strings.ToLower(v.Name)] = v.Values[0]
			}
		}
	}
	if w.Request.Resource, ok, err = e.word(e.resources, b.resource, values); !ok {
		return w, false, err
	}
	w.finish(who)
	return w, true, nil
}

// choose prefers the plainest of the principals.
func (e *engine) choose(who set) int {
	best, rank := -1, 0
	for i := who.first(); i >= 0; i = who.after(i) {
		r := 1
		switch e.people[i].Kind {
		case policy.User:
			r = 4
		case policy.Role:
			r = 3
		case policy.Anonymous:
			r = 2
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best
}

// finish puts the keys into the request's context.
func (w *Witness) finish(who *who) {
	slices.SortFunc(w.Context, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	who.context(&w.Request.Context)
	for _, k := range w.Context {
		if k.Multi {
			w.Request.Context.SetAll(k.Name, k.Values)
		} else {
			w.Request.Context.Set(k.Name, k.Values[0])
		}
	}
}

// word returns a word of a region, for the values that variables have. It
// prefers one that looks like a name of AWS.
func (e *engine) word(s *space, region int32, values map[string]string) (string, bool, error) {
	for _, c := range s.regions[region] {
		yes, no := e.bind(s, c.yes, values), e.bind(s, c.no, values)
		if slices.Contains(yes, nil) {
			continue // a variable without a value matches nothing
		}
		no = slices.DeleteFunc(no, func(g *glob) bool { return g == nil })
		if len(yes) == 1 {
			if w, ok := pretty(yes[0], no); ok {
				return w, true, nil
			}
		}
		w, ok, err := difference(e.meter, yes, no)
		if ok || err != nil {
			return string(w), ok, err
		}
	}
	return "", false, nil
}

// bind returns globs with the values of their variables; nil for one that has
// a variable without a value.
func (e *engine) bind(s *space, list []int32, values map[string]string) []*glob {
	var out []*glob
	for _, n := range list {
		out = append(out, e.bound(s.flat[n], values))
	}
	return out
}

func (e *engine) bound(g *glob, values map[string]string) *glob {
	if !g.symbols {
		return g
	}
	var tokens []token
	for _, t := range g.tokens {
		if t.kind != symbol {
			tokens = append(tokens, t)
			continue
		}
		v := e.symbols[t.char-firstSymbol]
		text, ok := values[strings.ToLower(v.name)]
		if !ok {
			if text, ok = v.fallback, v.optional; !ok {
				return nil
			}
		}
		tokens = append(tokens, chars(text, false)...)
	}
	return newGlob(g.text, tokens).flat()
}

// pretty tries to fill the wildcards of g in such a way that people recognise
// what it is.
func pretty(g *glob, no []*glob) (string, bool) {
	for _, filler := range []string{"", "x", "example", "Example1"} {
		var b strings.Builder
		part, fill := 0, false
		for i, t := range g.tokens {
			switch t.kind {
			case char:
				b.WriteRune(t.char)
				if t.char == ':' {
					part++
				}
				continue
			case one:
				if i+1 < len(g.tokens) && g.tokens[i+1].kind == many {
					continue // of a "some"
				}
				b.WriteByte('x')
				continue
			case many:
				fill = i > 0 && g.tokens[i-1].kind == one
			default:
				return "", false
			}
			whole := (i+1 == len(g.tokens) || g.tokens[i+1].char == ':') && strings.HasSuffix(b.String(), ":")
			switch {
			case whole && part == 1 && !fill:
				b.WriteString("aws")
			case whole && part == 1:
				b.WriteString("aws")
			case whole && part == 2:
				b.WriteString("s3")
			case whole && part == 3:
				b.WriteString("us-east-1")
			case whole && part == 4:
				b.WriteString(someAccount)
			case fill && filler == "":
				b.WriteByte('x')
			default:
				b.WriteString(filler)
			}
		}
		w := b.String()
		if g.matches(w) && !slices.ContainsFunc(no, func(n *glob) bool { return n.matches(w) }) {
			return w, true
		}
	}
	return "", false
}
