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
	if len(e.symbols) == 0 && len(e.cores) == 0 {
		w, ok, err := e.request(b, nil)
		if err != nil {
			return nil, err
		}
		if !ok || !e.confirms(w) {
			return nil, fmt.Errorf("analysis: this is a bug: policy.Decide does not confirm %s on %s by %s", w.Request.Action, w.Request.Resource, w.Request.Principal.ARN)
		}
		return w, nil
	}
	w, sure, err := e.try(b)
	if w == nil && err == nil && !sure && e.undecided == nil {
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
	for i, o := range b.cores {
		if o != 0 {
			c := e.cores[i].condition
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
	if w.Request.Action = e.knownAction(b.action); w.Request.Action == "" {
		if w.Request.Action, ok, err = e.word(e.actions, b.action, nil, ""); !ok {
			return w, false, err
		}
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
	service, _, _ := strings.Cut(w.Request.Action, ":")
	if w.Request.Resource, ok, err = e.word(e.resources, b.resource, values, service); !ok {
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
func (e *engine) word(s *space, region int32, values map[string]string, service string) (string, bool, error) {
	cubes := slices.Clone(s.regions[region])
	slices.SortStableFunc(cubes, func(a, b cube) int { return s.plainness(b) - s.plainness(a) })
	for _, c := range cubes {
		yes, no := e.bind(s, c.yes, values), e.bind(s, c.no, values)
		if slices.Contains(yes, nil) {
			continue // a variable without a value matches nothing
		}
		no = slices.DeleteFunc(no, func(g *glob) bool { return g == nil })
		if len(yes) == 1 {
			if w, ok := pretty(yes[0], no, service); ok {
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

// plainness is low for the literal "*": a witness on a resource says more.
func (s *space) plainness(c cube) int {
	if len(c.yes) == 1 && len(s.globs[c.yes[0]].tokens) == 1 {
		return 0
	}
	return 1
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
