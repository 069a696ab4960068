package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
)

// Bounds of what is read. A certificate and its key are bounded by ACM's model
// (32 KB and 8 KB); chains by number, since each is verified.
const (
	maxPEM   = 2 << 20
	maxChain = 16
)

// Errors of what cannot be read. None repeats what was read: it may be a key.
var (
	ErrPEM     = errors.New("not a PEM-encoded certificate")
	ErrKeyPEM  = errors.New("not a PEM-encoded, unencrypted private key")
	ErrMany    = errors.New("more certificates than expected")
	ErrKind    = errors.New("a kind of key that is not supported")
	ErrMatch   = errors.New("the private key is not the certificate's")
	ErrBroken  = errors.New("the certificate cannot be parsed")
	ErrNoChain = errors.New("the chain does not lead from the certificate to its issuers, each signed by the next")
)

// ParseCertificate reads one PEM-encoded certificate, and nothing beside it.
func ParseCertificate(text []byte) (*x509.Certificate, error) {
	all, err := parseAll(text, 1)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// ParseChain reads the certificates of a chain, in their order.
func ParseChain(text []byte) ([]*x509.Certificate, error) { return parseAll(text, maxChain) }

func parseAll(text []byte, most int) ([]*x509.Certificate, error) {
	if len(text) > maxPEM {
		return nil, ErrMany
	}
	var out []*x509.Certificate
	for rest := bytes.TrimSpace(text); len(rest) > 0; rest = bytes.TrimSpace(rest) {
		if !bytes.HasPrefix(rest, []byte("-----BEGIN")) {
			return nil, ErrPEM
		}
		block, after := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 || len(after) >= len(rest) {
			return nil, ErrPEM
		}
		if len(out) == most {
			return nil, ErrMany
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, ErrBroken
		}
		out, rest = append(out, c), after
	}
	if len(out) == 0 {
		return nil, ErrPEM
	}
	return out, nil
}

// ParseKey reads a private key in PKCS #1, SEC 1 or PKCS #8, without passphrase.
func ParseKey(text []byte) (crypto.Signer, error) {
	if len(text) > maxPEM {
		return nil, ErrKeyPEM
	}
	var block *pem.Block
	for rest := text; ; {
		if block, rest = pem.Decode(rest); block == nil {
			return nil, ErrKeyPEM
		}
		if block.Type != "EC PARAMETERS" { // that openssl ecparam writes before a key
			break
		}
	}
	if len(block.Headers) > 0 {
		return nil, ErrKeyPEM // "Proc-Type: 4,ENCRYPTED"
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, ErrKeyPEM
	}
	if err != nil {
		return nil, ErrKeyPEM
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return k, nil
	case *ecdsa.PrivateKey:
		return k, nil
	}
	return nil, ErrKind
}

// Matches says whether a private key is the one of a certificate.
func Matches(c *x509.Certificate, key crypto.Signer) bool {
	public, ok := c.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(key.Public())
}

// CheckChain says whether each certificate of a chain signed the one before it;
// the first one signed c.
func CheckChain(c *x509.Certificate, chain []*x509.Certificate) error {
	for _, issuer := range chain {
		if err := c.CheckSignatureFrom(issuer); err != nil || !bytes.Equal(c.RawIssuer, issuer.RawSubject) {
			return ErrNoChain
		}
		c = issuer
	}
	return nil
}

// Encode writes certificates in PEM.
func Encode(all ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range all {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}
