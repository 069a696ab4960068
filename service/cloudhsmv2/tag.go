package cloudhsmv2

import (
	"cmp"
	"context"
	"slices"
	"strings"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// setTags adds tags to a list, which stays in the order of keys, or replaces
// their values.
func setTags(old []tag, add []hsmapi.Tag) ([]tag, error) {
	out := slices.Clone(old)
	for i, t := range add {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, wire.Errorf("CloudHsmTagException", "Tag keys that start with aws: are reserved.")
		}
		if slices.ContainsFunc(add[:i], func(o hsmapi.Tag) bool { return o.Key == t.Key }) {
			return nil, wire.Errorf("CloudHsmTagException", "The tag key %s is specified twice.", t.Key)
		}
		at, found := slices.BinarySearchFunc(out, t.Key, func(o tag, key string) int { return cmp.Compare(o.Key, key) })
		if found {
			out[at].Value = t.Value
		} else {
			out = slices.Insert(out, at, tag(t))
		}
	}
	if len(out) > maxTags {
		return nil, wire.Errorf("CloudHsmResourceLimitExceededException", "A resource can have at most %d tags.", maxTags)
	}
	return out, nil
}

// tagged refuses what cannot have tags here.
func tagged(id string) error {
	if strings.HasPrefix(id, "backup-") {
		return noBackup(id)
	}
	return nil
}

// ListTags lists the tags of a cluster.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_ListTags.html
func (s *Service) ListTags(ctx context.Context, in *hsmapi.ListTagsRequest) (*hsmapi.ListTagsResponse, error) {
	if err := tagged(in.ResourceId); err != nil {
		return nil, err
	}
	c, err := s.find(ctx, s.Store, placeOf(ctx), in.ResourceId)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, t := range c.Tags {
		names = append(names, t.Key)
	}
	from, to, next, err := window(names, in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	out := &hsmapi.ListTagsResponse{TagList: []hsmapi.Tag{}, NextToken: next}
	for _, t := range c.Tags[from:to] {
		out.TagList = append(out.TagList, hsmapi.Tag(t))
	}
	return out, nil
}

// TagResource adds tags to a cluster.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *hsmapi.TagResourceRequest) (*hsmapi.TagResourceResponse, error) {
	if err := tagged(in.ResourceId); err != nil {
		return nil, err
	}
	_, err := s.change(ctx, in.ResourceId, func(_ store.Tx, c *cluster) (err error) {
		c.Tags, err = setTags(c.Tags, in.TagList)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &hsmapi.TagResourceResponse{}, nil
}

// UntagResource takes tags away; those that are absent are no error.
// https://docs.aws.amazon.com/cloudhsm/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *hsmapi.UntagResourceRequest) (*hsmapi.UntagResourceResponse, error) {
	if err := tagged(in.ResourceId); err != nil {
		return nil, err
	}
	_, err := s.change(ctx, in.ResourceId, func(_ store.Tx, c *cluster) error {
		c.Tags = slices.DeleteFunc(c.Tags, func(t tag) bool { return slices.Contains(in.TagKeyList, t.Key) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &hsmapi.UntagResourceResponse{}, nil
}
