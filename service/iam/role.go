package iam

import (
	"context"
	"errors"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

func (s *Service) roleRules() policy.Rules {
	return policy.Rules{
		"CreateRole":            policy.On(s.touchCreateRole),
		"DeleteRole":            onBearer(s, "DeleteRole", aRole, func(in *iamapi.DeleteRoleRequest) string { return in.RoleName }, nil),
		"GetRole":               onBearer(s, "GetRole", aRole, func(in *iamapi.GetRoleRequest) string { return in.RoleName }, nil),
		"ListRoles":             onPath("ListRoles", "role", func(in *iamapi.ListRolesRequest) *string { return in.PathPrefix }),
		"UpdateRole":            onBearer(s, "UpdateRole", aRole, func(in *iamapi.UpdateRoleRequest) string { return in.RoleName }, nil),
		"UpdateRoleDescription": onBearer(s, "UpdateRoleDescription", aRole, func(in *iamapi.UpdateRoleDescriptionRequest) string { return in.RoleName }, nil),
		"UpdateAssumeRolePolicy": onBearer(s, "UpdateAssumeRolePolicy", aRole,
			func(in *iamapi.UpdateAssumeRolePolicyRequest) string { return in.RoleName }, nil),
	}
}

func (s *Service) touchCreateRole(ctx context.Context, in *iamapi.CreateRoleRequest) ([]policy.Touch, error) {
	account := accountOf(ctx)
	t := policy.Touch{
		Action: "iam:CreateRole", Account: account,
		Resource:    arnOf(account, "role", pathOr(in.Path), in.RoleName),
		RequestTags: requestTags(in.Tags),
	}
	if in.PermissionsBoundary != nil {
		t.Keys = []policy.Pair{boundaryKey(*in.PermissionsBoundary)}
	}
	return alsoTagging(t, "iam:TagRole", len(in.Tags)), nil
}

// alsoTagging adds to the touch of a Create operation the one of the tagging
// action, if the call has tags.
func alsoTagging(t policy.Touch, action string, tags int) []policy.Touch {
	if tags == 0 {
		return []policy.Touch{t}
	}
	also := t
	also.Action = action
	return []policy.Touch{t, also}
}

// CreateRole makes a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
func (s *Service) CreateRole(ctx context.Context, in *iamapi.CreateRoleRequest) (*iamapi.CreateRoleResponse, error) {
	ro := &role{holder: holder{
		Account: accountOf(ctx), Name: in.RoleName, Path: pathOr(in.Path), ID: newID(rolePrefix), Created: s.now(),
	}, MaxSession: 3600}
	if protectedPath(ro.Path) {
		return nil, invalidInput("The path %s is reserved for roles that AWS services make.", ro.Path)
	}
	var err error
	if ro.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if in.Description != nil {
		ro.Description = *in.Description
	}
	if in.MaxSessionDuration != nil {
		ro.MaxSession = *in.MaxSessionDuration
	}
	if in.PermissionsBoundary != nil {
		ro.Boundary = *in.PermissionsBoundary
	}
	var out *iamapi.Role
	_, err = s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if ro.Trust, err = s.storeTrust(ctx, tx, in.AssumeRolePolicyDocument); err != nil {
			return err
		}
		if ro.Boundary != "" {
			if err := s.checkBoundary(ctx, tx, ro.Account, ro.Boundary); err != nil {
				return err
			}
		}
		err = s.roles.Insert(ctx, tx, recordID(ro.Account, ro.Name), ro)
		if errors.Is(err, store.ErrExists) {
			return exists("Role", in.RoleName)
		} else if err != nil {
			return err
		}
		if err := s.count(ctx, tx, ro.Account, func(c *counts) error {
			if c.Roles++; c.Roles > s.Quotas.Roles {
				return exceeded("RolesPerAccount", s.Quotas.Roles)
			}
			return nil
		}); err != nil {
			return err
		}
		out, err = s.apiRole(ctx, tx, ro)
		return err
	})
	if err != nil {
		return nil, err
	}
	out.Tags = apiTags(ro.Tags)
	return &iamapi.CreateRoleResponse{Role: out}, nil
}

// DeleteRole deletes a role that has nothing left. Its sessions end with it.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html
func (s *Service) DeleteRole(ctx context.Context, in *iamapi.DeleteRoleRequest) (*iamapi.DeleteRoleOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		b, err := s.bearer(ctx, tx, aRole, in.RoleName)
		if err != nil {
			return err
		}
		if err := b.modifiable(); err != nil {
			return err
		}
		id := recordID(b.Account, b.Name)
		profiles, err := s.profiles.By(ctx, tx, "role", id, "", 1)
		if err != nil {
			return err
		}
		switch {
		case len(profiles) > 0:
			return conflict("Cannot delete entity, must remove roles from instance profile first.")
		case len(b.Attached) > 0:
			return conflict("Cannot delete entity, must detach all policies first.")
		case len(b.Inline) > 0:
			return conflict("Cannot delete entity, must delete policies first.")
		}
		if err := s.count(ctx, tx, b.Account, func(c *counts) error { c.Roles--; return nil }); err != nil {
			return err
		}
		if err := s.uses.Delete(ctx, tx, b.ID); err != nil {
			return err
		}
		if err := s.access.Delete(ctx, tx, b.Account+"/"+b.ID); err != nil {
			return err
		}
		return s.roles.Delete(ctx, tx, id)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteRoleOutput{}, nil
}

// GetRole tells everything about a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html
func (s *Service) GetRole(ctx context.Context, in *iamapi.GetRoleRequest) (*iamapi.GetRoleResponse, error) {
	ro, err := s.role(ctx, s.Store, in.RoleName)
	if err != nil {
		return nil, err
	}
	out, err := s.apiRoleDetail(ctx, s.Store, ro)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetRoleResponse{Role: out}, nil
}

// ListRoles lists the account's roles. As on AWS the list leaves out tags,
// boundaries and last use; GetRole has them.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoles.html
func (s *Service) ListRoles(ctx context.Context, in *iamapi.ListRolesRequest) (*iamapi.ListRolesResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	roles, truncated, marker, err := listPage(ctx, s.Store, &s.roles, accountOf(ctx), p, func(ro *role) bool {
		return in.PathPrefix == nil || strings.HasPrefix(ro.Path, *in.PathPrefix)
	})
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListRolesResponse{Roles: []iamapi.Role{}, IsTruncated: truncated, Marker: marker}
	for _, ro := range roles {
		v, err := s.apiRole(ctx, s.Store, ro)
		if err != nil {
			return nil, err
		}
		v.Description, v.MaxSessionDuration = nilIfEmpty(ro.Description), &ro.MaxSession
		out.Roles = append(out.Roles, *v)
	}
	return out, nil
}

// UpdateRole changes a role's description or the longest session it gives;
// what the call leaves out stays. Of a service-linked role only the description
// may change.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-service-linked-role.html
func (s *Service) UpdateRole(ctx context.Context, in *iamapi.UpdateRoleRequest) (*iamapi.UpdateRoleResponse, error) {
	_, err := s.changeRole(ctx, in.RoleName, in.MaxSessionDuration == nil, func(_ store.Tx, ro *role) error {
		if in.Description != nil {
			ro.Description = *in.Description
		}
		if in.MaxSessionDuration != nil {
			ro.MaxSession = *in.MaxSessionDuration
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateRoleResponse{}, nil
}

// UpdateRoleDescription is the older form of UpdateRole.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRoleDescription.html
func (s *Service) UpdateRoleDescription(ctx context.Context, in *iamapi.UpdateRoleDescriptionRequest) (*iamapi.UpdateRoleDescriptionResponse, error) {
	ro, err := s.changeRole(ctx, in.RoleName, true, func(_ store.Tx, ro *role) error {
		ro.Description = in.Description
		return nil
	})
	if err != nil {
		return nil, err
	}
	out, err := s.apiRole(ctx, s.Store, ro)
	if err != nil {
		return nil, err
	}
	out.Description = nilIfEmpty(ro.Description)
	return &iamapi.UpdateRoleDescriptionResponse{Role: out}, nil
}

// UpdateAssumeRolePolicy replaces the trust policy. Sessions that were begun
// under the old one go on.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAssumeRolePolicy.html
func (s *Service) UpdateAssumeRolePolicy(ctx context.Context, in *iamapi.UpdateAssumeRolePolicyRequest) (*iamapi.UpdateAssumeRolePolicyOutput, error) {
	_, err := s.changeRole(ctx, in.RoleName, false, func(tx store.Tx, ro *role) (err error) {
		ro.Trust, err = s.storeTrust(ctx, tx, in.PolicyDocument)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateAssumeRolePolicyOutput{}, nil
}

// role reads a role of the caller's account, or answers NoSuchEntity.
func (s *Service) role(ctx context.Context, r store.Reader, name string) (*role, error) {
	ro, err := s.roles.Get(ctx, r, recordID(accountOf(ctx), name))
	return found(ro, err, noSuch("role", name))
}

// changeRole changes a role in one transaction and returns it as it is then.
// protected says that AWS's own roles may be changed so, too.
func (s *Service) changeRole(ctx context.Context, name string, protected bool, change func(store.Tx, *role) error) (*role, error) {
	var ro *role
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if ro, err = s.role(ctx, tx, name); err != nil {
			return err
		}
		if !protected {
			if err := (&bearer{holder: &ro.holder, kind: aRole}).modifiable(); err != nil {
				return err
			}
		}
		if err := change(tx, ro); err != nil {
			return err
		}
		return s.roles.Put(ctx, tx, recordID(ro.Account, ro.Name), ro)
	})
	return ro, err
}

// apiRole is what every answer with a role has; the callers add what theirs
// has besides.
func (s *Service) apiRole(ctx context.Context, r store.Reader, ro *role) (*iamapi.Role, error) {
	trust, err := s.showTrust(ctx, r, ro.Trust)
	if err != nil {
		return nil, err
	}
	return &iamapi.Role{
		Path: ro.Path, RoleName: ro.Name, RoleId: ro.ID, Arn: ro.ARN(), CreateDate: ro.Created,
		AssumeRolePolicyDocument: new(encodeDocument(trust)),
	}, nil
}

// apiRoleDetail is a role with everything there is to tell.
func (s *Service) apiRoleDetail(ctx context.Context, r store.Reader, ro *role) (*iamapi.Role, error) {
	out, err := s.apiRole(ctx, r, ro)
	if err != nil {
		return nil, err
	}
	out.Description, out.MaxSessionDuration = nilIfEmpty(ro.Description), &ro.MaxSession
	out.Tags, out.PermissionsBoundary = apiTags(ro.Tags), apiBoundary(ro.Boundary)
	out.RoleLastUsed, err = s.roleLastUsed(ctx, ro.ID)
	return out, err
}

// roleLastUsed is empty for a role that was not used in the tracking period.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html
func (s *Service) roleLastUsed(ctx context.Context, id string) (*iamapi.RoleLastUsed, error) {
	use, err := s.lastUse(ctx, id)
	if err != nil || use == nil || s.Now().Sub(use.Time) > trackingPeriod {
		return &iamapi.RoleLastUsed{}, err
	}
	return &iamapi.RoleLastUsed{LastUsedDate: use.Time, Region: &use.Region}, nil
}

func nilIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
