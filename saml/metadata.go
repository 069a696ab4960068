package saml

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// Metadata is what an identity provider's metadata says that we use.
// https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
type Metadata struct {
	EntityID     string
	Certificates []*x509.Certificate // of the keys it signs with
	ValidUntil   time.Time           // zero: not said
}

const (
	maxCertificates = 20
	// minRSA: "the x.509 certificate … must use a key size of at least 1024 bits".
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html#troubleshoot_saml_issuer-metadata
	minRSA, maxRSA = 1024, 8192
)

// ParseMetadata reads metadata: one EntityDescriptor with one IDPSSODescriptor
// and at least one certificate for signatures. The dates of certificates do not
// matter: "IAM doesn't evaluate … the expiration of X.509 certificates in IAM SAML
// identity provider metadata documents". A signature of the metadata is not
// checked: who may upload it vouches for it. Comments are common in metadata.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html
func ParseMetadata(doc []byte) (*Metadata, error) {
	root, err := parse(doc, true)
	if err != nil {
		return nil, err
	}
	if !root.is(metadataSpace, "EntityDescriptor") {
		return nil, fmt.Errorf("%w: no EntityDescriptor", ErrMalformed)
	}
	m := &Metadata{EntityID: root.attr("entityID")}
	if m.EntityID == "" {
		return nil, fmt.Errorf("%w: no entityID", ErrMalformed)
	}
	idp, err := root.must(metadataSpace, "IDPSSODescriptor")
	if err != nil {
		return nil, err
	}
	for _, n := range []*node{root, idp} {
		until, err := n.date("validUntil")
		if err != nil {
			return nil, err
		}
		if m.ValidUntil.IsZero() || !until.IsZero() && until.Before(m.ValidUntil) {
			m.ValidUntil = until
		}
	}
	for _, key := range idp.all(metadataSpace, "KeyDescriptor") {
		if use := key.attr("use"); use != "" && use != "signing" {
			continue
		}
		if err := m.addCertificates(key); err != nil {
			return nil, err
		}
	}
	if len(m.Certificates) == 0 {
		return nil, fmt.Errorf("%w: no certificate for signatures", ErrMalformed)
	}
	return m, nil
}

func (m *Metadata) addCertificates(key *node) error {
	info, err := key.must(signatureSpace, "KeyInfo")
	if err != nil {
		return err
	}
	for _, data := range info.all(signatureSpace, "X509Data") {
		for _, c := range data.all(signatureSpace, "X509Certificate") {
			der, err := binary(c)
			if err != nil {
				return err
			}
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrMalformed, err)
			}
			if !usable(cert) {
				return fmt.Errorf("%w: a key of a kind or size that is not allowed", ErrMalformed)
			}
			if m.Certificates = append(m.Certificates, cert); len(m.Certificates) > maxCertificates {
				return fmt.Errorf("%w: more than %d certificates", ErrMalformed, maxCertificates)
			}
		}
	}
	return nil
}

func usable(cert *x509.Certificate) bool {
	switch k := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSA && k.N.BitLen() <= maxRSA
	case *ecdsa.PublicKey:
		return true
	}
	return false
}

// date is an attribute that is a date, or zero. SAML's dates are in UTC; one
// with an offset says the same, one without is refused.
func (n *node) date(name string) (time.Time, error) {
	v, ok := n.has(name)
	if !ok {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		return t, fmt.Errorf("%w: %s: %w", ErrMalformed, name, err)
	}
	return t.UTC(), nil
}

// ParseKey reads a private key that opens encrypted assertions: an RSA key in
// PEM, PKCS #1 or PKCS #8, not encrypted.
func ParseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%w: no PEM", ErrMalformed)
	}
	if block.Type == "RSA PRIVATE KEY" {
		return checkKey(x509.ParsePKCS1PrivateKey(block.Bytes))
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.Join(ErrMalformed, err)
	}
	key, ok := k.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: a key that is not RSA", ErrMalformed)
	}
	return checkKey(key, nil)
}

func checkKey(k *rsa.PrivateKey, err error) (*rsa.PrivateKey, error) {
	if err != nil {
		return nil, errors.Join(ErrMalformed, err)
	}
	if bits := k.N.BitLen(); bits < minRSA || bits > maxRSA {
		return nil, fmt.Errorf("%w: a key of %d bits", ErrMalformed, bits)
	}
	return k, nil
}
