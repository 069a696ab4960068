package securityhub

import (
	"context"
	"errors"
	"slices"
	"strings"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
)

// aggregator brings the findings of other Regions into one: an account has at
// most one.
// https://docs.aws.amazon.com/securityhub/latest/userguide/finding-aggregation.html
type aggregator struct {
	ID, Region string // Region is where the findings come together
	Mode       string
	Regions    []string `json:",omitzero"`
}

// Modes of linking Regions.
const (
	allRegions    = "ALL_REGIONS"
	allBut        = "ALL_REGIONS_EXCEPT_SPECIFIED"
	someRegions   = "SPECIFIED_REGIONS"
	noRegions     = "NO_REGIONS"
	maxAggregated = 50 // Regions that may be named
)

func (g *aggregator) arn(p place) string {
	return place{p.account, g.Region}.arn("finding-aggregator/" + g.ID)
}

// links tells whether findings of a Region come to the aggregator's.
func (g *aggregator) links(region string) bool {
	switch g.Mode {
	case allRegions:
		return true
	case allBut:
		return !slices.Contains(g.Regions, region)
	case someRegions:
		return slices.Contains(g.Regions, region)
	}
	return false
}

func (g *aggregator) set(mode string, regions []string) error {
	named := mode == allBut || mode == someRegions
	switch {
	case !slices.Contains([]string{allRegions, allBut, someRegions, noRegions}, mode):
		return invalid("Invalid parameter 'RegionLinkingMode'. data should be equal to one of the allowed values")
	case named != (len(regions) > 0):
		return invalid("Invalid parameter 'Regions'. Regions are given with ALL_REGIONS_EXCEPT_SPECIFIED and SPECIFIED_REGIONS, and only then.")
	case len(regions) > maxAggregated || slices.Contains(regions, g.Region):
		return invalid("Invalid parameter 'Regions'. The aggregation Region can't be among them, nor more than %d.", maxAggregated)
	}
	g.Mode, g.Regions = mode, slices.Sorted(slices.Values(regions))
	return nil
}

// aggregator is an account's; nil: it has none.
func (s *Service) aggregator(ctx context.Context, r store.Reader, account string) (*aggregator, error) {
	g, err := s.aggregators.Get(ctx, r, account)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return g, err
}

// linked are the homes of an account whose findings the caller sees: that of its
// own Region, and those that an aggregator there links.
func (s *Service) linked(ctx context.Context, r store.Reader, g *aggregator, p place) ([]place, error) {
	out := []place{p}
	if g == nil || g.Region != p.region {
		return out, nil
	}
	v1, err := keysOf(ctx, r, &s.hubs, p.account+"/")
	if err != nil {
		return nil, err
	}
	v2, err := keysOf(ctx, r, &s.hubsV2, p.account+"/")
	if err != nil {
		return nil, err
	}
	for _, key := range append(v1, v2...) {
		other := place{p.account, strings.TrimPrefix(key, p.account+"/")}
		if g.links(other.region) && !slices.Contains(out, other) {
			out = append(out, other)
		}
	}
	return out, nil
}

func keysOf[T any](ctx context.Context, r store.Reader, c *store.Collection[T], prefix string) ([]string, error) {
	list, err := c.List(ctx, r, prefix, "", 0)
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = e.ID
	}
	return out, err
}

// mayAggregate: "only an administrator account or a standalone account can".
func (s *Service) mayAggregate(ctx context.Context, r store.Reader) error {
	p := placeOf(ctx)
	if _, err := s.hub(ctx, r); err != nil {
		return err
	}
	a, err := s.administrator(ctx, r, p)
	if err == nil && a != nil {
		return denied("Account %s is a member account: its administrator account aggregates findings.", p.account)
	}
	return err
}

// CreateFindingAggregator makes the caller's Region the aggregation Region.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_CreateFindingAggregator.html
func (s *Service) CreateFindingAggregator(ctx context.Context, in *api.CreateFindingAggregatorRequest) (*api.CreateFindingAggregatorResponse, error) {
	p := placeOf(ctx)
	g := &aggregator{ID: newID(), Region: p.region}
	if err := g.set(in.RegionLinkingMode, in.Regions); err != nil {
		return nil, err
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := s.mayAggregate(ctx, tx); err != nil {
			return err
		}
		err := s.aggregators.Insert(ctx, tx, p.account, g)
		if errors.Is(err, store.ErrExists) {
			return limit("An account can have one finding aggregator.")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.CreateFindingAggregatorResponse{FindingAggregatorArn: new(g.arn(p)), FindingAggregationRegion: &g.Region, RegionLinkingMode: &g.Mode, Regions: g.Regions}, nil
}

// namedAggregator reads the caller's aggregator by its ARN.
func (s *Service) namedAggregator(ctx context.Context, r store.Reader, name string) (*aggregator, error) {
	p := placeOf(ctx)
	if err := s.mayAggregate(ctx, r); err != nil {
		return nil, err
	}
	g, err := s.aggregator(ctx, r, p.account)
	if err == nil && (g == nil || g.arn(p) != name) {
		err = notFound("Finding aggregator %s not found", clip(name))
	}
	return g, err
}

// GetFindingAggregator shows the aggregator.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingAggregator.html
func (s *Service) GetFindingAggregator(ctx context.Context, in *api.GetFindingAggregatorRequest) (*api.GetFindingAggregatorResponse, error) {
	g, err := s.namedAggregator(ctx, s.Store, in.FindingAggregatorArn)
	if err != nil {
		return nil, err
	}
	return &api.GetFindingAggregatorResponse{FindingAggregatorArn: &in.FindingAggregatorArn, FindingAggregationRegion: &g.Region, RegionLinkingMode: &g.Mode, Regions: g.Regions}, nil
}

// ListFindingAggregators lists the one there is.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListFindingAggregators.html
func (s *Service) ListFindingAggregators(ctx context.Context, in *api.ListFindingAggregatorsRequest) (*api.ListFindingAggregatorsResponse, error) {
	if err := s.mayAggregate(ctx, s.Store); err != nil {
		return nil, err
	}
	pg, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	g, err := s.aggregator(ctx, s.Store, p.account)
	out := &api.ListFindingAggregatorsResponse{FindingAggregators: []api.FindingAggregator{}}
	if g != nil && pg.after(g.ID) {
		out.FindingAggregators = append(out.FindingAggregators, api.FindingAggregator{FindingAggregatorArn: new(g.arn(p))})
	}
	return out, err
}

// UpdateFindingAggregator changes which Regions are linked.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_UpdateFindingAggregator.html
func (s *Service) UpdateFindingAggregator(ctx context.Context, in *api.UpdateFindingAggregatorRequest) (*api.UpdateFindingAggregatorResponse, error) {
	p := placeOf(ctx)
	var g *aggregator
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if g, err = s.namedAggregator(ctx, tx, in.FindingAggregatorArn); err != nil {
			return err
		}
		if g.Region != p.region {
			return invalid("A finding aggregator is changed in its aggregation Region, %s.", g.Region)
		}
		if err := g.set(in.RegionLinkingMode, in.Regions); err != nil {
			return err
		}
		return s.aggregators.Put(ctx, tx, p.account, g)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateFindingAggregatorResponse{FindingAggregatorArn: &in.FindingAggregatorArn, FindingAggregationRegion: &g.Region, RegionLinkingMode: &g.Mode, Regions: g.Regions}, nil
}

// DeleteFindingAggregator ends the aggregation.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DeleteFindingAggregator.html
func (s *Service) DeleteFindingAggregator(ctx context.Context, in *api.DeleteFindingAggregatorRequest) (*api.DeleteFindingAggregatorResponse, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.namedAggregator(ctx, tx, in.FindingAggregatorArn); err != nil {
			return err
		}
		return s.aggregators.Delete(ctx, tx, placeOf(ctx).account)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteFindingAggregatorResponse{}, nil
}
