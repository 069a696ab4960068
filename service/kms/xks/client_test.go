package xks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// bad starts a proxy that answers as handler does.
func bad(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewTLSServer(handler)
	t.Cleanup(s.Close)
	return clientOf(s, NewCredential())
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func encryptWith(c *Client) error {
	_, err := c.Encrypt(context.Background(), "key-1", asking, []byte("Hello World!"), []byte("project=nile,department=marketing"))
	return err
}

// good is the specification's own answer to that.
const good = `{"authenticationTag":"vBxN2ncH1oEkR8WVXpmyYQ==","ciphertext":"ghxkK1txeDNn3q8Y",` +
	`"ciphertextDataIntegrityValue":"qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=",` +
	`"ciphertextMetadata":"a2V5X3ZlcnNpb249MQ==","initializationVector":"HMrlRw85cAJUd5Ax"}`

func TestTheSpecificationsAnswer(t *testing.T) {
	if err := encryptWith(bad(t, says(200, good))); err != nil {
		t.Fatal(err)
	}
}

func TestMalformedAnswers(t *testing.T) {
	change := func(old, new string) string {
		s := strings.Replace(good, old, new, 1)
		if s == good {
			t.Fatal("nothing to change:", old)
		}
		return s
	}
	for what, answer := range map[string]http.HandlerFunc{
		"a wrong CDIV":           says(200, change("qHA/", "qHB/")),
		"another ciphertext":     says(200, change("ghxk", "ghxl")),
		"another tag":            says(200, change("vBxN", "vBxO")),
		"no CDIV":                says(200, change("ciphertextDataIntegrityValue", "x")),
		"a short ciphertext":     says(200, change("ghxkK1txeDNn3q8Y", "ghxkK1txeDNn")),
		"no tag":                 says(200, change("authenticationTag", "AuthenticationTag")),
		"a tag of 15 bytes":      says(200, change("vBxN2ncH1oEkR8WVXpmyYQ==", "vBxN2ncH1oEkR8WVXpmy")),
		"an IV of 9 bytes":       says(200, change("HMrlRw85cAJUd5Ax", "HMrlRw85cAJU")),
		"metadata of 21 bytes":   says(200, change("a2V5X3ZlcnNpb249MQ==", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAx")),
		"no JSON":                says(200, "<html>hello</html>"),
		"nothing":                says(200, ""),
		"half of it":             says(200, good[:40]),
		"a tail":                 says(200, good+"x"),
		"a member twice":         says(200, change("{", `{"ciphertext":"ghxkK1txeDNn3q8Y",`)),
		"too much":               says(200, `{"x":"`+strings.Repeat("x", 10<<20)+`"}`),
		"too much of an error":   says(500, `{"errorName":"InternalException","x":"`+strings.Repeat("x", 10<<20)+`"}`),
		"another success":        says(201, good),
		"no content":             says(204, ""),
		"an error of HTML":       says(502, "<html>Bad Gateway</html>"),
		"an error without name":  says(400, `{"errorMessage":"x"}`),
		"an error of no table":   says(400, `{"errorName":"TeapotException"}`),
		"an error in a 200":      says(200, `{"errorName":"InternalException"}`),
		"not its error":          says(400, `{"errorName":"InvalidCiphertextException"}`),
		"a redirect":             says(307, good),
		"no HTTP":                notHTTP,
		"a name of another case": says(400, `{"errorname":"ValidationException"}`),
	} {
		t.Run(what, func(t *testing.T) {
			f := wantFailure(t, encryptWith(bad(t, answer)), MalformedResponse)
			if f.Cause == nil || !strings.HasPrefix(f.Message(), "AWS KMS cannot interpret the response") {
				t.Error(f)
			}
		})
	}
}

func notHTTP(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_, _ = io.WriteString(conn, "220 mail.example.com ESMTP\r\n")
		conn.Close()
	}
}

func TestMalformedHealthAndKeys(t *testing.T) {
	ctx := context.Background()
	health := string(healthAnswer(goodHealth()))
	one := `{"id":"1","model":"m","healthStatus":"ACTIVE"}`
	for _, s := range []string{
		strings.Replace(health, `:2,`, `:0,`, 1),
		strings.Replace(health, `:2,`, `:1.5,`, 1),
		strings.Replace(health, `:2,`, `:"2",`, 1),
		strings.Replace(health, `"Acme"`, `""`, 1),
		strings.Replace(health, `ACTIVE`, `FINE`, 1),
		strings.Replace(health, `"hsm-1"`, `7`, 1),
		strings.Replace(health, `[{`, `{"x":[{`, 1),
		`{"xksProxyFleetSize":1,"xksProxyVendor":"v","xksProxyModel":"m","ekmVendor":"e","ekmFleetDetails":[]}`,
		`{"xksProxyFleetSize":1,"xksProxyVendor":"v","xksProxyModel":"m","ekmVendor":"e","ekmFleetDetails":[` + strings.Repeat(one+",", 10) + one + `]}`,
		`{"xksProxyFleetSize":1,"xksProxyVendor":"v","xksProxyModel":"m","ekmVendor":"e","ekmFleetDetails":["x"]}`,
	} {
		_, err := bad(t, says(200, s)).Health(ctx, asking)
		wantFailure(t, err, MalformedResponse)
	}
	for _, s := range []string{
		`{"keySpec":"AES_256","keyUsage":["ENCRYPT"]}`,
		`{"keySpec":"AES_256","keyUsage":"ENCRYPT","keyStatus":"ENABLED"}`,
		`{"keySpec":"AES_256","keyUsage":[1],"keyStatus":"ENABLED"}`,
		`{"keySpec":"AES_256","keyUsage":["ENCRYPT"],"keyStatus":"FINE"}`,
		`{"keySpec":256,"keyUsage":["ENCRYPT"],"keyStatus":"ENABLED"}`,
		`{"keySpec":"AES_256","keyUsage":["1","2","3","4","5","6","7","8","9","10","11"],"keyStatus":"ENABLED"}`,
	} {
		_, err := bad(t, says(200, s)).KeyMetadata(ctx, "k", asking)
		wantFailure(t, err, MalformedResponse)
	}
	for _, s := range []string{`{}`, `{"plaintext":"eA=="}`, `{"plaintext":"!"}`} {
		_, err := bad(t, says(200, s)).Decrypt(ctx, "k", asking, example(t), nil)
		wantFailure(t, err, MalformedResponse)
	}
}

func TestAllManagersDown(t *testing.T) {
	h := goodHealth()
	h.Managers[0].Status, h.Managers[1].Status = Unavailable, Unavailable
	got, err := bad(t, says(200, string(healthAnswer(h)))).Health(context.Background(), asking)
	f := wantFailure(t, err, Unhealthy)
	if got == nil || f.Exception(Managing) != "XksProxyUriUnreachableException" || f.ConnectionErrorCode() != "XKS_PROXY_NOT_REACHABLE" {
		t.Error(got, f)
	}
}

// TestErrorsOfTheProxy: each name arrives, whatever the status beside it; the
// message is kept for the log, and cleaned.
func TestErrorsOfTheProxy(t *testing.T) {
	for name, status := range statuses {
		for _, status := range []int{status, 418} {
			c := bad(t, says(status, `{"errorName":"`+string(name)+`","errorMessage":"why\n\u00e4`+strings.Repeat("y", 600)+`"}`))
			_, err := c.Decrypt(context.Background(), "k", asking, example(t), nil)
			f := wantFailure(t, err, name)
			if !strings.HasPrefix(f.Detail, "why???y") || len(f.Detail) != 511 || strings.Contains(f.Message(), "why") {
				t.Error(f)
			}
		}
	}
}

// TestRedirectsAreNotFollowed: a signed request goes nowhere else.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var visits atomic.Int32
	there := bad(t, func(w http.ResponseWriter, _ *http.Request) { visits.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := bad(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, there.Endpoint+"/", status) })
		wantFailure(t, encryptWith(c), MalformedResponse)
	}
	if visits.Load() != 0 {
		t.Error("followed")
	}
}

func TestSlowProxies(t *testing.T) {
	stop := make(chan struct{})
	hang := func(http.ResponseWriter, *http.Request) { <-stop }
	drip := func(w http.ResponseWriter, _ *http.Request) { // the head, and then nothing
		_, _ = io.WriteString(w, good[:20])
		w.(http.Flusher).Flush()
		<-stop
	}
	clients := []*Client{bad(t, hang), bad(t, drip)}
	t.Cleanup(func() { close(stop) }) // before the servers close
	for _, c := range clients {
		c.Timeout = 0 // the 250 ms of the specification
		start := time.Now()
		f := wantFailure(t, encryptWith(c), TimedOut)
		if d := time.Since(start); d < Timeout || d > 5*time.Second {
			t.Error(d)
		}
		if f.ConnectionErrorCode() != "XKS_PROXY_TIMED_OUT" || !errors.Is(f, context.DeadlineExceeded) {
			t.Error(f)
		}
	}
	// A server that takes the connection and never speaks TLS.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	c := *clients[0]
	c.Endpoint, c.Timeout = "https://"+silent.Addr().String(), 50*time.Millisecond
	wantFailure(t, encryptWith(&c), TimedOut)
}

func TestCallerGoesAway(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := bad(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or net/http would not see that the caller goes
		cancel()
		<-r.Context().Done()
	})
	_, err := c.Health(ctx, asking)
	if _, ok := err.(*Failure); ok || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestUnreachable(t *testing.T) {
	c := bad(t, says(200, good))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Endpoint = "https://" + listener.Addr().String()
	listener.Close() // now nobody is there
	if f := wantFailure(t, encryptWith(c), Unreachable); f.ConnectionErrorCode() != "XKS_PROXY_NOT_REACHABLE" {
		t.Error(f)
	}
	// One that hangs up in the middle of a request.
	c = bad(t, func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			conn.Close()
		}
	})
	wantFailure(t, encryptWith(c), Unreachable)
}

func TestWrongTLS(t *testing.T) {
	c := bad(t, says(200, good))
	stranger := *c
	stranger.HTTP = &http.Client{Transport: NewTransport(nil)} // does not know the authority
	other := *c
	other.Endpoint = strings.Replace(c.Endpoint, "127.0.0.1", "localhost", 1) // not in the certificate
	plain := *c
	s := httptest.NewServer(says(200, good))
	t.Cleanup(s.Close)
	plain.Endpoint = strings.Replace(s.URL, "http:", "https:", 1)
	old := httptest.NewUnstartedServer(says(200, good))
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	t.Cleanup(old.Close)
	ancient := *clientOf(old, c.Credential)
	for i, c := range []*Client{&stranger, &other, &plain, &ancient} {
		err := encryptWith(c)
		if f := wantFailure(t, err, InvalidTLS); f.ConnectionErrorCode() != "XKS_PROXY_INVALID_TLS_CONFIGURATION" {
			t.Error(i, f)
		}
	}
}

func TestMutualTLS(t *testing.T) {
	l := newLab(t)
	s := httptest.NewUnstartedServer(l.http.Config.Handler)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	c := clientOf(s, l.Client.Credential)
	if err := encryptWith(c); err == nil {
		t.Error("without a certificate")
	}
	config := c.HTTP.Transport.(*http.Transport).TLSClientConfig.Clone()
	config.Certificates = s.TLS.Certificates // any will do
	c.HTTP = &http.Client{Transport: NewTransport(config)}
	if err := encryptWith(c); err != nil {
		t.Error(err)
	}
}

// TestWhatIsSent looks at the request itself.
func TestWhatIsSent(t *testing.T) {
	var head http.Header
	var path string
	var body []byte
	c := bad(t, func(w http.ResponseWriter, r *http.Request) {
		head, path = r.Header.Clone(), r.Method+" "+r.RequestURI
		body, _ = io.ReadAll(r.Body)
		says(200, good)(w, r)
	})
	c.Now = func() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) }
	if err := encryptWith(c); err != nil {
		t.Fatal(err)
	}
	if path != "POST /store-1/kms/xks/v1/keys/key-1/encrypt" || head.Get("Content-Type") != "application/json" {
		t.Error(path, head)
	}
	if a := head.Get("Authorization"); !strings.HasPrefix(a, "AWS4-HMAC-SHA256 Credential="+c.AccessKeyID+
		"/20261130/eu-central-1/kms-xks-proxy/aws4_request, SignedHeaders=host;x-amz-date, Signature=") {
		t.Error(a)
	}
	if head["Idempotency-Key"] != nil || head["User-Agent"] != nil || head["Accept-Encoding"] != nil {
		t.Error(head)
	}
	want := `{"requestMetadata":{"awsPrincipalArn":"arn:aws:iam::123456789012:user/Alice","awsSourceVpc":"vpc-1","awsSourceVpce":"vpce-1",` +
		`"kmsKeyArn":"arn:aws:kms:us-east-2:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab","kmsOperation":"GenerateDataKey",` +
		`"kmsRequestId":"4112f4d6-db54-4af4-ae30-c55a22a8dfae","kmsViaService":"ebs"},` +
		`"additionalAuthenticatedData":"cHJvamVjdD1uaWxlLGRlcGFydG1lbnQ9bWFya2V0aW5n","plaintext":"SGVsbG8gV29ybGQh",` +
		`"encryptionAlgorithm":"AES_GCM","ciphertextDataIntegrityValueAlgorithm":"SHA_256"}`
	if string(body) != want {
		t.Errorf("%s\nwant\n%s", body, want)
	}
}

// TestOurOwnMistakes: what the caller of the package got wrong is never sent,
// and no failure of the proxy.
func TestOurOwnMistakes(t *testing.T) {
	c := bad(t, func(http.ResponseWriter, *http.Request) { t.Error("sent") })
	ctx := context.Background()
	mine := func(err error) {
		t.Helper()
		if _, ok := err.(*Failure); ok || err == nil {
			t.Error(err)
		}
	}
	_, err := c.Encrypt(ctx, "k", asking, nil, nil)
	mine(err)
	_, err = c.Encrypt(ctx, "k", asking, make([]byte, MaxPlaintext+1), nil)
	mine(err)
	_, err = c.Encrypt(ctx, "k", asking, []byte("x"), make([]byte, MaxAAD+1))
	mine(err)
	_, err = c.Decrypt(ctx, "k", asking, &Ciphertext{}, nil)
	mine(err)
	for _, endpoint := range []string{"http://a", "https://", "https://a/b", "https://u@a", "https://a?b", "a", "\n"} {
		d := *c
		d.Endpoint = endpoint
		_, err = d.Health(ctx, asking)
		mine(err)
	}
	d := *c
	d.Path = "/kms"
	_, err = d.Health(ctx, asking)
	mine(err)
	d = *c
	d.HTTP = &http.Client{}
	_, err = d.Health(ctx, asking)
	mine(err)
	for _, id := range []string{"..", ".", "a/b", ""} {
		_, err = c.KeyMetadata(ctx, id, asking)
		wantFailure(t, err, KeyNotFoundException)
	}
}

// TestErrorsHoldNoSecret: neither the secret nor a plaintext is in an error.
func TestErrorsHoldNoSecret(t *testing.T) {
	c := bad(t, says(500, "SGVsbG8gV29ybGQh"))
	err := encryptWith(c)
	for _, s := range []string{c.Secret, "Hello World!", "SGVsbG8gV29ybGQh"} {
		if strings.Contains(err.Error(), s) {
			t.Error(err)
		}
	}
	if bytes.Contains(encryptRequest(&asking, []byte("x"), nil), []byte(c.Secret)) {
		t.Error("the secret is in the request")
	}
}
