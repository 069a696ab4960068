package acm

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"strings"

	acmapi "bartizan.dev/api/acm"
)

// DescribeCertificate tells everything about a certificate.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_DescribeCertificate.html
func (s *Service) DescribeCertificate(ctx context.Context, in *acmapi.DescribeCertificateRequest) (*acmapi.DescribeCertificateResponse, error) {
	c, err := s.find(ctx, s.Store, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	return &acmapi.DescribeCertificateResponse{Certificate: c.detail()}, nil
}

func (c *certificate) detail() *acmapi.CertificateDetail {
	d := &acmapi.CertificateDetail{
		CertificateArn: new(c.arn()), DomainName: &c.Names[0], SubjectAlternativeNames: c.Names, ManagedBy: c.ManagedBy,
		CreatedAt: c.Created, IssuedAt: c.Issued, ImportedAt: c.Imported, Status: c.Status, RevokedAt: c.Revoked, RevocationReason: c.Reason,
		KeyAlgorithm: c.Algorithm, InUseBy: []string{}, FailureReason: c.Failure, Type: c.Type, RenewalEligibility: c.eligibility(),
		Options:                  &acmapi.CertificateOptions{CertificateTransparencyLoggingPreference: c.Logging, Export: c.Export, ValidationMethod: c.Method},
		CertificateKeyPairOrigin: c.origin(), DomainValidationOptions: c.domains(),
	}
	if c.Type == acmapi.CertificateType_IMPORTED {
		d.CreatedAt = c.Imported // an import is all there was
	}
	if r := c.Renewal; r != nil {
		d.RenewalSummary = &acmapi.RenewalSummary{RenewalStatus: r.Status, RenewalStatusReason: r.Reason, UpdatedAt: r.Updated, DomainValidationOptions: c.domains()}
	}
	leaf := c.leaf()
	if leaf == nil {
		return d
	}
	d.Serial, d.Subject, d.Issuer = new(colons(leaf.SerialNumber.Bytes())), new(relative(leaf.Subject)), new(issuerOf(leaf))
	d.NotBefore, d.NotAfter = leaf.NotBefore, leaf.NotAfter
	d.SignatureAlgorithm = new(signature(leaf))
	for _, u := range usages(leaf) {
		d.KeyUsages = append(d.KeyUsages, acmapi.KeyUsage{Name: u})
	}
	for _, u := range extended(leaf) {
		d.ExtendedKeyUsages = append(d.ExtendedKeyUsages, acmapi.ExtendedKeyUsage{Name: u.name, OID: new(u.oid)})
	}
	return d
}

func (c *certificate) domains() []acmapi.DomainValidation {
	var out []acmapi.DomainValidation
	for _, d := range c.Domains {
		out = append(out, acmapi.DomainValidation{
			DomainName: d.Name, ValidationDomain: new(d.Name), ValidationStatus: d.Status, ValidationMethod: c.Method,
			ResourceRecord: &acmapi.ResourceRecord{Name: d.Record, Type: acmapi.RecordType_CNAME, Value: d.Value},
		})
	}
	return out
}

func (c *certificate) eligibility() acmapi.RenewalEligibility {
	if c.eligible() {
		return acmapi.RenewalEligibility_ELIGIBLE
	}
	return acmapi.RenewalEligibility_INELIGIBLE
}

func (c *certificate) origin() acmapi.CertificateKeyPairOrigin {
	if c.Type == acmapi.CertificateType_IMPORTED {
		return acmapi.CertificateKeyPairOrigin_CUSTOMER_PROVIDED
	}
	return acmapi.CertificateKeyPairOrigin_AWS_MANAGED
}

// colons writes a serial number as ACM does.
func colons(b []byte) string {
	parts := make([]string, len(b))
	for i := range b {
		parts[i] = hex.EncodeToString(b[i : i+1])
	}
	return strings.Join(parts, ":")
}

// relative writes a name as ACM does: its parts in their order.
func relative(n pkix.Name) string {
	var parts []string
	for _, a := range n.Names {
		short, ok := shortNames[a.Type.String()]
		text, isText := a.Value.(string)
		if !isText {
			continue
		}
		if !ok {
			short = a.Type.String()
		}
		parts = append(parts, short+"="+text)
	}
	return strings.Join(parts, ",")
}

var shortNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.5": "serialNumber", "0.9.2342.19200300.100.1.25": "DC",
}

// issuerOf is the organization that issued, as ACM tells it, or its name.
func issuerOf(leaf *x509.Certificate) string {
	if len(leaf.Issuer.Organization) > 0 {
		return leaf.Issuer.Organization[0]
	}
	return leaf.Issuer.CommonName
}

func signature(leaf *x509.Certificate) string {
	switch leaf.SignatureAlgorithm {
	case x509.SHA256WithRSA:
		return "SHA256WITHRSA"
	case x509.SHA384WithRSA:
		return "SHA384WITHRSA"
	case x509.SHA512WithRSA:
		return "SHA512WITHRSA"
	case x509.ECDSAWithSHA256:
		return "SHA256WITHECDSA"
	case x509.ECDSAWithSHA384:
		return "SHA384WITHECDSA"
	case x509.ECDSAWithSHA512:
		return "SHA512WITHECDSA"
	}
	return leaf.SignatureAlgorithm.String()
}

var usageNames = []struct {
	bit  x509.KeyUsage
	name acmapi.KeyUsageName
}{
	{x509.KeyUsageDigitalSignature, acmapi.KeyUsageName_DIGITAL_SIGNATURE}, {x509.KeyUsageContentCommitment, acmapi.KeyUsageName_NON_REPUDIATION},
	{x509.KeyUsageKeyEncipherment, acmapi.KeyUsageName_KEY_ENCIPHERMENT}, {x509.KeyUsageDataEncipherment, acmapi.KeyUsageName_DATA_ENCIPHERMENT},
	{x509.KeyUsageKeyAgreement, acmapi.KeyUsageName_KEY_AGREEMENT}, {x509.KeyUsageCertSign, acmapi.KeyUsageName_CERTIFICATE_SIGNING},
	{x509.KeyUsageCRLSign, acmapi.KeyUsageName_CRL_SIGNING}, {x509.KeyUsageEncipherOnly, acmapi.KeyUsageName_ENCIPHER_ONLY}, {x509.KeyUsageDecipherOnly, acmapi.KeyUsageName_DECIPHER_ONLY},
}

func usages(leaf *x509.Certificate) []acmapi.KeyUsageName {
	var out []acmapi.KeyUsageName
	for _, u := range usageNames {
		if leaf.KeyUsage&u.bit != 0 {
			out = append(out, u.name)
		}
	}
	return out
}

type extendedUsage struct {
	name acmapi.ExtendedKeyUsageName
	oid  string
}

var extendedNames = map[x509.ExtKeyUsage]extendedUsage{
	x509.ExtKeyUsageServerAuth:      {acmapi.ExtendedKeyUsageName_TLS_WEB_SERVER_AUTHENTICATION, "1.3.6.1.5.5.7.3.1"},
	x509.ExtKeyUsageClientAuth:      {acmapi.ExtendedKeyUsageName_TLS_WEB_CLIENT_AUTHENTICATION, "1.3.6.1.5.5.7.3.2"},
	x509.ExtKeyUsageCodeSigning:     {acmapi.ExtendedKeyUsageName_CODE_SIGNING, "1.3.6.1.5.5.7.3.3"},
	x509.ExtKeyUsageEmailProtection: {acmapi.ExtendedKeyUsageName_EMAIL_PROTECTION, "1.3.6.1.5.5.7.3.4"},
	x509.ExtKeyUsageIPSECEndSystem:  {acmapi.ExtendedKeyUsageName_IPSEC_END_SYSTEM, "1.3.6.1.5.5.7.3.5"},
	x509.ExtKeyUsageIPSECTunnel:     {acmapi.ExtendedKeyUsageName_IPSEC_TUNNEL, "1.3.6.1.5.5.7.3.6"},
	x509.ExtKeyUsageIPSECUser:       {acmapi.ExtendedKeyUsageName_IPSEC_USER, "1.3.6.1.5.5.7.3.7"},
	x509.ExtKeyUsageTimeStamping:    {acmapi.ExtendedKeyUsageName_TIME_STAMPING, "1.3.6.1.5.5.7.3.8"},
	x509.ExtKeyUsageOCSPSigning:     {acmapi.ExtendedKeyUsageName_OCSP_SIGNING, "1.3.6.1.5.5.7.3.9"},
	x509.ExtKeyUsageAny:             {acmapi.ExtendedKeyUsageName_ANY, "2.5.29.37.0"},
}

func extended(leaf *x509.Certificate) []extendedUsage {
	var out []extendedUsage
	for _, u := range leaf.ExtKeyUsage {
		if e, ok := extendedNames[u]; ok {
			out = append(out, e)
		}
	}
	for _, oid := range leaf.UnknownExtKeyUsage {
		out = append(out, extendedUsage{acmapi.ExtendedKeyUsageName_CUSTOM, asn1.ObjectIdentifier(oid).String()})
	}
	return out
}

func extendedUsageNames(leaf *x509.Certificate) []acmapi.ExtendedKeyUsageName {
	var out []acmapi.ExtendedKeyUsageName
	for _, u := range extended(leaf) {
		out = append(out, u.name)
	}
	return out
}
