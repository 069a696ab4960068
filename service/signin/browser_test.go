package signin_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"bartizan.dev/bartizantest"
)

// browser is a person at the sign-in pages: it keeps the cookie and sends the
// CSRF token that it was given.
type browser struct {
	t      testing.TB
	s      *bartizantest.Server
	cookie *http.Cookie
	csrf   string
	header http.Header // to send with every request
	wire   http.RoundTripper
}

func newBrowser(t testing.TB, s *bartizantest.Server) *browser {
	t.Helper()
	b := &browser{t: t, s: s, header: http.Header{}, wire: http.DefaultTransport}
	if s.CA() != "" {
		pem, err := os.ReadFile(s.CA())
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		b.wire = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
	}
	return b
}

// send makes a request and returns status, headers and the JSON document.
func (b *browser) send(method, path string, in any) (*http.Response, map[string]any) {
	b.t.Helper()
	var body io.Reader
	if in != nil {
		doc, err := json.Marshal(in)
		if err != nil {
			b.t.Fatal(err)
		}
		body = bytes.NewReader(doc)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.s.URL()+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header = b.header.Clone()
	if in != nil && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if b.csrf != "" {
		r.Header.Set("X-Csrf-Token", b.csrf)
	}
	if b.cookie != nil {
		r.AddCookie(b.cookie)
	}
	res, err := b.wire.RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	doc, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		if b.cookie = c; c.MaxAge < 0 {
			b.cookie = nil
		}
	}
	out := map[string]any{}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(doc, &out); err != nil {
			b.t.Fatalf("%s %s answered %q", method, path, doc)
		}
	} else {
		out["text"] = string(doc)
	}
	if token, ok := out["csrfToken"].(string); ok {
		b.csrf = token
	}
	return res, out
}

// want is send with the status it must have.
func (b *browser) want(status int, method, path string, in any) map[string]any {
	b.t.Helper()
	res, out := b.send(method, path, in)
	if res.StatusCode != status {
		b.t.Fatalf("%s %s: %d %v, want %d", method, path, res.StatusCode, out, status)
	}
	return out
}

type fields map[string]any

func login(user, password string) fields {
	return fields{"account": "000000000000", "user": user, "password": password}
}

// signIn signs in without further steps.
func (b *browser) signIn(user, password string) map[string]any {
	b.t.Helper()
	out := b.want(200, "POST", "/signin/v1/session", login(user, password))
	if out["state"] != "SIGNED_IN" {
		b.t.Fatalf("sign-in of %s: %v", user, out)
	}
	return out
}

// credentials are those of the session.
func (b *browser) credentials() bartizantest.Credentials {
	b.t.Helper()
	out := b.want(200, "POST", "/signin/v1/session/credentials", fields{})
	return bartizantest.Credentials{
		AccessKey: out["accessKeyId"].(string), Secret: out["secretAccessKey"].(string), Token: out["sessionToken"].(string),
	}
}

const secretPassword = "Correct-Horse-7"

// newUser makes an IAM user with a password and a policy.
func newUser(t testing.TB, s *bartizantest.Server, policy string, more ...string) bartizantest.User {
	t.Helper()
	u := s.NewUser(policy)
	in := url.Values{"UserName": {u.Name}, "Password": {secretPassword}}
	for i := 0; i+1 < len(more); i += 2 {
		in.Set(more[i], more[i+1])
	}
	if _, err := s.Call(s.Root(), "iam", "CreateLoginProfile", in); err != nil {
		t.Fatal(err)
	}
	return u
}

func allow(actions ...string) string {
	doc, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"}}})
	if err != nil {
		panic(err)
	}
	return string(doc)
}

// events are the account's events of a name, newest first.
func events(t testing.TB, s *bartizantest.Server, name string) []map[string]any {
	t.Helper()
	out := call(t, s, s.Root(), "cloudtrail", "POST", "/", map[string]string{
		"X-Amz-Target": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents", "Content-Type": "application/x-amz-json-1.1",
	}, fields{"LookupAttributes": []any{fields{"AttributeKey": "EventName", "AttributeValue": name}}}, 200)
	var list []map[string]any
	for _, e := range out["Events"].([]any) {
		event := map[string]any{}
		if err := json.Unmarshal([]byte(e.(map[string]any)["CloudTrailEvent"].(string)), &event); err != nil {
			t.Fatal(err)
		}
		list = append(list, event)
	}
	return list
}

// call makes a signed call with a JSON body.
func call(t testing.TB, s *bartizantest.Server, as bartizantest.Credentials, service, method, path string, header map[string]string, in any, status int) map[string]any {
	t.Helper()
	doc, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		r.Header.Set(k, v)
	}
	res, err := s.Client(as, service).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != status {
		t.Fatalf("%s %s: %d %s, want %d", method, path, res.StatusCode, body, status)
	}
	out := map[string]any{}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// whoami is the ARN that credentials belong to.
func whoami(t testing.TB, s *bartizantest.Server, as bartizantest.Credentials) string {
	t.Helper()
	body, err := s.Call(as, "sts", "GetCallerIdentity", nil)
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Result struct{ Arn string } `xml:"GetCallerIdentityResult"`
	}
	if err := xml.Unmarshal(body, &out); err != nil {
		t.Fatal(err)
	}
	return out.Result.Arn
}

// at reads a value from nested documents.
func at(doc map[string]any, path ...string) any {
	for _, name := range path[:len(path)-1] {
		next, ok := doc[name].(map[string]any)
		if !ok {
			return nil
		}
		doc = next
	}
	return doc[path[len(path)-1]]
}
