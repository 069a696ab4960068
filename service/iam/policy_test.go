package iam

import (
	"fmt"
	"strings"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
)

func (f *fixture) makePolicy(name, path, document string) string {
	f.t.Helper()
	return *must(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{PolicyName: name, Path: &path, PolicyDocument: document}))(f.t).Policy.Arn
}

func TestCreateAndGetPolicy(t *testing.T) {
	f := newFixture(t)
	created := must(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{
		PolicyName: "Limits", Path: new("/a/"), PolicyDocument: allowAll, Description: new("text"), Tags: []iamapi.Tag{{Key: "k", Value: "v"}},
	}))(t).Policy
	if *created.Arn != "arn:aws:iam::"+testAccount+":policy/a/Limits" || !strings.HasPrefix(*created.PolicyId, "ANPA") || *created.DefaultVersionId != "v1" ||
		*created.AttachmentCount != 0 || *created.PermissionsBoundaryUsageCount != 0 || !*created.IsAttachable || created.Description != nil || len(created.Tags) != 1 {
		t.Errorf("created %+v", created)
	}
	got := must(f.GetPolicy(f.root, &iamapi.GetPolicyRequest{PolicyArn: *created.Arn}))(t).Policy
	if *got.Description != "text" || len(got.Tags) != 1 || *got.PolicyId != *created.PolicyId || !got.UpdateDate.Equal(f.clock) {
		t.Errorf("got %+v", got)
	}
	fails(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{PolicyName: "limits", PolicyDocument: allowAll}))(
		t, "EntityAlreadyExists", "A policy called limits already exists. Duplicate names are not allowed.")
	fails(f.GetPolicy(f.other, &iamapi.GetPolicyRequest{PolicyArn: *created.Arn}))(t, "NoSuchEntity", "Policy "+*created.Arn+" was not found.")
	fails(f.GetPolicy(f.root, &iamapi.GetPolicyRequest{PolicyArn: "arn:aws:iam::" + testAccount + ":policy/Limits"}))(
		t, "NoSuchEntity", "Policy arn:aws:iam::"+testAccount+":policy/Limits was not found.")
	fails(f.GetPolicy(f.root, &iamapi.GetPolicyRequest{PolicyArn: "no ARN but long enough"}))(t, "ValidationError", "Invalid ARN:  Could not be parsed!")
	user := "arn:aws:iam::" + testAccount + ":user/alice"
	fails(f.GetPolicy(f.root, &iamapi.GetPolicyRequest{PolicyArn: user}))(t, "InvalidInput", "ARN "+user+" is not valid.")
}

func TestPolicyRefused(t *testing.T) {
	f := newFixture(t)
	long := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + strings.Repeat("x", 6100) + `"}]}`
	for _, tc := range []struct{ document, code, message string }{
		{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, "MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater."},
		{trustsEC2, "MalformedPolicyDocument", "Policy document should not specify a principal."},
		{`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*"}]}`, "MalformedPolicyDocument", "Policy statement must contain resources."},
		{`x`, "MalformedPolicyDocument", "Syntax errors in policy."},
		{long, "LimitExceeded", "Cannot exceed quota for PolicySize: 6144"},
	} {
		fails(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{PolicyName: "p", PolicyDocument: tc.document}))(t, tc.code, tc.message)
	}
	f.makePolicy("white", "/", strings.Repeat(" \n\t", 3000)+allowAll)
	f.Quotas.Policies = 1
	fails(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{PolicyName: "p", PolicyDocument: allowAll}))(
		t, "LimitExceeded", "Cannot exceed quota for PoliciesPerAccount: 1")
}

func TestPolicyVersions(t *testing.T) {
	f := newFixture(t)
	arn := f.makePolicy("p", "/", allowAll)
	const denyAll = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	f.makeUser("alice", "/")
	must(f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: "alice", PolicyArn: arn}))(t)
	may := func() bool { return f.allowed(f.asUser("alice"), "ListRoles", &iamapi.ListRolesRequest{}) }
	if !may() {
		t.Fatal("v1 does not allow")
	}
	f.clock = f.clock.Add(time.Hour)
	for i := 2; i <= 5; i++ {
		v := must(f.CreatePolicyVersion(f.root, &iamapi.CreatePolicyVersionRequest{PolicyArn: arn, PolicyDocument: denyAll}))(t).PolicyVersion
		if *v.VersionId != fmt.Sprintf("v%d", i) || *v.IsDefaultVersion || v.Document != nil {
			t.Errorf("version %+v", v)
		}
	}
	fails(f.CreatePolicyVersion(f.root, &iamapi.CreatePolicyVersionRequest{PolicyArn: arn, PolicyDocument: denyAll}))(
		t, "LimitExceeded", "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.")
	if !may() {
		t.Error("a version that is not the default counts")
	}
	must(f.SetDefaultPolicyVersion(f.root, &iamapi.SetDefaultPolicyVersionRequest{PolicyArn: arn, VersionId: "v3"}))(t)
	if may() {
		t.Error("the default version does not count")
	}
	fails(f.DeletePolicyVersion(f.root, &iamapi.DeletePolicyVersionRequest{PolicyArn: arn, VersionId: "v3"}))(
		t, "DeleteConflict", "Cannot delete the default version of a policy.")
	must(f.DeletePolicyVersion(f.root, &iamapi.DeletePolicyVersionRequest{PolicyArn: arn, VersionId: "v5"}))(t)
	fails(f.DeletePolicyVersion(f.root, &iamapi.DeletePolicyVersionRequest{PolicyArn: arn, VersionId: "v5"}))(
		t, "NoSuchEntity", "Policy "+arn+" version v5 does not exist or is not attachable.")
	next := must(f.CreatePolicyVersion(f.root, &iamapi.CreatePolicyVersionRequest{PolicyArn: arn, PolicyDocument: allowAll, SetAsDefault: new(true)}))(t).PolicyVersion
	if *next.VersionId != "v6" || !*next.IsDefaultVersion || !may() {
		t.Errorf("version %+v", next)
	}
	var ids []string
	in := &iamapi.ListPolicyVersionsRequest{PolicyArn: arn, MaxItems: new(int32(2))}
	for {
		out := must(f.ListPolicyVersions(f.root, in))(t)
		for _, v := range out.Versions {
			ids = append(ids, *v.VersionId)
		}
		if in.Marker = out.Marker; !*out.IsTruncated {
			break
		}
	}
	if got := strings.Join(ids, " "); got != "v6 v4 v3 v2 v1" {
		t.Errorf("versions %s", got)
	}
	v := must(f.GetPolicyVersion(f.root, &iamapi.GetPolicyVersionRequest{PolicyArn: arn, VersionId: "v2"}))(t).PolicyVersion
	if decoded(t, *v.Document) != denyAll || *v.IsDefaultVersion || !v.CreateDate.Equal(f.clock) {
		t.Errorf("v2 is %+v", v)
	}
}

func TestDeletePolicy(t *testing.T) {
	f := newFixture(t)
	arn := f.makePolicy("p", "/", allowAll)
	remove := &iamapi.DeletePolicyRequest{PolicyArn: arn}
	f.makeRole("r", "/", trustsEC2)
	must(f.PutRolePermissionsBoundary(f.root, &iamapi.PutRolePermissionsBoundaryRequest{RoleName: "r", PermissionsBoundary: arn}))(t)
	fails(f.DeletePolicy(f.root, remove))(t, "DeleteConflict", "Cannot delete a policy attached to entities.")
	must(f.DeleteRolePermissionsBoundary(f.root, &iamapi.DeleteRolePermissionsBoundaryRequest{RoleName: "r"}))(t)
	must(f.AttachRolePolicy(f.root, &iamapi.AttachRolePolicyRequest{RoleName: "r", PolicyArn: arn}))(t)
	fails(f.DeletePolicy(f.root, remove))(t, "DeleteConflict", "Cannot delete a policy attached to entities.")
	must(f.DetachRolePolicy(f.root, &iamapi.DetachRolePolicyRequest{RoleName: "r", PolicyArn: arn}))(t)
	must(f.CreatePolicyVersion(f.root, &iamapi.CreatePolicyVersionRequest{PolicyArn: arn, PolicyDocument: allowAll}))(t)
	fails(f.DeletePolicy(f.root, remove))(t, "DeleteConflict",
		"This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
	must(f.DeletePolicyVersion(f.root, &iamapi.DeletePolicyVersionRequest{PolicyArn: arn, VersionId: "v2"}))(t)
	fails(f.DeletePolicy(f.other, remove))(t, "NoSuchEntity", "Policy "+arn+" was not found.")
	must(f.DeletePolicy(f.root, remove))(t)
	fails(f.DeletePolicy(f.root, remove))(t, "NoSuchEntity", "Policy "+arn+" was not found.")
}

func TestManagedPolicies(t *testing.T) {
	f := newFixture(t)
	f.makeUser("alice", "/")
	must(f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: "alice", PolicyArn: adminARN}))(t)
	p := must(f.GetPolicy(f.root, &iamapi.GetPolicyRequest{PolicyArn: adminARN}))(t).Policy
	if *p.AttachmentCount != 1 || *p.PolicyName != "AdministratorAccess" {
		t.Errorf("got %+v", p)
	}
	if n := *must(f.GetPolicy(f.other, &iamapi.GetPolicyRequest{PolicyArn: adminARN}))(t).Policy.AttachmentCount; n != 0 {
		t.Errorf("another account sees %d attachments", n)
	}
	v := must(f.GetPolicyVersion(f.root, &iamapi.GetPolicyVersionRequest{PolicyArn: adminARN, VersionId: *p.DefaultVersionId}))(t).PolicyVersion
	if decoded(t, *v.Document) != allowAll {
		t.Errorf("document %s", *v.Document)
	}
	for _, operation := range []string{"DeletePolicy", "TagPolicy", "CreatePolicyVersion", "GetPolicy", "ListPolicyTags"} {
		in := map[string]any{
			"DeletePolicy": &iamapi.DeletePolicyRequest{PolicyArn: adminARN}, "TagPolicy": &iamapi.TagPolicyRequest{PolicyArn: adminARN},
			"CreatePolicyVersion": &iamapi.CreatePolicyVersionRequest{PolicyArn: adminARN}, "GetPolicy": &iamapi.GetPolicyRequest{PolicyArn: adminARN},
			"ListPolicyTags": &iamapi.ListPolicyTagsRequest{PolicyArn: adminARN},
		}[operation]
		reads := operation == "GetPolicy" || operation == "ListPolicyTags"
		if f.allowed(f.asUser("alice"), operation, in) != reads {
			t.Errorf("%s of AWS's policy by an administrator: allowed = %v", operation, !reads)
		}
	}
	fails(f.DeletePolicy(f.root, &iamapi.DeletePolicyRequest{PolicyArn: adminARN}))(t, "NoSuchEntity", "Policy "+adminARN+" was not found.")
}

func TestListPolicies(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{"Zeta", "alpha", "Beta"} {
		f.makePolicy(name, "/own/", allowAll)
	}
	beta := "arn:aws:iam::" + testAccount + ":policy/own/Beta"
	f.makeUser("alice", "/")
	f.makeRole("r", "/", trustsEC2)
	must(f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: "alice", PolicyArn: adminARN}))(t)
	must(f.AttachRolePolicy(f.root, &iamapi.AttachRolePolicyRequest{RoleName: "r", PolicyArn: beta}))(t)
	must(f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: "alice", PolicyArn: beta}))(t)
	must(f.PutRolePermissionsBoundary(f.root, &iamapi.PutRolePermissionsBoundaryRequest{RoleName: "r", PermissionsBoundary: readOnlyARN}))(t)
	for _, tc := range []struct {
		in   iamapi.ListPoliciesRequest
		want string
	}{
		{iamapi.ListPoliciesRequest{Scope: iamapi.PolicyScopeType_Local}, "alpha:0:0 Beta:2:0 Zeta:0:0"},
		{iamapi.ListPoliciesRequest{OnlyAttached: new(true)}, "Beta:2:0 AdministratorAccess:1:0"},
		{iamapi.ListPoliciesRequest{OnlyAttached: new(true), Scope: iamapi.PolicyScopeType_AWS}, "AdministratorAccess:1:0"},
		{iamapi.ListPoliciesRequest{PolicyUsageFilter: asPermissions}, "Beta:2:0 AdministratorAccess:1:0"},
		{iamapi.ListPoliciesRequest{PolicyUsageFilter: asBoundary}, "ReadOnlyAccess:0:1"},
		{iamapi.ListPoliciesRequest{PathPrefix: new("/own/"), OnlyAttached: new(false)}, "alpha:0:0 Beta:2:0 Zeta:0:0"},
	} {
		if got := listed(must(f.ListPolicies(f.root, &tc.in))(t)); got != tc.want {
			t.Errorf("%+v: %s", tc.in, got)
		}
	}
	// Pages of every size have each policy once, in one order.
	all := listed(must(f.ListPolicies(f.root, &iamapi.ListPoliciesRequest{MaxItems: new(int32(1000))}))(t))
	for _, size := range []int32{1, 2, 3, 4, 7} {
		in := &iamapi.ListPoliciesRequest{MaxItems: &size}
		var pages []string
		for range 12 {
			out := must(f.ListPolicies(f.root, in))(t)
			if len(out.Policies) != int(size) || !*out.IsTruncated {
				t.Fatalf("a page of %d, want %d", len(out.Policies), size)
			}
			pages, in.Marker = append(pages, listed(out)), out.Marker
		}
		if got := strings.Join(pages, " "); !strings.HasPrefix(all, got+" ") {
			t.Errorf("pages of %d: %s", size, got)
		}
	}
	total, in := 0, &iamapi.ListPoliciesRequest{MaxItems: new(int32(1000))}
	for {
		out := must(f.ListPolicies(f.root, in))(t)
		if total, in.Marker = total+len(out.Policies), out.Marker; !*out.IsTruncated {
			break
		}
	}
	if want := 3 + len(f.Managed.Policies()); total != want {
		t.Errorf("%d policies, want %d", total, want)
	}
}

// listed is a page as name:attachments:boundaries.
func listed(out *iamapi.ListPoliciesResponse) string {
	var list []string
	for _, p := range out.Policies {
		list = append(list, fmt.Sprintf("%s:%d:%d", *p.PolicyName, *p.AttachmentCount, *p.PermissionsBoundaryUsageCount))
	}
	return strings.Join(list, " ")
}

func TestPolicyTags(t *testing.T) {
	f := newFixture(t)
	arn := f.makePolicy("p", "/", allowAll)
	must(f.TagPolicy(f.root, &iamapi.TagPolicyRequest{PolicyArn: arn, Tags: []iamapi.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}}))(t)
	must(f.UntagPolicy(f.root, &iamapi.UntagPolicyRequest{PolicyArn: arn, TagKeys: []string{"a"}}))(t)
	if tags := must(f.ListPolicyTags(f.root, &iamapi.ListPolicyTagsRequest{PolicyArn: arn}))(t).Tags; len(tags) != 1 || tags[0].Key != "b" {
		t.Errorf("tags %v", tags)
	}
	if tags := must(f.ListPolicyTags(f.root, &iamapi.ListPolicyTagsRequest{PolicyArn: adminARN}))(t).Tags; len(tags) != 0 {
		t.Errorf("AWS's policy has the tags %v", tags)
	}
}

func TestListEntitiesForPolicy(t *testing.T) {
	f := newFixture(t)
	arn := f.makePolicy("p", "/", allowAll)
	f.makeUser("alice", "/dev/")
	f.makeUser("bob", "/")
	f.makeRole("r", "/dev/", trustsEC2)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "g"}))(t)
	must(f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: "alice", PolicyArn: arn}))(t)
	must(f.AttachGroupPolicy(f.root, &iamapi.AttachGroupPolicyRequest{GroupName: "g", PolicyArn: arn}))(t)
	must(f.AttachRolePolicy(f.root, &iamapi.AttachRolePolicyRequest{RoleName: "r", PolicyArn: arn}))(t)
	must(f.PutUserPermissionsBoundary(f.root, &iamapi.PutUserPermissionsBoundaryRequest{UserName: "alice", PermissionsBoundary: arn}))(t)
	must(f.PutUserPermissionsBoundary(f.root, &iamapi.PutUserPermissionsBoundaryRequest{UserName: "bob", PermissionsBoundary: arn}))(t)
	for _, tc := range []struct {
		in   iamapi.ListEntitiesForPolicyRequest
		want string
	}{
		{iamapi.ListEntitiesForPolicyRequest{}, "g r alice bob"},
		{iamapi.ListEntitiesForPolicyRequest{EntityFilter: iamapi.EntityType_User}, "alice bob"},
		{iamapi.ListEntitiesForPolicyRequest{EntityFilter: iamapi.EntityType_LocalManagedPolicy}, ""},
		{iamapi.ListEntitiesForPolicyRequest{PolicyUsageFilter: asPermissions}, "g r alice"},
		{iamapi.ListEntitiesForPolicyRequest{PolicyUsageFilter: asBoundary}, "alice bob"},
		{iamapi.ListEntitiesForPolicyRequest{PathPrefix: new("/dev/")}, "r alice"},
	} {
		for _, size := range []int32{1, 2, 100} {
			tc.in.PolicyArn, tc.in.MaxItems, tc.in.Marker = arn, &size, nil
			var names []string
			for {
				out := must(f.ListEntitiesForPolicy(f.root, &tc.in))(t)
				for _, v := range out.PolicyGroups {
					names = append(names, *v.GroupName)
				}
				for _, v := range out.PolicyRoles {
					names = append(names, *v.RoleName)
				}
				for _, v := range out.PolicyUsers {
					names = append(names, *v.UserName)
				}
				if tc.in.Marker = out.Marker; !*out.IsTruncated {
					break
				}
			}
			if got := strings.Join(names, " "); got != tc.want {
				t.Errorf("%+v in pages of %d: %s", tc.in, size, got)
			}
		}
	}
	fails(f.ListEntitiesForPolicy(f.other, &iamapi.ListEntitiesForPolicyRequest{PolicyArn: arn}))(t, "NoSuchEntity", "Policy "+arn+" was not found.")
}

func TestListPoliciesGrantingServiceAccess(t *testing.T) {
	f := newFixture(t)
	user := f.makeUser("alice", "/")
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "g"}))(t)
	must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{GroupName: "g", UserName: "alice"}))(t)
	allow := func(what string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + what + `,"Resource":"*"}]}`
	}
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "alice", PolicyName: "own", PolicyDocument: allow(`"Action":["S3:Get*"]`)}))(t)
	must(f.PutGroupPolicy(f.root, &iamapi.PutGroupPolicyRequest{GroupName: "g", PolicyName: "notiam", PolicyDocument: allow(`"NotAction":["iam:*","s3:GetObject"]`)}))(t)
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "alice", PolicyName: "deny", PolicyDocument: strings.Replace(allowAll, "Allow", "Deny", 1)}))(t)
	must(f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: "alice", PolicyArn: adminARN}))(t)
	namespaces := []string{"s3", "iam"}
	for i := range 150 {
		namespaces = append(namespaces, fmt.Sprintf("svc%d", i))
	}
	in := &iamapi.ListPoliciesGrantingServiceAccessRequest{Arn: user, ServiceNamespaces: namespaces}
	first := must(f.ListPoliciesGrantingServiceAccess(f.root, in))(t)
	for i, want := range []string{"own:INLINE:USER:alice AdministratorAccess:MANAGED notiam:INLINE:GROUP:g", "AdministratorAccess:MANAGED"} {
		var got []string
		for _, p := range first.PoliciesGrantingServiceAccess[i].Policies {
			text := p.PolicyName + ":" + string(p.PolicyType)
			if p.EntityName != nil {
				text += ":" + string(p.EntityType) + ":" + *p.EntityName
			}
			got = append(got, text)
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%s: %s", namespaces[i], got)
		}
	}
	in.Marker = first.Marker
	second := must(f.ListPoliciesGrantingServiceAccess(f.root, in))(t)
	if n := len(first.PoliciesGrantingServiceAccess) + len(second.PoliciesGrantingServiceAccess); n != 152 || *second.IsTruncated {
		t.Errorf("%d entries on two pages", n)
	}
	fails(f.ListPoliciesGrantingServiceAccess(f.other, &iamapi.ListPoliciesGrantingServiceAccessRequest{Arn: user, ServiceNamespaces: []string{"s3"}}))(
		t, "NoSuchEntity", "ARN "+user+" was not found.")
	fails(f.ListPoliciesGrantingServiceAccess(f.root, &iamapi.ListPoliciesGrantingServiceAccessRequest{Arn: adminARN, ServiceNamespaces: []string{"s3"}}))(
		t, "InvalidInput", "ARN "+adminARN+" is not valid.")
}

func BenchmarkListPolicies(b *testing.B) {
	f := newFixture(b)
	f.Quotas.Policies = 1000
	for i := range 1000 {
		arn := f.makePolicy(fmt.Sprintf("p%d", i), "/", allowAll)
		name := fmt.Sprintf("u%d", i)
		f.makeUser(name, "/")
		must(f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: name, PolicyArn: arn}))(b)
	}
	in := &iamapi.ListPoliciesRequest{OnlyAttached: new(true)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.ListPolicies(f.root, in); err != nil {
			b.Fatal(err)
		}
	}
}
