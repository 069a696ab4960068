package saml

import (
	"maps"
	"slices"
	"strings"
)

// form is a way to make an element's canonical bytes: exclusive
// (https://www.w3.org/TR/xml-exc-c14n/) or inclusive
// (https://www.w3.org/TR/2001/REC-xml-c14n-20010315). Comments, in which their
// variants differ, do not occur here.
type form struct {
	inclusive bool
	prefixes  []string // InclusiveNamespaces' PrefixList; "" is the default namespace
}

// canonical returns n's canonical bytes, without the element omit below it.
// Different elements have different bytes.
func (f form) canonical(n, omit *node) []byte {
	var b strings.Builder
	f.write(&b, n, omit, map[string]string{})
	return []byte(b.String())
}

// write writes n. rendered are the namespaces that what was written around it
// has declared.
func (f form) write(b *strings.Builder, n, omit *node, rendered map[string]string) {
	b.WriteByte('<')
	b.WriteString(n.name())
	decls := map[string]string{}
	for p, uri := range f.visible(n) {
		if before, is := rendered[p]; (is || uri != "") && before != uri {
			decls[p] = uri
		}
	}
	if len(decls) > 0 {
		rendered = maps.Clone(rendered)
		maps.Copy(rendered, decls)
	}
	for _, p := range slices.Sorted(maps.Keys(decls)) {
		if p == "" {
			b.WriteString(` xmlns="`)
		} else {
			b.WriteString(` xmlns:` + p + `="`)
		}
		b.WriteString(attrEscapes.Replace(decls[p]))
		b.WriteByte('"')
	}
	for _, a := range slices.SortedFunc(slices.Values(n.attrs), byName) {
		b.WriteByte(' ')
		if a.prefix != "" {
			b.WriteString(a.prefix + ":")
		}
		b.WriteString(a.local + `="` + attrEscapes.Replace(a.value) + `"`)
	}
	b.WriteByte('>')
	for _, c := range n.children {
		switch {
		case c.el == nil:
			b.WriteString(textEscapes.Replace(c.text))
		case c.el != omit:
			f.write(b, c.el, omit, rendered)
		}
	}
	b.WriteString("</" + n.name() + ">")
}

func (n *node) name() string {
	if n.prefix == "" {
		return n.local
	}
	return n.prefix + ":" + n.local
}

// visible are the namespaces that belong to n, by prefix: those its name and
// attributes use and the listed ones, or all in scope.
func (f form) visible(n *node) map[string]string {
	out := map[string]string{}
	if f.inclusive {
		for at := n; at != nil; at = at.parent {
			for _, d := range at.decls {
				if _, nearer := out[d.local]; !nearer {
					out[d.local] = d.value
				}
			}
		}
		return out
	}
	for _, p := range f.prefixes {
		if uri, known := n.lookup(p); known {
			out[p] = uri
		}
	}
	out[n.prefix] = n.space
	for _, a := range n.attrs {
		if a.prefix != "" && a.prefix != "xml" {
			out[a.prefix] = a.space
		}
	}
	return out
}

// byName: attributes are in the order of namespace, then local name.
func byName(a, b attr) int {
	if c := strings.Compare(a.space, b.space); c != 0 {
		return c
	}
	return strings.Compare(a.local, b.local)
}

// https://www.w3.org/TR/2001/REC-xml-c14n-20010315#ProcessingModel
var (
	textEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	attrEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")
)
