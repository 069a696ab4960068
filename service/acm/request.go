package acm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const (
	tokenLife = time.Hour // of an idempotency token
	maxCommon = 64        // octets of a common name (RFC 5280, appendix A.1)
	maxTags   = 50
)

// requestable are the kinds of keys that ACM makes.
// https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html
var requestable = []acmapi.KeyAlgorithm{acmapi.KeyAlgorithm_RSA_2048, acmapi.KeyAlgorithm_EC_prime256v1, acmapi.KeyAlgorithm_EC_secp384r1}

// RequestCertificate begins a certificate. It is issued when its names have been
// validated.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
func (s *Service) RequestCertificate(ctx context.Context, in *acmapi.RequestCertificateRequest) (*acmapi.RequestCertificateResponse, error) {
	c, err := s.requested(ctx, in)
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if c.Token != "" {
			same, err := s.repeated(ctx, tx, c)
			if err != nil || same != nil {
				if same != nil {
					c = same
				}
				return err
			}
		}
		if err := s.room(ctx, tx, c.place()); err != nil {
			return err
		}
		if c.Status == acmapi.CertificateStatus_PENDING_VALIDATION {
			if err := s.later(ctx, tx, jobValidate, c, c.Created.Add(firstLook)); err != nil {
				return err
			}
		}
		return s.certificates.Insert(ctx, tx, c.id(), c)
	})
	if err != nil {
		return nil, err
	}
	return &acmapi.RequestCertificateResponse{CertificateArn: new(c.arn())}, nil
}

// requested checks a request and makes the record of it.
func (s *Service) requested(ctx context.Context, in *acmapi.RequestCertificateRequest) (*certificate, error) {
	at := placeOf(ctx)
	o := options(in.Options)
	c := &certificate{
		Account: at.account, Region: at.region, ID: newID(), Names: names(in), Algorithm: algorithm(in.KeyAlgorithm), Logging: o.CertificateTransparencyLoggingPreference, Export: o.Export,
		ManagedBy: in.ManagedBy, Token: orEmpty(in.IdempotencyToken), Created: s.now(),
	}
	if len(c.Names[0]) > maxCommon {
		return nil, wire.Errorf("InvalidParameterException", "The first domain name can have at most %d octets. Name a longer one among the subject alternative names.", maxCommon)
	}
	if len(c.Names) > s.Quotas.Names {
		return nil, wire.Errorf("LimitExceededException", "Error: you have reached your limit of %d domain names in a certificate.", s.Quotas.Names)
	}
	if !slices.Contains(requestable, c.Algorithm) {
		return nil, wire.Errorf("InvalidParameterException", "The key algorithm %s is not supported for requested certificates.", c.Algorithm)
	}
	if in.Options != nil && in.Options.ValidationMethod != "" {
		return nil, wire.Errorf("InvalidParameterException", "Options.ValidationMethod is only for UpdateCertificateOptions.")
	}
	for _, v := range in.DomainValidationOptions {
		name, zone := strings.ToLower(v.DomainName), strings.ToLower(v.ValidationDomain)
		if !slices.Contains(c.Names, name) || base(name) != zone && !strings.HasSuffix(base(name), "."+zone) {
			return nil, wire.Errorf("InvalidDomainValidationOptionsException", "The validation domain %s is neither %s nor a domain above it, or the request is not for that name.", v.ValidationDomain, v.DomainName)
		}
	}
	var err error
	if c.Tags, err = addTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if in.CertificateAuthorityArn != nil {
		// There is no private authority of this name: AWS says so by the status.
		c.Type, c.Status, c.Failure = acmapi.CertificateType_PRIVATE, acmapi.CertificateStatus_FAILED, acmapi.FailureReason_PCA_RESOURCE_NOT_FOUND
		return c, nil
	}
	c.Type, c.Status, c.Method = acmapi.CertificateType_AMAZON_ISSUED, acmapi.CertificateStatus_PENDING_VALIDATION, in.ValidationMethod
	if c.Method != acmapi.ValidationMethod_DNS {
		return nil, wire.Errorf("InvalidParameterException", "Names are validated by DNS here: ask for ValidationMethod DNS.")
	}
	for _, name := range c.Names {
		c.Domains = append(c.Domains, newDomain(at.account, name))
	}
	return c, nil
}

// repeated finds what the same request with the same token made within an hour.
func (s *Service) repeated(ctx context.Context, tx store.Tx, c *certificate) (*certificate, error) {
	ids, err := s.certificates.By(ctx, tx, byToken, c.home()+c.Token, "", 0)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		old, err := s.certificates.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		if c.Created.Sub(old.Created) < tokenLife && slices.Equal(old.Names, c.Names) && old.Algorithm == c.Algorithm && old.Method == c.Method && old.Type == c.Type {
			return old, nil
		}
	}
	return nil, nil
}

// names are those of a request, in small letters, the domain name first and each
// once.
func names(in *acmapi.RequestCertificateRequest) []string {
	out := []string{strings.ToLower(in.DomainName)}
	for _, n := range in.SubjectAlternativeNames {
		if n = strings.ToLower(n); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

func algorithm(a acmapi.KeyAlgorithm) acmapi.KeyAlgorithm {
	if a == "" {
		return acmapi.KeyAlgorithm_RSA_2048
	}
	return a
}

func options(in *acmapi.CertificateOptions) acmapi.CertificateOptions {
	o := acmapi.CertificateOptions{CertificateTransparencyLoggingPreference: acmapi.CertificateTransparencyLoggingPreference_ENABLED, Export: acmapi.CertificateExport_DISABLED}
	if in != nil && in.CertificateTransparencyLoggingPreference != "" {
		o.CertificateTransparencyLoggingPreference = in.CertificateTransparencyLoggingPreference
	}
	if in != nil && in.Export != "" {
		o.Export = in.Export
	}
	return o
}

// base is the name that proves a wildcard.
func base(name string) string { return strings.TrimPrefix(name, "*.") }

// newDomain makes the record that proves a name: the same one for an account
// each time, so that a record once written serves for ever.
// https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
func newDomain(account, name string) domain {
	sum := func(what string) string {
		b := sha256.Sum256([]byte(what + "\x00" + account + "\x00" + base(name)))
		return hex.EncodeToString(b[:16])
	}
	zone := []byte(sum("zone")[:10])
	for i := range zone {
		if zone[i] <= '9' {
			zone[i] += 'g' - '0' // AWS's has letters only
		}
	}
	return domain{
		Name: name, Status: acmapi.DomainStatus_PENDING_VALIDATION,
		Record: "_" + sum("name") + "." + base(name) + ".", Value: "_" + sum("value") + "." + string(zone) + ".acm-validations.aws.",
	}
}
