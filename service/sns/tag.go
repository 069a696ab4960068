package sns

import (
	"context"
	"errors"
	"slices"
	"strings"

	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const maxTags = 50

// addTags sets tags on top of those there are.
// https://docs.aws.amazon.com/sns/latest/dg/sns-tags.html
func addTags(tags []tag, more []snsapi.Tag) ([]tag, error) {
	tags = slices.Clone(tags)
	seen := map[string]bool{}
	for _, m := range more {
		if seen[m.Key] {
			return nil, invalid("Duplicated keys are not allowed.")
		}
		if seen[m.Key] = true; strings.HasPrefix(strings.ToLower(m.Key), "aws:") {
			return nil, wire.Errorf("TagPolicy", "aws: prefixed tag key names are not allowed for external use.")
		}
		if i := slices.IndexFunc(tags, func(t tag) bool { return t.Key == m.Key }); i >= 0 {
			tags[i].Value = m.Value
		} else {
			tags = append(tags, tag(m))
		}
	}
	if len(tags) > maxTags {
		return nil, errTags
	}
	return tags, nil
}

func (s *Service) retag(ctx context.Context, name string, change func(*topic) error) error {
	if _, ok := placeOfARN(name); !ok {
		return invalid("ResourceArn Reason: It must be the ARN of a topic")
	}
	err := s.changeTopic(ctx, name, change)
	if errors.Is(err, errNoTopic) {
		return errNoResource
	}
	return err
}

// TagResource tags a topic.
// https://docs.aws.amazon.com/sns/latest/api/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *snsapi.TagResourceRequest) (*snsapi.TagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceArn, func(t *topic) (err error) {
		t.Tags, err = addTags(t.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &snsapi.TagResourceResponse{}, nil
}

// UntagResource removes tags; one that is not there is no error.
// https://docs.aws.amazon.com/sns/latest/api/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *snsapi.UntagResourceRequest) (*snsapi.UntagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceArn, func(t *topic) error {
		t.Tags = slices.DeleteFunc(t.Tags, func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &snsapi.UntagResourceResponse{}, nil
}

// ListTagsForResource lists the tags of a topic.
// https://docs.aws.amazon.com/sns/latest/api/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *snsapi.ListTagsForResourceRequest) (*snsapi.ListTagsForResourceResponse, error) {
	p, ok := placeOfARN(in.ResourceArn)
	if !ok {
		return nil, invalid("ResourceArn Reason: It must be the ARN of a topic")
	}
	t, err := s.topics.Get(ctx, s.Store, p.key())
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return nil, errNoResource
	} else if err != nil {
		return nil, err
	}
	out := &snsapi.ListTagsForResourceResponse{Tags: []snsapi.Tag{}}
	for _, t := range t.Tags {
		out.Tags = append(out.Tags, snsapi.Tag(t))
	}
	return out, nil
}
