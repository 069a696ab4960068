package pattern

import (
	"bytes"
	"fmt"
	"strings"
)

// wildcard is a parsed wildcard: literals with a * between any two of them.
// "a*b" is [a b], "*a" is ["" a], "a" is [a].
type wildcard struct {
	parts  []string
	middle [][]byte // the parts between the first and the last
}

// parseWildcard reads * as any text, \* and \\ as themselves, and refuses
// anything else after a backslash and two * in a row. The positions in the
// errors count the opening quote, as EventBridge's do.
func parseWildcard(s string) (*wildcard, string) {
	var parts []string
	var part []byte
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '*':
			if i+1 < len(s) && s[i+1] == '*' {
				return nil, fmt.Sprintf("Consecutive wildcard characters at pos %d", i+1)
			}
			parts = append(parts, string(part))
			part = part[:0]
		case '\\':
			if i+1 == len(s) || s[i+1] != '*' && s[i+1] != '\\' {
				return nil, fmt.Sprintf("Invalid escape character at pos %d", i+1)
			}
			i++
			part = append(part, s[i])
		default:
			part = append(part, s[i])
		}
	}
	w := &wildcard{parts: append(parts, string(part))}
	for i := 1; i < len(w.parts)-1; i++ {
		w.middle = append(w.middle, []byte(w.parts[i]))
	}
	return w, ""
}

// match takes for every literal its first place after the one before: with *
// alone as a wildcard no other choice can do better.
func (w *wildcard) match(v []byte) bool {
	first, last := w.parts[0], w.parts[len(w.parts)-1]
	if len(w.parts) == 1 {
		return string(v) == first
	}
	if len(v) < len(first)+len(last) || string(v[:len(first)]) != first || string(v[len(v)-len(last):]) != last {
		return false
	}
	v = v[len(first) : len(v)-len(last)]
	for _, part := range w.middle {
		i := bytes.Index(v, part)
		if i < 0 {
			return false
		}
		v = v[i+len(part):]
	}
	return true
}

// tooComplex is EventBridge's text.
const tooComplex = "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character"

// maxSubsets bounds the work of complexity; what needs more is too complex.
const maxSubsets = 1 << 13

// exceeds reports whether some value matches more than limit prefixes of w at
// once, which is the measure EventBridge refuses wildcards by. It walks the
// sets of prefixes that values can match, breadth first.
func (w *wildcard) exceeds(limit int) bool {
	symbols := w.symbols()
	if len(w.parts) == 1 {
		return false
	}
	seen := map[string]bool{}
	start := closure(symbols, []uint16{0})
	queue := [][]uint16{start}
	var key []byte
	for len(queue) > 0 {
		set := queue[0]
		queue = queue[1:]
		for k := -1; k < len(set); k++ {
			c := uint16(star) // some byte that no prefix in set goes on with
			if k >= 0 {
				if int(set[k]) == len(symbols) {
					continue
				}
				c = symbols[set[k]]
			}
			next := closure(symbols, advance(symbols, set, c))
			if len(next) > limit {
				return true
			}
			key = key[:0]
			for _, p := range next {
				key = append(key, byte(p>>8), byte(p))
			}
			if len(next) == 0 || seen[string(key)] {
				continue
			}
			if seen[string(key)] = true; len(seen) > maxSubsets {
				return true
			}
			queue = append(queue, next)
		}
	}
	return false
}

const star = 256

// symbols are the bytes of w and its stars.
func (w *wildcard) symbols() (out []uint16) {
	for i, part := range w.parts {
		if i > 0 {
			out = append(out, star)
		}
		for _, c := range []byte(part) {
			out = append(out, uint16(c))
		}
	}
	return out
}

// advance moves every prefix in set over the byte c; prefix n has taken n symbols.
func advance(symbols, set []uint16, c uint16) (out []uint16) {
	add := func(p uint16) {
		if len(out) == 0 || out[len(out)-1] != p {
			out = append(out, p)
		}
	}
	for _, p := range set {
		if p > 0 && symbols[p-1] == star {
			add(p) // the star takes it
		}
		if int(p) < len(symbols) && symbols[p] == c {
			add(p + 1)
		}
	}
	return out
}

// closure adds the prefixes that go on with a star which takes nothing.
func closure(symbols, set []uint16) (out []uint16) {
	for _, p := range set {
		if len(out) == 0 || out[len(out)-1] < p {
			out = append(out, p)
		}
		if int(p) < len(symbols) && symbols[p] == star && out[len(out)-1] < p+1 {
			out = append(out, p+1)
		}
	}
	return out
}

func (w *wildcard) String() string { return strings.Join(w.parts, "*") }
