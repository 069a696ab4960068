package xks

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The reader of both ends. encoding/json would take a member twice, and under
// names of another case; two readers could then see two different messages
// under one signature. Members that we do not know are passed over, because
// KMS may add some (Appendix B).

const maxDepth = 16

// A problem is what is wrong with a message. It quotes nothing of it.
type problem struct {
	field string
	what  string
	large bool // over a size that we support, not malformed
}

func (p *problem) Error() string {
	if p.field == "" {
		return "xks: the message " + p.what
	}
	return "xks: " + p.field + " " + p.what
}

// A field is a member that is looked for. One of the destinations is set.
type field struct {
	name string
	need bool
	max  int // bytes, decoded; 0: no bound but the message's

	text *string
	blob *[]byte // Base64
	raw  *[]byte // the value as it stands
}

// decode reads the members of a JSON object.
func decode(data []byte, fields ...field) error {
	if err := wellFormed(data); err != nil {
		return err
	}
	return decodeObject(data, fields...)
}

// decodeObject is decode of what is known to be well formed.
func decodeObject(data []byte, fields ...field) error {
	var seen uint
	err := members(data, func(name string, value []byte) error {
		for i := range fields {
			f := &fields[i]
			if f.name != name {
				continue
			}
			if seen&(1<<i) != 0 {
				return &problem{field: name, what: "is there twice"}
			}
			seen |= 1 << i
			return f.set(value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range fields {
		if f := &fields[i]; f.need && f.empty() {
			return &problem{field: f.name, what: "is missing"}
		}
	}
	return nil
}

func (f *field) empty() bool {
	switch {
	case f.text != nil:
		return *f.text == ""
	case f.blob != nil:
		return len(*f.blob) == 0
	}
	return len(*f.raw) == 0
}

// set stores the value; null is as good as absent.
func (f *field) set(value []byte) (err error) {
	if string(value) == "null" {
		return nil
	}
	if f.raw != nil {
		*f.raw = value
		return nil
	}
	s, ok := text(value)
	if !ok {
		return &problem{field: f.name, what: "is not a string"}
	}
	if f.text != nil {
		if f.max > 0 && len(s) > f.max {
			return &problem{field: f.name, what: "is too long", large: true}
		}
		*f.text = s
		return nil
	}
	if f.max > 0 && base64.StdEncoding.DecodedLen(len(s)) > f.max+2 {
		return &problem{field: f.name, what: fmt.Sprintf("is longer than %d bytes", f.max), large: true}
	}
	*f.blob, ok = unbase64(s)
	if !ok {
		return &problem{field: f.name, what: "is not Base64"}
	}
	if f.max > 0 && len(*f.blob) > f.max {
		return &problem{field: f.name, what: fmt.Sprintf("is longer than %d bytes", f.max), large: true}
	}
	return nil
}

// unbase64 reads RFC 4648, section 4, in its one canonical spelling: Go's
// decoder would skip line breaks.
func unbase64(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil
}

// wellFormed checks that data is one JSON object in UTF-8, not nested deeply.
// What follows may then read it without looking back.
func wellFormed(data []byte) error {
	switch {
	case len(data) > maxBody:
		return &problem{what: "is too long", large: true}
	case !utf8.Valid(data) || !json.Valid(data):
		return &problem{what: "is not JSON"}
	}
	if i := space(data, 0); data[i] != '{' {
		return &problem{what: "is not a JSON object"}
	}
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = endOfString(data, i) - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return &problem{what: "is nested too deeply"}
			}
		case '}', ']':
			depth--
		}
	}
	return nil
}

// members calls f for each member of the object.
func members(data []byte, f func(name string, value []byte) error) error {
	i := space(data, 0)
	if i == len(data) || data[i] != '{' {
		return &problem{what: "has something else where an object should be"}
	}
	for i = space(data, i+1); data[i] != '}'; i = space(data, i) {
		if data[i] == ',' {
			i = space(data, i+1)
		}
		end := endOfString(data, i)
		name, ok := text(data[i:end])
		if !ok {
			return &problem{what: "has a member without a name"}
		}
		i = space(data, space(data, end)+1) // the colon
		end = endOfValue(data, i)
		if err := f(name, data[i:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// elements calls f for each element of the array.
func elements(data []byte, f func(value []byte) error) error {
	if len(data) == 0 || data[0] != '[' {
		return &problem{what: "has something else where an array should be"}
	}
	for i := space(data, 1); data[i] != ']'; i = space(data, i) {
		if data[i] == ',' {
			i = space(data, i+1)
		}
		end := endOfValue(data, i)
		if err := f(data[i:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

func space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

func endOfString(data []byte, i int) int {
	for i++; data[i] != '"'; i++ {
		if data[i] == '\\' {
			i++
		}
	}
	return i + 1
}

func endOfValue(data []byte, i int) int {
	switch data[i] {
	case '"':
		return endOfString(data, i)
	case '{', '[':
		depth := 0
		for ; ; i++ {
			switch data[i] {
			case '"':
				i = endOfString(data, i) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	return i + bytes.IndexAny(data[i:], ",]} \n\t\r")
}

// text is the value of a JSON string.
func text(value []byte) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	var s string
	err := json.Unmarshal(value, &s)
	return s, err == nil
}
