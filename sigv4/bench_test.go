package sigv4

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func benchRequest(b *testing.B, size int, presigned bool) (*http.Request, []byte) {
	b.Helper()
	body := []byte(strings.Repeat("x", size))
	r := httptest.NewRequest("POST", "http://localhost:4566/", nil)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService.Encrypt")
	r.Header.Set("User-Agent", "aws-cli/2")
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("Amz-Sdk-Invocation-Id", "340012f-d036-1e0a-ad91-a2aebedc5b1a")
	if presigned {
		r.Header = http.Header{}
		u, err := Presign(r, testCreds, "us-east-1", "sts", HashPayload(body), testTime, time.Hour)
		if err != nil {
			b.Fatal(err)
		}
		return httptest.NewRequest("POST", u, nil), body
	}
	if err := Sign(r, testCreds, "us-east-1", "sts", HashPayload(body), testTime); err != nil {
		b.Fatal(err)
	}
	return r, body
}

func benchVerify(b *testing.B, size int, presigned bool, keys *Keys, secret string) {
	r, body := benchRequest(b, size, presigned)
	rules := RulesFor("sts", "")
	var c Claim
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Parse(r); err != nil {
			b.Fatal(err)
		}
		if err := c.Check(rules, testTime); err != nil {
			b.Fatal(err)
		}
		if err := c.Verify(keys, secret, body); err != nil && secret != "" {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyCached(b *testing.B)     { benchVerify(b, 200, false, NewKeys(1024), testSecret) }
func BenchmarkVerifyUncached(b *testing.B)   { benchVerify(b, 200, false, nil, testSecret) }
func BenchmarkVerifyPresigned(b *testing.B)  { benchVerify(b, 0, true, NewKeys(1024), testSecret) }
func BenchmarkVerify5600(b *testing.B)       { benchVerify(b, 5600, false, NewKeys(1024), testSecret) }
func BenchmarkVerifyUnknownKey(b *testing.B) { benchVerify(b, 200, false, NewKeys(1024), "") }

func BenchmarkSign(b *testing.B) {
	r, body := benchRequest(b, 200, false)
	payload := HashPayload(body)
	b.ReportAllocs()
	for b.Loop() {
		if err := Sign(r, testCreds, "us-east-1", "sts", payload, testTime); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChunks64K(b *testing.B) {
	chunk := strings.Repeat("x", 64<<10)
	c, err := streamClaim(b, StreamingPayload, "1048576", "")
	if err != nil {
		b.Fatal(err)
	}
	chunks := make([]string, 16)
	for i := range chunks {
		chunks[i] = chunk
	}
	text := encodeChunks(c, chunks...)
	buf := make([]byte, 32<<10)
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		body, err := c.Body(strings.NewReader(text))
		if err != nil {
			b.Fatal(err)
		}
		if n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, body, buf); n != 1<<20 || err != nil {
			b.Fatal(n, err)
		}
	}
}
