package clients

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
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
	m.imports(0)
	endow(t, s, m)
	m.destroy("-var=stage=live")
	// Organizations leaves its role, as AWS does, and lets go of it.
	unlink(t, s, "AWSServiceRoleForOrganizations")
	unlink(t, s, "AWSServiceRoleForAccessAnalyzer")
	if after := identities(t, s); after != before {
		t.Errorf("before apply:\n%s\nafter destroy:\n%s", before, after)
	}
}

// endow gives the user what Terraform knows nothing of and must remove to
// destroy it: its MFA device in use, a second key, policies.
func endow(t *testing.T, s *bartizantest.Server, m *module) {
	t.Helper()
	var out struct{ Seed struct{ Value string } }
	m.outputs(&out)
	seed := must[[]byte](t)(base32.StdEncoding.DecodeString(out.Seed.Value))
	step := uint64(time.Now().Unix() / 30)
	for _, call := range []url.Values{
		{"Action": {"EnableMFADevice"}, "SerialNumber": {"arn:aws:iam::" + s.Account() + ":mfa/people/dev"},
			"AuthenticationCode1": {totp(seed, step-1)}, "AuthenticationCode2": {totp(seed, step)}},
		{"Action": {"CreateAccessKey"}},
		{"Action": {"AttachUserPolicy"}, "PolicyArn": {"arn:aws:iam::aws:policy/ReadOnlyAccess"}},
		{"Action": {"PutUserPolicy"}, "PolicyName": {"p"}, "PolicyDocument": {*statement("s3:*", `"Resource": "*"`)}},
	} {
		call.Set("UserName", "dev")
		must[[]byte](t)(s.Call(s.Root(), "iam", call.Get("Action"), call))
	}
}

// totp is the code of a time step (RFC 6238).
func totp(seed []byte, step uint64) string {
	h := hmac.New(sha1.New, seed)
	h.Write(binary.BigEndian.AppendUint64(nil, step))
	sum := h.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

// unlink deletes a service-linked role and asks until it is gone.
func unlink(t *testing.T, s *bartizantest.Server, name string) {
	t.Helper()
	body := must[[]byte](t)(s.Call(s.Root(), "iam", "DeleteServiceLinkedRole", url.Values{"RoleName": {name}}))
	task := regexp.MustCompile(`<DeletionTaskId>(.*)</DeletionTaskId>`).FindSubmatch(body)
	if task == nil {
		t.Fatalf("no task in %s", body)
	}
	for end := time.Now().Add(10 * time.Second); ; {
		body := must[[]byte](t)(s.Call(s.Root(), "iam", "GetServiceLinkedRoleDeletionStatus", url.Values{"DeletionTaskId": {string(task[1])}}))
		switch status := string(body); {
		case strings.Contains(status, "<Status>SUCCEEDED</Status>"):
			return
		case strings.Contains(status, "<Status>FAILED</Status>") || time.Now().After(end):
			t.Fatalf("deletion of %s: %s", name, status)
		}
	}
}

// imports takes a resource of each new service out of the state and in again:
// reading alone must tell all that the module says, but of as many as changed.
func (m *module) imports(changed int) {
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
	want := fmt.Sprintf("Apply complete! Resources: %d imported, 0 added, %d changed, 0 destroyed.", len(out.IDs.Value), changed)
	if said := m.apply("-var=stage=live"); !strings.Contains(said, want) {
		m.t.Errorf("want %q of\n%s", want, said)
	}
}

// credentials writes the files that the module reads.
func (m *module) credentials() {
	m.t.Helper()
	ca, key := newAuthority(m.t), must[*rsa.PrivateKey](m.t)(rsa.GenerateKey(rand.Reader, 2048))
	_, server := ca.issue("server", key.Public())
	certificate, user := ca.issue("user", key.Public())
	m.file("ca.pem", ca.pem)
	m.file("server.pem", server)
	m.file("server.key", encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)))
	m.file("user.pem", user)
	m.file("user.pub", []byte(sshLine(&key.PublicKey)))
	for _, stage := range []string{"test", "live"} {
		m.file(stage+".xml", fmt.Appendf(nil, `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example.com/%s">`+
			`<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">`+
			`<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>%s</X509Certificate></X509Data></KeyInfo></KeyDescriptor>`+
			`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/></IDPSSODescriptor></EntityDescriptor>`,
			stage, base64.StdEncoding.EncodeToString(certificate.Raw)))
	}
}

// sshLine is a public key as OpenSSH writes it (RFC 4253, section 6.6).
func sshLine(key *rsa.PublicKey) string {
	var b []byte
	field := func(v []byte) { b = append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...) }
	field([]byte("ssh-rsa"))
	field(big.NewInt(int64(key.E)).Bytes())
	field(append([]byte{0}, key.N.Bytes()...)) // the zero keeps it positive
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
