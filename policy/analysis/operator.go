package analysis

import (
	"strings"

	"bartizan.dev/policy"
)

// operator is a condition operator taken apart.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
type operator struct {
	family     family
	test       string // in lower case, without set operator, Not and IfExists
	quantifier quantifier
}

type family uint8

const (
	textual family = iota // StringEquals, StringLike, Bool, Binary, ARN
	numeric
	dated
	addressed
	presence // Null
)

type quantifier uint8

const (
	single quantifier = iota
	anyValue
	allValues
)

func parseOperator(name string) operator {
	rest := strings.ToLower(name)
	op := operator{}
	if after, ok := strings.CutPrefix(rest, "foranyvalue:"); ok {
		rest, op.quantifier = after, anyValue
	} else if after, ok := strings.CutPrefix(rest, "forallvalues:"); ok {
		rest, op.quantifier = after, allValues
	}
	rest = strings.TrimSuffix(rest, "ifexists")
	op.test = strings.Replace(rest, "not", "", 1)
	switch {
	case rest == "null":
		op.family = presence
	case strings.HasPrefix(rest, "numeric"):
		op.family = numeric
	case strings.HasPrefix(rest, "date"):
		op.family = dated
	case strings.HasSuffix(rest, "ipaddress"):
		op.family = addressed
	}
	return op
}

// variables reports whether a value of c has a policy variable.
func (op operator) variables(c *policy.Condition, v policy.Version) bool {
	if v != policy.Version2012 || op.family != textual || op.test == "binaryequals" {
		return false
	}
	for _, text := range c.Values {
		for _, p := range pieces(text, v) {
			if p.variable {
				return true
			}
		}
	}
	return false
}

// piece is a part of a policy string: text with wildcards, text without, or
// what stands between ${ and } of a variable.
type piece struct {
	text     string
	plain    bool // wildcards mean themselves
	variable bool
}

// pieces takes a policy string apart as package policy does: variables exist in
// documents of 2012 only; ${*}, ${?} and ${$} are these characters; an unclosed
// ${ is plain text to the end.
func pieces(text string, v policy.Version) []piece {
	var out []piece
	for v == policy.Version2012 {
		i := strings.Index(text, "${")
		if i < 0 {
			break
		}
		if i > 0 {
			out = append(out, piece{text: text[:i]})
		}
		inner, rest, closed := strings.Cut(text[i+2:], "}")
		switch {
		case !closed:
			return append(out, piece{text: text[i:], plain: true})
		case inner == "*" || inner == "?" || inner == "$":
			out = append(out, piece{text: inner, plain: true})
		default:
			out = append(out, piece{text: inner, variable: true})
		}
		text = rest
	}
	if text != "" {
		out = append(out, piece{text: text})
	}
	return out
}

// parts splits at the first five colons that are not inside a variable.
func parts(text string, v policy.Version) []string {
	var out []string
	start, inside := 0, false
	last := strings.LastIndexByte(text, '}')
	for i := 0; i < len(text) && len(out) < 5; i++ {
		switch {
		case v == policy.Version2012 && i < last && strings.HasPrefix(text[i:], "${"):
			inside = true
		case text[i] == '}':
			inside = false
		case text[i] == ':' && !inside:
			out = append(out, text[start:i])
			start = i + 1
		}
	}
	return append(out, text[start:])
}
