package kms

import (
	"context"
	"slices"
	"strings"
	"time"

	api "bartizan.dev/api/kms"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func badTag(format string, args ...any) *wire.Error {
	return wire.Errorf("TagException", format, args...)
}

// newTags returns old with the tags of a request, sorted by key.
// https://docs.aws.amazon.com/kms/latest/developerguide/tagging-keys.html
func newTags(old []tag, more []api.Tag) ([]tag, error) {
	out := slices.Clone(old)
	seen := map[string]bool{}
	for _, t := range more {
		switch {
		case strings.HasPrefix(strings.ToLower(t.TagKey), "aws:"):
			return nil, badTag("Tags with the prefix aws: cannot be added, changed or removed.")
		case seen[t.TagKey]:
			return nil, badTag("Duplicate tag keys")
		}
		seen[t.TagKey] = true
		out = slices.DeleteFunc(out, func(o tag) bool { return o.Key == t.TagKey })
		out = append(out, tag{t.TagKey, t.TagValue})
	}
	if len(out) > maxTags {
		return nil, badTag("Too many tags")
	}
	slices.SortFunc(out, func(a, b tag) int { return strings.Compare(a.Key, b.Key) })
	return out, nil
}

// customers refuses to change a key of AWS's own.
func (l *loaded) customers() error {
	if l.Manager == api.KeyManagerType_AWS {
		return wire.Errorf("AccessDeniedException", "%s is an AWS managed key, which cannot be changed.", l.arn)
	}
	return nil
}

// TagResource sets tags of a key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceRequest) (*api.TagResourceOutput, error) {
	_, err := s.change(ctx, func(_ store.Tx, l *loaded, now time.Time) (err error) {
		if err := l.customers(); err != nil {
			return err
		}
		if err := l.need(now, living...); err != nil {
			return err
		}
		l.Tags, err = newTags(l.Tags, in.Tags)
		return err
	})
	return &api.TagResourceOutput{}, err
}

// UntagResource removes tags of a key; one that it does not have is no error.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceRequest) (*api.UntagResourceOutput, error) {
	_, err := s.change(ctx, func(_ store.Tx, l *loaded, now time.Time) error {
		if err := l.customers(); err != nil {
			return err
		}
		if err := l.need(now, living...); err != nil {
			return err
		}
		l.Tags = slices.DeleteFunc(l.Tags, func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
		return nil
	})
	return &api.UntagResourceOutput{}, err
}

// ListResourceTags lists the tags of a key.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html
func (s *Service) ListResourceTags(ctx context.Context, in *api.ListResourceTagsRequest) (*api.ListResourceTagsResponse, error) {
	t, err := found(ctx)
	if err != nil {
		return nil, err
	}
	p, err := newPage(in.Limit, in.Marker, 50, 50)
	if err != nil {
		return nil, err
	}
	tags, next := cut(p, t.Tags, func(t *tag) string { return t.Key })
	out := &api.ListResourceTagsResponse{Tags: []api.Tag{}, NextMarker: next, Truncated: new(next != nil)}
	for _, t := range tags {
		out.Tags = append(out.Tags, api.Tag{TagKey: t.Key, TagValue: t.Value})
	}
	return out, nil
}
