package securityhub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// hubV2 is Security Hub V2 in an account and Region: another view of the same
// findings, in OCSF.
type hubV2 struct {
	ID    string
	Since time.Time
	Tags  map[string]string `json:",omitzero"`
}

func (h *hubV2) arn(p place) string { return p.arn("hubv2/" + h.ID) }

func unfit(format string, args ...any) *wire.Error {
	return fault("ValidationException", format, args...)
}

// asV2 is an error in the words of the operations of V2.
func asV2(err error) error {
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == "InvalidInputException" {
		return unfit("%s", e.Message)
	}
	return err
}

func (s *Service) rulesV2(rules policy.Rules) {
	rules["EnableSecurityHubV2"] = policy.On(func(_ context.Context, in *api.EnableSecurityHubV2Request) ([]policy.Touch, error) {
		return []policy.Touch{{Action: "securityhub:EnableSecurityHubV2", RequestTags: tags(in.Tags)}}, nil
	})
	rules["DescribeSecurityHubV2"] = policy.OnAny(policy.Touch{Action: "securityhub:DescribeSecurityHubV2"})
	rules["DisableSecurityHubV2"] = policy.OnAny(policy.Touch{Action: "securityhub:DisableSecurityHubV2"})
	rules["GetFindingsV2"] = policy.Rule{Touches: func(ctx context.Context, _ any) ([]policy.Touch, error) { return s.touchV2(ctx, "GetFindings") }}
	rules["GetFindingStatisticsV2"] = policy.Rule{Touches: func(ctx context.Context, _ any) ([]policy.Touch, error) {
		return s.touchV2(ctx, "GetAdhocInsightResults")
	}}
	rules["BatchUpdateFindingsV2"] = policy.On(func(ctx context.Context, in *api.BatchUpdateFindingsV2Request) ([]policy.Touch, error) {
		t, err := s.touchV2(ctx, "BatchUpdateFindings")
		for name, v := range map[string]*int32{"severity_id": in.SeverityId, "status_id": in.StatusId} {
			if v != nil {
				t[0].Keys = append(t[0].Keys, policy.Pair{Key: "securityhub:OCSFSyntaxPath/" + name, Values: []string{strconv.Itoa(int(*v))}})
			}
		}
		if in.Comment != nil {
			t[0].Keys = append(t[0].Keys, policy.Pair{Key: "securityhub:OCSFSyntaxPath/comment", Values: []string{*in.Comment}})
		}
		return t, err
	})
}

// touchV2 is the touch of the caller's own hub of V2.
func (s *Service) touchV2(ctx context.Context, action string) ([]policy.Touch, error) {
	p := placeOf(ctx)
	t := policy.Touch{Action: "securityhub:" + action, Resource: p.arn("hubv2/none"), Account: p.account}
	h, err := s.hubsV2.Get(ctx, s.Store, p.home())
	if errors.Is(err, store.ErrNotFound) {
		return []policy.Touch{t}, nil
	} else if err == nil {
		t.Resource, t.ResourceTags = h.arn(p), tags(h.Tags)
	}
	return []policy.Touch{t}, err
}

// hubV2 reads the hub of the caller's account.
func (s *Service) hubV2(ctx context.Context, r store.Reader) (*hubV2, error) {
	p := placeOf(ctx)
	h, err := s.hubsV2.Get(ctx, r, p.home())
	if errors.Is(err, store.ErrNotFound) {
		return nil, denied("Account %s is not subscribed to AWS Security Hub V2", p.account)
	}
	return h, err
}

// EnableSecurityHubV2 enables Security Hub V2.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_EnableSecurityHubV2.html
func (s *Service) EnableSecurityHubV2(ctx context.Context, in *api.EnableSecurityHubV2Request) (*api.EnableSecurityHubV2Response, error) {
	p := placeOf(ctx)
	h := &hubV2{ID: newID(), Since: s.now(), Tags: in.Tags}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.hubsV2.Insert(ctx, tx, p.home(), h)
		if errors.Is(err, store.ErrExists) {
			return unfit("Account is already subscribed to Security Hub V2")
		} else if err != nil {
			return err
		}
		for _, d := range products {
			if strings.HasPrefix(d.ID, "aws/") {
				if err := s.products.Put(ctx, tx, p.home()+"/"+d.ID, &subscription{Since: h.Since}); err != nil {
					return err
				}
			}
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobExpire, ID: p.home(), Due: s.now().Add(24 * time.Hour)})
	})
	if err != nil {
		return nil, err
	}
	return &api.EnableSecurityHubV2Response{HubV2Arn: new(h.arn(p))}, nil
}

// DescribeSecurityHubV2 tells when it was enabled.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeSecurityHubV2.html
func (s *Service) DescribeSecurityHubV2(ctx context.Context, _ *api.DescribeSecurityHubV2Request) (*api.DescribeSecurityHubV2Response, error) {
	p := placeOf(ctx)
	h, err := s.hubsV2.Get(ctx, s.Store, p.home())
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("Account %s is not subscribed to AWS Security Hub V2", p.account)
	} else if err != nil {
		return nil, err
	}
	return &api.DescribeSecurityHubV2Response{HubV2Arn: new(h.arn(p)), SubscribedAt: new(stamp(h.Since))}, nil
}

// DisableSecurityHubV2 ends it; one that is not enabled is no error.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DisableSecurityHubV2.html
func (s *Service) DisableSecurityHubV2(ctx context.Context, _ *api.DisableSecurityHubV2Request) (*api.DisableSecurityHubV2Response, error) {
	p := placeOf(ctx)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error { return s.hubsV2.Delete(ctx, tx, p.home()) })
	if err != nil {
		return nil, err
	}
	return &api.DisableSecurityHubV2Response{}, nil
}

// importedV2 tells of a finding in OCSF.
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-v2-cwe-event-formats.html
func (s *Service) importedV2(ctx context.Context, r store.Reader, o *outgoing, home place, a ASFF) error {
	if _, err := s.hubsV2.Get(ctx, r, home.home()); errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	detail, err := json.Marshal(map[string]any{"findings": []any{a.ocsf()}})
	if err != nil {
		return err
	}
	o.add(Event{Account: home.account, Region: home.region, DetailType: "Findings Imported V2", Resources: []string{a.uid()}, Detail: detail})
	return nil
}

// ocsfFilter is a filter on the OCSF form of findings.
type ocsfFilter func(ASFF) bool

func (f ocsfFilter) wants(a ASFF) bool { return f == nil || f(a.ocsf()) }

func compileOCSF(in *api.OcsfFindingFilters, now time.Time) (ocsfFilter, error) {
	if in == nil || len(in.CompositeFilters) == 0 {
		return nil, nil
	}
	var all []func(ASFF) bool
	for i := range in.CompositeFilters {
		f, err := compileComposite(&in.CompositeFilters[i], now)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return combine(in.CompositeOperator, all), nil
}

func combine(op api.AllowedOperators, all []func(ASFF) bool) func(ASFF) bool {
	return func(a ASFF) bool {
		if op == "OR" {
			return slices.ContainsFunc(all, func(f func(ASFF) bool) bool { return f(a) })
		}
		return !slices.ContainsFunc(all, func(f func(ASFF) bool) bool { return !f(a) })
	}
}

func compileComposite(c *api.CompositeFilter, now time.Time) (func(ASFF) bool, error) {
	var all []func(ASFF) bool
	var bad error
	add := func(name string, missing bool, met func([]any) bool, err error) {
		if missing || name == "" {
			err = unfit("Each filter needs a FieldName and a Filter.")
		}
		bad = errors.Join(bad, err)
		path := strings.Split(name, ".")
		all = append(all, func(a ASFF) bool { return met(spread(nil, map[string]any(a), path)) })
	}
	for _, f := range c.StringFilters {
		met, err := stringsMet(string(f.FieldName), one(f.Filter), forOCSF)
		add(string(f.FieldName), f.Filter == nil, met, err)
	}
	for _, f := range c.DateFilters {
		met, err := datesMet(string(f.FieldName), one(f.Filter), now)
		add(string(f.FieldName), f.Filter == nil, met, err)
	}
	for _, f := range c.NumberFilters {
		met, err := numbersMet(string(f.FieldName), one(f.Filter))
		add(string(f.FieldName), f.Filter == nil, met, err)
	}
	for _, f := range c.BooleanFilters {
		add(string(f.FieldName), f.Filter == nil, booleansMet(one(f.Filter)), nil)
	}
	for _, f := range c.IpFilters {
		met, err := addressesMet(string(f.FieldName), one(f.Filter))
		add(string(f.FieldName), f.Filter == nil, met, err)
	}
	for _, f := range c.MapFilters {
		met, err := mapsMet(string(f.FieldName), one(f.Filter), forOCSF)
		add(string(f.FieldName), f.Filter == nil, func(values []any) bool { return met(asMaps(values)) }, err)
	}
	for i := range c.NestedCompositeFilters {
		f, err := compileComposite(&c.NestedCompositeFilters[i], now)
		bad = errors.Join(bad, err)
		all = append(all, f)
	}
	return combine(c.Operator, all), bad
}

func one[T any](v *T) []T {
	if v == nil {
		return nil
	}
	return []T{*v}
}

// asMaps turns OCSF's pairs of names and values into maps.
func asMaps(values []any) []any {
	var out []any
	for _, v := range values {
		if m, ok := v.(map[string]any); ok {
			if name, ok := m["name"].(string); ok {
				value := m["value"]
				if value == nil {
					value = m["values"]
				}
				out = append(out, map[string]any{name: value})
			}
		}
	}
	return out
}

func noScopes(v *api.FindingScopes) error {
	if v != nil && len(v.AwsOrganizations) > 0 {
		return unfit("Bartizan has no scopes: findings are those of the caller's account and its members.")
	}
	return nil
}

// GetFindingsV2 finds findings, in OCSF.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingsV2.html
func (s *Service) GetFindingsV2(ctx context.Context, in *api.GetFindingsV2Request) (*api.GetFindingsV2Response, error) {
	if _, err := s.hubV2(ctx, s.Store); err != nil {
		return nil, err
	}
	wants, err := compileOCSF(in.Filters, s.now())
	if err := errors.Join(noScopes(in.Scopes), err); err != nil {
		return nil, asV2(err)
	}
	var order order
	for _, c := range in.SortCriteria {
		if text(c.Field) == "" || len(in.SortCriteria) > 10 {
			return nil, unfit("Each of at most 10 sort criteria needs a Field.")
		}
		order = append(order, criterion{strings.Split(*c.Field, "."), c.SortOrder == api.SortOrder_desc, true})
	}
	hits, next, err := s.search(ctx, wants, order, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, asV2(err)
	}
	out := &api.GetFindingsV2Response{Findings: []json.RawMessage{}, NextToken: next}
	for _, h := range hits {
		b, err := json.Marshal(h.asff.ocsf())
		if err != nil {
			return nil, err
		}
		out.Findings = append(out.Findings, b)
	}
	return out, nil
}

// GetFindingStatisticsV2 counts findings by fields.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingStatisticsV2.html
func (s *Service) GetFindingStatisticsV2(ctx context.Context, in *api.GetFindingStatisticsV2Request) (*api.GetFindingStatisticsV2Response, error) {
	if _, err := s.hubV2(ctx, s.Store); err != nil {
		return nil, err
	}
	if err := noScopes(in.Scopes); err != nil {
		return nil, err
	}
	homes, err := s.visible(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	most := 400
	if in.MaxStatisticResults != nil {
		most = int(*in.MaxStatisticResults)
	}
	out := &api.GetFindingStatisticsV2Response{GroupByResults: []api.GroupByResult{}}
	for _, rule := range in.GroupByRules {
		wants, err := compileOCSF(rule.Filters, s.now())
		if err != nil {
			return nil, asV2(err)
		}
		counts := map[string]int32{}
		path := strings.Split(string(rule.GroupByField), ".")
		if err := s.each(ctx, s.Store, homes, "", wants, func(f *found) bool {
			seen := map[string]bool{}
			for _, v := range spread(nil, map[string]any(f.asff.ocsf()), path) {
				if w := word(v); !seen[w] {
					seen[w] = true
					counts[w]++
				}
			}
			return true
		}); err != nil {
			return nil, err
		}
		r := api.GroupByResult{GroupByField: new(string(rule.GroupByField)), GroupByValues: []api.GroupByValue{}}
		for value, n := range counts {
			r.GroupByValues = append(r.GroupByValues, api.GroupByValue{FieldValue: &value, Count: &n})
		}
		slices.SortFunc(r.GroupByValues, func(a, b api.GroupByValue) int {
			n := cmp.Compare(*b.Count, *a.Count)
			if in.SortOrder == api.SortOrder_asc {
				n = -n
			}
			return cmp.Or(n, strings.Compare(*a.FieldValue, *b.FieldValue))
		})
		r.GroupByValues = r.GroupByValues[:min(len(r.GroupByValues), most)]
		out.GroupByResults = append(out.GroupByResults, r)
	}
	return out, nil
}
