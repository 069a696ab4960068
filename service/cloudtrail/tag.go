package cloudtrail

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const (
	maxTags   = 50 // of a trail
	maxListed = 20 // resources of one ListTags
)

func tooMany(n int) error {
	return wire.Errorf("InvalidParameterException", "You can list the tags of at most %d resources at a time, and named %d.", maxListed, n)
}

// setTags adds tags to a list, or replaces their values.
func setTags(old []tag, add []cloudtrailapi.Tag) ([]tag, error) {
	out := slices.Clone(old)
	seen := map[string]bool{}
	for i := range add {
		g := tag{add[i].Key, text(add[i].Value)}
		switch {
		case g.Key == "" || utf8.RuneCountInString(g.Key) > 128 || utf8.RuneCountInString(g.Value) > 256:
			return nil, wire.Errorf("InvalidTagParameterException", "A tag key has 1 to 128 characters, a tag value at most 256.")
		case strings.HasPrefix(strings.ToLower(g.Key), "aws:"):
			return nil, wire.Errorf("InvalidTagParameterException", "Tag keys that start with aws: are reserved for AWS use.")
		case seen[g.Key]:
			return nil, wire.Errorf("InvalidTagParameterException", "The tag key %s is specified more than once.", g.Key)
		}
		seen[g.Key] = true
		at, found := slices.BinarySearchFunc(out, g.Key, func(o tag, key string) int { return cmp.Compare(o.Key, key) })
		if found {
			out[at] = g
		} else {
			out = slices.Insert(out, at, g)
		}
	}
	if len(out) > maxTags {
		return nil, wire.Errorf("TagsLimitExceededException", "The number of tags per trail has exceeded the permitted amount of %d.", maxTags)
	}
	return out, nil
}

// tagged checks the id of a resource that has tags: an ARN, of a trail.
func tagged(name string) error {
	if !strings.HasPrefix(name, "arn:") {
		return wire.Errorf("CloudTrailARNInvalidException", "The ARN %s is not valid for a trail.", name)
	}
	for _, kind := range []string{":channel/", ":dashboard/"} {
		if strings.Contains(name, kind) {
			return wire.Errorf("ResourceTypeNotSupportedException", "Resources of this type are not built in Bartizan.")
		}
	}
	return nil
}

// changeTags changes the tags of a trail or of an event data store.
func (s *Service) changeTags(ctx context.Context, name string, f func(old []tag) ([]tag, error)) (err error) {
	if strings.Contains(name, ":eventdatastore/") {
		_, err = s.changeStore(ctx, name, func(_ store.Tx, d *dataStore) (err error) {
			d.Tags, err = f(d.Tags)
			return err
		})
		return err
	}
	_, err = s.change(ctx, name, func(_ store.Tx, r *record) (err error) {
		r.Tags, err = f(r.Tags)
		return err
	})
	return err
}

// tagsOf are those of a trail or of an event data store.
func (s *Service) tagsOf(ctx context.Context, name string) ([]tag, error) {
	if strings.Contains(name, ":eventdatastore/") {
		d, err := s.dataStore(ctx, s.Store, name)
		if err != nil {
			return nil, err
		}
		return d.Tags, nil
	}
	r, err := s.find(ctx, s.Store, placeOf(ctx), name)
	if err != nil {
		return nil, err
	}
	return r.Tags, nil
}

// AddTags adds tags to a trail, or replaces their values.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AddTags.html
func (s *Service) AddTags(ctx context.Context, in *cloudtrailapi.AddTagsRequest) (*cloudtrailapi.AddTagsResponse, error) {
	if err := tagged(in.ResourceId); err != nil {
		return nil, err
	}
	err := s.changeTags(ctx, in.ResourceId, func(old []tag) ([]tag, error) { return setTags(old, in.TagsList) })
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.AddTagsResponse{}, nil
}

// RemoveTags takes tags away, by their keys; those that are absent are no error.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_RemoveTags.html
func (s *Service) RemoveTags(ctx context.Context, in *cloudtrailapi.RemoveTagsRequest) (*cloudtrailapi.RemoveTagsResponse, error) {
	if err := tagged(in.ResourceId); err != nil {
		return nil, err
	}
	err := s.changeTags(ctx, in.ResourceId, func(old []tag) ([]tag, error) {
		return slices.DeleteFunc(old, func(t tag) bool {
			return slices.ContainsFunc(in.TagsList, func(g cloudtrailapi.Tag) bool { return g.Key == t.Key })
		}), nil
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrailapi.RemoveTagsResponse{}, nil
}

// ListTags lists the tags of up to 20 trails.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTags.html
func (s *Service) ListTags(ctx context.Context, in *cloudtrailapi.ListTagsRequest) (*cloudtrailapi.ListTagsResponse, error) {
	if err := noToken(in.NextToken); err != nil {
		return nil, err
	}
	out := &cloudtrailapi.ListTagsResponse{ResourceTagList: []cloudtrailapi.ResourceTag{}}
	for i := range in.ResourceIdList {
		name := in.ResourceIdList[i]
		if err := tagged(name); err != nil {
			return nil, err
		}
		tags, err := s.tagsOf(ctx, name)
		if err != nil {
			return nil, err
		}
		list := cloudtrailapi.ResourceTag{ResourceId: &name, TagsList: []cloudtrailapi.Tag{}}
		for _, t := range tags {
			list.TagsList = append(list.TagsList, cloudtrailapi.Tag{Key: t.Key, Value: &t.Value})
		}
		out.ResourceTagList = append(out.ResourceTagList, list)
	}
	return out, nil
}

// noToken refuses page tokens: what they are for always fits on one page, so
// none was ever given out.
func noToken(token *string) error {
	if token != nil && *token != "" {
		return wire.Errorf("InvalidTokenException", "The specified token is not valid.")
	}
	return nil
}
