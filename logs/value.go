package logs

import (
	"iter"
	"strconv"
)

// Value is a JSON value that is read when it is asked for. The zero Value is an
// absent one; asking it for members finds absent ones too. Nothing here
// allocates, except Text of a string with escapes.
type Value struct{ raw string }

// ParseValue checks that s is one JSON value.
func ParseValue(s string) (Value, bool) {
	i := blank(s, 0)
	if i < len(s) && (s[i] == '-' || s[i]-'0' <= 9) {
		s += " " // a number needs something that ends it
	}
	end := valueEnd(s, i)
	if end < 0 {
		return Value{}, false
	}
	return Value{s[i:end]}, blank(s, end) == len(s)
}

// Raw returns the JSON text; empty when the value is absent.
func (v Value) Raw() string { return v.raw }

// Exists says whether there is a value other than null.
func (v Value) Exists() bool { return v.raw != "" && v.raw != "null" }

// Kind is '{', '[', '"', 't', 'f', 'n', '0' for a number, and 0 when absent.
func (v Value) Kind() byte {
	if v.raw == "" {
		return 0
	}
	if c := v.raw[0]; c == '-' || c-'0' <= 9 {
		return '0'
	}
	return v.raw[0]
}

// Get returns the value at a path of object members. The first member of a name
// counts. The empty path is the value itself.
func (v Value) Get(path ...string) Value {
	for _, name := range path {
		if v = v.member(name); v.raw == "" {
			break
		}
	}
	return v
}

func (v Value) member(name string) Value {
	s := v.raw
	if s == "" || s[0] != '{' {
		return Value{}
	}
	for i := blank(s, 1); s[i] == '"'; {
		end, escaped := stringEnd(s, i)
		key := s[i+1 : end-1]
		i = blank(s, blank(s, end)+1)
		end = valueEnd(s, i)
		if key == name || escaped && text(key) == name {
			return Value{s[i:end]}
		}
		if i = blank(s, end); s[i] == ',' {
			i = blank(s, i+1)
		}
	}
	return Value{}
}

// Members goes over the members of an object.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		s := v.raw
		if s == "" || s[0] != '{' {
			return
		}
		for i := blank(s, 1); s[i] == '"'; {
			end, escaped := stringEnd(s, i)
			key := s[i+1 : end-1]
			if escaped {
				key = text(key)
			}
			i = blank(s, blank(s, end)+1)
			end = valueEnd(s, i)
			if !yield(key, Value{s[i:end]}) {
				return
			}
			if i = blank(s, end); s[i] == ',' {
				i = blank(s, i+1)
			}
		}
	}
}

// Items goes over the elements of an array. A value that is not an array is its
// own only element, since services write one or many.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		s := v.raw
		if !v.Exists() {
			return
		}
		if s[0] != '[' {
			yield(v)
			return
		}
		for i := blank(s, 1); s[i] != ']'; {
			end := valueEnd(s, i)
			if !yield(Value{s[i:end]}) {
				return
			}
			if i = blank(s, end); s[i] == ',' {
				i = blank(s, i+1)
			}
		}
	}
}

// Text returns a string's text, or the text of a number or truth value; empty
// for everything else.
func (v Value) Text() string {
	switch v.Kind() {
	case '"':
		inside := v.raw[1 : len(v.raw)-1]
		for i := range len(inside) {
			if inside[i] == '\\' {
				return text(inside)
			}
		}
		return inside
	case '0', 't', 'f':
		return v.raw
	}
	return ""
}

func text(inside string) string {
	out, _ := unescape(make([]byte, 0, len(inside)), inside)
	return string(out)
}

// Bool reads true and false, as JSON or as text in any case.
func (v Value) Bool() Flag {
	switch v.Text() {
	case "true", "True", "TRUE":
		return Yes
	case "false", "False", "FALSE":
		return No
	}
	return Unknown
}

// Int reads a whole number, as JSON or as text.
func (v Value) Int() (int64, bool) {
	n, err := strconv.ParseInt(v.Text(), 10, 64)
	return n, err == nil
}
