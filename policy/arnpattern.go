package policy

import "strings"

// arnPattern matches ARNs part by part: a wildcard in one of the first five
// parts does not reach over the colon into the next, and the sixth is the rest
// of the ARN with any colons in it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
type arnPattern struct {
	form  arnForm
	plain bool        // the first five parts are literal: lead is all of them, with the colons
	lead  string      // the first five parts as written, with the colons
	head  [5]string   // the first five parts
	vars  *[5]pattern // the same when they have variables
	rest  pattern     // the sixth part
	whole pattern     // of form text
}

type arnForm uint8

const (
	parts   arnForm = iota
	all             // "*"
	text            // not an ARN: compared as one string
	nothing         // never matches
)

// split is an ARN with the ends of its first five parts.
type split struct {
	s    string
	ends [5]int // offsets of the first five colons
	arn  bool   // s has five colons
}

func splitARN(s string) split {
	a := split{s: s}
	pos := 0
	for i := range a.ends {
		n := strings.IndexByte(s[pos:], ':')
		if n < 0 {
			return a
		}
		a.ends[i] = pos + n
		pos += n + 1
	}
	a.arn = true
	return a
}

func (a *split) part(i int) string {
	if i == 0 {
		return a.s[:a.ends[0]]
	}
	return a.s[a.ends[i-1]+1 : a.ends[i]]
}

func (a *split) rest() string { return a.s[a.ends[4]+1:] }

// compileResource compiles an entry of Resource or NotResource. AWS fills up a
// pattern that has fewer than six parts with stars. Variables stand for values
// in the sixth part only.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-resourceelement
func compileResource(s string, with syntax) arnPattern {
	if s == "*" {
		return arnPattern{form: all}
	}
	fields := splitParts(s, with)
	if len(fields) == 1 {
		return arnPattern{form: text, whole: compilePattern(s, with)}
	}
	for len(fields) < 6 {
		fields = append(fields, "*")
	}
	return compileParts(fields, with)
}

// compileARNValue compiles a value of an ARN condition operator, where
// variables may stand in every part.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN
func compileARNValue(s string, with syntax) arnPattern {
	if s == "*" {
		return arnPattern{form: all}
	}
	fields := splitParts(s, with)
	if len(fields) < 6 {
		// ${aws:SourceArn} is an ARN only once it is resolved.
		if with&variables != 0 && strings.HasPrefix(s, "${") {
			return arnPattern{form: text, whole: compilePattern(s, with)}
		}
		return arnPattern{form: nothing}
	}
	p := compileParts(fields, with)
	if with&variables != 0 && strings.Contains(p.lead, "${") {
		p.plain, p.vars = false, new([5]pattern)
		for i := range p.vars {
			p.vars[i] = compilePattern(fields[i], with)
		}
	}
	return p
}

// splitParts splits at the first five colons that are not inside a variable.
func splitParts(s string, with syntax) []string {
	var fields []string
	start, inside := 0, false
	last := strings.LastIndexByte(s, '}') // a variable must be closed
	for i := 0; i < len(s) && len(fields) < 5; i++ {
		switch {
		case with&variables != 0 && i < last && strings.HasPrefix(s[i:], "${"):
			inside = true
		case s[i] == '}':
			inside = false
		case s[i] == ':' && !inside:
			fields = append(fields, s[start:i])
			start = i + 1
		}
	}
	return append(fields, s[start:])
}

func compileParts(fields []string, with syntax) arnPattern {
	p := arnPattern{form: parts, plain: true, rest: compilePattern(fields[5], with)}
	for i := range p.head {
		p.head[i] = fields[i]
		p.lead += fields[i] + ":"
		if strings.ContainsAny(fields[i], "*?") {
			p.plain = false
		}
	}
	return p
}

// split returns a pattern of the whole ARN that matches at least what p does,
// as tokens. It is made for patterns whose first five parts are literal.
func (p *arnPattern) split() []token {
	switch {
	case p.form == text:
		return p.whole.split()
	case p.form != parts || !p.plain:
		return []token{{kind: star}}
	}
	rest := p.rest.split()
	if len(rest) > 0 && rest[0].kind == literal {
		return append([]token{{kind: literal, text: p.lead + rest[0].text}}, rest[1:]...)
	}
	return append([]token{{kind: literal, text: p.lead}}, rest...)
}

func (p *arnPattern) match(a *split, c *Context) bool {
	switch p.form {
	case all:
		return true
	case nothing:
		return false
	case text:
		return p.whole.match(a.s, c)
	}
	if !a.arn {
		return false
	}
	if p.plain {
		if !strings.HasPrefix(a.s, p.lead) {
			return false
		}
		return p.rest.match(a.s[len(p.lead):], c)
	}
	for i := range p.head {
		if p.vars != nil {
			if !p.vars[i].match(a.part(i), c) {
				return false
			}
		} else if !matchWild(p.head[i], a.part(i)) {
			return false
		}
	}
	return p.rest.match(a.rest(), c)
}
