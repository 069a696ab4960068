package iam

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/store"
)

func decoded(t testing.TB, document string) string {
	t.Helper()
	if strings.ContainsAny(document, `+" {`) {
		t.Fatalf("not encoded as RFC 3986 has it: %s", document)
	}
	text, err := url.PathUnescape(document)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const (
	allowAll    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	readOnlyARN = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	adminARN    = "arn:aws:iam::aws:policy/AdministratorAccess"
)

func TestCreateAndGetRole(t *testing.T) {
	f := newFixture(t)
	created := must(f.CreateRole(f.root, &iamapi.CreateRoleRequest{
		RoleName: "Deploy", Path: new("/ops/"), AssumeRolePolicyDocument: trustsEC2, Description: new("deploys"),
		MaxSessionDuration: new(int32(7200)), PermissionsBoundary: new(readOnlyARN), Tags: []iamapi.Tag{{Key: "team", Value: "red"}},
	}))(t).Role
	want := "arn:aws:iam::" + testAccount + ":role/ops/Deploy"
	if created.Arn != want || !strings.HasPrefix(created.RoleId, "AROA") || !created.CreateDate.Equal(f.clock) || len(created.Tags) != 1 {
		t.Errorf("created %+v", created)
	}
	got := must(f.GetRole(f.root, &iamapi.GetRoleRequest{RoleName: "deploy"}))(t).Role
	if got.RoleName != "Deploy" || got.Arn != want || got.RoleId != created.RoleId || *got.Description != "deploys" ||
		*got.MaxSessionDuration != 7200 || *got.PermissionsBoundary.PermissionsBoundaryArn != readOnlyARN ||
		len(got.Tags) != 1 || got.Tags[0] != (iamapi.Tag{Key: "team", Value: "red"}) || f.trust("deploy") != trustsEC2 {
		t.Errorf("got %+v", got)
	}
	if !got.RoleLastUsed.LastUsedDate.IsZero() || got.RoleLastUsed.Region != nil {
		t.Errorf("an unused role was last used %+v", got.RoleLastUsed)
	}
	fails(f.CreateRole(f.root, &iamapi.CreateRoleRequest{RoleName: "DEPLOY", AssumeRolePolicyDocument: trustsEC2}))(
		t, "EntityAlreadyExists", "Role with name DEPLOY already exists.")
	fails(f.GetRole(f.other, &iamapi.GetRoleRequest{RoleName: "Deploy"}))(t, "NoSuchEntity", "The role with name Deploy cannot be found.")
	listed := must(f.ListRoles(f.root, &iamapi.ListRolesRequest{PathPrefix: new("/ops")}))(t).Roles
	if len(listed) != 1 || listed[0].Tags != nil || listed[0].PermissionsBoundary != nil || listed[0].RoleLastUsed != nil || *listed[0].MaxSessionDuration != 7200 {
		t.Errorf("listed %+v", listed)
	}
	if n := len(must(f.ListRoles(f.other, &iamapi.ListRolesRequest{}))(t).Roles); n != 0 {
		t.Errorf("another account lists %d roles", n)
	}
}

func TestRoleRefused(t *testing.T) {
	f := newFixture(t)
	long := strings.Replace(trustsEC2, `"Version"`, strings.Repeat(" ", 5000)+`"Version"`, 1)
	f.makeRole("white", "/", long) // white space does not count
	statement := trustsEC2[strings.Index(trustsEC2, `{"Effect"`):strings.LastIndex(trustsEC2, "]")]
	for _, tc := range []struct {
		in            iamapi.CreateRoleRequest
		code, message string
	}{
		{iamapi.CreateRoleRequest{AssumeRolePolicyDocument: `{`}, "MalformedPolicyDocument", "This policy contains invalid Json"},
		{iamapi.CreateRoleRequest{AssumeRolePolicyDocument: allowAll}, "MalformedPolicyDocument", "Missing required field Principal"},
		{
			iamapi.CreateRoleRequest{AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":[` + strings.Repeat(statement+",", 30) + statement + `]}`},
			"LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048",
		},
		{
			iamapi.CreateRoleRequest{AssumeRolePolicyDocument: trustsEC2, PermissionsBoundary: new("arn:aws:iam::aws:policy/Nonsense")},
			"NoSuchEntity", "Scope ARN: arn:aws:iam::aws:policy/Nonsense does not exist or is not attachable.",
		},
		{
			iamapi.CreateRoleRequest{AssumeRolePolicyDocument: trustsEC2, Path: new("/aws-service-role/x.amazonaws.com/")},
			"InvalidInput", "The path /aws-service-role/x.amazonaws.com/ is reserved for roles that AWS services make.",
		},
		{
			iamapi.CreateRoleRequest{AssumeRolePolicyDocument: trustsEC2, Tags: []iamapi.Tag{{Key: "a"}, {Key: "A"}}},
			"InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
		},
	} {
		tc.in.RoleName = "r"
		fails(f.CreateRole(f.root, &tc.in))(t, tc.code, tc.message)
	}
	f.Quotas.Roles = 1
	fails(f.CreateRole(f.root, &iamapi.CreateRoleRequest{RoleName: "two", AssumeRolePolicyDocument: trustsEC2}))(
		t, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1")
	must(f.DeleteRole(f.root, &iamapi.DeleteRoleRequest{RoleName: "white"}))(t)
	f.makeRole("two", "/", trustsEC2)
}

func TestUpdateRole(t *testing.T) {
	f := newFixture(t)
	f.makeRole("r", "/", trustsEC2)
	must(f.UpdateRole(f.root, &iamapi.UpdateRoleRequest{RoleName: "r", MaxSessionDuration: new(int32(43200))}))(t)
	out := must(f.UpdateRoleDescription(f.root, &iamapi.UpdateRoleDescriptionRequest{RoleName: "r", Description: "new"}))(t)
	if *out.Role.Description != "new" {
		t.Errorf("answer: %+v", out.Role)
	}
	must(f.UpdateRole(f.root, &iamapi.UpdateRoleRequest{RoleName: "r"}))(t) // changes nothing
	got := must(f.GetRole(f.root, &iamapi.GetRoleRequest{RoleName: "r"}))(t).Role
	if *got.Description != "new" || *got.MaxSessionDuration != 43200 {
		t.Errorf("got %+v", got)
	}
	info, err := f.Role(t.Context(), got.Arn)
	if err != nil || info.MaxSession != 12*time.Hour {
		t.Errorf("STS sees %+v, %v", info, err)
	}
}

func TestRoleTagsAndBoundary(t *testing.T) {
	f := newFixture(t)
	f.makeRole("r", "/", trustsEC2)
	must(f.TagRole(f.root, &iamapi.TagRoleRequest{RoleName: "r", Tags: []iamapi.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}, {Key: "c", Value: "3"}}}))(t)
	must(f.TagRole(f.root, &iamapi.TagRoleRequest{RoleName: "r", Tags: []iamapi.Tag{{Key: "B", Value: "4"}}}))(t)
	must(f.UntagRole(f.root, &iamapi.UntagRoleRequest{RoleName: "r", TagKeys: []string{"A", "absent"}}))(t)
	first := must(f.ListRoleTags(f.root, &iamapi.ListRoleTagsRequest{RoleName: "r", MaxItems: new(int32(1))}))(t)
	if len(first.Tags) != 1 || first.Tags[0] != (iamapi.Tag{Key: "B", Value: "4"}) || !*first.IsTruncated {
		t.Fatalf("first page: %+v", first)
	}
	second := must(f.ListRoleTags(f.root, &iamapi.ListRoleTagsRequest{RoleName: "r", Marker: first.Marker}))(t)
	if len(second.Tags) != 1 || second.Tags[0].Key != "c" || *second.IsTruncated {
		t.Errorf("second page: %+v", second)
	}
	must(f.PutRolePermissionsBoundary(f.root, &iamapi.PutRolePermissionsBoundaryRequest{RoleName: "r", PermissionsBoundary: adminARN}))(t)
	if b := must(f.GetRole(f.root, &iamapi.GetRoleRequest{RoleName: "r"}))(t).Role.PermissionsBoundary; b == nil || *b.PermissionsBoundaryArn != adminARN {
		t.Errorf("boundary %+v", b)
	}
	must(f.DeleteRolePermissionsBoundary(f.root, &iamapi.DeleteRolePermissionsBoundaryRequest{RoleName: "r"}))(t)
	if b := must(f.GetRole(f.root, &iamapi.GetRoleRequest{RoleName: "r"}))(t).Role.PermissionsBoundary; b != nil {
		t.Errorf("boundary %+v", b)
	}
}

func TestDeleteRole(t *testing.T) {
	f := newFixture(t)
	f.makeRole("r", "/", trustsEC2)
	remove := &iamapi.DeleteRoleRequest{RoleName: "r"}
	must(f.PutRolePolicy(f.root, &iamapi.PutRolePolicyRequest{RoleName: "r", PolicyName: "p", PolicyDocument: allowAll}))(t)
	must(f.AttachRolePolicy(f.root, &iamapi.AttachRolePolicyRequest{RoleName: "r", PolicyArn: adminARN}))(t)
	must(f.CreateInstanceProfile(f.root, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: "i"}))(t)
	must(f.AddRoleToInstanceProfile(f.root, &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: "i", RoleName: "r"}))(t)
	fails(f.DeleteRole(f.root, remove))(t, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
	must(f.RemoveRoleFromInstanceProfile(f.root, &iamapi.RemoveRoleFromInstanceProfileRequest{InstanceProfileName: "i", RoleName: "r"}))(t)
	fails(f.DeleteRole(f.root, remove))(t, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
	must(f.DetachRolePolicy(f.root, &iamapi.DetachRolePolicyRequest{RoleName: "r", PolicyArn: adminARN}))(t)
	fails(f.DeleteRole(f.root, remove))(t, "DeleteConflict", "Cannot delete entity, must delete policies first.")
	must(f.DeleteRolePolicy(f.root, &iamapi.DeleteRolePolicyRequest{RoleName: "r", PolicyName: "p"}))(t)
	must(f.DeleteRole(f.root, remove))(t)
	fails(f.DeleteRole(f.root, remove))(t, "NoSuchEntity", "The role with name r cannot be found.")
}

func TestRoleLastUsed(t *testing.T) {
	f := newFixture(t)
	f.makeRole("r", "/", trustsEC2)
	get := &iamapi.GetRoleRequest{RoleName: "r"}
	f.Used(must(f.GetRole(f.root, get))(t).Role.RoleId, f.clock, "iam", "eu-west-1")
	if err := f.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	used := must(f.GetRole(f.root, get))(t).Role.RoleLastUsed
	if !used.LastUsedDate.Equal(f.clock) || *used.Region != "eu-west-1" {
		t.Errorf("last used %+v", used)
	}
	f.clock = f.clock.Add(401 * 24 * time.Hour)
	if used := must(f.GetRole(f.root, get))(t).Role.RoleLastUsed; used.Region != nil {
		t.Errorf("beyond the tracking period: last used %+v", used)
	}
}

// TestProtectedRole: roles that belong to AWS can be looked at, tagged and
// described, but not changed.
func TestProtectedRole(t *testing.T) {
	f := newFixture(t)
	ro := &role{holder: holder{Account: testAccount, Name: "AWSServiceRoleForX", Path: "/aws-service-role/x.amazonaws.com/", ID: newID(rolePrefix)}, Trust: trustsEC2}
	if _, err := f.Store.Update(t.Context(), func(tx store.Tx) error {
		return f.roles.Insert(t.Context(), tx, recordID(testAccount, ro.Name), ro)
	}); err != nil {
		t.Fatal(err)
	}
	must(f.GetRole(f.root, &iamapi.GetRoleRequest{RoleName: ro.Name}))(t)
	must(f.TagRole(f.root, &iamapi.TagRoleRequest{RoleName: ro.Name, Tags: []iamapi.Tag{{Key: "a"}}}))(t)
	must(f.UpdateRoleDescription(f.root, &iamapi.UpdateRoleDescriptionRequest{RoleName: ro.Name, Description: "d"}))(t)
	must(f.CreateInstanceProfile(f.root, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: "i"}))(t)
	const message = "Cannot perform the operation on the protected role 'AWSServiceRoleForX' - this role is only modifiable by AWS"
	refused := func(err error) {
		t.Helper()
		fails[any](nil, err)(t, "UnmodifiableEntity", message)
	}
	var err error
	_, err = f.DeleteRole(f.root, &iamapi.DeleteRoleRequest{RoleName: ro.Name})
	refused(err)
	_, err = f.UpdateRole(f.root, &iamapi.UpdateRoleRequest{RoleName: ro.Name, MaxSessionDuration: new(int32(3600))})
	refused(err)
	_, err = f.UpdateAssumeRolePolicy(f.root, &iamapi.UpdateAssumeRolePolicyRequest{RoleName: ro.Name, PolicyDocument: trustsEC2})
	refused(err)
	_, err = f.AttachRolePolicy(f.root, &iamapi.AttachRolePolicyRequest{RoleName: ro.Name, PolicyArn: adminARN})
	refused(err)
	_, err = f.PutRolePolicy(f.root, &iamapi.PutRolePolicyRequest{RoleName: ro.Name, PolicyName: "p", PolicyDocument: allowAll})
	refused(err)
	_, err = f.PutRolePermissionsBoundary(f.root, &iamapi.PutRolePermissionsBoundaryRequest{RoleName: ro.Name, PermissionsBoundary: adminARN})
	refused(err)
	_, err = f.AddRoleToInstanceProfile(f.root, &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: "i", RoleName: ro.Name})
	refused(err)
}

func TestListRolesPages(t *testing.T) {
	f := newFixture(t)
	for i := range 7 {
		f.makeRole(fmt.Sprintf("r%d", i), []string{"/a/", "/b/"}[i%2], trustsEC2)
	}
	var names []string
	in := &iamapi.ListRolesRequest{PathPrefix: new("/a/"), MaxItems: new(int32(3))}
	for {
		out := must(f.ListRoles(f.root, in))(t)
		for _, r := range out.Roles {
			names = append(names, r.RoleName)
		}
		if in.Marker = out.Marker; !*out.IsTruncated {
			break
		}
	}
	if got := strings.Join(names, " "); got != "r0 r2 r4 r6" {
		t.Errorf("pages: %s", got)
	}
}

func BenchmarkGetRole(b *testing.B) {
	f := newFixture(b)
	f.makeRole("r", "/", trusting(f.makeUser("alice", "/")))
	in := &iamapi.GetRoleRequest{RoleName: "r"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.GetRole(f.root, in); err != nil {
			b.Fatal(err)
		}
	}
}
