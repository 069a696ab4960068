package scan

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
)

// defaultRules are gitleaks' rules, unchanged.
//
//go:embed rules/gitleaks.toml
var defaultRules string

// Rules is a set of rules, ready to be matched. It may be used by many
// goroutines.
type Rules struct {
	rules []*rule
	allow []*allowlist
	words *automaton

	commits bool // an allowlist names commits
}

// rule is one kind of secret.
type rule struct {
	id, description string
	tags            []string
	expr            string // empty for rules that want only a path
	path            *regexp.Regexp
	group           int
	entropy         float64
	keywords        []string // lower case; none: always asked
	allow           []*allowlist
	plan            func() *plan
}

// The form of a rules file is gitleaks'.
// https://github.com/gitleaks/gitleaks#configuration
type (
	file struct {
		Title, Description, MinVersion string
		Extend                         struct {
			Path          string
			URL           string
			UseDefault    bool
			DisabledRules []string
		}
		Rules      []fileRule
		Allowlist  *fileAllow // the old form
		Allowlists []fileAllow
	}
	fileRule struct {
		ID, Description, Path, Regex string
		SecretGroup                  int
		Entropy                      float64
		Keywords, Tags               []string
		SkipReport                   bool
		Required                     []struct {
			ID                         string
			WithinLines, WithinColumns *int
		}
		Allowlist  *fileAllow
		Allowlists []fileAllow
	}
	fileAllow struct {
		Description, Condition, RegexTarget             string
		Commits, Paths, Regexes, StopWords, TargetRules []string
	}
)

// Default returns the rules that come with the program.
func Default() (*Rules, error) { return defaults() }

var defaults = sync.OnceValues(func() (*Rules, error) {
	b := newBuilder()
	if err := b.parse(defaultRules, "", 0); err != nil {
		return nil, fmt.Errorf("the built-in rules: %w", err)
	}
	return b.build(), nil
})

const maxRules = 4 << 20 // bytes of a rules file

// Load reads a rules file, and what it extends.
func Load(path string) (*Rules, error) {
	b := newBuilder()
	if err := b.load(path, 0); err != nil {
		return nil, err
	}
	for _, r := range b.order { // a user's mistake is told at once
		if _, err := regexp.Compile(r.expr); err != nil {
			return nil, fmt.Errorf("%s: rule %s: %w", path, r.id, err)
		}
	}
	return b.build(), nil
}

// builder gathers rules; what comes first wins over what it extends.
type builder struct {
	order  []*rule
	byID   map[string]*rule
	off    map[string]bool
	allow  []*allowlist
	target map[string][]*allowlist
}

func newBuilder() *builder {
	return &builder{byID: map[string]*rule{}, off: map[string]bool{}, target: map[string][]*allowlist{}}
}

func (b *builder) load(path string, depth int) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() > maxRules {
		return fmt.Errorf("%s: want a file of at most %d bytes", path, maxRules)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := b.parse(string(text), filepath.Dir(path), depth); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func (b *builder) parse(text, dir string, depth int) error {
	var f file
	meta, err := toml.Decode(text, &f)
	if err != nil {
		return err
	}
	if extra := meta.Undecoded(); len(extra) > 0 {
		return fmt.Errorf("unknown key %s", extra[0])
	}
	for i := range f.Rules {
		if err := b.addRule(&f.Rules[i]); err != nil {
			return fmt.Errorf("rule %q: %w", f.Rules[i].ID, err)
		}
	}
	if f.Allowlist != nil {
		f.Allowlists = append(f.Allowlists, *f.Allowlist)
	}
	for i := range f.Allowlists {
		a, err := newAllowlist(&f.Allowlists[i])
		if err != nil {
			return err
		}
		for _, id := range f.Allowlists[i].TargetRules {
			b.target[id] = append(b.target[id], a)
		}
		if len(f.Allowlists[i].TargetRules) == 0 {
			b.allow = append(b.allow, a)
		}
	}
	for _, id := range f.Extend.DisabledRules {
		b.off[id] = true
	}
	return b.extend(&f, dir, depth)
}

func (b *builder) extend(f *file, dir string, depth int) error {
	switch {
	case f.Extend.URL != "":
		return errors.New("extend.url is not supported: fetch the file and name it in extend.path")
	case f.Extend.Path != "" && f.Extend.UseDefault:
		return errors.New("want one of extend.path and extend.useDefault")
	case (f.Extend.Path != "" || f.Extend.UseDefault) && depth > 2:
		return errors.New("rules extend each other more than twice")
	case f.Extend.UseDefault:
		return b.parse(defaultRules, "", depth+1)
	case f.Extend.Path != "":
		path := f.Extend.Path
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		return b.load(path, depth+1)
	}
	return nil
}

func (b *builder) addRule(f *fileRule) error {
	old := b.byID[f.ID]
	switch {
	case f.ID == "":
		return errors.New("no id")
	case len(f.Required) > 0:
		return errors.New("rules that require other rules are not supported")
	case f.SecretGroup < 0:
		return errors.New("secretGroup is negative")
	case old == nil && f.Regex == "" && f.Path == "":
		// It may only add to a rule that the file extends: settled in build.
	}
	if f.Allowlist != nil {
		f.Allowlists = append(f.Allowlists, *f.Allowlist)
	}
	r := &rule{id: f.ID, description: f.Description, tags: f.Tags, expr: f.Regex, group: f.SecretGroup, entropy: f.Entropy}
	for _, k := range f.Keywords {
		if k = strings.ToLower(k); k != "" {
			r.keywords = append(r.keywords, k)
		}
	}
	if f.Path != "" {
		re, err := regexp.Compile(f.Path)
		if err != nil {
			return err
		}
		r.path = re
	}
	for i := range f.Allowlists {
		a, err := newAllowlist(&f.Allowlists[i])
		if err != nil {
			return err
		}
		r.allow = append(r.allow, a)
	}
	if f.SkipReport { // such rules serve those that require them
		b.off[f.ID] = true
	}
	if old != nil { // a file that extends this one spoke first
		old.inherit(r)
		return nil
	}
	b.byID[f.ID] = r
	b.order = append(b.order, r)
	return nil
}

// inherit fills what r leaves open from the rule that it extends.
func (r *rule) inherit(base *rule) {
	if r.expr == "" {
		r.expr, r.group = base.expr, base.group
	}
	if r.description == "" {
		r.description = base.description
	}
	if r.entropy == 0 {
		r.entropy = base.entropy
	}
	if r.path == nil {
		r.path = base.path
	}
	r.keywords = append(r.keywords, base.keywords...)
	r.tags = append(r.tags, base.tags...)
	r.allow = append(r.allow, base.allow...)
}

func (b *builder) build() *Rules {
	out := &Rules{allow: b.allow}
	words := map[string][]int32{}
	for _, r := range b.order {
		if b.off[r.id] || r.expr == "" && r.path == nil {
			continue
		}
		r.allow = append(r.allow, b.target[r.id]...)
		r.plan = sync.OnceValue(func() *plan { return newPlan(r.expr, r.keywords) })
		slices.Sort(r.keywords)
		for _, k := range slices.Compact(r.keywords) {
			words[k] = append(words[k], int32(len(out.rules)))
		}
		out.rules = append(out.rules, r)
	}
	out.words = newAutomaton(words)
	out.commits = out.namesCommits()
	return out
}
