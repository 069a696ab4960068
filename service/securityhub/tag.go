package securityhub

import (
	"context"
	"errors"
	"maps"

	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
)

const maxTags = 50

// retag changes the tags of a hub or an automation rule.
func (s *Service) retag(ctx context.Context, resource string, edit func(map[string]string)) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		change := func(tags map[string]string) (map[string]string, error) {
			if tags = maps.Clone(tags); tags == nil {
				tags = map[string]string{}
			}
			if edit(tags); len(tags) > maxTags {
				return nil, invalid("A resource can have at most %d tags.", maxTags)
			}
			return tags, nil
		}
		h, r, err := s.taggable(ctx, tx, resource)
		if err != nil {
			return err
		}
		home := placeOf(ctx).home()
		if r != nil {
			if r.Tags, err = change(r.Tags); err != nil {
				return err
			}
			return s.rules.Put(ctx, tx, home+"/"+r.ID, r)
		}
		if h.Tags, err = change(h.Tags); err != nil {
			return err
		}
		return s.hubs.Put(ctx, tx, home, h)
	})
	return err
}

// taggable is the hub or the rule with an ARN.
func (s *Service) taggable(ctx context.Context, r store.Reader, resource string) (*hub, *rule, error) {
	h, err := s.hubs.Get(ctx, r, placeOf(ctx).home())
	if errors.Is(err, store.ErrNotFound) { // tagging has no InvalidAccessException
		return nil, nil, notFound("Resource %s not found", clip(resource))
	} else if err != nil {
		return nil, nil, err
	}
	if resource == placeOf(ctx).arn("hub/default") {
		return h, nil, nil
	}
	v, err := s.rule(ctx, r, resource)
	if err == nil && v == nil {
		err = notFound("Resource %s not found", clip(resource))
	}
	return nil, v, err
}

// TagResource tags a resource.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceRequest) (*api.TagResourceResponse, error) {
	if err := s.retag(ctx, in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, in.Tags) }); err != nil {
		return nil, err
	}
	return &api.TagResourceResponse{}, nil
}

// UntagResource removes tags; one that is not there is no error.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceRequest) (*api.UntagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceArn, func(tags map[string]string) {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
	})
	if err != nil {
		return nil, err
	}
	return &api.UntagResourceResponse{}, nil
}

// ListTagsForResource lists the tags of a resource.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceRequest) (*api.ListTagsForResourceResponse, error) {
	h, r, err := s.taggable(ctx, s.Store, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &api.ListTagsForResourceResponse{Tags: map[string]string{}}
	if r != nil {
		maps.Copy(out.Tags, r.Tags)
	} else {
		maps.Copy(out.Tags, h.Tags)
	}
	return out, nil
}
