package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

var today = time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)

func name(common string) pkix.Name {
	return pkix.Name{Country: []string{"DE"}, Organization: []string{"Example"}, CommonName: common}
}

func issue(t testing.TB, a *Authority, r Request) *x509.Certificate {
	t.Helper()
	l, err := a.Lint(&r)
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Issue(l)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// authority makes a root and an intermediate below it.
func newAuthority(t testing.TB, alg KeyAlgorithm) (root, sub *Authority) {
	t.Helper()
	key := make([]*Authority, 2)
	for i := range key {
		k, err := NewKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		key[i] = &Authority{Signer: k}
	}
	root, sub = key[0], key[1]
	root.Certificate = issue(t, root, Request{Profile: Root(), Public: root.Signer.Public(), Subject: name("Example Root"), NotBefore: today})
	sub.Certificate = issue(t, root, Request{Profile: Intermediate(0), Public: sub.Signer.Public(), Subject: name("Example Issuer"), NotBefore: today})
	sub.CRL, sub.OCSP, sub.Issuer = "http://crl.example.com/1.crl", "http://ocsp.example.com", "http://crt.example.com/1.cer"
	return root, sub
}

// TestProfiles: every profile with every kind of key passes its lints and chains
// to its root.
func TestProfiles(t *testing.T) {
	for _, alg := range []KeyAlgorithm{P256, P384, P521, RSA2048} {
		root, sub := newAuthority(t, alg)
		roots, between := x509.NewCertPool(), x509.NewCertPool()
		roots.AddCert(root.Certificate)
		between.AddCert(sub.Certificate)
		for _, p := range []*Profile{Private(), Public(), Responder()} {
			if p.public && alg == P521 {
				continue // below: the public may not have it
			}
			k, err := NewKey(alg)
			if err != nil {
				t.Fatal(err)
			}
			r := Request{Profile: p, Public: k.Public(), NotBefore: today, Subject: name("responder")}
			if p.serves() {
				r.Subject, r.DNSNames = pkix.Name{CommonName: "www.example.com"}, []string{"www.example.com", "*.example.com"}
			}
			by := sub
			c := issue(t, by, r)
			if got := c.NotAfter.Sub(c.NotBefore) + time.Second; got != p.Lasts(today) {
				t.Errorf("%s %s lasts %v", alg, p.Name, got)
			}
			if !p.serves() {
				continue
			}
			if _, err := c.Verify(x509.VerifyOptions{DNSName: "a.example.com", Roots: roots, Intermediates: between, CurrentTime: today.Add(time.Hour)}); err != nil {
				t.Errorf("%s %s: %v", alg, p.Name, err)
			}
		}
	}
}

func TestCalendar(t *testing.T) {
	for day, want := range map[string]int{"2026-12-01": 198, "2027-03-14": 198, "2027-03-15": 100, "2029-03-14": 100, "2029-03-15": 47} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := int(Public().Lasts(at) / Day); got != want {
			t.Errorf("%s: %d days", day, got)
		}
	}
	if Private().Lasts(today) != 395*Day {
		t.Error("private certificates last thirteen months")
	}
}

// TestLintsRefuse: what is wrong is not signed, and the error names it.
func TestLintsRefuse(t *testing.T) {
	root, sub := newAuthority(t, P256)
	weak, err := ParseKey([]byte(weakKey))
	if err != nil {
		t.Fatal(err)
	}
	good := Request{Profile: Public(), Public: sub.Signer.Public(), NotBefore: today, Subject: pkix.Name{CommonName: "www.example.com"}, DNSNames: []string{"www.example.com"}}
	for text, change := range map[string]func(*Request){
		"not_valid_tld":                    func(r *Request) { r.DNSNames, r.Subject.CommonName = []string{"db.intern"}, "db.intern" },
		"underscore":                       func(r *Request) { r.DNSNames, r.Subject.CommonName = []string{"a_b.example.com"}, "a_b.example.com" },
		"rsa_mod_less_than_2048":           func(r *Request) { r.Public = weak.Public() },
		"common_name_not_exactly_from_san": func(r *Request) { r.Subject.CommonName = "other.example.com" },
		"san_missing":                      func(r *Request) { r.DNSNames = nil },
		"allow a certificate":              func(r *Request) { r.Lasts = 199 * Day },
		"e_ext_san_contains_reserv":        func(r *Request) { r.IPs = []net.IP{net.IPv4(10, 0, 0, 1)} },
	} {
		r := good
		change(&r)
		if _, err := sub.Lint(&r); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := root.Lint(&Request{Profile: Private(), Public: sub.Signer.Public(), NotBefore: today, Lasts: 4000 * Day, Subject: name("x"), DNSNames: []string{"x.intern"}}); !errors.Is(err, errValidity) {
		t.Error(err)
	}
}

// TestOnlyLinted: a signature is made once, by the authority that had it linted,
// and of the bytes that were linted.
func TestOnlyLinted(t *testing.T) {
	root, sub := newAuthority(t, P256)
	r := Request{Profile: Private(), Public: sub.Signer.Public(), NotBefore: today, Subject: name("x"), DNSNames: []string{"x.intern"}}
	lint := func() *Linted {
		l, err := sub.Lint(&r)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := lint()
	if _, err := root.Issue(l); !errors.Is(err, errUsed) {
		t.Error(err)
	}
	if _, err := sub.Issue(l); err != nil {
		t.Error(err)
	}
	if _, err := sub.Issue(l); !errors.Is(err, errUsed) {
		t.Error(err)
	}
	l = lint()
	l.template.DNSNames = []string{"y.intern"}
	if _, err := sub.Issue(l); !errors.Is(err, errAnother) {
		t.Error(err)
	}
	if _, err := sub.Issue(new(Linted)); !errors.Is(err, errUsed) {
		t.Error(err)
	}
}

// TestConstraints: names outside an intermediate's are refused by verifiers.
func TestConstraints(t *testing.T) {
	root, sub := newAuthority(t, P256)
	sub.Certificate = issue(t, root, Request{Profile: Intermediate(0), Public: sub.Signer.Public(), Subject: name("Example Issuer"), NotBefore: today, Constraints: Constraints{PermittedDNS: []string{"example.com"}}})
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(root.Certificate)
	between.AddCert(sub.Certificate)
	for host, ok := range map[string]bool{"a.example.com": true, "a.example.org": false} {
		c := issue(t, sub, Request{Profile: Private(), Public: sub.Signer.Public(), NotBefore: today, Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}})
		_, err := c.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, Intermediates: between, CurrentTime: today.Add(time.Hour)})
		if (err == nil) != ok {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestRevocation(t *testing.T) {
	root, sub := newAuthority(t, P256)
	c := issue(t, sub, Request{Profile: Private(), Public: sub.Signer.Public(), NotBefore: today, Subject: name("x"), DNSNames: []string{"x.intern"}})
	gone := Revoked{Serial: c.SerialNumber, At: today.Add(time.Hour), Reason: 1}
	der, err := sub.List(big.NewInt(7), today.Add(2*time.Hour), 24*time.Hour, []Revoked{gone})
	if err != nil {
		t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil || list.CheckSignatureFrom(sub.Certificate) != nil || len(list.RevokedCertificateEntries) != 1 || list.RevokedCertificateEntries[0].ReasonCode != 1 {
		t.Error(err, list)
	}
	ask, err := ocsp.CreateRequest(c, sub.Certificate, nil)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := sub.Asked(ask)
	if err != nil || serial.Cmp(c.SerialNumber) != 0 {
		t.Error(serial, err)
	}
	if _, err := root.Asked(ask); !errors.Is(err, ErrOCSP) {
		t.Error("another's certificate:", err)
	}
	for _, k := range []struct {
		known bool
		r     *Revoked
		want  int
	}{{true, nil, ocsp.Good}, {true, &gone, ocsp.Revoked}, {false, nil, ocsp.Unknown}} {
		der, err := sub.Answer(serial, k.known, k.r, today, 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ocsp.ParseResponseForCert(der, c, sub.Certificate)
		if err != nil || got.Status != k.want {
			t.Error(k, got, err)
		}
	}
}

func FuzzAsked(f *testing.F) {
	_, sub := newAuthority(f, P256)
	ask, err := ocsp.CreateRequest(sub.Certificate, sub.Certificate, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ask)
	f.Fuzz(func(t *testing.T, b []byte) {
		if serial, err := sub.Asked(b); err == nil && serial == nil {
			t.Error("no serial")
		}
	})
}

func BenchmarkIssue(b *testing.B) {
	_, sub := newAuthority(b, P256)
	r := Request{Profile: Public(), Public: sub.Signer.Public(), NotBefore: today, Subject: pkix.Name{CommonName: "www.example.com"}, DNSNames: []string{"www.example.com"}}
	for b.Loop() {
		issue(b, sub, r)
	}
}
