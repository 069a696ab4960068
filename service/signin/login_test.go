package signin_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
)

const (
	sameDevice  = "arn:aws:signin:::devtools/same-device"
	crossDevice = "arn:aws:signin:::devtools/cross-device"
)

// tool does what `aws login` and SDKs do.
type tool struct {
	t        testing.TB
	s        *bartizantest.Server
	key      *ecdsa.PrivateKey
	client   string
	redirect string
	verifier string
	proof    string // in place of a new one
}

func newTool(t testing.TB, s *bartizantest.Server, client string) *tool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	redirect := "http://127.0.0.1:43210/oauth/callback"
	if client == crossDevice {
		redirect = s.URL() + "/v1/sessions/confirmation"
	}
	return &tool{t: t, s: s, key: key, client: client, redirect: redirect, verifier: strings.Repeat("verifier", 8)}
}

// address is the page that the tool opens in the browser.
func (a *tool) address() string {
	sum := sha256.Sum256([]byte(a.verifier))
	return "/v1/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {a.client}, "state": {"the state"}, "code_challenge_method": {"SHA-256"},
		"scope": {"openid"}, "redirect_uri": {a.redirect}, "code_challenge": {b64.EncodeToString(sum[:])},
	}.Encode()
}

// consent has the person at the browser agree and returns the answer.
func (a *tool) consent(b *browser, status int) map[string]any {
	a.t.Helper()
	b.header.Set("Accept", "application/json")
	request := b.want(200, "GET", a.address(), nil)["request"]
	b.header.Del("Accept")
	return b.want(status, "POST", "/v1/authorize", fields{"request": request})
}

// code is the one that the browser is sent to the tool with.
func (a *tool) code(b *browser) string {
	a.t.Helper()
	u, err := url.Parse(a.consent(b, 200)["location"].(string))
	if err != nil {
		a.t.Fatal(err)
	}
	if !strings.HasPrefix(u.String(), a.redirect+"?") || u.Query().Get("state") != "the state" {
		a.t.Fatalf("the browser is sent to %s", u)
	}
	return u.Query().Get("code")
}

// newProof signs a DPoP proof.
func (a *tool) newProof(id string) string {
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		a.t.Fatal(err)
	}
	var parts []string
	for _, v := range []any{
		map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": map[string]string{
			"kty": "EC", "crv": "P-256", "x": b64.EncodeToString(point[1:33]), "y": b64.EncodeToString(point[33:]),
		}},
		map[string]any{"htm": "POST", "htu": a.s.URL() + "/v1/token", "iat": time.Now().Unix(), "jti": id},
	} {
		doc, err := json.Marshal(v)
		if err != nil {
			a.t.Fatal(err)
		}
		parts = append(parts, b64.EncodeToString(doc))
	}
	digest := sha256.Sum256([]byte(strings.Join(parts, ".")))
	r, s, err := ecdsa.Sign(rand.Reader, a.key, digest[:])
	if err != nil {
		a.t.Fatal(err)
	}
	sig := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return strings.Join(parts, ".") + "." + b64.EncodeToString(sig)
}

// token calls CreateOAuth2Token.
func (a *tool) token(in fields) (int, map[string]any) {
	a.t.Helper()
	doc, err := json.Marshal(in)
	if err != nil {
		a.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(a.t.Context(), "POST", a.s.URL()+"/v1/token", bytes.NewReader(doc))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	proof := a.proof
	if proof == "" {
		proof = a.newProof(rand.Text())
	}
	r.Header.Set("DPoP", proof)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(body, &out); err != nil {
		a.t.Fatalf("%d %s", res.StatusCode, body)
	}
	return res.StatusCode, out
}

func (a *tool) redeem(code string) (int, map[string]any) {
	return a.token(fields{"clientId": a.client, "grantType": "authorization_code", "code": code, "redirectUri": a.redirect, "codeVerifier": a.verifier})
}

func (a *tool) refresh(token any) (int, map[string]any) {
	return a.token(fields{"clientId": a.client, "grantType": "refresh_token", "refreshToken": token})
}

func credentialsOf(out map[string]any) bartizantest.Credentials {
	c := out["accessToken"].(map[string]any)
	return bartizantest.Credentials{AccessKey: c["accessKeyId"].(string), Secret: c["secretAccessKey"].(string), Token: c["sessionToken"].(string)}
}

func subject(t testing.TB, token any) string {
	t.Helper()
	parts := strings.Split(token.(string), ".")
	doc, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Sub string }
	if err := json.Unmarshal(doc, &claims); err != nil {
		t.Fatal(err)
	}
	return claims.Sub
}

var mayLogin = allow("signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token", "iam:GetUser")

func TestLogin(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, mayLogin)
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	a := newTool(t, s, sameDevice)
	status, out := a.redeem(a.code(b))
	if status != 200 || out["tokenType"] != "aws_sigv4" || out["expiresIn"] != 900.0 || subject(t, out["idToken"]) != u.ARN {
		t.Fatalf("token: %d %v", status, out)
	}
	as := credentialsOf(out)
	if got := whoami(t, s, as); got != u.ARN {
		t.Errorf("credentials of %s", got)
	}
	if _, err := s.Call(as, "iam", "GetUser", nil); err != nil {
		t.Error(err)
	}
	first := out["refreshToken"]
	s.Advance(16 * time.Minute)
	if _, err := s.Call(as, "sts", "GetCallerIdentity", nil); err == nil {
		t.Error("the credentials outlive 15 minutes")
	}
	status, out = a.refresh(first)
	if status != 200 || out["idToken"] != nil || out["refreshToken"] == first {
		t.Fatalf("refresh: %d %v", status, out)
	}
	if got := whoami(t, s, credentialsOf(out)); got != u.ARN {
		t.Errorf("credentials of %s", got)
	}
	// Another process of the tool that refreshes at the same time gets the same.
	if status, again := a.refresh(first); status != 200 || again["refreshToken"] != out["refreshToken"] {
		t.Errorf("the token before, at once: %d %v", status, again)
	}
	e := events(t, s, "CreateOAuth2Token")
	if len(e) != 3 || at(e[0], "userIdentity", "arn") != u.ARN {
		t.Fatalf("%d events", len(e))
	}
	for _, event := range e {
		doc, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []any{first, out["refreshToken"], as.Secret, as.Token} {
			if strings.Contains(string(doc), secret.(string)) {
				t.Errorf("a secret stands in the trail: %s", doc)
			}
		}
	}
	if e := events(t, s, "AuthorizeOAuth2Access"); len(e) != 1 || at(e[0], "requestParameters", "client_id") != sameDevice {
		t.Errorf("events %v", e)
	}
	// Long after, the token before was stolen: the whole grant ends.
	s.Advance(2 * time.Minute)
	if status, got := a.refresh(first); status != 403 || got["error"] != "TOKEN_EXPIRED" {
		t.Errorf("a spent token: %d %v", status, got)
	}
	if status, got := a.refresh(out["refreshToken"]); status != 403 || got["error"] != "TOKEN_EXPIRED" {
		t.Errorf("the newest one after it: %d %v", status, got)
	}
}

func TestLoginEndsWithTheSession(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, mayLogin)
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	changed, denied, old := newTool(t, s, sameDevice), newTool(t, s, sameDevice), newTool(t, s, sameDevice)
	tokens := map[*tool]any{}
	for _, a := range []*tool{changed, denied, old} {
		_, out := a.redeem(a.code(b))
		tokens[a] = out["refreshToken"]
	}
	if _, err := s.Call(s.Root(), "iam", "DeleteUserPolicy", url.Values{"UserName": {u.Name}, "PolicyName": {"test"}}); err != nil {
		t.Fatal(err)
	}
	if status, out := denied.refresh(tokens[denied]); status != 403 || out["error"] != "INSUFFICIENT_PERMISSIONS" {
		t.Errorf("without permission: %d %v", status, out)
	}
	if _, err := s.Call(s.Root(), "iam", "UpdateLoginProfile", url.Values{"UserName": {u.Name}, "Password": {"Another-Horse-8"}}); err != nil {
		t.Fatal(err)
	}
	if status, out := changed.refresh(tokens[changed]); status != 403 || out["error"] != "USER_CREDENTIALS_CHANGED" {
		t.Errorf("with a new password: %d %v", status, out)
	}
	s.Advance(12*time.Hour + time.Second)
	if status, out := old.refresh(tokens[old]); status != 403 || out["error"] != "TOKEN_EXPIRED" {
		t.Errorf("after 12 hours: %d %v", status, out)
	}
}

func TestLoginRefuses(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, mayLogin)
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	for name, change := range map[string]func(a *tool){
		"another verifier": func(a *tool) { a.verifier = strings.Repeat("x", 64) },
		"another redirect": func(a *tool) { a.redirect = "http://127.0.0.1:1/oauth/callback" },
		"another client":   func(a *tool) { a.client = crossDevice },
	} {
		a := newTool(t, s, sameDevice)
		code, right := a.code(b), *a
		change(a)
		if status, out := a.redeem(code); status != 400 || out["error"] != "invalid_grant" {
			t.Errorf("%s: %d %v", name, status, out)
		}
		if status, out := right.redeem(code); status != 403 || out["error"] != "AUTHCODE_EXPIRED" {
			t.Errorf("%s, then the right one: %d %v", name, status, out)
		}
	}
	a := newTool(t, s, sameDevice)
	code := a.code(b)
	s.Advance(5 * time.Minute)
	if status, out := a.redeem(code); status != 403 || out["error"] != "AUTHCODE_EXPIRED" {
		t.Errorf("a code of five minutes ago: %d %v", status, out)
	}
	code = a.code(b)
	a.proof = "none"
	if status, out := a.redeem(code); status != 400 || out["error"] != "invalid_request" {
		t.Errorf("without a proof: %d %v", status, out)
	}
	a.proof = a.newProof("once")
	status, out := a.redeem(code)
	if status != 200 {
		t.Fatalf("with a proof: %d %v", status, out)
	}
	if status, got := a.refresh(out["refreshToken"]); status != 400 || got["error"] != "invalid_request" {
		t.Errorf("the same proof again: %d %v", status, got)
	}
	if status, got := newTool(t, s, sameDevice).refresh(out["refreshToken"]); status != 403 || got["error"] != "TOKEN_EXPIRED" {
		t.Errorf("with another key: %d %v", status, got)
	}
	a.proof = ""
	if status, _ := a.refresh(out["refreshToken"]); status != 200 {
		t.Errorf("the right key afterwards: %d", status)
	}
	if status, got := a.token(fields{"clientId": sameDevice, "grantType": "refresh_token"}); status != 400 {
		t.Errorf("without a token: %d %v", status, got)
	}

	b.header.Set("Accept", "application/json")
	for name, change := range map[string][2]string{
		"another host": {"redirect_uri", "http://attacker.example/oauth/callback"}, "localhost by name": {"redirect_uri", "http://localhost:1/oauth/callback"},
		"another path": {"redirect_uri", "http://127.0.0.1:1/other"}, "no PKCE": {"code_challenge", ""}, "plain PKCE": {"code_challenge_method", "plain"},
		"an unknown client": {"client_id", "arn:aws:signin:us-east-1::external-client/dcr/1"}, "another response": {"response_type", "token"},
		"an unknown parameter": {"colour", "red"},
	} {
		u, err := url.Parse(a.address())
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		q.Set(change[0], change[1])
		if res, out := b.send("GET", "/v1/authorize?"+q.Encode(), nil); res.StatusCode != 400 {
			t.Errorf("%s: %d %v", name, res.StatusCode, out)
		}
	}
	b.header.Del("Accept")
	if res, _ := b.send("GET", a.address(), nil); res.StatusCode != 302 || !strings.HasPrefix(res.Header.Get("Location"), "/console/signin#authorize=") {
		t.Errorf("a browser is sent to %q", res.Header.Get("Location"))
	}
	plain := newUser(t, s, "")
	b = newBrowser(t, s)
	b.signIn(plain.Name, secretPassword)
	a.consent(b, 403)
}

// TestCodeIsGoodOnce: of many tools that redeem one code at once, one gets in.
func TestCodeIsGoodOnce(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, mayLogin)
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	a := newTool(t, s, sameDevice)
	code := a.code(b)
	var good atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if status, _ := a.redeem(code); status == 200 {
				good.Add(1)
			}
		})
	}
	all.Wait()
	if good.Load() != 1 {
		t.Errorf("%d tools got in", good.Load())
	}
}

func BenchmarkRefresh(b *testing.B) {
	s := bartizantest.New(b)
	u := newUser(b, s, mayLogin)
	person := newBrowser(b, s)
	person.signIn(u.Name, secretPassword)
	a := newTool(b, s, sameDevice)
	_, out := a.redeem(a.code(person))
	for b.Loop() {
		status, next := a.refresh(out["refreshToken"])
		if status != 200 {
			b.Fatal(status, next)
		}
		out = next
	}
}

func BenchmarkSession(b *testing.B) {
	s := bartizantest.New(b)
	u := newUser(b, s, "")
	person := newBrowser(b, s)
	person.signIn(u.Name, secretPassword)
	for b.Loop() {
		person.want(200, "GET", "/signin/v1/session", nil)
	}
}

func BenchmarkSignIn(b *testing.B) {
	s := bartizantest.New(b)
	u := newUser(b, s, "")
	for b.Loop() {
		newBrowser(b, s).signIn(u.Name, secretPassword)
	}
}

func TestLoginOnAnotherDevice(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, mayLogin)
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	a := newTool(t, s, crossDevice)
	out := a.consent(b, 200)
	page, err := url.Parse(out["location"].(string))
	if err != nil {
		t.Fatal(err)
	}
	shown := b.want(200, "GET", page.RequestURI(), nil)["text"].(string)
	if strings.TrimSpace(shown) != out["verificationCode"] {
		t.Errorf("the page shows %q", shown)
	}
	text, err := base64.StdEncoding.DecodeString(out["verificationCode"].(string))
	if err != nil {
		t.Fatal(err)
	}
	q, err := url.ParseQuery(string(text))
	if err != nil || q.Get("state") != "the state" {
		t.Fatal(q, err)
	}
	if status, out := a.redeem(q.Get("code")); status != 200 || subject(t, out["idToken"]) != u.ARN {
		t.Errorf("token: %d %v", status, out)
	}
}

func TestIntrospectAndRevoke(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, mayLogin)
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	a := newTool(t, s, sameDevice)
	_, out := a.redeem(a.code(b))
	token := out["refreshToken"]
	const introspect, revoke = "/v1/introspect?x-amz-client-auth-method=iam", "/v1/revoke?x-amz-client-auth-method=iam"
	ask := func(token any) map[string]any {
		return call(t, s, s.Root(), "signin", "POST", introspect, nil, fields{"token": token}, 200)
	}
	if got := ask(token); got["active"] != true || got["sub"] != u.ARN || got["token_type"] != "refresh_token" || got["client_id"] != sameDevice || got["iss"] != "signin.amazonaws.com" {
		t.Errorf("introspection: %v", got)
	}
	if got := ask("ASOAunknown"); got["active"] != false || len(got) != 1 {
		t.Errorf("an unknown token: %v", got)
	}
	call(t, s, u.Credentials, "signin", "POST", introspect, nil, fields{"token": token}, 403)
	call(t, s, u.Credentials, "signin", "POST", revoke, nil, fields{"token": token}, 403)
	for range 2 {
		call(t, s, s.Root(), "signin", "POST", revoke, nil, fields{"token": token}, 200)
	}
	if got := ask(token); got["active"] != false {
		t.Errorf("after its end: %v", got)
	}
	if status, out := a.refresh(token); status != 403 || out["error"] != "TOKEN_EXPIRED" {
		t.Errorf("a revoked token: %d %v", status, out)
	}
}

func TestSessionKeyStopsOneSession(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, mayLogin)
	b := newBrowser(t, s)
	out := b.signIn(u.Name, secretPassword)
	deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:SignInSessionArn":"` + out["sessionArn"].(string) + `"}}}]}`
	if _, err := s.Call(s.Root(), "iam", "PutUserPolicy", url.Values{"UserName": {u.Name}, "PolicyName": {"stop"}, "PolicyDocument": {deny}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Call(b.credentials(), "iam", "GetUser", nil); err == nil {
		t.Error("the session goes on")
	}
	other := newBrowser(t, s)
	other.signIn(u.Name, secretPassword)
	if _, err := s.Call(other.credentials(), "iam", "GetUser", nil); err != nil {
		t.Errorf("another session: %v", err)
	}
}
