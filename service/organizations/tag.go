package organizations

import (
	"context"
	"errors"
	"slices"
	"strings"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) tagRules() policy.Rules {
	return policy.Rules{
		"TagResource": rule(s, "TagResource", editors, func(ctx context.Context, o *organization, in *api.TagResourceRequest) ([]policy.Touch, error) {
			t, err := s.touchTagged(ctx, o, in.ResourceId)
			t.RequestTags = requestTags(in.Tags)
			return []policy.Touch{t}, err
		}),
		"UntagResource": rule(s, "UntagResource", editors, func(ctx context.Context, o *organization, in *api.UntagResourceRequest) ([]policy.Touch, error) {
			t, err := s.touchTagged(ctx, o, in.ResourceId)
			t.Keys = append(t.Keys, policy.Pair{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true})
			return []policy.Touch{t}, err
		}),
		"ListTagsForResource": rule(s, "ListTagsForResource", readers, func(ctx context.Context, o *organization, in *api.ListTagsForResourceRequest) ([]policy.Touch, error) {
			t, err := s.touchTagged(ctx, o, in.ResourceId)
			return []policy.Touch{t}, err
		}),
	}
}

// touchTagged is the touch of whatever may have tags.
func (s *Service) touchTagged(ctx context.Context, o *organization, id string) (policy.Touch, error) {
	switch {
	case strings.HasPrefix(id, "rp-"):
		tags, err := s.tagsOf(ctx, s.Store, o, id)
		return policy.Touch{Resource: o.arnOf("resourcepolicy", id), ResourceTags: policyTags(tags)}, err
	case strings.HasPrefix(id, "rt-"):
		return s.touchTransfer(ctx, o, id)
	}
	return s.touchTarget(ctx, o, id)
}

// TagResource gives tags to a root, OU, account, policy, resource policy or
// transfer.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *api.TagResourceRequest) (*api.TagResourceOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	err := s.changeTags(ctx, in.ResourceId, func(old []tag) ([]tag, error) { return setTags(old, in.Tags) })
	if err != nil {
		return nil, err
	}
	return &api.TagResourceOutput{}, nil
}

// UntagResource removes tags. Keys that are not there are no error.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *api.UntagResourceRequest) (*api.UntagResourceOutput, error) {
	err := s.changeTags(ctx, in.ResourceId, func(old []tag) ([]tag, error) {
		return slices.DeleteFunc(slices.Clone(old), func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) }), nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UntagResourceOutput{}, nil
}

// ListTagsForResource lists the tags in the order of their keys.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *api.ListTagsForResourceRequest) (*api.ListTagsForResourceResponse, error) {
	p, err := newPage(nil, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	holder, err := s.tagged(ctx, s.Store, o, in.ResourceId)
	if err != nil {
		return nil, err
	}
	tags := slices.Clone(*holder.tags)
	slices.SortFunc(tags, func(a, b tag) int { return strings.Compare(a.Key, b.Key) })
	tags, next := cut(p, tags, func(t tag) string { return t.Key })
	out := &api.ListTagsForResourceResponse{Tags: []api.Tag{}, NextToken: next}
	for _, t := range tags {
		out.Tags = append(out.Tags, api.Tag(t))
	}
	return out, nil
}

func (s *Service) changeTags(ctx context.Context, id string, change func([]tag) ([]tag, error)) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.in(ctx, tx)
		if err != nil {
			return err
		}
		holder, err := s.tagged(ctx, tx, o, id)
		if err != nil {
			return err
		}
		if *holder.tags, err = change(*holder.tags); err != nil {
			return err
		}
		return holder.put(tx)
	})
	return err
}

// holder is a record that has tags.
type holder struct {
	tags *[]tag
	put  func(store.Tx) error
}

// tagged reads what may have tags, by the form of its id.
func (s *Service) tagged(ctx context.Context, r store.Reader, o *organization, id string) (*holder, error) {
	switch {
	case isRoot(id):
		if id != o.Root {
			return nil, noTarget()
		}
		return &holder{&o.Tags, func(tx store.Tx) error { return s.orgs.Put(ctx, tx, o.ID, o) }}, nil
	case isUnit(id):
		u, err := s.units.Get(ctx, r, o.ID+"/"+id)
		if u, err = found(u, err, noTarget()); err != nil {
			return nil, err
		}
		return &holder{&u.Tags, func(tx store.Tx) error { return s.units.Put(ctx, tx, u.Org+"/"+u.ID, u) }}, nil
	case isPolicy(id):
		if awsManaged(id) {
			return nil, invalid("IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified.")
		}
		d, err := s.policies.Get(ctx, r, o.ID+"/"+id)
		if d, err = found(d, err, noTarget()); err != nil {
			return nil, err
		}
		return &holder{&d.Tags, func(tx store.Tx) error { return s.policies.Put(ctx, tx, d.Org+"/"+d.ID, d) }}, nil
	case strings.HasPrefix(id, "rp-"):
		d, err := s.delegations.Get(ctx, r, o.ID)
		if err == nil && d.ID != id {
			err = store.ErrNotFound
		}
		if d, err = found(d, err, noTarget()); err != nil {
			return nil, err
		}
		return &holder{&d.Tags, func(tx store.Tx) error { return s.delegations.Put(ctx, tx, d.Org, d) }}, nil
	case strings.HasPrefix(id, "rt-"):
		t, err := s.transfers.Get(ctx, r, id)
		if err == nil && t.Target.Org != o.ID { // tags belong to whoever made the offer
			err = store.ErrNotFound
		}
		if t, err = found(t, err, noTarget()); err != nil {
			return nil, err
		}
		return &holder{&t.Tags, func(tx store.Tx) error { return s.transfers.Put(ctx, tx, t.ID, t) }}, nil
	}
	a, err := s.accounts.Get(ctx, r, id)
	if err == nil && a.Org != o.ID {
		err = store.ErrNotFound
	}
	if a, err = found(a, err, noTarget()); err != nil {
		return nil, err
	}
	return &holder{&a.Tags, func(tx store.Tx) error { return s.accounts.Put(ctx, tx, a.ID, a) }}, nil
}

// tagsOf returns the tags of something, or none if it does not exist.
func (s *Service) tagsOf(ctx context.Context, r store.Reader, o *organization, id string) ([]tag, error) {
	if awsManaged(id) {
		return nil, nil
	}
	h, err := s.tagged(ctx, r, o, id)
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == noTarget().Code {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return *h.tags, nil
}

// checkTags refuses what AWS refuses in a list of tags. Keys differ in case.
func checkTags(tags []api.Tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		if strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return invalid("INVALID_SYSTEM_TAGS_PARAMETER", "You specified a tag key that is a system tag. You can’t add, edit, or delete system tag keys because they're reserved for AWS use. System tags don’t count against your tags per resource limit.")
		}
		if seen[t.Key] {
			return invalid("DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags attached to the same entity.")
		}
		seen[t.Key] = true
	}
	return nil
}

// setTags adds tags to a list or replaces their values.
func setTags(old []tag, add []api.Tag) ([]tag, error) {
	out := slices.Clone(old)
	for _, t := range add {
		if i := slices.IndexFunc(out, func(o tag) bool { return o.Key == t.Key }); i < 0 {
			out = append(out, tag(t))
		} else {
			out[i] = tag(t)
		}
	}
	if len(out) > maxTags {
		return nil, constraint("MAX_TAG_LIMIT_EXCEEDED", "You have exceeded the number of tags allowed on this resource.")
	}
	return out, nil
}

// newTags are the tags of something that is being made.
func newTags(tags []api.Tag) ([]tag, error) {
	if err := checkTags(tags); err != nil {
		return nil, err
	}
	return setTags(nil, tags)
}

func policyTags(tags []tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		out = append(out, policy.Tag(t))
	}
	return out
}

func requestTags(tags []api.Tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		out = append(out, policy.Tag(t))
	}
	return out
}
