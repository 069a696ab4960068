package pattern

import (
	"unicode"
	"unicode/utf8"
)

// equals-ignore-case compares strings in a folded form: each rune's upper case
// put in lower case, one rune for one rune.

// appendFold appends the folded form of s to dst. Bytes that are no UTF-8 stay.
func appendFold(dst, s []byte) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c-'A' < 26 {
				c |= 0x20
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(s[i:])
		if r == utf8.RuneError && n == 1 {
			dst = append(dst, c)
		} else {
			dst = utf8.AppendRune(dst, unicode.ToLower(unicode.ToUpper(r)))
		}
		i += n
	}
	return dst
}

func fold(s string) string { return string(appendFold(nil, []byte(s))) }
