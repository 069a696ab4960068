package iam

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

func TestUserLife(t *testing.T) {
	f := newFixture(t)
	made := must(f.CreateUser(f.root, &iamapi.CreateUserRequest{
		UserName: "Alice", Path: new("/team/"), Tags: []iamapi.Tag{{Key: "Team", Value: "blue"}},
		PermissionsBoundary: new("arn:aws:iam::aws:policy/ReadOnlyAccess"),
	}))(t).User
	if made.Arn != "arn:aws:iam::111122223333:user/team/Alice" || !strings.HasPrefix(made.UserId, "AIDA") || len(made.UserId) != 21 {
		t.Errorf("got %+v", made)
	}
	fails(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "ALICE"}))(t, "EntityAlreadyExists", "User with name ALICE already exists.")

	got := must(f.GetUser(f.root, &iamapi.GetUserRequest{UserName: new("alice")}))(t).User
	if got.UserName != "Alice" || len(got.Tags) != 1 || *got.PermissionsBoundary.PermissionsBoundaryArn != "arn:aws:iam::aws:policy/ReadOnlyAccess" || got.PermissionsBoundary.PermissionsBoundaryType != "Policy" {
		t.Errorf("got %+v", got)
	}
	listed := must(f.ListUsers(f.root, &iamapi.ListUsersRequest{}))(t).Users
	if len(listed) != 1 || listed[0].Tags != nil || listed[0].PermissionsBoundary != nil {
		t.Errorf("a list shows %+v", listed)
	}
	fails(f.GetUser(f.other, &iamapi.GetUserRequest{UserName: new("Alice")}))(t, "NoSuchEntity", "The user with name Alice cannot be found.")

	must(f.UpdateUser(f.root, &iamapi.UpdateUserRequest{UserName: "Alice", NewUserName: new("alice"), NewPath: new("/x/")}))(t)
	if arn := must(f.GetUser(f.root, &iamapi.GetUserRequest{UserName: new("Alice")}))(t).User.Arn; arn != "arn:aws:iam::111122223333:user/x/alice" {
		t.Errorf("after the update the ARN is %s", arn)
	}
	must(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "alice"}))(t)
	fails(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "alice"}))(t, "NoSuchEntity", "The user with name alice cannot be found.")
	if n := must(f.countsOf(t.Context(), f.Store, testAccount))(t); n.Users != 0 {
		t.Errorf("the account counts %+v", n)
	}
}

func TestUserBadInput(t *testing.T) {
	f := newFixture(t)
	fails(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u", Tags: []iamapi.Tag{{Key: "a"}, {Key: "A"}}}))(t,
		"InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
	fails(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u", PermissionsBoundary: new("not an ARN at all, is it")}))(t,
		"ValidationError", "Invalid ARN:  Could not be parsed!")
	absent := "arn:aws:iam::111122223333:policy/none"
	fails(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u", PermissionsBoundary: &absent}))(t,
		"NoSuchEntity", "Scope ARN: "+absent+" does not exist or is not attachable.")
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "a"}))(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "b"}))(t)
	fails(f.UpdateUser(f.root, &iamapi.UpdateUserRequest{UserName: "a", NewUserName: new("B")}))(t,
		"EntityAlreadyExists", "User with name B already exists.")
	f.Quotas.Users = 2
	fails(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "c"}))(t, "LimitExceeded", "Cannot exceed quota for UsersPerAccount: 2")
	role := f.as(caller.Identity{Kind: caller.Role, Account: testAccount, ID: "AROAX:s"})
	fails(f.GetUser(role, &iamapi.GetUserRequest{}))(t, "ValidationError", "Must specify userName when calling with non-User credentials")
}

func TestListUsersPages(t *testing.T) {
	f := newFixture(t)
	var want []string
	for i := range 7 {
		name, path := fmt.Sprintf("u%d", i), "/"
		if i%2 == 0 {
			path = "/even/"
			want = append(want, name)
		}
		must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: name, Path: &path}))(t)
	}
	var got []string
	in := &iamapi.ListUsersRequest{PathPrefix: new("/even/"), MaxItems: new(int32(3))}
	for {
		out := must(f.ListUsers(f.root, in))(t)
		for _, u := range out.Users {
			got = append(got, u.UserName)
		}
		if !*out.IsTruncated {
			break
		}
		in.Marker = out.Marker
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	fails(f.ListUsers(f.root, &iamapi.ListUsersRequest{Marker: new("§")}))(t, "ValidationError", "Invalid Marker: §")
}

func TestGetUserOfRoot(t *testing.T) {
	f := newFixture(t)
	u := must(f.GetUser(f.root, &iamapi.GetUserRequest{}))(t).User
	if u.Arn != "arn:aws:iam::111122223333:root" || u.UserId != testAccount || u.CreateDate != f.clock {
		t.Errorf("got %+v", u)
	}
}

// A session outlives a change of its user's name. The caller is then still the
// same user, not a new one of the old name.
func TestOwnNameOfSession(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "old"}))(t)
	id := caller.From(f.asUser("old")).Identity
	id.Session = &caller.Session{IssuerID: id.ID}
	must(f.UpdateUser(f.root, &iamapi.UpdateUserRequest{UserName: "old", NewUserName: new("new")}))(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "old"}))(t)
	if name := must(f.GetUser(f.as(id), &iamapi.GetUserRequest{}))(t).User.UserName; name != "new" {
		t.Errorf("the session speaks for %s", name)
	}
	touches := must(f.Rules()["GetUser"].Touches(f.as(id), &iamapi.GetUserRequest{}))(t)
	if touches[0].Resource != "arn:aws:iam::111122223333:user/new" {
		t.Errorf("the session touches %s", touches[0].Resource)
	}
}

func TestDeleteUserConflicts(t *testing.T) {
	f := newFixture(t)
	del := &iamapi.DeleteUserRequest{UserName: "u"}
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "g"}))(t)
	for _, c := range []struct {
		message  string
		put, end func() error
	}{
		{"Cannot delete entity, must delete access keys first.",
			func() error {
				_, err := f.CreateAccessKey(f.root, &iamapi.CreateAccessKeyRequest{UserName: new("u")})
				return err
			},
			func() error {
				keys := must(f.ListAccessKeys(f.root, &iamapi.ListAccessKeysRequest{UserName: new("u")}))(t)
				_, err := f.DeleteAccessKey(f.root, &iamapi.DeleteAccessKeyRequest{UserName: new("u"), AccessKeyId: *keys.AccessKeyMetadata[0].AccessKeyId})
				return err
			}},
		{"Cannot delete entity, must delete login profile first.",
			func() error {
				_, err := f.CreateLoginProfile(f.root, &iamapi.CreateLoginProfileRequest{UserName: new("u"), Password: new("Secret-77")})
				return err
			},
			func() error {
				_, err := f.DeleteLoginProfile(f.root, &iamapi.DeleteLoginProfileRequest{UserName: new("u")})
				return err
			}},
		{"Cannot delete entity, must remove users from group first.",
			func() error {
				_, err := f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: "u", GroupName: "g"})
				return err
			},
			func() error {
				_, err := f.RemoveUserFromGroup(f.root, &iamapi.RemoveUserFromGroupRequest{UserName: "u", GroupName: "g"})
				return err
			}},
		{"Cannot delete entity, must detach all policies first.",
			func() error {
				_, err := f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: "u", PolicyArn: "arn:aws:iam::aws:policy/ReadOnlyAccess"})
				return err
			},
			func() error {
				_, err := f.DetachUserPolicy(f.root, &iamapi.DetachUserPolicyRequest{UserName: "u", PolicyArn: "arn:aws:iam::aws:policy/ReadOnlyAccess"})
				return err
			}},
		{"Cannot delete entity, must delete policies first.",
			func() error {
				_, err := f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "u", PolicyName: "p", PolicyDocument: everything})
				return err
			},
			func() error {
				_, err := f.DeleteUserPolicy(f.root, &iamapi.DeleteUserPolicyRequest{UserName: "u", PolicyName: "p"})
				return err
			}},
	} {
		if err := c.put(); err != nil {
			t.Fatal(err)
		}
		fails(f.DeleteUser(f.root, del))(t, "DeleteConflict", c.message)
		if err := c.end(); err != nil {
			t.Fatal(err)
		}
	}
	must(f.DeleteUser(f.root, del))(t)
}

const everything = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

func TestUserTags(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	must(f.TagUser(f.root, &iamapi.TagUserRequest{UserName: "u", Tags: []iamapi.Tag{{Key: "b", Value: "1"}, {Key: "a", Value: "2"}}}))(t)
	must(f.TagUser(f.root, &iamapi.TagUserRequest{UserName: "U", Tags: []iamapi.Tag{{Key: "B", Value: "3"}}}))(t)
	must(f.UntagUser(f.root, &iamapi.UntagUserRequest{UserName: "u", TagKeys: []string{"absent"}}))(t)
	one := must(f.ListUserTags(f.root, &iamapi.ListUserTagsRequest{UserName: "u", MaxItems: new(int32(1))}))(t)
	two := must(f.ListUserTags(f.root, &iamapi.ListUserTagsRequest{UserName: "u", Marker: one.Marker}))(t)
	if got := append(one.Tags, two.Tags...); !slices.Equal(got, []iamapi.Tag{{Key: "B", Value: "3"}, {Key: "a", Value: "2"}}) || !*one.IsTruncated || *two.IsTruncated {
		t.Errorf("got %v", got)
	}
	must(f.UntagUser(f.root, &iamapi.UntagUserRequest{UserName: "u", TagKeys: []string{"A", "b"}}))(t)
	if left := must(f.ListUserTags(f.root, &iamapi.ListUserTagsRequest{UserName: "u"}))(t).Tags; len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	var many []iamapi.Tag
	for i := range maxTags {
		many = append(many, iamapi.Tag{Key: fmt.Sprint("k", i)})
	}
	must(f.TagUser(f.root, &iamapi.TagUserRequest{UserName: "u", Tags: many}))(t)
	fails(f.TagUser(f.root, &iamapi.TagUserRequest{UserName: "u", Tags: []iamapi.Tag{{Key: "more"}}}))(t,
		"LimitExceeded", "The number of tags has reached the maximum limit.")
	fails(f.TagUser(f.root, &iamapi.TagUserRequest{UserName: "none", Tags: many}))(t, "NoSuchEntity", "The user with name none cannot be found.")
}

func TestUserBoundary(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "u", PolicyName: "p", PolicyDocument: everything}))(t)
	u := f.asUser("u")
	create := &iamapi.CreateUserRequest{UserName: "x"}
	if !f.allowed(u, "CreateUser", create) {
		t.Error("denied without a boundary")
	}
	must(f.PutUserPermissionsBoundary(f.root, &iamapi.PutUserPermissionsBoundaryRequest{UserName: "u", PermissionsBoundary: "arn:aws:iam::aws:policy/ReadOnlyAccess"}))(t)
	if f.allowed(u, "CreateUser", create) {
		t.Error("allowed beyond the boundary")
	}
	must(f.DeleteUserPermissionsBoundary(f.root, &iamapi.DeleteUserPermissionsBoundaryRequest{UserName: "u"}))(t)
	if !f.allowed(u, "CreateUser", create) {
		t.Error("denied after the boundary was deleted")
	}
	fails(f.DeleteUserPermissionsBoundary(f.root, &iamapi.DeleteUserPermissionsBoundaryRequest{UserName: "u"}))(t,
		"NoSuchEntity", "The user with name u does not have a permissions boundary.")
	fails(f.PutUserPermissionsBoundary(f.root, &iamapi.PutUserPermissionsBoundaryRequest{UserName: "u", PermissionsBoundary: "arn:aws:iam::444455556666:policy/theirs"}))(t,
		"NoSuchEntity", "Scope ARN: arn:aws:iam::444455556666:policy/theirs does not exist or is not attachable.")
}

// TestUserTouches holds what policies can be written on: the resource is the
// record's, and the condition keys are there where AWS has them.
func TestUserTouches(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{
		UserName: "Admin", Path: new("/p/"), Tags: []iamapi.Tag{{Key: "Team", Value: "blue"}},
		PermissionsBoundary: new("arn:aws:iam::aws:policy/ReadOnlyAccess"),
	}))(t)
	for _, c := range []struct {
		operation string
		in        any
		want      []string // action resource key=value…
	}{
		{"GetUser", &iamapi.GetUserRequest{UserName: new("ADMIN")},
			[]string{"iam:GetUser arn:aws:iam::111122223333:user/p/Admin iam:ResourceTag/Team=blue"}},
		{"GetUser", &iamapi.GetUserRequest{UserName: new("none")},
			[]string{"iam:GetUser arn:aws:iam::111122223333:user/none"}},
		{"CreateUser", &iamapi.CreateUserRequest{UserName: "n", Path: new("/q/"), PermissionsBoundary: new("b"), Tags: []iamapi.Tag{{Key: "k"}}},
			[]string{"iam:CreateUser arn:aws:iam::111122223333:user/q/n iam:PermissionsBoundary=b", "iam:TagUser arn:aws:iam::111122223333:user/q/n iam:PermissionsBoundary=b"}},
		{"UpdateUser", &iamapi.UpdateUserRequest{UserName: "admin", NewUserName: new("m")},
			[]string{"iam:UpdateUser arn:aws:iam::111122223333:user/p/Admin iam:ResourceTag/Team=blue", "iam:UpdateUser arn:aws:iam::111122223333:user/p/m iam:ResourceTag/Team=blue"}},
		{"DeleteUserPermissionsBoundary", &iamapi.DeleteUserPermissionsBoundaryRequest{UserName: "admin"},
			[]string{"iam:DeleteUserPermissionsBoundary arn:aws:iam::111122223333:user/p/Admin iam:ResourceTag/Team=blue iam:PermissionsBoundary=arn:aws:iam::aws:policy/ReadOnlyAccess"}},
		{"PutUserPermissionsBoundary", &iamapi.PutUserPermissionsBoundaryRequest{UserName: "admin", PermissionsBoundary: "new"},
			[]string{"iam:PutUserPermissionsBoundary arn:aws:iam::111122223333:user/p/Admin iam:ResourceTag/Team=blue iam:PermissionsBoundary=new"}},
		{"UntagUser", &iamapi.UntagUserRequest{UserName: "admin", TagKeys: []string{"a", "b"}},
			[]string{"iam:UntagUser arn:aws:iam::111122223333:user/p/Admin iam:ResourceTag/Team=blue aws:TagKeys=a,b"}},
		{"ListUsers", &iamapi.ListUsersRequest{}, []string{"iam:ListUsers arn:aws:iam::111122223333:user/"}},
		{"CreateAccessKey", &iamapi.CreateAccessKeyRequest{}, []string{"iam:CreateAccessKey arn:aws:iam::111122223333:root"}},
	} {
		f.touches(f.root, c.operation, c.in, c.want...)
	}
}

// touches checks what a call touches: "action resource key=value…" each.
func (f *fixture) touches(ctx context.Context, operation string, in any, want ...string) {
	f.t.Helper()
	touches := must(f.Rules()[operation].Touches(ctx, in))(f.t)
	var got []string
	for _, touch := range touches {
		got = append(got, describe(touch))
	}
	if !slices.Equal(got, want) {
		f.t.Errorf("%s:\ngot  %q\nwant %q", operation, got, want)
	}
}

func describe(touch policy.Touch) string {
	s := touch.Action + " " + touch.Resource
	for _, k := range touch.Keys {
		s += " " + k.Key + "=" + strings.Join(k.Values, ",")
	}
	return s
}

// Of many calls that make one user one succeeds, and the counter agrees with
// the records.
func TestCreateUserAtOnce(t *testing.T) {
	f := newFixture(t)
	var made atomic.Int32
	var calls sync.WaitGroup
	for i := range 40 {
		calls.Go(func() {
			if _, err := f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: fmt.Sprint("u", i%4)}); err == nil {
				made.Add(1)
			}
		})
	}
	calls.Wait()
	if n := must(f.countsOf(t.Context(), f.Store, testAccount))(t); made.Load() != 4 || n.Users != 4 {
		t.Errorf("made %d, counted %d, want 4", made.Load(), n.Users)
	}
}

func FuzzMarker(f *testing.F) {
	f.Add("dTE=")
	f.Add(*markerFor("User/u1"))
	fix := newFixture(f)
	must(fix.CreateUser(fix.root, &iamapi.CreateUserRequest{UserName: "mine"}))(f)
	must(fix.CreateUser(fix.other, &iamapi.CreateUserRequest{UserName: "theirs"}))(f)
	f.Fuzz(func(t *testing.T, marker string) {
		out, err := fix.ListUsers(fix.root, &iamapi.ListUsersRequest{Marker: &marker})
		if err == nil && (len(out.Users) > 1 || len(out.Users) == 1 && out.Users[0].UserName != "mine") {
			t.Errorf("marker %q shows %+v", marker, out.Users)
		}
		if _, err := fix.GetAccountAuthorizationDetails(fix.root, &iamapi.GetAccountAuthorizationDetailsRequest{Marker: &marker}); err != nil && wire.AsError(err).Fault {
			t.Errorf("marker %q: %v", marker, err)
		}
	})
}
