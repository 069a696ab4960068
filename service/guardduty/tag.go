package guardduty

import (
	"context"
	"maps"
	"strings"
	"unicode/utf8"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/arn"
	"bartizan.dev/store"
)

const maxTags = 50 // of a resource

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return rejected(invalidInput, "The request is rejected because a resource can have at most %d tags.", maxTags)
	}
	for k, v := range tags {
		if k == "" || utf8.RuneCountInString(k) > 128 || utf8.RuneCountInString(v) > 256 {
			return invalid("tags")
		}
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			return rejected(invalidInput, "The request is rejected because tag keys that start with aws: are reserved for AWS use.")
		}
	}
	return nil
}

// tagged is a resource with tags: its tags, and how it is written back.
type tagged struct {
	tags map[string]string
	put  func(tx store.Tx, tags map[string]string) error
}

// named finds the resource with an ARN, in the caller's account and Region.
func (s *Service) named(ctx context.Context, r store.Reader, name string) (*tagged, error) {
	a, err := arn.Parse(name)
	at := placeOf(ctx)
	if err != nil || a.Service != "guardduty" {
		return nil, invalid("resourceArn")
	}
	if a.Account != at.Account || a.Region != at.Region {
		return nil, errNothing
	}
	parts := strings.Split(a.Resource, "/")
	switch {
	case len(parts) == 2 && parts[0] == "detector":
		d, err := s.find(ctx, r, parts[1])
		if err != nil {
			return nil, err
		}
		return &tagged{d.Tags, func(tx store.Tx, tags map[string]string) error {
			d.Tags = tags
			return s.detectors.Put(ctx, tx, d.Place.id(), d)
		}}, nil
	case len(parts) == 2 && parts[0] == "malware-protection-plan":
		p, err := s.plan(ctx, r, parts[1])
		if err != nil {
			return nil, err
		}
		return &tagged{p.Tags, func(tx store.Tx, tags map[string]string) error {
			p.Tags = tags
			return s.plans.Put(ctx, tx, p.id(), p)
		}}, nil
	case len(parts) == 4 && parts[0] == "detector" && parts[2] == "filter":
		_, f, err := s.filter(ctx, r, parts[1], parts[3])
		if err != nil {
			return nil, err
		}
		return &tagged{f.Tags, func(tx store.Tx, tags map[string]string) error {
			f.Tags = tags
			return s.filters.Put(ctx, tx, filterID(f.Detector, f.Name), f)
		}}, nil
	case len(parts) == 4 && parts[0] == "detector" && kindNamed(parts[2]) != nil:
		l, err := s.list(ctx, r, kindNamed(parts[2]), parts[1], parts[3])
		if err != nil {
			return nil, err
		}
		return &tagged{l.Tags, func(tx store.Tx, tags map[string]string) error {
			l.Tags = tags
			return s.lists.Put(ctx, tx, l.id(), l)
		}}, nil
	case len(parts) == 4 && parts[0] == "detector" && parts[2] == "publishingdestination":
		v, err := s.destination(ctx, r, parts[1], parts[3])
		if err != nil {
			return nil, err
		}
		return &tagged{v.Tags, func(tx store.Tx, tags map[string]string) error {
			v.Tags = tags
			return s.destinations.Put(ctx, tx, v.id(), v)
		}}, nil
	}
	return nil, errNothing
}

// retag changes the tags of a resource in one transaction.
func (s *Service) retag(ctx context.Context, name string, f func(tags map[string]string)) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := s.named(ctx, tx, name)
		if err != nil {
			return err
		}
		tags := maps.Clone(v.tags)
		if tags == nil {
			tags = map[string]string{}
		}
		f(tags)
		if err := checkTags(tags); err != nil {
			return err
		}
		return v.put(tx, tags)
	})
	return err
}

// TagResource adds tags, or replaces their values.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *guarddutyapi.TagResourceRequest) (*guarddutyapi.TagResourceResponse, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	return &guarddutyapi.TagResourceResponse{}, s.retag(ctx, in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
}

// UntagResource removes tags.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *guarddutyapi.UntagResourceRequest) (*guarddutyapi.UntagResourceResponse, error) {
	return &guarddutyapi.UntagResourceResponse{}, s.retag(ctx, in.ResourceArn, func(tags map[string]string) {
		for _, k := range in.TagKeys {
			delete(tags, k)
		}
	})
}

// ListTagsForResource shows the tags of a resource.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *guarddutyapi.ListTagsForResourceRequest) (*guarddutyapi.ListTagsForResourceResponse, error) {
	v, err := s.named(ctx, s.Store, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	out := &guarddutyapi.ListTagsForResourceResponse{Tags: v.tags}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	return out, nil
}
