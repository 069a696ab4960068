package federation

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOpenID: ann signs in at oidc-provider, in the way a browser does, and the
// AWS CLI uses her ID token by itself, as it does in a Kubernetes pod.
func TestOpenID(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	issuer := l.start("oidc.mjs")
	l.admin("iam", "create-open-id-connect-provider", "--url", issuer, "--client-id-list", "lab")
	name := strings.TrimPrefix(issuer, "http://")
	provider := "arn:aws:iam::" + l.Account() + ":oidc-provider/" + name
	role := l.role("web", `{"Effect":"Allow","Principal":{"Federated":"`+provider+`"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"],
		"Condition":{"StringEquals":{"`+name+`:aud":"lab","`+name+`:sub":"ann"}}}`)

	token := signIn(t, issuer, "ann")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	l.limited([]string{"AWS_ROLE_ARN=" + role, "AWS_WEB_IDENTITY_TOKEN_FILE=" + file, "AWS_ROLE_SESSION_NAME=ann-1"}, ":assumed-role/web/ann-1")

	event := l.event("AssumeRoleWithWebIdentity")
	for _, want := range []string{`"type":"WebIdentityUser"`, `"userName":"ann"`, provider} {
		if !strings.Contains(event, want) {
			t.Errorf("%s is not in %s", want, event)
		}
	}
	if strings.Contains(event, token) {
		t.Error("the token is in the trail")
	}
	ask := func(token string) []string {
		return []string{"sts", "assume-role-with-web-identity", "--role-arn", role, "--role-session-name", "eve", "--web-identity-token", token}
	}
	l.refused("another user", "Not authorized to perform sts:AssumeRoleWithWebIdentity", nil, ask(signIn(t, issuer, "eve"))...)
	l.refused("a changed token", "InvalidIdentityToken", nil, ask(token[:len(token)-8]+"AAAAAAAA")...)
	l.admin("iam", "remove-client-id-from-open-id-connect-provider", "--open-id-connect-provider-arn", provider, "--client-id", "lab")
	l.refused("an audience taken away", "Incorrect token audience", nil, ask(token)...)
	l.admin("iam", "delete-open-id-connect-provider", "--open-id-connect-provider-arn", provider)
	l.refused("a provider deleted", "No OpenIDConnect provider found in your account for "+issuer, nil, ask(token)...)
}

// signIn goes through the authorization code flow, with PKCE, and returns the ID
// token.
func signIn(t *testing.T, issuer, user string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	verifier := rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	const callback = "http://127.0.0.1/callback"
	at := issuer + "/auth?" + url.Values{
		"client_id": {"lab"}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {callback},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	var form url.Values
	for range 12 {
		if strings.HasPrefix(at, callback) {
			return redeem(t, issuer, at, callback, verifier)
		}
		method, body := http.MethodGet, ""
		if form != nil {
			method, body = http.MethodPost, form.Encode()
		}
		r, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, page := read(t, browser, r)
		form = nil
		switch {
		case answer.StatusCode/100 == 3:
			next, err := answer.Location()
			if err != nil {
				t.Fatal(err)
			}
			at = next.String()
		case strings.Contains(page, `value="login"`):
			form = url.Values{"prompt": {"login"}, "login": {user}, "password": {"whatever"}}
		case strings.Contains(page, `value="consent"`):
			form = url.Values{"prompt": {"consent"}}
		default:
			t.Fatalf("%s: %s\n%s", at, answer.Status, page)
		}
	}
	t.Fatal("the sign-in does not end")
	return ""
}

func redeem(t *testing.T, issuer, at, callback, verifier string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, issuer+"/token", strings.NewReader(url.Values{
		"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {callback}, "code_verifier": {verifier},
	}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("lab", "lab-secret")
	_, body := read(t, http.DefaultClient, r)
	var v struct {
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(body), &v); err != nil || v.IDToken == "" {
		t.Fatalf("%s: %v", body, err)
	}
	return v.IDToken
}
