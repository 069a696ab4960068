package federation

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
	"bartizan.dev/oidc"
)

// TestPrivateAuthority: an issuer whose certificate no root vouches for is
// trusted by the thumbprint that IAM found when the provider was made, and no
// longer when another is put in its place.
func TestPrivateAuthority(t *testing.T) {
	s := bartizantest.New(t)
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := oidc.NewSigner("ES384", key)
	if err != nil {
		t.Fatal(err)
	}
	issuer := newIssuer(t, signer)
	provider := call(t, s, s.Root(), "iam", "CreateOpenIDConnectProvider", url.Values{"Url": {issuer.URL}, "ClientIDList.member.1": {"app"}}, "OpenIDConnectProviderArn")
	role := call(t, s, s.Root(), "iam", "CreateRole", url.Values{"RoleName": {"web"}, "AssumeRolePolicyDocument": {
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},"Action":"sts:AssumeRoleWithWebIdentity"}}`}}, "Arn")
	call(t, s, s.Root(), "iam", "PutRolePolicy", url.Values{"RoleName": {"web"}, "PolicyName": {"p"}, "PolicyDocument": {
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:GetRole","Resource":"*","Condition":{"StringEquals":{"` + strings.TrimPrefix(issuer.URL, "https://") + `:sub":"ann"}}}}`}}, "")
	token, err := signer.Sign(map[string]any{"iss": issuer.URL, "aud": "app", "sub": "ann", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	ask := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {"ann"}, "WebIdentityToken": {token}}
	body := post(t, s, ask)
	ann := bartizantest.Credentials{AccessKey: text(t, body, "AccessKeyId"), Secret: text(t, body, "SecretAccessKey"), Token: text(t, body, "SessionToken")}
	if got := text(t, body, "Provider"); got != provider {
		t.Errorf("provider %s", got)
	}
	if _, err := s.Call(ann, "iam", "GetRole", url.Values{"RoleName": {"web"}}); err != nil {
		t.Errorf("what the role may do, by the subject its session keeps: %v", err)
	}
	if _, err := s.Call(ann, "iam", "ListUsers", nil); code(err) != "AccessDenied" {
		t.Errorf("what the role may not do: %v", err)
	}
	call(t, s, s.Root(), "iam", "UpdateOpenIDConnectProviderThumbprint", url.Values{"OpenIDConnectProviderArn": {provider}, "ThumbprintList.member.1": {strings.Repeat("a", 40)}}, "")
	if body := post(t, s, ask); !strings.Contains(body, "HTTPS certificate doesn&#39;t match configured thumbprint") && !strings.Contains(body, "HTTPS certificate doesn't match configured thumbprint") {
		t.Errorf("another thumbprint: %s", body)
	}
}

// newIssuer is an issuer behind a certificate that vouches for itself.
func newIssuer(t *testing.T, signer *oidc.Signer) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	issuer := httptest.NewUnstartedServer(mux)
	issuer.Config.ErrorLog = log.New(io.Discard, "", 0) // of those who do not trust it
	answer := func(path string, v func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			if err := json.NewEncoder(w).Encode(v()); err != nil {
				t.Error(err)
			}
		})
	}
	answer("/.well-known/openid-configuration", func() any {
		return map[string]string{"issuer": issuer.URL, "jwks_uri": issuer.URL + "/keys"}
	})
	answer("/keys", func() any { return oidc.JWKS{signer.Key()} })
	issuer.StartTLS()
	t.Cleanup(issuer.Close)
	return issuer
}

// call calls and returns the text of an element of the answer.
func call(t *testing.T, s *bartizantest.Server, as bartizantest.Credentials, service, action string, in url.Values, element string) string {
	t.Helper()
	body, err := s.Call(as, service, action, in)
	if err != nil {
		t.Fatalf("%s: %v", action, err)
	}
	if element == "" {
		return ""
	}
	return text(t, string(body), element)
}

// post asks without a signature.
func post(t *testing.T, s *bartizantest.Server, form url.Values) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, body := read(t, http.DefaultClient, r)
	return body
}

func text(t *testing.T, body, element string) string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			t.Fatalf("no %s in %s", element, body)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == element {
			var v string
			if err := d.DecodeElement(&v, &start); err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*bartizantest.Error](err); ok {
		return e.Code
	}
	return ""
}
