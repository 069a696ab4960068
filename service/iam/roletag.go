package iam

import (
	"context"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// trackingPeriod is how far back IAM tells when a role was last used.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html#access-advisor_tracking-period
const trackingPeriod = 400 * 24 * time.Hour

func (s *Service) roleTagRules() policy.Rules {
	return policy.Rules{
		"TagRole": policy.On(func(ctx context.Context, in *iamapi.TagRoleRequest) ([]policy.Touch, error) {
			t, err := s.touchBearer(ctx, "TagRole", aRole, in.RoleName)
			t.RequestTags = requestTags(in.Tags)
			return []policy.Touch{t}, err
		}),
		"UntagRole": onBearer(s, "UntagRole", aRole, func(in *iamapi.UntagRoleRequest) string { return in.RoleName },
			func(in *iamapi.UntagRoleRequest) []policy.Pair { return []policy.Pair{tagKeysKey(in.TagKeys)} }),
		"ListRoleTags": onBearer(s, "ListRoleTags", aRole, func(in *iamapi.ListRoleTagsRequest) string { return in.RoleName }, nil),
		"PutRolePermissionsBoundary": onBearer(s, "PutRolePermissionsBoundary", aRole,
			func(in *iamapi.PutRolePermissionsBoundaryRequest) string { return in.RoleName },
			func(in *iamapi.PutRolePermissionsBoundaryRequest) []policy.Pair {
				return []policy.Pair{boundaryKey(in.PermissionsBoundary)}
			}),
		"DeleteRolePermissionsBoundary": onBearer(s, "DeleteRolePermissionsBoundary", aRole,
			func(in *iamapi.DeleteRolePermissionsBoundaryRequest) string { return in.RoleName }, nil),
	}
}

// TagRole adds tags to a role or replaces their values.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagRole.html
func (s *Service) TagRole(ctx context.Context, in *iamapi.TagRoleRequest) (*iamapi.TagRoleOutput, error) {
	_, err := s.changeRole(ctx, in.RoleName, true, func(_ store.Tx, ro *role) (err error) {
		ro.Tags, err = setTags(ro.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.TagRoleOutput{}, nil
}

// UntagRole removes tags from a role; those it does not have are no error.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagRole.html
func (s *Service) UntagRole(ctx context.Context, in *iamapi.UntagRoleRequest) (*iamapi.UntagRoleOutput, error) {
	_, err := s.changeRole(ctx, in.RoleName, true, func(_ store.Tx, ro *role) error {
		ro.Tags = removeTags(ro.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UntagRoleOutput{}, nil
}

// ListRoleTags lists a role's tags.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoleTags.html
func (s *Service) ListRoleTags(ctx context.Context, in *iamapi.ListRoleTagsRequest) (*iamapi.ListRoleTagsResponse, error) {
	ro, err := s.role(ctx, s.Store, in.RoleName)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListRoleTagsResponse{}
	out.Tags, out.IsTruncated, out.Marker, err = listTags(ro.Tags, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// PutRolePermissionsBoundary sets or replaces the boundary of a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePermissionsBoundary.html
func (s *Service) PutRolePermissionsBoundary(ctx context.Context, in *iamapi.PutRolePermissionsBoundaryRequest) (*iamapi.PutRolePermissionsBoundaryOutput, error) {
	_, err := s.changeRole(ctx, in.RoleName, false, func(tx store.Tx, ro *role) error {
		ro.Boundary = in.PermissionsBoundary
		return s.checkBoundary(ctx, tx, ro.Account, ro.Boundary)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.PutRolePermissionsBoundaryOutput{}, nil
}

// DeleteRolePermissionsBoundary frees a role from its boundary. AWS answers
// NoSuchEntity for a role that has none.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePermissionsBoundary.html
func (s *Service) DeleteRolePermissionsBoundary(ctx context.Context, in *iamapi.DeleteRolePermissionsBoundaryRequest) (*iamapi.DeleteRolePermissionsBoundaryOutput, error) {
	_, err := s.changeRole(ctx, in.RoleName, false, func(_ store.Tx, ro *role) error {
		if ro.Boundary == "" {
			return noSuchBoundary("role", ro.Name)
		}
		ro.Boundary = ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteRolePermissionsBoundaryOutput{}, nil
}
