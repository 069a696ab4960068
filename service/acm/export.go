package acm

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/store"
	"bartizan.dev/wire"

	"github.com/youmark/pkcs8"
)

// encryption of exported keys: PBES2 with PBKDF2 and AES-256 (RFC 8018).
var encryption = &pkcs8.Opts{
	Cipher:  pkcs8.AES256CBC,
	KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: 600_000, HMACHash: crypto.SHA256},
}

// ExportCertificate gives a certificate with its private key, encrypted by a
// passphrase.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_ExportCertificate.html
func (s *Service) ExportCertificate(ctx context.Context, in *acmapi.ExportCertificateRequest) (*acmapi.ExportCertificateResponse, error) {
	c, err := s.find(ctx, s.Store, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	if err := c.ready(); err != nil {
		return nil, err
	}
	if c.Type == acmapi.CertificateType_IMPORTED || c.Export != acmapi.CertificateExport_ENABLED {
		return nil, invalid("Certificate %s is not exportable: request it with the option Export=ENABLED.", c.arn())
	}
	der, err := s.open(ctx, c)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	locked, err := pkcs8.MarshalPrivateKey(key, in.Passphrase, encryption)
	if err != nil {
		return nil, err
	}
	leaf := string(c.Leaf)
	err = s.change(ctx, in.CertificateArn, func(_ store.Tx, c *certificate) error {
		if string(c.Leaf) != leaf {
			return wire.Errorf("RequestInProgressException", "Certificate %s is being renewed. Try again.", c.arn())
		}
		c.Exported = true // from now on it is renewed by itself
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &acmapi.ExportCertificateResponse{PrivateKey: new(string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: locked})))}
	body, chain := c.texts()
	out.Certificate, out.CertificateChain = &body, &chain
	return out, nil
}

// GetCertificate gives a certificate and its chain.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_GetCertificate.html
func (s *Service) GetCertificate(ctx context.Context, in *acmapi.GetCertificateRequest) (*acmapi.GetCertificateResponse, error) {
	c, err := s.find(ctx, s.Store, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	if err := c.ready(); err != nil {
		return nil, err
	}
	out := new(acmapi.GetCertificateResponse)
	body, chain := c.texts()
	out.Certificate = &body
	if chain != "" {
		out.CertificateChain = &chain
	}
	return out, nil
}

// ready refuses a certificate that is not there yet, or will never be.
func (c *certificate) ready() error {
	switch {
	case c.Status == acmapi.CertificateStatus_PENDING_VALIDATION:
		return wire.Errorf("RequestInProgressException", "Certificate request for %s in account %s is in progress: its names are not validated yet.", c.arn(), c.Account)
	case c.Leaf == nil:
		return wire.Errorf("ResourceNotFoundException", "Certificate %s is %s: none was issued.", c.arn(), c.Status)
	}
	return nil
}
