package rolesanywhere

import (
	"context"
	"slices"
	"strings"

	rolesapi "bartizan.dev/api/rolesanywhere"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// setTags adds tags to a list or replaces their values.
func setTags(old []tag, add []rolesapi.Tag) ([]tag, error) {
	out, seen := slices.Clone(old), map[string]bool{}
	for _, t := range add {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, invalid("System tags cannot be added/updated by requester")
		}
		if seen[t.Key] {
			return nil, invalid("Duplicate tag key: %s", t.Key)
		}
		seen[t.Key] = true
		if i := slices.IndexFunc(out, func(o tag) bool { return o.Key == t.Key }); i >= 0 {
			out[i].Value = t.Value
		} else {
			out = append(out, tag{t.Key, t.Value})
		}
	}
	if len(out) > maxTags {
		return nil, wire.Errorf("TooManyTagsException", "A resource can have at most %d tags.", maxTags)
	}
	return out, nil
}

func policyTags(tags []tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		out = append(out, policy.Tag(t))
	}
	return out
}

func requestTags(tags []rolesapi.Tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		out = append(out, policy.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}

// ListTagsForResource lists the tags of any resource.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *rolesapi.ListTagsForResourceRequest) (*rolesapi.ListTagsForResourceResponse, error) {
	h, err := s.headOf(ctx, s.Store, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &rolesapi.ListTagsForResourceResponse{Tags: []rolesapi.Tag{}}
	for _, t := range h.Tags {
		out.Tags = append(out.Tags, rolesapi.Tag(t))
	}
	return out, nil
}

// TagResource adds tags to any resource.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *rolesapi.TagResourceRequest) (*rolesapi.TagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceArn, func(old []tag) ([]tag, error) { return setTags(old, in.Tags) })
	if err != nil {
		return nil, err
	}
	return &rolesapi.TagResourceResponse{}, nil
}

// UntagResource takes tags away; those that are absent are no error.
// https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *rolesapi.UntagResourceRequest) (*rolesapi.UntagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceArn, func(old []tag) ([]tag, error) {
		return slices.DeleteFunc(slices.Clone(old), func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) }), nil
	})
	if err != nil {
		return nil, err
	}
	return &rolesapi.UntagResourceResponse{}, nil
}

// headOf returns what all kinds have of the resource with an ARN.
func (s *Service) headOf(ctx context.Context, r store.Reader, name string) (*head, error) {
	at := placeOf(ctx)
	switch kindOf(name) {
	case s.anchors.name:
		return headFrom(s.anchors.find(ctx, r, at, name))(s.anchors.head)
	case s.profiles.name:
		return headFrom(s.profiles.find(ctx, r, at, name))(s.profiles.head)
	case s.crls.name:
		return headFrom(s.crls.find(ctx, r, at, name))(s.crls.head)
	case s.subjects.name:
		return headFrom(s.subjects.find(ctx, r, at, name))(s.subjects.head)
	}
	return nil, notFound("Resource")
}

func headFrom[T any](v *T, err error) func(func(*T) *head) (*head, error) {
	return func(head func(*T) *head) (*head, error) {
		if err != nil {
			return nil, err
		}
		return head(v), nil
	}
}

func (s *Service) retag(ctx context.Context, name string, f func([]tag) ([]tag, error)) error {
	apply := func(h *head) (err error) { h.Tags, err = f(h.Tags); return err }
	var err error
	switch kindOf(name) {
	case s.anchors.name:
		_, err = s.anchors.change(ctx, s, name, func(_ store.Tx, a *anchor) error { return apply(&a.head) })
	case s.profiles.name:
		_, err = s.profiles.change(ctx, s, name, func(_ store.Tx, p *profile) error { return apply(&p.head) })
	case s.crls.name:
		_, err = s.crls.change(ctx, s, name, func(_ store.Tx, c *crl) error { return apply(&c.head) })
	case s.subjects.name:
		_, err = s.subjects.change(ctx, s, name, func(_ store.Tx, s *subject) error { return apply(&s.head) })
	default:
		err = notFound("Resource")
	}
	return err
}

// kindOf is the kind of resource that an ARN, also of an alias, names.
func kindOf(name string) string {
	a, err := arn.Parse(name)
	if err != nil {
		return ""
	}
	k, _, _ := strings.Cut(strings.TrimPrefix(a.Resource, "alias/"), "/")
	return k
}
