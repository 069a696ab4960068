package iam

import (
	"fmt"
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
)

func TestAttachAndDetach(t *testing.T) {
	f := newFixture(t)
	f.makeUser("alice", "/")
	f.makeRole("r", "/", trustsEC2)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "g"}))(t)
	own := f.makePolicy("p", "/team/", allowAll)
	attach := map[kind]func(arn string) error{
		aUser: func(arn string) error {
			_, err := f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: "ALICE", PolicyArn: arn})
			return err
		},
		aGroup: func(arn string) error {
			_, err := f.AttachGroupPolicy(f.root, &iamapi.AttachGroupPolicyRequest{GroupName: "G", PolicyArn: arn})
			return err
		},
		aRole: func(arn string) error {
			_, err := f.AttachRolePolicy(f.root, &iamapi.AttachRolePolicyRequest{RoleName: "R", PolicyArn: arn})
			return err
		},
	}
	detach := map[kind]func(arn string) error{
		aUser: func(arn string) error {
			_, err := f.DetachUserPolicy(f.root, &iamapi.DetachUserPolicyRequest{UserName: "alice", PolicyArn: arn})
			return err
		},
		aGroup: func(arn string) error {
			_, err := f.DetachGroupPolicy(f.root, &iamapi.DetachGroupPolicyRequest{GroupName: "g", PolicyArn: arn})
			return err
		},
		aRole: func(arn string) error {
			_, err := f.DetachRolePolicy(f.root, &iamapi.DetachRolePolicyRequest{RoleName: "r", PolicyArn: arn})
			return err
		},
	}
	list := map[kind]func(prefix string) []iamapi.AttachedPolicy{
		aUser: func(prefix string) []iamapi.AttachedPolicy {
			return must(f.ListAttachedUserPolicies(f.root, &iamapi.ListAttachedUserPoliciesRequest{UserName: "alice", PathPrefix: &prefix}))(t).AttachedPolicies
		},
		aGroup: func(prefix string) []iamapi.AttachedPolicy {
			return must(f.ListAttachedGroupPolicies(f.root, &iamapi.ListAttachedGroupPoliciesRequest{GroupName: "g", PathPrefix: &prefix}))(t).AttachedPolicies
		},
		aRole: func(prefix string) []iamapi.AttachedPolicy {
			return must(f.ListAttachedRolePolicies(f.root, &iamapi.ListAttachedRolePoliciesRequest{RoleName: "r", PathPrefix: &prefix}))(t).AttachedPolicies
		},
	}
	quotas := map[kind]string{aUser: "PoliciesPerUser", aGroup: "PoliciesPerGroup", aRole: "PoliciesPerRole"}
	for k := range attach {
		t.Run(string(k), func(t *testing.T) {
			names := func(prefix string) string {
				var out []string
				for _, p := range list[k](prefix) {
					out = append(out, *p.PolicyName+"="+*p.PolicyArn)
				}
				return strings.Join(out, " ")
			}
			for range 2 { // again is no error
				for _, arn := range []string{adminARN, own} {
					if err := attach[k](arn); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got, want := names("/"), "p="+own+" AdministratorAccess="+adminARN; got != want {
				t.Errorf("attached: %s", got)
			}
			if got := names("/team/"); got != "p="+own {
				t.Errorf("attached with the path /team/: %s", got)
			}
			absent := own + "x"
			check := func(err error, code, message string) {
				t.Helper()
				fails[any](nil, err)(t, code, message)
			}
			check(attach[k](absent), "NoSuchEntity", "Policy "+absent+" does not exist or is not attachable.")
			check(attach[k]("AdministratorAccess is no ARN"), "ValidationError", "Invalid ARN:  Could not be parsed!")
			check(attach[k]("arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy"), "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
			check(detach[k](absent), "NoSuchEntity", "Policy "+absent+" was not found.")
			for _, m := range f.Managed.Policies()[:8] {
				if !m.ServiceLinked() {
					if err := attach[k](m.ARN()); err != nil {
						t.Fatal(err)
					}
				}
			}
			for i := 0; len(list[k]("/")) < 10; i++ {
				arn := fmt.Sprintf("arn:aws:iam::%s:policy/q%s%d", testAccount, k, i)
				f.makePolicy(policyName(arn), "/", allowAll)
				if err := attach[k](arn); err != nil {
					t.Fatal(err)
				}
			}
			check(attach[k](readOnlyARN), "LimitExceeded", "Cannot exceed quota for "+quotas[k]+": 10")
			for _, p := range list[k]("/") {
				if err := detach[k](*p.PolicyArn); err != nil {
					t.Fatal(err)
				}
			}
			if got := names("/"); got != "" {
				t.Errorf("still attached: %s", got)
			}
		})
	}
	fails(f.AttachUserPolicy(f.root, &iamapi.AttachUserPolicyRequest{UserName: "nobody", PolicyArn: adminARN}))(
		t, "NoSuchEntity", "The user with name nobody cannot be found.")
	must(f.CreateUser(f.other, &iamapi.CreateUserRequest{UserName: "eve"}))(t)
	fails(f.AttachUserPolicy(f.other, &iamapi.AttachUserPolicyRequest{UserName: "eve", PolicyArn: own}))(
		t, "NoSuchEntity", "Policy "+own+" does not exist or is not attachable.")
}

// TestDelegation: who may manage roles within limits stays within them.
func TestDelegation(t *testing.T) {
	f := newFixture(t)
	f.makeUser("lead", "/")
	limit := f.makePolicy("limit", "/", allowAll)
	account := "arn:aws:iam::" + testAccount
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "lead", PolicyName: "p", PolicyDocument: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:AttachRolePolicy","Resource":"` + account + `:role/dev/*","Condition":{"ArnEquals":{"iam:PolicyARN":"` + readOnlyARN + `"}}},
		{"Effect":"Allow","Action":"iam:CreateRole","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"` + limit + `"}}},
		{"Effect":"Allow","Action":"iam:PutRolePermissionsBoundary","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"` + limit + `"}}},
		{"Effect":"Allow","Action":"iam:PutRolePolicy","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"` + limit + `","aws:ResourceTag/team":"dev","iam:ResourceTag/team":"dev"}}},
		{"Effect":"Allow","Action":"iam:UntagRole","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["cost"]}}},
		{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"` + account + `:instance-profile/dev/*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"` + account + `:role/dev/*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}},
		{"Effect":"Allow","Action":"iam:CreatePolicy","Resource":"*"}
	]}`}))(t)
	f.makeRole("admin", "/", trustsEC2)
	must(f.CreateRole(f.root, &iamapi.CreateRoleRequest{
		RoleName: "Worker", Path: new("/dev/"), AssumeRolePolicyDocument: trustsEC2, PermissionsBoundary: &limit, Tags: []iamapi.Tag{{Key: "team", Value: "dev"}},
	}))(t)
	must(f.CreateInstanceProfile(f.root, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: "web", Path: new("/dev/")}))(t)
	tags := []iamapi.Tag{{Key: "a", Value: "b"}}
	for _, tc := range []struct {
		operation string
		in        any
		want      bool
	}{
		{"AttachRolePolicy", &iamapi.AttachRolePolicyRequest{RoleName: "worker", PolicyArn: readOnlyARN}, true},
		{"AttachRolePolicy", &iamapi.AttachRolePolicyRequest{RoleName: "worker", PolicyArn: adminARN}, false},
		{"AttachRolePolicy", &iamapi.AttachRolePolicyRequest{RoleName: "admin", PolicyArn: readOnlyARN}, false},
		{"DetachRolePolicy", &iamapi.DetachRolePolicyRequest{RoleName: "worker", PolicyArn: readOnlyARN}, false},
		{"CreateRole", &iamapi.CreateRoleRequest{RoleName: "x", PermissionsBoundary: &limit}, true},
		{"CreateRole", &iamapi.CreateRoleRequest{RoleName: "x", PermissionsBoundary: new(adminARN)}, false},
		{"CreateRole", &iamapi.CreateRoleRequest{RoleName: "x"}, false},
		{"CreateRole", &iamapi.CreateRoleRequest{RoleName: "x", PermissionsBoundary: &limit, Tags: tags}, false}, // iam:TagRole
		{"PutRolePermissionsBoundary", &iamapi.PutRolePermissionsBoundaryRequest{RoleName: "worker", PermissionsBoundary: limit}, true},
		{"PutRolePermissionsBoundary", &iamapi.PutRolePermissionsBoundaryRequest{RoleName: "worker", PermissionsBoundary: adminARN}, false},
		{"DeleteRolePermissionsBoundary", &iamapi.DeleteRolePermissionsBoundaryRequest{RoleName: "worker"}, false},
		{"PutRolePolicy", &iamapi.PutRolePolicyRequest{RoleName: "WORKER"}, true},
		{"PutRolePolicy", &iamapi.PutRolePolicyRequest{RoleName: "admin"}, false},
		{"UntagRole", &iamapi.UntagRoleRequest{RoleName: "worker", TagKeys: []string{"cost"}}, true},
		{"UntagRole", &iamapi.UntagRoleRequest{RoleName: "worker", TagKeys: []string{"cost", "team"}}, false},
		{"AddRoleToInstanceProfile", &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: "WEB", RoleName: "worker"}, true},
		{"AddRoleToInstanceProfile", &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: "web", RoleName: "admin"}, false},
		{"AddRoleToInstanceProfile", &iamapi.AddRoleToInstanceProfileRequest{InstanceProfileName: "absent", RoleName: "worker"}, false},
		{"CreatePolicy", &iamapi.CreatePolicyRequest{PolicyName: "x"}, true},
		{"CreatePolicy", &iamapi.CreatePolicyRequest{PolicyName: "x", Tags: tags}, false}, // iam:TagPolicy
		{"DeletePolicy", &iamapi.DeletePolicyRequest{PolicyArn: limit}, false},
	} {
		if got := f.allowed(f.asUser("lead"), tc.operation, tc.in); got != tc.want {
			t.Errorf("%s %+v: allowed = %v", tc.operation, tc.in, got)
		}
	}
}

// TestRulesNameResources: no operation of these chapters is left with the
// rule of those that are not built, which has no resource.
func TestRulesNameResources(t *testing.T) {
	f := newFixture(t)
	f.makeRole("r", "/p/", trustsEC2)
	arn := f.makePolicy("p", "/p/", allowAll)
	must(f.CreateInstanceProfile(f.root, &iamapi.CreateInstanceProfileRequest{InstanceProfileName: "i", Path: new("/p/")}))(t)
	rules := f.Rules()
	account := "arn:aws:iam::" + testAccount + ":"
	for operation, want := range map[string]struct {
		in       any
		resource string
	}{
		"GetRole":                           {&iamapi.GetRoleRequest{RoleName: "R"}, account + "role/p/r"},
		"DeleteRole":                        {&iamapi.DeleteRoleRequest{RoleName: "absent"}, account + "role/absent"},
		"ListRoles":                         {&iamapi.ListRolesRequest{}, account + "role/"},
		"UpdateAssumeRolePolicy":            {&iamapi.UpdateAssumeRolePolicyRequest{RoleName: "R"}, account + "role/p/r"},
		"UpdateRole":                        {&iamapi.UpdateRoleRequest{RoleName: "R"}, account + "role/p/r"},
		"ListRoleTags":                      {&iamapi.ListRoleTagsRequest{RoleName: "R"}, account + "role/p/r"},
		"GetInstanceProfile":                {&iamapi.GetInstanceProfileRequest{InstanceProfileName: "I"}, account + "instance-profile/p/i"},
		"ListInstanceProfiles":              {&iamapi.ListInstanceProfilesRequest{}, account + "instance-profile/"},
		"ListInstanceProfilesForRole":       {&iamapi.ListInstanceProfilesForRoleRequest{RoleName: "R"}, account + "role/p/r"},
		"ListPolicies":                      {&iamapi.ListPoliciesRequest{PathPrefix: new("/p/")}, account + "policy/p/"},
		"GetPolicyVersion":                  {&iamapi.GetPolicyVersionRequest{PolicyArn: arn}, arn},
		"ListEntitiesForPolicy":             {&iamapi.ListEntitiesForPolicyRequest{PolicyArn: arn}, arn},
		"ListPoliciesGrantingServiceAccess": {&iamapi.ListPoliciesGrantingServiceAccessRequest{Arn: account + "role/p/r"}, account + "role/p/r"},
		"GetRolePolicy":                     {&iamapi.GetRolePolicyRequest{RoleName: "R"}, account + "role/p/r"},
		"ListAttachedRolePolicies":          {&iamapi.ListAttachedRolePoliciesRequest{RoleName: "R"}, account + "role/p/r"},
	} {
		touches, err := rules[operation].Touches(f.root, want.in)
		if err != nil || len(touches) != 1 || touches[0].Resource != want.resource || touches[0].Account != testAccount || touches[0].Action != "iam:"+operation {
			t.Errorf("%s touches %+v, %v; want %s", operation, touches, err, want.resource)
		}
	}
}
