package main

import (
	"regexp"
	"slices"
	"strings"
)

var (
	labels         = regexp.MustCompile(`\{[^}]*\}`)
	versionSuffix  = regexp.MustCompile(`20\d\d_\d\d_\d\d$`)
	queryOrNothing = map[bool]string{true: "&", false: "?"}
)

// tidy makes the operations of a model as AWS's API reference has them: without
// CloudFront's version in the name, without the deprecated twin of an operation
// with the same method and path, and each with what tells it from the others of
// its path.
func (m *model) tidy() {
	old := m.Operations
	m.Operations = ordered[operation]{values: map[string]*operation{}}
	byPath := map[string][]*operation{}
	for _, key := range old.keys {
		op := old.get(key)
		op.Name = versionSuffix.ReplaceAllString(op.Name, "")
		m.Operations.keys = append(m.Operations.keys, op.Name)
		m.Operations.values[op.Name] = op
		if p := m.Metadata.Protocol; p == "rest-json" || p == "rest-xml" {
			path := op.HTTP.Method + " " + labels.ReplaceAllString(op.HTTP.URI, "{}")
			byPath[path] = append(byPath[path], op)
		}
	}
	for _, twins := range byPath {
		if len(twins) < 2 {
			continue
		}
		for _, op := range twins {
			if op.Deprecated {
				delete(m.Operations.values, op.Name)
				m.Operations.keys = slices.DeleteFunc(m.Operations.keys, func(k string) bool { return k == op.Name })
				continue
			}
			m.tell(op)
		}
	}
}

// tell adds the required query parameters to the path, and remembers a required
// header.
func (m *model) tell(op *operation) {
	if op.Input == nil {
		return
	}
	in := m.Shapes.get(op.Input.Shape)
	for _, name := range in.Required {
		switch r := in.Members.get(name); r.Location {
		case "querystring":
			op.HTTP.URI += queryOrNothing[strings.Contains(op.HTTP.URI, "?")] + r.LocationName
		case "header":
			op.header = r.LocationName
		}
	}
}
