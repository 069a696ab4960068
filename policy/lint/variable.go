package lint

import "strings"

func hasVariable(s string) bool { return strings.Contains(s, "${") }

// variables checks policy variables wherever they stand in a statement.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
func (l *linter) variables(s *statement) {
	for _, v := range s.resource.values {
		l.variable(v)
	}
	for _, c := range s.conditions {
		for _, v := range c.values {
			l.variable(v)
		}
	}
	for _, v := range s.action.values {
		l.noVariable(v)
	}
	for _, p := range s.principals {
		l.noVariable(p.node)
	}
	if s.sid != nil {
		l.noVariable(s.sid)
	}
}

// variable checks the form of the variables in a text.
func (l *linter) variable(v *node) {
	s := v.text
	if hasVariable(s) && !l.modern {
		l.about("VARIABLE_UNSUPPORTED_IN_VERSION", at(v))
		return
	}
	for pos := 0; ; {
		i := strings.Index(s[pos:], "${")
		if i < 0 {
			return
		}
		start := pos + i
		n := strings.IndexByte(s[start:], '}')
		if n < 0 {
			l.about("MISSING_BRACE_IN_VARIABLE", within(v, start, len(s)))
			return
		}
		pos = start + n + 1
		l.inner(within(v, start, pos), s[start+2:pos-1])
	}
}

// inner checks what stands between the braces.
func (l *linter) inner(p place, s string) {
	name, fallback, found := strings.Cut(s, ",")
	switch fallback = strings.TrimSpace(fallback); {
	case strings.TrimSpace(name) == "":
		l.about("EMPTY_VARIABLE", p)
	case strings.ContainsAny(strings.TrimSuffix(name, " "), " \t"):
		l.about("UNSUPPORTED_SPACE_IN_VARIABLE", p)
	case found && (len(fallback) < 2 || fallback[0] != '\'' || fallback[len(fallback)-1] != '\''):
		l.about("MISSING_QUOTE_IN_VARIABLE", p)
	}
}

func (l *linter) noVariable(v *node) {
	start := strings.Index(v.text, "${")
	if start < 0 {
		return
	}
	if n := strings.IndexByte(v.text[start:], '}'); n > 0 {
		end := start + n + 1
		l.about("VARIABLE_UNSUPPORTED_IN_ELEMENT", within(v, start, end), v.text[start:end])
	}
}

// variableIn: only some operators resolve variables.
func (l *linter) variableIn(c *condition, v *node) {
	if l.modern && c.family != stringOp && c.family != arnOp {
		l.about("INVALID_VARIABLE_FOR_OPERATOR", at(v))
	}
}
