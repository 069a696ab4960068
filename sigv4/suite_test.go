package sigv4

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// vector is one case of AWS's signing test suite.
type vector struct {
	Credentials struct {
		Key    string `json:"access_key_id"`
		Secret string `json:"secret_access_key"`
		Token  string `json:"token"`
	}
	Expires   int `json:"expiration_in_seconds"`
	Normalize bool
	Region    string
	Service   string
	SignBody  bool `json:"sign_body"`
	OmitToken bool `json:"omit_session_token"`
	Timestamp time.Time
	files     map[string]string
}

func (v *vector) rules() Rules {
	return Rules{Service: v.Service, Region: v.Region, Skew: 5 * time.Minute, single: true, keepPath: !v.Normalize}
}

func suite(t *testing.T) map[string]*vector {
	t.Helper()
	text, err := os.ReadFile("testdata/suite.json")
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]map[string]string
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	out := map[string]*vector{}
	for name, f := range files {
		v := &vector{files: f}
		if f["context.json"] == "" {
			continue // the two old cases: TestDoubleEncoding
		}
		if err := json.Unmarshal([]byte(f["context.json"]), v); err != nil {
			t.Fatal(name, err)
		}
		out[name] = v
	}
	if len(out) != 38 {
		t.Fatalf("%d cases in the suite, want 38", len(out))
	}
	return out
}

// request reads a request of the suite, whose request lines hold raw spaces
// and UTF-8 that net/http would not take.
func request(t *testing.T, text string) (*http.Request, []byte) {
	t.Helper()
	text = strings.TrimLeft(text, "\n")
	line, rest, _ := strings.Cut(text, "\n")
	method, target, _ := strings.Cut(line, " ")
	target = strings.TrimSuffix(target, " HTTP/1.1")
	head, body, ok := strings.Cut(rest, "\n\n")
	if !ok {
		head = strings.TrimRight(rest, "\n")
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " / HTTP/1.1\r\n" + strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)))
	if err != nil {
		t.Fatal(err)
	}
	path, query, _ := strings.Cut(target, "?")
	r.RequestURI = target
	r.URL = &url.URL{Path: path, RawQuery: query}
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, sent
}

func TestSuiteSign(t *testing.T) {
	for name, v := range suite(t) {
		t.Run(name, func(t *testing.T) {
			for _, way := range []string{"header", "query"} {
				r, body := request(t, v.files["request.txt"])
				stamp := v.Timestamp.UTC().Format(stampLayout)
				payload := HashPayload(body)
				s := signer{creds: Credentials{v.Credentials.Key, v.Credentials.Secret, v.Credentials.Token},
					scope: Scope{stamp[:8], v.Region, v.Service}, stamp: stamp, rules: v.rules()}
				var signature string
				var err error
				if way == "query" {
					if v.OmitToken {
						s.creds.Token = "" // added to the URL after signing
					}
					s.signedHeaders = signable(r)
					var u string
					if u, err = s.presign(r, payload, time.Duration(v.Expires)*time.Second); err == nil {
						_, signature, _ = strings.Cut(u, "X-Amz-Signature=")
					}
				} else {
					r.Header.Set("X-Amz-Date", stamp)
					if v.Credentials.Token != "" && !v.OmitToken {
						r.Header.Set("X-Amz-Security-Token", v.Credentials.Token)
					}
					if v.SignBody {
						r.Header.Set("X-Amz-Content-Sha256", payload)
					}
					signature, err = s.sign(r, r.URL.RawQuery, payload)
				}
				if err != nil {
					t.Fatal(err)
				}
				same(t, way+" canonical request", string(s.canon.buf), v.files[way+"-canonical-request.txt"])
				same(t, way+" string to sign", string(s.toSign), v.files[way+"-string-to-sign.txt"])
				same(t, way+" signature", signature, v.files[way+"-signature.txt"])
			}
		})
	}
}

func TestSuiteVerify(t *testing.T) {
	keys := NewKeys(16)
	for name, v := range suite(t) {
		t.Run(name, func(t *testing.T) {
			for _, way := range []string{"header", "query"} {
				verify := func(secret string, change func(*http.Request, *[]byte)) error {
					r, body := request(t, v.files[way+"-signed-request.txt"])
					if change != nil {
						change(r, &body)
					}
					var c Claim
					if err := c.Parse(r); err != nil {
						return err
					}
					if c.AccessKey != v.Credentials.Key || c.Token != v.Credentials.Token || !c.Time.Equal(v.Timestamp) || c.Presigned != (way == "query") {
						t.Errorf("%s: parsed %+v", way, c)
					}
					if err := c.Check(v.rules(), v.Timestamp); err != nil {
						return err
					}
					err := c.Verify(keys, secret, body)
					if change == nil && secret == v.Credentials.Secret && !(v.OmitToken && way == "query") {
						same(t, way+" canonical request", c.CanonicalRequest(), v.files[way+"-canonical-request.txt"])
						same(t, way+" string to sign", c.StringToSign(), v.files[way+"-string-to-sign.txt"])
					}
					return err
				}
				if v.OmitToken && way == "query" {
					// A token that is in the query but not signed, as AWS IoT
					// has it. It is refused: what is in the query is signed.
					want(t, verify(v.Credentials.Secret, nil), SignatureMismatch)
					continue
				}
				if err := verify(v.Credentials.Secret, nil); err != nil {
					t.Errorf("%s: %v", way, err)
				}
				want(t, verify(v.Credentials.Secret+"x", nil), SignatureMismatch)
				want(t, verify("", nil), UnknownKey)
				want(t, verify(decoy, nil), SignatureMismatch)
				for _, change := range []func(*http.Request, *[]byte){
					func(r *http.Request, _ *[]byte) { r.Method = "DELETE" },
					func(r *http.Request, _ *[]byte) { r.RequestURI = "/other" + r.RequestURI },
					func(r *http.Request, _ *[]byte) { r.URL.RawQuery += "&more=1" },
					func(r *http.Request, _ *[]byte) { r.Host = "other.amazonaws.com" },
					func(_ *http.Request, body *[]byte) { *body = append(*body, 'x') },
				} {
					want(t, verify(v.Credentials.Secret, change), SignatureMismatch)
				}
			}
		})
	}
}

// The suite encodes paths once. All services but S3 encode what the client
// sent, which is encoded already, once more.
func TestDoubleEncoding(t *testing.T) {
	text, err := os.ReadFile("testdata/suite.json")
	if err != nil {
		t.Fatal(err)
	}
	var files map[string]map[string]string
	if err := json.Unmarshal(text, &files); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"double-encode-path", "double-url-encode"} {
		r, _ := request(t, files[name]["request.txt"])
		got, ok := appendPath(nil, rawPath(r), false, false)
		same(t, name, string(got), strings.Split(files[name]["header-canonical-request.txt"], "\n")[1])
		if !ok {
			t.Error(name, "not ok")
		}
	}
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s\ngot:\n%q\nwant:\n%q", what, got, want)
	}
}

func want(t *testing.T, err error, reason Reason) {
	t.Helper()
	if !Is(err, reason) {
		t.Errorf("got error %v, want %v", err, reason)
	}
}
