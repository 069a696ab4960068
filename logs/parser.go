package logs

import "unsafe"

// parser fills a record from one JSON object. A syntax error or an early end
// stands in at; a record of the wrong shape is read to its end and refused for
// the reason in bad.
type parser struct {
	s     string
	at    int
	bad   string
	arena []byte // of unescaped strings; never written twice

	order   []foreseen // of the members of the next query
	lessons int
}

const arenaSize = 16 << 10

// object calls f with the name of each member; f must read the value.
func object[T any](p *parser, r *T, what string, f func(p *parser, r *T, key string)) {
	if p.s[p.at] != '{' {
		if p.s[p.at] != 'n' {
			p.refuse(what, " is not an object")
		}
		p.skip()
		return
	}
	s := p.s
	i := blank(s, p.at+1)
	if i < len(s) && s[i] == '}' {
		p.at = i + 1
		return
	}
	for {
		if i >= len(s) {
			p.at = short
			return
		}
		if s[i] != '"' {
			p.at = wrong
			return
		}
		end, escaped := stringEnd(s, i)
		if end < 0 {
			p.at = end
			return
		}
		key := s[i+1 : end-1]
		if escaped {
			key = text(key)
		}
		if end < len(s) && s[end] == ':' {
			i = end
		} else if i = blank(s, end); i < len(s) && s[i] != ':' {
			p.at = wrong
			return
		}
		if i = blank(s, i+1); i >= len(s) {
			p.at = short
			return
		}
		p.at = i
		f(p, r, key)
		if p.at < 0 {
			return
		}
		if i = blank(s, p.at); i >= len(s) {
			p.at = short
			return
		}
		if s[i] == '}' {
			p.at = i + 1
			return
		}
		if s[i] != ',' {
			p.at = wrong
			return
		}
		i = blank(s, i+1)
	}
}

// refuse notes why the record is bad; the first reason stays.
func (p *parser) refuse(what, why string) {
	if p.bad == "" {
		p.bad = what + why
	}
}

// skip goes behind the value.
func (p *parser) skip() { p.at = valueEnd(p.s, p.at) }

// value returns the value as it stands.
func (p *parser) value() Value {
	i := p.at
	p.at = valueEnd(p.s, i)
	if p.at < 0 {
		return Value{}
	}
	return Value{p.s[i:p.at]}
}

// text reads a string; null is the empty one.
func (p *parser) text(what string) string {
	i := p.at
	if p.s[i] != '"' {
		if p.s[i] != 'n' {
			p.refuse(what, " is not a string")
		}
		p.skip()
		return ""
	}
	end, escaped := stringEnd(p.s, i)
	p.at = end
	if end < 0 {
		return ""
	}
	inside := p.s[i+1 : end-1]
	if escaped {
		return p.unescape(what, inside)
	}
	return inside
}

func (p *parser) unescape(what, inside string) string {
	if cap(p.arena)-len(p.arena) < len(inside) {
		p.arena = make([]byte, 0, max(arenaSize, len(inside)))
	}
	n := len(p.arena)
	out, ok := unescape(p.arena, inside)
	if !ok {
		p.refuse(what, " has an escape that JSON does not know") // stringEnd has refused it before
		return ""
	}
	if len(out) == n {
		return ""
	}
	p.arena = out // unescaping never makes a string longer
	return unsafe.String(&out[n], len(out)-n)
}

// flag reads a truth value, which some services write as a string.
func (p *parser) flag(what string) Flag {
	v := p.value()
	if v.raw == "" || v.raw == "null" {
		return Unknown
	}
	f := v.Bool()
	if f == Unknown {
		p.refuse(what, " is neither true nor false")
	}
	return f
}

// time reads a time.
func (p *parser) time(what string) Time {
	s := p.text(what)
	if s == "" {
		return 0
	}
	t, ok := parseTime(s)
	if !ok {
		p.refuse(what, " is not a time")
	}
	return t
}

// view is the text of bytes that nobody writes again.
func view(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}
