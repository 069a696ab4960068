package guardduty

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
)

// group are findings that have something in common.
type group struct {
	key      string
	first    *finding // any one of them
	last     time.Time
	n        int32
	severity float64
}

// GetFindingsStatistics counts findings, by severity or by what groupBy says.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetFindingsStatistics.html
func (s *Service) GetFindingsStatistics(ctx context.Context, in *guarddutyapi.GetFindingsStatisticsRequest) (*guarddutyapi.GetFindingsStatisticsResponse, error) {
	d, err := s.find(ctx, s.Store, in.DetectorId)
	if err != nil {
		return nil, err
	}
	if (len(in.FindingStatisticTypes) > 0) == (in.GroupBy != "") {
		return nil, rejected(invalidInput, "The request is rejected because one of findingStatisticTypes and groupBy must be provided, and only one.")
	}
	if in.GroupBy == "" && (in.OrderBy != "" || in.MaxResults != nil) {
		return nil, rejected(invalidInput, "The request is rejected because orderBy and maxResults can be used with groupBy only.")
	}
	c, err := compile(in.FindingCriteria, false)
	if err != nil {
		return nil, err
	}
	groups := map[string]*group{}
	err = s.collect(ctx, d, c, func(f *finding, _ map[string]any) error {
		key := groupOf(f, in.GroupBy)
		g := groups[key]
		if g == nil {
			g = &group{key: key, first: f, severity: f.Severity}
			groups[key] = g
		}
		g.n++
		if f.Changed.After(g.last) {
			g.last = f.Changed
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &guarddutyapi.FindingStatistics{}
	if in.GroupBy == "" {
		out.CountBySeverity = map[string]int32{}
		for _, g := range groups {
			out.CountBySeverity[g.key] = g.n
		}
		return &guarddutyapi.GetFindingsStatisticsResponse{FindingStatistics: out}, nil
	}
	fill(out, in.GroupBy, pick(groups, in))
	return &guarddutyapi.GetFindingsStatisticsResponse{FindingStatistics: out}, nil
}

func groupOf(f *finding, by guarddutyapi.GroupByType) string {
	severity := fmt.Sprintf("%.1f", f.Severity)
	switch by {
	case guarddutyapi.GroupByType_ACCOUNT:
		return f.AccountID
	case guarddutyapi.GroupByType_DATE:
		return f.Changed.UTC().Format(time.DateOnly) + " " + severity
	case guarddutyapi.GroupByType_FINDING_TYPE:
		return f.Type
	case guarddutyapi.GroupByType_RESOURCE:
		kind, id := f.about()
		return f.AccountID + " " + kind + " " + id
	}
	return severity
}

// about is the resource of a finding: its type and its name.
func (f *finding) about() (kind, id string) {
	r := &f.Resource
	switch {
	case r.Instance != nil:
		id = r.Instance.InstanceID
	case len(r.Buckets) > 0:
		id = r.Buckets[0].Name
	case r.AccessKey != nil:
		id = cmp.Or(r.AccessKey.AccessKeyID, r.AccessKey.PrincipalID, r.AccessKey.UserName)
	}
	return r.Type, id
}

// pick orders groups and takes the first: "by default 25, at most 100".
func pick(groups map[string]*group, in *guarddutyapi.GetFindingsStatisticsRequest) []*group {
	var all []*group
	for _, g := range groups {
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b *group) int {
		c := cmp.Compare(a.n, b.n)
		if in.GroupBy == guarddutyapi.GroupByType_DATE {
			c = cmp.Compare(a.key, b.key)
		}
		if in.OrderBy != guarddutyapi.OrderBy_ASC {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(a.key, b.key))
	})
	limit := 25
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	return all[:min(limit, len(all))]
}

func fill(out *guarddutyapi.FindingStatistics, by guarddutyapi.GroupByType, groups []*group) {
	for _, g := range groups {
		f := g.first
		switch by {
		case guarddutyapi.GroupByType_ACCOUNT:
			out.GroupedByAccount = append(out.GroupedByAccount, guarddutyapi.AccountStatistics{AccountId: &f.AccountID, LastGeneratedAt: g.last, TotalFindings: &g.n})
		case guarddutyapi.GroupByType_DATE:
			day := g.last.UTC().Truncate(24 * time.Hour)
			out.GroupedByDate = append(out.GroupedByDate, guarddutyapi.DateStatistics{Date: day, LastGeneratedAt: g.last, Severity: &g.severity, TotalFindings: &g.n})
		case guarddutyapi.GroupByType_FINDING_TYPE:
			out.GroupedByFindingType = append(out.GroupedByFindingType, guarddutyapi.FindingTypeStatistics{FindingType: &f.Type, LastGeneratedAt: g.last, TotalFindings: &g.n})
		case guarddutyapi.GroupByType_RESOURCE:
			kind, id := f.about()
			out.GroupedByResource = append(out.GroupedByResource, guarddutyapi.ResourceStatistics{AccountId: &f.AccountID, LastGeneratedAt: g.last, ResourceId: &id, ResourceType: &kind, TotalFindings: &g.n})
		case guarddutyapi.GroupByType_SEVERITY:
			out.GroupedBySeverity = append(out.GroupedBySeverity, guarddutyapi.SeverityStatistics{LastGeneratedAt: g.last, Severity: &g.severity, TotalFindings: &g.n})
		}
	}
}
