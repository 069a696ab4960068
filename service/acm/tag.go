package acm

import (
	"context"
	"maps"
	"slices"
	"strings"

	acmapi "bartizan.dev/api/acm"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func orEmpty(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// addTags returns tags with others added, or their values replaced.
// https://docs.aws.amazon.com/acm/latest/userguide/tags-restrictions.html
func addTags(old map[string]string, add []acmapi.Tag) (map[string]string, error) {
	out := maps.Clone(old)
	if out == nil {
		out = map[string]string{}
	}
	for i, t := range add {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return nil, wire.Errorf("InvalidTagException", "aws: prefixed tag key names are not allowed for external use.")
		}
		if slices.ContainsFunc(add[:i], func(o acmapi.Tag) bool { return o.Key == t.Key }) {
			return nil, wire.Errorf("InvalidTagException", "The tag key %s is given twice.", t.Key)
		}
		out[t.Key] = orEmpty(t.Value)
	}
	if len(out) > maxTags {
		return nil, wire.Errorf("TooManyTagsException", "the TagSet: '%d' tags is more than the limit of %d.", len(out), maxTags)
	}
	return out, nil
}

func (c *certificate) tags() []acmapi.Tag {
	out := []acmapi.Tag{}
	for _, k := range sortedKeys(c.Tags) {
		out = append(out, acmapi.Tag{Key: k, Value: new(c.Tags[k])})
	}
	return out
}

func (s *Service) retag(ctx context.Context, name string, add []acmapi.Tag) error {
	return s.change(ctx, name, func(_ store.Tx, c *certificate) (err error) {
		c.Tags, err = addTags(c.Tags, add)
		return err
	})
}

// AddTagsToCertificate adds tags.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_AddTagsToCertificate.html
func (s *Service) AddTagsToCertificate(ctx context.Context, in *acmapi.AddTagsToCertificateRequest) (*acmapi.AddTagsToCertificateOutput, error) {
	if err := s.retag(ctx, in.CertificateArn, in.Tags); err != nil {
		return nil, err
	}
	return &acmapi.AddTagsToCertificateOutput{}, nil
}

// RemoveTagsFromCertificate removes tags: one with a value only if it has that
// value.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_RemoveTagsFromCertificate.html
func (s *Service) RemoveTagsFromCertificate(ctx context.Context, in *acmapi.RemoveTagsFromCertificateRequest) (*acmapi.RemoveTagsFromCertificateOutput, error) {
	err := s.change(ctx, in.CertificateArn, func(_ store.Tx, c *certificate) error {
		for _, t := range in.Tags {
			if t.Value == nil || c.Tags[t.Key] == *t.Value {
				delete(c.Tags, t.Key)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &acmapi.RemoveTagsFromCertificateOutput{}, nil
}

// ListTagsForCertificate lists a certificate's tags.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_ListTagsForCertificate.html
func (s *Service) ListTagsForCertificate(ctx context.Context, in *acmapi.ListTagsForCertificateRequest) (*acmapi.ListTagsForCertificateResponse, error) {
	c, err := s.find(ctx, s.Store, in.CertificateArn)
	if err != nil {
		return nil, err
	}
	return &acmapi.ListTagsForCertificateResponse{Tags: c.tags()}, nil
}

// TagResource adds tags.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *acmapi.TagResourceRequest) (*acmapi.TagResourceOutput, error) {
	if err := s.retag(ctx, in.ResourceArn, in.Tags); err != nil {
		return nil, err
	}
	return &acmapi.TagResourceOutput{}, nil
}

// UntagResource removes tags.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *acmapi.UntagResourceRequest) (*acmapi.UntagResourceOutput, error) {
	err := s.change(ctx, in.ResourceArn, func(_ store.Tx, c *certificate) error {
		for _, k := range in.TagKeys {
			delete(c.Tags, k)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &acmapi.UntagResourceOutput{}, nil
}

// ListTagsForResource lists a certificate's tags.
// https://docs.aws.amazon.com/acm/latest/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *acmapi.ListTagsForResourceRequest) (*acmapi.ListTagsForResourceResponse, error) {
	c, err := s.find(ctx, s.Store, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return &acmapi.ListTagsForResourceResponse{Tags: c.tags()}, nil
}
