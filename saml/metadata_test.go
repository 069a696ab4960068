package saml

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"bartizan.dev/saml/samltest"
)

func TestParseMetadata(t *testing.T) {
	text := good().Metadata()
	m, err := ParseMetadata([]byte(text))
	if err != nil || m.EntityID != entity || len(m.Certificates) != 1 || !m.ValidUntil.Equal(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Fatalf("%+v, %v", m, err)
	}
	commented := strings.Replace(strings.Replace(text, "<md:IDP", "<!-- ours --><md:IDP", 1), "X509Certificate>\n", "X509Certificate><!-- cut -->\n", 1)
	if c, err := ParseMetadata([]byte(commented)); err != nil || !c.Certificates[0].Equal(m.Certificates[0]) {
		t.Errorf("with comments: %v", err)
	}
	for name, pair := range map[string][2]string{
		"no entity":               {` entityID="` + entity + `"`, ""},
		"no identity provider":    {"IDPSSODescriptor", "SPSSODescriptor"},
		"only keys to encrypt":    {`use="signing"`, `use="encryption"`},
		"no certificate":          {"X509Certificate", "X509SKI"},
		"a bad date":              {"2030-01-01T00:00:00Z", "tomorrow"},
		"a document type":         {"<md:EntityDescriptor", "<!DOCTYPE x><md:EntityDescriptor"},
		"not of this namespace":   {metadataSpace, "urn:x"},
		"a certificate cut short": {"</ds:X509Certificate>", "AAAA</ds:X509Certificate>"},
	} {
		doc := strings.ReplaceAll(text, pair[0], pair[1])
		if m, err := ParseMetadata([]byte(doc)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	t.Setenv("GODEBUG", "rsa1024min=0") // to make one
	small := samltest.New(samltest.RSA(1000))
	if _, err := ParseMetadata([]byte(small.Metadata())); !errors.Is(err, ErrMalformed) {
		t.Errorf("a small key: %v", err)
	}
}

func TestParseKey(t *testing.T) {
	der, err := x509.MarshalPKCS8PrivateKey(opens())
	if err != nil {
		t.Fatal(err)
	}
	ec, err := x509.MarshalPKCS8PrivateKey(newECIDP().Key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	for name, tc := range map[string]struct {
		text []byte
		ok   bool
	}{
		"PKCS #1":       {text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(opens())), true},
		"PKCS #8":       {text("PRIVATE KEY", der), true},
		"ECDSA":         {text("PRIVATE KEY", ec), false},
		"a certificate": {text("CERTIFICATE", good().Cert.Raw), false},
		"nothing":       {nil, false},
		"no PEM":        {[]byte("secret"), false},
	} {
		k, err := ParseKey(tc.text)
		if (err == nil) != tc.ok || tc.ok && !k.Equal(opens()) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	// The same key in every process that fuzzes: seeds stay signed.
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	i, p := samltest.New(key), newParts()
	for _, signed := range [][2]bool{{false, true}, {true, false}, {true, true}, {false, false}} {
		f.Add(i.Respond(p, signed[0], signed[1]))
	}
	for _, doc := range wrapped("_evil") {
		f.Add(doc)
	}
	e := expect(f, i)
	f.Fuzz(func(t *testing.T, doc string) {
		a, err := Verify(encoded(doc), e)
		if err == nil && (a.Subject != "ann" || a.ID != "_assertion" || len(a.Attributes) != 2) {
			t.Fatalf("never signed: %+v in %s", a, doc)
		}
	})
}

// FuzzCanonical: the canonical form says all that the tree does, so reading it
// again gives the same form.
func FuzzCanonical(f *testing.F) {
	f.Add(`<a xmlns="urn:d" xmlns:p="urn:p"><p:b p:x="&#9;1" y='"'/>t&amp;<c xmlns=""/></a>`)
	f.Fuzz(func(t *testing.T, doc string) {
		n, err := parse([]byte(doc), false)
		if err != nil {
			return
		}
		for _, how := range []form{{}, {inclusive: true}} {
			once := string(how.canonical(n, nil))
			again, err := parse([]byte(once), false)
			if err != nil {
				t.Fatalf("%q: %v", once, err)
			}
			if twice := string(how.canonical(again, nil)); twice != once {
				t.Fatalf("%q\n%q", once, twice)
			}
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	f.Add(good().Metadata())
	f.Fuzz(func(t *testing.T, doc string) {
		if m, err := ParseMetadata([]byte(doc)); err == nil && (m.EntityID == "" || len(m.Certificates) == 0) {
			t.Fatalf("%+v", m)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	doc := encoded(good().Respond(newParts(), false, true))
	e := expect(b, good())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Verify(doc, e); err != nil {
			b.Fatal(err)
		}
	}
}
