package eks

import (
	"context"
	"errors"
	"maps"
	"strings"

	eksapi "bartizan.dev/api/eks"
	"bartizan.dev/arn"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

const maxTags = 50

// checkTags refuses what AWS refuses in a resource's tags.
// https://docs.aws.amazon.com/eks/latest/userguide/eks-using-tags.html#tag-restrictions
func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return wire.Errorf("BadRequestException", "A resource can have at most %d tags.", maxTags)
	}
	for key := range tags {
		if strings.HasPrefix(strings.ToLower(key), "aws:") {
			return wire.Errorf("BadRequestException", "Tag keys must not begin with aws:.")
		}
	}
	return nil
}

// ofARN splits the ARN of an association into cluster and id.
func ofARN(ctx context.Context, name string) (cluster, id string, err error) {
	at := placeOf(ctx)
	a, parse := arn.Parse(name)
	rest, ok := strings.CutPrefix(a.Resource, "podidentityassociation/")
	cluster, id, split := strings.Cut(rest, "/")
	switch {
	case parse != nil || a.Service != "eks":
		return "", "", wire.Errorf("BadRequestException", "%q is no ARN of EKS.", name)
	case !ok || !split || a.Account != at.account || a.Region != at.region:
		return "", "", wire.Errorf("NotFoundException", "The resource %s was not found.", name).WithStatus(404)
	}
	return cluster, id, nil
}

// ListTagsForResource lists the tags of an association.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_ListTagsForResource.html
func (s *Service) ListTagsForResource(ctx context.Context, in *eksapi.ListTagsForResourceRequest) (*eksapi.ListTagsForResourceResponse, error) {
	cluster, id, err := ofARN(ctx, in.ResourceArn)
	if err != nil {
		return nil, err
	}
	a, err := s.find(ctx, s.Store, cluster, id)
	if err != nil {
		return nil, tagError(err)
	}
	return &eksapi.ListTagsForResourceResponse{Tags: detail(a).Tags}, nil
}

// TagResource adds tags to an association.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *eksapi.TagResourceRequest) (*eksapi.TagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceArn, func(tags map[string]string) { maps.Copy(tags, in.Tags) })
	if err != nil {
		return nil, err
	}
	return &eksapi.TagResourceResponse{}, nil
}

// UntagResource takes tags away; those that are absent are no error.
// https://docs.aws.amazon.com/eks/latest/APIReference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *eksapi.UntagResourceRequest) (*eksapi.UntagResourceResponse, error) {
	err := s.retag(ctx, in.ResourceArn, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
	if err != nil {
		return nil, err
	}
	return &eksapi.UntagResourceResponse{}, nil
}

func (s *Service) retag(ctx context.Context, name string, f func(map[string]string)) error {
	cluster, id, err := ofARN(ctx, name)
	if err != nil {
		return err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.find(ctx, tx, cluster, id)
		if err != nil {
			return tagError(err)
		}
		if a.Tags == nil {
			a.Tags = map[string]string{}
		}
		f(a.Tags)
		if err := checkTags(a.Tags); err != nil {
			return err
		}
		return s.associations.Put(ctx, tx, a.key(), a)
	})
	return err
}

// tagError gives what was not found the code that the tagging operations have.
func tagError(err error) error {
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Code == "ResourceNotFoundException" {
		return wire.Errorf("NotFoundException", "%s", e.Message).WithStatus(404)
	}
	return err
}
