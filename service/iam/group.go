package iam

import (
	"context"
	"errors"
	"slices"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

func (s *Service) groupRules() policy.Rules {
	return policy.Rules{
		"AddUserToGroup": onBearer(s, "AddUserToGroup", aGroup, func(in *iamapi.AddUserToGroupRequest) string { return in.GroupName }, nil),
		"CreateGroup": policy.On(func(ctx context.Context, in *iamapi.CreateGroupRequest) ([]policy.Touch, error) {
			account := accountOf(ctx)
			return []policy.Touch{{Action: "iam:CreateGroup", Account: account, Resource: arnOf(account, "group", pathOr(in.Path), in.GroupName)}}, nil
		}),
		"DeleteGroup":         onBearer(s, "DeleteGroup", aGroup, func(in *iamapi.DeleteGroupRequest) string { return in.GroupName }, nil),
		"GetGroup":            onBearer(s, "GetGroup", aGroup, func(in *iamapi.GetGroupRequest) string { return in.GroupName }, nil),
		"ListGroups":          onPath("ListGroups", "group", func(in *iamapi.ListGroupsRequest) *string { return in.PathPrefix }),
		"ListGroupsForUser":   onBearer(s, "ListGroupsForUser", aUser, func(in *iamapi.ListGroupsForUserRequest) string { return in.UserName }, nil),
		"RemoveUserFromGroup": onBearer(s, "RemoveUserFromGroup", aGroup, func(in *iamapi.RemoveUserFromGroupRequest) string { return in.GroupName }, nil),
		"UpdateGroup":         policy.On(s.touchUpdateGroup),
	}
}

// touchUpdateGroup: the caller needs the right on the group as it is and as it
// will be.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateGroup.html
func (s *Service) touchUpdateGroup(ctx context.Context, in *iamapi.UpdateGroupRequest) ([]policy.Touch, error) {
	from, err := s.touchBearer(ctx, "UpdateGroup", aGroup, in.GroupName)
	if err != nil || in.NewPath == nil && in.NewGroupName == nil {
		return []policy.Touch{from}, err
	}
	to, account := from, accountOf(ctx)
	h := holder{Account: account, Path: "/", Name: in.GroupName}
	if g, err := s.groups.Get(ctx, s.Store, recordID(account, in.GroupName)); err == nil {
		h.Path, h.Name = g.Path, g.Name
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	h.move(in.NewPath, in.NewGroupName)
	to.Resource = h.arn("group")
	return []policy.Touch{from, to}, nil
}

// move changes path and name as an Update operation asks.
func (h *holder) move(path, name *string) {
	if path != nil {
		h.Path = *path
	}
	if name != nil {
		h.Name = *name
	}
}

// group reads a group of the caller's account, or answers NoSuchEntity.
func (s *Service) group(ctx context.Context, r store.Reader, name string) (*group, error) {
	g, err := s.groups.Get(ctx, r, recordID(accountOf(ctx), name))
	return found(g, err, noSuch("group", name))
}

func apiGroup(g *group) *iamapi.Group {
	return &iamapi.Group{Path: g.Path, GroupName: g.Name, GroupId: g.ID, Arn: g.ARN(), CreateDate: g.Created}
}

// AddUserToGroup makes a user a member; one that is a member already is no
// error.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AddUserToGroup.html
func (s *Service) AddUserToGroup(ctx context.Context, in *iamapi.AddUserToGroupRequest) (*iamapi.AddUserToGroupOutput, error) {
	err := s.changeUser(ctx, in.UserName, func(tx store.Tx, u *user) error {
		if _, err := s.group(ctx, tx, in.GroupName); err != nil {
			return err
		}
		name := fold(in.GroupName)
		if slices.Contains(u.Groups, name) {
			return nil
		}
		if u.Groups = append(u.Groups, name); len(u.Groups) > s.Quotas.GroupsPerUser {
			return exceeded("GroupsPerUser", s.Quotas.GroupsPerUser)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.AddUserToGroupOutput{}, nil
}

// CreateGroup makes a group.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html
func (s *Service) CreateGroup(ctx context.Context, in *iamapi.CreateGroupRequest) (*iamapi.CreateGroupResponse, error) {
	g := &group{holder{
		Account: accountOf(ctx), Name: in.GroupName, Path: pathOr(in.Path), ID: newID(groupPrefix), Created: s.now(),
	}}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.groups.Insert(ctx, tx, recordID(g.Account, g.Name), g)
		if errors.Is(err, store.ErrExists) {
			return exists("Group", in.GroupName)
		} else if err != nil {
			return err
		}
		return s.count(ctx, tx, g.Account, func(c *counts) error {
			if c.Groups++; c.Groups > s.Quotas.Groups {
				return exceeded("GroupsPerAccount", s.Quotas.Groups)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateGroupResponse{Group: apiGroup(g)}, nil
}

// DeleteGroup deletes a group that has neither members nor policies.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroup.html
func (s *Service) DeleteGroup(ctx context.Context, in *iamapi.DeleteGroupRequest) (*iamapi.DeleteGroupOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		g, err := s.group(ctx, tx, in.GroupName)
		if err != nil {
			return err
		}
		id := recordID(g.Account, g.Name)
		members, err := s.users.By(ctx, tx, "group", id, "", 1)
		if err != nil {
			return err
		}
		switch {
		case len(members) > 0:
			return conflict("Cannot delete entity, must remove users from group first.")
		case len(g.Attached) > 0:
			return conflict("Cannot delete entity, must detach all policies first.")
		case len(g.Inline) > 0:
			return conflict("Cannot delete entity, must delete policies first.")
		}
		if err := s.count(ctx, tx, g.Account, func(c *counts) error { c.Groups--; return nil }); err != nil {
			return err
		}
		return s.groups.Delete(ctx, tx, id)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteGroupOutput{}, nil
}

// GetGroup tells about a group and pages through its members.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetGroup.html
func (s *Service) GetGroup(ctx context.Context, in *iamapi.GetGroupRequest) (*iamapi.GetGroupResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	g, err := s.group(ctx, s.Store, in.GroupName)
	if err != nil {
		return nil, err
	}
	after := ""
	if p.after != "" {
		after = g.Account + "/" + p.after
	}
	ids, err := s.users.By(ctx, s.Store, "group", recordID(g.Account, g.Name), after, p.limit+1)
	if err != nil {
		return nil, err
	}
	page, truncated, marker := cut(p, ids, func(id string) string { return id[len(g.Account)+1:] })
	out := &iamapi.GetGroupResponse{Group: apiGroup(g), Users: []iamapi.User{}, IsTruncated: truncated, Marker: marker}
	for _, id := range page {
		u, err := s.users.Get(ctx, s.Store, id)
		if errors.Is(err, store.ErrNotFound) {
			continue // renamed or deleted since the index was read
		} else if err != nil {
			return nil, err
		}
		out.Users = append(out.Users, *s.listedUser(u))
	}
	return out, nil
}

// ListGroups lists the account's groups.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroups.html
func (s *Service) ListGroups(ctx context.Context, in *iamapi.ListGroupsRequest) (*iamapi.ListGroupsResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	groups, truncated, marker, err := listPage(ctx, s.Store, &s.groups, accountOf(ctx), p, func(g *group) bool {
		return in.PathPrefix == nil || strings.HasPrefix(g.Path, *in.PathPrefix)
	})
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListGroupsResponse{Groups: []iamapi.Group{}, IsTruncated: truncated, Marker: marker}
	for _, g := range groups {
		out.Groups = append(out.Groups, *apiGroup(g))
	}
	return out, nil
}

// ListGroupsForUser lists the groups of a user, in the order of their names.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupsForUser.html
func (s *Service) ListGroupsForUser(ctx context.Context, in *iamapi.ListGroupsForUserRequest) (*iamapi.ListGroupsForUserResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	u, err := s.user(ctx, s.Store, in.UserName)
	if err != nil {
		return nil, err
	}
	page, truncated, marker := cut(p, slices.Sorted(slices.Values(u.Groups)), func(name string) string { return name })
	out := &iamapi.ListGroupsForUserResponse{Groups: []iamapi.Group{}, IsTruncated: truncated, Marker: marker}
	for _, name := range page {
		g, err := s.groups.Get(ctx, s.Store, u.Account+"/"+name)
		if errors.Is(err, store.ErrNotFound) {
			continue // renamed since the user was read
		} else if err != nil {
			return nil, err
		}
		out.Groups = append(out.Groups, *apiGroup(g))
	}
	return out, nil
}

// RemoveUserFromGroup ends a membership. AWS answers a user that is no member
// with success too.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_RemoveUserFromGroup.html
func (s *Service) RemoveUserFromGroup(ctx context.Context, in *iamapi.RemoveUserFromGroupRequest) (*iamapi.RemoveUserFromGroupOutput, error) {
	err := s.changeUser(ctx, in.UserName, func(tx store.Tx, u *user) error {
		if _, err := s.group(ctx, tx, in.GroupName); err != nil {
			return err
		}
		u.Groups = slices.DeleteFunc(u.Groups, func(name string) bool { return name == fold(in.GroupName) })
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.RemoveUserFromGroupOutput{}, nil
}

// UpdateGroup changes a group's name or path. Members, policies and the unique
// id stay.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateGroup.html
func (s *Service) UpdateGroup(ctx context.Context, in *iamapi.UpdateGroupRequest) (*iamapi.UpdateGroupOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		g, err := s.group(ctx, tx, in.GroupName)
		if err != nil {
			return err
		}
		old := recordID(g.Account, g.Name)
		g.move(in.NewPath, in.NewGroupName)
		id := recordID(g.Account, g.Name)
		if id == old {
			return s.groups.Put(ctx, tx, id, g)
		}
		err = s.groups.Insert(ctx, tx, id, g)
		if errors.Is(err, store.ErrExists) {
			return exists("Group", g.Name)
		} else if err != nil {
			return err
		}
		if err := s.moveMembers(ctx, tx, old, fold(in.GroupName), fold(g.Name)); err != nil {
			return err
		}
		return s.groups.Delete(ctx, tx, old)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateGroupOutput{}, nil
}

// moveMembers gives the members of a group that is renamed its new name. id is
// the group's old record id, from and to are folded names.
func (s *Service) moveMembers(ctx context.Context, tx store.Tx, id, from, to string) error {
	members, err := s.users.By(ctx, tx, "group", id, "", 0)
	if err != nil {
		return err
	}
	for _, member := range members {
		u, err := s.users.Get(ctx, tx, member)
		if err != nil {
			return err
		}
		u.Groups[slices.Index(u.Groups, from)] = to
		if err := s.users.Put(ctx, tx, member, u); err != nil {
			return err
		}
	}
	return nil
}
