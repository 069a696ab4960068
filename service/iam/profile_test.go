package iam

import (
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
)

func TestInstanceProfiles(t *testing.T) {
	f := newFixture(t)
	f.makeRole("Web", "/srv/", trustsEC2)
	f.makeRole("other", "/", trustsEC2)
	p := must(f.CreateInstanceProfile(f.root, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: "Front", Path: new("/srv/"), Tags: []iamapi.Tag{{Key: "a", Value: "1"}}}))(t).InstanceProfile
	if p.Arn != "arn:aws:iam::"+testAccount+":instance-profile/srv/Front" || !strings.HasPrefix(p.InstanceProfileId, "AIPA") || len(p.Roles) != 0 || len(p.Tags) != 1 {
		t.Errorf("created %+v", p)
	}
	fails(f.CreateInstanceProfile(f.root, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: "FRONT"}))(
		t, "EntityAlreadyExists", "Instance Profile FRONT already exists.")
	add := &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: "front", RoleName: "web"}
	must(f.AddRoleToInstanceProfile(f.root, add))(t)
	fails(f.AddRoleToInstanceProfile(f.root, &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: "front", RoleName: "other"}))(
		t, "LimitExceeded", "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
	fails(f.AddRoleToInstanceProfile(f.root, &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: "front", RoleName: "absent"}))(
		t, "NoSuchEntity", "The role with name absent cannot be found.")
	got := must(f.GetInstanceProfile(f.root, &iamapi.GetInstanceProfileRequest{InstanceProfileName: "front"}))(t).InstanceProfile
	if len(got.Roles) != 1 || got.Roles[0].RoleName != "Web" || decoded(t, *got.Roles[0].AssumeRolePolicyDocument) != trustsEC2 || len(got.Tags) != 1 {
		t.Errorf("got %+v", got)
	}
	must(f.CreateInstanceProfile(f.root, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: "back"}))(t)
	must(f.AddRoleToInstanceProfile(f.root, &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: "back", RoleName: "web"}))(t)
	for marker, want := (*string)(nil), "back Front"; want != ""; {
		out := must(f.ListInstanceProfilesForRole(f.root, &iamapi.ListInstanceProfilesForRoleRequest{RoleName: "WEB", MaxItems: new(int32(1)), Marker: marker}))(t)
		name, rest, _ := strings.Cut(want, " ")
		if len(out.InstanceProfiles) != 1 || out.InstanceProfiles[0].InstanceProfileName != name || *out.IsTruncated != (rest != "") {
			t.Fatalf("page %+v, want %s", out, name)
		}
		marker, want = out.Marker, rest
	}
	listed := must(f.ListInstanceProfiles(f.root, &iamapi.ListInstanceProfilesRequest{PathPrefix: new("/srv/")}))(t).InstanceProfiles
	if len(listed) != 1 || listed[0].Tags != nil || len(listed[0].Roles) != 1 {
		t.Errorf("listed %+v", listed)
	}
	if n := len(must(f.ListInstanceProfiles(f.other, &iamapi.ListInstanceProfilesRequest{}))(t).InstanceProfiles); n != 0 {
		t.Errorf("another account lists %d profiles", n)
	}
	remove := &iamapi.DeleteInstanceProfileRequest{InstanceProfileName: "front"}
	fails(f.DeleteInstanceProfile(f.root, remove))(t, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	fails(f.RemoveRoleFromInstanceProfile(f.root, &iamapi.RemoveRoleFromInstanceProfileRequest{InstanceProfileName: "front", RoleName: "other"}))(
		t, "NoSuchEntity", "The role with name other cannot be found.")
	must(f.RemoveRoleFromInstanceProfile(f.root, &iamapi.RemoveRoleFromInstanceProfileRequest{InstanceProfileName: "front", RoleName: "Web"}))(t)
	must(f.DeleteInstanceProfile(f.root, remove))(t)
	fails(f.GetInstanceProfile(f.root, &iamapi.GetInstanceProfileRequest{InstanceProfileName: "front"}))(
		t, "NoSuchEntity", "Instance Profile front cannot be found.")
	f.Quotas.Profiles = 1
	fails(f.CreateInstanceProfile(f.root, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: "third"}))(
		t, "LimitExceeded", "Cannot exceed quota for InstanceProfilesPerAccount: 1")
}

func TestInstanceProfileTags(t *testing.T) {
	f := newFixture(t)
	must(f.CreateInstanceProfile(f.root, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: "i"}))(t)
	must(f.TagInstanceProfile(f.root, &iamapi.TagInstanceProfileRequest{InstanceProfileName: "i", Tags: []iamapi.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}}))(t)
	must(f.UntagInstanceProfile(f.root, &iamapi.UntagInstanceProfileRequest{InstanceProfileName: "i", TagKeys: []string{"b"}}))(t)
	if tags := must(f.ListInstanceProfileTags(f.root, &iamapi.ListInstanceProfileTagsRequest{InstanceProfileName: "i"}))(t).Tags; len(tags) != 1 || tags[0].Key != "a" {
		t.Errorf("tags %v", tags)
	}
}
