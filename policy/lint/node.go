package lint

import (
	"unicode/utf8"

	"bartizan.dev/policy"
)

// kind is a JSON type, by its name in AWS's messages.
type kind string

const (
	object  kind = "Object"
	array   kind = "Array"
	text    kind = "String"
	number  kind = "Number"
	boolean kind = "Boolean"
	null    kind = "Null"
)

// node is a JSON value that knows where it stands.
type node struct {
	kind       kind
	text       string // of a string its value, of other scalars how they are written
	start, end int    // bytes of the document; of a string with its quotes
	parent     *node
	name       string // of a member of an object
	nameStart  int
	nameEnd    int
	index      int // in an array
	items      []*node
}

// member returns the member of an object with the name, or nil.
func (n *node) member(name string) *node {
	for _, m := range n.items {
		if m.name == name {
			return m
		}
	}
	return nil
}

// maxDepth of nesting; a policy has seven levels.
const maxDepth = 32

// reader reads JSON strictly (RFC 8259, UTF-8 only).
type reader struct {
	in  []byte
	pos int
	// fault: where the document is not JSON; -1 for a fault without a place,
	// such as a name that stands twice in an object.
	fault int
}

// parse returns the root, or nil and the place of the fault.
func parse(in []byte) (root *node, fault int) {
	r := &reader{in: in}
	if len(in) > MaxSize {
		return nil, MaxSize
	}
	for i := 0; i < len(in); { // bytes that are no UTF-8 have no place in JSON
		c, n := utf8.DecodeRune(in[i:])
		if c == utf8.RuneError && n == 1 {
			return nil, i
		}
		i += n
	}
	root, ok := r.value(0)
	if !ok {
		return nil, r.fault
	}
	if r.peek(); r.pos != len(in) {
		return nil, r.pos
	}
	return root, 0
}

func (r *reader) fail() (*node, bool) {
	r.fault = r.pos
	return nil, false
}

// peek skips white space and returns the next byte, or 0 at the end.
func (r *reader) peek() byte {
	for r.pos < len(r.in) {
		switch c := r.in[r.pos]; c {
		case ' ', '\t', '\r', '\n':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *reader) value(depth int) (*node, bool) {
	c := r.peek()
	n := &node{start: r.pos}
	ok := true
	switch {
	case depth > maxDepth:
		return r.fail()
	case c == '{':
		n.kind = object
		ok = r.object(n, depth)
	case c == '[':
		n.kind = array
		ok = r.array(n, depth)
	case c == '"':
		n.kind = text
		n.text, ok = r.string()
	default:
		ok = r.word(n)
	}
	n.end = r.pos
	return n, ok
}

func (r *reader) object(n *node, depth int) bool {
	r.pos++
	if r.peek() == '}' {
		r.pos++
		return true
	}
	seen := map[string]bool{}
	for {
		if r.peek() != '"' {
			r.fail()
			return false
		}
		at := r.pos
		name, ok := r.string()
		if !ok {
			return false
		}
		if seen[name] {
			r.fault = -1
			return false
		}
		seen[name] = true
		nameEnd := r.pos
		if r.peek() != ':' {
			r.fail()
			return false
		}
		r.pos++
		m, ok := r.value(depth + 1)
		if !ok {
			return false
		}
		m.parent, m.name, m.nameStart, m.nameEnd = n, name, at, nameEnd
		n.items = append(n.items, m)
		if more, ok := r.next('}'); !more {
			return ok
		}
	}
}

func (r *reader) array(n *node, depth int) bool {
	r.pos++
	if r.peek() == ']' {
		r.pos++
		return true
	}
	for {
		m, ok := r.value(depth + 1)
		if !ok {
			return false
		}
		m.parent, m.index = n, len(n.items)
		n.items = append(n.items, m)
		if more, ok := r.next(']'); !more {
			return ok
		}
	}
}

// next takes a comma (more follows) or the end.
func (r *reader) next(end byte) (more, ok bool) {
	switch r.peek() {
	case ',':
		r.pos++
		return true, true
	case end:
		r.pos++
		return false, true
	}
	r.fail()
	return false, false
}

// word reads a number, true, false or null.
func (r *reader) word(n *node) bool {
	start := r.pos
	for r.pos < len(r.in) && isBare(r.in[r.pos]) {
		r.pos++
	}
	n.text = string(r.in[start:r.pos])
	switch n.text {
	case "true", "false":
		n.kind = boolean
		return true
	case "null":
		n.kind = null
		return true
	}
	n.kind = number
	if isNumber(n.text) {
		return true
	}
	r.pos = start
	r.fail()
	return false
}

func isBare(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'E'
}

// isNumber reports whether s is a number of JSON.
func isNumber(s string) bool {
	digits := func() bool {
		n := len(s)
		for s != "" && '0' <= s[0] && s[0] <= '9' {
			s = s[1:]
		}
		return len(s) < n
	}
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	whole := s
	if !digits() || whole[0] == '0' && len(whole)-len(s) > 1 {
		return false
	}
	if s != "" && s[0] == '.' {
		if s = s[1:]; !digits() {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		if s = s[1:]; s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return s == ""
}

// string reads a string from its opening quote.
func (r *reader) string() (string, bool) {
	r.pos++
	start := r.pos
	var out []byte // nil while there was no escape
	for r.pos < len(r.in) {
		switch c := r.in[r.pos]; {
		case c == '"':
			s := string(r.in[start:r.pos])
			r.pos++
			if out != nil {
				return string(out) + s, true
			}
			return s, true
		case c < ' ':
			r.fail()
			return "", false
		case c == '\\':
			out = append(out, r.in[start:r.pos]...)
			char, next, ok := policy.Unescape(r.in, r.pos)
			r.pos = next
			if !ok {
				r.fail()
				return "", false
			}
			out = utf8.AppendRune(out, char)
			start = r.pos
		default:
			r.pos++
		}
	}
	r.fail()
	return "", false
}
