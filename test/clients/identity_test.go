package clients

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
)

// TestTerraformIdentity applies a module of what signs people, programs, hosts
// and pods in, and of Access Analyzer; it finds no drift, changes everything
// that can be changed, and destroys it without a trace.
func TestTerraformIdentity(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	before := identities(t, s)
	m := newModule(t, s, "identity")
	m.credentials()
	m.apply()
	type seen struct {
		Keys, People, Roles, Clients         []string
		Alias, WWW, Directory, Issuer, Stage string
		Allowed                              bool
	}
	want := seen{Keys: []string{"Active"}, People: []string{"dev"}, Roles: []string{"host", "pod"}, Clients: []string{"ci-test", "sts.amazonaws.com"},
		Alias: "bartizan-identity", WWW: "www", Directory: "directory", Issuer: "federated", Stage: "test", Allowed: true}
	check := func() {
		t.Helper()
		var out struct{ Seen struct{ Value seen } }
		if m.outputs(&out); !reflect.DeepEqual(out.Seen.Value, want) {
			t.Errorf("data sources say %+v, want %+v", out.Seen.Value, want)
		}
	}
	check()
	m.apply("-var=stage=live")
	m.run("apply", "-auto-approve", "-refresh-only", "-input=false", "-no-color", "-var=stage=live") // data sources may have been read before the change
	want.Clients, want.WWW, want.Stage = []string{"ci-live", "sts.amazonaws.com"}, "www-live", "live"
	check()
	m.imports()
	m.destroy("-var=stage=live")
	// Organizations leaves its role, as AWS does, and lets go of it.
	must[[]byte](t)(s.Call(s.Root(), "iam", "DeleteServiceLinkedRole", url.Values{"RoleName": {"AWSServiceRoleForOrganizations"}}))
	s.Advance(time.Minute)
	if after := identities(t, s); after != before {
		t.Errorf("before apply:\n%s\nafter destroy:\n%s", before, after)
	}
}

// imports takes a resource of each new service out of the state and in again:
// reading alone must tell all that the module says.
func (m *module) imports() {
	m.t.Helper()
	var out struct {
		IDs struct{ Value map[string]string }
	}
	m.outputs(&out)
	if len(out.IDs.Value) < 5 {
		m.t.Fatalf("the module tells the ids of %d resources", len(out.IDs.Value))
	}
	var blocks strings.Builder
	for address, id := range out.IDs.Value {
		fmt.Fprintf(&blocks, "import {\n  to = %s\n  id = %q\n}\n", address, id)
	}
	m.run(append([]string{"state", "rm"}, slices.Collect(maps.Keys(out.IDs.Value))...)...)
	m.file("import.tf", []byte(blocks.String()))
	want := fmt.Sprintf("Apply complete! Resources: %d imported, 0 added, 0 changed, 0 destroyed.", len(out.IDs.Value))
	if said := m.apply("-var=stage=live"); !strings.Contains(said, want) {
		m.t.Errorf("want %q of\n%s", want, said)
	}
}

// credentials writes the files that the module reads.
func (m *module) credentials() {
	m.t.Helper()
	encode := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	certify := func(name string, serial int64, issuer *x509.Certificate, key, issuerKey crypto.Signer) *x509.Certificate {
		c := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
		if issuer == nil {
			issuer, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = c, true, true, x509.KeyUsageCertSign
		}
		der := must[[]byte](m.t)(x509.CreateCertificate(rand.Reader, c, issuer, key.Public(), issuerKey))
		m.file(name+".pem", encode("CERTIFICATE", der))
		return must[*x509.Certificate](m.t)(x509.ParseCertificate(der))
	}
	caKey := must[*ecdsa.PrivateKey](m.t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ca := certify("ca", 1, nil, caKey, caKey)
	key := must[*rsa.PrivateKey](m.t)(rsa.GenerateKey(rand.Reader, 2048))
	certify("server", 2, ca, key, caKey)
	m.file("server.key", encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)))
	user := certify("user", 3, ca, key, caKey)
	m.file("user.pub", []byte(sshLine(&key.PublicKey)))
	for _, stage := range []string{"test", "live"} {
		m.file(stage+".xml", fmt.Appendf(nil, `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example.com/%s">`+
			`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">`+
			`<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>%s</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`+
			`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/></IDPSSODescriptor></EntityDescriptor>`,
			stage, base64.StdEncoding.EncodeToString(user.Raw)))
	}
}

// sshLine is a public key as OpenSSH writes it (RFC 4253, section 6.6).
func sshLine(key *rsa.PublicKey) string {
	var b []byte
	field := func(v []byte) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...) }
	number := func(n *big.Int) { field(append([]byte{0}, n.Bytes()...)) } // the zero keeps it positive
	field([]byte("ssh-rsa"))
	e := big.NewInt(int64(key.E)).Bytes()
	field(e)
	number(key.N)
	return "ssh-rsa " + base64.StdEncoding.EncodeToString(b)
}

// identities is all that the module may leave, as the services list it.
func identities(t *testing.T, s *bartizantest.Server) string {
	t.Helper()
	all := []string{count(t, s), describeOrganization(t, s)}
	for _, action := range []string{"ListVirtualMFADevices", "ListOpenIDConnectProviders", "ListSAMLProviders", "ListServerCertificates"} {
		body := must[[]byte](t)(s.Call(s.Root(), "iam", action, nil))
		all = append(all, regexp.MustCompile(`(?s)<ResponseMetadata>.*`).ReplaceAllString(string(body), ""))
	}
	for _, list := range []struct{ service, path string }{
		{"access-analyzer", "/analyzer"}, {"rolesanywhere", "/trustanchors"}, {"rolesanywhere", "/profiles"}, {"eks", "/clusters/prod/pod-identity-associations"},
	} {
		r := must[*http.Request](t)(http.NewRequestWithContext(t.Context(), "GET", s.URL()+list.path, nil))
		res := must[*http.Response](t)(s.Client(s.Root(), list.service).Do(r))
		body := must[[]byte](t)(io.ReadAll(res.Body))
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", list.path, res.StatusCode, body)
		}
		all = append(all, list.path+" "+string(body))
	}
	return strings.Join(all, "\n")
}
