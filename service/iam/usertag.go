package iam

import (
	"context"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

func (s *Service) userTagRules() policy.Rules {
	return policy.Rules{
		"ListUserTags": onBearer(s, "ListUserTags", aUser, func(in *iamapi.ListUserTagsRequest) string { return in.UserName }, nil),
		"TagUser": policy.On(func(ctx context.Context, in *iamapi.TagUserRequest) ([]policy.Touch, error) {
			t, err := s.touchBearer(ctx, "TagUser", aUser, in.UserName)
			t.RequestTags = requestTags(in.Tags)
			return []policy.Touch{t}, err
		}),
		"UntagUser": onBearer(s, "UntagUser", aUser,
			func(in *iamapi.UntagUserRequest) string { return in.UserName },
			func(in *iamapi.UntagUserRequest) []policy.Pair { return []policy.Pair{tagKeysKey(in.TagKeys)} }),
	}
}

// changeUser reads a user of the caller's account, lets change alter it and
// writes it back, in one transaction.
func (s *Service) changeUser(ctx context.Context, name string, change func(store.Tx, *user) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		u, err := s.user(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := change(tx, u); err != nil {
			return err
		}
		return s.users.Put(ctx, tx, recordID(u.Account, u.Name), u)
	})
	return err
}

// ListUserTags lists a user's tags in the order of their keys.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserTags.html
func (s *Service) ListUserTags(ctx context.Context, in *iamapi.ListUserTagsRequest) (*iamapi.ListUserTagsResponse, error) {
	u, err := s.user(ctx, s.Store, in.UserName)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListUserTagsResponse{}
	out.Tags, out.IsTruncated, out.Marker, err = listTags(u.Tags, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// TagUser adds tags to a user or replaces their values.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagUser.html
func (s *Service) TagUser(ctx context.Context, in *iamapi.TagUserRequest) (*iamapi.TagUserOutput, error) {
	err := s.changeUser(ctx, in.UserName, func(_ store.Tx, u *user) (err error) {
		u.Tags, err = setTags(u.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.TagUserOutput{}, nil
}

// UntagUser removes tags from a user. Keys it does not have are no error.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagUser.html
func (s *Service) UntagUser(ctx context.Context, in *iamapi.UntagUserRequest) (*iamapi.UntagUserOutput, error) {
	err := s.changeUser(ctx, in.UserName, func(_ store.Tx, u *user) error {
		u.Tags = removeTags(u.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UntagUserOutput{}, nil
}
