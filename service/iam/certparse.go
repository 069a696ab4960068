package iam

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"time"

	"bartizan.dev/wire"
)

const (
	pemCertificate = "CERTIFICATE"
	// maxChain bounds how many signatures one upload makes us check.
	maxChain = 20
)

func malformedCertificate(format string, args ...any) *wire.Error {
	return wire.Errorf("MalformedCertificate", format, args...)
}

func noCertificate() error {
	return malformedCertificate("Unable to parse certificate. Please ensure the certificate is in PEM format.")
}

// parseCertificates reads blocks of PEM with nothing but white space between
// them, at most limit. Certificates whose keys would be dear to work with are
// refused.
func parseCertificates(text string, limit int) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	rest := []byte(strings.TrimSpace(text))
	for len(rest) > 0 {
		// pem.Decode would skip text before a block.
		if len(out) == limit || !bytes.HasPrefix(rest, []byte("-----BEGIN "+pemCertificate+"-----")) {
			return nil, noCertificate()
		}
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != pemCertificate || len(block.Headers) > 0 {
			return nil, noCertificate()
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || !workable(c.PublicKey) {
			return nil, noCertificate()
		}
		out = append(out, c)
		rest = bytes.TrimSpace(rest)
	}
	if len(out) == 0 {
		return nil, noCertificate()
	}
	return out, nil
}

// workable reports whether a public key is of a size that it is cheap to check
// a signature with.
func workable(public any) bool {
	k, ok := public.(*rsa.PublicKey)
	return !ok || k.N.BitLen() <= maxRSABits
}

// current refuses a certificate that is not valid at the time of upload.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSigningCertificate.html#API_UploadSigningCertificate_Errors
func current(c *x509.Certificate, now time.Time) error {
	switch {
	case now.Before(c.NotBefore):
		return malformedCertificate("The certificate is not valid yet.")
	case now.After(c.NotAfter):
		return malformedCertificate("The certificate has expired.")
	}
	return nil
}

// checkChain refuses a chain that does not begin with the certificate that
// signed the leaf, each followed by the one that signed it. The index in AWS's
// message is that of the last good certificate in the chain, -1 for the leaf.
func checkChain(leaf *x509.Certificate, chain []*x509.Certificate) error {
	signed := leaf
	for i, signer := range chain {
		if !bytes.Equal(signed.RawIssuer, signer.RawSubject) || signed.CheckSignatureFrom(signer) != nil {
			return malformedCertificate("Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate is: %d", i-1)
		}
		signed = signer
	}
	return nil
}

// parsePrivateKey reads one unencrypted block of PEM: PKCS #1, PKCS #8 or SEC 1,
// after the parameters that OpenSSL writes before keys of elliptic curves.
func parsePrivateKey(text string) (crypto.Signer, error) {
	bad := malformedCertificate("Unable to parse private key. Please ensure the private key is in PEM format and not encrypted.")
	rest := []byte(strings.TrimSpace(text))
	if !bytes.HasPrefix(rest, []byte("-----BEGIN ")) {
		return nil, bad
	}
	block, rest := pem.Decode(rest)
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	if block == nil || len(block.Headers) > 0 || len(bytes.TrimSpace(rest)) > 0 {
		return nil, bad
	}
	var key any
	var err error
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, bad
	}
	if err != nil {
		return nil, bad
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	}
	return nil, bad // AWS takes no others
}

// keyFits reports whether a certificate is for the private key.
func keyFits(c *x509.Certificate, key crypto.Signer) bool {
	switch public := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return public.Equal(key.Public())
	case *ecdsa.PublicKey:
		return public.Equal(key.Public())
	case ed25519.PublicKey:
		return public.Equal(key.Public())
	}
	return false
}
