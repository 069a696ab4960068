package policy

// condition is a compiled Condition: one operator on one key.
type condition struct {
	operator
	key    key
	values []value
	source *Condition
}

func compileCondition(in *Condition, with syntax) (condition, bool) {
	op, ok := parseOperator(in.Operator)
	if !ok {
		return condition{}, false
	}
	out := condition{operator: op, key: newKey(in.Key), source: in, values: make([]value, len(in.Values))}
	for i, text := range in.Values {
		out.values[i] = compileValue(op.test, text, with)
	}
	return out, true
}

// holds reports whether the condition is true in context c.
//
// A key without a value makes a condition false, but a negated one true, an
// IfExists one true, ForAllValues true and ForAnyValue false.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
func (t *condition) holds(c *Context) bool {
	f, ok := c.find(t.key)
	if t.test == null {
		return t.holdsNull(ok)
	}
	if !ok {
		switch {
		case t.ifExists || t.quantifier == allValues:
			return true
		case t.quantifier == anyValue:
			return false
		}
		return t.negated
	}
	switch t.quantifier {
	case allValues:
		for i := range f.len() {
			if !t.accepts(f, i, c) {
				return false
			}
		}
		return true
	case anyValue:
		for i := range f.len() {
			if t.accepts(f, i, c) {
				return true
			}
		}
		return false
	}
	// A multivalued key needs a set operator; without one nothing can be said
	// of it, and neither an operator nor its negation holds.
	return !f.multi() && t.accepts(f, 0, c)
}

func (t *condition) holdsNull(exists bool) bool {
	for i := range t.values {
		if v := &t.values[i]; v.valid && v.yes == !exists {
			return true
		}
	}
	return false
}

// accepts tests value i of the context against the values of the policy: it
// must equal one of them, or, for a negated operator, none.
func (t *condition) accepts(f found, i int, c *Context) bool {
	for j := range t.values {
		if t.values[j].matches(t.test, f, i, c) {
			return !t.negated
		}
	}
	return t.negated
}
