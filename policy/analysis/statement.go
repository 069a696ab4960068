package analysis

import (
	"strings"

	"bartizan.dev/policy"
)

// statement is a statement as a box: it matches the requests that are in each
// of its parts.
type statement struct {
	document, index int
	source          *policy.Statement
	deny            bool
	who             set
	action          within
	resource        within
	keys            []keyClaim
	opaque          []opaque // conditions with variables
	parts           []cut    // see cuts
}

// within is a list of globs of a space, or everything else.
type within struct {
	list int32
	not  bool
	any  bool // everything; list is not used
}

// keyClaim is a condition on a key.
type keyClaim struct {
	key   int
	claim claim
}

// side is one of the two lists of documents: what is there, and what is new.
type side struct {
	allow, deny []*statement
	versions    []policy.Version // of the documents
	bindings    policy.Bindings
}

// actionGlobs returns what a pattern of Action matches among names of the form
// service:Name, in lower case.
func actionGlobs(pattern string) []*glob {
	p := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, pattern)
	switch strings.Count(p, ":") {
	case 0: // one of the wildcards stands for the colon
		var out []*glob
		for i := range len(p) {
			switch p[i] {
			case '*':
				out = append(out, actionGlob(pattern, p[:i]+"*", "*"+p[i+1:])...)
			case '?':
				out = append(out, actionGlob(pattern, p[:i], p[i+1:])...)
			}
		}
		return out
	case 1:
		service, name, _ := strings.Cut(p, ":")
		return actionGlob(pattern, service, name)
	}
	return nil
}

// maxAction is the longest name of an action that package policy matches.
const maxAction = 192

// actionGlob returns the glob of one service and name, neither of them empty.
func actionGlob(text, service, name string) []*glob {
	a, b := part(service, false), part(name, false)
	if a == nil || b == nil {
		return nil
	}
	tokens := append(append(a, token{kind: char, char: ':'}), b...)
	length := 0
	for _, t := range tokens {
		if t.kind != many {
			length++
		}
	}
	if length > maxAction {
		return nil
	}
	return []*glob{newGlob(text, tokens)}
}

// part returns the tokens of a part that must not be empty; nil: nothing can
// match it.
func part(s string, colon bool) []token {
	if strings.Trim(s, "*") != "" {
		return wilds(s, colon)
	}
	if s == "" {
		return nil
	}
	return []token{{kind: some, colon: colon}}
}

// resourceGlobs returns what an entry of Resource matches among ARNs and "*".
// symbol makes a token of a variable.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
func resourceGlobs(text string, v policy.Version, symbol func(string) token) []*glob {
	if text == "*" {
		return []*glob{star(), anARN()}
	}
	fields := parts(text, v)
	if len(fields) == 1 { // not an ARN: compared as one string
		return []*glob{newGlob(text, textTokens(text, v, true, false, symbol))}
	}
	for len(fields) < 6 {
		fields = append(fields, "*")
	}
	if !newGlob("", wilds(fields[0], true)).flat().matches("arn") {
		return nil
	}
	tokens := chars("arn:", false)
	for i, f := range fields[1:5] {
		p := wilds(f, false)
		if i < 2 {
			p = part(f, false)
		}
		if p == nil && i < 2 {
			return nil
		}
		tokens = append(append(tokens, p...), token{kind: char, char: ':'})
	}
	rest := textTokens(fields[5], v, true, false, symbol)
	empty := true
	for _, t := range rest {
		empty = empty && t.kind == many
	}
	if empty {
		if len(rest) == 0 {
			return nil
		}
		rest = []token{{kind: some, colon: true}}
	}
	return []*glob{newGlob(text, append(tokens, rest...))}
}

// star matches the resource of actions that touch none.
func star() *glob { return newGlob("*", chars("*", false)) }
