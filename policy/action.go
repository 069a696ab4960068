package policy

// Action names are matched without regard to case. Patterns are kept in lower
// case, and Decide lowers the action of the request once, into a buffer of its
// own.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html

// maxAction is the longest action name that is matched, in bytes. AWS's own
// are shorter than 128; a longer one matches nothing.
const maxAction = 192

// lower returns a copy of s in lower case (ASCII letters only).
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				b[j] = lowerByte(b[j])
			}
			return string(b)
		}
	}
	return s
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// lowerInto writes s in lower case to buf. It returns nil when s is too long.
func lowerInto(buf *[maxAction]byte, s string) []byte {
	if len(s) > len(buf) {
		return nil
	}
	for i := range len(s) {
		buf[i] = lowerByte(s[i])
	}
	return buf[:len(s)]
}

// equalFold compares without regard to the case of ASCII letters.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lowerByte(a[i]) != lowerByte(b[i]) {
			return false
		}
	}
	return true
}

// matchWild matches text against a pattern in which * and ? are all that is
// special: actions, which must be in lower case as the pattern is, and the
// first five parts of ARNs. It takes time in proportion to
// len(pattern) × len(text) at worst.
func matchWild[T string | []byte](pattern string, text T) bool {
	p, i, backP, backI := 0, 0, -1, 0
	for i < len(text) || p < len(pattern) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			backP, backI = p+1, i
			p++
		case p < len(pattern) && i < len(text) && pattern[p] == '?':
			p++
			i += width(text, i)
		case p < len(pattern) && i < len(text) && pattern[p] == text[i]:
			p++
			i++
		case backP >= 0 && backI < len(text):
			backI += width(text, backI)
			p, i = backP, backI
		default:
			return false
		}
	}
	return true
}

// width returns the length of the UTF-8 character at i.
func width[T string | []byte](text T, i int) int {
	n := 1
	for i+n < len(text) && text[i+n]&0xC0 == 0x80 {
		n++
	}
	return n
}

// literalPrefix returns what stands before the first wildcard.
func literalPrefix(pattern string) string {
	for i := range len(pattern) {
		if pattern[i] == '*' || pattern[i] == '?' {
			return pattern[:i]
		}
	}
	return pattern
}

// MatchAction reports whether an Action element, such as s3:Get*, names the
// action.
func MatchAction(pattern, action string) bool { return matchWild(lower(pattern), lower(action)) }
