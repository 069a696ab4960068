package acm

import (
	"context"
	"errors"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/store"
)

// usualWarning is how many days before its end warnings of a certificate begin.
const usualWarning = 45

// warnings is how many days they begin in an account.
func (s *Service) warnings(ctx context.Context, r store.Reader, at place) (int32, error) {
	c, err := s.configurations.Get(ctx, r, at.account+"/"+at.region)
	if errors.Is(err, store.ErrNotFound) {
		return usualWarning, nil
	}
	if err != nil {
		return 0, err
	}
	return c.Days, nil
}

// GetAccountConfiguration tells when warnings begin.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_GetAccountConfiguration.html
func (s *Service) GetAccountConfiguration(ctx context.Context, _ *acmapi.GetAccountConfigurationInput) (*acmapi.GetAccountConfigurationResponse, error) {
	days, err := s.warnings(ctx, s.Store, placeOf(ctx))
	if err != nil {
		return nil, err
	}
	return &acmapi.GetAccountConfigurationResponse{ExpiryEvents: &acmapi.ExpiryEventsConfiguration{DaysBeforeExpiry: &days}}, nil
}

// PutAccountConfiguration changes when warnings begin, also of certificates that
// are there.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_PutAccountConfiguration.html
func (s *Service) PutAccountConfiguration(ctx context.Context, in *acmapi.PutAccountConfigurationRequest) (*acmapi.PutAccountConfigurationOutput, error) {
	at := placeOf(ctx)
	c := &configuration{Days: usualWarning, Token: in.IdempotencyToken}
	if in.ExpiryEvents != nil && in.ExpiryEvents.DaysBeforeExpiry != nil {
		c.Days = *in.ExpiryEvents.DaysBeforeExpiry
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		id := at.account + "/" + at.region
		old, err := s.configurations.Get(ctx, tx, id)
		switch {
		case err == nil && old.Token == c.Token && old.Days == c.Days:
			return nil
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := s.configurations.Put(ctx, tx, id, c); err != nil {
			return err
		}
		all, err := s.certificates.List(ctx, tx, at.home(), "", 0)
		if err != nil {
			return err
		}
		for _, e := range all {
			if e.Value.Status == acmapi.CertificateStatus_ISSUED {
				if err := s.follow(ctx, tx, e.Value); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &acmapi.PutAccountConfigurationOutput{}, nil
}

// UpdateCertificateOptions changes what may be done with a certificate.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_UpdateCertificateOptions.html
func (s *Service) UpdateCertificateOptions(ctx context.Context, in *acmapi.UpdateCertificateOptionsRequest) (*acmapi.UpdateCertificateOptionsOutput, error) {
	err := s.change(ctx, in.CertificateArn, func(_ store.Tx, c *certificate) error {
		if c.Type == acmapi.CertificateType_IMPORTED {
			return invalid("Certificate %s was imported: it has no options.", c.arn())
		}
		if m := in.Options.ValidationMethod; m != "" && m != c.Method {
			return invalid("The validation method of %s cannot be changed to %s here.", c.arn(), m)
		}
		if p := in.Options.CertificateTransparencyLoggingPreference; p != "" {
			c.Logging = p
		}
		if e := in.Options.Export; e != "" {
			if e == acmapi.CertificateExport_DISABLED && c.Exported {
				return invalid("Certificate %s has been exported.", c.arn())
			}
			c.Export = e
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &acmapi.UpdateCertificateOptionsOutput{}, nil
}
