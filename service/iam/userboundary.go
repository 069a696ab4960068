package iam

import (
	"context"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

func (s *Service) userBoundaryRules() policy.Rules {
	return policy.Rules{
		"DeleteUserPermissionsBoundary": onBearer(s, "DeleteUserPermissionsBoundary", aUser,
			func(in *iamapi.DeleteUserPermissionsBoundaryRequest) string { return in.UserName }, nil),
		// iam:PermissionsBoundary is the boundary that is asked for.
		"PutUserPermissionsBoundary": onBearer(s, "PutUserPermissionsBoundary", aUser,
			func(in *iamapi.PutUserPermissionsBoundaryRequest) string { return in.UserName },
			func(in *iamapi.PutUserPermissionsBoundaryRequest) []policy.Pair {
				return []policy.Pair{boundaryKey(in.PermissionsBoundary)}
			}),
	}
}

// DeleteUserPermissionsBoundary takes a user's boundary away.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPermissionsBoundary.html
func (s *Service) DeleteUserPermissionsBoundary(ctx context.Context, in *iamapi.DeleteUserPermissionsBoundaryRequest) (*iamapi.DeleteUserPermissionsBoundaryOutput, error) {
	err := s.changeUser(ctx, in.UserName, func(_ store.Tx, u *user) error {
		if u.Boundary == "" {
			return noSuchBoundary("user", u.Name)
		}
		u.Boundary = ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteUserPermissionsBoundaryOutput{}, nil
}

// PutUserPermissionsBoundary sets a managed policy as the user's boundary, AWS's
// or one of the account.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPermissionsBoundary.html
func (s *Service) PutUserPermissionsBoundary(ctx context.Context, in *iamapi.PutUserPermissionsBoundaryRequest) (*iamapi.PutUserPermissionsBoundaryOutput, error) {
	err := s.changeUser(ctx, in.UserName, func(tx store.Tx, u *user) error {
		u.Boundary = in.PermissionsBoundary
		return s.checkBoundary(ctx, tx, u.Account, u.Boundary)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.PutUserPermissionsBoundaryOutput{}, nil
}
