package accessanalyzer

import (
	"context"
	"errors"
	"slices"
	"strings"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/store"
)

// findingOf reads a finding of the analyzer with the ARN.
func (s *Service) findingOf(ctx context.Context, r store.Reader, analyzer, id string) (*analyzer, *finding, error) {
	a, err := s.analyzerOf(ctx, r, analyzer)
	if err != nil {
		return nil, nil, err
	}
	f, err := s.findings.Get(ctx, r, a.home()+"/"+id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, notFound("Finding", id)
	}
	return a, f, err
}

// GetFinding describes a finding of external access.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetFinding.html
func (s *Service) GetFinding(ctx context.Context, in *accessanalyzerapi.GetFindingRequest) (*accessanalyzerapi.GetFindingResponse, error) {
	a, f, err := s.findingOf(ctx, s.Store, in.AnalyzerArn, in.Id)
	if err != nil {
		return nil, err
	}
	if a.unused() || a.internal() {
		return nil, invalid("GetFinding is for external access analyzers; use GetFindingV2")
	}
	return &accessanalyzerapi.GetFindingResponse{Finding: &accessanalyzerapi.Finding{
		Id: f.ID, Principal: f.Principal, Action: f.Actions, Resource: &f.Resource, IsPublic: &f.Public, ResourceType: f.ResourceType,
		Condition: orEmpty(f.Condition), CreatedAt: f.Created, AnalyzedAt: f.Analyzed, UpdatedAt: f.Updated, Status: f.Status,
		ResourceOwnerAccount: f.Owner, Error: nonempty(f.Error), ResourceControlPolicyRestriction: f.Restriction, Sources: f.sources(),
	}}, nil
}

// GetFindingV2 describes a finding of any kind.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetFindingV2.html
func (s *Service) GetFindingV2(ctx context.Context, in *accessanalyzerapi.GetFindingV2Request) (*accessanalyzerapi.GetFindingV2Response, error) {
	_, f, err := s.findingOf(ctx, s.Store, in.AnalyzerArn, in.Id)
	if err != nil {
		return nil, err
	}
	if _, err := limit(in.MaxResults, 100); err != nil { // the details of a finding are one page
		return nil, err
	}
	if in.NextToken != nil {
		return nil, invalid("Invalid nextToken")
	}
	return &accessanalyzerapi.GetFindingV2Response{
		Id: f.ID, Resource: &f.Resource, ResourceType: f.ResourceType, ResourceOwnerAccount: f.Owner, Status: f.Status,
		CreatedAt: f.Created, AnalyzedAt: f.Analyzed, UpdatedAt: f.Updated, Error: nonempty(f.Error), FindingType: f.Kind,
		FindingDetails: []accessanalyzerapi.FindingDetails{f.details()},
	}, nil
}

func (f *finding) details() (out accessanalyzerapi.FindingDetails) {
	switch f.Kind {
	case accessanalyzerapi.FindingType_ExternalAccess:
		out.ExternalAccessDetails = &accessanalyzerapi.ExternalAccessDetails{
			Action: f.Actions, Condition: orEmpty(f.Condition), IsPublic: &f.Public, Principal: f.Principal,
			Sources: f.sources(), ResourceControlPolicyRestriction: f.Restriction,
		}
	case accessanalyzerapi.FindingType_InternalAccess:
		out.InternalAccessDetails = f.internalDetails()
	case accessanalyzerapi.FindingType_UnusedIAMRole:
		out.UnusedIamRoleDetails = &accessanalyzerapi.UnusedIamRoleDetails{LastAccessed: f.LastUsed}
	case accessanalyzerapi.FindingType_UnusedIAMUserAccessKey:
		out.UnusedIamUserAccessKeyDetails = &accessanalyzerapi.UnusedIamUserAccessKeyDetails{AccessKeyId: f.Key, LastAccessed: f.LastUsed}
	case accessanalyzerapi.FindingType_UnusedIAMUserPassword:
		out.UnusedIamUserPasswordDetails = &accessanalyzerapi.UnusedIamUserPasswordDetails{LastAccessed: f.LastUsed}
	case accessanalyzerapi.FindingType_UnusedPermission:
		d := &accessanalyzerapi.UnusedPermissionDetails{ServiceNamespace: f.Namespace, LastAccessed: f.LastUsed}
		for _, a := range f.Unused {
			d.Actions = append(d.Actions, accessanalyzerapi.UnusedAction{Action: a.Name, LastAccessed: a.Used})
		}
		out.UnusedPermissionDetails = d
	}
	return out
}

func (f *finding) sources() []accessanalyzerapi.FindingSource {
	if f.Error != "" {
		return nil
	}
	return []accessanalyzerapi.FindingSource{{Type: accessanalyzerapi.FindingSourceType_POLICY}}
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

func nonempty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// ListFindings lists findings of external access.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListFindings.html
func (s *Service) ListFindings(ctx context.Context, in *accessanalyzerapi.ListFindingsRequest) (*accessanalyzerapi.ListFindingsResponse, error) {
	a, err := s.analyzerOf(ctx, s.Store, in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	if a.unused() || a.internal() {
		return nil, invalid("ListFindings is for external access analyzers; use ListFindingsV2")
	}
	list, next, err := s.listFindings(ctx, a, in.Filter, in.Sort, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.ListFindingsResponse{Findings: []accessanalyzerapi.FindingSummary{}, NextToken: next}
	for _, f := range list {
		out.Findings = append(out.Findings, accessanalyzerapi.FindingSummary{
			Id: f.ID, Principal: f.Principal, Action: f.Actions, Resource: &f.Resource, IsPublic: &f.Public, ResourceType: f.ResourceType,
			Condition: orEmpty(f.Condition), CreatedAt: f.Created, AnalyzedAt: f.Analyzed, UpdatedAt: f.Updated, Status: f.Status,
			ResourceOwnerAccount: f.Owner, Error: nonempty(f.Error), Sources: f.sources(), ResourceControlPolicyRestriction: f.Restriction,
		})
	}
	return out, nil
}

// ListFindingsV2 lists findings of any kind.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListFindingsV2.html
func (s *Service) ListFindingsV2(ctx context.Context, in *accessanalyzerapi.ListFindingsV2Request) (*accessanalyzerapi.ListFindingsV2Response, error) {
	a, err := s.analyzerOf(ctx, s.Store, in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	list, next, err := s.listFindings(ctx, a, in.Filter, in.Sort, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &accessanalyzerapi.ListFindingsV2Response{Findings: []accessanalyzerapi.FindingSummaryV2{}, NextToken: next}
	for _, f := range list {
		out.Findings = append(out.Findings, accessanalyzerapi.FindingSummaryV2{
			Id: f.ID, Resource: &f.Resource, ResourceType: f.ResourceType, ResourceOwnerAccount: f.Owner, Status: f.Status,
			CreatedAt: f.Created, AnalyzedAt: f.Analyzed, UpdatedAt: f.Updated, Error: nonempty(f.Error), FindingType: f.Kind,
		})
	}
	return out, nil
}

// maxSorted bounds how many findings one sorted listing reads.
const maxSorted = 50_000

// listFindings lists in the order of ids, a page at a time, or sorted: then it
// reads all that the filter takes, and the token is a position.
func (s *Service) listFindings(ctx context.Context, a *analyzer, f filter, by *accessanalyzerapi.SortCriteria, size *int32, start *string) ([]*finding, *string, error) {
	if err := f.check(); err != nil {
		return nil, nil, err
	}
	keep := func(one *finding) bool { return f.holds(one.values) }
	if by == nil || by.AttributeName == nil {
		return page(ctx, s.Store, &s.findings, a.home()+"/", size, start, keep)
	}
	if !filterKey(*by.AttributeName) {
		return nil, nil, invalid("Invalid sort attribute: %s", *by.AttributeName)
	}
	n, err := limit(size, 100)
	if err != nil {
		return nil, nil, err
	}
	last, err := after(start)
	if err != nil {
		return nil, nil, err
	}
	all, err := s.findings.List(ctx, s.Store, a.home()+"/", "", maxSorted+1)
	if err != nil {
		return nil, nil, err
	}
	if len(all) > maxSorted {
		return nil, nil, invalid("More than %d findings cannot be sorted: list them without sort", maxSorted)
	}
	var list []*finding
	for _, e := range all {
		if keep(e.Value) {
			list = append(list, e.Value)
		}
	}
	order := func(x, y *finding) int {
		c := strings.Compare(strings.Join(x.values(*by.AttributeName), "\x00"), strings.Join(y.values(*by.AttributeName), "\x00"))
		if by.OrderBy == accessanalyzerapi.OrderBy_DESC {
			c = -c
		}
		if c == 0 {
			c = strings.Compare(x.ID, y.ID)
		}
		return c
	}
	slices.SortFunc(list, order)
	if last != "" {
		i := slices.IndexFunc(list, func(f *finding) bool { return f.ID == last })
		list = list[i+1:]
	}
	if len(list) > n {
		return list[:n], token(list[n-1].ID), nil
	}
	return list, nil, nil
}

// UpdateFindings archives findings or makes them active again, by ids or all of
// a resource. The client token is of no use: the same call twice has the effect
// of one.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_UpdateFindings.html
func (s *Service) UpdateFindings(ctx context.Context, in *accessanalyzerapi.UpdateFindingsRequest) (*accessanalyzerapi.UpdateFindingsOutput, error) {
	a, err := s.analyzerOf(ctx, s.Store, in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	var ids []string
	switch {
	case len(in.Ids) > 0 && in.ResourceArn == nil:
		for _, id := range in.Ids {
			if _, err := s.findings.Get(ctx, s.Store, a.home()+"/"+id); errors.Is(err, store.ErrNotFound) {
				return nil, notFound("Finding", id)
			} else if err != nil {
				return nil, err
			}
			ids = append(ids, a.home()+"/"+id)
		}
	case in.ResourceArn != nil && len(in.Ids) == 0:
		if ids, err = s.findings.By(ctx, s.Store, "resource", a.home()+"|"+*in.ResourceArn, "", 0); err != nil {
			return nil, err
		}
	default:
		return nil, invalid("Give either ids or resourceArn")
	}
	for _, id := range ids {
		if err := s.setStatus(ctx, id, accessanalyzerapi.FindingStatus(in.Status)); err != nil {
			return nil, err
		}
	}
	return &accessanalyzerapi.UpdateFindingsOutput{}, nil
}
