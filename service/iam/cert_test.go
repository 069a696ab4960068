package iam

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// issued is a certificate with its key, as text and as what it is.
type issued struct {
	cert      *x509.Certificate
	key       crypto.Signer
	body, pem string // the certificate and the key in PEM
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate signed by signer, or by itself. It is valid for the
// fixture's year unless change says otherwise.
func issue(t testing.TB, name string, key crypto.Signer, signer *issued, change func(*x509.Certificate)) *issued {
	t.Helper()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		BasicConstraintsValid: true, IsCA: strings.HasSuffix(name, "CA"),
	}
	if change != nil {
		change(template)
	}
	parent, by := template, key
	if signer != nil {
		parent, by = signer.cert, signer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &issued{
		cert: cert, key: key, body: string(pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der})),
		pem: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})),
	}
}

func TestParseCertificates(t *testing.T) {
	c := issue(t, "a", newKey(t), nil, nil)
	for name, x := range map[string]struct {
		text  string
		limit int
		n     int
	}{
		"one":               {c.body, 1, 1},
		"spaces around":     {"\n  " + c.body + "\n", 1, 1},
		"two":               {c.body + "\r\n" + c.body, 2, 2},
		"too many":          {c.body + c.body, 1, 0},
		"text before":       {"Certificate:\n" + c.body, 1, 0},
		"text between":      {c.body + "text\n" + c.body, 2, 0},
		"text after":        {c.body + "text", 1, 0},
		"a key":             {c.pem, 1, 0},
		"a key behind":      {c.body + c.pem, 2, 0},
		"nothing":           {"", 1, 0},
		"cut off":           {c.body[:200], 1, 0},
		"with headers":      {strings.Replace(c.body, "-----\n", "-----\nA: b\n\n", 1), 1, 0},
		"no certificate":    {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 1, 0},
		"base64 with holes": {strings.Replace(c.body, "M", "!", 1), 1, 0},
	} {
		list, err := parseCertificates(x.text, x.limit)
		if len(list) != x.n || (err == nil) != (x.n > 0) {
			t.Errorf("%s: %d certificates, %v", name, len(list), err)
		}
	}
}

// A key so big that checking a signature with it would take minutes.
func TestHugeKey(t *testing.T) {
	huge := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), maxRSABits+1), E: 65537}
	if workable(huge) || !workable(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 4095), E: 65537}) {
		t.Error("a key is judged by its size")
	}
	if goodSSHKey(nil) {
		t.Error("no key is a good one")
	}
}

func TestParsePrivateKey(t *testing.T) {
	curve := newKey(t)
	sec1, err := x509.MarshalECPrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := func(key any) []byte {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	ec := block("EC PRIVATE KEY", sec1)
	for name, c := range map[string]struct {
		text string
		want crypto.PublicKey
	}{
		"PKCS #1":         {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKeys()[0])), rsaKeys()[0].Public()},
		"PKCS #8":         {block("PRIVATE KEY", pkcs8(rsaKeys()[0])), rsaKeys()[0].Public()},
		"PKCS #8 EC":      {block("PRIVATE KEY", pkcs8(curve)), curve.Public()},
		"SEC 1":           {ec, curve.Public()},
		"with parameters": {block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}) + ec, curve.Public()},
		"Ed25519":         {block("PRIVATE KEY", pkcs8(edwards)), nil},
		"encrypted":       {block("ENCRYPTED PRIVATE KEY", pkcs8(curve)), nil},
		"with headers":    {strings.Replace(ec, "-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1), nil},
		"two":             {ec + ec, nil},
		"text before":     {"key:\n" + ec, nil},
		"the wrong type":  {block("RSA PRIVATE KEY", sec1), nil},
		"parameters only": {block("EC PARAMETERS", []byte{5, 0}), nil},
		"nothing":         {"", nil},
	} {
		key, err := parsePrivateKey(c.text)
		switch {
		case c.want == nil && err == nil:
			t.Errorf("%s: was taken", name)
		case c.want != nil && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != nil && !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(c.want):
			t.Errorf("%s: another key", name)
		}
	}
}

func FuzzParseCertificates(f *testing.F) {
	c := issue(f, "a", newKey(f), nil, nil)
	f.Add(c.body)
	f.Add(c.body + c.body)
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseCertificates(text, 3)
		if err == nil && (len(list) == 0 || len(list) > 3) {
			t.Errorf("%d certificates", len(list))
		}
		if err == nil && len(list) > 1 {
			_ = checkChain(list[0], list[1:]) // must only return
		}
	})
}

func FuzzParsePrivateKey(f *testing.F) {
	f.Add(issue(f, "a", newKey(f), nil, nil).pem)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 16384 { // the model's bound
			return
		}
		if key, err := parsePrivateKey(text); (key == nil) == (err == nil) {
			t.Errorf("key %v, error %v", key, err)
		}
	})
}
