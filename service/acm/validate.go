package acm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/pki"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// What happens later, by the id of a certificate.
const (
	jobValidate = "validate" // looks for the records that prove its names
	jobRenew    = "renew"
	jobExpire   = "expire"
	jobWarn     = "warn"
)

const (
	firstLook    = 0
	looks        = time.Minute
	validateLife = 72 * time.Hour
)

func (s *Service) later(ctx context.Context, tx store.Tx, kind string, c *certificate, due time.Time) error {
	return s.queue.Add(ctx, tx, work.Job{Kind: kind, ID: c.id(), Due: due})
}

// about reads the certificate of a job, nil when it is gone.
func (s *Service) about(ctx context.Context, r store.Reader, j work.Job) (*certificate, error) {
	c, err := s.certificates.Get(ctx, r, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

// validate looks for the records of a certificate that waits for them, each
// minute for 72 hours, and has it issued when all are there.
// https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
func (s *Service) validate(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	c, err := s.about(ctx, s.Store, j)
	if err != nil || c == nil || c.Status != acmapi.CertificateStatus_PENDING_VALIDATION {
		return nil, err
	}
	proved := s.proved(ctx, c)
	var i *issued
	if len(proved) == len(c.Domains) {
		if i, err = s.issue(ctx, c); err != nil {
			return nil, err
		}
		if err := s.available(ctx, c, i, "ISSUANCE"); err != nil {
			return nil, err
		}
	}
	return func(tx store.Tx) error {
		c, err := s.about(ctx, tx, j)
		if err != nil || c == nil || c.Status != acmapi.CertificateStatus_PENDING_VALIDATION {
			return err
		}
		for k := range c.Domains {
			if proved[c.Domains[k].Name] {
				c.Domains[k].Status = acmapi.DomainStatus_SUCCESS
			}
		}
		switch now := s.now(); {
		case i != nil:
			if err := s.take(ctx, tx, c, i); err != nil {
				return err
			}
		case now.Sub(c.Created) >= validateLife:
			c.Status = acmapi.CertificateStatus_VALIDATION_TIMED_OUT
			for k := range c.Domains {
				if c.Domains[k].Status != acmapi.DomainStatus_SUCCESS {
					c.Domains[k].Status = acmapi.DomainStatus_FAILED
				}
			}
		default:
			if err := s.later(ctx, tx, jobValidate, c, now.Add(looks)); err != nil {
				return err
			}
		}
		return s.certificates.Put(ctx, tx, c.id(), c)
	}, nil
}

// proved looks up the records of all names and returns those that are right. A
// name that cannot be looked up is not proved yet.
func (s *Service) proved(ctx context.Context, c *certificate) map[string]bool {
	out := map[string]bool{}
	seen := map[string]bool{} // a name and its wildcard share a record
	for _, d := range c.Domains {
		right, known := seen[d.Record]
		if !known {
			target, err := s.CNAME(ctx, strings.TrimSuffix(d.Record, "."))
			if err != nil {
				s.Log.Debug("a validation record cannot be looked up", "name", d.Record, "cause", err)
			}
			right = err == nil && strings.EqualFold(strings.TrimSuffix(target, "."), strings.TrimSuffix(d.Value, "."))
			seen[d.Record] = right
		}
		if right {
			out[d.Name] = true
		}
	}
	return out
}

// issued is a new certificate and its sealed key, or why there is none.
type issued struct {
	leaf    []byte
	chain   [][]byte
	key     []byte
	failure acmapi.FailureReason
}

// issue makes a key and has the embedded authority sign its certificate.
func (s *Service) issue(ctx context.Context, c *certificate) (*issued, error) {
	a, err := s.authority(ctx, c.Region)
	if err != nil {
		return nil, err
	}
	key, err := pki.NewKey(pki.KeyAlgorithm(c.Algorithm))
	if err != nil {
		return nil, err
	}
	leaf, err := a.sign(key.Public(), c.Names, s.Profile(), s.now())
	if lint := (*pki.LintError)(nil); errors.As(err, &lint) {
		s.Log.Info("a certificate was not issued", "certificate", c.arn(), "cause", lint)
		return &issued{failure: acmapi.FailureReason_INVALID_PUBLIC_DOMAIN}, nil
	} else if err != nil {
		return nil, err
	}
	i := &issued{leaf: leaf.Raw, chain: [][]byte{a.issuer.Certificate.Raw, a.root.Raw}}
	i.key, err = s.seal(ctx, c, key)
	return i, err
}

// take gives a certificate what was issued for it, and says what comes next.
func (s *Service) take(ctx context.Context, tx store.Tx, c *certificate, i *issued) error {
	now := s.now()
	if i.failure != "" {
		c.Status, c.Failure = acmapi.CertificateStatus_FAILED, i.failure
		return nil
	}
	c.Status, c.Issued = acmapi.CertificateStatus_ISSUED, now
	c.Leaf, c.Chain, c.Key = i.leaf, i.chain, i.key
	return s.follow(ctx, tx, c)
}

// follow has a certificate's renewal, warnings and end done in time.
func (s *Service) follow(ctx context.Context, tx store.Tx, c *certificate) error {
	leaf := c.leaf()
	if leaf == nil {
		return fmt.Errorf("acm: %s has no certificate", c.arn())
	}
	warn, err := s.warnings(ctx, tx, c.place())
	if err != nil {
		return err
	}
	if err := s.later(ctx, tx, jobExpire, c, leaf.NotAfter.Add(time.Second)); err != nil {
		return err
	}
	if err := s.later(ctx, tx, jobWarn, c, leaf.NotAfter.Add(-time.Duration(warn)*pki.Day)); err != nil {
		return err
	}
	if c.Type != acmapi.CertificateType_AMAZON_ISSUED {
		return nil
	}
	return s.later(ctx, tx, jobRenew, c, renewalOf(leaf))
}

// event tells the account of something that happened to a certificate.
// https://docs.aws.amazon.com/acm/latest/userguide/supported-events.html
func (s *Service) event(ctx context.Context, c *certificate, kind string, more map[string]any) error {
	detail := map[string]any{"CertificateType": eventType(c), "CommonName": c.Names[0], "InUse": false, "Exported": c.Exported}
	if c.Method != "" {
		detail["DomainValidationMethod"] = c.Method
	}
	if leaf := c.leaf(); leaf != nil {
		detail["CertificateCreatedDate"], detail["CertificateExpirationDate"] = leaf.NotBefore.Format(time.RFC3339), leaf.NotAfter.Format(time.RFC3339)
		detail["DaysToExpiry"] = int(leaf.NotAfter.Sub(s.now()) / pki.Day)
	}
	for k, v := range more {
		detail[k] = v
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	return s.Event(ctx, c.Account, c.Region, kind, []string{c.arn()}, text)
}

// available tells of a certificate that will be what was issued.
func (s *Service) available(ctx context.Context, c *certificate, i *issued, action string) error {
	if i.failure != "" {
		return nil
	}
	fresh := *c
	fresh.Leaf = i.leaf
	return s.event(ctx, &fresh, "ACM Certificate Available", map[string]any{"Action": action})
}

func eventType(c *certificate) string {
	switch c.Type {
	case acmapi.CertificateType_IMPORTED:
		return "IMPORTED"
	case acmapi.CertificateType_PRIVATE:
		return "PRIVATE"
	}
	return "PUBLIC"
}
