package iam

import (
	"slices"
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
)

// credential is what the gateway is told of an access key.
func (f *fixture) credential(id string) *Credential {
	f.t.Helper()
	c, err := f.Credential(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// Whatever happens to a key or its user holds for the next call, although the
// gateway's answers are cached.
func TestAccessKeyFollows(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	k := must(f.CreateAccessKey(f.root, &iamapi.CreateAccessKeyRequest{UserName: new("u")}))(t).AccessKey
	if !strings.HasPrefix(k.AccessKeyId, "AKIA") || len(k.AccessKeyId) != 20 || len(k.SecretAccessKey) != 40 || k.UserName != "u" || k.Status != "Active" {
		t.Errorf("got %+v", k)
	}
	c := f.credential(k.AccessKeyId)
	if c == nil || c.Secret != k.SecretAccessKey || c.Identity.ARN != "arn:aws:iam::111122223333:user/u" || c.Identity.AccessKey != k.AccessKeyId || c.Identity.Kind != caller.User {
		t.Fatalf("got %+v", c)
	}
	user := c.Identity.ID

	must(f.UpdateUser(f.root, &iamapi.UpdateUserRequest{UserName: "u", NewUserName: new("W"), NewPath: new("/p/")}))(t)
	if c = f.credential(k.AccessKeyId); c == nil || c.Identity.ARN != "arn:aws:iam::111122223333:user/p/W" || c.Identity.Name != "W" || c.Identity.ID != user {
		t.Errorf("after the user was renamed: %+v", c)
	}
	if standing := must(f.Standing(t.Context(), user))(t); standing.Principal.ARN != "arn:aws:iam::111122223333:user/p/W" {
		t.Errorf("after the user was renamed it stands as %s", standing.Principal.ARN)
	}
	// A new user of the old name has nothing of the old one.
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	if keys := must(f.ListAccessKeys(f.root, &iamapi.ListAccessKeysRequest{UserName: new("u")}))(t).AccessKeyMetadata; len(keys) != 0 {
		t.Errorf("the new user has %+v", keys)
	}
	fails(f.DeleteAccessKey(f.root, &iamapi.DeleteAccessKeyRequest{UserName: new("u"), AccessKeyId: k.AccessKeyId}))(t,
		"NoSuchEntity", "The Access Key with id "+k.AccessKeyId+" cannot be found.")

	status := func(s iamapi.StatusType) *iamapi.UpdateAccessKeyRequest {
		return &iamapi.UpdateAccessKeyRequest{UserName: new("w"), AccessKeyId: k.AccessKeyId, Status: s}
	}
	must(f.UpdateAccessKey(f.root, status("Inactive")))(t)
	if f.credential(k.AccessKeyId) != nil {
		t.Error("an inactive key works")
	}
	must(f.UpdateAccessKey(f.root, status("Active")))(t)
	if f.credential(k.AccessKeyId) == nil {
		t.Error("a key that is active again does not work")
	}
	must(f.DeleteAccessKey(f.root, &iamapi.DeleteAccessKeyRequest{UserName: new("w"), AccessKeyId: k.AccessKeyId}))(t)
	if f.credential(k.AccessKeyId) != nil {
		t.Error("a deleted key works")
	}
	must(f.DeleteUser(f.root, &iamapi.DeleteUserRequest{UserName: "w"}))(t)
	if standing := must(f.Standing(t.Context(), user))(t); standing != nil {
		t.Error("a deleted user has a standing")
	}
}

func TestAccessKeyOwner(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	mine := must(f.CreateAccessKey(f.asUser("u"), &iamapi.CreateAccessKeyRequest{}))(t).AccessKey
	second := must(f.CreateAccessKey(f.asUser("u"), &iamapi.CreateAccessKeyRequest{}))(t).AccessKey
	fails(f.CreateAccessKey(f.root, &iamapi.CreateAccessKeyRequest{UserName: new("U")}))(t, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
	one := must(f.ListAccessKeys(f.asUser("u"), &iamapi.ListAccessKeysRequest{MaxItems: new(int32(1))}))(t)
	two := must(f.ListAccessKeys(f.asUser("u"), &iamapi.ListAccessKeysRequest{Marker: one.Marker}))(t)
	var got []string
	for _, m := range append(one.AccessKeyMetadata, two.AccessKeyMetadata...) {
		got = append(got, *m.AccessKeyId)
	}
	want := []string{mine.AccessKeyId, second.AccessKeyId}
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	role := f.as(caller.Identity{Kind: caller.Role, Account: testAccount, ID: "AROAX:s"})
	fails(f.CreateAccessKey(role, &iamapi.CreateAccessKeyRequest{}))(t, "ValidationError", "Must specify userName when calling with non-User credentials")
	fails(f.ListAccessKeys(f.other, &iamapi.ListAccessKeysRequest{UserName: new("u")}))(t, "NoSuchEntity", "The user with name u cannot be found.")
	fails(f.UpdateAccessKey(f.root, &iamapi.UpdateAccessKeyRequest{UserName: new("u"), AccessKeyId: mine.AccessKeyId, Status: "Expired"}))(t,
		"InvalidInput", "Access keys cannot be set to Expired.")
}

// The root user's keys are made, listed and deleted by the root user alone.
func TestRootAccessKey(t *testing.T) {
	f := newFixture(t)
	k := must(f.CreateAccessKey(f.root, &iamapi.CreateAccessKeyRequest{}))(t).AccessKey
	if c := f.credential(k.AccessKeyId); c == nil || c.Identity.Kind != caller.Root || c.Identity.ARN != "arn:aws:iam::111122223333:root" {
		t.Errorf("got %+v", c)
	}
	if keys := must(f.ListAccessKeys(f.root, &iamapi.ListAccessKeysRequest{}))(t).AccessKeyMetadata; len(keys) != 2 || keys[0].UserName != nil {
		t.Errorf("got %+v", keys)
	}
	fails(f.DeleteAccessKey(f.other, &iamapi.DeleteAccessKeyRequest{AccessKeyId: k.AccessKeyId}))(t,
		"NoSuchEntity", "The Access Key with id "+k.AccessKeyId+" cannot be found.")
	must(f.DeleteAccessKey(f.root, &iamapi.DeleteAccessKeyRequest{AccessKeyId: k.AccessKeyId}))(t)
	if f.credential(k.AccessKeyId) != nil {
		t.Error("a deleted key works")
	}
}

func TestAccessKeyLastUsed(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	k := must(f.CreateAccessKey(f.root, &iamapi.CreateAccessKeyRequest{UserName: new("u")}))(t).AccessKey
	in := &iamapi.GetAccessKeyLastUsedRequest{AccessKeyId: k.AccessKeyId}
	got := must(f.GetAccessKeyLastUsed(f.root, in))(t)
	if u := got.AccessKeyLastUsed; *got.UserName != "u" || u.ServiceName != "N/A" || u.Region != "N/A" || !u.LastUsedDate.IsZero() {
		t.Errorf("before the first use: %+v", u)
	}
	f.Used(k.AccessKeyId, f.clock, "sts", "eu-west-1")
	for _, when := range []string{"in memory", "after Flush"} {
		if u := must(f.GetAccessKeyLastUsed(f.root, in))(t).AccessKeyLastUsed; u.ServiceName != "sts" || u.Region != "eu-west-1" || u.LastUsedDate != f.clock {
			t.Errorf("%s: %+v", when, u)
		}
		if err := f.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	denied := " is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key " + k.AccessKeyId
	fails(f.GetAccessKeyLastUsed(f.other, in))(t, "AccessDenied", "User: arn:aws:iam::444455556666:root"+denied)
}

func TestAccessKeyTouches(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "Bob", Path: new("/p/")}))(t)
	k := must(f.CreateAccessKey(f.root, &iamapi.CreateAccessKeyRequest{UserName: new("bob")}))(t).AccessKey.AccessKeyId
	const bob = " arn:aws:iam::111122223333:user/p/Bob"
	f.touches(f.asUser("bob"), "CreateAccessKey", &iamapi.CreateAccessKeyRequest{}, "iam:CreateAccessKey"+bob)
	f.touches(f.root, "UpdateAccessKey", &iamapi.UpdateAccessKeyRequest{UserName: new("BOB"), AccessKeyId: k}, "iam:UpdateAccessKey"+bob)
	f.touches(f.root, "DeleteAccessKey", &iamapi.DeleteAccessKeyRequest{UserName: new("BOB"), AccessKeyId: k}, "iam:DeleteAccessKey"+bob)
	f.touches(f.asUser("bob"), "ListAccessKeys", &iamapi.ListAccessKeysRequest{}, "iam:ListAccessKeys"+bob)
	last := &iamapi.GetAccessKeyLastUsedRequest{AccessKeyId: k}
	f.touches(f.root, "GetAccessKeyLastUsed", last, "iam:GetAccessKeyLastUsed"+bob)
	f.touches(f.other, "GetAccessKeyLastUsed", last, "iam:GetAccessKeyLastUsed ") // another account's key is as good as none
}
