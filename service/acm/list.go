package acm

import (
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strconv"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/wire"
)

// ListCertificates lists certificates; unless it is asked for others, those with
// RSA keys of 1,024 and 2,048 bits.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html
func (s *Service) ListCertificates(ctx context.Context, in *acmapi.ListCertificatesRequest) (*acmapi.ListCertificatesResponse, error) {
	if (in.SortBy == "") != (in.SortOrder == "") {
		return nil, wire.Errorf("InvalidArgsException", "SortBy and SortOrder must be given together.")
	}
	all, err := s.all(ctx, func(c *certificate) bool { return listed(in, c) })
	if err != nil {
		return nil, err
	}
	if in.SortBy != "" {
		sortBy(all, func(c *certificate) string { return stamp(c.Created) }, in.SortOrder == acmapi.SortOrder_DESCENDING)
	}
	page, next, err := cut(all, in.NextToken, in.MaxItems, 1000)
	if err != nil {
		return nil, err
	}
	out := &acmapi.ListCertificatesResponse{CertificateSummaryList: []acmapi.CertificateSummary{}, NextToken: next}
	for _, c := range page {
		out.CertificateSummaryList = append(out.CertificateSummaryList, c.summary())
	}
	return out, nil
}

func listed(in *acmapi.ListCertificatesRequest, c *certificate) bool {
	f := in.Includes
	if f == nil {
		f = new(acmapi.Filters)
	}
	types := f.KeyTypes
	if len(types) == 0 {
		types = []acmapi.KeyAlgorithm{acmapi.KeyAlgorithm_RSA_1024, acmapi.KeyAlgorithm_RSA_2048}
	}
	if !slices.Contains(types, c.Algorithm) || !wants(in.CertificateStatuses, c.Status) || !wants(in.CertificateKeyPairOrigins, c.origin()) {
		return false
	}
	if f.ExportOption != "" && f.ExportOption != c.Export || f.ManagedBy != "" && f.ManagedBy != c.ManagedBy {
		return false
	}
	if len(f.KeyUsage) == 0 && len(f.ExtendedKeyUsage) == 0 {
		return true
	}
	leaf := c.leaf()
	return leaf != nil && among(f.KeyUsage, usages(leaf)) && among(f.ExtendedKeyUsage, extendedUsageNames(leaf))
}

// wants says whether a list of what is wanted has something, or wants all.
func wants[T comparable](list []T, v T) bool { return len(list) == 0 || slices.Contains(list, v) }

// among says whether any of what is wanted is there.
func among[T comparable](want, there []T) bool {
	return len(want) == 0 || slices.ContainsFunc(want, func(v T) bool { return slices.Contains(there, v) })
}

func (c *certificate) summary() acmapi.CertificateSummary {
	out := acmapi.CertificateSummary{
		CertificateArn: new(c.arn()), DomainName: &c.Names[0], SubjectAlternativeNameSummaries: c.Names, HasAdditionalSubjectAlternativeNames: new(false),
		Status: c.Status, Type: c.Type, KeyAlgorithm: c.Algorithm, ExportOption: c.Export, InUse: new(false), RenewalEligibility: c.eligibility(),
		CreatedAt: c.Created, IssuedAt: c.Issued, ImportedAt: c.Imported, RevokedAt: c.Revoked, ManagedBy: c.ManagedBy, CertificateKeyPairOrigin: c.origin(),
		KeyUsages: []acmapi.KeyUsageName{}, ExtendedKeyUsages: []acmapi.ExtendedKeyUsageName{},
	}
	if len(c.Names) > 100 {
		out.SubjectAlternativeNameSummaries, out.HasAdditionalSubjectAlternativeNames = c.Names[:100], new(true)
	}
	if c.Type == acmapi.CertificateType_PRIVATE {
		out.Exported = &c.Exported
	}
	if leaf := c.leaf(); leaf != nil {
		out.NotBefore, out.NotAfter = leaf.NotBefore, leaf.NotAfter
		out.KeyUsages, out.ExtendedKeyUsages = usages(leaf), extendedUsageNames(leaf)
	}
	return out
}

// all are the caller's certificates that are wanted, in the order of their ids.
func (s *Service) all(ctx context.Context, want func(*certificate) bool) ([]*certificate, error) {
	entries, err := s.certificates.List(ctx, s.Store, placeOf(ctx).home(), "", 0)
	if err != nil {
		return nil, err
	}
	var out []*certificate
	for _, e := range entries {
		if want(e.Value) {
			out = append(out, e.Value)
		}
	}
	return out, nil
}

// sortBy orders certificates by a text of theirs, then by id.
func sortBy(all []*certificate, key func(*certificate) string, down bool) {
	slices.SortFunc(all, func(a, b *certificate) int {
		n := cmp.Or(cmp.Compare(key(a), key(b)), cmp.Compare(a.ID, b.ID))
		if down {
			return -n
		}
		return n
	})
}

// cut is a page of a listing. A token says how many came before.
func cut(all []*certificate, token *string, limit *int32, usual int) (page []*certificate, next *string, err error) {
	from := 0
	if token != nil {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err == nil {
			from, err = strconv.Atoi(string(raw))
		}
		if err != nil || from < 1 {
			return nil, nil, invalid("The provided NextToken is invalid.")
		}
	}
	size := usual
	if limit != nil {
		size = int(*limit)
	}
	from = min(from, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		next = new(base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to))))
	}
	return all[from:to], next, nil
}
