package sigv4

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// The worked examples of S3's reference, all with these values.
const (
	docKey    = "AKIAIOSFODNN7EXAMPLE"
	docSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	docHost   = "examplebucket.s3.amazonaws.com"
	docStamp  = "20130524T000000Z"
)

var docTime = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)

func docRequest(method, target, headers, signature string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Host = docHost
	names := []string{"host"}
	r.Header.Set("x-amz-date", docStamp)
	for line := range strings.SplitSeq(headers, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			r.Header.Set(name, value)
			names = append(names, name)
		}
	}
	r.Header.Set("Authorization", Algorithm+" Credential="+docKey+"/20130524/us-east-1/s3/aws4_request,SignedHeaders="+
		signable(r)+",Signature="+signature)
	return r
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func TestS3HeaderExamples(t *testing.T) {
	for _, x := range []struct{ name, method, target, headers, body, signature string }{
		{"GET object", "GET", "/test.txt", "range: bytes=0-9\nx-amz-content-sha256: " + EmptyHash, "",
			"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
		{"PUT object", "PUT", "/test$file.text", "date: Fri, 24 May 2013 00:00:00 GMT\nx-amz-storage-class: REDUCED_REDUNDANCY\n" +
			"x-amz-content-sha256: " + HashPayload([]byte("Welcome to Amazon S3.")), "Welcome to Amazon S3.",
			"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
		{"GET bucket lifecycle", "GET", "/?lifecycle", "x-amz-content-sha256: " + EmptyHash, "",
			"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
		{"GET bucket", "GET", "/?max-keys=2&prefix=J", "x-amz-content-sha256: " + EmptyHash, "",
			"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	} {
		t.Run(x.name, func(t *testing.T) {
			r := docRequest(x.method, x.target, x.headers, x.signature)
			var c Claim
			if err := c.Parse(r); err != nil {
				t.Fatal(err)
			}
			if err := c.Check(RulesFor("s3", "us-east-1"), docTime); err != nil {
				t.Fatal(err)
			}
			if err := c.Verify(nil, docSecret, []byte(x.body)); err != nil {
				t.Errorf("%v\n%s", err, c.CanonicalRequest())
			}
			if c.AuthType() != "REST-HEADER" {
				t.Error(c.AuthType())
			}
			if err := c.Check(c.rules, docTime); err != nil {
				t.Fatal(err)
			}
			want(t, c.Verify(nil, docSecret, []byte(x.body+"x")), PayloadMismatch)
			want(t, c.VerifyHead(nil, docSecret+"x"), SignatureMismatch)
			if err := c.VerifyHead(nil, docSecret); err != nil {
				t.Fatal(err)
			}
			for _, body := range []string{x.body, x.body + "x"} {
				b, err := c.Body(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(iotest.OneByteReader(b))
				if body != x.body {
					want(t, err, PayloadMismatch)
				} else if err != nil || string(got) != x.body {
					t.Errorf("read %q, %v", got, err)
				}
			}
		})
	}
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
func TestS3PresignExample(t *testing.T) {
	const signature = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
	r, err := http.NewRequest("GET", "https://"+docHost+"/test.txt", nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := Presign(r, Credentials{AccessKey: docKey, Secret: docSecret}, "us-east-1", "s3", UnsignedPayload, docTime, 24*time.Hour)
	if err != nil || !strings.HasSuffix(u, "&X-Amz-Signature="+signature) {
		t.Fatal(u, err)
	}
	for _, x := range []struct {
		at     time.Time
		reason Reason
	}{
		{docTime, 0}, {docTime.Add(24 * time.Hour), 0}, {docTime.Add(24*time.Hour + time.Second), PresignExpired},
		{docTime.Add(-15 * time.Minute), 0}, {docTime.Add(-15*time.Minute - time.Second), NotYetValid},
	} {
		r := httptest.NewRequest("GET", u, nil)
		var c Claim
		if err := c.Parse(r); err != nil {
			t.Fatal(err)
		}
		err := c.Check(RulesFor("s3", "us-east-1"), x.at)
		if err == nil {
			err = c.Verify(nil, docSecret, nil)
		}
		if x.reason == 0 && err != nil || x.reason != 0 && !Is(err, x.reason) {
			t.Errorf("at %v: %v, want %v", x.at, err, x.reason)
		}
		if c.Expires != 24*time.Hour || c.AuthType() != "REST-QUERY-STRING" {
			t.Error(c.Expires, c.AuthType())
		}
	}
}

type streamExample struct {
	payload, headers, seed string
	chunks                 []string // signatures
	tail                   string   // after the last chunk's header
}

var streamExamples = map[string]streamExample{
	// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
	"signed": {StreamingPayload, "content-length: 66824\n", "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9", []string{
		"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
	}, "\r\n"},
	// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
	"trailer": {StreamingTrailer, "x-amz-trailer: x-amz-checksum-crc32c\n",
		"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e", []string{
			"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
			"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
			"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
		}, "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"},
}

// wire is the encoded body: 64 KiB, 1 KiB and the last chunk.
func (x streamExample) wire() string {
	return fmt.Sprintf("10000;chunk-signature=%s\r\n%s\r\n400;chunk-signature=%s\r\n%s\r\n0;chunk-signature=%s\r\n%s",
		x.chunks[0], strings.Repeat("a", 65536), x.chunks[1], strings.Repeat("a", 1024), x.chunks[2], x.tail)
}

func (x streamExample) claim(t *testing.T) *Claim {
	t.Helper()
	r := docRequest("PUT", "/examplebucket/chunkObject.txt", "content-encoding: aws-chunked\n"+x.headers+
		"x-amz-content-sha256: "+x.payload+"\nx-amz-decoded-content-length: 66560\nx-amz-storage-class: REDUCED_REDUNDANCY", x.seed)
	r.Host = "s3.amazonaws.com"
	c := &Claim{}
	if err := c.Parse(r); err != nil {
		t.Fatal(err)
	}
	if err := c.Check(RulesFor("s3", "us-east-1"), docTime); err != nil {
		t.Fatal(err)
	}
	if err := c.VerifyHead(nil, docSecret); err != nil {
		t.Fatalf("%v\n%s", err, c.CanonicalRequest())
	}
	return c
}

func TestS3StreamExamples(t *testing.T) {
	for name, x := range streamExamples {
		t.Run(name, func(t *testing.T) {
			c := x.claim(t)
			if !c.Streaming() {
				t.Error("not streaming")
			}
			for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
				b, err := c.Body(wrap(strings.NewReader(x.wire())))
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(b)
				if err != nil || !bytes.Equal(got, bytes.Repeat([]byte("a"), 66560)) || b.Length() != 66560 {
					t.Fatalf("read %d bytes of %d: %v", len(got), b.Length(), err)
				}
				if name == "trailer" && b.Trailer().Get("x-amz-checksum-crc32c") != "sOO8/Q==" {
					t.Error(b.Trailer())
				}
			}
			for _, y := range []struct {
				old, new string
				reason   Reason
			}{
				{"a\r\n400", "b\r\n400", SignatureMismatch},
				{"a\r\n0;", "b\r\n0;", SignatureMismatch},
				{x.chunks[2][:8], "00000000", SignatureMismatch},
				{x.chunks[1][:8], "00000000", SignatureMismatch},
				{"400;chunk-signature=", "400;", ChunkMalformed},
				{"400;", "401;", LengthMismatch},
				{"400;", "fffffffffffffff;", LengthMismatch},
				{"400;", "+400;", ChunkMalformed},
				{"400;", "-1;", ChunkMalformed},
				{"400;", "3ff;", ChunkMalformed},
				{"10000;", strings.Repeat("0", 5000) + "10000;", ChunkMalformed},
				{"\r\n400", "\n400", ChunkMalformed},
				{x.wire()[70000-4000:], "", LengthMismatch},
				{x.chunks[2] + "\r\n" + x.tail, x.chunks[2] + "\r\n", LengthMismatch},
				{x.chunks[2] + "\r\n" + x.tail, x.chunks[2] + "\r\n" + x.tail + "x", ChunkMalformed},
			} {
				text := strings.Replace(x.wire(), y.old, y.new, 1)
				if text == x.wire() {
					t.Fatalf("%q not found", y.old)
				}
				b, err := c.Body(strings.NewReader(text))
				if err != nil {
					t.Fatal(err)
				}
				if _, err = io.ReadAll(b); !Is(err, y.reason) {
					t.Errorf("%.20q for %.20q: %v, want %v", y.new, y.old, err, y.reason)
				}
				if again := func() error { _, err := b.Read(make([]byte, 1)); return err }(); again != err || b.Trailer() != nil {
					t.Errorf("the error did not stay: %v", again)
				}
			}
		})
	}
}

func TestS3Trailer(t *testing.T) {
	x := streamExamples["trailer"]
	c := x.claim(t)
	sum, sig := "x-amz-checksum-crc32c:sOO8/Q==\r\n", x.tail[strings.Index(x.tail, "\r\n")+2:]
	for _, y := range []struct {
		tail   string
		reason Reason
	}{
		{sig, TrailerMalformed},
		{sum + "\r\n", TrailerMalformed},
		{"x-amz-checksum-crc32c:AAAAAA==\r\n" + sig, SignatureMismatch},
		{sum + sum + sig, TrailerMalformed},
		{sum + "x-amz-meta-more:1\r\n" + sig, TrailerMalformed},
		{"no colon\r\n" + sig, TrailerMalformed},
		{sum + strings.Replace(sig, "\r\n\r\n", "\r\nx:y\r\n\r\n", 1), TrailerMalformed},
		{sum + "x-amz-trailer-signature:\r\n\r\n", TrailerMalformed},
		{strings.Repeat("a", 5000), ChunkMalformed},
	} {
		x.tail = y.tail
		b, err := c.Body(strings.NewReader(x.wire()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = io.ReadAll(b); !Is(err, y.reason) {
			t.Errorf("%.60q: %v, want %v", y.tail, err, y.reason)
		}
	}
}

// streamClaim signs and verifies the head of a streamed PUT.
func streamClaim(t testing.TB, payload, length, trailer string) (*Claim, error) {
	t.Helper()
	r := httptest.NewRequest("PUT", "/b/k", nil)
	if length != "" {
		r.Header.Set("X-Amz-Decoded-Content-Length", length)
	}
	if trailer != "" {
		r.Header.Set("X-Amz-Trailer", trailer)
	}
	if err := Sign(r, Credentials{AccessKey: docKey, Secret: docSecret}, "us-east-1", "s3", payload, docTime); err != nil {
		t.Fatal(err)
	}
	c := &Claim{}
	if err := c.Parse(r); err != nil {
		t.Fatal(err)
	}
	if err := c.Check(RulesFor("s3", "us-east-1"), docTime); err != nil {
		return nil, err
	}
	return c, c.VerifyHead(nil, docSecret)
}

func TestS3UnsignedTrailer(t *testing.T) {
	c, err := streamClaim(t, StreamingUnsigned, "5", "x-amz-checksum-crc32")
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range []struct {
		text   string
		reason Reason
	}{
		{"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 0},
		{"2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Amz-Checksum-Crc32: NhCmhg==\r\n\r\n", 0},
		{"5\r\nhello\r\n0\r\n\r\n", TrailerMalformed},
		{"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\nx-amz-trailer-signature:aa\r\n\r\n", TrailerMalformed},
		{"5;chunk-signature=aa\r\nhello\r\n", ChunkMalformed},
		{"5;other\r\nhello\r\n", ChunkMalformed},
		{"4\r\nhell\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", LengthMismatch},
		{"6\r\nhello!\r\n", LengthMismatch},
		{"", LengthMismatch},
		{"5", LengthMismatch},
		{"\r\n", ChunkMalformed},
	} {
		b, err := c.Body(strings.NewReader(y.text))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(b)
		if y.reason == 0 {
			if err != nil || string(got) != "hello" || b.Trailer().Get("x-amz-checksum-crc32") != "NhCmhg==" {
				t.Errorf("%q: %q, %v, %v", y.text, got, err, b.Trailer())
			}
		} else if !Is(err, y.reason) {
			t.Errorf("%q: %v, want %v", y.text, err, y.reason)
		}
	}
}

func TestS3BodyRules(t *testing.T) {
	for _, x := range []struct {
		payload, length, trailer string
		reason                   Reason
	}{
		{StreamingPayload, "", "", LengthUndeclared},
		{StreamingPayload, "-1", "", LengthUndeclared},
		{StreamingPayload, "99999999999999999999", "", LengthUndeclared},
		{StreamingTrailer, "1", "", TrailerMalformed},
		{StreamingUnsigned, "1", strings.Repeat("a,", 20), TrailerMalformed},
		{streamingECDSA, "1", "", PayloadInvalid},
		{streamingECDSATrailer, "1", "", PayloadInvalid},
		{"STREAMING", "1", "", PayloadInvalid},
		{strings.ToUpper(EmptyHash), "1", "", PayloadInvalid},
	} {
		c, err := streamClaim(t, x.payload, x.length, x.trailer)
		if err == nil {
			_, err = c.Body(strings.NewReader(""))
		}
		if !Is(err, x.reason) {
			t.Errorf("%v: %v", x, err)
		}
	}
	c, err := streamClaim(t, UnsignedPayload, "", "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Body(strings.NewReader("anything"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(b); string(got) != "anything" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	broken := errors.New("connection reset")
	if b, err = c.Body(iotest.ErrReader(broken)); err != nil {
		t.Fatal(err)
	}
	if _, err = io.ReadAll(b); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// A signed chunk below 8 KiB may only be the last.
func TestS3SmallChunk(t *testing.T) {
	c, err := streamClaim(t, StreamingPayload, "2", "")
	if err != nil {
		t.Fatal(err)
	}
	text := encodeChunks(c, "a", "b")
	b, err := c.Body(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(b)
	want(t, err, ChunkTooSmall)
}

// encodeChunks signs data as the client that c verified would.
func encodeChunks(c *Claim, chunks ...string) string {
	var out strings.Builder
	previous := c.signature
	for _, data := range append(chunks, "") {
		s := appendSignHead(nil, Algorithm+"-PAYLOAD", c.stamp, &c.Scope)
		s = fmt.Appendf(s, "%s\n%s\n%s", previous, EmptyHash, HashPayload([]byte(data)))
		previous = fmt.Sprintf("%x", mac(c.key[:], s))
		fmt.Fprintf(&out, "%x;chunk-signature=%s\r\n%s\r\n", len(data), previous, data)
	}
	return out.String()
}
