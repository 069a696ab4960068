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

// newWebIssuer is an OpenID Connect provider on this machine, which IAM knows
// and the role web trusts.
func (c *client) newWebIssuer() (token func(audience string) string) {
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
	provider := c.root("CreateOpenIDConnectProvider", "Url="+web.URL, "ClientIDList.member.1=app").leaf["OpenIDConnectProviderArn"]
	c.root("CreateRole", "RoleName=web", `AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Federated":"`+provider+`"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`)
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
	token := c.newWebIssuer()
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
