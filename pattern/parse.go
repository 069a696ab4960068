package pattern

import (
	"slices"
	"sort"
	"strings"
	"sync"
)

// Pattern is a parsed event pattern: an alternative of branches, of which each
// wants all its clauses. It is immutable.
type Pattern struct {
	branches [][]clause // the clauses of a branch by path
	source   string
	nested   bool // an object holds another

	once sync.Once
	snap *snapshot
}

// clause is what one field must satisfy: one of its matchers.
type clause struct {
	path  string // segments joined by dots, as EventBridge joins them
	any   []matcher
	key   string // equal clauses have equal keys
	score int
}

// String is the pattern's JSON, as it was given.
func (p *Pattern) String() string { return p.source }

// Parse reads an event pattern within the default limits. Its errors are *Error.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
func Parse(source string) (*Pattern, error) { return Limits{}.Parse(source) }

// Parse reads an event pattern within l.
func (l Limits) Parse(source string) (*Pattern, error) {
	l = l.withDefaults()
	if len(source) > l.Bytes {
		return nil, &Error{Reason: "Event pattern is longer than the quota allows"}
	}
	p := &parser{lexer: lexer{src: source}, limits: l}
	if p.next() != beginObject {
		p.fail("Filter is not an object")
		return nil, p.failed
	}
	branches := p.object(nil, nil, false)
	if p.failed == nil {
		if p.space(); p.pos < len(p.src) {
			p.value()
			p.fail("Unexpected content after the pattern")
		}
	}
	if p.failed != nil {
		return nil, p.failed
	}
	out := &Pattern{source: source, nested: p.nested}
	for _, b := range branches {
		clauses := make([]clause, 0, len(b))
		for path, any := range b {
			clauses = append(clauses, clause{path: path, any: any, key: clauseKey(path, any), score: score(any)})
		}
		sort.Slice(clauses, func(i, j int) bool { return clauses[i].path < clauses[j].path })
		out.branches = append(out.branches, clauses)
	}
	return out, nil
}

type parser struct {
	lexer
	limits Limits
	depth  int
	nested bool
}

// alternative is a branch while it is read: what each path must satisfy. Of a
// path that comes twice the last counts.
type alternative map[string][]matcher

// object reads the fields of an object at path into every alternative. A $or
// multiplies them by its members.
func (p *parser) object(alts []alternative, path []string, inOr bool) []alternative {
	if p.depth++; p.depth > p.limits.Depth {
		p.fail("Event pattern is nested too deeply")
		return nil
	}
	defer func() { p.depth-- }()
	empty := true
	for {
		switch p.next() {
		case endObject:
			if empty {
				p.fail("Empty objects are not allowed")
			}
			return alts
		case nameToken:
		default:
			return nil
		}
		empty = false
		name := p.field
		if name == "$or" {
			alts = p.or(alts, path)
			continue
		}
		if inOr && slices.Contains(reserved, name) {
			p.fail("%s is Ruler reserved fieldName which cannot be used inside $or.", name)
			return nil
		}
		switch p.next() {
		case beginObject:
			p.nested = true
			alts = p.object(alts, append(slices.Clip(path), name), inOr)
		case beginArray:
			any := p.values()
			if len(alts) == 0 {
				alts = []alternative{{}}
			}
			full := strings.Join(append(slices.Clip(path), name), ".")
			for _, a := range alts {
				a[full] = any
			}
		default:
			p.fail(`"%s" must be an object or an array`, name)
			return nil
		}
	}
}

// reserved are the names that may not stand below $or, where they would look
// like operators.
var reserved = []string{
	"exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr",
	"=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case",
	"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range",
	"ip-address-in-range", "ip-address-not-in-range",
}

func (p *parser) or(alts []alternative, path []string) (out []alternative) {
	if p.next() != beginArray {
		p.fail("It must be an Array followed with $or.")
		return nil
	}
	members := 0
	for {
		switch t := p.next(); {
		case t == endArray:
			if members < 2 {
				p.fail("There must have at least 2 Objects in $or relationship.")
			}
			return out
		case t != beginObject:
			p.fail("Only JSON object is allowed in array of $or relationship.")
			return nil
		}
		members++
		each := make([]alternative, 0, max(1, len(alts)))
		for _, a := range alts {
			each = append(each, clone(a))
		}
		if len(each) == 0 {
			each = append(each, alternative{})
		}
		if out = append(out, p.object(each, path, true)...); len(out) > p.limits.Branches {
			p.failBare("Rule is too complex - try using fewer $or alternatives")
		}
		if p.failed != nil {
			return nil
		}
	}
}

func clone(a alternative) alternative {
	c := make(alternative, len(a)+1)
	for k, v := range a {
		c[k] = v
	}
	return c
}

// values reads the array of what a field may be.
func (p *parser) values() (out []matcher) {
	for {
		switch p.next() {
		case endArray:
			if len(out) == 0 {
				p.fail("Empty arrays are not allowed")
			}
			return out
		case beginObject:
			out = append(out, p.expression())
		case stringToken:
			s := p.text()
			if a, ok := parseIP([]byte(s)); ok {
				out = append(out, matcher{op: opCIDR, ip: a, bits: a.bits()})
			} else {
				out = append(out, matcher{op: opString, s: s})
			}
		case numberToken:
			out = append(out, numberMatcher(p.text()))
		case trueToken, falseToken, nullToken:
			out = append(out, matcher{op: opLiteral, s: p.text()})
		default:
			p.fail("Match value must be String, number, true, false, or null")
		}
		if p.failed != nil {
			return nil
		}
	}
}

// numberMatcher: a number that can be compared is met by every way to write
// it, another (an account id) by its text alone.
func numberMatcher(text string) matcher {
	if v, ok, _ := number([]byte(text)); ok {
		return matcher{op: opNumber, lo: v, hi: v}
	}
	return matcher{op: opDigits, s: text}
}
