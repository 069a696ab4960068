package iam

import (
	"context"
	"errors"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) profileRules() policy.Rules {
	return policy.Rules{
		"AddRoleToInstanceProfile": policy.On(s.touchAddRole),
		"CreateInstanceProfile": policy.On(func(ctx context.Context, in *iamapi.CreateInstanceProfileRequest) ([]policy.Touch, error) {
			account := accountOf(ctx)
			return alsoTagging(policy.Touch{
				Action: "iam:CreateInstanceProfile", Account: account,
				Resource:    arnOf(account, "instance-profile", pathOr(in.Path), in.InstanceProfileName),
				RequestTags: requestTags(in.Tags),
			}, "iam:TagInstanceProfile", len(in.Tags)), nil
		}),
		"DeleteInstanceProfile": onProfile(s, "DeleteInstanceProfile", func(in *iamapi.DeleteInstanceProfileRequest) string { return in.InstanceProfileName }),
		"GetInstanceProfile":    onProfile(s, "GetInstanceProfile", func(in *iamapi.GetInstanceProfileRequest) string { return in.InstanceProfileName }),
		"ListInstanceProfiles":  onPath("ListInstanceProfiles", "instance-profile", func(in *iamapi.ListInstanceProfilesRequest) *string { return in.PathPrefix }),
		"ListInstanceProfilesForRole": onBearer(s, "ListInstanceProfilesForRole", aRole,
			func(in *iamapi.ListInstanceProfilesForRoleRequest) string { return in.RoleName }, nil),
		"ListInstanceProfileTags":       onProfile(s, "ListInstanceProfileTags", func(in *iamapi.ListInstanceProfileTagsRequest) string { return in.InstanceProfileName }),
		"RemoveRoleFromInstanceProfile": onProfile(s, "RemoveRoleFromInstanceProfile", func(in *iamapi.RemoveRoleFromInstanceProfileRequest) string { return in.InstanceProfileName }),
		"TagInstanceProfile": policy.On(func(ctx context.Context, in *iamapi.TagInstanceProfileRequest) ([]policy.Touch, error) {
			t, err := s.touchProfile(ctx, "TagInstanceProfile", in.InstanceProfileName)
			t.RequestTags = requestTags(in.Tags)
			return []policy.Touch{t}, err
		}),
		"UntagInstanceProfile": policy.On(func(ctx context.Context, in *iamapi.UntagInstanceProfileRequest) ([]policy.Touch, error) {
			t, err := s.touchProfile(ctx, "UntagInstanceProfile", in.InstanceProfileName)
			t.Keys = append(t.Keys, tagKeysKey(in.TagKeys))
			return []policy.Touch{t}, err
		}),
	}
}

// touchProfile is the touch of an action on an instance profile; see
// touchBearer.
func (s *Service) touchProfile(ctx context.Context, action, name string) (policy.Touch, error) {
	account := accountOf(ctx)
	t := policy.Touch{Action: "iam:" + action, Account: account, Resource: arnOf(account, "instance-profile", "/", name)}
	p, err := s.profiles.Get(ctx, s.Store, recordID(account, name))
	if errors.Is(err, store.ErrNotFound) {
		return t, nil
	} else if err != nil {
		return t, err
	}
	t.Resource, t.ResourceTags = p.ARN(), policyTags(p.Tags)
	return t, nil
}

func onProfile[I any](s *Service, action string, name func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touchProfile(ctx, action, name(in))
		return []policy.Touch{t}, err
	})
}

// touchAddRole: "The caller of this operation must be granted the PassRole
// permission on the IAM role by a permissions policy." Whoever may start an
// instance with the profile gets the role's rights, by way of EC2.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html
func (s *Service) touchAddRole(ctx context.Context, in *iamapi.AddRoleToInstanceProfileRequest) ([]policy.Touch, error) {
	add, err := s.touchProfile(ctx, "AddRoleToInstanceProfile", in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	pass, err := s.touchBearer(ctx, "PassRole", aRole, in.RoleName, pair("iam:PassedToService", "ec2.amazonaws.com"))
	return []policy.Touch{add, pass}, err
}

// AddRoleToInstanceProfile gives a profile its one role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddRoleToInstanceProfile.html
func (s *Service) AddRoleToInstanceProfile(ctx context.Context, in *iamapi.AddRoleToInstanceProfileRequest) (*iamapi.AddRoleToInstanceProfileOutput, error) {
	err := s.changeProfile(ctx, in.InstanceProfileName, func(tx store.Tx, p *profile) error {
		b, err := s.bearer(ctx, tx, aRole, in.RoleName)
		if err != nil {
			return err
		}
		if err := b.modifiable(); err != nil {
			return err
		}
		if p.Role != "" {
			return exceeded("InstanceSessionsPerInstanceProfile", 1)
		}
		p.Role = fold(b.Name)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.AddRoleToInstanceProfileOutput{}, nil
}

// CreateInstanceProfile makes a profile without a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html
func (s *Service) CreateInstanceProfile(ctx context.Context, in *iamapi.CreateInstanceProfileRequest) (*iamapi.CreateInstanceProfileResponse, error) {
	p := &profile{
		Account: accountOf(ctx), Name: in.InstanceProfileName, Path: pathOr(in.Path), ID: newID(profilePrefix), Created: s.now(),
	}
	var err error
	if p.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.profiles.Insert(ctx, tx, recordID(p.Account, p.Name), p)
		if errors.Is(err, store.ErrExists) {
			return wire.Errorf("EntityAlreadyExists", "Instance Profile %s already exists.", p.Name).WithStatus(409)
		} else if err != nil {
			return err
		}
		return s.count(ctx, tx, p.Account, func(c *counts) error {
			if c.Profiles++; c.Profiles > s.Quotas.Profiles {
				return exceeded("InstanceProfilesPerAccount", s.Quotas.Profiles)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	out, err := s.apiProfile(ctx, s.Store, p)
	if err != nil {
		return nil, err
	}
	out.Tags = apiTags(p.Tags)
	return &iamapi.CreateInstanceProfileResponse{InstanceProfile: out}, nil
}

// DeleteInstanceProfile deletes a profile that has no role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteInstanceProfile.html
func (s *Service) DeleteInstanceProfile(ctx context.Context, in *iamapi.DeleteInstanceProfileRequest) (*iamapi.DeleteInstanceProfileOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.profile(ctx, tx, in.InstanceProfileName)
		if err != nil {
			return err
		}
		if p.Role != "" {
			return conflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		if err := s.count(ctx, tx, p.Account, func(c *counts) error { c.Profiles--; return nil }); err != nil {
			return err
		}
		return s.profiles.Delete(ctx, tx, recordID(p.Account, p.Name))
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteInstanceProfileOutput{}, nil
}

// GetInstanceProfile tells about a profile and its role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetInstanceProfile.html
func (s *Service) GetInstanceProfile(ctx context.Context, in *iamapi.GetInstanceProfileRequest) (*iamapi.GetInstanceProfileResponse, error) {
	p, err := s.profile(ctx, s.Store, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	out, err := s.apiProfile(ctx, s.Store, p)
	if err != nil {
		return nil, err
	}
	out.Tags = apiTags(p.Tags)
	return &iamapi.GetInstanceProfileResponse{InstanceProfile: out}, nil
}

// ListInstanceProfiles lists the account's profiles, without tags.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfiles.html
func (s *Service) ListInstanceProfiles(ctx context.Context, in *iamapi.ListInstanceProfilesRequest) (*iamapi.ListInstanceProfilesResponse, error) {
	page, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	list, truncated, marker, err := listPage(ctx, s.Store, &s.profiles, accountOf(ctx), page, func(p *profile) bool {
		return in.PathPrefix == nil || strings.HasPrefix(p.Path, *in.PathPrefix)
	})
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListInstanceProfilesResponse{IsTruncated: truncated, Marker: marker}
	out.InstanceProfiles, err = s.apiProfiles(ctx, s.Store, list)
	return out, err
}

// ListInstanceProfilesForRole lists the profiles that have a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfilesForRole.html
func (s *Service) ListInstanceProfilesForRole(ctx context.Context, in *iamapi.ListInstanceProfilesForRoleRequest) (*iamapi.ListInstanceProfilesForRoleResponse, error) {
	page, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	ro, err := s.role(ctx, s.Store, in.RoleName)
	if err != nil {
		return nil, err
	}
	ids, err := s.profiles.By(ctx, s.Store, "role", recordID(ro.Account, ro.Name), "", 0)
	if err != nil {
		return nil, err
	}
	ids, truncated, marker := cut(page, ids, func(id string) string { return id })
	var list []*profile
	for _, id := range ids {
		p, err := s.profiles.Get(ctx, s.Store, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // deleted since the index was read
		} else if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	out := &iamapi.ListInstanceProfilesForRoleResponse{IsTruncated: truncated, Marker: marker}
	out.InstanceProfiles, err = s.apiProfiles(ctx, s.Store, list)
	return out, err
}

// ListInstanceProfileTags lists a profile's tags.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListInstanceProfileTags.html
func (s *Service) ListInstanceProfileTags(ctx context.Context, in *iamapi.ListInstanceProfileTagsRequest) (*iamapi.ListInstanceProfileTagsResponse, error) {
	p, err := s.profile(ctx, s.Store, in.InstanceProfileName)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListInstanceProfileTagsResponse{}
	out.Tags, out.IsTruncated, out.Marker, err = listTags(p.Tags, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// RemoveRoleFromInstanceProfile takes the role away from a profile.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveRoleFromInstanceProfile.html
func (s *Service) RemoveRoleFromInstanceProfile(ctx context.Context, in *iamapi.RemoveRoleFromInstanceProfileRequest) (*iamapi.RemoveRoleFromInstanceProfileOutput, error) {
	err := s.changeProfile(ctx, in.InstanceProfileName, func(tx store.Tx, p *profile) error {
		b, err := s.bearer(ctx, tx, aRole, in.RoleName)
		if err != nil {
			return err
		}
		if err := b.modifiable(); err != nil {
			return err
		}
		if p.Role != fold(b.Name) {
			return noSuch("role", in.RoleName)
		}
		p.Role = ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.RemoveRoleFromInstanceProfileOutput{}, nil
}

// TagInstanceProfile adds tags to a profile or replaces their values.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagInstanceProfile.html
func (s *Service) TagInstanceProfile(ctx context.Context, in *iamapi.TagInstanceProfileRequest) (*iamapi.TagInstanceProfileOutput, error) {
	err := s.changeProfile(ctx, in.InstanceProfileName, func(_ store.Tx, p *profile) (err error) {
		p.Tags, err = setTags(p.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.TagInstanceProfileOutput{}, nil
}

// UntagInstanceProfile removes tags from a profile; those it does not have are
// no error.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagInstanceProfile.html
func (s *Service) UntagInstanceProfile(ctx context.Context, in *iamapi.UntagInstanceProfileRequest) (*iamapi.UntagInstanceProfileOutput, error) {
	err := s.changeProfile(ctx, in.InstanceProfileName, func(_ store.Tx, p *profile) error {
		p.Tags = removeTags(p.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UntagInstanceProfileOutput{}, nil
}

// profile reads an instance profile of the caller's account, or answers
// NoSuchEntity.
func (s *Service) profile(ctx context.Context, r store.Reader, name string) (*profile, error) {
	p, err := s.profiles.Get(ctx, r, recordID(accountOf(ctx), name))
	return found(p, err, wire.Errorf("NoSuchEntity", "Instance Profile %s cannot be found.", name).WithStatus(404))
}

// changeProfile changes an instance profile in one transaction.
func (s *Service) changeProfile(ctx context.Context, name string, change func(store.Tx, *profile) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.profile(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := change(tx, p); err != nil {
			return err
		}
		return s.profiles.Put(ctx, tx, recordID(p.Account, p.Name), p)
	})
	return err
}

// apiProfile is what every answer with a profile has; some have tags besides.
func (s *Service) apiProfile(ctx context.Context, r store.Reader, p *profile) (*iamapi.InstanceProfile, error) {
	out := &iamapi.InstanceProfile{
		Path: p.Path, InstanceProfileName: p.Name, InstanceProfileId: p.ID, Arn: p.ARN(), CreateDate: p.Created,
		Roles: []iamapi.Role{},
	}
	if p.Role == "" {
		return out, nil
	}
	ro, err := s.roles.Get(ctx, r, p.Account+"/"+p.Role)
	if errors.Is(err, store.ErrNotFound) {
		return out, nil // removed and deleted since the profile was read
	} else if err != nil {
		return nil, err
	}
	v, err := s.apiRole(ctx, r, ro)
	if err != nil {
		return nil, err
	}
	out.Roles = append(out.Roles, *v)
	return out, nil
}

func (s *Service) apiProfiles(ctx context.Context, r store.Reader, list []*profile) ([]iamapi.InstanceProfile, error) {
	out := []iamapi.InstanceProfile{}
	for _, p := range list {
		v, err := s.apiProfile(ctx, r, p)
		if err != nil {
			return nil, err
		}
		out = append(out, *v)
	}
	return out, nil
}
