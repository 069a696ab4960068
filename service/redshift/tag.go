package redshift

import (
	"cmp"
	"context"
	"slices"
	"strings"

	redshiftapi "bartizan.dev/api/redshift"
	"bartizan.dev/arn"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// setTags adds tags to a list, which stays in the order of keys, or replaces
// their values.
// https://docs.aws.amazon.com/redshift/latest/mgmt/amazon-redshift-tagging.html
func setTags(old []tag, add []redshiftapi.Tag) ([]tag, error) {
	out := slices.Clone(old)
	for _, t := range add {
		g := tag{}
		if t.Key != nil {
			g.Key = *t.Key
		}
		if t.Value != nil {
			g.Value = *t.Value
		}
		switch {
		case g.Key == "" || len([]rune(g.Key)) > 128 || len([]rune(g.Value)) > 256:
			return nil, wire.Errorf("InvalidTagFault", "A tag key has 1 to 128 characters, a tag value at most 256.")
		case strings.HasPrefix(strings.ToLower(g.Key), "aws:"):
			return nil, wire.Errorf("InvalidTagFault", "Tag keys that start with aws: are reserved.")
		}
		at, found := slices.BinarySearchFunc(out, g.Key, func(o tag, key string) int { return cmp.Compare(o.Key, key) })
		if found {
			out[at] = g
		} else {
			out = slices.Insert(out, at, g)
		}
	}
	if len(out) > maxTags {
		return nil, wire.Errorf("TagLimitExceededFault", "You have exceeded the number of tags allowed: %d.", maxTags)
	}
	return out, nil
}

func showTags(tags []tag) []redshiftapi.Tag {
	out := []redshiftapi.Tag{}
	for i := range tags {
		out = append(out, redshiftapi.Tag{Key: &tags[i].Key, Value: &tags[i].Value})
	}
	return out
}

// named takes the ARN of a resource of the caller's apart.
func named(ctx context.Context, name string) (kind, id string) {
	a, err := arn.Parse(name)
	at := placeOf(ctx)
	if err != nil || a.Service != "redshift" || a.Account != at.account || a.Region != at.region {
		return "", ""
	}
	kind, id, _ = strings.Cut(a.Resource, ":")
	return kind, id
}

func noResource(name string) error {
	return wire.Errorf("ResourceNotFoundFault", "The resource %s could not be found.", name).WithStatus(404)
}

// retag changes the tags of the resource with an ARN.
func (s *Service) retag(ctx context.Context, name string, f func([]tag) ([]tag, error)) error {
	kind, id := named(ctx, name)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		switch kind {
		case s.certificates.name:
			return s.certificates.retag(ctx, tx, id, name, f)
		case s.configurations.name:
			return s.configurations.retag(ctx, tx, id, name, f)
		}
		return noResource(name)
	})
	return err
}

func (k *kind[T]) retag(ctx context.Context, tx store.Tx, id, name string, f func([]tag) ([]tag, error)) error {
	v, err := k.find(ctx, tx, placeOf(ctx), id)
	if _, ok := err.(*wire.Error); ok {
		return noResource(name)
	} else if err != nil {
		return err
	}
	h := k.head(v)
	if h.Tags, err = f(h.Tags); err != nil {
		return err
	}
	return k.Put(ctx, tx, h.place().id(h.ID), v)
}

// CreateTags adds tags to a resource.
// https://docs.aws.amazon.com/redshift/latest/APIReference/API_CreateTags.html
func (s *Service) CreateTags(ctx context.Context, in *redshiftapi.CreateTagsMessage) (*redshiftapi.CreateTagsOutput, error) {
	if err := s.retag(ctx, in.ResourceName, func(old []tag) ([]tag, error) { return setTags(old, in.Tags) }); err != nil {
		return nil, err
	}
	return &redshiftapi.CreateTagsOutput{}, nil
}

// DeleteTags takes tags away; those that are absent are no error.
// https://docs.aws.amazon.com/redshift/latest/APIReference/API_DeleteTags.html
func (s *Service) DeleteTags(ctx context.Context, in *redshiftapi.DeleteTagsMessage) (*redshiftapi.DeleteTagsOutput, error) {
	err := s.retag(ctx, in.ResourceName, func(old []tag) ([]tag, error) {
		return slices.DeleteFunc(old, func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) }), nil
	})
	if err != nil {
		return nil, err
	}
	return &redshiftapi.DeleteTagsOutput{}, nil
}

// DescribeTags lists the tags of a resource, of a type, or of all.
// https://docs.aws.amazon.com/redshift/latest/APIReference/API_DescribeTags.html
func (s *Service) DescribeTags(ctx context.Context, in *redshiftapi.DescribeTagsMessage) (*redshiftapi.TaggedResourceListMessage, error) {
	if in.ResourceName != nil && in.ResourceType != nil {
		return nil, wire.Errorf("InvalidParameterCombination", "You cannot filter a list of resources using both an Amazon Resource Name (ARN) and a resource type in the same request.")
	}
	only, err := s.resourceType(in.ResourceType)
	if err != nil {
		return nil, err
	}
	all, err := s.allTags(ctx, only)
	if err != nil {
		return nil, err
	}
	if in.ResourceName != nil {
		if err := s.exists(ctx, *in.ResourceName); err != nil {
			return nil, err
		}
	}
	var names []string
	kept := []redshiftapi.TaggedResource{}
	for _, r := range all {
		if (in.ResourceName == nil || *in.ResourceName == *r.ResourceName) &&
			(len(in.TagKeys) == 0 || slices.Contains(in.TagKeys, *r.Tag.Key)) && (len(in.TagValues) == 0 || slices.Contains(in.TagValues, *r.Tag.Value)) {
			kept, names = append(kept, r), append(names, *r.ResourceName+"\t"+*r.Tag.Key)
		}
	}
	from, to, next, err := window(names, in.Marker, in.MaxRecords)
	if err != nil {
		return nil, err
	}
	return &redshiftapi.TaggedResourceListMessage{TaggedResources: kept[from:to], Marker: next}, nil
}

// resourceType is the kind that a resource type of DescribeTags names, in the
// words of AWS's documentation; empty for all.
func (s *Service) resourceType(name *string) (string, error) {
	if name == nil {
		return "", nil
	}
	switch strings.ToLower(*name) {
	case "hsm certificate", s.certificates.name:
		return s.certificates.name, nil
	case "hsm connection", s.configurations.name:
		return s.configurations.name, nil
	case "cluster", "cidr/ip", "ec2 security group", "snapshot", "cluster security group", "subnet group", "parameter group", "snapshot copy grant",
		"integration (zero-etl integration or s3 event integration)":
		return "none", nil // of these there are none here
	}
	return "", invalid("The resource type %s is not valid.", *name)
}

// allTags are the tags of the caller's resources, in the order of ARN and key.
func (s *Service) allTags(ctx context.Context, only string) ([]redshiftapi.TaggedResource, error) {
	var out []redshiftapi.TaggedResource
	if only == "" || only == s.certificates.name {
		list, err := s.certificates.tags(ctx, s.Store)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	if only == "" || only == s.configurations.name {
		list, err := s.configurations.tags(ctx, s.Store)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	slices.SortFunc(out, func(a, b redshiftapi.TaggedResource) int {
		return cmp.Or(cmp.Compare(*a.ResourceName, *b.ResourceName), cmp.Compare(*a.Tag.Key, *b.Tag.Key))
	})
	return out, nil
}

func (k *kind[T]) tags(ctx context.Context, r store.Reader) ([]redshiftapi.TaggedResource, error) {
	at := placeOf(ctx)
	entries, err := k.List(ctx, r, at.prefix(), "", 0)
	if err != nil {
		return nil, err
	}
	var out []redshiftapi.TaggedResource
	for _, e := range entries {
		h := k.head(e.Value)
		for _, t := range showTags(h.Tags) {
			out = append(out, redshiftapi.TaggedResource{Tag: &t, ResourceName: new(at.arn(k.name, h.ID)), ResourceType: &k.name})
		}
	}
	return out, nil
}

// exists refuses an ARN that names no resource here.
func (s *Service) exists(ctx context.Context, name string) error {
	var err error
	switch kind, id := named(ctx, name); kind {
	case s.certificates.name:
		_, err = s.certificates.find(ctx, s.Store, placeOf(ctx), id)
	case s.configurations.name:
		_, err = s.configurations.find(ctx, s.Store, placeOf(ctx), id)
	default:
		return noResource(name)
	}
	if _, ok := err.(*wire.Error); ok {
		return noResource(name)
	}
	return err
}
