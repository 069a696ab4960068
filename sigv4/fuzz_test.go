package sigv4

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// forged takes a request nobody signed through all steps; it must never verify.
func forged(t *testing.T, r *http.Request) {
	var c Claim
	if err := c.Parse(r); err != nil {
		AnswerTo(err, S3)
		return
	}
	for _, service := range []string{c.Scope.Service, "s3", "sts"} {
		if err := c.Check(RulesFor(service, ""), c.Time); err != nil {
			AnswerTo(err, Query)
			continue
		}
		verify := func() error { return c.Verify(nil, testSecret, nil) }
		if c.Streaming() {
			verify = func() error { return c.VerifyHead(nil, testSecret) }
		}
		if verify() == nil {
			t.Fatalf("accepted %s %v\n%s", r.URL, r.Header, c.CanonicalRequest())
		}
		for i, line := range strings.Split(c.StringToSign(), "\n") {
			if i > 3 {
				t.Fatalf("a line too many in the string to sign: %q", line)
			}
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add(Algorithm+" Credential=AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date, Signature="+hex64, "20150830T123600Z", "/a/../b%20c", "a=b&a=%20")
	f.Add(Algorithm+" Credential=A/20150830/r/s3/aws4_request,SignedHeaders=host,Signature=x", "Sun, 30 Aug 2015 12:36:00 GMT", "//", "")
	f.Add("AWS4-ECDSA-P256-SHA256 ,= =,", "", "/%zz", "%")
	f.Fuzz(func(t *testing.T, auth, date, path, query string) {
		r := &http.Request{Method: "GET", Host: "localhost", RequestURI: path, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{
			"Authorization": {auth}, "X-Amz-Content-Sha256": {UnsignedPayload}}}
		if strings.Contains(date, " ") {
			r.Header.Set("Date", date)
		} else {
			r.Header.Set("X-Amz-Date", date)
		}
		forged(t, r)
	})
}

func FuzzPresigned(f *testing.F) {
	r, err := http.NewRequest("GET", "http://localhost/k", nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, service := range []string{"s3", "sts"} {
		u, err := Presign(r, Credentials{docKey, docSecret, "token"}, "us-east-1", service, UnsignedPayload, docTime, time.Hour)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(u[strings.Index(u, "?")+1:])
	}
	f.Add("X-Amz-Algorithm=AWS4-HMAC-SHA256&&=&a&%41=+&X-Amz-Expires=")
	f.Fuzz(func(t *testing.T, query string) {
		r := &http.Request{Method: "GET", Host: "localhost", URL: &url.URL{Path: "/k", RawQuery: query}, Header: http.Header{}}
		forged(t, r)
		var c canon
		if c.parseQuery(query) != nil {
			return
		}
		c.sortQuery()
		first := ""
		for _, p := range c.params {
			first += "&" + string(c.name(p)) + "=" + string(c.value(p))
		}
		if first == "" {
			return
		}
		if err := c.parseQuery(first[1:]); err != nil {
			t.Fatalf("%q: %v", first, err)
		}
		c.sortQuery()
		second := ""
		for _, p := range c.params {
			second += "&" + string(c.name(p)) + "=" + string(c.value(p))
		}
		if first != second {
			t.Fatalf("canonical form is not its own: %q, %q", first, second)
		}
	})
}

func FuzzBody(f *testing.F) {
	const chunk = ";chunk-signature=" + hex64 + "\r\n"
	f.Add("5"+chunk+"hello\r\n0"+chunk+"\r\n", true, false)
	f.Add("5"+chunk+"hello\r\n0"+chunk+"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"+hex64+"\r\n\r\n", false, true)
	f.Add("5\r\nhello\r\n0\r\nx-amz-checksum-crc32c:NhCmhg==\r\n\r\n", false, false)
	f.Fuzz(func(t *testing.T, text string, signed, trailer bool) {
		payload, announced := StreamingUnsigned, "x-amz-checksum-crc32c"
		if trailer {
			payload = StreamingTrailer
		} else if signed {
			payload, announced = StreamingPayload, ""
		}
		c, err := streamClaim(t, payload, "5", announced)
		if err != nil {
			t.Fatal(err)
		}
		b, err := c.Body(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(b)
		if len(got) > 5 || err == nil && (len(got) != 5 || signed || trailer) {
			t.Fatalf("%q: %q, %v", text, got, err)
		}
	})
}

func FuzzPath(f *testing.F) {
	f.Add("/a/./b/../c//d%2Fe ü", true, false)
	f.Add("..", false, true)
	f.Fuzz(func(t *testing.T, path string, single, keep bool) {
		got, ok := appendPath([]byte("x"), path, single, keep)
		if len(got) < 2 || ok && strings.ContainsFunc(string(got[1:]), func(r rune) bool { return r > 126 || r != '/' && r != '%' && !unreserved(byte(r)) }) {
			t.Fatalf("%q: %q", path, got)
		}
		if !keep && ok && (strings.Contains(string(got), "//") || !single && strings.Contains(string(got)+"/", "/../")) {
			t.Fatalf("%q is not normal: %q", path, got)
		}
	})
}

func FuzzMac(f *testing.F) {
	f.Add([]byte("key"), []byte("message"))
	f.Fuzz(func(t *testing.T, key, msg []byte) {
		if mac(key, msg) != reference(key, msg) {
			t.Fatal("differs from crypto/hmac")
		}
	})
}
