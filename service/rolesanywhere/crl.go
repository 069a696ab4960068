package rolesanywhere

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"

	rolesapi "bartizan.dev/api/rolesanywhere"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// ImportCrl imports a certificate revocation list for a trust anchor.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_ImportCrl.html
func (s *Service) ImportCrl(ctx context.Context, in *rolesapi.ImportCrlRequest) (*rolesapi.CrlDetailResponse, error) {
	c := &crl{head: s.newHead(ctx, in.Name, in.AliasName, in.Enabled), Data: in.CrlData}
	var err error
	if c.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.anchors.find(ctx, tx, placeOf(ctx), in.TrustAnchorArn)
		if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == "ResourceNotFoundException" {
			return invalid("%s", e.Message) // the reference lists no other error here
		} else if err != nil {
			return err
		}
		if err := checkList(in.CrlData, a); err != nil {
			return err
		}
		c.Anchor = a.ID
		have, err := s.crls.By(ctx, tx, "anchor", a.place().id(a.ID), "", maxCRLs)
		if err != nil {
			return err
		}
		if len(have) >= maxCRLs {
			return invalid("A trust anchor can have at most %d CRLs.", maxCRLs)
		}
		return s.crls.insert(ctx, tx, c, 0)
	})
	if err != nil {
		return nil, err
	}
	return &rolesapi.CrlDetailResponse{Crl: s.crlDetail(c)}, nil
}

// parseList reads a revocation list in PEM.
func parseList(data []byte) (*x509.RevocationList, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "X509 CRL" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, invalid("The CRL must be one in PEM format.")
	}
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		return nil, invalid("The CRL cannot be parsed.")
	}
	return list, nil
}

// checkList refuses a list that is not what it says: one in the name of the
// anchor's authority that the authority did not sign. A list of an intermediate
// authority is checked when a chain through it is shown.
func checkList(data []byte, a *anchor) error {
	list, err := parseList(data)
	if err != nil {
		return err
	}
	certs, err := authorities(a.Bundle)
	if err != nil {
		return err
	}
	for _, cert := range certs {
		if bytes.Equal(cert.RawSubject, list.RawIssuer) {
			if list.CheckSignatureFrom(cert) == nil {
				return nil
			}
			err = invalid("The CRL was not signed by the trust anchor's certificate authority.")
		}
	}
	return err
}

// GetCrl tells about a revocation list.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_GetCrl.html
func (s *Service) GetCrl(ctx context.Context, in *rolesapi.ScalarCrlRequest) (*rolesapi.CrlDetailResponse, error) {
	c, err := s.crls.find(ctx, s.Store, placeOf(ctx), in.CrlId)
	if err != nil {
		return nil, err
	}
	return &rolesapi.CrlDetailResponse{Crl: s.crlDetail(c)}, nil
}

// UpdateCrl changes what is given.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_UpdateCrl.html
func (s *Service) UpdateCrl(ctx context.Context, in *rolesapi.UpdateCrlRequest) (*rolesapi.CrlDetailResponse, error) {
	var previous *string
	c, err := s.crls.change(ctx, s, in.CrlId, func(tx store.Tx, c *crl) error {
		previous = c.rename(in.Name, in.AliasName)
		if in.CrlData == nil {
			return nil
		}
		a, err := s.anchors.find(ctx, tx, c.place(), c.Anchor)
		if err != nil {
			return err
		}
		c.Data = in.CrlData
		return checkList(c.Data, a)
	})
	if err != nil {
		return nil, err
	}
	out := s.crlDetail(c)
	out.PreviousAliasName = previous
	return &rolesapi.CrlDetailResponse{Crl: out}, nil
}

// EnableCrl makes a list count.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_EnableCrl.html
func (s *Service) EnableCrl(ctx context.Context, in *rolesapi.ScalarCrlRequest) (*rolesapi.CrlDetailResponse, error) {
	return s.switchCRL(ctx, in.CrlId, true)
}

// DisableCrl makes a list count for nothing.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_DisableCrl.html
func (s *Service) DisableCrl(ctx context.Context, in *rolesapi.ScalarCrlRequest) (*rolesapi.CrlDetailResponse, error) {
	return s.switchCRL(ctx, in.CrlId, false)
}

func (s *Service) switchCRL(ctx context.Context, id string, on bool) (*rolesapi.CrlDetailResponse, error) {
	c, err := s.crls.change(ctx, s, id, func(_ store.Tx, c *crl) error { c.Enabled = on; return nil })
	if err != nil {
		return nil, err
	}
	return &rolesapi.CrlDetailResponse{Crl: s.crlDetail(c)}, nil
}

// DeleteCrl deletes a list.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_DeleteCrl.html
func (s *Service) DeleteCrl(ctx context.Context, in *rolesapi.ScalarCrlRequest) (*rolesapi.CrlDetailResponse, error) {
	var gone *crl
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if gone, err = s.crls.find(ctx, tx, placeOf(ctx), in.CrlId); err != nil {
			return err
		}
		return s.crls.Delete(ctx, tx, gone.place().id(gone.ID))
	})
	if err != nil {
		return nil, err
	}
	return &rolesapi.CrlDetailResponse{Crl: s.crlDetail(gone)}, nil
}

// ListCrls lists the account's revocation lists in the Region.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_ListCrls.html
func (s *Service) ListCrls(ctx context.Context, in *rolesapi.ListRequest) (*rolesapi.ListCrlsResponse, error) {
	list, next, err := s.crls.page(ctx, s, in.NextToken, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &rolesapi.ListCrlsResponse{NextToken: next, Crls: []rolesapi.CrlDetail{}}
	for _, c := range list {
		out.Crls = append(out.Crls, *s.crlDetail(c))
	}
	return out, nil
}

func (s *Service) crlDetail(c *crl) *rolesapi.CrlDetail {
	return &rolesapi.CrlDetail{
		CrlId: new(c.ID), CrlArn: s.crls.arn(&c.head), Name: new(c.Name), Enabled: new(c.Enabled), CrlData: c.Data,
		AliasName: text(c.Alias), AliasArn: s.crls.aliasARN(&c.head),
		TrustAnchorArn: new(c.place().arn(s.anchors.name, c.Anchor)), CreatedAt: c.Created, UpdatedAt: c.Updated,
	}
}
