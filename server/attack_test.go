package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bartizan.dev/oidc"
	"bartizan.dev/sigv4"
	"bartizan.dev/trail"
)

// newWebIssuer is an OpenID Connect provider on this machine, which the account
// of who knows and its role web trusts.
func (c *client) newWebIssuer(who sigv4.Credentials) (token func(audience string) string) {
	c.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	signer, err := oidc.NewSigner("ES256", key)
	if err != nil {
		c.t.Fatal(err)
	}
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	c.t.Cleanup(web.Close)
	for path, v := range map[string]any{
		"/.well-known/openid-configuration": map[string]string{"issuer": web.URL, "jwks_uri": web.URL + "/jwks"},
		"/jwks":                             oidc.JWKS{signer.Key()},
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			if err := json.NewEncoder(w).Encode(v); err != nil {
				c.t.Error(err)
			}
		})
	}
	provider := c.must(c.query(who, "iam", "CreateOpenIDConnectProvider", "Url="+web.URL, "ClientIDList.member.1=app")).leaf["OpenIDConnectProviderArn"]
	c.must(c.query(who, "iam", "CreateRole", "RoleName=web", `AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Federated":"`+provider+`"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`))
	return func(audience string) string {
		now := time.Now()
		text, err := signer.Sign(map[string]any{"iss": web.URL, "sub": "ann", "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
		if err != nil {
			c.t.Fatal(err)
		}
		return text
	}
}

// TestSignatureAndTokenDoNotMix: whoever signs a call that AWS leaves unsigned
// and shows a token is its bearer and nothing else: neither what the signer may
// do nor what it may not do counts, and the record does not name the signer. A
// token that is not good does not fall back on the signature.
func TestSignatureAndTokenDoNotMix(t *testing.T) {
	c := newClient(t)
	token := c.newWebIssuer(devKeys)
	ask := func(who sigv4.Credentials, token string) *reply {
		return c.query(who, "sts", "AssumeRoleWithWebIdentity", "RoleArn=arn:aws:iam::"+DefaultAccount+":role/web", "RoleSessionName=ann", "WebIdentityToken="+token)
	}
	nobody := c.user("nobody", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`)
	boss := c.user("boss", allow("*", "*"))
	got := c.must(ask(nobody, token("app")))
	if got.leaf["Arn"] != "arn:aws:sts::"+DefaultAccount+":assumed-role/web/ann" || strings.Contains(got.body, "nobody") {
		t.Errorf("answer %s", got.body)
	}
	c.refused(ask(boss, token("another")), "InvalidIdentityToken")
	c.refused(ask(boss, token("app")+"x"), "InvalidIdentityToken")
	c.refused(ask(sigv4.Credentials{AccessKey: boss.AccessKey, Secret: "wrong"}, token("app")), "SignatureDoesNotMatch")

	page, err := c.trail.Lookup(t.Context(), trail.Query{Account: DefaultAccount, Region: "us-east-1", Attribute: trail.EventName, Value: "AssumeRoleWithWebIdentity", Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	granted := 0
	for _, e := range page.Events {
		doc := string(e.JSON)
		if strings.Contains(doc, `"errorCode"`) {
			if strings.Contains(doc, `"type":"WebIdentityUser"`) {
				t.Errorf("a bearer whose token is not good: %s", doc)
			}
			continue
		}
		granted++
		if !strings.Contains(doc, `"type":"WebIdentityUser"`) || strings.Contains(doc, "nobody") || e.AccessKeyID != "" || strings.Contains(doc, nobody.AccessKey) {
			t.Errorf("the signer is in the event: %s", doc)
		}
	}
	if granted != 1 {
		t.Errorf("%d sessions in the trail", granted)
	}
}

// TestClosedAccount: in an account that is closed nobody is let in by any
// credentials, nor stays in.
func TestClosedAccount(t *testing.T) {
	c := newClient(t)
	t.Cleanup(c.later(t.Context()))
	admin := c.user("admin", allow("*", "*"))
	c.orgCall("CreateOrganization", map[string]any{"FeatureSet": "ALL"})
	member, in := c.memberAccount(admin, "member")
	c.must(c.query(in, "iam", "CreateUser", "UserName=ann"))
	c.must(c.query(in, "iam", "PutUserPolicy", "UserName=ann", "PolicyName=p", "PolicyDocument="+allow("*", "*")))
	c.must(c.query(in, "iam", "CreateLoginProfile", "UserName=ann", "Password=Correct-Horse-7"))
	key := c.must(c.query(in, "iam", "CreateAccessKey", "UserName=ann")).creds()
	session := c.must(c.query(key, "sts", "GetSessionToken")).creds()
	signIn := func() *http.Response {
		t.Helper()
		r := httptest.NewRequest("POST", "http://localhost/signin/v1/session", strings.NewReader(`{"account":"`+member+`","user":"ann","password":"Correct-Horse-7"}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		return w.Result()
	}
	still := func(cookie *http.Cookie) int {
		r := httptest.NewRequest("GET", "http://localhost/signin/v1/session", nil)
		r.AddCookie(cookie)
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		return w.Code
	}
	entered := signIn()
	if entered.StatusCode != 200 || len(entered.Cookies()) != 1 || still(entered.Cookies()[0]) != 200 {
		t.Fatal(entered)
	}
	for _, who := range []sigv4.Credentials{key, in} {
		c.must(c.query(who, "iam", "ListUsers"))
	}
	c.orgCall("CloseAccount", map[string]any{"AccountId": member})
	for _, who := range []sigv4.Credentials{key, session, in} {
		if got := c.lookup(who); got.status == 200 {
			t.Errorf("credentials of a closed account: %s", got.body)
		}
	}
	for _, who := range []sigv4.Credentials{key, in} {
		c.refused(c.query(who, "iam", "ListUsers"), "AccessDenied")
		c.refused(c.query(who, "sts", "AssumeRole", "RoleArn=arn:aws:iam::"+member+":role/OrganizationAccountAccessRole", "RoleSessionName=again"), "AccessDenied")
	}
	c.refused(c.query(admin, "sts", "AssumeRole", "RoleArn=arn:aws:iam::"+member+":role/OrganizationAccountAccessRole", "RoleSessionName=again"), "AccessDenied")
	if got := still(entered.Cookies()[0]); got != 401 {
		t.Errorf("the console's session: %d", got)
	}
	if got := signIn().StatusCode; got != 401 {
		t.Errorf("sign-in: %d", got)
	}
}

// TestResourceControlBindsBearers: a resource control policy holds for who comes
// with a token, whom no policy of an account's own could refuse.
func TestResourceControlBindsBearers(t *testing.T) {
	c := newClient(t)
	t.Cleanup(c.later(t.Context()))
	admin := c.user("admin", allow("*", "*"))
	c.orgCall("CreateOrganization", map[string]any{"FeatureSet": "ALL"})
	root := at(c.orgCall("ListRoots", map[string]any{}), "Roots", 0, "Id").(string)
	c.orgCall("EnablePolicyType", map[string]any{"RootId": root, "PolicyType": "RESOURCE_CONTROL_POLICY"})
	member, in := c.memberAccount(admin, "member")
	token := c.newWebIssuer(in)
	ask := func() *reply {
		return c.query(devKeys, "sts", "AssumeRoleWithWebIdentity", "RoleArn=arn:aws:iam::"+member+":role/web", "RoleSessionName=ann", "WebIdentityToken="+token("app"))
	}
	c.must(ask())
	c.attach("RESOURCE_CONTROL_POLICY", "noBearers", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRoleWithWebIdentity","Resource":"*"}]}`, root)
	c.refused(ask(), "Not authorized to perform sts:AssumeRoleWithWebIdentity")
}
