package ssm

import (
	"context"
	"strings"

	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const maxTags = 50

// addTags sets tags, which must be what tags may be.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html
func addTags(p *parameter, tags []ssmapi.Tag) error {
	if p.Tags == nil {
		p.Tags = map[string]string{}
	}
	for _, t := range tags {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return invalid("Tag keys that begin with aws: are reserved for AWS.")
		}
		p.Tags[t.Key] = t.Value
	}
	if len(p.Tags) > maxTags {
		return wire.Errorf("TooManyTagsError", "A resource can have at most %d tags.", maxTags)
	}
	return nil
}

// AddTagsToResource adds tags to a parameter.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html
func (s *Service) AddTagsToResource(ctx context.Context, in *ssmapi.AddTagsToResourceRequest) (*ssmapi.AddTagsToResourceResult, error) {
	err := s.retag(ctx, in.ResourceType, in.ResourceId, func(p *parameter) error { return addTags(p, in.Tags) })
	if err != nil {
		return nil, err
	}
	return &ssmapi.AddTagsToResourceResult{}, nil
}

// RemoveTagsFromResource takes tags away; those that are absent are no error.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_RemoveTagsFromResource.html
func (s *Service) RemoveTagsFromResource(ctx context.Context, in *ssmapi.RemoveTagsFromResourceRequest) (*ssmapi.RemoveTagsFromResourceResult, error) {
	err := s.retag(ctx, in.ResourceType, in.ResourceId, func(p *parameter) error {
		for _, key := range in.TagKeys {
			delete(p.Tags, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ssmapi.RemoveTagsFromResourceResult{}, nil
}

// ListTagsForResource lists the tags of a parameter.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *ssmapi.ListTagsForResourceRequest) (*ssmapi.ListTagsForResourceResult, error) {
	p, err := s.tagged(ctx, s.Store, in.ResourceType, in.ResourceId)
	if err != nil {
		return nil, err
	}
	out := &ssmapi.ListTagsForResourceResult{TagList: []ssmapi.Tag{}}
	for _, key := range sortedKeys(p.Tags) {
		out.TagList = append(out.TagList, ssmapi.Tag{Key: key, Value: p.Tags[key]})
	}
	return out, nil
}

// tagged finds what a tagging operation names: of the types of resources of
// Systems Manager, parameters are the ones that are here.
func (s *Service) tagged(ctx context.Context, r store.Reader, kind ssmapi.ResourceTypeForTagging, id string) (*parameter, error) {
	if kind != ssmapi.ResourceTypeForTagging_Parameter {
		return nil, wire.Errorf("InvalidResourceType", "Invalid Resource Type: Bartizan has resources of the type Parameter.")
	}
	x, err := selectName(placeOf(ctx), id)
	if err != nil || x.selector != "" || x.place != placeOf(ctx) {
		return nil, wire.Errorf("InvalidResourceId", "Invalid Resource Id")
	}
	p, err := s.lookup(ctx, r, x)
	if err == nil && p == nil {
		err = wire.Errorf("InvalidResourceId", "Invalid Resource Id")
	}
	return p, err
}

func (s *Service) retag(ctx context.Context, kind ssmapi.ResourceTypeForTagging, id string, f func(*parameter) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.tagged(ctx, tx, kind, id)
		if err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
		return s.parameters.Put(ctx, tx, p.id(), p)
	})
	return err
}
