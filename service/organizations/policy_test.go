package organizations

import (
	"strings"
	"testing"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
)

const (
	scp = api.PolicyType_SERVICE_CONTROL_POLICY
	rcp = api.PolicyType_RESOURCE_CONTROL_POLICY

	denyAll = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	denyIAM = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:*","Resource":"*"}}`
	allowS3 = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	denyS3  = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}}`
)

func TestPolicies(t *testing.T) {
	f := withOrg(t)
	id := f.policy(scp, "p", denyIAM)
	create := func(t api.PolicyType, name, content string) (*api.CreatePolicyResponse, error) {
		return f.CreatePolicy(f.boss, &api.CreatePolicyRequest{Name: name, Type: t, Content: content})
	}
	fails(create(scp, "p", denyIAM))(t, "DuplicatePolicyException", "")
	fails(create(scp, "FullAWSAccess", denyIAM))(t, "DuplicatePolicyException", "")
	must(create(rcp, "p", denyS3))(t) // another type
	for name, text := range map[string]string{"no JSON": "x", "no version": `{"Statement":[]}`, "with a principal": denyS3, "empty": "{}"} {
		_, err := create(scp, name, text)
		fails(0, err)(t, "MalformedPolicyDocumentException", "")
	}
	for _, text := range []string{denyAll, strings.Replace(denyS3, "Deny", "Allow", 1), strings.Replace(denyS3, `"Action":"s3:*"`, `"NotAction":"s3:*"`, 1), strings.Replace(denyS3, "s3:*", "*", 1), strings.Replace(denyS3, "s3:*", "*:Get", 1)} {
		_, err := create(rcp, text, text)
		fails(0, err)(t, "MalformedPolicyDocumentException", "")
	}
	fails(create(scp, "large", strings.Repeat(" ", 5121)))(t, "ConstraintViolationException", "POLICY_CONTENT_LIMIT_EXCEEDED")
	p := must(f.DescribePolicy(f.boss, &api.DescribePolicyRequest{PolicyId: id}))(t).Policy
	if *p.Content != denyIAM || *p.PolicySummary.Arn != "arn:aws:organizations::"+boss+":policy/"+*f.org.Id+"/service_control_policy/"+id || *p.PolicySummary.AwsManaged {
		t.Errorf("%+v", p.PolicySummary)
	}
	p = must(f.DescribePolicy(f.boss, &api.DescribePolicyRequest{PolicyId: fullAccess}))(t).Policy
	if *p.PolicySummary.Arn != "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess" || !*p.PolicySummary.AwsManaged {
		t.Errorf("%+v", p.PolicySummary)
	}
	for t2, managed := range map[api.PolicyType]string{scp: fullAccess, rcp: fullAccessRCP} {
		doc := must(f.DescribePolicy(f.boss, &api.DescribePolicyRequest{PolicyId: managed}))(t).Policy
		if _, err := parsePolicy(*doc.Content, map[api.PolicyType]policy.Type{scp: policy.SCP, rcp: policy.RCP}[t2]); err != nil {
			t.Errorf("%s: %v", managed, err)
		}
	}
	fails(f.UpdatePolicy(f.boss, &api.UpdatePolicyRequest{PolicyId: fullAccess, Content: new(denyAll)}))(t, "InvalidInputException", "IMMUTABLE_POLICY")
	fails(f.DeletePolicy(f.boss, &api.DeletePolicyRequest{PolicyId: fullAccess}))(t, "InvalidInputException", "IMMUTABLE_POLICY")
	fails(f.UpdatePolicy(f.boss, &api.UpdatePolicyRequest{PolicyId: id, Content: new("x")}))(t, "MalformedPolicyDocumentException", "")
	must(f.UpdatePolicy(f.boss, &api.UpdatePolicyRequest{PolicyId: id, Name: new("q"), Description: new("d")}))(t)
	if l := must(f.ListPolicies(f.boss, &api.ListPoliciesRequest{Filter: scp}))(t).Policies; len(l) != 2 {
		t.Errorf("%+v", l)
	}
	must(f.DeletePolicy(f.boss, &api.DeletePolicyRequest{PolicyId: id}))(t)
	fails(f.DescribePolicy(f.boss, &api.DescribePolicyRequest{PolicyId: id}))(t, "PolicyNotFoundException", "")
}

// TestListPoliciesPages: AWS's own policy has its place among the others.
func TestListPoliciesPages(t *testing.T) {
	f := withOrg(t)
	want := map[string]bool{fullAccess: true}
	for _, n := range []string{"a", "b", "c", "d", "e"} {
		want[f.policy(scp, n, denyIAM)] = true
	}
	var token *string
	for range 20 {
		out := must(f.ListPolicies(f.boss, &api.ListPoliciesRequest{Filter: scp, MaxResults: new(int32(2)), NextToken: token}))(t)
		for _, p := range out.Policies {
			if !want[*p.Id] {
				t.Errorf("%s is listed twice", *p.Id)
			}
			delete(want, *p.Id)
		}
		if token = out.NextToken; token == nil {
			break
		}
	}
	if len(want) > 0 {
		t.Errorf("not listed: %v", want)
	}
}

func TestAttach(t *testing.T) {
	f := withOrg(t)
	a, u := f.account("a"), f.unit(f.root, "u")
	p := f.policy(scp, "p", denyIAM)
	attach := func(id, target string) (*api.AttachPolicyOutput, error) {
		return f.AttachPolicy(f.boss, &api.AttachPolicyRequest{PolicyId: id, TargetId: target})
	}
	detach := func(id, target string) (*api.DetachPolicyOutput, error) {
		return f.DetachPolicy(f.boss, &api.DetachPolicyRequest{PolicyId: id, TargetId: target})
	}
	fails(attach(p, u))(t, "PolicyTypeNotEnabledException", "")
	f.enable(scp)
	fails(f.EnablePolicyType(f.boss, &api.EnablePolicyTypeRequest{RootId: f.root, PolicyType: scp}))(t, "PolicyTypeAlreadyEnabledException", "")
	fails(f.EnablePolicyType(f.boss, &api.EnablePolicyTypeRequest{RootId: "r-none", PolicyType: scp}))(t, "RootNotFoundException", "")
	for _, target := range []string{f.root, u, a} {
		l := must(f.ListPoliciesForTarget(f.boss, &api.ListPoliciesForTargetRequest{TargetId: target, Filter: scp}))(t).Policies
		if len(l) != 1 || *l[0].Id != fullAccess {
			t.Errorf("%s has %+v", target, l)
		}
		fails(detach(fullAccess, target))(t, "ConstraintViolationException", "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
	}
	fails(attach(fullAccess, u))(t, "DuplicatePolicyAttachmentException", "")
	must(attach(p, u))(t)
	fails(attach(p, u))(t, "DuplicatePolicyAttachmentException", "")
	fails(f.DeletePolicy(f.boss, &api.DeletePolicyRequest{PolicyId: p}))(t, "PolicyInUseException", "")
	must(detach(fullAccess, u))(t)
	fails(detach(fullAccess, u))(t, "PolicyNotAttachedException", "")
	fails(attach(p, "ou-none-12345678"))(t, "TargetNotFoundException", "")
	fails(attach("p-12345678", u))(t, "PolicyNotFoundException", "")
	for _, n := range []string{"a", "b", "c", "d"} {
		must(attach(f.policy(scp, n, denyIAM), u))(t)
	}
	fails(attach(fullAccess, u))(t, "ConstraintViolationException", "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
	must(attach(p, a))(t)
	must(attach(p, f.root))(t)
	var got []string
	var token *string
	for {
		out := must(f.ListTargetsForPolicy(f.boss, &api.ListTargetsForPolicyRequest{PolicyId: p, MaxResults: new(int32(1)), NextToken: token}))(t)
		for _, x := range out.Targets {
			got = append(got, *x.TargetId)
		}
		if token = out.NextToken; token == nil {
			break
		}
	}
	if strings.Join(got, " ") != f.root+" "+u+" "+a {
		t.Errorf("targets: %v", got)
	}
	if l := must(f.ListTargetsForPolicy(f.boss, &api.ListTargetsForPolicyRequest{PolicyId: fullAccess}))(t).Targets; len(l) != 3 { // root, boss, a
		t.Errorf("targets of FullAWSAccess: %d", len(l))
	}
	// Disabling detaches everything, for good.
	must(f.DisablePolicyType(f.boss, &api.DisablePolicyTypeRequest{RootId: f.root, PolicyType: scp}))(t)
	fails(f.DisablePolicyType(f.boss, &api.DisablePolicyTypeRequest{RootId: f.root, PolicyType: scp}))(t, "PolicyTypeNotEnabledException", "")
	f.enable(scp)
	if l := must(f.ListTargetsForPolicy(f.boss, &api.ListTargetsForPolicyRequest{PolicyId: p}))(t).Targets; len(l) != 0 {
		t.Errorf("targets after the type was disabled: %+v", l)
	}
	must(f.DeletePolicy(f.boss, &api.DeletePolicyRequest{PolicyId: p}))(t)
	f.enable(rcp)
	fails(detach(fullAccessRCP, f.root))(t, "InvalidInputException", "NON_DETACHABLE_POLICY")
}

func TestBounds(t *testing.T) {
	f := withOrg(t)
	a, u := f.account("a"), f.unit(f.root, "u")
	must(f.MoveAccount(f.boss, &api.MoveAccountRequest{AccountId: a, SourceParentId: f.root, DestinationParentId: u}))(t)
	if b := must(f.Bounds(t.Context(), stranger))(t); b != nil {
		t.Errorf("%+v", b)
	}
	b := must(f.Bounds(t.Context(), a))(t)
	if b.Path != *f.org.Id+"/"+f.root+"/"+u+"/" || b.SCP != nil || b.RCP != nil || b.Management != boss || len(b.Targets) != 3 {
		t.Errorf("%+v", b)
	}
	f.enable(scp)
	f.enable(rcp)
	may := func(account, action string) bool {
		t.Helper()
		b := must(f.Bounds(t.Context(), account))(t)
		req := &policy.Request{Principal: policy.Principal{Kind: policy.Root, Account: account}, Action: action, Resource: "*"}
		return policy.Decide(req, &policy.Bindings{SCP: b.SCP, RCP: b.RCP}).Allowed
	}
	if !may(a, "iam:ListUsers") {
		t.Error("FullAWSAccess does not allow")
	}
	p := f.policy(scp, "p", denyIAM)
	f.attach(p, f.root)
	if may(a, "iam:ListUsers") || !may(a, "s3:ListAllMyBuckets") {
		t.Error("a Deny at the root")
	}
	if b := must(f.Bounds(t.Context(), boss))(t); b.SCP != nil || b.RCP != nil {
		t.Errorf("the management account is bound: %+v", b)
	}
	must(f.UpdatePolicy(f.boss, &api.UpdatePolicyRequest{PolicyId: p, Content: new(denyAll)}))(t)
	if may(a, "s3:ListAllMyBuckets") {
		t.Error("a change of the policy is not seen")
	}
	must(f.DetachPolicy(f.boss, &api.DetachPolicyRequest{PolicyId: p, TargetId: f.root}))(t)
	only := f.policy(scp, "only", allowS3)
	f.attach(only, u)
	must(f.DetachPolicy(f.boss, &api.DetachPolicyRequest{PolicyId: fullAccess, TargetId: u}))(t)
	if may(a, "iam:ListUsers") || !may(a, "s3:ListAllMyBuckets") {
		t.Error("every level must allow")
	}
	must(f.MoveAccount(f.boss, &api.MoveAccountRequest{AccountId: a, SourceParentId: u, DestinationParentId: f.root}))(t)
	if !may(a, "iam:ListUsers") {
		t.Error("a move is not seen")
	}
	f.attach(f.policy(rcp, "r", denyS3), a)
	if may(a, "s3:ListAllMyBuckets") || !may(a, "iam:ListUsers") {
		t.Error("an RCP on the account")
	}
	must(f.DisablePolicyType(f.boss, &api.DisablePolicyTypeRequest{RootId: f.root, PolicyType: rcp}))(t)
	if !may(a, "s3:ListAllMyBuckets") {
		t.Error("RCPs are disabled")
	}
}

// TestLevelsAreShared: accounts with the same policies share one compiled set.
func TestLevelsAreShared(t *testing.T) {
	f := withOrg(t)
	f.enable(scp)
	a, b := f.account("a"), f.account("b")
	p := f.policy(scp, "p", denyIAM)
	f.attach(p, a)
	f.attach(p, b)
	x, y := must(f.Bounds(t.Context(), a))(t), must(f.Bounds(t.Context(), b))(t)
	if len(x.SCP) != 2 || x.SCP[0] != y.SCP[0] || x.SCP[1] != y.SCP[1] || x.SCP[0] == x.SCP[1] {
		t.Errorf("%v %v", x.SCP, y.SCP)
	}
}
