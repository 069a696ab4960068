package wire

import (
	"regexp"
	"regexp/syntax"
	"unicode/utf8"
)

// matcher compiles a pattern that must match a whole string. Patterns that are
// one repeated character class, which most are, become a table.
func matcher(pattern string) func(string) bool {
	if re, err := syntax.Parse(pattern, syntax.Perl); err == nil {
		if m := classMatcher(re.Simplify()); m != nil {
			return m
		}
	}
	return regexp.MustCompile(`\A(?:` + pattern + `)\z`).MatchString
}

// classMatcher returns a matcher for [class]* and [class]+, else nil.
func classMatcher(re *syntax.Regexp) func(string) bool {
	for re.Op == syntax.OpCapture && len(re.Sub) == 1 {
		re = re.Sub[0]
	}
	if re.Op == syntax.OpConcat && len(re.Sub) == 3 && re.Sub[0].Op == syntax.OpBeginText && re.Sub[2].Op == syntax.OpEndText {
		re = re.Sub[1]
	}
	if re.Op != syntax.OpStar && re.Op != syntax.OpPlus || re.Sub[0].Op != syntax.OpCharClass {
		return nil
	}
	atLeast := 0
	if re.Op == syntax.OpPlus {
		atLeast = 1
	}
	ranges := re.Sub[0].Rune
	var ascii [utf8.RuneSelf]bool
	for i := 0; i < len(ranges); i += 2 {
		for r := ranges[i]; r <= min(ranges[i+1], utf8.RuneSelf-1); r++ {
			ascii[r] = true
		}
	}
	return func(s string) bool {
		for _, r := range s {
			if r < utf8.RuneSelf {
				if !ascii[r] {
					return false
				}
			} else if !inRanges(ranges, r) {
				return false
			}
		}
		return len(s) >= atLeast
	}
}

func inRanges(ranges []rune, r rune) bool {
	for i := 0; i < len(ranges); i += 2 {
		if r >= ranges[i] && r <= ranges[i+1] {
			return true
		}
	}
	return false
}
