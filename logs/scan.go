package logs

import (
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// The scanner walks JSON once, in place. It is strict about syntax (RFC 8259) and
// makes nothing: what it finds are views of its input. Positions below zero are
// results: short means that the input ends too early, wrong that it is not JSON.
const (
	short = -1
	wrong = -2
)

const maxDepth = 64

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func load(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// special finds the first quote, backslash or control character from i on, eight
// bytes at a time.
func special(s string, i int) int {
	for ; i+8 <= len(s); i += 8 {
		x := load(s, i)
		q, b := x^('"'*ones), x^('\\'*ones)
		if m := ((q-ones)&^q | (b-ones)&^b | (x-' '*ones)&^x) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return i
}

// stringEnd returns the position behind the string that begins at i, and whether
// it contains escapes.
func stringEnd(s string, i int) (end int, escaped bool) {
	for i++; ; {
		i = special(s, i)
		if i >= len(s) {
			return short, escaped
		}
		switch s[i] {
		case '"':
			return i + 1, escaped
		case '\\':
			escaped = true
			if i += 2; i > len(s) {
				return short, escaped
			}
			switch s[i-1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if i+4 > len(s) {
					return short, escaped
				}
				if _, ok := hex4(s, i); !ok {
					return wrong, escaped
				}
				i += 4
			default:
				return wrong, escaped
			}
		default:
			return wrong, escaped
		}
	}
}

func blank(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' || s[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns the position behind the value that begins at i, which is not
// blank.
func valueEnd(s string, i int) int {
	var kinds uint64 // one bit for each open bracket, 1 for an object
	depth := 0
	for {
		// A value begins here.
		if i >= len(s) {
			return short
		}
		switch c := s[i]; c {
		case '"':
			if i, _ = stringEnd(s, i); i < 0 {
				return i
			}
		case '{', '[':
			if depth++; depth > maxDepth {
				return wrong
			}
			kinds <<= 1
			i = blank(s, i+1)
			if i >= len(s) {
				return short
			}
			if s[i] == c+2 { // { and } and [ and ] are two apart
				i++
				kinds >>= 1
				depth--
				break
			}
			if c == '{' {
				kinds |= 1
				if i = keyEnd(s, i); i < 0 {
					return i
				}
			}
			continue
		case 't':
			i = literal(s, i, "true")
		case 'f':
			i = literal(s, i, "false")
		case 'n':
			i = literal(s, i, "null")
		default:
			i = numberEnd(s, i)
		}
		if i < 0 {
			return i
		}
		// A value has ended here.
		for {
			if depth == 0 {
				return i
			}
			if i = blank(s, i); i >= len(s) {
				return short
			}
			c := s[i]
			i++
			if c == ',' {
				i = blank(s, i)
				if kinds&1 != 0 {
					if i = keyEnd(s, i); i < 0 {
						return i
					}
				}
				break
			}
			if kinds&1 != 0 && c != '}' || kinds&1 == 0 && c != ']' {
				return wrong
			}
			kinds >>= 1
			depth--
		}
	}
}

// keyEnd reads a key and its colon and returns where the value begins.
func keyEnd(s string, i int) int {
	if i >= len(s) {
		return short
	}
	if s[i] != '"' {
		return wrong
	}
	if i, _ = stringEnd(s, i); i < 0 {
		return i
	}
	if i = blank(s, i); i >= len(s) {
		return short
	}
	if s[i] != ':' {
		return wrong
	}
	return blank(s, i+1)
}

func literal(s string, i int, want string) int {
	for k := range len(want) {
		if i+k >= len(s) {
			return short
		}
		if s[i+k] != want[k] {
			return wrong
		}
	}
	return i + len(want)
}

func numberEnd(s string, i int) int {
	if s[i] == '-' {
		i++
	}
	first := i
	i = digits(s, i)
	if i >= len(s) {
		return short // another digit may follow
	}
	if i == first || s[first] == '0' && i > first+1 {
		return wrong
	}
	if s[i] == '.' {
		from := i + 1
		if i = digits(s, from); i >= len(s) {
			return short
		} else if i == from {
			return wrong
		}
	}
	if s[i] == 'e' || s[i] == 'E' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		from := i
		if i = digits(s, from); i >= len(s) {
			return short
		} else if i == from {
			return wrong
		}
	}
	return i
}

func digits(s string, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// unescape appends the text of a string's inside to out.
func unescape(out []byte, s string) ([]byte, bool) {
	for i := 0; i < len(s); {
		c := s[i]
		if c != '\\' {
			out = append(out, c)
			i++
			continue
		}
		if i+1 >= len(s) {
			return out, false
		}
		i += 2
		switch s[i-1] {
		case '"', '\\', '/':
			out = append(out, s[i-1])
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, ok := hex4(s, i)
			if !ok {
				return out, false
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if i+1 < len(s) && s[i] == '\\' && s[i+1] == 'u' {
					low, ok = hex4(s, i+2)
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					i += 6
				}
			}
			out = utf8.AppendRune(out, r)
		default:
			return out, false
		}
	}
	return out, true
}

func hex4(s string, i int) (rune, bool) {
	if i+4 > len(s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(s[i : i+4]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
