package oidc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// authority signs a certificate for 127.0.0.1, or itself.
func certificate(t *testing.T, parent *x509.Certificate, parentKey *ecdsa.PrivateKey, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if parent == nil {
		parent, parentKey = tmpl, key
		tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign
	} else {
		tmpl.IPAddresses = []net.IP{net.ParseIP(name)}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// issuer is an OpenID provider on 127.0.0.1.
type issuer struct {
	*httptest.Server
	mux      *http.ServeMux
	root     *x509.Certificate
	leaf     *x509.Certificate
	keys     JWKS
	named    string // the issuer that discovery names; "": itself
	jwks     string // the jwks_uri; "": its own
	redirect string // where discovery leads
	asked    int
}

func newIssuer(t *testing.T, secure bool, name string) *issuer {
	t.Helper()
	i := &issuer{mux: http.NewServeMux()}
	i.Server = httptest.NewUnstartedServer(i.mux)
	i.Config.ErrorLog = log.New(io.Discard, "", 0)
	i.mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		i.asked++
		if i.redirect != "" {
			http.Redirect(w, r, i.redirect, http.StatusFound)
			return
		}
		named, jwks := i.named, i.jwks
		if named == "" {
			named = i.URL
		}
		if jwks == "" {
			jwks = i.URL + "/jwks"
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"issuer": named, "jwks_uri": jwks}); err != nil {
			t.Error(err)
		}
	})
	i.mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(i.keys); err != nil {
			t.Error(err)
		}
	})
	i.mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write(make([]byte, maxJWKS+1)); err != nil {
			t.Log(err) // the reader has gone
		}
	})
	if secure {
		root, rootKey := certificate(t, nil, nil, "a private authority")
		leaf, leafKey := certificate(t, root, rootKey, name)
		i.root, i.leaf = root, leaf
		i.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw, root.Raw}, PrivateKey: leafKey}}}
		i.StartTLS()
	} else {
		i.Start()
	}
	t.Cleanup(i.Close)
	return i
}

func TestFetchTrust(t *testing.T) {
	i := newIssuer(t, true, "127.0.0.1")
	i.keys = JWKS{newSigner(t, "ES256").Key()}
	other, _ := certificate(t, nil, nil, "another authority")
	roots := x509.NewCertPool()
	roots.AddCert(i.root)
	for name, tc := range map[string]struct {
		roots  *x509.CertPool
		thumbs []string
		now    time.Time
		want   Checked
	}{
		"the roots":              {roots, nil, time.Now(), ByRoots},
		"the roots before all":   {roots, []string{thumbprint(i.root)}, time.Now(), ByRoots},
		"the authority's":        {x509.NewCertPool(), []string{thumbprint(other), strings.ToUpper(thumbprint(i.root))}, time.Now(), ByThumbprint},
		"the server's own":       {x509.NewCertPool(), []string{thumbprint(i.leaf)}, time.Now(), ByThumbprint},
		"nobody":                 {x509.NewCertPool(), nil, time.Now(), ""},
		"another authority's":    {x509.NewCertPool(), []string{thumbprint(other)}, time.Now(), ""},
		"a certificate too old":  {roots, []string{thumbprint(i.root)}, time.Now().Add(2 * time.Hour), ""},
		"the server's, too old":  {x509.NewCertPool(), []string{thumbprint(i.leaf)}, time.Now().Add(2 * time.Hour), ""},
		"no thumbprint, padding": {x509.NewCertPool(), []string{""}, time.Now(), ""},
	} {
		c := &Client{Roots: tc.roots, Now: func() time.Time { return tc.now }}
		keys, how, err := c.Fetch(t.Context(), Issuer{i.URL, tc.thumbs})
		if how != tc.want || (tc.want == "") != errors.Is(err, ErrThumb) || tc.want != "" && len(keys) != 1 {
			t.Errorf("trusted by %s: %v %q %v", name, keys, how, err)
		}
	}
	wrong := newIssuer(t, true, "127.0.0.2")
	c := &Client{Roots: x509.NewCertPool(), Now: time.Now}
	if _, _, err := c.Fetch(t.Context(), Issuer{wrong.URL, []string{thumbprint(wrong.root)}}); !errors.Is(err, ErrThumb) {
		t.Errorf("a certificate for another name: %v", err)
	}
	if got, err := c.Thumbprint(t.Context(), i.URL); err != nil || got != thumbprint(i.root) {
		t.Errorf("thumbprint %s, %v", got, err)
	}
	i.named = "https://another.example"
	if _, err := c.Thumbprint(t.Context(), i.URL); err == nil {
		t.Error("a thumbprint of another issuer")
	}
}

func TestFetchRefuses(t *testing.T) {
	i := newIssuer(t, false, "")
	i.keys = JWKS{newSigner(t, "ES256").Key()}
	c := &Client{Now: time.Now}
	if keys, how, err := c.Fetch(t.Context(), Issuer{URL: i.URL}); err != nil || how != ByLoopback || len(keys) != 1 {
		t.Fatal(keys, how, err)
	}
	for name, change := range map[string]func(){
		"another issuer":         func() { i.named = i.URL + "/" },
		"keys elsewhere by HTTP": func() { i.jwks = "http://keys.example/jwks" },
		"keys in a file":         func() { i.jwks = "file:///etc/passwd" },
		"a redirect by HTTP":     func() { i.redirect = "http://192.0.2.1/" },
		"redirects without end":  func() { i.redirect = i.URL + "/.well-known/openid-configuration" },
		"keys without end":       func() { i.jwks = i.URL + "/huge" },
		"no keys there":          func() { i.jwks = i.URL + "/nothing" },
	} {
		i.named, i.jwks, i.redirect = "", "", ""
		change()
		if keys, _, err := c.Fetch(t.Context(), Issuer{URL: i.URL}); err == nil {
			t.Errorf("%s: %v", name, keys)
		}
	}
	for _, bad := range []string{"http://192.0.2.1", "https://", "ftp://127.0.0.1", "http://127.0.0.1.example.com", "https://u:p@x.example", "x.example", "https://x.example/#f"} {
		if err := CheckURL(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	for _, good := range []string{"https://x.example", "https://x.example:8443/a/b", "http://localhost:1", "http://[::1]:1/x"} {
		if err := CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
}

func TestCache(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	first, second := newSigner(t, "ES256"), newSigner(t, "ES256")
	keys, broken, asked := JWKS{first.Key()}, error(nil), 0
	c := NewCache(func(context.Context, Issuer) (JWKS, Checked, error) {
		asked++
		return keys, ByRoots, broken
	}, func() time.Time { return now })
	old, fresh := sign(t, first, map[string]string{}), sign(t, second, map[string]string{})
	i := Issuer{URL: "https://issuer.example"}
	check := func(step, token string, good bool, want int) {
		t.Helper()
		u, err := Parse(token)
		if err != nil {
			t.Fatal(err)
		}
		_, how, err := c.Verify(t.Context(), u, i, all)
		if (err == nil) != good || good && how != ByRoots || asked != want {
			t.Errorf("%s: %v, asked %d times, want %v and %d", step, err, asked, good, want)
		}
	}
	broken = ErrIssuer
	check("the issuer is down from the start", old, false, 1)
	check("and is left in peace", old, false, 1)
	now, broken = now.Add(restFor), nil
	check("it is back", old, true, 2)
	check("its keys are kept", old, true, 2)
	check("a kid that is unknown so soon after", fresh, false, 2)
	now, keys = now.Add(restFor), JWKS{second.Key()}
	check("the old key is still kept", old, true, 2)
	check("a key that is new", fresh, true, 3)
	check("the old key is gone", old, false, 3)
	now, broken = now.Add(freshFor), ErrIssuer
	check("the issuer is down after an hour", fresh, true, 4)
	now = now.Add(staleFor - freshFor - time.Second)
	check("and for a day", fresh, true, 5)
	now = now.Add(restFor)
	check("but no longer", fresh, false, 6)
	i.Thumbprints = []string{"x"}
	check("other trust, other keys", fresh, false, 7)
	for n := range maxIssuers + 10 {
		c.entry(Issuer{URL: string(rune(n + 1000))})
	}
	if len(c.entries) > maxIssuers {
		t.Errorf("%d issuers are kept", len(c.entries))
	}
}
