package accessanalyzer

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	accessanalyzerapi "bartizan.dev/api/accessanalyzer"
)

// topAccounts is how many accounts the statistics of unused access name.
const topAccounts = 10

// GetFindingsStatistics counts the findings of an analyzer.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetFindingsStatistics.html
func (s *Service) GetFindingsStatistics(ctx context.Context, in *accessanalyzerapi.GetFindingsStatisticsRequest) (*accessanalyzerapi.GetFindingsStatisticsResponse, error) {
	a, err := s.analyzerOf(ctx, s.Store, in.AnalyzerArn)
	if err != nil {
		return nil, err
	}
	t := tally{status: map[accessanalyzerapi.FindingStatus]int32{}, kinds: map[accessanalyzerapi.FindingType]int32{}, types: map[accessanalyzerapi.ResourceType]*counted{}, accounts: map[string]map[string]int32{}, inside: map[accessanalyzerapi.ResourceType]map[accessanalyzerapi.FindingStatus]int32{}}
	const chunk = 500
	for last := ""; ; {
		list, err := s.findings.List(ctx, s.Store, a.home()+"/", last, chunk)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			last = e.ID
			t.add(e.Value)
		}
		if len(list) < chunk {
			break
		}
	}
	one := accessanalyzerapi.FindingsStatistics{}
	active, archived, resolved := t.status[accessanalyzerapi.FindingStatus_ACTIVE], t.status[accessanalyzerapi.FindingStatus_ARCHIVED], t.status[accessanalyzerapi.FindingStatus_RESOLVED]
	switch {
	case a.unused():
		one.UnusedAccessFindingsStatistics = &accessanalyzerapi.UnusedAccessFindingsStatistics{
			UnusedAccessTypeStatistics: t.unusedTypes(), TopAccounts: t.top(),
			TotalActiveFindings: &active, TotalArchivedFindings: &archived, TotalResolvedFindings: &resolved,
		}
	case a.internal():
		one.InternalAccessFindingsStatistics = &accessanalyzerapi.InternalAccessFindingsStatistics{
			ResourceTypeStatistics: t.internal(),
			TotalActiveFindings:    &active, TotalArchivedFindings: &archived, TotalResolvedFindings: &resolved,
		}
	default:
		one.ExternalAccessFindingsStatistics = &accessanalyzerapi.ExternalAccessFindingsStatistics{
			ResourceTypeStatistics: t.external(),
			TotalActiveFindings:    &active, TotalArchivedFindings: &archived, TotalResolvedFindings: &resolved,
		}
	}
	return &accessanalyzerapi.GetFindingsStatisticsResponse{FindingsStatistics: []accessanalyzerapi.FindingsStatistics{one}, LastUpdatedAt: latest(a.LastAt, t.updated, a.Created)}, nil
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// tally counts findings.
type tally struct {
	status   map[accessanalyzerapi.FindingStatus]int32
	kinds    map[accessanalyzerapi.FindingType]int32 // active
	types    map[accessanalyzerapi.ResourceType]*counted
	accounts map[string]map[string]int32 // active, by kind
	inside   map[accessanalyzerapi.ResourceType]map[accessanalyzerapi.FindingStatus]int32
	updated  time.Time
}

type counted struct{ public, cross, errors int32 }

func (t *tally) add(f *finding) {
	t.status[f.Status]++
	if t.inside[f.ResourceType] == nil {
		t.inside[f.ResourceType] = map[accessanalyzerapi.FindingStatus]int32{}
	}
	t.inside[f.ResourceType][f.Status]++
	t.updated = latest(t.updated, f.Updated)
	if f.Status != accessanalyzerapi.FindingStatus_ACTIVE {
		return
	}
	t.kinds[f.Kind]++
	if t.accounts[f.Owner] == nil {
		t.accounts[f.Owner] = map[string]int32{}
	}
	t.accounts[f.Owner][string(f.Kind)]++
	c := t.types[f.ResourceType]
	if c == nil {
		c = &counted{}
		t.types[f.ResourceType] = c
	}
	switch {
	case f.Error != "":
		c.errors++
	case f.Public:
		c.public++
	default:
		c.cross++
	}
}

func (t *tally) external() map[accessanalyzerapi.ResourceType]accessanalyzerapi.ResourceTypeDetails {
	out := map[accessanalyzerapi.ResourceType]accessanalyzerapi.ResourceTypeDetails{}
	for kind, c := range t.types {
		out[kind] = accessanalyzerapi.ResourceTypeDetails{TotalActivePublic: &c.public, TotalActiveCrossAccount: &c.cross, TotalActiveErrors: &c.errors}
	}
	return out
}

func (t *tally) internal() map[accessanalyzerapi.ResourceType]accessanalyzerapi.InternalAccessResourceTypeDetails {
	out := map[accessanalyzerapi.ResourceType]accessanalyzerapi.InternalAccessResourceTypeDetails{}
	for kind, by := range t.inside {
		out[kind] = accessanalyzerapi.InternalAccessResourceTypeDetails{
			TotalActiveFindings:   new(by[accessanalyzerapi.FindingStatus_ACTIVE]),
			TotalArchivedFindings: new(by[accessanalyzerapi.FindingStatus_ARCHIVED]),
			TotalResolvedFindings: new(by[accessanalyzerapi.FindingStatus_RESOLVED]),
		}
	}
	return out
}

func (t *tally) unusedTypes() (out []accessanalyzerapi.UnusedAccessTypeStatistics) {
	for _, kind := range slices.Sorted(maps.Keys(t.kinds)) {
		out = append(out, accessanalyzerapi.UnusedAccessTypeStatistics{UnusedAccessType: new(string(kind)), Total: new(t.kinds[kind])})
	}
	return out
}

func (t *tally) top() (out []accessanalyzerapi.FindingAggregationAccountDetails) {
	total := func(account string) (n int32) {
		for _, c := range t.accounts[account] {
			n += c
		}
		return n
	}
	all := slices.SortedFunc(maps.Keys(t.accounts), func(a, b string) int {
		return cmp.Or(cmp.Compare(total(b), total(a)), cmp.Compare(a, b))
	})
	for _, account := range all[:min(len(all), topAccounts)] {
		out = append(out, accessanalyzerapi.FindingAggregationAccountDetails{Account: &account, NumberOfActiveFindings: new(total(account)), Details: t.accounts[account]})
	}
	return out
}
