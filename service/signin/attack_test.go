package signin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
)

// TestCodeGoesNowhereElse: an attacker asks for an authorization under a host of
// its own, which the tool's redirect may then lead to, and has somebody consent
// to it here. The code must not go to the attacker's host.
func TestCodeGoesNowhereElse(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, allow("*"))
	a := newTool(t, s, crossDevice)
	a.redirect = "http://attacker.example/v1/sessions/confirmation"
	r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+a.address(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "attacker.example"
	r.Header.Set("Accept", "application/json")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out struct{ Request string }
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	b.want(400, "POST", "/v1/authorize", fields{"request": out.Request})
}

// revoke denies the role what was issued before a time, as the console's button
// "Revoke active sessions" does.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html
func revoke(t *testing.T, s *bartizantest.Server, role string, before time.Time) {
	t.Helper()
	doc := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":%q}}}]}`, before.UTC().Format(time.RFC3339))
	if _, err := s.Call(s.Root(), "iam", "PutRolePolicy", url.Values{"RoleName": {role}, "PolicyName": {"AWSRevokeOlderSessions"}, "PolicyDocument": {doc}}); err != nil {
		t.Fatal(err)
	}
}

// TestRevokedSessionsStayRevoked: whoever took a role into the console before its
// sessions were revoked gets no younger credentials from the console.
func TestRevokedSessionsStayRevoked(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, allow("*"))
	role := newRole(t, s, "taken")
	if _, err := s.Call(s.Root(), "iam", "PutRolePolicy", url.Values{"RoleName": {"taken"}, "PolicyName": {"all"}, "PolicyDocument": {allow("*")}}); err != nil {
		t.Fatal(err)
	}
	doc, _ := temporary(t, s, u.Credentials, "AssumeRole", url.Values{"RoleArn": {role}, "RoleSessionName": {"thief"}})
	federated, switched := newBrowser(t, s), newBrowser(t, s)
	token := federated.want(200, "GET", federation("Action", "getSigninToken", "SessionDuration", "43200", "Session", doc), nil)["SigninToken"].(string)
	federated.want(302, "GET", federation("Action", "login", "SigninToken", token), nil)
	federated.csrf = federated.want(200, "GET", "/signin/v1/session", nil)["csrfToken"].(string)
	switched.signIn(u.Name, secretPassword)
	switched.want(200, "POST", "/signin/v1/session/role", fields{"account": s.Account(), "role": "taken"})
	for _, b := range []*browser{federated, switched} {
		if _, err := s.Call(b.credentials(), "iam", "ListRoles", nil); err != nil {
			t.Fatal(err)
		}
	}
	s.Advance(10 * time.Minute)
	revoke(t, s, "taken", time.Now().Add(5*time.Minute))
	for _, b := range []*browser{federated, switched} {
		if _, err := s.Call(b.credentials(), "iam", "ListRoles", nil); err == nil {
			t.Error("credentials of a session that was revoked are good")
		}
	}
}

// TestConsoleBegetsNoLongerSession: credentials that a console session gave out
// open no session that outlasts them.
func TestConsoleBegetsNoLongerSession(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, allow("sts:AssumeRole"))
	newRole(t, s, "short")
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	b.want(200, "POST", "/signin/v1/session/role", fields{"account": s.Account(), "role": "short"})
	c := b.credentials()
	doc, err := json.Marshal(map[string]string{"sessionId": c.AccessKey, "sessionKey": c.Secret, "sessionToken": c.Token})
	if err != nil {
		t.Fatal(err)
	}
	newBrowser(t, s).want(400, "GET", federation("Action", "getSigninToken", "SessionDuration", "43200", "Session", string(doc)), nil)
	newBrowser(t, s).want(200, "GET", federation("Action", "getSigninToken", "Session", string(doc)), nil)
}

// TestOldSessionAddsNoDevice: a session from before the user had a second factor
// cannot add another one, which whoever has got hold of it would then show.
func TestOldSessionAddsNoDevice(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, allow("iam:EnableMFADevice"))
	stolen := newBrowser(t, s)
	stolen.signIn(u.Name, secretPassword)
	options := stolen.want(200, "POST", "/signin/v1/passkeys/options", fields{}) // begun in time
	serial, seed := newVirtual(t, s, u.Name)
	stolen.want(403, "POST", "/signin/v1/passkeys/options", fields{})
	key := newAuthenticator(t, s)
	stolen.want(403, "POST", "/signin/v1/passkeys", fields{"state": options["state"], "name": "mine", "credential": key.register(at(options, "publicKey", "challenge").(string))})
	s.Advance(2 * time.Minute)
	own := newBrowser(t, s)
	step := own.want(200, "POST", "/signin/v1/session", login(u.Name, secretPassword))["step"]
	own.want(200, "POST", "/signin/v1/session/mfa", fields{"step": step, "serialNumber": serial, "code": totp(seed, s.Now())})
	own.want(200, "POST", "/signin/v1/passkeys/options", fields{})
}
