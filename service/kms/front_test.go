package kms_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"bartizan.dev/server"
	"bartizan.dev/sigv4"
)

// front is a whole server, called through its front door.
type front struct {
	t       testing.TB
	s       *server.Server
	handler http.Handler
}

var rootKeys = sigv4.Credentials{AccessKey: "test", Secret: "test"}

func newFront(t testing.TB, change ...func(*server.Options)) *front {
	t.Helper()
	opt := server.Options{Data: t.TempDir(), Store: "memory", Dev: true, Listen: "127.0.0.1:0"}
	for _, c := range change {
		c(&opt)
	}
	s, err := server.Open(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &front{t, s, s.Handler()}
}

// answer is the answer of a call: a JSON document.
type answer struct {
	status int
	body   []byte
	doc    map[string]any
}

func (a *answer) text(path ...string) string {
	var v any = a.doc
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = m[p]
	}
	s, _ := v.(string)
	return s
}

func (a *answer) code() string    { return a.text("__type") }
func (a *answer) message() string { return a.text("message") + a.text("Message") }

type in = map[string]any

// call calls KMS in us-east-1. body is a document, or raw JSON.
func (f *front) call(who sigv4.Credentials, operation string, body any) *answer {
	f.t.Helper()
	return f.callIn("us-east-1", who, operation, body)
}

func (f *front) callIn(region string, who sigv4.Credentials, operation string, body any) *answer {
	f.t.Helper()
	raw, ok := body.(string)
	if !ok {
		text, err := json.Marshal(body)
		if err != nil {
			f.t.Fatal(err)
		}
		raw = string(text)
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/", strings.NewReader(raw))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	a := f.send(r, region, who, "kms", raw)
	a.doc = map[string]any{}
	if len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &a.doc); err != nil {
			f.t.Fatalf("%s: %v: %s", operation, err, a.body)
		}
	}
	return a
}

func (f *front) send(r *http.Request, region string, who sigv4.Credentials, service, body string) *answer {
	f.t.Helper()
	if err := sigv4.Sign(r, who, region, service, sigv4.HashPayload([]byte(body)), time.Now()); err != nil {
		f.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return &answer{status: w.Code, body: w.Body.Bytes()}
}

// must is a call that succeeds.
func (f *front) must(who sigv4.Credentials, operation string, body any) *answer {
	f.t.Helper()
	a := f.call(who, operation, body)
	if a.status != 200 {
		f.t.Fatalf("%s: %d %s", operation, a.status, a.body)
	}
	return a
}

// refused is a call that fails with a code, and a message if one is given.
func (f *front) refused(who sigv4.Credentials, operation string, body any, code string, message ...string) {
	f.t.Helper()
	a := f.call(who, operation, body)
	if a.status == 200 || a.code() != code || len(message) > 0 && a.message() != message[0] {
		f.t.Errorf("%s %v:\n got %d %s: %q\nwant %s: %q", operation, body, a.status, a.code(), a.message(), code, message)
	}
}

// iam makes a call of IAM or STS that succeeds. The parameters are name=value;
// the answer has the text of each leaf element by its name.
func (f *front) iam(who sigv4.Credentials, service, action string, params ...string) map[string]string {
	f.t.Helper()
	form := url.Values{"Action": {action}, "Version": {map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]}}
	for _, p := range params {
		name, value, _ := strings.Cut(p, "=")
		form.Set(name, value)
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a := f.send(r, "us-east-1", who, service, form.Encode())
	if a.status != 200 {
		f.t.Fatalf("%s: %d %s", action, a.status, a.body)
	}
	leaf, name := map[string]string{}, ""
	for d := xml.NewDecoder(bytes.NewReader(a.body)); ; {
		token, err := d.Token()
		if err == io.EOF {
			return leaf
		} else if err != nil {
			f.t.Fatal(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			name = t.Name.Local
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" {
				leaf[name] = text
			}
		}
	}
}

func credentials(leaf map[string]string) sigv4.Credentials {
	return sigv4.Credentials{AccessKey: leaf["AccessKeyId"], Secret: leaf["SecretAccessKey"], Token: leaf["SessionToken"]}
}

// user makes a user with an inline policy, unless it is empty, and an access
// key.
func (f *front) user(name, document string) sigv4.Credentials {
	f.t.Helper()
	f.iam(rootKeys, "iam", "CreateUser", "UserName="+name)
	if document != "" {
		f.iam(rootKeys, "iam", "PutUserPolicy", "UserName="+name, "PolicyName=own", "PolicyDocument="+document)
	}
	return credentials(f.iam(rootKeys, "iam", "CreateAccessKey", "UserName="+name))
}

// role makes a role that the account may assume, with an inline policy, and
// returns a session of it.
func (f *front) role(name, document string) sigv4.Credentials {
	f.t.Helper()
	f.iam(rootKeys, "iam", "CreateRole", "RoleName="+name, "AssumeRolePolicyDocument="+trust)
	if document != "" {
		f.iam(rootKeys, "iam", "PutRolePolicy", "RoleName="+name, "PolicyName=own", "PolicyDocument="+document)
	}
	f.iam(rootKeys, "iam", "CreateUser", "UserName=to-"+name)
	f.iam(rootKeys, "iam", "PutUserPolicy", "UserName=to-"+name, "PolicyName=own", "PolicyDocument="+allow("sts:AssumeRole"))
	key := credentials(f.iam(rootKeys, "iam", "CreateAccessKey", "UserName=to-"+name))
	return credentials(f.iam(key, "sts", "AssumeRole", "RoleArn=arn:aws:iam::"+server.DefaultAccount+":role/"+name, "RoleSessionName=session"))
}

const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"sts:AssumeRole"}]}`

// allow is an identity policy that allows actions on everything.
func allow(actions ...string) string {
	text, err := json.Marshal(in{"Version": "2012-10-17", "Statement": []in{{"Effect": "Allow", "Action": actions, "Resource": "*"}}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// newKey makes a key and returns its id.
func (f *front) newKey(body any) string {
	f.t.Helper()
	return f.must(rootKeys, "CreateKey", body).text("KeyMetadata", "KeyId")
}
