package signin_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
)

func TestSignInGivesASessionOfTheUser(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, allow("iam:GetUser"))
	b := newBrowser(t, s)
	out := b.signIn(u.Name, secretPassword)
	if out["arn"] != u.ARN || out["account"] != s.Account() || out["mfa"] != false {
		t.Errorf("signed in as %v", out)
	}
	if c := b.cookie; !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Name != "bartizan-session" {
		t.Errorf("cookie %v", c)
	}
	as := b.credentials()
	if got := whoami(t, s, as); got != u.ARN {
		t.Errorf("the credentials are %s's", got)
	}
	// Unlike those of GetSessionToken without MFA, they call IAM.
	if _, err := s.Call(as, "iam", "GetUser", url.Values{"UserName": {u.Name}}); err != nil {
		t.Error(err)
	}
	if _, err := s.Call(as, "iam", "ListUsers", nil); err == nil {
		t.Error("the session may do what the user may not")
	}
	e := events(t, s, "ConsoleLogin")
	if len(e) != 1 || at(e[0], "responseElements", "ConsoleLogin") != "Success" || at(e[0], "userIdentity", "arn") != u.ARN ||
		at(e[0], "additionalEventData", "MFAUsed") != "No" || e[0]["eventType"] != "AwsConsoleSignIn" || e[0]["eventSource"] != "signin.amazonaws.com" {
		t.Errorf("events %v", e)
	}
	b.want(200, "DELETE", "/signin/v1/session", nil)
	if b.cookie != nil {
		t.Error("the cookie is not removed")
	}
}

func TestSessionEnds(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, "")
	t.Run("by signing out", func(t *testing.T) {
		b := newBrowser(t, s)
		b.signIn(u.Name, secretPassword)
		old := b.cookie
		b.want(200, "DELETE", "/signin/v1/session", nil)
		b.cookie = old
		b.want(401, "GET", "/signin/v1/session", nil)
	})
	t.Run("with the password", func(t *testing.T) {
		b := newBrowser(t, s)
		b.signIn(u.Name, secretPassword)
		if _, err := s.Call(s.Root(), "iam", "UpdateLoginProfile", url.Values{"UserName": {u.Name}, "Password": {"Another-Horse-8"}}); err != nil {
			t.Fatal(err)
		}
		b.want(401, "GET", "/signin/v1/session", nil)
	})
	t.Run("by itself", func(t *testing.T) {
		b := newBrowser(t, s)
		b.signIn(u.Name, "Another-Horse-8")
		s.Advance(11 * time.Hour)
		b.want(200, "GET", "/signin/v1/session", nil)
		s.Advance(61 * time.Minute)
		b.want(401, "GET", "/signin/v1/session", nil)
	})
}

func TestSessionIsGuarded(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, "")
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	token := b.csrf
	for name, csrf := range map[string]string{"no token": "", "a wrong token": strings.Repeat("0", 64)} {
		if b.csrf = csrf; b.want(403, "POST", "/signin/v1/session/credentials", fields{})["error"] != "InvalidCsrfToken" {
			t.Errorf("%s passes", name)
		}
	}
	b.csrf = token
	b.header.Set("Sec-Fetch-Site", "cross-site")
	if out := b.want(403, "POST", "/signin/v1/session/credentials", fields{}); out["error"] != "CrossOrigin" {
		t.Errorf("another origin: %v", out)
	}
	b.header.Del("Sec-Fetch-Site")
	b.header.Set("Origin", "https://attacker.example")
	b.want(403, "POST", "/signin/v1/session", login(u.Name, secretPassword))
	b.header.Del("Origin")
	b.header.Set("Content-Type", "text/plain")
	b.want(415, "POST", "/signin/v1/session", login(u.Name, secretPassword))
	b.header.Del("Content-Type")
	b.want(400, "POST", "/signin/v1/session", fields{"account": "000000000000", "user": u.Name, "password": "x", "rememberMe": true})
	b.want(400, "POST", "/signin/v1/session", fields{"account": "000000000000", "user": "a\x00b", "password": "x"})
	b.want(400, "POST", "/signin/v1/session", fields{"account": "a\x00b", "user": u.Name, "password": "x"})
	b.cookie = &http.Cookie{Name: "bartizan-session", Value: strings.Repeat("A", 43)}
	b.want(401, "GET", "/signin/v1/session", nil)
}

func TestFailuresLookAlike(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, "")
	without := s.NewUser("")
	b := newBrowser(t, s)
	var answers []string
	for _, in := range []fields{
		login(u.Name, "wrong"), login("nobody", "wrong"), login(without.Name, "wrong"),
		{"account": "999999999999", "user": u.Name, "password": "wrong"}, {"account": "no-such-alias", "user": u.Name, "password": "wrong"},
		{"email": "nobody@example.com", "password": "wrong"},
	} {
		res, out := b.send("POST", "/signin/v1/session", in)
		answers = append(answers, res.Status+out["error"].(string)+out["message"].(string))
		if res.StatusCode != 401 || answers[0] != answers[len(answers)-1] {
			t.Errorf("%v: %d %v", in, res.StatusCode, out)
		}
	}
	e := events(t, s, "ConsoleLogin")
	if len(e) != 3 {
		t.Fatalf("%d events, want those of the three attempts on the account", len(e))
	}
	known, unknown := e[2], e[1]
	if at(known, "userIdentity", "userName") != u.Name || known["errorMessage"] != "Failed authentication" || at(known, "responseElements", "ConsoleLogin") != "Failure" || at(known, "userIdentity", "arn") != nil {
		t.Errorf("a known user: %v", known)
	}
	if at(unknown, "userIdentity", "userName") != "HIDDEN_DUE_TO_SECURITY_REASONS" || unknown["errorMessage"] != "No username found in supplied account" {
		t.Errorf("an unknown user: %v", unknown)
	}
}

func TestGuessingIsSlowedDown(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, "")
	for _, name := range []string{u.Name, "nobody"} { // the same for both
		b := newBrowser(t, s)
		for range 5 {
			b.want(401, "POST", "/signin/v1/session", login(name, "wrong"))
		}
		res, out := b.send("POST", "/signin/v1/session", login(name, secretPassword))
		if res.StatusCode != 429 || res.Header.Get("Retry-After") != "1" || out["error"] != "TooManyAttempts" {
			t.Errorf("%s: the right password after five wrong ones: %d %v", name, res.StatusCode, out)
		}
	}
	b := newBrowser(t, s)
	s.Advance(time.Second)
	b.want(401, "POST", "/signin/v1/session", login(u.Name, "wrong"))
	if res, _ := b.send("POST", "/signin/v1/session", login(u.Name, "wrong")); res.Header.Get("Retry-After") != "2" {
		t.Errorf("after the sixth: wait %s s", res.Header.Get("Retry-After"))
	}
	s.Advance(2 * time.Second)
	b.signIn(u.Name, secretPassword)
	for range 5 { // forgotten
		b.want(401, "POST", "/signin/v1/session", login(u.Name, "wrong"))
	}
}

func TestPasswordThatMustBeChanged(t *testing.T) {
	s := bartizantest.New(t)
	b := newBrowser(t, s)
	change := func(user string) (int, map[string]any) {
		out := b.want(200, "POST", "/signin/v1/session", login(user, secretPassword))
		if out["state"] != "NEW_PASSWORD_REQUIRED" || b.cookie != nil {
			t.Fatalf("sign-in with a temporary password: %v", out)
		}
		res, out := b.send("POST", "/signin/v1/session/password", fields{"step": out["step"], "oldPassword": secretPassword, "newPassword": "Another-Horse-8"})
		return res.StatusCode, out
	}
	u := newUser(t, s, allow("iam:ChangePassword"), "PasswordResetRequired", "true")
	if status, out := change(u.Name); status != 200 || out["state"] != "SIGNED_IN" {
		t.Errorf("new password: %d %v", status, out)
	}
	if got := b.want(200, "GET", "/signin/v1/session", nil); got["arn"] != u.ARN {
		t.Errorf("session of %v", got)
	}
	e := events(t, s, "ChangePassword")
	if len(e) != 1 || e[0]["sourceIPAddress"] != "127.0.0.1" || at(e[0], "userIdentity", "invokedBy") != nil {
		t.Errorf("ChangePassword was recorded as %v", e)
	}
	b = newBrowser(t, s)
	u = newUser(t, s, "", "PasswordResetRequired", "true")
	if status, out := change(u.Name); status != 403 || out["error"] != "AccessDenied" {
		t.Errorf("without iam:ChangePassword: %d %v", status, out)
	}
}

func TestExpiredPassword(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, "")
	b := newBrowser(t, s)
	for _, hard := range []string{"false", "true"} {
		if _, err := s.Call(s.Root(), "iam", "UpdateAccountPasswordPolicy", url.Values{"MaxPasswordAge": {"1"}, "HardExpiry": {hard}}); err != nil {
			t.Fatal(err)
		}
		s.Advance(25 * time.Hour)
		res, out := b.send("POST", "/signin/v1/session", login(u.Name, secretPassword))
		if hard == "false" && out["state"] != "NEW_PASSWORD_REQUIRED" || hard == "true" && res.StatusCode != 401 {
			t.Errorf("hard expiry %s: %d %v", hard, res.StatusCode, out)
		}
	}
}

func TestCookieWithTLS(t *testing.T) {
	s := bartizantest.New(t, bartizantest.TLS())
	u := newUser(t, s, "")
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	if c := b.cookie; !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || c.Domain != "" {
		t.Errorf("cookie %v", c)
	}
	if e := events(t, s, "ConsoleLogin"); at(e[0], "tlsDetails", "tlsVersion") != "TLSv1.3" {
		t.Errorf("event %v", e[0])
	}
}
