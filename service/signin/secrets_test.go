package signin_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"encoding/json"
	"encoding/pem"
	"encoding/xml"
	"io"
	"io/fs"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bartizan.dev/bartizantest"
	"bartizan.dev/oidc"
	"bartizan.dev/saml/samltest"
	"bartizan.dev/server"
)

// secrets are texts that must not be found in trail or log, by what they are.
type secrets struct {
	t     testing.TB
	s     *bartizantest.Server
	known map[string]string
}

func (k *secrets) keep(what, text string) string {
	k.t.Helper()
	if len(text) < 6 {
		k.t.Fatalf("no %s: %q", what, text)
	}
	k.known[what] = text
	return text
}

// call makes a call of IAM or STS and returns the text of an element of the
// answer, "" for one that is refused.
func (k *secrets) call(as bartizantest.Credentials, service, action, element string, in ...string) string {
	k.t.Helper()
	form := url.Values{}
	for i := 0; i < len(in); i += 2 {
		form.Set(in[i], in[i+1])
	}
	body, err := k.s.Call(as, service, action, form)
	if err != nil {
		return ""
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		token, err := d.Token()
		if err != nil {
			return ""
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == element {
			var text string
			if err := d.DecodeElement(&text, &e); err != nil {
				k.t.Fatal(err)
			}
			return text
		}
	}
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.Write(p)
}

// TestSecretsStayOut signs in in every way there is, well and badly, makes every
// kind of credential, and then looks for all that was secret in everything that
// the server has written: trail, evidence of denials, log.
func TestSecretsStayOut(t *testing.T) {
	log, data := &lockedBuffer{}, ""
	s := bartizantest.New(t, func(o *server.Options) {
		data = o.Data
		o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	k := &secrets{t: t, s: s, known: map[string]string{"password": secretPassword}}
	k.people()
	k.tools()
	k.federation()
	k.keys()

	var written strings.Builder
	err := filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || !strings.Contains(path, "trail") {
			return err
		}
		text, err := os.ReadFile(path)
		written.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	log.Lock()
	defer log.Unlock()
	for where, text := range map[string]string{"trail": written.String(), "log": log.String()} {
		for what, secret := range k.known {
			if strings.Contains(text, secret) {
				at := strings.Index(text, secret)
				t.Errorf("the %s holds the %s: …%s…", where, what, text[max(0, at-200):min(len(text), at+len(secret)+50)])
			}
		}
	}
	for _, name := range []string{"ConsoleLogin", "CheckMfa", "GetSigninToken", "CreateOAuth2Token", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "CreateVirtualMFADevice", "GetWebIdentityToken", "UploadServerCertificate", "ChangePassword"} {
		if !strings.Contains(written.String(), name) {
			t.Errorf("the trail holds no %s: this test proves nothing of it", name)
		}
	}
}

// people sign in with passwords and codes.
func (k *secrets) people() {
	s := k.s
	u := newUser(k.t, s, allow("*"))
	b := newBrowser(k.t, s)
	b.want(401, "POST", "/signin/v1/session", login(u.Name, k.keep("wrong password", "Wrong-Horse-77")))
	b.want(401, "POST", "/signin/v1/session", login(k.keep("password typed as a name", "Oops-Typed-Here-1"), "x"))
	serial, seed := newVirtual(k.t, s, u.Name)
	k.keep("seed", base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(seed))
	out := b.want(200, "POST", "/signin/v1/session", login(u.Name, secretPassword))
	step := k.keep("step token", out["step"].(string))
	b.want(401, "POST", "/signin/v1/session/mfa", fields{"step": step, "serialNumber": serial, "code": "000000"})
	s.Advance(2 * time.Minute)
	code := totp(seed, s.Now())
	b.want(200, "POST", "/signin/v1/session/mfa", fields{"step": step, "serialNumber": serial, "code": code})
	k.keep("code", `"`+code+`"`)
	k.keep("cookie", b.cookie.Value)
	k.keep("CSRF token", b.csrf)
	k.keep("key of the console's credentials", b.credentials().Secret)

	s.Advance(2 * time.Minute)
	code = totp(seed, s.Now())
	k.keep("code for STS", `"`+code+`"`)
	k.keep("session's key", k.call(u.Credentials, "sts", "GetSessionToken", "SecretAccessKey", "SerialNumber", serial, "TokenCode", code))
	k.call(u.Credentials, "sts", "GetSessionToken", "SecretAccessKey", "SerialNumber", serial, "TokenCode", "000000")
	k.call(u.Credentials, "iam", "ChangePassword", "", "OldPassword", secretPassword, "NewPassword", k.keep("new password", "Newer-Horse-9"))
	k.call(u.Credentials, "iam", "ChangePassword", "", "OldPassword", "Wrong-Horse-77", "NewPassword", k.keep("refused password", "Short"+"-H9"))
	k.call(s.Root(), "iam", "UpdateLoginProfile", "", "UserName", u.Name, "Password", k.keep("reset password", "Reset-Horse-10"), "PasswordResetRequired", "true")
}

// tools are let in by `aws login`.
func (k *secrets) tools() {
	u := newUser(k.t, k.s, allow("*"))
	b := newBrowser(k.t, k.s)
	b.signIn(u.Name, secretPassword)
	a := newTool(k.t, k.s, sameDevice)
	a.verifier = k.keep("code verifier", strings.Repeat("Verifying", 8))
	code := k.keep("authorization code", a.code(b))
	status, out := a.redeem(code)
	if status != 200 {
		k.t.Fatal(status, out)
	}
	k.keep("key of aws login", credentialsOf(out).Secret)
	k.keep("id token", out["idToken"].(string))
	first := k.keep("refresh token", out["refreshToken"].(string))
	if status, out = a.refresh(first); status != 200 {
		k.t.Fatal(status, out)
	}
	k.keep("refreshed key", credentialsOf(out).Secret)
	k.keep("newer refresh token", out["refreshToken"].(string))
	a.redeem(code)
	call(k.t, k.s, u.Credentials, "signin", "POST", "/v1/introspect?x-amz-client-auth-method=iam", nil, fields{"token": first}, 200)
	call(k.t, k.s, u.Credentials, "signin", "POST", "/v1/revoke?x-amz-client-auth-method=iam", nil, fields{"token": first}, 200)
	other := newTool(k.t, k.s, sameDevice)
	other.refresh(out["refreshToken"])
}

// federation lets in who others vouch for.
func (k *secrets) federation() {
	s := k.s
	u := s.NewUser(allow("*"))
	role := newRole(k.t, s, "broker")
	doc, c := temporary(k.t, s, u.Credentials, "AssumeRole", url.Values{"RoleArn": {role}, "RoleSessionName": {"alice"}, "ExternalId": {"an-external-id"}})
	k.keep("role's key", c.Secret)
	b := newBrowser(k.t, s)
	token := k.keep("sign-in token", b.want(200, "GET", federation("Action", "getSigninToken", "Session", doc), nil)["SigninToken"].(string))
	b.want(400, "GET", federation("Action", "login", "SigninToken", token, "Destination", "https://attacker.example"), nil)
	b.want(302, "GET", federation("Action", "login", "SigninToken", token), nil)
	b.want(403, "GET", federation("Action", "getSigninToken", "Session", strings.Replace(doc, c.Secret, k.keep("wrong key", "wrongSecretKey12345"), 1)), nil)

	idp := samltest.New(samltest.RSA(2048))
	samlARN := k.call(s.Root(), "iam", "CreateSAMLProvider", "SAMLProviderArn", "Name", "corp", "SAMLMetadataDocument", idp.Metadata())
	web := k.issuer()
	webARN := k.call(s.Root(), "iam", "CreateOpenIDConnectProvider", "OpenIDConnectProviderArn", "Url", web.url, "ClientIDList.member.1", "app")
	trusted := "arn:aws:iam::" + s.Account() + ":role/trusted"
	k.call(s.Root(), "iam", "CreateRole", "", "RoleName", "trusted", "AssumeRolePolicyDocument", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Federated":"`+samlARN+`"},"Action":"sts:AssumeRoleWithSAML"},
		{"Effect":"Allow","Principal":{"Federated":"`+webARN+`"},"Action":"sts:AssumeRoleWithWebIdentity"}]}`)
	for i, refused := range []bool{false, true} {
		p := samltest.NewParts(s.Now())
		p.AssertionID = "_" + rand.Text()
		p.Attributes = samltest.Attribute("https://aws.amazon.com/SAML/Attributes/RoleSessionName", "ann") +
			samltest.Attribute("https://aws.amazon.com/SAML/Attributes/Role", trusted+","+samlARN)
		if refused {
			p.Audience = "somebody else"
		}
		assertion := k.keep("assertion "+string(rune('0'+i)), samltest.Encoded(idp.Respond(p, false, true)))
		got := k.unsigned("AssumeRoleWithSAML", "RoleArn", trusted, "PrincipalArn", samlARN, "SAMLAssertion", assertion)
		if (got == "") != refused {
			k.t.Errorf("assertion %d gave %q", i, got)
		}
		token := k.keep("web identity token "+string(rune('0'+i)), web.token(k.t, map[bool]string{false: "app", true: "another"}[refused]))
		if got := k.unsigned("AssumeRoleWithWebIdentity", "RoleArn", trusted, "RoleSessionName", "ann", "WebIdentityToken", token); (got == "") != refused {
			k.t.Errorf("token %d gave %q", i, got)
		} else if got != "" {
			k.keep("web identity's key", got)
		}
	}
}

// issuer is an OpenID Connect provider on this machine.
type issuer struct {
	url    string
	signer *oidc.Signer
}

func (k *secrets) issuer() *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		k.t.Fatal(err)
	}
	i := &issuer{}
	if i.signer, err = oidc.NewSigner("ES256", key); err != nil {
		k.t.Fatal(err)
	}
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	k.t.Cleanup(web.Close)
	i.url = web.URL
	answer := func(v any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if err := json.NewEncoder(w).Encode(v); err != nil {
				k.t.Error(err)
			}
		}
	}
	mux.HandleFunc("/.well-known/openid-configuration", answer(map[string]string{"issuer": i.url, "jwks_uri": i.url + "/jwks"}))
	mux.HandleFunc("/jwks", answer(oidc.JWKS{i.signer.Key()}))
	return i
}

func (i *issuer) token(t testing.TB, audience string) string {
	t.Helper()
	now := time.Now()
	token, err := i.signer.Sign(map[string]any{"iss": i.url, "sub": "ann", "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": rand.Text()})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// unsigned makes a call of STS that AWS leaves unsigned and returns the secret
// key of the answer.
func (k *secrets) unsigned(action string, in ...string) string {
	k.t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2011-06-15"}}
	for i := 0; i < len(in); i += 2 {
		form.Set(in[i], in[i+1])
	}
	r, err := http.NewRequestWithContext(k.t.Context(), "POST", k.s.URL(), strings.NewReader(form.Encode()))
	if err != nil {
		k.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(body), "<SecretAccessKey>")
	key, _, _ := strings.Cut(rest, "<")
	if key == "" {
		k.t.Logf("%s: %s", action, body)
	}
	return key
}

// keys are what IAM gives out and takes in.
func (k *secrets) keys() {
	s := k.s
	u := s.NewUser("")
	k.keep("access key", u.Credentials.Secret)
	k.keep("new access key", k.call(s.Root(), "iam", "CreateAccessKey", "SecretAccessKey", "UserName", u.Name))
	k.keep("service password", k.call(s.Root(), "iam", "CreateServiceSpecificCredential", "ServicePassword", "UserName", u.Name, "ServiceName", "codecommit.amazonaws.com"))
	cert, key := keyPair(k.t)
	k.call(s.Root(), "iam", "UploadServerCertificate", "", "ServerCertificateName", "web", "CertificateBody", cert, "PrivateKey", key)
	k.keep("private key", strings.Split(key, "\n")[1])
	k.call(s.Root(), "iam", "EnableOutboundWebIdentityFederation", "")
	admin := s.NewUser(allow("*"))
	k.keep("outbound token", k.call(admin.Credentials, "sts", "GetWebIdentityToken", "WebIdentityToken", "Audience.member.1", "https://x.example", "SigningAlgorithm", "ES384"))
	k.keep("federated user's key", k.call(admin.Credentials, "sts", "GetFederationToken", "SecretAccessKey", "Name", "fed", "Policy", allow("iam:ListUsers")))
}

// keyPair is a server certificate and its key, in PEM.
func keyPair(t testing.TB) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "web"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}
