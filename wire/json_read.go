package wire

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A jsonReader reads one JSON text (RFC 8259) strictly: no duplicate keys are
// let through by its users, no invalid UTF-8, no trailing text.
type jsonReader struct {
	data []byte
	src  string // data once more, if it is short enough to be shared by the strings read from it
	pos  int
}

func newJSONReader(data []byte) jsonReader {
	r := jsonReader{data: data}
	if len(data) <= maxShared {
		r.src = string(data)
	}
	return r
}

func (r *jsonReader) fail(what string) error {
	return serializationError("Malformed JSON at byte %d: %s.", r.pos, what)
}

// peek returns the next byte that is no white space, or 0 at the end.
func (r *jsonReader) peek() byte {
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) expect(c byte) error {
	if r.peek() != c {
		return r.fail("expected '" + string(c) + "'")
	}
	r.pos++
	return nil
}

// more steps through the members of an object or the elements of an array
// whose opening bracket was read. It consumes commas and the closing bracket.
func (r *jsonReader) more(first *bool, end byte) (bool, error) {
	c := r.peek()
	if c == end {
		r.pos++
		return false, nil
	}
	if *first {
		*first = false
		return true, nil
	}
	if c != ',' {
		return false, r.fail("expected ',' or '" + string(end) + "'")
	}
	r.pos++
	if r.peek() == end {
		return false, r.fail("a comma before the end")
	}
	return true, nil
}

func (r *jsonReader) literal(word string) error {
	if len(r.data)-r.pos < len(word) || string(r.data[r.pos:r.pos+len(word)]) != word {
		return r.fail("unexpected character")
	}
	r.pos += len(word)
	return nil
}

// bytes reads a string and returns it without quotes and escapes. The result
// aliases the input where there is no escape.
func (r *jsonReader) bytes() ([]byte, error) {
	if err := r.expect('"'); err != nil {
		return nil, err
	}
	start, ascii := r.pos, true
	for {
		if r.pos += plain(r.data[r.pos:]); r.pos == len(r.data) {
			break
		}
		switch c := r.data[r.pos]; {
		case c == '"':
			s := r.data[start:r.pos]
			r.pos++
			if !ascii && !utf8.Valid(s) {
				return nil, r.fail("invalid UTF-8")
			}
			return s, nil
		case c >= utf8.RuneSelf:
			ascii = false
		case c == '\\':
			return r.unescape(start)
		case c < 0x20:
			return nil, r.fail("control character in string")
		}
		r.pos++
	}
	return nil, r.fail("unterminated string")
}

// plain returns how many of the first bytes stand for themselves in a JSON
// string and are ASCII. It looks at eight at once: the high bit of a byte of odd
// is set if that byte is not plain, or perhaps if one below it is not.
func plain(b []byte) (n int) {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; len(b)-n >= 8; n += 8 {
		x := binary.LittleEndian.Uint64(b[n:])
		quote, back := x^ones*'"', x^ones*'\\'
		odd := x | (x - ones*0x20) | (quote-ones)&^quote | (back-ones)&^back
		if odd&high != 0 {
			break
		}
	}
	for n < len(b) && b[n] >= 0x20 && b[n] < utf8.RuneSelf && b[n] != '"' && b[n] != '\\' {
		n++
	}
	return n
}

// text reads a string. It shares memory with src where there is no escape.
func (r *jsonReader) text() (string, error) {
	if r.peek() != '"' {
		return "", r.fail("expected '\"'")
	}
	start := r.pos + 1
	b, err := r.bytes()
	if err != nil {
		return "", err
	}
	if r.src != "" && len(b) == r.pos-1-start { // an escape is longer than what it stands for
		return r.src[start : r.pos-1], nil
	}
	return string(b), nil
}

func (r *jsonReader) unescape(start int) ([]byte, error) {
	out := append(make([]byte, 0, 2*(r.pos-start)+32), r.data[start:r.pos]...)
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		switch {
		case c == '"':
			r.pos++
			if !utf8.Valid(out) {
				return nil, r.fail("invalid UTF-8")
			}
			return out, nil
		case c < 0x20:
			return nil, r.fail("control character in string")
		case c != '\\':
			out = append(out, c)
			r.pos++
			continue
		}
		var err error
		if out, err = r.escape(out); err != nil {
			return nil, err
		}
	}
	return nil, r.fail("unterminated string")
}

func (r *jsonReader) escape(out []byte) ([]byte, error) {
	if r.pos+1 >= len(r.data) {
		return nil, r.fail("unterminated string")
	}
	c := r.data[r.pos+1]
	r.pos += 2
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		u, ok := r.hex4()
		if !ok {
			return nil, r.fail("bad \\u escape")
		}
		if utf16.IsSurrogate(u) {
			if r.pos+1 < len(r.data) && r.data[r.pos] == '\\' && r.data[r.pos+1] == 'u' {
				r.pos += 2
				if low, ok := r.hex4(); ok {
					if u = utf16.DecodeRune(u, low); u != utf8.RuneError {
						return utf8.AppendRune(out, u), nil
					}
				}
			}
			return nil, r.fail("unpaired surrogate")
		}
		return utf8.AppendRune(out, u), nil
	}
	return nil, r.fail("unknown escape")
}

func (r *jsonReader) hex4() (rune, bool) {
	if r.pos+4 > len(r.data) {
		return 0, false
	}
	var u rune
	for _, c := range r.data[r.pos : r.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			u = u<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			u = u<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			u = u<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	r.pos += 4
	return u, true
}

// number reads a number's text.
func (r *jsonReader) number() (string, error) {
	start := r.pos
	digits := func() bool {
		from := r.pos
		for r.pos < len(r.data) && r.data[r.pos] >= '0' && r.data[r.pos] <= '9' {
			r.pos++
		}
		return r.pos > from
	}
	at := func(c byte) bool { return r.pos < len(r.data) && r.data[r.pos] == c }
	if at('-') {
		r.pos++
	}
	if at('0') {
		r.pos++
	} else if !digits() {
		return "", r.fail("bad number")
	}
	if at('.') {
		r.pos++
		if !digits() {
			return "", r.fail("bad number")
		}
	}
	if at('e') || at('E') {
		r.pos++
		if at('+') || at('-') {
			r.pos++
		}
		if !digits() {
			return "", r.fail("bad number")
		}
	}
	if r.pos-start > maxNumber {
		return "", r.fail("a number of too many digits")
	}
	return string(r.data[start:r.pos]), nil
}

// skip reads past any value.
func (r *jsonReader) skip(depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	switch c := r.peek(); c {
	case '{', '[':
		end := byte('}')
		if c == '[' {
			end = ']'
		}
		r.pos++
		for first := true; ; {
			more, err := r.more(&first, end)
			if err != nil || !more {
				return err
			}
			if c == '{' {
				if _, err := r.bytes(); err != nil {
					return err
				}
				if err := r.expect(':'); err != nil {
					return err
				}
			}
			if err := r.skip(depth + 1); err != nil {
				return err
			}
		}
	case '"':
		_, err := r.bytes()
		return err
	case 't':
		return r.literal("true")
	case 'f':
		return r.literal("false")
	case 'n':
		return r.literal("null")
	case 0:
		return r.fail("unexpected end")
	}
	_, err := r.number()
	return err
}

// end checks that nothing follows.
func (r *jsonReader) end() error {
	if r.peek() != 0 || r.pos != len(r.data) {
		return r.fail("text after the value")
	}
	return nil
}

// kindName names the next value as AWS's messages do.
func (r *jsonReader) kindName() string {
	switch r.peek() {
	case '{':
		return "START_OBJECT"
	case '[':
		return "START_ARRAY"
	case '"':
		return "STRING_VALUE"
	case 't':
		return "TRUE_VALUE"
	case 'f':
		return "FALSE_VALUE"
	}
	return "NUMBER_VALUE"
}

// parseInt accepts an integer, also one written with a fraction or exponent
// that leaves it whole, as 1e3 and 5.0.
func parseInt(text string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f >= 1<<63 || f < -1<<63 || f != math.Trunc(f) {
		return 0, false
	}
	return int64(f), true
}
