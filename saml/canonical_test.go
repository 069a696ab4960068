package saml

import "testing"

// TestCanonical: examples of the W3C's recommendations.
func TestCanonical(t *testing.T) {
	for name, tc := range map[string]struct {
		form     form
		in, want string
		pick     []int // the way to the element, by position among elements
	}{
		"inclusive: start and end tags (3.3)": {form{inclusive: true}, `<doc>
   <e1   />
   <e3   name = "elem3"   id="elem3"   />
   <e5 a:attr="out" b:attr="sorted" attr2="all" attr="I'm"
      xmlns:b="http://www.ietf.org"
      xmlns:a="http://www.w3.org"
      xmlns="http://example.org"/>
   <e6 xmlns="" xmlns:a="http://www.w3.org">
      <e7 xmlns="http://www.ietf.org">
         <e8 xmlns="" xmlns:a="http://www.w3.org">
            <e9 xmlns="" xmlns:a="http://www.ietf.org"/>
         </e8>
      </e7>
   </e6>
</doc>`, `<doc>
   <e1></e1>
   <e3 id="elem3" name="elem3"></e3>
   <e5 xmlns="http://example.org" xmlns:a="http://www.w3.org" xmlns:b="http://www.ietf.org" attr="I'm" attr2="all" b:attr="sorted" a:attr="out"></e5>
   <e6 xmlns:a="http://www.w3.org">
      <e7 xmlns="http://www.ietf.org">
         <e8 xmlns="">
            <e9 xmlns:a="http://www.ietf.org"></e9>
         </e8>
      </e7>
   </e6>
</doc>`, nil},
		"inclusive: characters (3.4)": {form{inclusive: true},
			"<doc><text>First line&#x0d;&#10;Second line</text><value>&#x32;</value><compute><![CDATA[value>\"0\" && value<\"10\" ?\"valid\":\"error\"]]></compute><a b='&quot;&#9;&#13;&lt;&gt;&apos;'/></doc>",
			"<doc><text>First line&#xD;\nSecond line</text><value>2</value><compute>value&gt;\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"</compute><a b=\"&quot;&#x9;&#xD;&lt;>'\"></a></doc>", nil},
		"exclusive (2.2)": {form{}, `<n0:local xmlns:n0="foo:bar" xmlns:n3="ftp://example.org"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:local>`,
			`<n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>`, []int{0}},
		"inclusive, inside (2.2)": {form{inclusive: true}, `<n0:local xmlns:n0="foo:bar" xmlns:n3="ftp://example.org"><n1:elem2 xmlns:n1="http://example.net"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:local>`,
			`<n1:elem2 xmlns:n0="foo:bar" xmlns:n1="http://example.net" xmlns:n3="ftp://example.org"><n3:stuff></n3:stuff></n1:elem2>`, []int{0}},
		"exclusive with a list": {form{prefixes: []string{"n3", "", "absent"}}, `<a xmlns="urn:d" xmlns:n3="urn:3" xmlns:n4="urn:4"><n4:b><c/></n4:b></a>`,
			`<n4:b xmlns="urn:d" xmlns:n3="urn:3" xmlns:n4="urn:4"><c></c></n4:b>`, []int{0}},
		"exclusive: an empty default": {form{}, `<a xmlns="urn:d"><b xmlns=""><c xmlns="urn:d"/></b></a>`,
			`<a xmlns="urn:d"><b xmlns=""><c xmlns="urn:d"></c></b></a>`, nil},
		"exclusive: siblings declare for themselves": {form{}, `<a xmlns:p="urn:p"><p:b/><p:c p:x="1" y="2"/></a>`,
			`<a><p:b xmlns:p="urn:p"></p:b><p:c xmlns:p="urn:p" y="2" p:x="1"></p:c></a>`, nil},
	} {
		n, err := parse([]byte(tc.in), false)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, i := range tc.pick {
			n = n.elements()[i]
		}
		if got := string(tc.form.canonical(n, nil)); got != tc.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, tc.want)
		}
	}
}
