package secretsmanager

import (
	"context"
	"slices"

	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/store"
)

// TagResource adds tags, or gives them new values.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_TagResource.html
func (s *Service) TagResource(ctx context.Context, in *secretsmanagerapi.TagResourceRequest) (*secretsmanagerapi.TagResourceOutput, error) {
	was, err := s.writable(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	_, err = s.change(ctx, was, func(_ store.Tx, v *secret) (err error) {
		v.Tags, err = addTags(v.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &secretsmanagerapi.TagResourceOutput{}, nil
}

// UntagResource removes tags; one that is not there is no error.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UntagResource.html
func (s *Service) UntagResource(ctx context.Context, in *secretsmanagerapi.UntagResourceRequest) (*secretsmanagerapi.UntagResourceOutput, error) {
	was, err := s.writable(ctx, in.SecretId)
	if err != nil {
		return nil, err
	}
	_, err = s.change(ctx, was, func(_ store.Tx, v *secret) error {
		v.Tags = slices.DeleteFunc(v.Tags, func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &secretsmanagerapi.UntagResourceOutput{}, nil
}
