package scan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// allowlist says what is no secret after all.
type allowlist struct {
	all     bool // every criterion that is given must hold, not just one
	commits []string
	path    *regexp.Regexp
	re      *regexp.Regexp
	target  string // what re is asked of: "", "match" or "line"
	stop    *automaton
}

func newAllowlist(f *fileAllow) (*allowlist, error) {
	a := &allowlist{target: f.RegexTarget}
	switch strings.ToUpper(f.Condition) {
	case "", "OR", "||":
	case "AND", "&&":
		a.all = true
	default:
		return nil, fmt.Errorf("allowlist: condition %q: want AND or OR", f.Condition)
	}
	switch f.RegexTarget {
	case "secret":
		a.target = ""
	case "", "match", "line":
	default:
		return nil, fmt.Errorf("allowlist: regexTarget %q: want match or line", f.RegexTarget)
	}
	if len(f.Commits)+len(f.Paths)+len(f.Regexes)+len(f.StopWords) == 0 {
		return nil, fmt.Errorf("allowlist: want commits, paths, regexes or stopwords")
	}
	for _, c := range f.Commits {
		a.commits = append(a.commits, strings.ToLower(strings.TrimSpace(c)))
	}
	var err error
	if a.path, err = anyOf(f.Paths); err != nil {
		return nil, err
	}
	if a.re, err = anyOf(f.Regexes); err != nil {
		return nil, err
	}
	if len(f.StopWords) > 0 {
		words := map[string][]int32{}
		for _, w := range f.StopWords {
			words[strings.ToLower(w)] = []int32{0}
		}
		a.stop = newAutomaton(words)
	}
	return a, nil
}

// anyOf joins expressions into one; none give nil.
func anyOf(exprs []string) (*regexp.Regexp, error) {
	if len(exprs) == 0 {
		return nil, nil
	}
	for _, e := range exprs { // one by one, so that the error names the right one
		if _, err := regexp.Compile(e); err != nil {
			return nil, err
		}
	}
	return regexp.Compile("(?:" + strings.Join(exprs, ")|(?:") + ")")
}

// place is what a whole file has in common.
type place struct {
	path, commit string
}

// skips reports whether a allows everything at p, whatever it holds.
func (a *allowlist) skips(p place) bool {
	commit := len(a.commits) > 0 && slices.Contains(a.commits, p.commit)
	path := a.path != nil && a.path.MatchString(p.path)
	if !a.all {
		return commit || path
	}
	return a.re == nil && a.stop == nil && (len(a.commits) == 0 || commit) && (a.path == nil || path)
}

// allows reports whether a allows a secret with the match and lines around it.
func (a *allowlist) allows(p place, secret, match, line []byte) bool {
	re := false
	if a.re != nil {
		target := secret
		switch a.target {
		case "match":
			target = match
		case "line":
			target = line
		}
		re = a.re.Match(target)
	}
	stop := a.stop != nil && a.stop.any(secret)
	if !a.all {
		return re || stop
	}
	return (len(a.commits) == 0 || slices.Contains(a.commits, p.commit)) && (a.path == nil || a.path.MatchString(p.path)) &&
		(a.re == nil || re) && (a.stop == nil || stop)
}

// excuses reports whether a allows a secret whatever is around it.
func (a *allowlist) excuses(secret []byte) bool {
	return !a.all && (a.stop != nil && a.stop.any(secret) || a.re != nil && a.target == "" && a.re.Match(secret))
}
