package cloudtrail

import (
	"cmp"
	"context"
	"slices"
	"strings"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func show(r *record) cloudtrailapi.Trail {
	t := cloudtrailapi.Trail{
		Name: &r.Name, S3BucketName: &r.Bucket, IncludeGlobalServiceEvents: &r.Global, IsMultiRegionTrail: &r.Multi,
		HomeRegion: &r.Region, TrailARN: new(r.arn()), LogFileValidationEnabled: &r.Validate,
		HasCustomEventSelectors: new(len(r.Selectors)+len(r.Advanced) > 0), HasInsightSelectors: new(len(r.Insights) > 0), IsOrganizationTrail: new(r.Org != ""),
	}
	showTargets(r, &t)
	if r.Prefix != "" {
		t.S3KeyPrefix = &r.Prefix
	}
	return t
}

// inRegion are the trails of an account that a Region knows, by name: its own,
// and the shadows of trails for all Regions.
func (s *Service) inRegion(ctx context.Context, r store.Reader, at place, shadows bool) ([]*record, error) {
	prefix := at.account + "/"
	if !shadows {
		prefix += at.region + "/"
	}
	entries, err := s.trails.List(ctx, r, prefix, "", 0)
	if err != nil {
		return nil, err
	}
	var out []*record
	for _, e := range entries {
		if e.Value.Region == at.region || e.Value.Multi {
			out = append(out, e.Value)
		}
	}
	if shadows {
		others, err := s.shared(ctx, r, at)
		if err != nil {
			return nil, err
		}
		for _, v := range others {
			if v.Region == at.region || v.Multi {
				out = append(out, v)
			}
		}
	}
	slices.SortFunc(out, func(a, b *record) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Region, b.Region)) })
	return out, nil
}

// DescribeTrails describes the trails of a Region, or those that are named. A
// name or an ARN that means none is left out.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html
func (s *Service) DescribeTrails(ctx context.Context, in *cloudtrailapi.DescribeTrailsRequest) (*cloudtrailapi.DescribeTrailsResponse, error) {
	at := placeOf(ctx)
	out := &cloudtrailapi.DescribeTrailsResponse{TrailList: []cloudtrailapi.Trail{}}
	list, err := s.inRegion(ctx, s.Store, at, in.IncludeShadowTrails == nil || *in.IncludeShadowTrails)
	if err != nil {
		return nil, err
	}
	for _, name := range in.TrailNameList {
		if _, _, _, err := locate(at, name); err != nil {
			return nil, err
		}
	}
	for _, r := range list {
		named := len(in.TrailNameList) == 0 || slices.ContainsFunc(in.TrailNameList, func(name string) bool {
			return name == r.arn() || name == r.Name && r.Region == at.region && r.Account == at.account
		})
		if named {
			out.TrailList = append(out.TrailList, show(r))
		}
	}
	return out, nil
}

// GetTrail describes one trail.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrail.html
func (s *Service) GetTrail(ctx context.Context, in *cloudtrailapi.GetTrailRequest) (*cloudtrailapi.GetTrailResponse, error) {
	r, err := s.find(ctx, s.Store, placeOf(ctx), in.Name)
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.GetTrailResponse{Trail: new(show(r))}, nil
}

// ListTrails lists all trails of the account, whatever their Region.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTrails.html
func (s *Service) ListTrails(ctx context.Context, in *cloudtrailapi.ListTrailsRequest) (*cloudtrailapi.ListTrailsResponse, error) {
	const page = 1000
	after := ""
	if in.NextToken != nil {
		after = *in.NextToken
	}
	prefix := placeOf(ctx).account + "/"
	if after != "" && !strings.HasPrefix(after, "trail-") {
		// ListTrails has no error of its own for this.
		return nil, wire.Errorf("UnsupportedOperationException", "The specified next token is invalid.")
	} else if after != "" {
		after = prefix + strings.TrimPrefix(after, "trail-")
	}
	entries, err := s.trails.List(ctx, s.Store, prefix, after, page+1)
	if err != nil {
		return nil, err
	}
	out := &cloudtrailapi.ListTrailsResponse{Trails: []cloudtrailapi.TrailInfo{}}
	for i, e := range entries {
		if i == page {
			out.NextToken = new("trail-" + strings.TrimPrefix(entries[i-1].ID, prefix))
			break
		}
		r := e.Value
		out.Trails = append(out.Trails, cloudtrailapi.TrailInfo{TrailARN: new(r.arn()), Name: &r.Name, HomeRegion: &r.Region})
	}
	return out, nil
}
