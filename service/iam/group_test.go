package iam

import (
	"fmt"
	"slices"
	"testing"

	iamapi "bartizan.dev/api/iam"
)

func TestGroupLife(t *testing.T) {
	f := newFixture(t)
	g := must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "Devs", Path: new("/eng/")}))(t).Group
	if g.Arn != "arn:aws:iam::111122223333:group/eng/Devs" || g.GroupId[:4] != "AGPA" {
		t.Errorf("got %+v", g)
	}
	fails(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "DEVS"}))(t, "EntityAlreadyExists", "Group with name DEVS already exists.")
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	for range 2 { // a member already is no error
		must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: "u", GroupName: "devs"}))(t)
	}
	del := &iamapi.DeleteGroupRequest{GroupName: "devs"}
	fails(f.DeleteGroup(f.root, del))(t, "DeleteConflict", "Cannot delete entity, must remove users from group first.")
	for range 2 { // nor is one that is none any more
		must(f.RemoveUserFromGroup(f.root, &iamapi.RemoveUserFromGroupRequest{UserName: "u", GroupName: "Devs"}))(t)
	}
	must(f.PutGroupPolicy(f.root, &iamapi.PutGroupPolicyRequest{GroupName: "devs", PolicyName: "p", PolicyDocument: everything}))(t)
	fails(f.DeleteGroup(f.root, del))(t, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	must(f.DeleteGroupPolicy(f.root, &iamapi.DeleteGroupPolicyRequest{GroupName: "devs", PolicyName: "p"}))(t)
	must(f.AttachGroupPolicy(f.root, &iamapi.AttachGroupPolicyRequest{GroupName: "devs", PolicyArn: "arn:aws:iam::aws:policy/ReadOnlyAccess"}))(t)
	fails(f.DeleteGroup(f.root, del))(t, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	must(f.DetachGroupPolicy(f.root, &iamapi.DetachGroupPolicyRequest{GroupName: "devs", PolicyArn: "arn:aws:iam::aws:policy/ReadOnlyAccess"}))(t)
	must(f.DeleteGroup(f.root, del))(t)
	fails(f.GetGroup(f.root, &iamapi.GetGroupRequest{GroupName: "devs"}))(t, "NoSuchEntity", "The group with name devs cannot be found.")
	fails(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: "u", GroupName: "devs"}))(t, "NoSuchEntity", "The group with name devs cannot be found.")
}

func TestGroupQuotas(t *testing.T) {
	f := newFixture(t)
	f.Quotas.Groups, f.Quotas.GroupsPerUser = 2, 1
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	for _, name := range []string{"a", "b"} {
		must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: name}))(t)
	}
	fails(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "c"}))(t, "LimitExceeded", "Cannot exceed quota for GroupsPerAccount: 2")
	must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: "u", GroupName: "a"}))(t)
	fails(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: "u", GroupName: "b"}))(t, "LimitExceeded", "Cannot exceed quota for GroupsPerUser: 1")
}

// A group's policies are its members' at once, and stay theirs when the group
// gets another name.
func TestGroupRights(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "g"}))(t)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "taken"}))(t)
	must(f.PutGroupPolicy(f.root, &iamapi.PutGroupPolicyRequest{GroupName: "g", PolicyName: "p", PolicyDocument: everything}))(t)
	u, in := f.asUser("u"), &iamapi.ListUsersRequest{}
	if f.allowed(u, "ListUsers", in) {
		t.Error("allowed before the user is a member")
	}
	must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: "u", GroupName: "G"}))(t)
	if !f.allowed(u, "ListUsers", in) {
		t.Error("denied to a member")
	}
	fails(f.UpdateGroup(f.root, &iamapi.UpdateGroupRequest{GroupName: "g", NewGroupName: new("TAKEN")}))(t,
		"EntityAlreadyExists", "Group with name TAKEN already exists.")
	must(f.UpdateGroup(f.root, &iamapi.UpdateGroupRequest{GroupName: "g", NewGroupName: new("H"), NewPath: new("/h/")}))(t)
	if !f.allowed(u, "ListUsers", in) {
		t.Error("denied to a member of the renamed group")
	}
	got := must(f.GetGroup(f.root, &iamapi.GetGroupRequest{GroupName: "h"}))(t)
	if got.Group.Arn != "arn:aws:iam::111122223333:group/h/H" || len(got.Users) != 1 {
		t.Errorf("got %+v %+v", got.Group, got.Users)
	}
	fails(f.GetGroup(f.root, &iamapi.GetGroupRequest{GroupName: "g"}))(t, "NoSuchEntity", "The group with name g cannot be found.")
	must(f.UpdateUser(f.root, &iamapi.UpdateUserRequest{UserName: "u", NewUserName: new("w")}))(t)
	if users := must(f.GetGroup(f.root, &iamapi.GetGroupRequest{GroupName: "h"}))(t).Users; len(users) != 1 || users[0].UserName != "w" {
		t.Errorf("after the user was renamed the members are %+v", users)
	}
	must(f.RemoveUserFromGroup(f.root, &iamapi.RemoveUserFromGroupRequest{UserName: "w", GroupName: "h"}))(t)
	if f.allowed(u, "ListUsers", in) {
		t.Error("allowed to a user that left")
	}
}

func TestGroupPages(t *testing.T) {
	f := newFixture(t)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "g"}))(t)
	var want []string
	for i := range 5 {
		name := fmt.Sprint("U", i)
		want = append(want, name)
		must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: name}))(t)
		must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: name, GroupName: "g"}))(t)
		must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: fmt.Sprint("G", i), Path: new("/x/")}))(t)
		must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: "u0", GroupName: fmt.Sprint("g", i)}))(t)
	}
	var got []string
	members := &iamapi.GetGroupRequest{GroupName: "g", MaxItems: new(int32(2))}
	for {
		out := must(f.GetGroup(f.root, members))(t)
		for _, u := range out.Users {
			got = append(got, u.UserName)
		}
		if members.Marker = out.Marker; !*out.IsTruncated {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("members: got %v, want %v", got, want)
	}
	listed := must(f.ListGroups(f.root, &iamapi.ListGroupsRequest{PathPrefix: new("/x/"), MaxItems: new(int32(5))}))(t)
	if len(listed.Groups) != 5 || *listed.IsTruncated {
		t.Errorf("groups: got %+v", listed)
	}
	one := must(f.ListGroupsForUser(f.root, &iamapi.ListGroupsForUserRequest{UserName: "u0", MaxItems: new(int32(4))}))(t)
	two := must(f.ListGroupsForUser(f.root, &iamapi.ListGroupsForUserRequest{UserName: "u0", Marker: one.Marker}))(t)
	got = nil
	for _, g := range append(one.Groups, two.Groups...) {
		got = append(got, g.GroupName)
	}
	if !slices.Equal(got, []string{"g", "G0", "G1", "G2", "G3", "G4"}) {
		t.Errorf("groups of a user: %v", got)
	}
}

func TestGroupTouches(t *testing.T) {
	f := newFixture(t)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "Devs", Path: new("/eng/")}))(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u", Path: new("/p/")}))(t)
	const devs = " arn:aws:iam::111122223333:group/eng/Devs"
	f.touches(f.root, "AddUserToGroup", &iamapi.AddUserToGroupRequest{GroupName: "DEVS", UserName: "u"}, "iam:AddUserToGroup"+devs)
	f.touches(f.root, "RemoveUserFromGroup", &iamapi.RemoveUserFromGroupRequest{GroupName: "DEVS", UserName: "u"}, "iam:RemoveUserFromGroup"+devs)
	f.touches(f.root, "GetGroup", &iamapi.GetGroupRequest{GroupName: "none"}, "iam:GetGroup arn:aws:iam::111122223333:group/none")
	f.touches(f.root, "DeleteGroup", &iamapi.DeleteGroupRequest{GroupName: "devs"}, "iam:DeleteGroup"+devs)
	f.touches(f.root, "CreateGroup", &iamapi.CreateGroupRequest{GroupName: "n", Path: new("/q/")}, "iam:CreateGroup arn:aws:iam::111122223333:group/q/n")
	f.touches(f.root, "ListGroups", &iamapi.ListGroupsRequest{PathPrefix: new("/eng/")}, "iam:ListGroups arn:aws:iam::111122223333:group/eng/")
	f.touches(f.root, "ListGroupsForUser", &iamapi.ListGroupsForUserRequest{UserName: "U"}, "iam:ListGroupsForUser arn:aws:iam::111122223333:user/p/u")
	f.touches(f.root, "UpdateGroup", &iamapi.UpdateGroupRequest{GroupName: "devs"}, "iam:UpdateGroup"+devs)
	f.touches(f.root, "UpdateGroup", &iamapi.UpdateGroupRequest{GroupName: "devs", NewPath: new("/x/"), NewGroupName: new("ops")},
		"iam:UpdateGroup"+devs, "iam:UpdateGroup arn:aws:iam::111122223333:group/x/ops")
}
