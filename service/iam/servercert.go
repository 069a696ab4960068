package iam

import (
	"context"
	"errors"
	"strings"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (c *serverCertificate) move(path, name *string) {
	h := holder{Path: c.Path, Name: c.Name}
	h.move(path, name)
	c.Path, c.Name = h.Path, h.Name
}

const serverCertificatePrefix = "ASCA"

func (s *Service) serverCertificate(ctx context.Context, r store.Reader, name string) (*serverCertificate, error) {
	c, err := s.serverCerts.Get(ctx, r, recordID(accountOf(ctx), name))
	return found(c, err, wire.Errorf("NoSuchEntity", "The Server Certificate with name %s cannot be found.", name).WithStatus(404))
}

func serverCertificateExists(name string) *wire.Error {
	return wire.Errorf("EntityAlreadyExists", "The Server Certificate with name %s already exists.", name).WithStatus(409)
}

func (c *serverCertificate) metadata() *iamapi.ServerCertificateMetadata {
	return &iamapi.ServerCertificateMetadata{
		Path: c.Path, ServerCertificateName: c.Name, ServerCertificateId: c.ID, Arn: c.ARN(),
		UploadDate: c.Uploaded, Expiration: c.Expires,
	}
}

// checkServerCertificate reads certificate, chain and key of an upload and
// returns when the certificate expires.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html
func (s *Service) checkServerCertificate(in *iamapi.UploadServerCertificateRequest) (expires time.Time, err error) {
	list, err := parseCertificates(in.CertificateBody, 1)
	if err != nil {
		return expires, err
	}
	leaf := list[0]
	if err := current(leaf, s.Now()); err != nil {
		return expires, err
	}
	key, err := parsePrivateKey(in.PrivateKey)
	if err != nil {
		return expires, err
	}
	if !keyFits(leaf, key) {
		return expires, wire.Errorf("KeyPairMismatch", "The public key certificate and the private key do not match.")
	}
	if in.CertificateChain != nil {
		chain, err := parseCertificates(*in.CertificateChain, maxChain)
		if err != nil {
			return expires, err
		}
		if err := checkChain(leaf, chain); err != nil {
			return expires, err
		}
	}
	return leaf.NotAfter, nil
}

// UploadServerCertificate stores a certificate with its private key, which no
// operation gives out again.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadServerCertificate.html
func (s *Service) UploadServerCertificate(ctx context.Context, in *iamapi.UploadServerCertificateRequest) (*iamapi.UploadServerCertificateResponse, error) {
	expires, err := s.checkServerCertificate(in)
	if err != nil {
		return nil, err
	}
	c := &serverCertificate{
		Account: accountOf(ctx), Name: in.ServerCertificateName, Path: pathOr(in.Path), ID: newID(serverCertificatePrefix),
		Body: strings.TrimSpace(in.CertificateBody), Chain: strings.TrimSpace(orZero(in.CertificateChain)),
		Key: in.PrivateKey, Uploaded: s.now(), Expires: expires,
	}
	if c.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.serverCerts.Insert(ctx, tx, recordID(c.Account, c.Name), c)
		if errors.Is(err, store.ErrExists) {
			return serverCertificateExists(c.Name)
		} else if err != nil {
			return err
		}
		return s.count(ctx, tx, c.Account, func(n *counts) error {
			if n.ServerCertificates++; n.ServerCertificates > s.Quotas.ServerCertificates {
				return exceeded("ServerCertificatesPerAccount", s.Quotas.ServerCertificates)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UploadServerCertificateResponse{ServerCertificateMetadata: c.metadata(), Tags: apiTags(c.Tags)}, nil
}

// GetServerCertificate shows a certificate and its chain, without the key.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServerCertificate.html
func (s *Service) GetServerCertificate(ctx context.Context, in *iamapi.GetServerCertificateRequest) (*iamapi.GetServerCertificateResponse, error) {
	c, err := s.serverCertificate(ctx, s.Store, in.ServerCertificateName)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetServerCertificateResponse{ServerCertificate: &iamapi.ServerCertificate{
		ServerCertificateMetadata: c.metadata(), CertificateBody: c.Body, CertificateChain: nilIfEmpty(c.Chain), Tags: apiTags(c.Tags),
	}}, nil
}

// ListServerCertificates lists the certificates below a path, without tags.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServerCertificates.html
func (s *Service) ListServerCertificates(ctx context.Context, in *iamapi.ListServerCertificatesRequest) (*iamapi.ListServerCertificatesResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	list, truncated, marker, err := listPage(ctx, s.Store, &s.serverCerts, accountOf(ctx), p, func(c *serverCertificate) bool {
		return in.PathPrefix == nil || strings.HasPrefix(c.Path, *in.PathPrefix)
	})
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListServerCertificatesResponse{
		ServerCertificateMetadataList: []iamapi.ServerCertificateMetadata{}, IsTruncated: truncated, Marker: marker,
	}
	for _, c := range list {
		out.ServerCertificateMetadataList = append(out.ServerCertificateMetadataList, *c.metadata())
	}
	return out, nil
}

// UpdateServerCertificate changes a certificate's name or path.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateServerCertificate.html
func (s *Service) UpdateServerCertificate(ctx context.Context, in *iamapi.UpdateServerCertificateRequest) (*iamapi.UpdateServerCertificateOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		c, err := s.serverCertificate(ctx, tx, in.ServerCertificateName)
		if err != nil {
			return err
		}
		old := recordID(c.Account, c.Name)
		c.move(in.NewPath, in.NewServerCertificateName)
		id := recordID(c.Account, c.Name)
		if id == old {
			return s.serverCerts.Put(ctx, tx, id, c)
		}
		if err := s.serverCerts.Delete(ctx, tx, old); err != nil {
			return err
		}
		err = s.serverCerts.Insert(ctx, tx, id, c)
		if errors.Is(err, store.ErrExists) {
			return serverCertificateExists(c.Name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateServerCertificateOutput{}, nil
}

// DeleteServerCertificate deletes a certificate with its private key.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteServerCertificate.html
func (s *Service) DeleteServerCertificate(ctx context.Context, in *iamapi.DeleteServerCertificateRequest) (*iamapi.DeleteServerCertificateOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		c, err := s.serverCertificate(ctx, tx, in.ServerCertificateName)
		if err != nil {
			return err
		}
		if err := s.count(ctx, tx, c.Account, func(n *counts) error { n.ServerCertificates--; return nil }); err != nil {
			return err
		}
		return s.serverCerts.Delete(ctx, tx, recordID(c.Account, c.Name))
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteServerCertificateOutput{}, nil
}
