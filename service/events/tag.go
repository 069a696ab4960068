package events

import (
	"context"
	"errors"
	"slices"
	"strings"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/arn"
	"bartizan.dev/store"
)

const maxTags = 50

// addTags sets tags on top of those there are.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TagResource.html
func addTags(tags []tag, more []eventsapi.Tag) ([]tag, error) {
	for _, m := range more {
		if strings.HasPrefix(strings.ToLower(m.Key), "aws:") {
			return nil, invalid("aws: prefixed tag key names are not allowed for external use.")
		}
		i := slices.IndexFunc(tags, func(t tag) bool { return t.Key == m.Key })
		if i < 0 {
			tags = append(tags, tag(m))
		} else {
			tags[i].Value = m.Value
		}
	}
	if len(tags) > maxTags {
		return nil, errLimit
	}
	return tags, nil
}

// named is what the ARN of a bus or rule names; rule is empty for a bus.
func named(name string) (p place, rule string, err error) {
	if p, ok := placeOfARN(name); ok {
		return p, "", nil
	}
	a, parseErr := arn.Parse(name)
	id, ok := strings.CutPrefix(a.Resource, "rule/")
	if parseErr != nil || !ok || a.Service != "events" || id == "" || strings.Count(id, "/") > 1 {
		return p, "", notValid(name, "Provided Arn is not in correct format.")
	}
	p = place{a.Account, a.Region, defaultBus}
	if bus, rest, custom := strings.Cut(id, "/"); custom {
		p.Name, id = bus, rest
	}
	return p, id, nil
}

// retag changes the tags of a bus or rule.
func (s *Service) retag(ctx context.Context, name string, change func([]tag) ([]tag, error)) error {
	p, ruleName, err := named(name)
	if err != nil {
		return err
	}
	if _, err := own(ctx, p.arn()); err != nil {
		return err
	}
	if ruleName == "" {
		_, err := s.changeBus(ctx, p.arn(), func(_ store.Tx, b *bus) (err error) {
			b.Tags, err = change(b.Tags)
			return err
		})
		return err
	}
	return s.changeRule(ctx, p.arn(), ruleName, func(_ store.Tx, r *rule) (err error) {
		r.Tags, err = change(r.Tags)
		return err
	})
}

// TagResource tags a bus or rule.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *eventsapi.TagResourceRequest) (*eventsapi.TagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceARN, func(t []tag) ([]tag, error) { return addTags(t, in.Tags) })
	if errors.Is(err, errLimit) { // an error that TagResource does not have
		return nil, invalid("A resource can have at most %d tags.", maxTags)
	} else if err != nil {
		return nil, err
	}
	return &eventsapi.TagResourceResponse{}, nil
}

// UntagResource removes tags; one that is not there is no error.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *eventsapi.UntagResourceRequest) (*eventsapi.UntagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceARN, func(t []tag) ([]tag, error) {
		return slices.DeleteFunc(t, func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) }), nil
	})
	if err != nil {
		return nil, err
	}
	return &eventsapi.UntagResourceResponse{}, nil
}

// ListTagsForResource lists the tags of a bus or rule.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *eventsapi.ListTagsForResourceRequest) (*eventsapi.ListTagsForResourceResponse, error) {
	p, ruleName, err := named(in.ResourceARN)
	if err != nil {
		return nil, err
	}
	if _, err := own(ctx, p.arn()); err != nil {
		return nil, err
	}
	tags, err := s.tagsOf(ctx, p, ruleName)
	if err != nil {
		return nil, err
	}
	out := &eventsapi.ListTagsForResourceResponse{Tags: []eventsapi.Tag{}}
	for _, t := range tags {
		out.Tags = append(out.Tags, eventsapi.Tag(t))
	}
	return out, nil
}

func (s *Service) tagsOf(ctx context.Context, p place, ruleName string) ([]tag, error) {
	if ruleName == "" {
		b, err := s.bus(ctx, s.Store, p)
		if err != nil {
			return nil, err
		}
		return b.Tags, nil
	}
	r, err := s.rule(ctx, s.Store, p, ruleName)
	if err != nil {
		return nil, err
	}
	return r.Tags, nil
}
