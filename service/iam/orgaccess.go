package iam

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Reports of last access for a place in an organization: which services its
// service control policies let be used, and when its accounts last used them.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html

// maxOrganizationReports is how many such reports an account may have under way.
// AWS has a limit and does not publish it.
const maxOrganizationReports = 10

// Place is a root, organizational unit or account of an organization.
type Place struct {
	Organization string
	// Accounts below it, the management account left out unless it is the place.
	Accounts []PlacedAccount
	// Levels are the documents of the service control policies at each level from
	// the root to the place. nil: none bind it, as the management account.
	Levels [][]string
	// Policy is the document of the policy that was asked about, and Bound the
	// accounts of Accounts that it applies to. Both are empty if none was.
	Policy string
	Bound  []PlacedAccount
}

// PlacedAccount is an account with its path, such as o-…/r-…/ou-…/111122223333.
type PlacedAccount struct{ ID, Path string }

func (s *Service) organizationAccessRules() policy.Rules {
	return policy.Rules{
		"GenerateOrganizationsAccessReport": policy.On(func(ctx context.Context, in *iamapi.GenerateOrganizationsAccessReportRequest) ([]policy.Touch, error) {
			t := policy.Touch{
				Action: "iam:GenerateOrganizationsAccessReport", Account: accountOf(ctx),
				Resource: arn.New("iam", "", accountOf(ctx), "access-report/"+in.EntityPath),
			}
			if in.OrganizationsPolicyId != nil {
				t.Keys = []policy.Pair{pair("iam:OrganizationsPolicyId", *in.OrganizationsPolicyId)}
			}
			return []policy.Touch{t}, nil
		}),
		"GetOrganizationsAccessReport": policy.OnAny(policy.Touch{Action: "iam:GetOrganizationsAccessReport"}),
	}
}

// place asks Organizations for an entity, which must be of the caller's
// organization; the caller must be its management account.
func (s *Service) place(ctx context.Context, account, path, policyID string) (*Place, error) {
	var p *Place
	if s.Placed != nil {
		var err error
		if p, err = s.Placed(ctx, path, policyID); err != nil {
			return nil, err
		}
	}
	m, err := s.member(ctx, account)
	if err != nil {
		return nil, err
	}
	if m == nil || m.Management != account {
		return nil, wire.Errorf("AccessDenied", "You must be signed in to the management account of your organization to perform this operation.").WithStatus(403)
	}
	if p == nil || p.Organization != m.Organization {
		return nil, wire.Errorf("ValidationError", "The entity path %s is not one of your organization.", path)
	}
	return p, nil
}

// GenerateOrganizationsAccessReport begins a report.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateOrganizationsAccessReport.html
func (s *Service) GenerateOrganizationsAccessReport(ctx context.Context, in *iamapi.GenerateOrganizationsAccessReportRequest) (*iamapi.GenerateOrganizationsAccessReportResponse, error) {
	a := &advice{
		ID: newUUID(), Account: accountOf(ctx), By: principalID(ctx), Path: in.EntityPath, PolicyID: orZero(in.OrganizationsPolicyId),
		Granularity: iamapi.AccessAdvisorUsageGranularityType_SERVICE_LEVEL, Status: iamapi.JobStatusType_IN_PROGRESS, Created: s.now(),
	}
	if _, err := s.place(ctx, a.Account, a.Path, a.PolicyID); err != nil {
		return nil, err
	}
	running, err := s.advices.By(ctx, s.Store, "running", a.Account, "", maxOrganizationReports)
	if err != nil {
		return nil, err
	}
	if len(running) == maxOrganizationReports {
		return nil, wire.Errorf("ReportGenerationLimitExceeded",
			"The request failed because the maximum number of concurrent requests for this account are already running.").WithStatus(409)
	}
	if err := s.beginAdvice(ctx, a); err != nil {
		return nil, err
	}
	return &iamapi.GenerateOrganizationsAccessReportResponse{JobId: &a.ID}, nil
}

// adviseOrganization makes a report about a place in an organization.
func (s *Service) adviseOrganization(ctx context.Context, a *advice) ([]serviceAdvice, error) {
	p, err := s.place(ctx, a.Account, a.Path, a.PolicyID)
	if err != nil {
		return nil, err
	}
	levels, accounts := p.Levels, p.Accounts
	if p.Policy != "" && levels != nil {
		levels, accounts = [][]string{{p.Policy}}, p.Bound
	}
	services, err := s.permitted(levels)
	if err != nil {
		return nil, err
	}
	for _, account := range accounts {
		used, err := s.accountUse(ctx, s.Store, account.ID)
		if err != nil {
			return nil, err
		}
		for i := range services {
			v := &services[i]
			use := used.Services[v.Namespace]
			if !s.tracked(use) {
				continue
			}
			v.Total++
			if use.Time.After(v.Last.Time) {
				v.Last, v.Entity = use, account.Path
			}
		}
	}
	return services, nil
}

// permitted lists the services that every level allows; all if there are none.
func (s *Service) permitted(levels [][]string) ([]serviceAdvice, error) {
	var all []serviceAdvice
	for _, namespace := range s.reference().Prefixes() {
		all = append(all, serviceAdvice{Namespace: namespace})
	}
	for _, level := range levels {
		var documents []*policy.Document
		for _, text := range level {
			d, err := policy.Parse([]byte(text))
			if err != nil {
				return nil, fmt.Errorf("iam: a service control policy: %w", err)
			}
			documents = append(documents, d)
		}
		here := map[string]bool{}
		for _, v := range s.usable(documents) {
			here[v.Namespace] = true
		}
		all = slices.DeleteFunc(all, func(v serviceAdvice) bool { return !here[v.Namespace] })
	}
	slices.SortFunc(all, func(x, y serviceAdvice) int { return strings.Compare(x.Namespace, y.Namespace) })
	return all, nil
}

// GetOrganizationsAccessReport reads a report.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetOrganizationsAccessReport.html
func (s *Service) GetOrganizationsAccessReport(ctx context.Context, in *iamapi.GetOrganizationsAccessReportRequest) (*iamapi.GetOrganizationsAccessReportResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	a, err := s.adviceOf(ctx, in.JobId, true)
	if err != nil {
		return nil, err
	}
	out := &iamapi.GetOrganizationsAccessReportResponse{
		JobStatus: a.Status, JobCreationDate: a.Created, JobCompletionDate: a.Done, ErrorDetails: a.failure(),
		AccessDetails: []iamapi.AccessDetail{}, IsTruncated: new(false),
	}
	if a.Status != iamapi.JobStatusType_COMPLETED {
		return out, nil
	}
	unused := int32(0)
	for _, v := range a.Services {
		if v.Total == 0 {
			unused++
		}
	}
	out.NumberOfServicesAccessible, out.NumberOfServicesNotAccessed = new(int32(len(a.Services))), &unused
	order(a.Services, in.SortKey)
	places := make([]int, len(a.Services))
	for i := range places {
		places[i] = i
	}
	places, out.IsTruncated, out.Marker = cut(p, places, func(i int) string { return fmt.Sprintf("%04d", i) })
	for _, i := range places {
		v := &a.Services[i]
		d := iamapi.AccessDetail{ServiceName: s.serviceTitle(v.Namespace), ServiceNamespace: v.Namespace, TotalAuthenticatedEntities: &v.Total}
		if v.Total > 0 {
			d.Region, d.EntityPath, d.LastAuthenticatedTime = &v.Last.Region, &v.Entity, v.Last.Time
		}
		out.AccessDetails = append(out.AccessDetails, d)
	}
	return out, nil
}

// order sorts a report, which is by namespace, in another way.
func order(services []serviceAdvice, key iamapi.SortKeyType) {
	switch key {
	case iamapi.SortKeyType_SERVICE_NAMESPACE_DESCENDING:
		slices.Reverse(services)
	case iamapi.SortKeyType_LAST_AUTHENTICATED_TIME_ASCENDING:
		slices.SortStableFunc(services, func(x, y serviceAdvice) int { return x.Last.Time.Compare(y.Last.Time) })
	case iamapi.SortKeyType_LAST_AUTHENTICATED_TIME_DESCENDING:
		slices.SortStableFunc(services, func(x, y serviceAdvice) int {
			return cmp.Or(y.Last.Time.Compare(x.Last.Time), strings.Compare(x.Namespace, y.Namespace))
		})
	}
}

// advices are reports of last access; "running" finds an account's about
// organizations that are not done.
func advices() store.Collection[advice] {
	return store.Collection[advice]{Name: "advice", Indexes: []store.Index[advice]{
		{Name: "running", Keys: func(a *advice) []string {
			if a.Path == "" || a.Status != iamapi.JobStatusType_IN_PROGRESS {
				return nil
			}
			return []string{a.Account}
		}},
	}}
}
