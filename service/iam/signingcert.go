package iam

import (
	"context"
	"crypto/rsa"
	"crypto/sha1" // names certificates, as AWS does; nothing trusts it
	"crypto/x509"
	"errors"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) signingCertificateRules() policy.Rules {
	return policy.Rules{
		"DeleteSigningCertificate": onOwn(s, "DeleteSigningCertificate", func(in *iamapi.DeleteSigningCertificateRequest) *string { return in.UserName }),
		"ListSigningCertificates":  onOwn(s, "ListSigningCertificates", func(in *iamapi.ListSigningCertificatesRequest) *string { return in.UserName }),
		"UpdateSigningCertificate": onOwn(s, "UpdateSigningCertificate", func(in *iamapi.UpdateSigningCertificateRequest) *string { return in.UserName }),
		"UploadSigningCertificate": onOwn(s, "UploadSigningCertificate", func(in *iamapi.UploadSigningCertificateRequest) *string { return in.UserName }),
	}
}

// minSigningBits is the smallest RSA key of a signing certificate.
const minSigningBits = 1024

// parseSigning reads the one certificate of an upload.
func (s *Service) parseSigning(body string) (*x509.Certificate, error) {
	list, err := parseCertificates(body, 1)
	if err != nil {
		return nil, err
	}
	c := list[0]
	if err := current(c, s.Now()); err != nil {
		return nil, err
	}
	invalid := wire.Errorf("InvalidCertificate", "The certificate is invalid.")
	if k, ok := c.PublicKey.(*rsa.PublicKey); c.PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm || ok && k.N.BitLen() < minSigningBits {
		return nil, invalid
	}
	// A certificate that claims to have signed itself must have.
	if string(c.RawIssuer) == string(c.RawSubject) {
		if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
			return nil, invalid.With(err)
		}
	}
	return c, nil
}

// signingID is a certificate's id, which follows from the certificate.
func signingID(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return base32Raw.EncodeToString(sum[:])
}

func apiSigning(c *signingCertificate, o *owner) *iamapi.SigningCertificate {
	return &iamapi.SigningCertificate{
		UserName: o.name, CertificateId: c.ID, CertificateBody: c.Body, Status: status(c.Active), UploadDate: c.Uploaded,
	}
}

// signingOf reads a signing certificate of the owner that a call names.
func (s *Service) signingOf(ctx context.Context, r store.Reader, name *string, id string) (*signingCertificate, error) {
	o, err := s.owner(ctx, r, name)
	if err != nil {
		return nil, err
	}
	absent := wire.Errorf("NoSuchEntity", "The Certificate with id %s cannot be found.", id).WithStatus(404)
	c, err := s.signing.Get(ctx, r, accountOf(ctx)+"/"+id)
	if c, err = found(c, err, absent); err != nil {
		return nil, err
	}
	if c.Owner != o.id {
		return nil, absent
	}
	return c, nil
}

// UploadSigningCertificate gives a user, or the root user who calls, an X.509
// certificate. One that it has already is answered as it is; one that another
// has is DuplicateCertificate.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSigningCertificate.html
func (s *Service) UploadSigningCertificate(ctx context.Context, in *iamapi.UploadSigningCertificateRequest) (*iamapi.UploadSigningCertificateResponse, error) {
	parsed, parseErr := s.parseSigning(in.CertificateBody)
	var out *iamapi.SigningCertificate
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.owner(ctx, tx, in.UserName)
		if err != nil {
			return err
		}
		if parseErr != nil {
			return parseErr
		}
		c := &signingCertificate{
			Account: accountOf(ctx), ID: signingID(parsed), Owner: o.id, Body: in.CertificateBody,
			Active: true, Uploaded: s.now(),
		}
		old, err := s.signing.Get(ctx, tx, c.Account+"/"+c.ID)
		if err == nil && old.Owner == o.id {
			out = apiSigning(old, o)
			return nil
		} else if err == nil {
			return wire.Errorf("DuplicateCertificate", "The same certificate is already associated with another IAM user in the account.").WithStatus(409)
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		ids, err := s.signing.By(ctx, tx, "owner", o.id, "", 0)
		if err != nil {
			return err
		}
		if len(ids) >= maxSigningCertificates {
			return exceeded("CertificatesPerUser", maxSigningCertificates)
		}
		out = apiSigning(c, o)
		return s.signing.Insert(ctx, tx, c.Account+"/"+c.ID, c)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UploadSigningCertificateResponse{Certificate: out}, nil
}

// ListSigningCertificates lists the certificates of a user, or of the root user
// who calls.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSigningCertificates.html
func (s *Service) ListSigningCertificates(ctx context.Context, in *iamapi.ListSigningCertificatesRequest) (*iamapi.ListSigningCertificatesResponse, error) {
	o, page, truncated, marker, err := ownedPage(ctx, s, &s.signing, in.UserName, in.MaxItems, in.Marker, func(c *signingCertificate) string { return c.ID })
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListSigningCertificatesResponse{Certificates: []iamapi.SigningCertificate{}, IsTruncated: truncated, Marker: marker}
	for _, c := range page {
		out.Certificates = append(out.Certificates, *apiSigning(c, o))
	}
	return out, nil
}

// UpdateSigningCertificate activates or deactivates a certificate.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateSigningCertificate.html
func (s *Service) UpdateSigningCertificate(ctx context.Context, in *iamapi.UpdateSigningCertificateRequest) (*iamapi.UpdateSigningCertificateOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		c, err := s.signingOf(ctx, tx, in.UserName, in.CertificateId)
		if err != nil {
			return err
		}
		if c.Active, err = active(in.Status); err != nil {
			return err
		}
		return s.signing.Put(ctx, tx, c.Account+"/"+c.ID, c)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateSigningCertificateOutput{}, nil
}

// DeleteSigningCertificate deletes a certificate.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteSigningCertificate.html
func (s *Service) DeleteSigningCertificate(ctx context.Context, in *iamapi.DeleteSigningCertificateRequest) (*iamapi.DeleteSigningCertificateOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		c, err := s.signingOf(ctx, tx, in.UserName, in.CertificateId)
		if err != nil {
			return err
		}
		return s.signing.Delete(ctx, tx, c.Account+"/"+c.ID)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteSigningCertificateOutput{}, nil
}
