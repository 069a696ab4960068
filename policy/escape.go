package policy

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Unescape reads the escape sequence of a JSON string at in[at], which is a
// backslash, or two that make a surrogate pair. It returns the character and
// where the text goes on; ok is false for what is none, a lone surrogate among
// them (RFC 8259, section 7).
func Unescape(in []byte, at int) (char rune, next int, ok bool) {
	if at+1 >= len(in) {
		return 0, at, false
	}
	next = at + 2
	switch c := in[at+1]; c {
	case '"', '\\', '/':
		return rune(c), next, true
	case 'b':
		return '\b', next, true
	case 'f':
		return '\f', next, true
	case 'n':
		return '\n', next, true
	case 'r':
		return '\r', next, true
	case 't':
		return '\t', next, true
	case 'u':
		return unescapeUnicode(in, next)
	}
	return 0, next, false
}

func unescapeUnicode(in []byte, at int) (char rune, next int, ok bool) {
	char, next, ok = hex4(in, at)
	if !ok || !utf16.IsSurrogate(char) {
		return char, next, ok
	}
	if next+1 >= len(in) || in[next] != '\\' || in[next+1] != 'u' {
		return 0, next, false
	}
	low, next, ok := hex4(in, next+2)
	char = utf16.DecodeRune(char, low)
	return char, next, ok && char != utf8.RuneError
}

func hex4(in []byte, at int) (char rune, next int, ok bool) {
	if at+4 > len(in) {
		return 0, at, false
	}
	n, err := strconv.ParseUint(string(in[at:at+4]), 16, 16)
	return rune(n), at + 4, err == nil
}
