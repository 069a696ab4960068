package redshift

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"time"

	redshiftapi "bartizan.dev/api/redshift"
	"bartizan.dev/wire"
)

// lifetime is how long a certificate is valid. AWS has no operation that renews
// one: it is used until it is deleted.
const lifetime = 10 * 365 * 24 * time.Hour

// CreateHsmClientCertificate issues a certificate, with a key of its own, for
// clusters to connect to an HSM.
// https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateHsmClientCertificate.html
func (s *Service) CreateHsmClientCertificate(ctx context.Context, in *redshiftapi.CreateHsmClientCertificateMessage) (*redshiftapi.CreateHsmClientCertificateResult, error) {
	at := placeOf(ctx)
	c := &certificate{head: head{ID: in.HsmClientCertificateIdentifier, Account: at.account, Region: at.region}}
	if err := s.certificates.checkIdentifier(c.ID); err != nil {
		return nil, err
	}
	var err error
	if c.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if err := c.issue(s.Now()); err != nil {
		return nil, err
	}
	if err := s.certificates.insert(ctx, s.Store, c, s.Quotas.Certificates); err != nil {
		return nil, err
	}
	return &redshiftapi.CreateHsmClientCertificateResult{HsmClientCertificate: c.show()}, nil
}

// issue makes key and certificate. It is self-signed: the HSM trusts what is
// registered, and nothing that an authority would say.
func (c *certificate) issue(now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: c.ID, OrganizationalUnit: []string{c.Account, c.Region}, Organization: []string{"Bartizan Redshift"}},
		NotBefore:    now.Add(-5 * time.Minute), NotAfter: now.Add(lifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	if c.Key, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return err
	}
	c.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	c.Fingerprint = fingerprint(der)
	return nil
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func (c *certificate) show() *redshiftapi.HsmClientCertificate {
	return &redshiftapi.HsmClientCertificate{HsmClientCertificateIdentifier: &c.ID, HsmClientCertificatePublicKey: &c.Certificate, Tags: showTags(c.Tags)}
}

// DescribeHsmClientCertificates lists certificates.
// https://docs.aws.amazon.com/redshift/latest/APIReference/API_DescribeHsmClientCertificates.html
func (s *Service) DescribeHsmClientCertificates(ctx context.Context, in *redshiftapi.DescribeHsmClientCertificatesMessage) (*redshiftapi.HsmClientCertificateMessage, error) {
	list, next, err := s.certificates.describe(ctx, s.Store, query{in.HsmClientCertificateIdentifier, in.MaxRecords, in.Marker, in.TagKeys, in.TagValues})
	if err != nil {
		return nil, err
	}
	out := &redshiftapi.HsmClientCertificateMessage{Marker: next, HsmClientCertificates: []redshiftapi.HsmClientCertificate{}}
	for _, c := range list {
		out.HsmClientCertificates = append(out.HsmClientCertificates, *c.show())
	}
	return out, nil
}

// DeleteHsmClientCertificate deletes a certificate: the HSM refuses it from then
// on, and its key is gone.
// https://docs.aws.amazon.com/redshift/latest/APIReference/API_DeleteHsmClientCertificate.html
func (s *Service) DeleteHsmClientCertificate(ctx context.Context, in *redshiftapi.DeleteHsmClientCertificateMessage) (*redshiftapi.DeleteHsmClientCertificateOutput, error) {
	if err := s.certificates.remove(ctx, s.Store, in.HsmClientCertificateIdentifier); err != nil {
		return nil, err
	}
	return &redshiftapi.DeleteHsmClientCertificateOutput{}, nil
}

// ClientKey returns a certificate and its private key in PEM, for the cluster
// that uses it. AWS keeps it within its clusters; here an administrator of the
// server hands it over.
func (s *Service) ClientKey(ctx context.Context, account, region, id string) (string, error) {
	c, err := s.certificates.find(ctx, s.Store, place{account, region}, id)
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return "", errors.New(e.Message)
	} else if err != nil {
		return "", err
	}
	return c.Certificate + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: c.Key})), nil
}
