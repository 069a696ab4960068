package filter

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// node is a condition on a JSON message.
type node interface{ match(v any) bool }

type both struct{ a, b node }
type either struct{ a, b node }

func (n both) match(v any) bool   { return n.a.match(v) && n.b.match(v) }
func (n either) match(v any) bool { return n.a.match(v) || n.b.match(v) }

// test compares what a selector names. A condition on what is not there is
// false, but for NOT EXISTS.
type test struct {
	path   []string // names, and indexes in digits
	op     string
	number float64
	isNum  bool
	re     *regexp.Regexp // of a string with * or of an %expression%
	text   string
}

func decode(message string) (any, bool) {
	if !strings.HasPrefix(strings.TrimLeft(message, " \t\r\n"), "{") {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(message))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, false
	}
	return v, true
}

func (t *test) find(v any) (any, bool) {
	for _, name := range t.path {
		switch x := v.(type) {
		case map[string]any:
			var ok bool
			if v, ok = x[name]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

func (t *test) match(v any) bool {
	v, ok := t.find(v)
	switch t.op {
	case "NOT EXISTS":
		return !ok
	case "EXISTS":
		return ok
	case "IS NULL":
		return ok && v == nil
	case "IS TRUE":
		return ok && v == true
	case "IS FALSE":
		return ok && v == false
	}
	if !ok {
		return false
	}
	if t.isNum {
		n, ok := number(v)
		return ok && compare(t.op, n, t.number)
	}
	var s string
	switch x := v.(type) {
	case string:
		s = x
	case json.Number:
		s = x.String()
	case bool:
		s = strconv.FormatBool(x)
	default:
		return false
	}
	equal := s == t.text
	if t.re != nil {
		equal = t.re.MatchString(s)
	}
	return equal == (t.op == "=")
}

func number(v any) (float64, bool) {
	switch x := v.(type) {
	case json.Number:
		n, err := x.Float64()
		return n, err == nil
	case string:
		n, err := strconv.ParseFloat(x, 64)
		return n, err == nil
	}
	return 0, false
}

func compare(op string, a, b float64) bool {
	switch op {
	case "=":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}

// parser reads { … }; depth bounds parentheses.
type parser struct {
	s     string
	depth int
}

const maxDepth = 50

func parseJSON(s string) (node, error) {
	body, ok := strings.CutSuffix(s[1:], "}")
	if !ok {
		return nil, ErrInvalid
	}
	p := &parser{s: body}
	n, err := p.or()
	if err == nil && p.skip() != "" {
		err = ErrInvalid
	}
	return n, err
}

func (p *parser) skip() string {
	p.s = strings.TrimLeft(p.s, " \t\r\n")
	return p.s
}

func (p *parser) take(token string) bool {
	rest, ok := strings.CutPrefix(p.skip(), token)
	if ok {
		p.s = rest
	}
	return ok
}

func (p *parser) or() (node, error) {
	a, err := p.and()
	for err == nil && p.take("||") {
		var b node
		b, err = p.and()
		a = either{a, b}
	}
	return a, err
}

func (p *parser) and() (node, error) {
	a, err := p.one()
	for err == nil && p.take("&&") {
		var b node
		b, err = p.one()
		a = both{a, b}
	}
	return a, err
}

func (p *parser) one() (node, error) {
	if !p.take("(") {
		return p.test()
	}
	if p.depth++; p.depth > maxDepth {
		return nil, ErrInvalid
	}
	n, err := p.or()
	if err == nil && !p.take(")") {
		err = ErrInvalid
	}
	p.depth--
	return n, err
}

func (p *parser) test() (node, error) {
	t := &test{}
	if !p.take("$") {
		return nil, ErrInvalid
	}
	if err := p.selector(t); err != nil {
		return nil, err
	}
	for _, words := range []string{"NOT EXISTS", "EXISTS", "IS NULL", "IS TRUE", "IS FALSE"} {
		rest, ok := p.words(words)
		if ok {
			p.s, t.op = rest, words
			return t, nil
		}
	}
	for _, op := range []string{"!=", "<=", ">=", "=", "<", ">"} {
		if p.take(op) {
			t.op = op
			return t, p.value(t)
		}
	}
	return nil, ErrInvalid
}

// words takes words with any space between them.
func (p *parser) words(words string) (rest string, ok bool) {
	rest = p.skip()
	for w := range strings.SplitSeq(words, " ") {
		rest = strings.TrimLeft(rest, " ")
		if len(rest) < len(w) || !strings.EqualFold(rest[:len(w)], w) {
			return "", false
		}
		rest = rest[len(w):]
	}
	return rest, true
}

// selector: $.name.name[0], $["a name"].
func (p *parser) selector(t *test) error {
	for p.s != "" {
		switch {
		case p.s[0] == '.':
			n := 1
			for n < len(p.s) && nameByte(p.s[n]) {
				n++
			}
			if n == 1 {
				return ErrInvalid
			}
			t.path = append(t.path, p.s[1:n])
			p.s = p.s[n:]
		case strings.HasPrefix(p.s, `["`):
			name, rest, ok := quoted(p.s[1:])
			if !ok || !strings.HasPrefix(rest, "]") {
				return ErrInvalid
			}
			t.path, p.s = append(t.path, name), rest[1:]
		case p.s[0] == '[':
			in, rest, ok := strings.Cut(p.s[1:], "]")
			if _, err := strconv.ParseUint(in, 10, 31); err != nil || !ok {
				return ErrInvalid
			}
			t.path, p.s = append(t.path, in), rest
		default:
			if len(t.path) == 0 {
				return ErrInvalid
			}
			return nil
		}
	}
	return ErrInvalid // a selector alone
}

func nameByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-' || c == '/' || c == ':' || c >= 0x80
}

// value: a number, or a string with or without quotes in which * stands for
// anything, or an %expression%.
func (p *parser) value(t *test) (err error) {
	s := p.skip()
	if strings.HasPrefix(s, "%") {
		body, rest, ok := strings.Cut(s[1:], "%")
		if !ok || body == "" || t.op != "=" && t.op != "!=" {
			return ErrInvalid
		}
		p.s = rest
		t.re, err = expression(body)
		return err
	}
	if strings.HasPrefix(s, `"`) {
		var ok bool
		if t.text, p.s, ok = quoted(s); !ok {
			return ErrInvalid
		}
		return t.setText()
	}
	n := strings.IndexAny(s, " \t)&|")
	if n < 0 {
		n = len(s)
	}
	if t.text, p.s = s[:n], s[n:]; t.text == "" {
		return ErrInvalid
	}
	if t.number, err = strconv.ParseFloat(t.text, 64); err == nil {
		t.isNum = true
		return nil
	}
	return t.setText()
}

func (t *test) setText() error {
	if t.op != "=" && t.op != "!=" {
		return ErrInvalid
	}
	if !strings.Contains(t.text, "*") {
		return nil
	}
	parts := strings.Split(t.text, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	re, err := expression(`(?s)\A` + strings.Join(parts, ".*") + `\z`)
	t.re = re
	return err
}
