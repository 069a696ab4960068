package signin_test

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
)

// newRole makes a role that the account may assume.
func newRole(t testing.TB, s *bartizantest.Server, name string) string {
	t.Helper()
	arn := "arn:aws:iam::" + s.Account() + ":role/" + name
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + s.Account() + `"},"Action":"sts:AssumeRole"}]}`
	if _, err := s.Call(s.Root(), "iam", "CreateRole", url.Values{"RoleName": {name}, "AssumeRolePolicyDocument": {trust}}); err != nil {
		t.Fatal(err)
	}
	return arn
}

func TestSwitchRole(t *testing.T) {
	s := bartizantest.New(t)
	u := newUser(t, s, allow("sts:AssumeRole"))
	newRole(t, s, "auditor")
	b := newBrowser(t, s)
	b.signIn(u.Name, secretPassword)
	out := b.want(200, "POST", "/signin/v1/session/role", fields{"account": s.Account(), "role": "auditor"})
	arn := "arn:aws:sts::" + s.Account() + ":assumed-role/auditor/" + u.Name
	if out["arn"] != arn || at(out, "base", "arn") != u.ARN {
		t.Errorf("switched to %v", out)
	}
	if got := whoami(t, s, b.credentials()); got != arn {
		t.Errorf("credentials of %s", got)
	}
	e := events(t, s, "SwitchRole")
	if len(e) != 1 || at(e[0], "additionalEventData", "SwitchFrom") != u.ARN || at(e[0], "userIdentity", "arn") != arn {
		t.Errorf("events %v", e)
	}
	s.Advance(61 * time.Minute) // the role allows an hour
	b.want(401, "POST", "/signin/v1/session/credentials", fields{})
	if out = b.want(200, "DELETE", "/signin/v1/session/role", nil); out["arn"] != u.ARN {
		t.Errorf("back as %v", out)
	}
	if e := events(t, s, "ExitRole"); len(e) != 1 || at(e[0], "additionalEventData", "ExitFrom") != arn {
		t.Errorf("events %v", e)
	}
	if out := b.want(403, "POST", "/signin/v1/session/role", fields{"account": s.Account(), "role": "no-such-role"}); out["error"] != "AccessDenied" {
		t.Errorf("a role that does not exist: %v", out)
	}
	plain := newUser(t, s, "")
	if _, err := s.Call(s.Root(), "iam", "PutUserPolicy", url.Values{"UserName": {plain.Name}, "PolicyName": {"no"},
		"PolicyDocument": {`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*"}]}`}}); err != nil {
		t.Fatal(err)
	}
	b = newBrowser(t, s)
	b.signIn(plain.Name, secretPassword)
	b.want(403, "POST", "/signin/v1/session/role", fields{"account": s.Account(), "role": "auditor"})
}

// assume calls AssumeRole or GetFederationToken and returns the session document
// of the federation endpoint.
func temporary(t testing.TB, s *bartizantest.Server, as bartizantest.Credentials, action string, in url.Values) (doc string, c bartizantest.Credentials) {
	t.Helper()
	body, err := s.Call(as, "sts", action, in)
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		Credentials struct{ AccessKeyId, SecretAccessKey, SessionToken string }
	}
	var out struct {
		Role       result `xml:"AssumeRoleResult"`
		Federation result `xml:"GetFederationTokenResult"`
		Session    result `xml:"GetSessionTokenResult"`
	}
	if err := xml.Unmarshal(body, &out); err != nil {
		t.Fatal(err)
	}
	for _, r := range []result{out.Role, out.Federation, out.Session} {
		if k := r.Credentials; k.AccessKeyId != "" {
			text, err := json.Marshal(map[string]string{"sessionId": k.AccessKeyId, "sessionKey": k.SecretAccessKey, "sessionToken": k.SessionToken})
			if err != nil {
				t.Fatal(err)
			}
			return string(text), bartizantest.Credentials{AccessKey: k.AccessKeyId, Secret: k.SecretAccessKey, Token: k.SessionToken}
		}
	}
	t.Fatalf("%s answered %s", action, body)
	return "", c
}

func federation(values ...string) string {
	q := url.Values{}
	for i := 0; i < len(values); i += 2 {
		q.Set(values[i], values[i+1])
	}
	return "/federation?" + q.Encode()
}

func TestFederation(t *testing.T) {
	s := bartizantest.New(t)
	u := s.NewUser(allow("sts:AssumeRole", "sts:GetFederationToken"))
	role := newRole(t, s, "broker")
	doc, _ := temporary(t, s, u.Credentials, "AssumeRole", url.Values{"RoleArn": {role}, "RoleSessionName": {"alice"}})
	b := newBrowser(t, s)
	out := b.want(200, "GET", federation("Action", "getSigninToken", "SessionDuration", "43200", "Session", doc), nil)
	token := out["SigninToken"].(string)

	for _, to := range []string{"https://attacker.example/", "//attacker.example/", "https://console.aws.amazon.com.attacker.example/", `https://x\@attacker.example`, "javascript:alert(1)"} {
		if res, out := b.send("GET", federation("Action", "login", "Destination", to, "SigninToken", token), nil); res.StatusCode != 400 || b.cookie != nil {
			t.Errorf("destination %s: %d %v", to, res.StatusCode, out)
		}
	}
	res, _ := b.send("GET", federation("Action", "login", "Issuer", "https://broker.example", "Destination", "https://console.aws.amazon.com/s3/home?region=eu-west-1#/b", "SigninToken", token), nil)
	if res.StatusCode != http.StatusFound || res.Header.Get("Location") != "/s3/home?region=eu-west-1#/b" {
		t.Fatalf("login: %d to %q", res.StatusCode, res.Header.Get("Location"))
	}
	form := newBrowser(t, s) // a broker's page may send the person by a form
	form.header.Set("Origin", "https://broker.example")
	form.header.Set("Sec-Fetch-Site", "cross-site")
	if res, out := form.send("POST", federation("Action", "login", "SigninToken", token), nil); res.StatusCode != http.StatusFound || form.cookie == nil {
		t.Errorf("login by POST: %d %v", res.StatusCode, out)
	}
	arn := "arn:aws:sts::" + s.Account() + ":assumed-role/broker/alice"
	if out := b.want(200, "GET", "/signin/v1/session", nil); out["arn"] != arn || out["issuer"] != "https://broker.example" {
		t.Errorf("session %v", out)
	}
	if e := events(t, s, "GetSigninToken"); len(e) != 1 || at(e[0], "userIdentity", "arn") != arn {
		t.Errorf("events %v", e)
	}
	if e := events(t, s, "ConsoleLogin"); len(e) != 2 || at(e[0], "userIdentity", "type") != "AssumedRole" || at(e[0], "responseElements", "ConsoleLogin") != "Success" {
		t.Errorf("events %v", e)
	}
	s.Advance(11 * time.Hour) // longer than the credentials, as SessionDuration says
	if got := whoami(t, s, b.credentials()); got != arn {
		t.Errorf("credentials of %s", got)
	}
	if res, _ := b.send("GET", federation("Action", "login", "SigninToken", token), nil); res.StatusCode != 400 {
		t.Errorf("the token is good after 15 minutes: %d", res.StatusCode)
	}
	if _, err := s.Call(s.Root(), "iam", "DeleteRole", url.Values{"RoleName": {"broker"}}); err != nil {
		t.Fatal(err)
	}
	b.want(401, "GET", "/signin/v1/session", nil)
}

func TestFederationRefuses(t *testing.T) {
	s := bartizantest.New(t)
	u := s.NewUser(allow("sts:*"))
	first, second := newRole(t, s, "first"), newRole(t, s, "second")
	if _, err := s.Call(s.Root(), "iam", "PutRolePolicy", url.Values{"RoleName": {"first"}, "PolicyName": {"p"}, "PolicyDocument": {allow("sts:AssumeRole")}}); err != nil {
		t.Fatal(err)
	}
	role, creds := temporary(t, s, u.Credentials, "AssumeRole", url.Values{"RoleArn": {first}, "RoleSessionName": {"alice"}})
	chained, _ := temporary(t, s, creds, "AssumeRole", url.Values{"RoleArn": {second}, "RoleSessionName": {"alice"}})
	federated, _ := temporary(t, s, u.Credentials, "GetFederationToken", url.Values{"Name": {"bob"}})
	own, _ := temporary(t, s, u.Credentials, "GetSessionToken", nil)
	b := newBrowser(t, s)
	for _, c := range []struct {
		name   string
		values []string
		status int
	}{
		{"role", []string{"Session", role}, 200},
		{"role, one second too long", []string{"Session", role, "SessionDuration", "43201"}, 400},
		{"role, too short", []string{"Session", role, "SessionDuration", "899"}, 400},
		{"chained", []string{"Session", chained}, 200},
		{"chained with a duration", []string{"Session", chained, "SessionDuration", "3600"}, 400},
		{"federated", []string{"Session", federated}, 200},
		{"federated with a duration", []string{"Session", federated, "SessionDuration", "3600"}, 400},
		{"federated with its own duration", []string{"Session", federated, "DurationSeconds", "900"}, 200},
		{"of GetSessionToken", []string{"Session", own}, 400},
		{"with another secret", []string{"Session", strings.Replace(role, `"sessionKey":"`, `"sessionKey":"x`, 1)}, 403},
		{"no JSON", []string{"Session", "{"}, 400},
		{"an unknown parameter", []string{"Session", role, "Colour", "red"}, 400},
	} {
		if res, out := b.send("GET", federation(append(c.values, "Action", "getSigninToken")...), nil); res.StatusCode != c.status {
			t.Errorf("%s: %d %v, want %d", c.name, res.StatusCode, out, c.status)
		}
	}
	b.want(400, "GET", federation("Action", "login", "SigninToken", "AAAA"), nil)
	b.want(400, "GET", "/federation", nil)
}
