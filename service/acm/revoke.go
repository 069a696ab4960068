package acm

import (
	"context"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/store"
)

// RevokeCertificate takes a certificate back for good: its authority's list and
// OCSP answers say so at once.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_RevokeCertificate.html
func (s *Service) RevokeCertificate(ctx context.Context, in *acmapi.RevokeCertificateRequest) (*acmapi.RevokeCertificateResponse, error) {
	reason, ok := reasons[in.RevocationReason]
	if !ok {
		return nil, invalid("Certificates cannot be revoked for the reason %s.", in.RevocationReason)
	}
	var gone *certificate
	err := s.change(ctx, in.CertificateArn, func(tx store.Tx, c *certificate) error {
		leaf := c.leaf()
		switch {
		case c.Type != acmapi.CertificateType_AMAZON_ISSUED:
			return invalid("Certificate %s was not issued by ACM and cannot be revoked by it.", c.arn())
		case c.Status != acmapi.CertificateStatus_ISSUED || leaf == nil:
			return invalid("Certificate %s is %s and cannot be revoked.", c.arn(), c.Status)
		case !c.Exported:
			return invalid("Certificate %s was never exported: delete it instead.", c.arn())
		}
		c.Status, c.Revoked, c.Reason = acmapi.CertificateStatus_REVOKED, s.now(), in.RevocationReason
		gone = c
		return s.revocations.Put(ctx, tx, c.Region+"/"+leaf.SerialNumber.Text(16), &revocation{At: c.Revoked, Reason: reason, Until: leaf.NotAfter})
	})
	if err != nil {
		return nil, err
	}
	if err := s.event(ctx, gone, "ACM Certificate Revoked", map[string]any{"RevocationReason": in.RevocationReason}); err != nil {
		s.Log.Error("an event was lost", "certificate", gone.arn(), "cause", err)
	}
	return &acmapi.RevokeCertificateResponse{CertificateArn: new(gone.arn())}, nil
}

// DeleteCertificate removes a certificate and its key.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_DeleteCertificate.html
func (s *Service) DeleteCertificate(ctx context.Context, in *acmapi.DeleteCertificateRequest) (*acmapi.DeleteCertificateOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		c, err := s.find(ctx, tx, in.CertificateArn)
		if err != nil {
			return err
		}
		for _, kind := range []string{jobValidate, jobRenew, jobExpire, jobWarn} {
			if err := s.queue.Cancel(ctx, tx, kind, c.id()); err != nil {
				return err
			}
		}
		return s.certificates.Delete(ctx, tx, c.id())
	})
	if err != nil {
		return nil, err
	}
	return &acmapi.DeleteCertificateOutput{}, nil
}
