package organizations

import (
	"slices"
)

// How management policies are inherited. Policies are merged from the root to
// the account. In a policy every setting is a path of keys that ends in
// operators:
//
//	@@assign  takes the place of what is inherited
//	@@append  adds values to a list
//	@@remove  takes values from a list
//
// and any key on the path may say which operators policies further down may use
// there: for a setting which of the three, for a key above settings whether new
// keys may be added below it (not with @@none). That can only be narrowed.
// Operators that are not allowed have no effect.
//
// Policies attached to the same root, OU or account are merged in the order of
// attachment; they do not limit each other, and of two that assign the same
// setting the first one counts.
//
// https://docs.aws.amazon.com/organizations/latest/userguide/policy-operators.html
// https://docs.aws.amazon.com/organizations/latest/userguide/inheritance-examples.html

// operators is a set of operators.
type operators uint8

const (
	opAssign operators = 1 << iota
	opAppend
	opRemove
	opAll = opAssign | opAppend | opRemove
)

// element is a key of a document: with elements below, operators, or both.
type element struct {
	below   map[string]*element
	assign  any // nil: none. Otherwise a scalar or []any
	appends []any
	removes []any
	control *operators // what further policies may use here; nil: says nothing
}

// setting is an element of the effective policy.
type setting struct {
	below   map[string]*setting
	value   any // nil: not set. Otherwise a scalar or []any
	control operators
	level   int      // at which the value was assigned
	sources []string // policies that made the value
}

func newSetting() *setting { return &setting{below: map[string]*setting{}, control: opAll, level: -1} }

// source is a parsed policy with its id.
type source struct {
	id  string
	doc *element
}

// merge computes the effective policy of the levels, from the root to the
// account.
func merge(levels [][]source) *setting {
	root := newSetting()
	for i, level := range levels {
		before := root.controls()
		for _, apply := range []func(*setting, *element, operators, string, int){assign, appendTo, removeFrom} {
			for _, src := range level {
				walk(root, src.doc, before, func(s *setting, e *element, allowed operators) { apply(s, e, allowed, src.id, i) })
			}
		}
		for _, src := range level {
			narrow(root, src.doc)
		}
	}
	return root
}

// controls is a picture of who may do what, as it was before a level.
type controls struct {
	own   operators
	below map[string]*controls
}

func (s *setting) controls() *controls {
	c := &controls{own: s.control, below: map[string]*controls{}}
	for key, b := range s.below {
		c.below[key] = b.controls()
	}
	return c
}

// walk goes down both trees. Keys that are new to the levels above are made if
// the key above them allows it.
func walk(s *setting, e *element, before *controls, visit func(*setting, *element, operators)) {
	allowed := opAll
	if before != nil {
		allowed = before.own
	}
	visit(s, e, allowed)
	for key, sub := range e.below {
		var sb *controls
		if before != nil {
			sb = before.below[key]
		}
		if before != nil && sb == nil && allowed == 0 {
			continue // a new key, where none may be added
		}
		next := s.below[key]
		if next == nil {
			next = newSetting()
			s.below[key] = next
		}
		walk(next, sub, sb, visit)
	}
}

func assign(s *setting, e *element, allowed operators, id string, level int) {
	if e.assign == nil || allowed&opAssign == 0 || s.level == level {
		return
	}
	s.value, s.level, s.sources = e.assign, level, []string{id}
	if list, ok := e.assign.([]any); ok {
		s.value = distinct(nil, list)
	}
}

func appendTo(s *setting, e *element, allowed operators, id string, _ int) {
	if e.appends == nil || allowed&opAppend == 0 {
		return
	}
	old, ok := s.value.([]any)
	if s.value != nil && !ok {
		return // a single value
	}
	s.value = distinct(slices.Clone(old), e.appends)
	s.sources = append(slices.Clone(s.sources), id)
}

func removeFrom(s *setting, e *element, allowed operators, id string, _ int) {
	old, ok := s.value.([]any)
	if !ok || e.removes == nil || allowed&opRemove == 0 {
		return
	}
	s.value = slices.DeleteFunc(slices.Clone(old), func(v any) bool { return slices.Contains(e.removes, v) })
	s.sources = append(slices.Clone(s.sources), id)
}

// distinct adds to list what it does not have yet. Values are scalars.
func distinct(list, more []any) []any {
	if list == nil {
		list = []any{}
	}
	for _, v := range more {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// narrow takes over what a policy says about those further down.
func narrow(s *setting, e *element) {
	if e.control != nil {
		s.control &= *e.control
	}
	for key, sub := range e.below {
		if next := s.below[key]; next != nil {
			narrow(next, sub)
		}
	}
}

// plain is the effective policy as AWS shows it: without operators, and without
// what has no value.
func (s *setting) plain() any {
	if list, ok := s.value.([]any); ok && len(list) == 0 {
		return nil
	}
	if s.value != nil {
		return s.value
	}
	out := map[string]any{}
	for key, b := range s.below {
		if v := b.plain(); v != nil {
			out[key] = v
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}
