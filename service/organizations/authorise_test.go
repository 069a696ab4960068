package organizations

import (
	"strings"
	"testing"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/policy/reference"
)

// TestEveryRule: every operation has a rule, whose action AWS knows.
func TestEveryRule(t *testing.T) {
	f := withOrg(t)
	ref := reference.Open()
	rules := f.Rules()
	ops := api.Operations(f.Service)
	if len(ops) != 63 {
		t.Errorf("%d operations", len(ops))
	}
	for _, op := range ops {
		r, ok := rules[op.Name]
		if !ok || r.Touches == nil || r.Absent {
			t.Errorf("%s has no rule", op.Name)
		}
		if !ref.KnownAction("organizations:" + op.Name) {
			t.Errorf("AWS has no action organizations:%s", op.Name)
		}
	}
}

// TestWhoMayCall: the management account, delegated administrators, members and
// strangers, as root users: what stops them is their account's place.
func TestWhoMayCall(t *testing.T) {
	f := withOrg(t)
	member, delegate := f.account("member"), f.account("delegate")
	must(f.EnableAWSServiceAccess(f.boss, &api.EnableAWSServiceAccessRequest{ServicePrincipal: "guardduty.amazonaws.com"}))(t)
	must(f.RegisterDelegatedAdministrator(f.boss, &api.RegisterDelegatedAdministratorRequest{AccountId: delegate, ServicePrincipal: "guardduty.amazonaws.com"}))(t)
	for _, c := range []struct {
		op                       string
		in                       any
		member, delegate, nobody bool
	}{
		{"DescribeOrganization", &api.DescribeOrganizationInput{}, true, true, true},
		{"LeaveOrganization", &api.LeaveOrganizationInput{}, true, true, true},
		{"ListHandshakesForAccount", &api.ListHandshakesForAccountRequest{}, true, true, true},
		{"ListAccounts", &api.ListAccountsRequest{}, false, true, true}, // who is in none is told so by the handler
		{"ListRoots", &api.ListRootsRequest{}, false, true, true},
		{"DescribeAccount", &api.DescribeAccountRequest{AccountId: member}, false, true, true},
		{"ListDelegatedAdministrators", &api.ListDelegatedAdministratorsRequest{}, false, true, true},
		{"DescribeResourcePolicy", &api.DescribeResourcePolicyInput{}, false, true, true},
		{"CreatePolicy", &api.CreatePolicyRequest{Type: scp}, false, false, true},
		{"AttachPolicy", &api.AttachPolicyRequest{PolicyId: fullAccess, TargetId: f.root}, false, false, true},
		{"TagResource", &api.TagResourceRequest{ResourceId: f.root}, false, false, true},
		{"CreateAccount", &api.CreateAccountRequest{}, false, false, true},
		{"PutResourcePolicy", &api.PutResourcePolicyRequest{}, false, false, true},
		{"DeleteOrganization", &api.DeleteOrganizationInput{}, false, false, true},
		{"EnableAWSServiceAccess", &api.EnableAWSServiceAccessRequest{}, false, false, true},
	} {
		if err := f.rule(f.boss, c.op, c.in, nil); err != nil {
			t.Errorf("%s by the management account: %v", c.op, err)
		}
		for who, want := range map[string]bool{member: c.member, delegate: c.delegate, stranger: c.nobody} {
			err := f.rule(f.as(who), c.op, c.in, nil)
			if want != (err == nil) {
				t.Errorf("%s by %s: %v", c.op, who, err)
			}
			if err != nil {
				fails(0, err)(t, "AccessDeniedException", "")
			}
		}
	}
}

const delegating = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::MEMBER:root"},
"Action":["organizations:ListPolicies","organizations:CreatePolicy","organizations:ListRoots"],"Resource":"*",
"Condition":{"StringLikeIfExists":{"organizations:PolicyType":["TAG_POLICY"]}}}]}`

// TestResourcePolicy: a member may do what the resource policy and its own
// policies both allow.
func TestResourcePolicy(t *testing.T) {
	f := withOrg(t)
	member, second := f.account("member"), f.account("second")
	put := func(text string) (*api.PutResourcePolicyResponse, error) {
		return f.PutResourcePolicy(f.boss, &api.PutResourcePolicyRequest{Content: text})
	}
	fails(f.DescribeResourcePolicy(f.boss, nil))(t, "ResourcePolicyNotFoundException", "")
	text := strings.ReplaceAll(delegating, "MEMBER", member)
	rp := must(put(text))(t).ResourcePolicy
	if !strings.HasPrefix(*rp.ResourcePolicySummary.Id, "rp-") || *rp.ResourcePolicySummary.Arn != "arn:aws:organizations::"+boss+":resourcepolicy/"+*f.org.Id+"/"+*rp.ResourcePolicySummary.Id {
		t.Errorf("%+v", rp)
	}
	tags := &api.CreatePolicyRequest{Type: api.PolicyType_TAG_POLICY}
	everything := compile(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"organizations:*","Resource":"*"}}`)
	nothing := policy.Compile()
	for _, c := range []struct {
		who  string
		own  *policy.Set
		op   string
		in   any
		want bool
	}{
		{member, nil, "CreatePolicy", tags, true},
		{member, everything, "CreatePolicy", tags, true},
		{member, nothing, "CreatePolicy", tags, false}, // the resource policy alone is not enough
		{member, everything, "CreatePolicy", &api.CreatePolicyRequest{Type: scp}, false},
		{member, everything, "ListPolicies", &api.ListPoliciesRequest{Filter: api.PolicyType_TAG_POLICY}, true},
		{member, everything, "ListRoots", &api.ListRootsRequest{}, true},
		{member, everything, "ListAccounts", &api.ListAccountsRequest{}, false},
		{member, everything, "CreateAccount", &api.CreateAccountRequest{}, false},
		{second, everything, "CreatePolicy", tags, false},
		{boss, everything, "CreatePolicy", tags, true},
		{boss, nothing, "CreatePolicy", tags, false},
	} {
		if err := f.rule(f.as(c.who), c.op, c.in, c.own); c.want != (err == nil) {
			t.Errorf("%s by %s: %v", c.op, c.who, err)
		}
	}
	must(f.CreatePolicy(f.as(member), &api.CreatePolicyRequest{Type: api.PolicyType_TAG_POLICY, Name: "p", Content: `{"tags":{"c":{"tag_key":{"@@assign":"C"}}}}`}))(t)
	for text, reason := range map[string]string{
		`x`: "INVALID_RESOURCE_POLICY_JSON",
		strings.Replace(text, `"Action"`, `"NotAction"`, 1):                                              "INVALID_RESOURCE_POLICY_JSON",
		strings.Replace(text, "organizations:CreatePolicy", "organizations:CreateAccount", 1):            "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
		strings.Replace(text, "organizations:CreatePolicy", "organizations:*", 1):                        "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
		strings.Replace(text, `"Resource":"*"`, `"Resource":"arn:aws:s3:::b"`, 1):                        "UNSUPPORTED_RESOURCE_IN_RESOURCE_POLICY",
		strings.Replace(text, "TAG_POLICY", "RAG_POLICY", 1):                                             "UNSUPPORTED_POLICY_TYPE_IN_RESOURCE_POLICY",
		strings.Replace(text, `"AWS":"arn:aws:iam::`+member+`:root"`, `"Service":"s3.amazonaws.com"`, 1): "INVALID_PRINCIPAL",
	} {
		_, err := put(text)
		fails(0, err)(t, "InvalidInputException", reason)
	}
	if again := must(put(text))(t).ResourcePolicy; *again.ResourcePolicySummary.Id != *rp.ResourcePolicySummary.Id {
		t.Error("an update has another id")
	}
	must(f.DeleteResourcePolicy(f.boss, nil))(t)
	err := f.rule(f.as(member), "CreatePolicy", tags, everything)
	fails(0, err)(t, "AccessDeniedException", "")
}

// TestConditionKeys: rules know types, services and ARNs.
func TestConditionKeys(t *testing.T) {
	f := withOrg(t)
	p := f.policy(scp, "p", denyIAM)
	u := f.unit(f.root, "u")
	must(f.TagResource(f.boss, &api.TagResourceRequest{ResourceId: u, Tags: []api.Tag{{Key: "k", Value: "v"}}}))(t)
	on := func(condition, resource string) *policy.Set {
		return compile(t, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"organizations:*","Resource":"`+resource+`","Condition":`+condition+`}}`)
	}
	for _, c := range []struct {
		condition, resource, op string
		in                      any
		want                    bool
	}{
		{`{"StringEquals":{"organizations:PolicyType":"SERVICE_CONTROL_POLICY"}}`, "*", "AttachPolicy", &api.AttachPolicyRequest{PolicyId: p, TargetId: u}, true},
		{`{"StringEquals":{"organizations:PolicyType":"TAG_POLICY"}}`, "*", "AttachPolicy", &api.AttachPolicyRequest{PolicyId: p, TargetId: u}, false},
		{`{"StringEquals":{"organizations:PolicyType":"TAG_POLICY"}}`, "*", "EnablePolicyType", &api.EnablePolicyTypeRequest{RootId: f.root, PolicyType: "TAG_POLICY"}, true},
		{`{"StringEquals":{"organizations:ServicePrincipal":"ram.amazonaws.com"}}`, "*", "EnableAWSServiceAccess", &api.EnableAWSServiceAccessRequest{ServicePrincipal: "ram.amazonaws.com"}, true},
		{`{"StringEquals":{"organizations:ServicePrincipal":"ram.amazonaws.com"}}`, "*", "EnableAWSServiceAccess", &api.EnableAWSServiceAccessRequest{ServicePrincipal: "fms.amazonaws.com"}, false},
		{`{"StringEquals":{"aws:ResourceTag/k":"v"}}`, "*", "DescribeOrganizationalUnit", &api.DescribeOrganizationalUnitRequest{OrganizationalUnitId: u}, true},
		{`{"StringEquals":{"aws:ResourceTag/k":"w"}}`, "*", "DescribeOrganizationalUnit", &api.DescribeOrganizationalUnitRequest{OrganizationalUnitId: u}, false},
		{`{}`, "arn:aws:organizations::" + boss + ":ou/*", "DescribeOrganizationalUnit", &api.DescribeOrganizationalUnitRequest{OrganizationalUnitId: u}, true},
		{`{}`, "arn:aws:organizations::" + boss + ":account/*", "DescribeOrganizationalUnit", &api.DescribeOrganizationalUnitRequest{OrganizationalUnitId: u}, false},
		{`{}`, "arn:aws:organizations::" + boss + ":policy/" + *f.org.Id + "/service_control_policy/" + p, "DescribePolicy", &api.DescribePolicyRequest{PolicyId: p}, true},
		{`{"StringEquals":{"aws:RequestTag/k":"v"}}`, "*", "CreateAccount", &api.CreateAccountRequest{Tags: []api.Tag{{Key: "k", Value: "v"}}}, true},
		{`{"StringEquals":{"aws:RequestTag/k":"w"}}`, "*", "CreateAccount", &api.CreateAccountRequest{Tags: []api.Tag{{Key: "k", Value: "v"}}}, false},
	} {
		if err := f.rule(f.boss, c.op, c.in, on(c.condition, c.resource)); c.want != (err == nil) {
			t.Errorf("%s with %s on %s: %v", c.op, c.condition, c.resource, err)
		}
	}
}

func TestResourceTypes(t *testing.T) {
	for name, want := range map[string]string{
		"arn:aws:organizations::1:ou/o-1/ou-1":          "AWS::Organizations::OrganizationalUnit",
		"arn:aws:organizations::1:account/o-1/2":        "AWS::Organizations::Account",
		"arn:aws:organizations::aws:policy/scp/p-1":     "AWS::Organizations::Policy",
		"arn:aws:organizations::1:handshake/o/invite/h": "AWS::Organizations::Handshake",
		"arn:aws:iam::1:user/u":                         "", "*": "",
	} {
		if got := Resource(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
