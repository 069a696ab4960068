package rolesanywhere

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"strings"

	rolesapi "bartizan.dev/api/rolesanywhere"
	"bartizan.dev/store"
)

// CreateTrustAnchor establishes trust in a certificate authority.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_CreateTrustAnchor.html
func (s *Service) CreateTrustAnchor(ctx context.Context, in *rolesapi.CreateTrustAnchorRequest) (*rolesapi.TrustAnchorDetailResponse, error) {
	bundle, err := bundleOf(in.Source)
	if err != nil {
		return nil, err
	}
	if err := noDistributionPoints(in.CrlDpRevocationEnabled); err != nil {
		return nil, err
	}
	a := &anchor{head: s.newHead(ctx, in.Name, in.AliasName, in.Enabled), Bundle: bundle}
	if a.Notifications, err = notifications(nil, in.NotificationSettings); err != nil {
		return nil, err
	}
	if a.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		return s.anchors.insert(ctx, tx, a, s.Quotas.Anchors)
	})
	if err != nil {
		return nil, err
	}
	return &rolesapi.TrustAnchorDetailResponse{TrustAnchor: s.anchorDetail(a)}, nil
}

// newHead begins a resource of the caller's account and Region. AWS: resources
// are disabled unless enabled is given.
func (s *Service) newHead(ctx context.Context, name string, alias *string, enabled *bool) head {
	at, now := placeOf(ctx), s.Now().UTC()
	h := head{ID: newID(), Account: at.account, Region: at.region, Name: name, Created: now, Updated: now}
	if alias != nil {
		h.Alias = *alias
	}
	h.Enabled = enabled != nil && *enabled
	return h
}

// bundleOf reads the source of a trust anchor.
func bundleOf(source *rolesapi.Source) (string, error) {
	switch source.SourceType {
	case rolesapi.TrustAnchorType_CERTIFICATE_BUNDLE:
	case rolesapi.TrustAnchorType_AWS_ACM_PCA:
		return "", invalid("AWS Private CA is not built yet: give the authority's certificate as a CERTIFICATE_BUNDLE.")
	case rolesapi.TrustAnchorType_SELF_SIGNED_REPOSITORY:
		return "", invalid("Trust anchors of type SELF_SIGNED_REPOSITORY are not supported.")
	default:
		return "", invalid("Trust anchor source type is required")
	}
	if source.SourceData == nil || source.SourceData.X509CertificateData == nil {
		if source.SourceData != nil && source.SourceData.AcmPcaArn != nil {
			return "", invalid("A trust anchor of type CERTIFICATE_BUNDLE takes x509CertificateData, not acmPcaArn.")
		}
		return "", invalid("Trust anchor source data is required")
	}
	bundle := *source.SourceData.X509CertificateData
	_, err := authorities(bundle)
	return bundle, err
}

// authorities parses the certificates of a bundle and holds them to what AWS
// demands of a trust anchor.
// https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html#signature-verification
func authorities(bundle string) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	for rest := []byte(bundle); ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			if strings.TrimSpace(string(rest)) != "" || list == nil {
				return nil, invalid("Unable to parse the certificate bundle: it must hold certificates in PEM.")
			}
			return list, nil
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, invalid("Unable to parse the certificate bundle: it must hold certificates in PEM.")
		}
		switch {
		case cert.Version != 3:
			return nil, invalid("Certificates must be X.509v3")
		case !cert.BasicConstraintsValid || !cert.IsCA:
			return nil, invalid("Incorrect basic constraints for CA certificate")
		case cert.KeyUsage&x509.KeyUsageCertSign == 0:
			return nil, invalid("Incorrect key usage for CA certificate")
		case !strong(cert):
			return nil, invalid("Insufficient signature algorithm or key of CA certificate")
		}
		if list = append(list, cert); len(list) > maxCertificates {
			return nil, invalid("A trust anchor can have at most %d certificates.", maxCertificates)
		}
	}
}

// noDistributionPoints refuses what would make the server fetch from addresses
// that a certificate names.
func noDistributionPoints(enabled *bool) error {
	if enabled != nil && *enabled {
		return invalid("CRL distribution points are not fetched here: import the CRL with ImportCrl.")
	}
	return nil
}

// GetTrustAnchor tells about a trust anchor.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_GetTrustAnchor.html
func (s *Service) GetTrustAnchor(ctx context.Context, in *rolesapi.ScalarTrustAnchorRequest) (*rolesapi.TrustAnchorDetailResponse, error) {
	a, err := s.anchors.find(ctx, s.Store, placeOf(ctx), in.TrustAnchorId)
	if err != nil {
		return nil, err
	}
	return &rolesapi.TrustAnchorDetailResponse{TrustAnchor: s.anchorDetail(a)}, nil
}

// UpdateTrustAnchor changes what is given.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_UpdateTrustAnchor.html
func (s *Service) UpdateTrustAnchor(ctx context.Context, in *rolesapi.UpdateTrustAnchorRequest) (*rolesapi.TrustAnchorDetailResponse, error) {
	if err := noDistributionPoints(in.CrlDpRevocationEnabled); err != nil {
		return nil, err
	}
	var previous *string
	a, err := s.anchors.change(ctx, s, in.TrustAnchorId, func(_ store.Tx, a *anchor) (err error) {
		previous = a.rename(in.Name, in.AliasName)
		if in.Source != nil {
			a.Bundle, err = bundleOf(in.Source)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := s.anchorDetail(a)
	out.PreviousAliasName = previous
	return &rolesapi.TrustAnchorDetailResponse{TrustAnchor: out}, nil
}

// rename changes name and alias where they are given and returns the alias that
// went away. An empty alias takes the old one away.
func (h *head) rename(name, alias *string) (previous *string) {
	if name != nil {
		h.Name = *name
	}
	if alias != nil && *alias != h.Alias {
		previous = text(h.Alias)
		h.Alias = *alias
	}
	return previous
}

// EnableTrustAnchor lets certificates of the anchor's authorities in.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_EnableTrustAnchor.html
func (s *Service) EnableTrustAnchor(ctx context.Context, in *rolesapi.ScalarTrustAnchorRequest) (*rolesapi.TrustAnchorDetailResponse, error) {
	return s.switchAnchor(ctx, in.TrustAnchorId, true)
}

// DisableTrustAnchor keeps them out.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_DisableTrustAnchor.html
func (s *Service) DisableTrustAnchor(ctx context.Context, in *rolesapi.ScalarTrustAnchorRequest) (*rolesapi.TrustAnchorDetailResponse, error) {
	return s.switchAnchor(ctx, in.TrustAnchorId, false)
}

func (s *Service) switchAnchor(ctx context.Context, id string, on bool) (*rolesapi.TrustAnchorDetailResponse, error) {
	a, err := s.anchors.change(ctx, s, id, func(_ store.Tx, a *anchor) error { a.Enabled = on; return nil })
	if err != nil {
		return nil, err
	}
	return &rolesapi.TrustAnchorDetailResponse{TrustAnchor: s.anchorDetail(a)}, nil
}

// DeleteTrustAnchor deletes a trust anchor, and the revocation lists that were
// imported for it.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_DeleteTrustAnchor.html
func (s *Service) DeleteTrustAnchor(ctx context.Context, in *rolesapi.ScalarTrustAnchorRequest) (*rolesapi.TrustAnchorDetailResponse, error) {
	var gone *anchor
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if gone, err = s.anchors.find(ctx, tx, placeOf(ctx), in.TrustAnchorId); err != nil {
			return err
		}
		id := gone.place().id(gone.ID)
		lists, err := s.crls.By(ctx, tx, "anchor", id, "", 0)
		if err != nil {
			return err
		}
		for _, list := range lists {
			if err := s.crls.Delete(ctx, tx, list); err != nil {
				return err
			}
		}
		return s.anchors.Delete(ctx, tx, id)
	})
	if err != nil {
		return nil, err
	}
	return &rolesapi.TrustAnchorDetailResponse{TrustAnchor: s.anchorDetail(gone)}, nil
}

// ListTrustAnchors lists the account's trust anchors in the Region.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_ListTrustAnchors.html
func (s *Service) ListTrustAnchors(ctx context.Context, in *rolesapi.ListRequest) (*rolesapi.ListTrustAnchorsResponse, error) {
	list, next, err := s.anchors.page(ctx, s, in.NextToken, in.PageSize)
	if err != nil {
		return nil, err
	}
	out := &rolesapi.ListTrustAnchorsResponse{NextToken: next, TrustAnchors: []rolesapi.TrustAnchorDetail{}}
	for _, a := range list {
		out.TrustAnchors = append(out.TrustAnchors, *s.anchorDetail(a))
	}
	return out, nil
}

func (s *Service) anchorDetail(a *anchor) *rolesapi.TrustAnchorDetail {
	return &rolesapi.TrustAnchorDetail{
		TrustAnchorId: new(a.ID), TrustAnchorArn: s.anchors.arn(&a.head), Name: new(a.Name),
		AliasName: text(a.Alias), AliasArn: s.anchors.aliasARN(&a.head),
		Source: &rolesapi.Source{
			SourceType: rolesapi.TrustAnchorType_CERTIFICATE_BUNDLE,
			SourceData: &rolesapi.SourceData{X509CertificateData: new(a.Bundle)},
		},
		Enabled: new(a.Enabled), CrlDpRevocationEnabled: new(false),
		CreatedAt: a.Created, UpdatedAt: a.Updated,
		NotificationSettings: a.notificationDetails(),
	}
}
