// Package input makes what EventBridge hands a target out of an event: a part
// of it (InputPath), or a text in which parts of it stand (InputTransformer).
//
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
package input

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// MaxPath is the most characters a path may have.
const MaxPath = 256

// ErrPath: the path is not of the JSONPath subset that EventBridge takes.
var ErrPath = errors.New("not a JSON path in dot notation")

// Path is a parsed path such as $.detail.items[0].id or $.detail.items[*].id.
type Path struct {
	steps []step
	many  bool // a wildcard makes the result a list
}

type step struct {
	name  string
	index int // of an array; -1 is a name, every is all
}

const (
	byName = -1
	every  = -2
)

// ParsePath reads $ followed by .name, .*, [n] and [*]. Names have letters,
// digits, dashes, underscores and slashes.
func ParsePath(s string) (*Path, error) {
	if s == "" || s[0] != '$' || len(s) > MaxPath {
		return nil, ErrPath
	}
	p := &Path{}
	for s = s[1:]; s != ""; {
		st := step{index: byName}
		switch s[0] {
		case '.':
			n := 1
			for n < len(s) && isName(s[n]) {
				n++
			}
			if st.name = s[1:n]; n == 1 {
				if n == len(s) || s[n] != '*' {
					return nil, ErrPath
				}
				st.index = every
				n++
			}
			s = s[n:]
		case '[':
			in, rest, ok := strings.Cut(s[1:], "]")
			if !ok {
				return nil, ErrPath
			}
			if st.index = every; in != "*" {
				n, err := strconv.ParseUint(in, 10, 31)
				if err != nil {
					return nil, ErrPath
				}
				st.index = int(n)
			}
			s = rest
		default:
			return nil, ErrPath
		}
		p.many = p.many || st.index == every
		p.steps = append(p.steps, st)
	}
	return p, nil
}

func isName(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '-' || c == '_' || c == '/' || c >= 0x80
}

// maxFound bounds what wildcards multiply out to.
const maxFound = 10_000

// Find is the JSON that the path names in event, minified. ok is false where
// there is none.
func (p *Path) Find(event []byte) (found []byte, ok bool) {
	here := []json.RawMessage{event}
	for _, st := range p.steps {
		var next []json.RawMessage
		for _, v := range here {
			if next = st.take(next, v); len(next) > maxFound {
				return nil, false
			}
		}
		here = next
	}
	if len(here) == 0 {
		return nil, false
	}
	var out bytes.Buffer
	if p.many {
		out.WriteByte('[')
	}
	for i, v := range here {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := json.Compact(&out, v); err != nil {
			return nil, false
		}
	}
	if p.many {
		out.WriteByte(']')
	}
	return out.Bytes(), true
}

// take appends what one step finds in v.
func (st step) take(dst []json.RawMessage, v json.RawMessage) []json.RawMessage {
	v = bytes.TrimLeft(v, " \t\r\n")
	if len(v) == 0 {
		return dst
	}
	if st.index == byName {
		var object map[string]json.RawMessage
		if v[0] == '{' && json.Unmarshal(v, &object) == nil {
			if x, ok := object[st.name]; ok {
				dst = append(dst, x)
			}
		}
		return dst
	}
	if v[0] == '{' && st.index == every {
		fields, _ := members(v)
		for _, f := range fields {
			dst = append(dst, f.value)
		}
		return dst
	}
	var list []json.RawMessage
	if v[0] != '[' || json.Unmarshal(v, &list) != nil {
		return dst
	}
	if st.index == every {
		return append(dst, list...)
	}
	if st.index < len(list) {
		dst = append(dst, list[st.index])
	}
	return dst
}

type member struct {
	name  string
	value json.RawMessage
}

// members are the fields of an object in their order.
func members(object []byte) (out []member, err error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not an object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		out = append(out, member{name, v})
	}
	return out, nil
}
