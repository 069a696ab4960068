package iam

import (
	"context"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/store"
)

// changeServerCertificate changes a server certificate in a transaction.
func (s *Service) changeServerCertificate(ctx context.Context, name string, change func(*serverCertificate) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		c, err := s.serverCertificate(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := change(c); err != nil {
			return err
		}
		return s.serverCerts.Put(ctx, tx, recordID(c.Account, c.Name), c)
	})
	return err
}

// TagServerCertificate adds tags to a certificate or replaces their values.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagServerCertificate.html
func (s *Service) TagServerCertificate(ctx context.Context, in *iamapi.TagServerCertificateRequest) (*iamapi.TagServerCertificateOutput, error) {
	err := s.changeServerCertificate(ctx, in.ServerCertificateName, func(c *serverCertificate) (err error) {
		c.Tags, err = setTags(c.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.TagServerCertificateOutput{}, nil
}

// UntagServerCertificate removes tags from a certificate. Keys it does not have
// are no error.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagServerCertificate.html
func (s *Service) UntagServerCertificate(ctx context.Context, in *iamapi.UntagServerCertificateRequest) (*iamapi.UntagServerCertificateOutput, error) {
	err := s.changeServerCertificate(ctx, in.ServerCertificateName, func(c *serverCertificate) error {
		c.Tags = removeTags(c.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UntagServerCertificateOutput{}, nil
}

// ListServerCertificateTags lists a certificate's tags in the order of their
// keys.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServerCertificateTags.html
func (s *Service) ListServerCertificateTags(ctx context.Context, in *iamapi.ListServerCertificateTagsRequest) (*iamapi.ListServerCertificateTagsResponse, error) {
	c, err := s.serverCertificate(ctx, s.Store, in.ServerCertificateName)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListServerCertificateTagsResponse{}
	out.Tags, out.IsTruncated, out.Marker, err = listTags(c.Tags, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return out, nil
}
