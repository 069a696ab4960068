package pattern

// snapshot is a compiled set of rules. It is immutable.
type snapshot struct {
	root    *node
	fields  []*field
	clauses []*frozenClause
	always  []*branch // branches that no value can find: they want only absence
	slots   int
}

// frozenClause is a clause of the set, shared by all the branches that have it.
type frozenClause struct {
	id     uint32
	field  uint32
	eager  bool // the index marks it; otherwise it is decided when a candidate asks
	absent bool // it is satisfied where the field is absent
	any    []matcher
	pivots []*branch // the branches that are looked at when this clause is satisfied
}

// branch is one alternative of a rule.
type branch struct {
	rule  uint32
	all   []uint32 // its clauses by path
	rest  []uint32 // its clauses but the pivot, the cheapest first
	pivot int32    // or -1
}

// match finds the rules that event matches, in sc.rules.
func (s *snapshot) match(sc *scratch, event []byte) error {
	sc.begin(s, event)
	if err := sc.scan(); err != nil {
		return err
	}
	var undecided error
	for _, id := range sc.driven {
		if sc.satisfied(id) {
			sc.hits = append(sc.hits, id)
		}
	}
	for _, id := range sc.hits {
		for _, b := range s.clauses[id].pivots {
			if err := sc.try(b); err != nil {
				undecided = err
			}
		}
	}
	for _, b := range s.always {
		if err := sc.try(b); err != nil {
			undecided = err
		}
	}
	return undecided
}

// try adds the branch's rule where all clauses are satisfied.
func (sc *scratch) try(b *branch) error {
	if sc.ruleAt[b.rule] == sc.epoch {
		return nil
	}
	for _, id := range b.rest {
		if sc.mark[id] != sc.epoch && !sc.satisfied(id) {
			return nil
		}
	}
	if sc.nested && (len(b.all) > 1 || b.pivot < 0) {
		ok, err := sc.consistent(b)
		if !ok {
			return err
		}
	}
	sc.ruleAt[b.rule] = sc.epoch
	sc.rules = append(sc.rules, b.rule)
	return nil
}

// satisfied decides a clause, once for all branches that ask.
func (sc *scratch) satisfied(id uint32) bool {
	switch sc.mark[id] {
	case sc.epoch:
		return true
	case sc.epoch + 1:
		return false
	}
	c := sc.snap.clauses[id]
	if c.eager {
		return false // the index would have marked it
	}
	if sc.decide(c) {
		sc.mark[id] = sc.epoch
		return true
	}
	sc.mark[id] = sc.epoch + 1
	return false
}

// decide looks at the values of a clause's field one by one.
func (sc *scratch) decide(c *frozenClause) bool {
	if sc.fieldAt[c.field] != sc.epoch {
		return c.absent
	}
	if sc.nested && c.absent {
		return true // in which element it is absent, consistent tells
	}
	for k := sc.fieldVal[c.field]; k > 0; k = sc.values[k-1].next {
		if c.match(&sc.values[k-1]) {
			return true
		}
	}
	return false
}

func (c *frozenClause) match(v *value) bool {
	for i := range c.any {
		if c.any[i].match(v) {
			return true
		}
	}
	return false
}
