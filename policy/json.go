package policy

import (
	"bytes"
	"unicode/utf8"
)

// reader reads JSON strictly (RFC 8259, UTF-8 only) and knows where it is. It
// has no general value: each caller says what must come next, so nesting is
// bounded by the grammar of policies and nothing unknown is ever skipped.
type reader struct {
	in   []byte
	pos  int
	mark Position // of the last place asked for
}

// at returns the present position.
func (r *reader) at() Position { return r.position(r.pos) }

// position returns the position of an offset. It counts on from the last place
// asked for, so that all statements of a document cost one pass.
func (r *reader) position(offset int) Position {
	if r.mark.Line == 0 || offset < r.mark.Offset {
		r.mark = Position{Line: 1, Column: 1}
	}
	p := r.mark
	for ; p.Offset < offset; p.Offset++ {
		switch c := r.in[p.Offset]; {
		case c == '\n':
			p.Line++
			p.Column = 1
		case c&0xC0 != 0x80: // not inside a character
			p.Column++
		}
	}
	r.mark = p
	return p
}

func (r *reader) fail(kind fault) *Error { return r.failAt(r.pos, kind) }

func (r *reader) failAt(offset int, kind fault) *Error {
	return &Error{Message: "Syntax errors in policy.", Position: r.position(offset), kind: kind}
}

func (r *reader) space() {
	for r.pos < len(r.in) {
		switch r.in[r.pos] {
		case ' ', '\t', '\r', '\n':
			r.pos++
		default:
			return
		}
	}
}

// peek skips space and returns the next byte, or 0 at the end.
func (r *reader) peek() byte {
	r.space()
	if r.pos < len(r.in) {
		return r.in[r.pos]
	}
	return 0
}

// expect takes c. Any other character is JSON of the wrong shape if a value
// begins with it, and not JSON otherwise.
func (r *reader) expect(c byte) *Error {
	if r.peek() == c {
		r.pos++
		return nil
	}
	if (c == '{' || c == '[' || c == '"') && r.startsValue() {
		return r.fail(badSyntax)
	}
	return r.fail(badJSON)
}

// startsValue reports whether what comes next is some JSON value.
func (r *reader) startsValue() bool {
	switch c := r.peek(); c {
	case '{', '[', '"', '-':
		return true
	case 't', 'f', 'n':
		rest := r.in[r.pos:]
		return bytes.HasPrefix(rest, []byte("true")) || bytes.HasPrefix(rest, []byte("false")) || bytes.HasPrefix(rest, []byte("null"))
	default:
		return '0' <= c && c <= '9'
	}
}

// object reads an object and calls member, which must read the value, for each
// name and its offset. A name may come only once.
func (r *reader) object(member func(name string, at int) *Error) *Error {
	if err := r.expect('{'); err != nil {
		return err
	}
	if r.peek() == '}' {
		r.pos++
		return nil
	}
	seen := map[string]bool{}
	for {
		r.space()
		at := r.pos
		name, err := r.text()
		if err != nil {
			return err
		}
		if seen[name] {
			return r.failAt(at, badSyntax)
		}
		seen[name] = true
		if err := r.expect(':'); err != nil {
			return err
		}
		r.space()
		if err := member(name, at); err != nil {
			return err
		}
		if more, err := r.next('}'); !more {
			return err
		}
	}
}

// list reads an array and calls element, which must read it, for each element.
func (r *reader) list(element func() *Error) *Error {
	if err := r.expect('['); err != nil {
		return err
	}
	if r.peek() == ']' {
		r.pos++
		return nil
	}
	for {
		r.space()
		if err := element(); err != nil {
			return err
		}
		if more, err := r.next(']'); !more {
			return err
		}
	}
}

// next takes a comma (more follows) or end.
func (r *reader) next(end byte) (more bool, err *Error) {
	switch r.peek() {
	case ',':
		r.pos++
		return true, nil
	case end:
		r.pos++
		return false, nil
	}
	return false, r.fail(badJSON)
}

// text reads a string.
func (r *reader) text() (string, *Error) {
	if err := r.expect('"'); err != nil {
		return "", err
	}
	start := r.pos
	for r.pos < len(r.in) {
		switch c := r.in[r.pos]; {
		case c == '"':
			s := string(r.in[start:r.pos])
			r.pos++
			return s, nil
		case c == '\\':
			return r.escaped(start)
		case c < ' ':
			return "", r.fail(badJSON)
		default:
			r.pos++
		}
	}
	return "", r.fail(badJSON)
}

// escaped reads the rest of a string that has an escape at the present
// position.
func (r *reader) escaped(start int) (string, *Error) {
	out := append([]byte(nil), r.in[start:r.pos]...)
	for r.pos < len(r.in) {
		switch c := r.in[r.pos]; {
		case c == '"':
			r.pos++
			return string(out), nil
		case c < ' ':
			return "", r.fail(badJSON)
		case c != '\\':
			out = append(out, c)
			r.pos++
		default:
			char, next, ok := Unescape(r.in, r.pos)
			r.pos = next
			if !ok {
				return "", r.fail(badJSON)
			}
			out = utf8.AppendRune(out, char)
		}
	}
	return "", r.fail(badJSON)
}

// scalar reads a string, a number or a boolean as text.
func (r *reader) scalar() (string, *Error) {
	if r.peek() == '"' {
		return r.text()
	}
	start := r.pos
	for r.pos < len(r.in) && isBare(r.in[r.pos]) {
		r.pos++
	}
	word := string(r.in[start:r.pos])
	if word == "true" || word == "false" || isNumber(word) {
		return word, nil
	}
	r.pos = start
	if r.startsValue() {
		return "", r.fail(badSyntax)
	}
	return "", r.fail(badJSON)
}

func isBare(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// isNumber reports whether s is a number of JSON.
func isNumber(s string) bool {
	i := 0
	digits := func() bool {
		start := i
		for i < len(s) && '0' <= s[i] && s[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	first := i
	if !digits() || s[first] == '0' && i > first+1 {
		return false
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return false
		}
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		if i++; i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return false
		}
	}
	return i == len(s)
}
