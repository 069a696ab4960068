package rolesanywhere

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/caller"
)

func chainOf(list ...*authority) []*x509.Certificate {
	var out []*x509.Certificate
	for _, a := range list {
		out = append(out, a.cert)
	}
	return out
}

// sanWithName is the extension of the user guide's example: a DNS name, a URI
// and a directory name.
func sanWithName(t testing.TB, dns, uri string, dn pkix.Name) pkix.Extension {
	t.Helper()
	name, err := asn1.Marshal(dn.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	list := []asn1.RawValue{
		{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(dns)},
		{Class: asn1.ClassContextSpecific, Tag: 6, Bytes: []byte(uri)},
		{Class: asn1.ClassContextSpecific, Tag: 4, IsCompound: true, Bytes: name},
	}
	value, err := asn1.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return pkix.Extension{Id: oidSAN, Value: value}
}

// TestSessionTags has the example of
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html
func TestSessionTags(t *testing.T) {
	f := newFixture(t)
	issuer := f.issue(nil, &x509.Certificate{BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{
		Country: []string{"US"}, Organization: []string{"Amazon"}, OrganizationalUnit: []string{"IAM"},
		Province: []string{"Washington"}, CommonName: "RolesAnywhere", Locality: []string{"Seattle"},
	}})
	template := leafOf("Alice", 1)
	template.ExtraExtensions = []pkix.Extension{sanWithName(t, "example.com", "spiffe://example.com/workload/alice", pkix.Name{CommonName: "Alice"})}
	leaf := f.issue(issuer, template).cert
	show := func(mappings map[string][]string, leaf *x509.Certificate) string {
		var out []string
		for _, tag := range (&profile{Mappings: mappings}).sessionTags(leaf) {
			out = append(out, tag.Key+"="+tag.Value)
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		name     string
		mappings map[string][]string
		leaf     *x509.Certificate
		want     string
	}{
		{"the guide's", defaultMappings(), leaf, "x509Issuer/C=US x509Issuer/CN=RolesAnywhere x509Issuer/L=Seattle x509Issuer/O=Amazon x509Issuer/OU=IAM " +
			"x509Issuer/ST=Washington x509SAN/DNS=example.com x509SAN/Name/CN=Alice x509SAN/URI=spiffe://example.com/workload/alice x509Subject/CN=Alice"},
		{"some", map[string][]string{fieldIssuer: {"O", "L"}, fieldSAN: {"URI", "Name/O"}}, leaf, "x509Issuer/L=Seattle x509Issuer/O=Amazon x509SAN/URI=spiffe://example.com/workload/alice"},
		{"by number", map[string][]string{fieldIssuer: {"2.5.4.10"}}, leaf, "x509Issuer/2.5.4.10=Amazon"},
		{"none", nil, leaf, ""},
		{"several values", map[string][]string{fieldSubject: {"*"}}, f.issue(issuer, &x509.Certificate{Subject: pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
			{Type: []int{2, 5, 4, 3}, Value: "alice"}, {Type: []int{2, 5, 4, 11}, Value: "Security"}, {Type: []int{2, 5, 4, 11}, Value: "Engineering"},
			{Type: []int{2, 5, 4, 11}, Value: "Research"}, {Type: []int{1, 2, 3, 4}, Value: "unknown"},
		}}}).cert, "x509Subject/CN=alice x509Subject/OU=Security/Engineering/Research"},
		{"values that are no tags", map[string][]string{fieldSubject: {"*"}}, f.issue(issuer, &x509.Certificate{Subject: pkix.Name{
			CommonName: "a*b", Organization: []string{strings.Repeat("o", 257)}, Locality: []string{"fine here"},
		}}).cert, "x509Subject/L=fine here"},
		{"first names only", map[string][]string{fieldSAN: {"DNS", "URI"}}, f.issue(issuer, &x509.Certificate{
			DNSNames: []string{"one.example", "two.example"}, URIs: []*url.URL{{Scheme: "urn", Opaque: "a"}, {Scheme: "urn", Opaque: "b"}},
		}).cert, "x509SAN/DNS=one.example x509SAN/URI=urn:a"},
	} {
		if got := show(c.mappings, c.leaf); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestNames has the user guide's examples of serial numbers and common names.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		serial        int64
		cn            string
		name, because string
	}{
		{291, "", "0123", "ID=0123"},
		{17767, "", "4567", "ID=4567"},
		{0x936e, "alice", "00936e", "CN=alice"},
		{1, strings.Repeat("n", 61), "01", "CN=" + strings.Repeat("n", 61)},
		{1, strings.Repeat("n", 62), "01", strings.Repeat("n", 62)},
		{0, strings.Repeat("n", 64), "00", strings.Repeat("n", 64)},
		{1, "a b@c", "01", "CN=a b@c"},
		{1, "a*", "01", ""},
	} {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(c.serial), Subject: pkix.Name{CommonName: c.cn}}
		got, err := sourceIdentity(leaf)
		if got != c.because || (err != nil) != (c.because == "") || sessionName(leaf.SerialNumber) != c.name {
			t.Errorf("%d %q: %s, %v, %s", c.serial, c.cn, got, err, sessionName(leaf.SerialNumber))
		}
	}
}

// FuzzCertificate: what a certificate holds never breaks the reader, and what
// comes out STS takes.
func FuzzCertificate(f *testing.F) {
	fix := newFixture(f)
	template := leafOf("a", 1)
	template.ExtraExtensions = []pkix.Extension{sanWithName(f, "d", "u:x", pkix.Name{CommonName: "n"})}
	f.Add(fix.issue(nil, template).cert.Raw)
	f.Add(fix.ca(nil, "ca").cert.Raw)
	p := &profile{Mappings: defaultMappings()}
	f.Fuzz(func(t *testing.T, der []byte) {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		for _, tag := range p.sessionTags(cert) {
			if !validTag(tag.Key, 128) || !validTag(tag.Value, 256) || tag == (caller.Tag{}) {
				t.Fatalf("%+v", tag)
			}
		}
		if source, err := sourceIdentity(cert); err == nil && (len(source) < 2 || !validTag(source, 64)) && cert.SerialNumber.BitLen() < 200 {
			t.Fatalf("%q", source)
		}
	})
}

// FuzzBundle reads bundles and revocation lists.
func FuzzBundle(f *testing.F) {
	fix := newFixture(f)
	root := fix.ca(nil, "root")
	f.Add(root.pem(), fix.crl(root, 1, 2))
	f.Fuzz(func(t *testing.T, bundle string, list []byte) {
		if certs, err := authorities(bundle); err == nil && (len(certs) == 0 || len(certs) > maxCertificates) {
			t.Fatal(len(certs))
		}
		if _, err := parseList(list); err == nil {
			if err := checkList(list, &anchor{Bundle: root.pem()}); err != nil {
				return
			}
		}
	})
}
