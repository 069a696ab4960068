package policy

import (
	"slices"
	"strings"
)

// ContextKeys returns the condition keys that d uses, in conditions and as
// variables, as first written, sorted, each once whatever its case.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForCustomPolicy.html
func (d *Document) ContextKeys() []string {
	c := keyCollector{}
	for i := range d.Statements {
		s := &d.Statements[i]
		for _, cond := range s.Condition {
			c.add(cond.Key)
		}
		if d.Version != Version2012 {
			continue
		}
		for _, list := range [][]string{s.Resource, s.NotResource} {
			for _, r := range list {
				c.addVariables(r)
			}
		}
		for _, cond := range s.Condition {
			for _, v := range cond.Values {
				c.addVariables(v)
			}
		}
	}
	return c.sorted()
}

// keyCollector is a set of key names, by their lower case.
type keyCollector map[string]string

func (c keyCollector) add(name string) {
	if l := lower(name); c[l] == "" && name != "" {
		c[l] = name
	}
}

func (c keyCollector) addVariables(text string) {
	if !strings.Contains(text, "${") {
		return
	}
	for _, t := range tokenize(text, variables) {
		if t.kind == variable {
			c.add(t.key.name)
		}
	}
}

func (c keyCollector) sorted() []string {
	out := make([]string, 0, len(c))
	for _, name := range c {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
