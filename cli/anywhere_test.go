package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bartizan.dev/sigv4"
)

// newHost makes the certificate and the key of a host, as files.
func newHost(t *testing.T) (certificate, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "host"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "host.pem"), filepath.Join(dir, "host.key")
	for file, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

const (
	anchorARN  = "arn:aws:rolesanywhere:eu-west-1:111122223333:trust-anchor/a"
	profileARN = "arn:aws:rolesanywhere:eu-west-1:111122223333:profile/p"
	roleARN    = "arn:aws:iam::111122223333:role/r"
)

// process runs credential-process and returns its exit code and what it said.
func process(t *testing.T, getenv map[string]string, flags ...string) (int, string, string) {
	t.Helper()
	var out, err bytes.Buffer
	code := Run(t.Context(), append([]string{"credential-process"}, flags...), Env{Out: &out, Err: &err, Getenv: func(name string) string { return getenv[name] }})
	return code, out.String(), err.String()
}

func TestCredentialProcess(t *testing.T) {
	certificate, key := newHost(t)
	answer, status := "", 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var claim sigv4.Claim
		chain, chainErr := sigv4.Certificates(r.Header)
		if err := claim.Parse(r); err != nil || chainErr != nil {
			t.Error(err, chainErr)
			return
		}
		if err := claim.Check(sigv4.RulesFor("rolesanywhere", "eu-west-1"), time.Now()); err != nil {
			t.Error(err)
		}
		if err := claim.VerifyCertificate(chain[0], body); err != nil {
			t.Error(err)
		}
		q := r.URL.Query()
		if r.URL.Path != "/sessions" || q.Get("trustAnchorArn") != anchorARN || q.Get("profileArn") != profileARN || q.Get("roleArn") != roleARN ||
			string(body) != `{"durationSeconds":900,"roleSessionName":"me"}` {
			t.Errorf("%s %s", r.URL, body)
		}
		w.Header().Set("X-Amzn-Errortype", "AccessDeniedException")
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	}))
	defer server.Close()
	flags := []string{"--certificate", certificate, "--private-key", key, "--trust-anchor-arn", anchorARN, "--profile-arn", profileARN, "--role-arn", roleARN,
		"--session-duration", "900", "--role-session-name", "me"}
	env := map[string]string{"AWS_ENDPOINT_URL": server.URL}
	answer, status = `{"credentialSet":[{"credentials":{"accessKeyId":"ASIA","secretAccessKey":"s","sessionToken":"t","expiration":"2026-11-23T13:00:00Z"}}]}`, 201
	code, out, said := process(t, env, flags...)
	var got map[string]any
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != 0 {
		t.Fatalf("%d %s %s", code, out, said)
	}
	if got["Version"] != 1.0 || got["AccessKeyId"] != "ASIA" || got["SecretAccessKey"] != "s" || got["SessionToken"] != "t" || got["Expiration"] != "2026-11-23T13:00:00Z" {
		t.Errorf("%v", got)
	}
	for _, c := range []struct {
		answer string
		status int
		want   string
	}{
		{`{"message":"Untrusted signing certificate"}`, 403, "the server refuses (403): AccessDeniedException: Untrusted signing certificate"},
		{"<html>", 502, "the server refuses (502): AccessDeniedException: Bad Gateway"},
		{"{}", 201, "no credentials"}, {"x", 201, "no session"},
	} {
		answer, status = c.answer, c.status
		if code, out, said := process(t, env, flags...); code != 1 || out != "" || !strings.Contains(said, c.want) {
			t.Errorf("%d %q %q, want %q", code, out, said, c.want)
		}
	}
}

// TestCredentialProcessFlags: what is missing or wrong is said by name.
func TestCredentialProcessFlags(t *testing.T) {
	certificate, key := newHost(t)
	other, otherKey := newHost(t)
	good := map[string]string{"certificate": certificate, "private-key": key, "trust-anchor-arn": anchorARN, "profile-arn": profileARN, "role-arn": roleARN, "endpoint": "http://127.0.0.1:1"}
	for _, c := range []struct{ flag, value, want string }{
		{"certificate", "", "--certificate is missing"}, {"role-arn", "", "--role-arn is missing"},
		{"certificate", key, "holds no certificate"}, {"private-key", other, "holds no private key"},
		{"private-key", otherKey, "the key is not the certificate's"}, {"trust-anchor-arn", "x", "--trust-anchor-arn"},
		{"session-duration", "60", "want 900 to 43200"}, {"endpoint", "ftp://x", "no http or https URL"}, {"intermediates", "/nowhere", "no such file"},
		{"ca-bundle", key, "holds no certificates"},
	} {
		var flags []string
		for name, value := range good {
			if name == c.flag {
				value = c.value
			}
			if value != "" {
				flags = append(flags, "--"+name, value)
			}
		}
		if good[c.flag] == "" {
			flags = append(flags, "--"+c.flag, c.value)
		}
		if code, out, said := process(t, nil, flags...); code != 1 || out != "" || !strings.Contains(said, c.want) {
			t.Errorf("%s %q: %d %q", c.flag, c.value, code, said)
		}
	}
}
