package acm

import (
	"context"
	"crypto/x509"
	"time"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/pki"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// renewalOf is when a certificate is renewed: 60 days before its end, as AWS
// does, or after two thirds of a shorter life.
// https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html
func renewalOf(leaf *x509.Certificate) time.Time {
	before := min(60*pki.Day, leaf.NotAfter.Sub(leaf.NotBefore)/3)
	return leaf.NotAfter.Add(-before)
}

// eligible says whether a certificate is renewed by itself: one that nobody can
// use, since its key never left, is not.
func (c *certificate) eligible() bool {
	return c.Type == acmapi.CertificateType_AMAZON_ISSUED && c.Status == acmapi.CertificateStatus_ISSUED && c.Exported
}

// renew has a certificate issued anew. Its records must be there still: while
// one is missing, it is looked for daily until the certificate ends.
func (s *Service) renew(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	c, err := s.about(ctx, s.Store, j)
	if err != nil || c == nil || !c.eligible() {
		return nil, err
	}
	proved := s.proved(ctx, c)
	var i *issued
	if len(proved) == len(c.Domains) {
		if i, err = s.issue(ctx, c); err != nil {
			return nil, err
		}
		if err := s.available(ctx, c, i, "RENEWAL"); err != nil {
			return nil, err
		}
	}
	return func(tx store.Tx) error {
		c, err := s.about(ctx, tx, j)
		if err != nil || c == nil || !c.eligible() {
			return err
		}
		c.Renewal = &renewal{Status: acmapi.RenewalStatus_PENDING_VALIDATION, Updated: s.now()}
		switch {
		case i == nil:
			err = s.later(ctx, tx, jobRenew, c, s.now().Add(pki.Day))
		case i.failure != "":
			c.Renewal.Status, c.Renewal.Reason = acmapi.RenewalStatus_FAILED, i.failure
		default:
			c.Renewal.Status = acmapi.RenewalStatus_SUCCESS
			err = s.take(ctx, tx, c, i)
		}
		for k := range c.Domains {
			c.Domains[k].Status = acmapi.DomainStatus_PENDING_VALIDATION
			if proved[c.Domains[k].Name] {
				c.Domains[k].Status = acmapi.DomainStatus_SUCCESS
			}
		}
		if err != nil {
			return err
		}
		return s.certificates.Put(ctx, tx, c.id(), c)
	}, nil
}

// expire ends a certificate that was not renewed.
func (s *Service) expire(ctx context.Context, tx store.Tx, j work.Job) error {
	c, err := s.about(ctx, tx, j)
	if err != nil || c == nil {
		return err
	}
	leaf := c.leaf()
	if leaf == nil || s.now().Before(leaf.NotAfter) || c.Status != acmapi.CertificateStatus_ISSUED {
		return nil
	}
	c.Status = acmapi.CertificateStatus_EXPIRED
	return s.certificates.Put(ctx, tx, c.id(), c)
}

// warn tells daily that a certificate will end, and once that it has.
func (s *Service) warn(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	c, err := s.about(ctx, s.Store, j)
	if err != nil || c == nil {
		return nil, err
	}
	leaf := c.leaf()
	if leaf == nil || c.Status != acmapi.CertificateStatus_ISSUED && c.Status != acmapi.CertificateStatus_EXPIRED {
		return nil, nil
	}
	days, err := s.warnings(ctx, s.Store, c.place())
	if err != nil {
		return nil, err
	}
	now, begin := s.now(), leaf.NotAfter.Add(-time.Duration(days)*pki.Day)
	next := now.Add(pki.Day)
	switch {
	case now.After(leaf.NotAfter):
		return nil, s.event(ctx, c, "ACM Certificate Expired", nil)
	case now.Before(begin): // it was renewed, or the configuration changed
		next = begin
	default:
		err = s.event(ctx, c, "ACM Certificate Approaching Expiration", nil)
	}
	if next.After(leaf.NotAfter) {
		next = leaf.NotAfter.Add(time.Second)
	}
	return func(tx store.Tx) error { return s.later(ctx, tx, jobWarn, c, next) }, err
}

// RenewCertificate renews an exported certificate of a private authority.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_RenewCertificate.html
func (s *Service) RenewCertificate(ctx context.Context, in *acmapi.RenewCertificateRequest) (*acmapi.RenewCertificateOutput, error) {
	err := s.change(ctx, in.CertificateArn, func(tx store.Tx, c *certificate) error {
		if c.Type == acmapi.CertificateType_IMPORTED || !c.eligible() {
			return invalid("Certificate %s is not eligible for renewal: it must be issued by ACM, valid and exported.", c.arn())
		}
		c.Renewal = &renewal{Status: acmapi.RenewalStatus_PENDING_AUTO_RENEWAL, Updated: s.now()}
		return s.later(ctx, tx, jobRenew, c, s.now())
	})
	if err != nil {
		return nil, err
	}
	return &acmapi.RenewCertificateOutput{}, nil
}
