package scan

import (
	"regexp/syntax"
	"strings"
	"unicode"
)

// maxStarts bounds how many beginnings of an expression are told apart.
const maxStarts = 1 << 10

// starts returns strings, in lower case, of which each match begins with one;
// whole says that they are the matches.
func starts(re *syntax.Regexp) (set []string, whole bool) {
	none := []string{""}
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return none, true
	case syntax.OpLiteral:
		return []string{fold(string(re.Rune))}, true
	case syntax.OpCharClass:
		return classStarts(re)
	case syntax.OpCapture:
		return starts(re.Sub[0])
	case syntax.OpQuest:
		set, whole = starts(re.Sub[0])
		return append(set[:len(set):len(set)], ""), whole
	case syntax.OpPlus:
		set, _ = starts(re.Sub[0])
		return set, false
	case syntax.OpRepeat:
		if re.Min == 0 || re.Min > 32 {
			return none, false
		}
		if first, _ := starts(re.Sub[0]); len(first) > 1 && re.Min > 1 {
			return first, false // the first is enough
		}
		set = none
		for range re.Min {
			if set, whole = follow(set, re.Sub[0]); !whole {
				return set, false
			}
		}
		return set, re.Max == re.Min
	case syntax.OpConcat:
		set = none
		for _, sub := range re.Sub {
			if set, whole = follow(set, sub); !whole {
				return set, false
			}
		}
		return set, true
	case syntax.OpAlternate:
		whole = true
		for _, sub := range re.Sub {
			more, all := starts(sub)
			set, whole = append(set, more...), whole && all
		}
		if len(set) <= maxStarts {
			return set, whole
		}
	}
	return none, false
}

// follow puts what sub begins with behind each string of set.
func follow(set []string, sub *syntax.Regexp) ([]string, bool) {
	more, whole := starts(sub)
	if len(set)*len(more) > maxStarts {
		return set, false
	}
	out := make([]string, 0, len(set)*len(more))
	for _, a := range set {
		for _, b := range more {
			out = append(out, a+b)
		}
	}
	return out, whole
}

func classStarts(re *syntax.Regexp) ([]string, bool) {
	var set []string
	for i := 0; i+1 < len(re.Rune); i += 2 {
		if re.Rune[i+1]-re.Rune[i] > 64 || len(set) > 128 {
			return []string{""}, false
		}
		for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
			if s := fold(string(r)); len(set) == 0 || set[len(set)-1] != s {
				set = append(set, s)
			}
		}
	}
	return set, true
}

// fold puts s in lower case. The two letters beyond ASCII that (?i) takes for
// ASCII ones, ſ and K, count as those: the automaton does not find them, and
// nobody writes keys with them.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case 'ſ':
			return 's'
		case '\u212a':
			return 'k'
		}
		return unicode.ToLower(r)
	}, s)
}

// beginsWith reports whether each match of re begins with a keyword.
func beginsWith(re *syntax.Regexp, keywords []string) bool {
	set, _ := starts(re)
	return all(set, keywords, strings.HasPrefix)
}

func all(set, keywords []string, has func(s, keyword string) bool) bool {
	for _, s := range set {
		found := false
		for _, k := range keywords {
			found = found || has(s, k)
		}
		if !found {
			return false
		}
	}
	return len(set) > 0
}

// holds reports whether each match of re holds a keyword.
func holds(re *syntax.Regexp, keywords []string) bool {
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return holds(re.Sub[0], keywords)
	case syntax.OpRepeat:
		if re.Min > 0 && holds(re.Sub[0], keywords) {
			return true
		}
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if !holds(sub, keywords) {
				return false
			}
		}
		return true
	case syntax.OpConcat:
		run := []string{""} // what the last parts are, one after the other
		for _, sub := range re.Sub {
			if holds(sub, keywords) {
				return true
			}
			next, whole := follow(run, sub)
			if all(next, keywords, strings.Contains) {
				return true
			}
			run = next
			if !whole {
				run = []string{""}
			}
		}
		return false
	}
	set, _ := starts(re)
	return all(set, keywords, strings.Contains)
}
