package saml

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestHostileSizes: what anybody may send must not cost much before its
// signature is checked. The bound is far above what it takes.
func TestHostileSizes(t *testing.T) {
	var decls strings.Builder
	for i := range maxAttrs - 1 {
		fmt.Fprintf(&decls, ` xmlns:p%d="u"`, i)
	}
	deep, depth := "", 0
	for ; depth < maxDepth-3 && len(deep) < 25_000; depth++ {
		deep += "<a" + decls.String() + ">"
	}
	nested := deep + strings.Repeat("<p0:b p1:c=''/>", 2000) + strings.Repeat("</a>", depth)
	p := newParts()
	h := newHow(p.AssertionID)
	h.C14N = inclusiveURI
	signed := good().Sign(p.Assertion(), h)
	prefixes := `<ec:InclusiveNamespaces xmlns:ec="` + exclusiveSpace + `" PrefixList="` + strings.Repeat("p ", 20_000) + `"></ec:InclusiveNamespaces>`
	for name, doc := range map[string]string{
		"deep and wide":             strings.Replace(p.Response(nested), mark, "", 1),
		"a large SignedInfo":        strings.Replace(p.Response(strings.Replace(signed, "<ds:CanonicalizationMethod", nested+"<ds:CanonicalizationMethod", 1)), mark, "", 1),
		"many namespaces":           strings.Replace(p.Response(strings.Replace(signed, "<ds:SignedInfo>", "<ds:SignedInfo"+decls.String()+">"+strings.Repeat("<ds:X/>", 20), 1)), mark, "", 1),
		"many prefixes":             strings.Replace(p.Response(strings.Replace(signed, "</ds:CanonicalizationMethod>", prefixes+"</ds:CanonicalizationMethod>", 1)), mark, "", 1),
		"many IDs":                  strings.Replace(p.Response(strings.Repeat("<a ID='"+strings.Repeat("x", 10)+"'/>", 3000)), mark, "", 1),
		"text without end":          strings.Repeat("x", 70_000),
		"one element after another": strings.Repeat("<a>", 20_000),
	} {
		start := time.Now()
		if _, err := Verify(encoded(doc), expect(t, good())); err == nil {
			t.Errorf("%s passes", name)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s took %v", name, took)
		} else {
			t.Logf("%s: %v", name, took)
		}
	}
}
