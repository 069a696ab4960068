package script

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdCertify makes a certificate authority and a host's certificate from it, as
// its own PKI would: NAME-ca.pem, NAME.pem and NAME.key.
func cmdCertify(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: certify NAME")
	}
	write := func(file, kind string, der []byte) {
		ts.Check(os.WriteFile(ts.MkAbs(file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	}
	now := time.Now()
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
			NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour)}
	}
	sign := func(file string, c, issuer *x509.Certificate, key crypto.PublicKey, by crypto.Signer) {
		der, err := x509.CreateCertificate(rand.Reader, c, issuer, key, by)
		ts.Check(err)
		write(file, "CERTIFICATE", der)
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	ca := template(1, args[0]+" CA")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	sign(args[0]+"-ca.pem", ca, ca, caKey.Public(), caKey)
	sign(args[0]+".pem", template(2, args[0]), ca, key.Public(), caKey)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	write(args[0]+".key", "PRIVATE KEY", der)
}
