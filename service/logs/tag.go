package logs

import (
	"context"

	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// tagged is the name of the group that a tagging operation means.
func tagged(ctx context.Context, resource string) (string, error) {
	p, name, ok := parseGroup(resource)
	if !ok {
		return "", wire.Errorf("ValidationException", "The resource ARN %s is not the ARN of a log group.", resource)
	}
	if p != placeOf(ctx) {
		return "", errNoGroup
	}
	return name, nil
}

// TagResource tags a log group.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *logsapi.TagResourceRequest) (*logsapi.TagResourceOutput, error) {
	name, err := tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	err = s.changeGroup(ctx, name, func(_ store.Tx, g *group) error {
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		for k, v := range in.Tags {
			g.Tags[k] = v
		}
		if len(g.Tags) > maxTags {
			return wire.Errorf("TooManyTagsException", "A resource can have at most %d tags.", maxTags)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &logsapi.TagResourceOutput{}, nil
}

// UntagResource removes tags; one that is not there is no error.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *logsapi.UntagResourceRequest) (*logsapi.UntagResourceOutput, error) {
	name, err := tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	err = s.changeGroup(ctx, name, func(_ store.Tx, g *group) error {
		for _, k := range in.TagKeys {
			delete(g.Tags, k)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &logsapi.UntagResourceOutput{}, nil
}

// ListTagsForResource lists the tags of a log group.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *logsapi.ListTagsForResourceRequest) (*logsapi.ListTagsForResourceResponse, error) {
	name, err := tagged(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	g, err := s.group(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	out := &logsapi.ListTagsForResourceResponse{Tags: g.Tags}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, nil
}
