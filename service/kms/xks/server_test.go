package xks

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// raw is a request by hand. Its signature is computed here, step by step after
// Appendix A, and not by the package that the server verifies with.
type raw struct {
	method, path, body string
	id, secret         string
	region, service    string
	signed             string // signed headers
	head               string // further header lines
	at                 time.Time
}

func (l *lab) raw(path, body string) raw {
	return raw{method: "POST", path: "/store-1/kms/xks/v1/" + path, body: body, id: l.AccessKeyID, secret: l.Credential.Secret,
		region: "us-east-1", service: "kms-xks-proxy", signed: "host;x-amz-date",
		head: "Content-Type: application/json\r\n", at: time.Now().UTC()}
}

func (r raw) bytes(host string) []byte {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return hex.EncodeToString(sum[:])
	}
	mac := func(key []byte, s string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(s))
		return h.Sum(nil)
	}
	stamp := r.at.Format("20060102T150405Z")
	canonical := r.method + "\n" + r.path + "\n\nhost:" + host + "\nx-amz-date:" + stamp + "\n\n" + r.signed + "\n" + hash(r.body)
	scope := stamp[:8] + "/" + r.region + "/" + r.service + "/aws4_request"
	toSign := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hash(canonical)
	key := mac(mac(mac(mac([]byte("AWS4"+r.secret), stamp[:8]), r.region), r.service), "aws4_request")
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nX-Amz-Date: %s\r\n%sContent-Length: %d\r\n"+
		"Authorization: AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x\r\n\r\n%s",
		r.method, r.path, host, stamp, r.head, len(r.body), r.id, scope, r.signed, mac(key, toSign), r.body)
}

// send writes the request to a connection and reads the answer off it.
func (l *lab) send(t *testing.T, r raw) (int, http.Header, map[string]any) {
	t.Helper()
	host := l.http.Listener.Addr().String()
	conn, err := tls.Dial("tcp", host, l.HTTP.Transport.(*http.Transport).TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(r.bytes(host)); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: r.method})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("Content-Type") != "application/json" {
		t.Error(resp.Header)
	}
	var out map[string]any
	if err := json.Unmarshal(body, &out); r.method != "HEAD" && err != nil {
		t.Fatal(err, string(body))
	}
	return resp.StatusCode, resp.Header, out
}

const rawMetadata = `"requestMetadata":{"awsPrincipalArn":"arn:aws:iam::123456789012:user/Alice",` +
	`"kmsKeyArn":"arn:aws:kms:us-east-2:123456789012:/key/1234abcd-12ab-34cd-56ef-1234567890ab",` +
	`"kmsOperation":"BulkEncrypt","kmsRequestId":"not a UUID","kmsViaService":"ebs","sourceIdentity":{"new":["field"]}}`

func rawEncrypt(more string) string {
	return `{` + rawMetadata + `,"plaintext":"SGVsbG8gV29ybGQh","encryptionAlgorithm":"AES_GCM"` + more + `}`
}

// TestRawCalls makes every call by hand, with fields KMS may add one day.
func TestRawCalls(t *testing.T) {
	l := newLab(t)
	ok := func(path, body string) map[string]any {
		t.Helper()
		status, _, out := l.send(t, l.raw(path, body))
		if status != 200 {
			t.Fatal(status, out)
		}
		return out
	}
	if h := ok("health", `{"requestMetadata":{"kmsRequestId":"r","kmsOperation":"KmsHealthCheck"}}`); h["xksProxyFleetSize"] != 2.0 || len(h["ekmFleetDetails"].([]any)) != 2 {
		t.Error(h)
	}
	if k := ok("keys/key-1/metadata", `{`+rawMetadata+`}`); k["keySpec"] != "AES_256" || k["keyStatus"] != "ENABLED" || len(k["keyUsage"].([]any)) != 2 {
		t.Error(k)
	}
	ok("keys/key-1/metadata", `{"requestMetadata":{"awsPrincipalArn":"a","kmsOperation":"CreateKey","kmsRequestId":"r"}}`) // no key yet
	const aad = `,"additionalAuthenticatedData":"` + exampleAAD + `"`
	for _, more := range []string{"", aad, `,"ciphertextDataIntegrityValueAlgorithm":"SHA_256"`, aad + `,"ciphertextDataIntegrityValueAlgorithm":"SHA_256"`} {
		c := ok("keys/key-1/encrypt", rawEncrypt(more))
		sum := sha256.New()
		if strings.Contains(more, aad) {
			sum.Write(b64(t, exampleAAD))
		}
		body := `{` + rawMetadata + `,"encryptionAlgorithm":"AES_GCM"`
		for _, part := range []string{"ciphertextMetadata", "initializationVector", "ciphertext", "authenticationTag"} {
			sum.Write(b64(t, c[part].(string)))
			body += `,"` + part + `":"` + c[part].(string) + `"`
		}
		if want := base64.StdEncoding.EncodeToString(sum.Sum(nil)); strings.Contains(more, "SHA_256") != (c["ciphertextDataIntegrityValue"] == want) || !strings.Contains(more, "SHA_256") && c["ciphertextDataIntegrityValue"] != nil {
			t.Error(c, want)
		}
		if !strings.Contains(more, aad) {
			if p := ok("keys/key-1/decrypt", body+`}`); p["plaintext"] != "SGVsbG8gV29ybGQh" {
				t.Error(p)
			}
			continue
		}
		if p := ok("keys/key-1/decrypt", body+aad+`}`); p["plaintext"] != "SGVsbG8gV29ybGQh" {
			t.Error(p)
		}
		if status, _, out := l.send(t, l.raw("keys/key-1/decrypt", body+`}`)); status != 400 || out["errorName"] != "InvalidCiphertextException" {
			t.Error("without the AAD:", status, out)
		}
	}
}

func TestRawErrors(t *testing.T) {
	l := newLab(t)
	good := func(change func(*raw)) raw {
		r := l.raw("keys/key-1/encrypt", rawEncrypt(""))
		change(&r)
		return r
	}
	decrypt := func(change func(string) string) raw {
		return l.raw("keys/key-1/decrypt", change(`{`+rawMetadata+`,"encryptionAlgorithm":"AES_GCM","ciphertext":"ghxkK1txeDNn3q8Y",`+
			`"initializationVector":"HMrlRw85cAJUd5Ax","authenticationTag":"vBxN2ncH1oEkR8WVXpmyYQ=="}`))
	}
	replace := func(old, new string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatal("nothing to change:", old)
			}
			return strings.Replace(s, old, new, 1)
		}
	}
	metadata := `"requestMetadata":{"awsPrincipalArn":"a","kmsOperation":"o","kmsRequestId":"r"}`
	for what, c := range map[string]struct {
		raw    raw
		status int
		name   string
	}{
		"no such key":          {l.raw("keys/other/encrypt", rawEncrypt("")), 404, "KeyNotFoundException"},
		"no plaintext":         {good(func(r *raw) { r.body = strings.Replace(r.body, `"plaintext":"SGVsbG8gV29ybGQh",`, "", 1) }), 400, "ValidationException"},
		"plaintext of nothing": {good(func(r *raw) { r.body = replace("SGVsbG8gV29ybGQh", "")(r.body) }), 400, "ValidationException"},
		"plaintext not Base64": {good(func(r *raw) { r.body = replace("SGVs", "????")(r.body) }), 400, "ValidationException"},
		"plaintext twice":      {l.raw("keys/key-1/encrypt", rawEncrypt(`,"plaintext":"SGVsbG8gV29ybGQh"`)), 400, "ValidationException"},
		"plaintext too large": {good(func(r *raw) {
			r.body = replace("SGVsbG8gV29ybGQh", strings.Repeat("AAAA", serverPlaintext/3+1))(r.body)
		}), 501, "UnsupportedOperationException"},
		"AAD too large":          {l.raw("keys/key-1/encrypt", rawEncrypt(`,"additionalAuthenticatedData":"`+strings.Repeat("AAAA", MaxAAD/3+1)+`"`)), 501, "UnsupportedOperationException"},
		"a body too large":       {l.raw("keys/key-1/encrypt", rawEncrypt(`,"x":"`+strings.Repeat("x", maxBody)+`"`)), 501, "UnsupportedOperationException"},
		"another algorithm":      {good(func(r *raw) { r.body = replace("AES_GCM", "AES_CBC")(r.body) }), 400, "ValidationException"},
		"another CDIV":           {l.raw("keys/key-1/encrypt", rawEncrypt(`,"ciphertextDataIntegrityValueAlgorithm":"MD5"`)), 400, "ValidationException"},
		"no JSON":                {l.raw("keys/key-1/encrypt", "hello"), 400, "ValidationException"},
		"no metadata":            {l.raw("keys/key-1/metadata", "{}"), 400, "ValidationException"},
		"empty metadata":         {l.raw("keys/key-1/metadata", `{"requestMetadata":{}}`), 400, "ValidationException"},
		"metadata of a string":   {l.raw("keys/key-1/metadata", `{"requestMetadata":"x"}`), 400, "ValidationException"},
		"no key ARN":             {l.raw("keys/key-1/encrypt", `{`+metadata+`,"plaintext":"SGVs","encryptionAlgorithm":"AES_GCM"}`), 400, "ValidationException"},
		"health without":         {l.raw("health", "{}"), 400, "ValidationException"},
		"health of nothing":      {l.raw("health", `{"requestMetadata":{}}`), 400, "ValidationException"},
		"no content type":        {good(func(r *raw) { r.head = "" }), 400, "ValidationException"},
		"a form":                 {good(func(r *raw) { r.head = "Content-Type: application/x-www-form-urlencoded\r\n" }), 400, "ValidationException"},
		"a forged tag":           {decrypt(func(s string) string { return s }), 400, "InvalidCiphertextException"},
		"an IV of 9 bytes":       {decrypt(replace("HMrlRw85cAJUd5Ax", "HMrlRw85cAJU")), 400, "InvalidCiphertextException"},
		"a tag of 15 bytes":      {decrypt(replace("vBxN2ncH1oEkR8WVXpmyYQ==", "vBxN2ncH1oEkR8WVXpmy")), 400, "InvalidCiphertextException"},
		"no tag":                 {decrypt(replace("authenticationTag", "x")), 400, "ValidationException"},
		"metadata of 21 bytes":   {decrypt(replace("{", `{"ciphertextMetadata":"MTIzNDU2Nzg5MDEyMzQ1Njc4OTAx",`)), 400, "ValidationException"},
		"decrypt another way":    {decrypt(replace("AES_GCM", "x")), 400, "ValidationException"},
		"an unknown access key":  {good(func(r *raw) { r.id = NewCredential().AccessKeyID }), 401, "AuthenticationFailedException"},
		"an access key of AWS's": {good(func(r *raw) { r.id = "Invalid" + r.id }), 401, "AuthenticationFailedException"},
		"another secret":         {good(func(r *raw) { r.secret += "x" }), 401, "AuthenticationFailedException"},
		"another service":        {good(func(r *raw) { r.service = "kms" }), 401, "AuthenticationFailedException"},
		"six minutes ago":        {good(func(r *raw) { r.at = r.at.Add(-6 * time.Minute) }), 401, "AuthenticationFailedException"},
		"six minutes ahead":      {good(func(r *raw) { r.at = r.at.Add(6 * time.Minute) }), 401, "AuthenticationFailedException"},
		"host not signed":        {good(func(r *raw) { r.signed = "x-amz-date" }), 401, "AuthenticationFailedException"},
		"another prefix":         {good(func(r *raw) { r.path = "/store-1/invalid/kms/xks/v1/keys/key-1/encrypt" }), 404, "InvalidUriPathException"},
		"no prefix":              {good(func(r *raw) { r.path = "/kms/xks/v1/keys/key-1/encrypt" }), 404, "InvalidUriPathException"},
		"another version":        {good(func(r *raw) { r.path = "/store-1/kms/xks/v2/keys/key-1/encrypt" }), 404, "InvalidUriPathException"},
		"another operation":      {l.raw("keys/key-1/delete", rawEncrypt("")), 404, "InvalidUriPathException"},
		"no key":                 {l.raw("keys//encrypt", rawEncrypt("")), 404, "InvalidUriPathException"},
		"a climbing key":         {l.raw("keys/../encrypt", rawEncrypt("")), 404, "InvalidUriPathException"},
		"a key of two parts":     {l.raw("keys/key-1/x/encrypt", rawEncrypt("")), 404, "InvalidUriPathException"},
		"an encoded key":         {l.raw("keys/key%2d1/encrypt", rawEncrypt("")), 404, "InvalidUriPathException"},
		"a long key":             {l.raw("keys/"+strings.Repeat("k", 129)+"/encrypt", rawEncrypt("")), 404, "InvalidUriPathException"},
		"a query":                {l.raw("keys/key-1/encrypt?a=b", rawEncrypt("")), 404, "InvalidUriPathException"},
		"GET":                    {good(func(r *raw) { r.method = "GET" }), 405, "ValidationException"},
		"PUT":                    {good(func(r *raw) { r.method = "PUT" }), 405, "ValidationException"},
		"GET of nothing":         {good(func(r *raw) { r.method, r.path = "GET", "/" }), 404, "InvalidUriPathException"},
		"encrypting elsewhere":   {l.raw("keys/decrypt-only/encrypt", rawEncrypt("")), 400, "InvalidKeyUsageException"},
		"decrypting elsewhere":   {l.raw("keys/encrypt-only/encrypt", rawEncrypt(`,"ciphertextDataIntegrityValueAlgorithm":"SHA_256"`)), 400, "InvalidKeyUsageException"},
	} {
		t.Run(what, func(t *testing.T) {
			status, head, out := l.send(t, c.raw)
			if status != c.status || out["errorName"] != c.name {
				t.Fatal(status, out)
			}
			if message, _ := out["errorMessage"].(string); message == "" || len(message) > 511 || message != printable(message) {
				t.Errorf("%q", message)
			}
			if status == 405 && head.Get("Allow") != "POST" {
				t.Error(head)
			}
			if s := fmt.Sprint(out); strings.Contains(s, l.Credential.Secret) || strings.Contains(s, "SGVsbG8") || strings.Contains(s, "Hello") {
				t.Error(out)
			}
		})
	}
}

// TestWhoIsNotSaid: an unknown access key and a wrong secret answer alike.
func TestWhoIsNotSaid(t *testing.T) {
	l := newLab(t)
	unknown, wrong := l.raw("health", "{}"), l.raw("health", "{}")
	unknown.id, wrong.secret = NewCredential().AccessKeyID, NewCredential().Secret
	_, _, a := l.send(t, unknown)
	_, _, b := l.send(t, wrong)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error(a, b)
	}
}

// TestBodyIsSigned changes the body after it was signed.
func TestBodyIsSigned(t *testing.T) {
	l := newLab(t)
	r, err := l.request(context.Background(), "/keys/key-1/metadata", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(strings.NewReader("[]"))
	w := httptest.NewRecorder()
	l.http.Config.Handler.ServeHTTP(w, r)
	if w.Code != 401 {
		t.Error(w.Code, w.Body)
	}
}

// TestTwoCredentials are good at once, so that KMS can change over.
func TestTwoCredentials(t *testing.T) {
	l, next := newLab(t), NewCredential()
	l.secrets[next.AccessKeyID] = next.Secret
	c := *l.Client
	c.Credential = next
	for _, c := range []*Client{l.Client, &c} {
		if _, err := c.Health(context.Background(), asking); err != nil {
			t.Error(err)
		}
	}
	l.mu.Lock()
	delete(l.secrets, l.AccessKeyID)
	l.mu.Unlock()
	_, err := l.Client.Health(context.Background(), asking)
	wantFailure(t, err, AuthenticationFailedException)
	if _, err := c.Health(context.Background(), asking); err != nil {
		t.Error(err)
	}
}

// TestFaultsOfTheKeyManager: every error of the table goes out with its
// status; what is none of them says nothing.
func TestFaultsOfTheKeyManager(t *testing.T) {
	l := newLab(t)
	for name, status := range statuses {
		l.fail = &Fault{Name: name, Message: "because\x00 " + strings.Repeat("ä", 600)}
		got, _, out := l.send(t, l.raw("keys/key-1/encrypt", rawEncrypt("")))
		message, _ := out["errorMessage"].(string)
		if got != status || out["errorName"] != string(name) || len(message) != 511 || !strings.HasPrefix(message, "because? ??") {
			t.Error(name, got, out)
		}
	}
	secret := errors.New("the password is swordfish")
	for _, c := range []struct {
		err    error
		status int
		name   string
	}{
		{secret, 500, "InternalException"},
		{fmt.Errorf("%w: %w", secret, context.DeadlineExceeded), 503, "DependencyTimeoutException"},
		{&Fault{Name: "TeapotException", Message: "swordfish"}, 500, "InternalException"},
	} {
		l.fail = c.err
		status, _, out := l.send(t, l.raw("keys/key-1/encrypt", rawEncrypt("")))
		if status != c.status || out["errorName"] != c.name || strings.Contains(fmt.Sprint(out), "swordfish") {
			t.Error(status, out)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.events[len(statuses)]; e.Fault == nil || !errors.Is(e.Fault, secret) {
		t.Error("the log lacks the cause:", e.Fault)
	}
}

// TestDamageIsFound: with an integrity value wanted, a ciphertext that does
// not decrypt does not leave.
func TestDamageIsFound(t *testing.T) {
	l := newLab(t)
	l.damage = true
	_, err := l.Client.Encrypt(context.Background(), "key-1", asking, []byte("x"), nil)
	wantFailure(t, err, InternalException)
	l.damage, l.health = false, &Health{}
	_, err = l.Client.Health(context.Background(), asking)
	wantFailure(t, err, InternalException)
}

func TestServes(t *testing.T) {
	for path, want := range map[string]bool{
		"/kms/xks/v1/health": true, "/a/kms/xks/v1/keys/k/encrypt": true, "/": false, "/kms/xks/v1": false, "/kms/xks/v10/health": false,
	} {
		if Serves(path) != want {
			t.Error(path)
		}
	}
}

// TestCurl is the script of Appendix D: a client that is not ours.
func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("curl is missing")
		}
		t.Skip("SKIPPED: curl is not installed:", err)
	}
	l, dir := newLab(t), t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	pem := "-----BEGIN CERTIFICATE-----\n" + base64.StdEncoding.EncodeToString(l.http.Certificate().Raw) + "\n-----END CERTIFICATE-----\n"
	if err := os.WriteFile(ca, []byte(pem), 0o600); err != nil {
		t.Fatal(err)
	}
	ask := func(path, body string) string {
		out, err := exec.Command(curl, "--silent", "--show-error", "--cacert", ca, "--noproxy", "*",
			"--aws-sigv4", "aws:amz:us-east-1:kms-xks-proxy", "--user", l.AccessKeyID+":"+l.Credential.Secret,
			"-X", "POST", "-H", "Content-Type:application/json", "--data", body, l.http.URL+"/store-1/kms/xks/v1/"+path).CombinedOutput()
		if err != nil {
			t.Fatal(err, string(out))
		}
		return string(out)
	}
	if out := ask("keys/key-1/encrypt", rawEncrypt(`,"ciphertextDataIntegrityValueAlgorithm":"SHA_256"`)); !strings.Contains(out, `"ciphertextDataIntegrityValue":`) {
		t.Error(out)
	}
	if out := ask("health", `{"requestMetadata":{"kmsOperation":"KmsHealthCheck","kmsRequestId":"1124f4d6-db54-4af4-ae30-c55a22a8abcd"}}`); !strings.Contains(out, `"healthStatus":"ACTIVE"`) {
		t.Error(out)
	}
	if out := ask("health", `{}`); !strings.Contains(out, "ValidationException") {
		t.Error(out)
	}
}
