package saml

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"
	"time"

	"bartizan.dev/saml/samltest"
)

const (
	entity    = samltest.Entity
	recipient = samltest.Recipient
	audience  = samltest.Audience
	mark      = samltest.Mark
)

var (
	noon      = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	attribute = samltest.Attribute
	encoded   = samltest.Encoded
	transform = samltest.Transform
	stamp     = samltest.Stamp
	newHow    = samltest.NewHow
)

type (
	idp   = samltest.IDP
	parts = samltest.Parts
	how   = samltest.How
)

func newParts() *parts { return samltest.NewParts(noon) }

// good and other are made once: RSA keys take their time.
var (
	good  = sync.OnceValue(func() *idp { return samltest.New(samltest.RSA(2048)) })
	other = sync.OnceValue(func() *idp { return samltest.New(samltest.RSA(2048)) })
	opens = sync.OnceValue(func() *rsa.PrivateKey { return samltest.RSA(2048) })
)

func newECIDP() *idp {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return samltest.New(k)
}

func expect(t testing.TB, i *idp) Expect {
	t.Helper()
	m, err := ParseMetadata([]byte(i.Metadata()))
	if err != nil {
		t.Fatal(err)
	}
	return Expect{
		Provider: m, Audience: func(a string) bool { return a == audience || a == recipient }, Now: noon, Skew: time.Minute,
		Recipient: func(a string) bool { return a == recipient },
	}
}
