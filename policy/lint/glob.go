package lint

import "strings"

// matches reports whether a pattern with * and ? matches s, byte by byte. It
// never goes back further than the last star.
func matches(pattern, s string) bool {
	p, i, star, from := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// covers reports whether pattern matches all that the pattern s matches. It may
// say no where it is so, and never yes where it is not.
func covers(pattern, s string) bool {
	p, i, star, from := 0, 0, -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == s[i] || pattern[p] == '?' && s[i] != '*'):
			p, i = p+1, i+1
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// meets reports whether some text matches both patterns, where a star in each
// stands for any text.
func meets(a, b string) bool {
	// row[j]: the rests a[i:] and b[j:] meet; filled from the ends.
	row := make([]bool, len(b)+1)
	next := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				row[j] = true
			case i < len(a) && a[i] == '*':
				row[j] = next[j] || j < len(b) && row[j+1]
			case j < len(b) && b[j] == '*':
				row[j] = row[j+1] || i < len(a) && next[j]
			case i < len(a) && j < len(b):
				row[j] = (a[i] == b[j] || a[i] == '?' || b[j] == '?') && next[j+1]
			default:
				row[j] = false
			}
		}
		row, next = next, row
	}
	return next[0]
}

// squeeze makes stars in a row one.
func squeeze(s string) string {
	for strings.Contains(s, "**") {
		s = strings.ReplaceAll(s, "**", "*")
	}
	return s
}

// close returns the candidate that differs from s in the fewest letters, at
// most two; s and candidates are in lower case.
func closest(s string, candidates func(yield func(lower, name string) bool)) string {
	best, name := 3, ""
	if len(s) > 64 {
		return ""
	}
	for low, n := range candidates {
		if d := len(low) - len(s); d > 2 || d < -2 {
			continue
		}
		if d := distance(s, low, best); d < best {
			best, name = d, n
		}
	}
	return name
}

// distance is Levenshtein's, or limit when it is no less.
func distance(a, b string, limit int) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal, least := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
			least = min(least, cost)
		}
		if least >= limit {
			return limit
		}
	}
	return min(row[len(b)], limit)
}
