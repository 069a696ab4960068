package generate

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"bartizan.dev/policy/reference"
)

// statement is one statement to be written.
type statement struct {
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string `json:",omitempty"`
}

type document struct {
	Version   string
	Statement []statement
}

// documents writes the policies: actions with the same resources share a
// statement, statements fill documents up to their size.
func (g *Generator) documents() []string {
	out := []string{}
	var now document
	size := 0
	for _, s := range g.statements() {
		for _, part := range g.split(s) {
			n := length(part) + 1
			if size > 0 && size+n > g.opt.MaxSize {
				out = append(out, write(now))
				now, size = document{}, 0
			}
			if size == 0 {
				now.Version, size = "2012-10-17", length(document{Version: "2012-10-17", Statement: []statement{}})
			}
			now.Statement, size = append(now.Statement, part), size+n
		}
	}
	if size > 0 {
		out = append(out, write(now))
	}
	return out
}

// statements groups the actions by their resources and Regions, in the order of
// their first actions.
func (g *Generator) statements() []statement {
	groups := map[string]*statement{}
	for name, u := range g.uses {
		resources := g.resources(u)
		var regions []string
		for r := range u.regions {
			if r != "" {
				regions = append(regions, r)
			}
		}
		slices.Sort(regions)
		key := strings.Join(resources, "\x00") + "\x01" + strings.Join(regions, "\x00")
		s := groups[key]
		if s == nil {
			s = &statement{Effect: "Allow", Resource: resources}
			if len(regions) > 0 && g.opt.Regions {
				s.Condition = map[string]map[string][]string{"StringEquals": {"aws:RequestedRegion": regions}}
			}
			groups[key] = s
		}
		s.Action = append(s.Action, name)
	}
	var out []statement
	for _, s := range groups {
		slices.Sort(s.Action)
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b statement) int { return strings.Compare(a.Action[0], b.Action[0]) })
	return out
}

// resources returns what the statement of an action names.
func (g *Generator) resources(u *use) []string {
	var out []string
	switch g.opt.Resources {
	case Templates:
		always := slices.ContainsFunc(u.action.Resources, func(r reference.ActionResource) bool { return r.Required })
		for _, r := range u.action.Resources {
			if always && !r.Required { // such as access points beside buckets
				continue
			}
			for _, form := range r.Type.ARNs() {
				out = append(out, strings.Replace(form, "${Partition}", "aws", 1))
			}
		}
	case Exact:
		if !u.all {
			for a := range u.arns {
				out = append(out, a)
			}
		}
	}
	if len(out) == 0 {
		return []string{"*"}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// split parts a statement that alone would be too large for a document.
func (g *Generator) split(s statement) []statement {
	room := g.opt.MaxSize - 64 // what a document has around its statements
	if length(s) <= room {
		return []statement{s}
	}
	parts := func(list []string, with func([]string) statement) []statement {
		half := len(list) / 2
		return append(g.split(with(list[:half])), g.split(with(list[half:]))...)
	}
	switch {
	case len(s.Resource) > 1 && length(s.Resource) >= length(s.Action):
		return parts(s.Resource, func(l []string) statement { t := s; t.Resource = l; return t })
	case len(s.Action) > 1:
		return parts(s.Action, func(l []string) statement { t := s; t.Action = l; return t })
	case len(s.Resource) > 1:
		return parts(s.Resource, func(l []string) statement { t := s; t.Resource = l; return t })
	}
	g.cut = true // one action on one resource, and still too long: the name is no name of AWS's
	return nil
}

// length is the size of v in a document without white space, in characters.
func length(v any) int {
	n := 0
	for _, c := range string(encode(v, "")) {
		if c != ' ' && c != '\n' {
			n++
		}
	}
	return n
}

func write(d document) string { return string(encode(d, "  ")) }

// encode cannot fail: there is nothing but text in v.
func encode(v any, indent string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		panic("generate: " + err.Error())
	}
	return bytes.TrimSpace(b.Bytes())
}
