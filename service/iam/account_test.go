package iam

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
)

func TestAccountAlias(t *testing.T) {
	f := newFixture(t)
	aliases := func() []string {
		return must(f.ListAccountAliases(f.root, &iamapi.ListAccountAliasesRequest{}))(t).AccountAliases
	}
	if got := aliases(); got == nil || len(got) != 0 {
		t.Errorf("at first: %#v", got)
	}
	must(f.CreateAccountAlias(f.root, &iamapi.CreateAccountAliasRequest{AccountAlias: "first"}))(t)
	const taken = "The account alias first already exists."
	fails(f.CreateAccountAlias(f.root, &iamapi.CreateAccountAliasRequest{AccountAlias: "first"}))(t, "EntityAlreadyExists", taken)
	fails(f.CreateAccountAlias(f.other, &iamapi.CreateAccountAliasRequest{AccountAlias: "first"}))(t, "EntityAlreadyExists", taken)
	must(f.CreateAccountAlias(f.root, &iamapi.CreateAccountAliasRequest{AccountAlias: "second"}))(t)
	if got := aliases(); !slices.Equal(got, []string{"second"}) {
		t.Errorf("a new alias replaces the old one: %v", got)
	}
	must(f.CreateAccountAlias(f.other, &iamapi.CreateAccountAliasRequest{AccountAlias: "first"}))(t)
	fails(f.DeleteAccountAlias(f.root, &iamapi.DeleteAccountAliasRequest{AccountAlias: "first"}))(t,
		"NoSuchEntity", "The account alias with name first cannot be found.")
	must(f.DeleteAccountAlias(f.root, &iamapi.DeleteAccountAliasRequest{AccountAlias: "second"}))(t)
	if got := aliases(); len(got) != 0 {
		t.Errorf("at last: %v", got)
	}
}

func TestAccountSummary(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u"}))(t)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "g"}))(t)
	p := must(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{PolicyName: "p", PolicyDocument: everything}))(t).Policy
	must(f.CreatePolicyVersion(f.root, &iamapi.CreatePolicyVersionRequest{PolicyArn: *p.Arn, PolicyDocument: everything}))(t)
	must(f.CreateUser(f.other, &iamapi.CreateUserRequest{UserName: "theirs"}))(t)
	got := must(f.GetAccountSummary(f.root, &iamapi.GetAccountSummaryInput{}))(t).SummaryMap
	for key, want := range map[iamapi.SummaryKeyType]int32{
		"Users": 1, "UsersQuota": 5000, "Groups": 1, "Roles": 0, "Policies": 1, "PolicyVersionsInUse": 2,
		"AccountAccessKeysPresent": 1, "AccountMFAEnabled": 0, "PolicySizeQuota": 6144, "GlobalEndpointTokenVersion": 1,
	} {
		if v, ok := got[key]; !ok || v != want {
			t.Errorf("%s is %d, %v, want %d", key, v, ok, want)
		}
	}
	if len(got) != 34 {
		t.Errorf("%d keys, the model has 34", len(got))
	}
}

// populate makes an account of 3 users, 2 groups, 2 roles, a policy of its own
// and two of AWS.
func populate(f *fixture) {
	t := f.t
	const admin, read = "arn:aws:iam::aws:policy/AdministratorAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"
	own := must(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{PolicyName: "own", Description: new("mine"), PolicyDocument: everything}))(t).Policy
	for i := range 3 {
		must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: fmt.Sprint("u", i), PermissionsBoundary: new(read)}))(t)
	}
	for i := range 2 {
		must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: fmt.Sprint("G", i)}))(t)
		must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: "u0", GroupName: fmt.Sprint("g", i)}))(t)
		must(f.CreateRole(f.root, &iamapi.CreateRoleRequest{RoleName: fmt.Sprint("r", i),
			AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}}`}))(t)
		must(f.AttachRolePolicy(f.root, &iamapi.AttachRolePolicyRequest{RoleName: fmt.Sprint("r", i), PolicyArn: admin}))(t)
	}
	must(f.CreateInstanceProfile(f.root, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: "i"}))(t)
	must(f.AddRoleToInstanceProfile(f.root, &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: "i", RoleName: "r1"}))(t)
	must(f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: "u1", PolicyArn: *own.Arn}))(t)
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "u1", PolicyName: "in line", PolicyDocument: everything}))(t)
	must(f.PutGroupPolicy(f.root, &iamapi.PutGroupPolicyRequest{GroupName: "g1", PolicyName: "in line", PolicyDocument: everything}))(t)
}

func TestAuthorizationDetails(t *testing.T) {
	f := newFixture(t)
	populate(f)
	out := must(f.GetAccountAuthorizationDetails(f.root, &iamapi.GetAccountAuthorizationDetailsRequest{}))(t)
	if len(out.UserDetailList) != 3 || len(out.GroupDetailList) != 2 || len(out.RoleDetailList) != 2 || len(out.Policies) != 3 || *out.IsTruncated {
		t.Fatalf("got %+v", out)
	}
	if got := out.UserDetailList[0]; !slices.Equal(got.GroupList, []string{"G0", "G1"}) || got.PermissionsBoundary == nil {
		t.Errorf("u0: %+v", got)
	}
	u1 := out.UserDetailList[1]
	if len(u1.UserPolicyList) != 1 || len(u1.AttachedManagedPolicies) != 1 || *u1.AttachedManagedPolicies[0].PolicyName != "own" {
		t.Errorf("u1: %+v", u1)
	}
	if doc := *u1.UserPolicyList[0].PolicyDocument; !strings.HasPrefix(doc, "%7B%22Version%22%3A%222012-10-17%22%2C") {
		t.Errorf("the document is %s", doc)
	}
	if r := out.RoleDetailList[1]; !strings.Contains(*r.AssumeRolePolicyDocument, "ec2.amazonaws.com") || !strings.HasPrefix(*r.AssumeRolePolicyDocument, "%7B") || len(r.AttachedManagedPolicies) != 1 {
		t.Errorf("r1: %+v", r)
	}
	if r := out.RoleDetailList; len(r[0].InstanceProfileList) != 0 || len(r[1].InstanceProfileList) != 1 || r[1].InstanceProfileList[0].Roles[0].RoleName != "r1" {
		t.Errorf("instance profiles: %+v, %+v", r[0].InstanceProfileList, r[1].InstanceProfileList)
	}
	for i, want := range []string{"own 1 0 v1 1", "AdministratorAccess 2 0 v1 1", "ReadOnlyAccess 0 3"} {
		p := out.Policies[i]
		got := fmt.Sprint(*p.PolicyName, " ", *p.AttachmentCount, " ", *p.PermissionsBoundaryUsageCount, " ", *p.DefaultVersionId, " ", len(p.PolicyVersionList))
		if !strings.HasPrefix(got, want) || !*p.PolicyVersionList[0].IsDefaultVersion {
			t.Errorf("policy %d: got %s, want %s", i, got, want)
		}
	}
}

// However small the pages, everything comes once and in one order.
func TestAuthorizationDetailsPages(t *testing.T) {
	f := newFixture(t)
	populate(f)
	walk := func(size int32, filter ...iamapi.EntityType) (names []string) {
		in := &iamapi.GetAccountAuthorizationDetailsRequest{MaxItems: &size, Filter: filter}
		for range 100 {
			out := must(f.GetAccountAuthorizationDetails(f.root, in))(t)
			before := len(names)
			for _, v := range out.UserDetailList {
				names = append(names, *v.UserName)
			}
			for _, v := range out.GroupDetailList {
				names = append(names, *v.GroupName)
			}
			for _, v := range out.RoleDetailList {
				names = append(names, *v.RoleName)
			}
			for _, v := range out.Policies {
				names = append(names, *v.PolicyName)
			}
			if n := len(names) - before; n > int(size) || n < int(size) && *out.IsTruncated {
				t.Errorf("a page of %d has %d items", size, n)
			}
			if in.Marker = out.Marker; !*out.IsTruncated {
				return names
			}
		}
		t.Fatal("there is no end")
		return nil
	}
	want := []string{"u0", "u1", "u2", "G0", "G1", "r0", "r1", "own", "AdministratorAccess", "ReadOnlyAccess"}
	for size := range int32(12) {
		if got := walk(size + 1); !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", size+1, got)
		}
	}
	for filter, want := range map[iamapi.EntityType][]string{
		"User": want[:3], "Group": want[3:5], "Role": want[5:7], "LocalManagedPolicy": want[7:8], "AWSManagedPolicy": want[8:],
	} {
		if got := walk(1, filter); !slices.Equal(got, want) {
			t.Errorf("%s: %v", filter, got)
		}
	}
	if got := walk(1, "AWSManagedPolicy", "Group"); !slices.Equal(got, append(slices.Clone(want[3:5]), want[8:]...)) {
		t.Errorf("two filters: %v", got)
	}
	fails(f.GetAccountAuthorizationDetails(f.root, &iamapi.GetAccountAuthorizationDetailsRequest{Marker: markerFor("x/y")}))(t,
		"ValidationError", "Invalid Marker: "+*markerFor("x/y"))
}
