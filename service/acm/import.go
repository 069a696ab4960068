package acm

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/pki"
	"bartizan.dev/store"
)

// What AWS says about a certificate that it does not take.
// https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html
const (
	textPEM       = "The certificate body/chain provided is not in a valid PEM format, InternalFailure, or Unable to parse certificate. Please ensure the certificate is in PEM format."
	textMany      = "The certificate field contains more than one certificate. You can specify only one certificate in this field."
	textSelf      = "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or certificate chain."
	textChain     = "Could not validate the certificate with the certificate chain."
	textKey       = "The private key is not supported."
	textSize      = "The private key length is not supported for key algorithm."
	textMismatch  = "The private key does not match the certificate."
	textEnded     = "The certificate is not valid at this time."
	textAuthority = "A certificate of an authority cannot be imported."
)

// imported is what was given, checked.
type imported struct {
	leaf  *x509.Certificate
	chain []*x509.Certificate
	key   crypto.Signer
}

// readImport checks a certificate, its chain and its key.
func (s *Service) readImport(in *acmapi.ImportCertificateRequest) (*imported, error) {
	i := new(imported)
	var err error
	if i.leaf, err = pki.ParseCertificate(in.Certificate); errors.Is(err, pki.ErrMany) {
		return nil, invalid(textMany)
	} else if err != nil {
		return nil, invalid(textPEM)
	}
	if i.key, err = pki.ParseKey(in.PrivateKey); err != nil {
		return nil, invalid(textKey)
	}
	switch {
	case pki.AlgorithmOf(i.key.Public()) == "":
		return nil, invalid(textSize)
	case !pki.Matches(i.leaf, i.key):
		return nil, invalid(textMismatch)
	case s.now().Before(i.leaf.NotBefore) || s.now().After(i.leaf.NotAfter):
		return nil, invalid(textEnded)
	}
	if len(in.CertificateChain) == 0 {
		if !bytes.Equal(i.leaf.RawIssuer, i.leaf.RawSubject) || i.leaf.CheckSignature(i.leaf.SignatureAlgorithm, i.leaf.RawTBSCertificate, i.leaf.Signature) != nil {
			return nil, invalid(textSelf)
		}
		return i, nil
	}
	if i.leaf.IsCA {
		return nil, invalid(textAuthority)
	}
	if i.chain, err = pki.ParseChain(in.CertificateChain); err != nil {
		return nil, invalid(textPEM)
	}
	if pki.CheckChain(i.leaf, i.chain) != nil {
		return nil, invalid(textChain)
	}
	return i, nil
}

// ImportCertificate takes a certificate that another authority issued, or a new
// one in place of an imported one.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_ImportCertificate.html
func (s *Service) ImportCertificate(ctx context.Context, in *acmapi.ImportCertificateRequest) (*acmapi.ImportCertificateResponse, error) {
	i, err := s.readImport(in)
	if err != nil {
		return nil, err
	}
	at := placeOf(ctx)
	c := &certificate{
		Account: at.account, Region: at.region, ID: newID(), Type: acmapi.CertificateType_IMPORTED, Created: s.now(),
		Logging: acmapi.CertificateTransparencyLoggingPreference_DISABLED, Export: acmapi.CertificateExport_DISABLED,
	}
	action := "IMPORT"
	if in.CertificateArn != nil {
		action = "REIMPORT"
		if len(in.Tags) > 0 {
			return nil, invalid("Tagging is not permitted on re-import.")
		}
		if c, err = s.find(ctx, s.Store, *in.CertificateArn); err != nil {
			return nil, err
		}
		if c.Type != acmapi.CertificateType_IMPORTED {
			return nil, invalid("Certificate %s was not imported and cannot be re-imported.", c.arn())
		}
	}
	if c.Tags, err = addTags(c.Tags, in.Tags); err != nil {
		return nil, err
	}
	key, err := s.seal(ctx, c, i.key)
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if in.CertificateArn == nil {
			if err := s.room(ctx, tx, at); err != nil {
				return err
			}
		} else if c, err = s.find(ctx, tx, *in.CertificateArn); err != nil {
			return err
		}
		c.take(i, key)
		c.Imported = s.now()
		if err := s.follow(ctx, tx, c); err != nil {
			return err
		}
		return s.certificates.Put(ctx, tx, c.id(), c)
	})
	if err != nil {
		return nil, err
	}
	if err := s.event(ctx, c, "ACM Certificate Available", map[string]any{"Action": action}); err != nil {
		s.Log.Error("an event was lost", "certificate", c.arn(), "cause", err)
	}
	return &acmapi.ImportCertificateResponse{CertificateArn: new(c.arn())}, nil
}

// take makes a record that of an imported certificate.
func (c *certificate) take(i *imported, key []byte) {
	c.Status, c.Leaf, c.Key, c.Chain = acmapi.CertificateStatus_ISSUED, i.leaf.Raw, key, nil
	for _, x := range i.chain {
		c.Chain = append(c.Chain, x.Raw)
	}
	c.Algorithm = acmapi.KeyAlgorithm(pki.AlgorithmOf(i.key.Public()))
	c.Names = nil
	for _, n := range append([]string{i.leaf.Subject.CommonName}, i.leaf.DNSNames...) {
		if n = strings.ToLower(n); n != "" && !slices.Contains(c.Names, n) {
			c.Names = append(c.Names, n)
		}
	}
	if len(c.Names) == 0 {
		c.Names = []string{""}
	}
}

// seal encrypts a private key for a certificate's record.
func (s *Service) seal(ctx context.Context, c *certificate, key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	sealer, err := s.Seal(ctx, c.Region)
	if err != nil {
		return nil, err
	}
	return sealer.Seal(der, c.secrets())
}

// open decrypts a certificate's private key.
func (s *Service) open(ctx context.Context, c *certificate) ([]byte, error) {
	sealer, err := s.Seal(ctx, c.Region)
	if err != nil {
		return nil, err
	}
	return sealer.Open(c.Key, c.secrets())
}

// texts are a certificate and its chain in PEM.
func (c *certificate) texts() (leaf, chain string) {
	for _, der := range c.Chain {
		chain += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Leaf})), chain
}
