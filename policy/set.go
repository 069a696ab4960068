package policy

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
)

// Set is an immutable index of the statements of several policies. It may be
// used by many goroutines at once. Statements are found in two steps: the
// action names its bucket, exact ones by a map and wildcards by the literal
// prefix of the pattern; within the bucket, the resource names its candidates
// by the literal prefix of their patterns. Only candidates are matched in full.
// The cost of a decision grows with the candidates, not with the statements.
type Set struct {
	policies   []*held
	statements []statement
	allow      index
	deny       index
	parts      []*Set // of Join
}

// Compile indexes the documents, which must have passed Check and must not
// change afterwards. Statements that could not be understood never allow.
func Compile(policies ...Labelled) *Set {
	s := &Set{}
	owned := make([]held, len(policies)) // Match.Source points here
	for i := range owned {
		owned[i].Labelled = policies[i]
		s.policies = append(s.policies, &owned[i])
		for j := range owned[i].Document.Statements {
			s.statements = append(s.statements, compileStatement(&owned[i].Labelled, j))
		}
	}
	s.allow = buildIndex(s.statements, false)
	s.deny = buildIndex(s.statements, true)
	return s
}

// Join returns a set that says what all of them say, without compiling anything
// again: many principals share what a large policy was compiled to. A decision
// asks the parts one after the other.
func Join(sets ...*Set) *Set {
	out := &Set{}
	for _, s := range sets {
		if s == nil || len(s.policies) == 0 {
			continue
		}
		out.policies = append(out.policies, s.policies...)
		if s.parts != nil {
			out.parts = append(out.parts, s.parts...)
		} else {
			out.parts = append(out.parts, s)
		}
	}
	if len(out.parts) == 1 {
		return out.parts[0]
	}
	return out
}

// all are the sets that hold the statements.
func (s *Set) all() []*Set {
	if s.parts != nil {
		return s.parts
	}
	return []*Set{s}
}

// held is a policy of a set, with its fingerprint once it was asked for.
type held struct {
	Labelled
	print atomic.Pointer[string]
}

// Policies returns what the set was compiled from. It must not be changed.
func (s *Set) Policies() []*Labelled {
	if s == nil {
		return nil
	}
	out := make([]*Labelled, len(s.policies))
	for i, p := range s.policies {
		out[i] = &p.Labelled
	}
	return out
}

// Fingerprint names the text of policy i by its content, in the form of a UUID:
// the first half of the SHA-256 of what MarshalJSON writes. It is worked out once
// for a set.
func (s *Set) Fingerprint(i int) (string, error) {
	p := s.policies[i]
	if known := p.print.Load(); known != nil {
		return *known, nil
	}
	text, err := json.Marshal(p.Document)
	if err != nil {
		return "", err
	}
	h := sha256.Sum256(text)
	print := fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
	p.print.Store(&print)
	return print, nil
}

// Len returns the number of statements.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	n := len(s.statements)
	for _, p := range s.parts {
		n += len(p.statements)
	}
	return n
}

// query is a request made ready for matching.
type query struct {
	principal *Principal
	action    []byte // in lower case; nil matches nothing
	resource  split
	context   *Context
	bounded   bool // the principal has a permissions boundary
}

// find returns the Allow statement, or the Deny statement, that matches q with
// the closest standing, or the first with at least the standing that is enough.
// It returns nil and stranger when none matches.
func (s *Set) find(deny bool, q *query, enough standing) (*statement, standing) {
	if s.parts == nil {
		return s.own(deny, q, enough)
	}
	var best *statement
	closest := stranger
	for _, p := range s.parts {
		st, at := p.own(deny, q, enough)
		if at > closest {
			best, closest = st, at
		}
		if closest >= enough {
			break
		}
	}
	return best, closest
}

// own is find among the set's own statements.
func (s *Set) own(deny bool, q *query, enough standing) (*statement, standing) {
	x := &s.allow
	if deny {
		x = &s.deny
	}
	if len(x.exact) == 0 && len(x.buckets) == 0 {
		return nil, stranger
	}
	var best *statement
	closest := stranger
	if r := x.exact[string(q.action)]; r != nil {
		if best, closest = s.search(r, q, enough); closest >= enough {
			return best, closest
		}
	}
	for n := x.wild.longestOf(q.action); n >= 0; n = x.wild.up[n] {
		for _, b := range x.buckets[n] {
			if !matchWild(b.pattern, q.action) {
				continue
			}
			st, at := s.search(b.resources, q, enough)
			if at > closest {
				best, closest = st, at
			}
			if closest >= enough {
				return best, closest
			}
		}
	}
	return best, closest
}

// search is find within one bucket.
func (s *Set) search(r *resources, q *query, enough standing) (*statement, standing) {
	c := choice{enough: enough}
	s.scan(r.whole, q.resource.s, q, &c)
	if c.closest < enough && q.resource.arn && len(r.sixth.nodes) > 0 {
		s.scan(r.sixth, q.resource.rest(), q, &c)
	}
	return c.best, c.closest
}

// choice is the best statement so far.
type choice struct {
	best            *statement
	closest, enough standing
}

// scan offers c the candidates whose pattern begins as text does.
func (s *Set) scan(t *tree, text string, q *query, c *choice) {
	for n := t.prefixes.longest(text); n >= 0; n = t.prefixes.up[n] {
		here := &t.nodes[n]
		for _, cand := range here.list {
			if s.offer(cand, q, c); c.closest >= c.enough {
				return
			}
		}
		for i := range here.behind {
			b := &here.behind[i]
			rest := text[len(t.prefixes.keys[n]):]
			v, ok := q.context.resolve(&b.variable)
			if !ok || !strings.HasPrefix(rest, v) {
				continue
			}
			if s.scan(b.tree, rest[len(v):], q, c); c.closest >= c.enough {
				return
			}
		}
	}
}

// offer takes the candidate into c if it matches in full and stands closer.
func (s *Set) offer(cand candidate, q *query, c *choice) {
	st := &s.statements[cand.statement]
	if cand.pattern < 0 {
		if !st.matchesResource(q) {
			return
		}
	} else if !st.resources[cand.pattern].match(&q.resource, q.context) {
		return
	}
	if st.notAction && !st.matchesAction(q) {
		return
	}
	if at := st.standing(q); at > c.closest && st.matchesConditions(q.context) {
		c.best, c.closest = st, at
	}
}
