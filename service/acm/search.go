package acm

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"strconv"
	"strings"
	"time"

	acmapi "bartizan.dev/api/acm"
)

const (
	maxDepth = 10 // of a filter
	maxParts = 100
)

// SearchCertificates lists the certificates that a filter wants.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_SearchCertificates.html
func (s *Service) SearchCertificates(ctx context.Context, in *acmapi.SearchCertificatesRequest) (*acmapi.SearchCertificatesResponse, error) {
	parts := 0
	if err := checkFilter(in.FilterStatement, 0, &parts); err != nil {
		return nil, err
	}
	all, err := s.all(ctx, func(c *certificate) bool {
		return in.FilterStatement == nil || matches(in.FilterStatement, c, c.leaf())
	})
	if err != nil {
		return nil, err
	}
	by := in.SortBy
	if by == "" {
		by = acmapi.SearchCertificatesSortBy_CREATED_AT
	}
	sortBy(all, func(c *certificate) string { return sortKey(by, c, c.leaf()) }, in.SortOrder != acmapi.SearchCertificatesSortOrder_ASCENDING)
	page, next, err := cut(all, in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	out := &acmapi.SearchCertificatesResponse{Results: []acmapi.CertificateSearchResult{}, NextToken: next}
	for _, c := range page {
		out.Results = append(out.Results, c.result())
	}
	return out, nil
}

// checkFilter refuses a statement that is not exactly one thing, and one that is
// too deep or too long.
func checkFilter(f *acmapi.CertificateFilterStatement, depth int, parts *int) error {
	if f == nil {
		return nil
	}
	if *parts++; depth > maxDepth || *parts > maxParts {
		return invalid("The filter statement is too deep or has too many parts.")
	}
	n := 0
	for _, given := range []bool{len(f.And) > 0, len(f.Or) > 0, f.Not != nil, f.Filter != nil} {
		if given {
			n++
		}
	}
	if n != 1 {
		return invalid("A filter statement must have exactly one of And, Or, Not and Filter.")
	}
	for _, list := range [][]acmapi.CertificateFilterStatement{f.And, f.Or} {
		for i := range list {
			if err := checkFilter(&list[i], depth+1, parts); err != nil {
				return err
			}
		}
	}
	return checkFilter(f.Not, depth+1, parts)
}

func matches(f *acmapi.CertificateFilterStatement, c *certificate, leaf *x509.Certificate) bool {
	in := func(f acmapi.CertificateFilterStatement) bool { return matches(&f, c, leaf) }
	switch {
	case f.Not != nil:
		return !matches(f.Not, c, leaf)
	case len(f.And) > 0:
		return !slices.ContainsFunc(f.And, func(f acmapi.CertificateFilterStatement) bool { return !in(f) })
	case len(f.Or) > 0:
		return slices.ContainsFunc(f.Or, in)
	}
	switch one := f.Filter; {
	case one.CertificateArn != nil:
		return *one.CertificateArn == c.arn()
	case one.X509AttributeFilter != nil:
		return attributes(one.X509AttributeFilter, c, leaf)
	case one.AcmCertificateMetadataFilter != nil:
		return metadata(one.AcmCertificateMetadataFilter, c)
	}
	return false
}

// attributes: of a union, the member that is set decides.
func attributes(f *acmapi.X509AttributeFilter, c *certificate, leaf *x509.Certificate) bool {
	switch {
	case f.KeyAlgorithm != "":
		return f.KeyAlgorithm == c.Algorithm
	case f.SubjectAlternativeName != nil && f.SubjectAlternativeName.DnsName != nil:
		d := f.SubjectAlternativeName.DnsName
		return slices.ContainsFunc(c.Names, func(n string) bool { return compare(n, d.Value, d.ComparisonOperator) })
	case f.Subject != nil && f.Subject.CommonName != nil:
		return compare(c.Names[0], f.Subject.CommonName.Value, f.Subject.CommonName.ComparisonOperator)
	case leaf == nil:
		return false
	case f.ExtendedKeyUsage != "":
		return slices.Contains(extendedUsageNames(leaf), f.ExtendedKeyUsage)
	case f.KeyUsage != "":
		return slices.Contains(usages(leaf), f.KeyUsage)
	case f.SerialNumber != nil:
		return *f.SerialNumber == colons(leaf.SerialNumber.Bytes())
	case f.NotAfter != nil:
		return within(f.NotAfter, leaf.NotAfter)
	case f.NotBefore != nil:
		return within(f.NotBefore, leaf.NotBefore)
	}
	return false
}

func metadata(f *acmapi.AcmCertificateMetadataFilter, c *certificate) bool {
	switch {
	case f.Status != "":
		return f.Status == c.Status
	case f.RenewalStatus != "":
		return c.Renewal != nil && f.RenewalStatus == c.Renewal.Status
	case f.Type != "":
		return f.Type == c.Type
	case f.InUse != nil:
		return !*f.InUse // nothing uses certificates yet
	case f.Exported != nil:
		return *f.Exported == c.Exported
	case f.ExportOption != "":
		return f.ExportOption == c.Export
	case f.ManagedBy != "":
		return f.ManagedBy == c.ManagedBy
	case f.ValidationMethod != "":
		return f.ValidationMethod == c.Method
	case f.CertificateKeyPairOrigin != "":
		return f.CertificateKeyPairOrigin == c.origin()
	}
	return false // of ACME endpoints there are none
}

func compare(text, want string, op acmapi.ComparisonOperator) bool {
	text, want = strings.ToLower(text), strings.ToLower(want)
	if op == acmapi.ComparisonOperator_EQUALS {
		return text == want
	}
	return strings.Contains(text, want)
}

func within(r *acmapi.TimestampRange, at time.Time) bool {
	return (r.Start.IsZero() || !at.Before(r.Start)) && (r.End.IsZero() || !at.After(r.End))
}

// stamp writes a time so that texts order as times do.
func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000")
}

func sortKey(by acmapi.SearchCertificatesSortBy, c *certificate, leaf *x509.Certificate) string {
	switch by {
	case acmapi.SearchCertificatesSortBy_CREATED_AT:
		return stamp(c.Created)
	case acmapi.SearchCertificatesSortBy_ISSUED_AT:
		return stamp(c.Issued)
	case acmapi.SearchCertificatesSortBy_IMPORTED_AT:
		return stamp(c.Imported)
	case acmapi.SearchCertificatesSortBy_REVOKED_AT:
		return stamp(c.Revoked)
	case acmapi.SearchCertificatesSortBy_NOT_AFTER, acmapi.SearchCertificatesSortBy_NOT_BEFORE:
		if leaf == nil {
			return ""
		}
		if by == acmapi.SearchCertificatesSortBy_NOT_AFTER {
			return stamp(leaf.NotAfter)
		}
		return stamp(leaf.NotBefore)
	case acmapi.SearchCertificatesSortBy_STATUS:
		return string(c.Status)
	case acmapi.SearchCertificatesSortBy_RENEWAL_STATUS:
		if c.Renewal != nil {
			return string(c.Renewal.Status)
		}
	case acmapi.SearchCertificatesSortBy_EXPORTED:
		return strconv.FormatBool(c.Exported)
	case acmapi.SearchCertificatesSortBy_KEY_ALGORITHM:
		return string(c.Algorithm)
	case acmapi.SearchCertificatesSortBy_TYPE:
		return string(c.Type)
	case acmapi.SearchCertificatesSortBy_CERTIFICATE_ARN:
		return c.arn()
	case acmapi.SearchCertificatesSortBy_COMMON_NAME:
		return c.Names[0]
	case acmapi.SearchCertificatesSortBy_RENEWAL_ELIGIBILITY:
		return string(c.eligibility())
	case acmapi.SearchCertificatesSortBy_MANAGED_BY:
		return string(c.ManagedBy)
	case acmapi.SearchCertificatesSortBy_EXPORT_OPTION:
		return string(c.Export)
	case acmapi.SearchCertificatesSortBy_VALIDATION_METHOD:
		return string(c.Method)
	case acmapi.SearchCertificatesSortBy_CERTIFICATE_KEY_PAIR_ORIGIN:
		return string(c.origin())
	}
	return "" // all alike: in use, and what only ACME endpoints have
}

func (c *certificate) result() acmapi.CertificateSearchResult {
	m := &acmapi.AcmCertificateMetadata{
		CreatedAt: c.Created, Exported: &c.Exported, ImportedAt: c.Imported, InUse: new(false), IssuedAt: c.Issued, RenewalEligibility: c.eligibility(),
		RevokedAt: c.Revoked, Status: c.Status, Type: c.Type, ExportOption: c.Export, ManagedBy: c.ManagedBy, ValidationMethod: c.Method, CertificateKeyPairOrigin: c.origin(),
	}
	if c.Renewal != nil {
		m.RenewalStatus = c.Renewal.Status
	}
	x := &acmapi.X509Attributes{KeyAlgorithm: c.Algorithm, Subject: &acmapi.DistinguishedName{CommonName: &c.Names[0]}}
	for _, n := range c.Names {
		x.SubjectAlternativeNames = append(x.SubjectAlternativeNames, acmapi.GeneralName{DnsName: new(n)})
	}
	if leaf := c.leaf(); leaf != nil {
		x.Issuer, x.Subject = distinguished(leaf.Issuer), distinguished(leaf.Subject)
		x.KeyUsages, x.ExtendedKeyUsages = usages(leaf), extendedUsageNames(leaf)
		x.NotBefore, x.NotAfter, x.SerialNumber = leaf.NotBefore, leaf.NotAfter, new(colons(leaf.SerialNumber.Bytes()))
	}
	return acmapi.CertificateSearchResult{CertificateArn: new(c.arn()), X509Attributes: x, CertificateMetadata: &acmapi.CertificateMetadata{AcmCertificateMetadata: m}}
}

func distinguished(n pkix.Name) *acmapi.DistinguishedName {
	first := func(list []string) *string {
		if len(list) == 0 {
			return nil
		}
		return &list[0]
	}
	d := &acmapi.DistinguishedName{Country: first(n.Country), Organization: first(n.Organization), OrganizationalUnit: first(n.OrganizationalUnit), Locality: first(n.Locality), State: first(n.Province)}
	if n.CommonName != "" {
		d.CommonName = &n.CommonName
	}
	if n.SerialNumber != "" {
		d.SerialNumber = &n.SerialNumber
	}
	return d
}
