package route53

import (
	"context"
	"maps"
	"slices"

	route53api "bartizan.dev/api/route53"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const maxTags = 50

// tagged reads the zone that a tagging operation means.
func (s *Service) tagged(ctx context.Context, r store.Reader, kind route53api.TagResourceType, id string) (*zone, error) {
	if kind == route53api.TagResourceType_healthcheck {
		return nil, wire.Errorf("NoSuchHealthCheck", "No health check exists with the specified ID: %s", id)
	}
	return s.zone(ctx, r, id)
}

// ChangeTagsForResource adds and removes tags.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeTagsForResource.html
func (s *Service) ChangeTagsForResource(ctx context.Context, in *route53api.ChangeTagsForResourceRequest) (*route53api.ChangeTagsForResourceResponse, error) {
	if len(in.AddTags) == 0 && len(in.RemoveTagKeys) == 0 {
		return nil, invalidInput("AddTags or RemoveTagKeys is required.")
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		z, err := s.tagged(ctx, tx, in.ResourceType, in.ResourceId)
		if err != nil {
			return err
		}
		if z.Tags == nil {
			z.Tags = map[string]string{}
		}
		for _, key := range in.RemoveTagKeys {
			delete(z.Tags, key)
		}
		for _, t := range in.AddTags {
			if text(t.Key) == "" {
				return invalidInput("A tag needs a key.")
			}
			z.Tags[*t.Key] = text(t.Value)
		}
		if len(z.Tags) > maxTags {
			return invalidInput("A resource can have at most %d tags.", maxTags)
		}
		return s.zones.Put(ctx, tx, z.key(), z)
	})
	if err != nil {
		return nil, err
	}
	return &route53api.ChangeTagsForResourceResponse{}, nil
}

func (z *zone) tagSet() *route53api.ResourceTagSet {
	out := &route53api.ResourceTagSet{ResourceType: route53api.TagResourceType_hostedzone, ResourceId: &z.ID, Tags: []route53api.Tag{}}
	for _, key := range slices.Sorted(maps.Keys(z.Tags)) {
		out.Tags = append(out.Tags, route53api.Tag{Key: &key, Value: new(z.Tags[key])})
	}
	return out
}

// ListTagsForResource lists the tags of a zone.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *route53api.ListTagsForResourceRequest) (*route53api.ListTagsForResourceResponse, error) {
	z, err := s.tagged(ctx, s.Store, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	return &route53api.ListTagsForResourceResponse{ResourceTagSet: z.tagSet()}, nil
}

// ListTagsForResources lists the tags of up to ten zones.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListTagsForResources.html
func (s *Service) ListTagsForResources(ctx context.Context, in *route53api.ListTagsForResourcesRequest) (*route53api.ListTagsForResourcesResponse, error) {
	out := &route53api.ListTagsForResourcesResponse{ResourceTagSets: []route53api.ResourceTagSet{}}
	for _, id := range in.ResourceIds {
		z, err := s.tagged(ctx, s.Store, in.ResourceType, id)
		if err != nil {
			return nil, err
		}
		out.ResourceTagSets = append(out.ResourceTagSets, *z.tagSet())
	}
	return out, nil
}

// GetAccountLimit tells a quota of the account and how much of it is used.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetAccountLimit.html
func (s *Service) GetAccountLimit(ctx context.Context, in *route53api.GetAccountLimitRequest) (*route53api.GetAccountLimitResponse, error) {
	out := &route53api.GetAccountLimitResponse{Limit: &route53api.AccountLimit{Type: in.Type}}
	if in.Type != route53api.AccountLimitType_MAX_HOSTED_ZONES_BY_OWNER {
		return out, nil // what is not built can be made zero times
	}
	all, err := s.names.List(ctx, s.Store, account(ctx)+"/", "", 0)
	out.Limit.Value, out.Count = int64(s.Quotas.Zones), int64(len(all))
	return out, err
}

// GetHostedZoneLimit tells a quota of a zone and how much of it is used.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZoneLimit.html
func (s *Service) GetHostedZoneLimit(ctx context.Context, in *route53api.GetHostedZoneLimitRequest) (*route53api.GetHostedZoneLimitResponse, error) {
	z, err := s.zone(ctx, s.Store, in.HostedZoneId)
	if err != nil {
		return nil, err
	}
	if in.Type == route53api.HostedZoneLimitType_MAX_VPCS_ASSOCIATED_BY_ZONE {
		return nil, wire.Errorf("HostedZoneNotPrivate", "The specified hosted zone is a public hosted zone.")
	}
	return &route53api.GetHostedZoneLimitResponse{
		Limit: &route53api.HostedZoneLimit{Type: in.Type, Value: int64(s.Quotas.Records)}, Count: int64(z.Sets),
	}, nil
}
