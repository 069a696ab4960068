package analysis

import (
	"slices"
	"strings"
)

// knownAction returns an action of AWS's in a region, so that people know what
// a witness is about; "" when the reference has none.
func (e *engine) knownAction(region int32) string {
	if e.reference == nil {
		return ""
	}
	for _, c := range e.actions.regions[region] {
		if len(c.yes) == 0 {
			continue
		}
		g := e.actions.flat[c.yes[0]]
		for _, prefix := range e.prefixes(g) {
			s, ok := e.reference.Service(prefix)
			if !ok {
				continue
			}
			for i := range s.Actions {
				name := s.Prefix + ":" + s.Actions[i].Name
				if e.actions.holds(c, strings.ToLower(name)) {
					return name
				}
			}
		}
	}
	return ""
}

// prefixes returns the services to look for an action of g in.
func (e *engine) prefixes(g *glob) []string {
	var b strings.Builder
	for _, t := range g.tokens {
		switch {
		case t.kind == char && t.char == ':':
			return []string{b.String()}
		case t.kind == char:
			b.WriteRune(t.char)
		default:
			return []string{"s3", "iam", "ec2", "kms", "sts", "sqs"}
		}
	}
	return nil
}

// holds reports whether a word is in a cube without variables.
func (s *space) holds(c cube, word string) bool {
	for _, g := range c.yes {
		if !s.flat[g].matches(word) {
			return false
		}
	}
	return !slices.ContainsFunc(c.no, func(g int32) bool { return s.flat[g].matches(word) })
}

// pretty fills the wildcards of a flat glob in such a way that people recognise
// what it is. service is for an ARN of any service.
func pretty(g *glob, no []*glob, service string) (string, bool) {
	for _, filler := range []string{"example", "x", "", "Example1"} {
		w, ok := fill(g, filler, service)
		if ok && g.matches(w) && !slices.ContainsFunc(no, func(n *glob) bool { return n.matches(w) }) {
			return w, true
		}
	}
	return "", false
}

func fill(g *glob, filler, service string) (string, bool) {
	defaults := []string{"", "aws", service, "us-east-1", someAccount}
	var b strings.Builder
	part, isARN := 0, len(g.tokens) > 3 && g.tokens[3].kind == char && g.tokens[3].char == ':'
	for i, t := range g.tokens {
		switch {
		case t.kind == char:
			b.WriteRune(t.char)
			if t.char == ':' {
				part++
			}
			continue
		case t.kind == symbol || t.kind == digit:
			return "", false
		}
		next := i+1 < len(g.tokens)
		starts := i == 0 || g.tokens[i-1].kind == char && g.tokens[i-1].char == ':'
		ends := !next || g.tokens[i+1].kind == char && g.tokens[i+1].char == ':'
		some := t.kind == one && next && g.tokens[i+1].kind == many
		after := t.kind == many && i > 0 && g.tokens[i-1].kind == one
		switch {
		case after: // the character is written already
		case isARN && part < len(defaults) && starts && (ends || some):
			b.WriteString(defaults[part])
		case t.kind == one && filler == "":
			b.WriteByte('x')
		case t.kind == one && !some:
			b.WriteByte(filler[0])
		default:
			b.WriteString(filler)
		}
	}
	return b.String(), true
}
