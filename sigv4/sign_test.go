package sigv4

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What Sign and Presign write, Verify reads, through a real server, for
// whatever the path, the query and the headers hold.
func TestRoundTrip(t *testing.T) {
	keys := NewKeys(64)
	type result struct {
		claim Claim
		err   error
	}
	results := make(chan result, 1)
	service, now := "", testTime
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var out result
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = out.claim.Parse(r)
		}
		if err == nil {
			err = out.claim.Check(RulesFor(service, "eu-central-1"), now)
		}
		if err == nil {
			err = out.claim.Verify(keys, testSecret, body)
		}
		out.err = err
		results <- out
	}))
	defer server.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	const alphabet = "aZ9-._~ /?&=+%$:@!*'(),;\"<>[]{}|\\^`ü€\u00a0"
	random := func(n int) string {
		runes := []rune(alphabet)
		var s strings.Builder
		for range rnd.IntN(n) {
			s.WriteRune(runes[rnd.IntN(len(runes))])
		}
		return s.String()
	}
	for i := range 300 {
		service = []string{"sts", "s3", "execute-api"}[i%3]
		body := []byte(random(40))
		q := url.Values{}
		for range rnd.IntN(5) {
			q.Add(random(6), random(9))
		}
		u, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		u = u.JoinPath("x") // then anything, dots and slashes included
		u.Path, u.RawQuery = "/"+random(12)+[]string{"", "/", "/../y", "/./", "//z"}[rnd.IntN(5)], q.Encode()
		r, err := http.NewRequest([]string{"GET", "POST", "PUT"}[rnd.IntN(3)], u.String(), bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Meta-Any", " a  b "+strings.Repeat("c ", rnd.IntN(3)))
		r.Header["X-Amz-Two"] = []string{"1", " 2  3 "}
		creds := Credentials{AccessKey: testKey, Secret: testSecret, Token: random(30)}
		creds.Token = strings.TrimSpace(strings.Map(func(r rune) rune {
			if r > 126 {
				return 'u'
			}
			return r
		}, creds.Token))
		payload := HashPayload(body)
		if i%2 == 0 {
			err = Sign(r, creds, "eu-central-1", service, payload, testTime)
		} else {
			var signed string
			if signed, err = Presign(r, creds, "eu-central-1", service, payload, testTime, time.Hour); err == nil {
				r.URL, err = url.Parse(signed)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		resp, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		out := <-results
		if out.err != nil {
			t.Fatalf("%s %s: %v\n%s", r.Method, r.URL, out.err, out.claim.CanonicalRequest())
		}
		if out.claim.Token != creds.Token || out.claim.Scope != (Scope{"20150830", "eu-central-1", service}) {
			t.Fatalf("claim %+v", out.claim)
		}
	}
}

func TestSignErrors(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	for _, d := range []time.Duration{0, time.Millisecond, MaxExpires + time.Second, -time.Hour} {
		if u, err := Presign(r, testCreds, "us-east-1", "s3", UnsignedPayload, testTime, d); err == nil {
			t.Errorf("%v: %s", d, u)
		}
	}
	r.URL.RawQuery = "a=%"
	if err := Sign(r, testCreds, "us-east-1", "sts", EmptyHash, testTime); err == nil {
		t.Error("signed a query that does not decode")
	}
	r = httptest.NewRequest("GET", "/", nil)
	r.Host, r.URL.Host = "", ""
	if err := Sign(r, testCreds, "us-east-1", "sts", EmptyHash, testTime); err == nil {
		t.Error("signed without a host")
	}
}

// A payload hash is not believed outside S3: the body is.
func TestPayloadOutsideS3(t *testing.T) {
	for _, payload := range []string{UnsignedPayload, HashPayload([]byte("other")), StreamingPayload} {
		r := httptest.NewRequest("POST", "/", strings.NewReader("body"))
		r.Header.Set("X-Amz-Content-Sha256", payload)
		if err := Sign(r, testCreds, "us-east-1", "kms", payload, testTime); err != nil {
			t.Fatal(err)
		}
		var c Claim
		if err := c.Parse(r); err != nil {
			t.Fatal(err)
		}
		if err := c.Check(RulesFor("kms", ""), testTime); err != nil {
			t.Fatal(err)
		}
		want(t, c.Verify(nil, testSecret, []byte("body")), SignatureMismatch)
	}
}

// Nothing a Claim or an error prints holds the secret or the signing key.
func TestNoSecretInErrors(t *testing.T) {
	c := signedClaim(t, "sts", 0)
	if err := c.Check(RulesFor("sts", ""), testTime); err != nil {
		t.Fatal(err)
	}
	err := c.Verify(nil, "another-secret-entirely", nil)
	text := fmt.Sprintf("%v %+v %s %s", err, err, c.StringToSign(), c.CanonicalRequest())
	if strings.Contains(text, "another-secret") || strings.Contains(text, testSecret) {
		t.Error(text)
	}
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	r.Header.Set("Authorization", Algorithm+" Credential="+testSecret+"/20150830/us-east-1/sts/aws4_request, SignedHeaders=host, Signature="+hex64)
	if err = c.Parse(r); !Is(err, MalformedCredential) || strings.Contains(err.Error(), testSecret[:8]) {
		t.Error(err)
	}
}
