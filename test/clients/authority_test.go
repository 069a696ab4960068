package clients

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// An authority issues certificates for a day.
type authority struct {
	t           *testing.T
	certificate *x509.Certificate
	pem         []byte // the certificate's
	key         *ecdsa.PrivateKey
	serial      int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, key: must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))}
	a.certificate, a.pem = a.issue("ca", a.key.Public())
	return a
}

// issue certifies a key; the first certificate is the authority's own.
func (a *authority) issue(name string, key crypto.PublicKey) (*x509.Certificate, []byte) {
	a.t.Helper()
	a.serial++
	c := &x509.Certificate{SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
	issuer := a.certificate
	if issuer == nil {
		issuer, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = c, true, true, x509.KeyUsageCertSign
	}
	der := must[[]byte](a.t)(x509.CreateCertificate(rand.Reader, c, issuer, key, a.key))
	return must[*x509.Certificate](a.t)(x509.ParseCertificate(der)), encodePEM("CERTIFICATE", der)
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
