package iam

import (
	"context"
	"errors"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

func (s *Service) userRules() policy.Rules {
	return policy.Rules{
		"CreateUser": policy.On(s.touchCreateUser),
		"DeleteUser": onBearer(s, "DeleteUser", aUser, func(in *iamapi.DeleteUserRequest) string { return in.UserName }, nil),
		"GetUser":    onOwn(s, "GetUser", func(in *iamapi.GetUserRequest) *string { return in.UserName }),
		"ListUsers":  onPath("ListUsers", "user", func(in *iamapi.ListUsersRequest) *string { return in.PathPrefix }),
		"UpdateUser": policy.On(s.touchUpdateUser),
	}
}

// touchCreateUser: the ARN has the path that is asked for.
func (s *Service) touchCreateUser(ctx context.Context, in *iamapi.CreateUserRequest) ([]policy.Touch, error) {
	account := accountOf(ctx)
	t := policy.Touch{
		Action: "iam:CreateUser", Account: account,
		Resource:    arnOf(account, "user", pathOr(in.Path), in.UserName),
		RequestTags: requestTags(in.Tags),
	}
	if in.PermissionsBoundary != nil {
		t.Keys = []policy.Pair{boundaryKey(*in.PermissionsBoundary)}
	}
	return alsoTagging(t, "iam:TagUser", len(in.Tags)), nil
}

// touchUpdateUser: "you must have the appropriate permissions on both the
// source object and the target object".
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateUser.html
func (s *Service) touchUpdateUser(ctx context.Context, in *iamapi.UpdateUserRequest) ([]policy.Touch, error) {
	from, err := s.touchBearer(ctx, "UpdateUser", aUser, in.UserName)
	if err != nil {
		return nil, err
	}
	if in.NewPath == nil && in.NewUserName == nil {
		return []policy.Touch{from}, nil
	}
	to, account := from, accountOf(ctx)
	h := holder{Account: account, Path: "/", Name: in.UserName}
	if u, err := s.users.Get(ctx, s.Store, recordID(account, in.UserName)); err == nil {
		h.Path, h.Name = u.Path, u.Name
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	h.move(in.NewPath, in.NewUserName)
	to.Resource = h.arn("user")
	return []policy.Touch{from, to}, nil
}

// CreateUser makes a user.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html
func (s *Service) CreateUser(ctx context.Context, in *iamapi.CreateUserRequest) (*iamapi.CreateUserResponse, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	u := &user{holder: holder{
		Account: accountOf(ctx), Name: in.UserName, Path: pathOr(in.Path), ID: newID(userPrefix), Created: s.now(),
	}}
	for _, t := range in.Tags {
		u.Tags = append(u.Tags, tag(t))
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if in.PermissionsBoundary != nil {
			if err := s.checkBoundary(ctx, tx, u.Account, *in.PermissionsBoundary); err != nil {
				return err
			}
			u.Boundary = *in.PermissionsBoundary
		}
		if err := s.count(ctx, tx, u.Account, func(c *counts) error {
			if c.Users++; c.Users > s.Quotas.Users {
				return exceeded("UsersPerAccount", s.Quotas.Users)
			}
			return nil
		}); err != nil {
			return err
		}
		err := s.users.Insert(ctx, tx, recordID(u.Account, u.Name), u)
		if errors.Is(err, store.ErrExists) {
			return exists("User", in.UserName)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateUserResponse{User: s.apiUser(u)}, nil
}

// GetUser tells about a user, or about the caller.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html
func (s *Service) GetUser(ctx context.Context, in *iamapi.GetUserRequest) (*iamapi.GetUserResponse, error) {
	if id := &caller.From(ctx).Identity; in.UserName == nil && id.Kind == caller.Root {
		a, err := s.accounts.Get(ctx, s.Store, id.Account)
		if err != nil {
			return nil, err
		}
		out := &iamapi.User{UserId: id.Account, Arn: id.ARN, CreateDate: a.Created}
		if a.Root != nil {
			out.PasswordLastUsed = a.Root.LastUsed
		}
		return &iamapi.GetUserResponse{User: out}, nil
	}
	u, err := s.userOrOwn(ctx, s.Store, in.UserName)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetUserResponse{User: s.apiUser(u)}, nil
}

// ListUsers lists the account's users. As on AWS the list leaves out tags and
// boundaries; GetUser has them.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html
func (s *Service) ListUsers(ctx context.Context, in *iamapi.ListUsersRequest) (*iamapi.ListUsersResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	users, truncated, marker, err := listPage(ctx, s.Store, &s.users, accountOf(ctx), p, func(u *user) bool {
		return in.PathPrefix == nil || strings.HasPrefix(u.Path, *in.PathPrefix)
	})
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListUsersResponse{Users: []iamapi.User{}, IsTruncated: truncated, Marker: marker}
	for _, u := range users {
		out.Users = append(out.Users, *s.listedUser(u))
	}
	return out, nil
}

// UpdateUser changes a user's name or path. The unique id stays, and with it
// keys, policies and groups.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateUser.html
func (s *Service) UpdateUser(ctx context.Context, in *iamapi.UpdateUserRequest) (*iamapi.UpdateUserOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		u, err := s.user(ctx, tx, in.UserName)
		if err != nil {
			return err
		}
		old := recordID(u.Account, u.Name)
		u.move(in.NewPath, in.NewUserName)
		id := recordID(u.Account, u.Name)
		if id == old {
			return s.users.Put(ctx, tx, id, u)
		}
		if err := s.moveKeys(ctx, tx, u.Account, in.UserName, u.Name); err != nil {
			return err
		}
		if err := s.users.Delete(ctx, tx, old); err != nil {
			return err
		}
		err = s.users.Insert(ctx, tx, id, u)
		if errors.Is(err, store.ErrExists) {
			return exists("User", u.Name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateUserOutput{}, nil
}

// DeleteUser deletes a user that has nothing left.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUser.html
func (s *Service) DeleteUser(ctx context.Context, in *iamapi.DeleteUserRequest) (*iamapi.DeleteUserOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		u, err := s.user(ctx, tx, in.UserName)
		if err != nil {
			return err
		}
		keys, err := s.keys.By(ctx, tx, "owner", recordID(u.Account, u.Name), "", 1)
		if err != nil {
			return err
		}
		switch {
		case len(keys) > 0:
			return conflict("Cannot delete entity, must delete access keys first.")
		case u.Login != nil:
			return conflict("Cannot delete entity, must delete login profile first.")
		case len(u.Groups) > 0:
			return conflict("Cannot delete entity, must remove users from group first.")
		case len(u.Attached) > 0:
			return conflict("Cannot delete entity, must detach all policies first.")
		case len(u.Inline) > 0:
			return conflict("Cannot delete entity, must delete policies first.")
		}
		if err := s.undeletable(ctx, tx, u); err != nil {
			return err
		}
		if err := s.count(ctx, tx, u.Account, func(c *counts) error { c.Users--; return nil }); err != nil {
			return err
		}
		if err := s.access.Delete(ctx, tx, u.Account+"/"+u.ID); err != nil {
			return err
		}
		return s.users.Delete(ctx, tx, recordID(u.Account, u.Name))
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteUserOutput{}, nil
}

// user reads a user of the caller's account, or answers NoSuchEntity.
func (s *Service) user(ctx context.Context, r store.Reader, name string) (*user, error) {
	u, err := s.users.Get(ctx, r, recordID(accountOf(ctx), name))
	return found(u, err, noSuch("user", name))
}

// userOrOwn reads the user of an operation where its name is optional: without
// it the caller means itself.
func (s *Service) userOrOwn(ctx context.Context, r store.Reader, name *string) (*user, error) {
	if name == nil && caller.From(ctx).Identity.Kind != caller.User {
		return nil, errNoUserName()
	}
	own, err := s.ownName(ctx, r, name)
	if err != nil {
		return nil, err
	}
	return s.user(ctx, r, own)
}

func (s *Service) apiUser(u *user) *iamapi.User {
	out := &iamapi.User{
		Path: u.Path, UserName: u.Name, UserId: u.ID, Arn: u.ARN(), CreateDate: u.Created,
		Tags: apiTags(u.Tags), PermissionsBoundary: apiBoundary(u.Boundary),
	}
	if u.Login != nil {
		out.PasswordLastUsed = u.Login.LastUsed
	}
	return out
}

// listedUser is a user as lists show it: tags and boundary are left out.
func (s *Service) listedUser(u *user) *iamapi.User {
	out := s.apiUser(u)
	out.Tags, out.PermissionsBoundary = nil, nil
	return out
}

// apiBoundary: the type is "Policy", as AWS really answers, whatever the model's
// enum says. https://github.com/awsdocs/iam-user-guide/issues/82
func apiBoundary(arn string) *iamapi.AttachedPermissionsBoundary {
	if arn == "" {
		return nil
	}
	return &iamapi.AttachedPermissionsBoundary{
		PermissionsBoundaryArn:  &arn,
		PermissionsBoundaryType: "Policy",
	}
}
