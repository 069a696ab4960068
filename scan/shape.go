package scan

import (
	"regexp/syntax"
	"unicode/utf8"
)

// prefix returns a bounded expression that matches wherever re does, and whether
// it is all of re.
func prefix(re *syntax.Regexp) (start *syntax.Regexp, whole bool) {
	nothing := &syntax.Regexp{Op: syntax.OpEmptyMatch}
	switch re.Op {
	case syntax.OpStar:
		return nothing, false
	case syntax.OpPlus:
		start, _ = prefix(re.Sub[0])
		return start, false
	case syntax.OpCapture:
		return prefix(re.Sub[0])
	case syntax.OpQuest, syntax.OpRepeat:
		sub, all := prefix(re.Sub[0])
		if all && re.Max >= 0 { // ? has 0 here
			return re, true
		}
		if re.Op == syntax.OpQuest || re.Min == 0 || !all {
			if re.Op == syntax.OpRepeat && re.Min > 0 {
				return sub, false
			}
			return nothing, false
		}
		return &syntax.Regexp{Op: syntax.OpRepeat, Flags: re.Flags, Min: re.Min, Max: re.Min, Sub: []*syntax.Regexp{sub}}, false
	case syntax.OpConcat:
		out := &syntax.Regexp{Op: syntax.OpConcat, Flags: re.Flags}
		for _, sub := range re.Sub {
			next, all := prefix(sub)
			out.Sub = append(out.Sub, next)
			if !all {
				return out, false
			}
		}
		return out, true
	case syntax.OpAlternate:
		out := &syntax.Regexp{Op: syntax.OpAlternate, Flags: re.Flags}
		whole = true
		for _, sub := range re.Sub {
			next, all := prefix(sub)
			out.Sub, whole = append(out.Sub, next), whole && all
		}
		return out, whole
	}
	return re, true
}

// longest returns how many bytes a match can have, or -1.
func longest(re *syntax.Regexp) int {
	sum := 0
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune) * utf8.UTFMax
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return widest(re)
	case syntax.OpStar, syntax.OpPlus:
		if longest(re.Sub[0]) == 0 {
			return 0
		}
		return -1
	case syntax.OpRepeat:
		n := longest(re.Sub[0])
		if n < 0 || re.Max < 0 && n > 0 {
			return -1
		}
		return n * max(re.Max, 0)
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			n := longest(sub)
			if n < 0 {
				return -1
			}
			sum = max(sum, n)
		}
		return sum
	}
	for _, sub := range re.Sub { // concatenation, capture, ?
		n := longest(sub)
		if n < 0 {
			return -1
		}
		sum += n
	}
	return sum
}

func widest(re *syntax.Regexp) int {
	if re.Op != syntax.OpCharClass || len(re.Rune) == 0 {
		return utf8.UTFMax
	}
	return max(1, utf8.RuneLen(re.Rune[len(re.Rune)-1]))
}

// essential returns re without what it begins with and could do without, and
// how many bytes that can match; -1 when that has no bound.
func essential(re *syntax.Regexp) (rest *syntax.Regexp, head int) {
	switch re.Op {
	case syntax.OpCapture:
		return essential(re.Sub[0])
	case syntax.OpAlternate:
		out := &syntax.Regexp{Op: syntax.OpAlternate, Flags: re.Flags}
		for _, sub := range re.Sub {
			rest, n := essential(sub)
			if n < 0 {
				return nil, -1
			}
			head = max(head, n)
			out.Sub = append(out.Sub, rest)
		}
		return out, head
	case syntax.OpConcat:
		for i, sub := range re.Sub {
			if optional(sub) {
				n := longest(sub)
				if n < 0 {
					return nil, -1
				}
				head += n
				continue
			}
			first, n := essential(sub)
			if n < 0 {
				return nil, -1
			}
			out := &syntax.Regexp{Op: syntax.OpConcat, Flags: re.Flags, Sub: []*syntax.Regexp{first}}
			out.Sub = append(out.Sub, re.Sub[i+1:]...)
			return out, head + n
		}
	}
	return re, 0
}

// optional reports whether re can match nothing.
func optional(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpStar, syntax.OpQuest, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText,
		syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return true
	case syntax.OpRepeat:
		return re.Min == 0 || optional(re.Sub[0])
	case syntax.OpCapture, syntax.OpPlus:
		return optional(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			if !optional(sub) {
				return false
			}
		}
		return true
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if optional(sub) {
				return true
			}
		}
	}
	return false
}
