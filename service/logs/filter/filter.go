// Package filter is the filter pattern language of CloudWatch Logs, as
// FilterLogEvents and metric filters use it: terms, and conditions on JSON.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
package filter

import (
	"errors"
	"regexp"
	"strings"
)

// ErrInvalid says that a text is no filter pattern.
var ErrInvalid = errors.New("invalid filter pattern")

// ErrColumns: patterns for space-delimited events, [a, b], are not built.
var ErrColumns = errors.New("patterns for space-delimited log events are not built")

// maxPattern is the most bytes of a pattern, as the API model has it.
const maxPattern = 1024

// Pattern is a parsed filter pattern. It is immutable.
type Pattern struct {
	all, none, any []term
	json           node
}

// term is a text to be found, or an expression.
type term struct {
	text string
	re   *regexp.Regexp
}

func (t *term) in(message string) bool {
	if t.re != nil {
		return t.re.MatchString(message)
	}
	return strings.Contains(message, t.text)
}

// Parse reads a pattern. An empty one matches everything.
func Parse(s string) (*Pattern, error) {
	if len(s) > maxPattern {
		return nil, ErrInvalid
	}
	s = strings.TrimSpace(s)
	switch {
	case strings.HasPrefix(s, "{"):
		n, err := parseJSON(s)
		return &Pattern{json: n}, err
	case strings.HasPrefix(s, "["):
		return nil, ErrColumns
	}
	p := &Pattern{}
	for s != "" {
		sign := s[0]
		if sign == '?' || sign == '-' {
			s = s[1:]
		}
		t, rest, err := nextTerm(s)
		if err != nil {
			return nil, err
		}
		switch sign {
		case '?':
			p.any = append(p.any, t)
		case '-':
			p.none = append(p.none, t)
		default:
			p.all = append(p.all, t)
		}
		s = strings.TrimLeft(rest, " \t")
	}
	return p, nil
}

// nextTerm takes a word, a "phrase" or an %expression% from the front.
func nextTerm(s string) (t term, rest string, err error) {
	switch {
	case s == "":
		return t, "", ErrInvalid
	case s[0] == '"':
		text, rest, ok := quoted(s)
		if !ok || rest != "" && rest[0] != ' ' {
			return t, "", ErrInvalid
		}
		return term{text: text}, rest, nil
	case s[0] == '%':
		body, rest, ok := strings.Cut(s[1:], "%")
		if !ok || body == "" {
			return t, "", ErrInvalid
		}
		re, err := expression(body)
		return term{re: re}, rest, err
	}
	word, rest, _ := strings.Cut(s, " ")
	for i := 0; i < len(word); i++ {
		// "Terms with non-alphanumeric characters must be placed inside double quotes."
		if c := word[i]; !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80) {
			return t, "", ErrInvalid
		}
	}
	return term{text: word}, rest, nil
}

// expression compiles a regular expression; AWS's syntax is a part of RE2's.
func expression(s string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, ErrInvalid
	}
	return re, nil
}

// quoted takes a string in double quotes from the front; \" and \\ are escapes.
func quoted(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// Match reports whether a message matches. Terms with a question mark count only
// where there are no others.
func (p *Pattern) Match(message string) bool {
	if p.json != nil {
		v, ok := decode(message)
		return ok && p.json.match(v)
	}
	for i := range p.all {
		if !p.all[i].in(message) {
			return false
		}
	}
	for i := range p.none {
		if p.none[i].in(message) {
			return false
		}
	}
	if len(p.all)+len(p.none) > 0 || len(p.any) == 0 {
		return true
	}
	for i := range p.any {
		if p.any[i].in(message) {
			return true
		}
	}
	return false
}
