package scan

import (
	"regexp"
	"regexp/syntax"
)

// plan is how a rule's expression is asked at little cost. Go's regexp reads
// some ten megabytes a second with expressions like these, so it is shown as
// little text as is sound:
//
//   - whole: all of it, for expressions without a bound or without keywords.
//   - else, when every match holds a keyword, the text around each keyword that
//     a match could reach.
//   - and when every match begins with a keyword, but for a part that it could
//     do without, probe is asked first, there and nowhere else; and before it
//     gate, which is what probe begins with, when probe has no bound.
type plan struct {
	re          *regexp.Regexp
	whole       bool
	back, ahead int            // of a keyword's first byte: how far a match can reach
	probe, gate *regexp.Regexp // nil: none
	gateAhead   int
	same        bool // probe has the groups of re
}

// margin is how far a window reaches beyond the longest match, so that a match
// that touches its end was cut off.
const margin = 8

// maxWindow is the length of a match above which it counts as without bound.
const maxWindow = 4 << 10

// newPlan makes the plan of an expression that compiles.
func newPlan(expr string, keywords []string) *plan {
	p := &plan{re: regexp.MustCompile(expr), whole: true}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil || len(keywords) == 0 {
		return p
	}
	size := longest(tree)
	bounded := size >= 0 && size <= maxWindow
	if p.probeFrom(tree, keywords, bounded) {
		p.whole, p.ahead = false, overlap
		if bounded {
			p.ahead = size + margin
		}
		return p
	}
	if bounded && holds(tree, keywords) {
		p.whole, p.back, p.ahead = false, size+margin, size+margin
	}
	return p
}

// probeFrom sets probe, gate and back, if matches begin with keywords.
func (p *plan) probeFrom(tree *syntax.Regexp, keywords []string, bounded bool) bool {
	rest, head := essential(tree)
	if head < 0 || !beginsWith(rest, keywords) {
		return false
	}
	probe, err := regexp.Compile(`\A(?:` + rest.String() + `)`)
	if err != nil {
		return false
	}
	if !bounded {
		start, _ := prefix(rest)
		if p.gateAhead = longest(start); p.gateAhead < 0 || p.gateAhead > maxWindow {
			return false
		}
		if p.gate, err = regexp.Compile(`\A(?:` + start.String() + `)`); err != nil {
			return false
		}
		p.gateAhead += margin
	}
	p.probe, p.back = probe, head+margin
	p.same = probe.NumSubexp() == p.re.NumSubexp() && probe.NumSubexp() > 0
	return true
}
