package securityhub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
)

const managedInsights = "arn:aws:securityhub:::insight/securityhub/default/"

func (i *insight) arn(p place) string { return p.arn("insight/" + p.account + "/custom/" + i.ID) }

func (i *insight) filters() (*api.AwsSecurityFindingFilters, error) {
	f := new(api.AwsSecurityFindingFilters)
	return f, json.Unmarshal(i.Filters, f)
}

func (i *insight) shown(name string) (api.Insight, error) {
	f, err := i.filters()
	return api.Insight{InsightArn: name, Name: i.Name, Filters: f, GroupByAttribute: i.GroupBy}, err
}

var filtersType = reflect.TypeFor[api.AwsSecurityFindingFilters]()

// set checks and takes what is not nil.
func (s *Service) setInsight(i *insight, name *string, f *api.AwsSecurityFindingFilters, group *string) (err error) {
	if name != nil {
		if i.Name = *name; len(i.Name) > 128 {
			return invalid("Invalid parameter 'Name'. data should NOT be longer than 128 characters")
		}
	}
	if group != nil {
		if _, ok := filtersType.FieldByName(*group); !ok {
			return invalid("Invalid parameter 'GroupByAttribute'. %s is not an attribute that findings can be grouped by.", clip(*group))
		}
		i.GroupBy = *group
	}
	if f != nil {
		if _, err := compile(f, forSearch, s.now()); err != nil {
			return err
		}
		i.Filters, err = compact(f)
	}
	return err
}

// CreateInsight makes a custom insight.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_CreateInsight.html
func (s *Service) CreateInsight(ctx context.Context, in *api.CreateInsightRequest) (*api.CreateInsightResponse, error) {
	p, i := placeOf(ctx), &insight{ID: newID()}
	if err := s.setInsight(i, &in.Name, in.Filters, &in.GroupByAttribute); err != nil {
		return nil, err
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		list, err := s.insights.List(ctx, tx, p.home()+"/", "", 0)
		if err != nil {
			return err
		}
		if len(list) >= s.Quotas.Insights {
			return limit("You can have up to %d custom insights in an account and Region.", s.Quotas.Insights)
		}
		return s.insights.Put(ctx, tx, p.home()+"/"+i.ID, i)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateInsightResponse{InsightArn: i.arn(p)}, nil
}

// insight reads a custom or managed insight by its ARN.
func (s *Service) insight(ctx context.Context, r store.Reader, name string) (*insight, error) {
	p := placeOf(ctx)
	if n, ok := strings.CutPrefix(name, managedInsights); ok {
		if i := managedInsightOf(n); i != nil {
			return i, nil
		}
	} else if id, ok := strings.CutPrefix(name, p.arn("insight/"+p.account+"/custom/")); ok && len(id) <= 64 && !strings.ContainsRune(id, 0) {
		i, err := s.insights.Get(ctx, r, p.home()+"/"+id)
		if err == nil || !errors.Is(err, store.ErrNotFound) {
			return i, err
		}
	}
	return nil, notFound("Insight %s not found", clip(name))
}

// GetInsights shows insights: those named, or all custom ones.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetInsights.html
func (s *Service) GetInsights(ctx context.Context, in *api.GetInsightsRequest) (*api.GetInsightsResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	out := &api.GetInsightsResponse{Insights: []api.Insight{}}
	add := func(name string, i *insight) error {
		v, err := i.shown(name)
		out.Insights = append(out.Insights, v)
		return err
	}
	for _, name := range in.InsightArns {
		i, err := s.insight(ctx, s.Store, name)
		if err != nil {
			return nil, err
		}
		if err := add(name, i); err != nil {
			return nil, err
		}
	}
	if len(in.InsightArns) > 0 {
		return out, nil
	}
	p := placeOf(ctx)
	var bad error
	next, err := listPage(ctx, s.Store, &s.insights, p.home()+"/", in.MaxResults, in.NextToken, func(_ string, i *insight) {
		bad = errors.Join(bad, add(i.arn(p), i))
	})
	out.NextToken = next
	return out, errors.Join(err, bad)
}

// UpdateInsight changes a custom insight.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_UpdateInsight.html
func (s *Service) UpdateInsight(ctx context.Context, in *api.UpdateInsightRequest) (*api.UpdateInsightResponse, error) {
	err := s.changeInsight(ctx, in.InsightArn, func(tx store.Tx, key string, i *insight) error {
		if err := s.setInsight(i, in.Name, in.Filters, in.GroupByAttribute); err != nil {
			return err
		}
		return s.insights.Put(ctx, tx, key, i)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateInsightResponse{}, nil
}

// DeleteInsight deletes a custom insight.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DeleteInsight.html
func (s *Service) DeleteInsight(ctx context.Context, in *api.DeleteInsightRequest) (*api.DeleteInsightResponse, error) {
	err := s.changeInsight(ctx, in.InsightArn, func(tx store.Tx, key string, _ *insight) error { return s.insights.Delete(ctx, tx, key) })
	if err != nil {
		return nil, err
	}
	return &api.DeleteInsightResponse{InsightArn: in.InsightArn}, nil
}

// changeInsight: "you cannot edit or delete managed insights".
func (s *Service) changeInsight(ctx context.Context, name string, do func(tx store.Tx, key string, i *insight) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.hub(ctx, tx); err != nil {
			return err
		}
		i, err := s.insight(ctx, tx, name)
		if err != nil {
			return err
		}
		if strings.HasPrefix(name, managedInsights) {
			return invalid("A managed insight can't be changed or deleted.")
		}
		return do(tx, placeOf(ctx).home()+"/"+i.ID, i)
	})
	return err
}

// GetInsightResults counts the findings of an insight by the attribute it groups
// by, the most first.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetInsightResults.html
func (s *Service) GetInsightResults(ctx context.Context, in *api.GetInsightResultsRequest) (*api.GetInsightResultsResponse, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	i, err := s.insight(ctx, s.Store, in.InsightArn)
	if err != nil {
		return nil, err
	}
	f, err := i.filters()
	if err != nil {
		return nil, err
	}
	wants, err := compile(f, forSearch, s.now())
	if err != nil {
		return nil, err
	}
	counts, err := s.count(ctx, wants, i.GroupBy)
	if err != nil {
		return nil, err
	}
	out := &api.InsightResults{InsightArn: in.InsightArn, GroupByAttribute: i.GroupBy, ResultValues: []api.InsightResultValue{}}
	for value, n := range counts {
		out.ResultValues = append(out.ResultValues, api.InsightResultValue{GroupByAttributeValue: value, Count: n})
	}
	slices.SortFunc(out.ResultValues, func(a, b api.InsightResultValue) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.GroupByAttributeValue, b.GroupByAttributeValue))
	})
	out.ResultValues = out.ResultValues[:min(len(out.ResultValues), 100)]
	return &api.GetInsightResultsResponse{InsightResults: out}, nil
}

// count counts findings by the values that they have at an attribute; a finding
// counts once for each.
func (s *Service) count(ctx context.Context, wants filter, group string) (map[string]int32, error) {
	homes, err := s.visible(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	counts := map[string]int32{}
	err = s.each(ctx, s.Store, homes, "", wants, func(f *found) bool {
		seen := map[string]bool{}
		for _, v := range f.asff.values(group) {
			if w := word(v); w != "" && !seen[w] {
				seen[w] = true
				counts[w]++
			}
		}
		return true
	})
	return counts, err
}
