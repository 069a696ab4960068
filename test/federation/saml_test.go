package federation

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSAML: samlify answers for ann, with its own canonical form, signatures and
// encryption, and the AWS CLI turns the answer into credentials.
func TestSAML(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	dir := t.TempDir()
	key, cert := certificate(t, dir, "idp")
	spKey, spCert := certificate(t, dir, "sp")
	recipient := l.URL() + "/saml"
	idp := l.start("saml.mjs", key, cert, spCert, recipient)
	metadata := filepath.Join(dir, "metadata.xml")
	if err := os.WriteFile(metadata, []byte(l.get(idp+"/metadata")), 0o600); err != nil {
		t.Fatal(err)
	}
	var made struct{ SAMLProviderArn string }
	if err := json.Unmarshal([]byte(l.admin("iam", "create-saml-provider", "--name", "lab", "--saml-metadata-document", "file://"+metadata)), &made); err != nil {
		t.Fatal(err)
	}
	provider := made.SAMLProviderArn
	role := l.role("saml", `{"Effect":"Allow","Principal":{"Federated":"`+provider+`"},"Action":["sts:AssumeRoleWithSAML","sts:TagSession"],
		"Condition":{"StringEquals":{"saml:aud":"`+recipient+`","saml:iss":"urn:lab:idp"},"ForAnyValue:StringEquals":{"saml:edupersonaffiliation":"staff"}}}`)
	answer := func(more string) string {
		return l.get(idp + "/login?" + url.Values{"user": {"ann"}, "role": {role + "," + provider}}.Encode() + more)
	}
	ask := func(response string) []string {
		return []string{"sts", "assume-role-with-saml", "--role-arn", role, "--principal-arn", provider, "--saml-assertion", response}
	}
	response := answer("")
	out, err := l.try(nil, ask(response)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{`"Subject": "ann"`, `"SubjectType": "persistent"`, `"Issuer": "urn:lab:idp"`, recipient} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in %s", want, out)
		}
	}
	l.limited(l.environment(out), ":assumed-role/saml/ann")

	event := l.event("AssumeRoleWithSAML")
	if !strings.Contains(event, `"type":"SAMLUser"`) || !strings.Contains(event, `"userName":"ann"`) || strings.Contains(event, response) {
		t.Errorf("event %s", event)
	}
	l.refused("a replay", "used before", nil, ask(response)...)
	l.refused("a changed name", "Response signature invalid", nil, ask(replaced(t, answer(""), ">ann<", ">root<"))...)
	l.refused("a comment", "Invalid SAML response", nil, ask(replaced(t, answer(""), ">ann<", ">an<!-- -->n<"))...)
	if out, err := l.try(nil, ask(answer("&sign=both"))...); err != nil {
		t.Errorf("response and assertion signed: %v\n%s", err, out)
	}

	// From here on only encrypted assertions count.
	l.admin("iam", "update-saml-provider", "--saml-provider-arn", provider, "--assertion-encryption-mode", "Required", "--add-private-key", "file://"+spKey)
	l.refused("in the clear", "not encrypted", nil, ask(answer(""))...)
	for _, sign := range []string{"", "&sign=both"} {
		if out, err := l.try(nil, ask(answer("&encrypt=yes"+sign))...); err != nil {
			t.Errorf("encrypted%s: %v\n%s", sign, err, out)
		}
	}
	l.admin("iam", "delete-saml-provider", "--saml-provider-arn", provider)
	l.refused("a provider deleted", "Specified provider doesn't exist", nil, ask(answer("&encrypt=yes"))...)
}

func (l *lab) get(address string) string {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	answer, body := read(l.t, http.DefaultClient, r)
	if answer.StatusCode != http.StatusOK {
		l.t.Fatalf("%s: %s\n%s", address, answer.Status, body)
	}
	return body
}

func replaced(t *testing.T, response, old, to string) string {
	t.Helper()
	doc, err := base64.StdEncoding.DecodeString(response)
	if err != nil || !strings.Contains(string(doc), old) {
		t.Fatalf("%s: %v", doc, err)
	}
	return base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(doc), old, to, 1)))
}

// certificate writes a key and a certificate of its own.
func certificate(t *testing.T, dir, name string) (keyFile, certFile string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyFile, certFile = filepath.Join(dir, name+".key"), filepath.Join(dir, name+".crt")
	for file, block := range map[string]*pem.Block{
		keyFile:  {Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)},
		certFile: {Type: "CERTIFICATE", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return keyFile, certFile
}
