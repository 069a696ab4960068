package iam

import (
	"context"
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
)

func TestLinkedServices(t *testing.T) {
	f := newFixture(t)
	seen := map[string]bool{}
	for line := range strings.Lines(strings.TrimSpace(linkedServices)) {
		principal := strings.Fields(line)[0]
		l, ok := linkedServiceOf(principal)
		if !ok || seen[principal] || !serviceName(principal) {
			t.Errorf("%q is no service principal or is listed twice", principal)
		}
		seen[principal] = true
		if p, ok := f.Managed.Lookup(l.Policy); !ok || !p.ServiceLinked() {
			t.Errorf("%s: AWS has no policy %s", principal, l.Policy)
		}
		if len(l.Role) > 64 {
			t.Errorf("%s: the name %s is too long", principal, l.Role)
		}
	}
	if _, ok := linkedServiceOf("Batch.amazonaws.com"); ok {
		t.Error("principals are told apart without regard to case")
	}
}

func TestCreateServiceLinkedRole(t *testing.T) {
	f := newFixture(t)
	create := func(in iamapi.CreateServiceLinkedRoleRequest) (*iamapi.CreateServiceLinkedRoleResponse, error) {
		return f.CreateServiceLinkedRole(f.root, &in)
	}
	ro := must(create(iamapi.CreateServiceLinkedRoleRequest{AWSServiceName: "rds.amazonaws.com"}))(t).Role
	if ro.RoleName != "AWSServiceRoleForRDS" || ro.Path != "/aws-service-role/rds.amazonaws.com/" ||
		*ro.Description != "Allows Amazon RDS to manage AWS resources on your behalf" || !strings.Contains(*ro.AssumeRolePolicyDocument, "rds.amazonaws.com") {
		t.Errorf("role %+v", ro)
	}
	list := must(f.ListAttachedRolePolicies(f.root, &iamapi.ListAttachedRolePoliciesRequest{RoleName: ro.RoleName}))(t).AttachedPolicies
	if len(list) != 1 || *list[0].PolicyArn != "arn:aws:iam::aws:policy/aws-service-role/AmazonRDSServiceRolePolicy" {
		t.Errorf("policies %+v", list)
	}
	standing := must(f.Standing(t.Context(), ro.RoleId))(t)
	if !standing.Principal.ServiceLinked {
		t.Error("SCPs would bind a service-linked role")
	}
	trust := must(f.Role(t.Context(), ro.Arn))(t).Trust
	req := &policy.Request{Action: "sts:AssumeRole", Resource: ro.Arn, ResourceAccount: testAccount,
		Principal: policy.Principal{Kind: policy.Service, Names: []string{"rds.amazonaws.com"}}}
	if !policy.Decide(req, &policy.Bindings{Resource: trust, Authority: policy.RoleTrust}).Allowed {
		t.Error("the service may not assume its role")
	}

	fails(create(iamapi.CreateServiceLinkedRoleRequest{AWSServiceName: "rds.amazonaws.com"}))(t,
		"InvalidInput", "Service role name AWSServiceRoleForRDS has been taken in this account, please try a different suffix.")
	fails(create(iamapi.CreateServiceLinkedRoleRequest{AWSServiceName: "batch.amazonaws.com", CustomSuffix: new("x")}))(t,
		"InvalidInput", "Custom suffix is not allowed for batch.amazonaws.com")
	fails(create(iamapi.CreateServiceLinkedRoleRequest{AWSServiceName: "account.amazonaws.com"}))(t,
		"AccessDenied", "Cannot find Service Linked Role template for account.amazonaws.com")
	suffixed := must(create(iamapi.CreateServiceLinkedRoleRequest{AWSServiceName: "autoscaling.amazonaws.com", CustomSuffix: new("red"), Description: new("mine")}))(t).Role
	if suffixed.RoleName != "AWSServiceRoleForAutoScaling_red" || *suffixed.Description != "mine" {
		t.Errorf("role %+v", suffixed)
	}

	protected := "Cannot perform the operation on the protected role 'AWSServiceRoleForRDS' - this role is only modifiable by AWS"
	for name, err := range map[string]error{
		"DeleteRole":             second(f.DeleteRole(f.root, &iamapi.DeleteRoleRequest{RoleName: ro.RoleName})),
		"DetachRolePolicy":       second(f.DetachRolePolicy(f.root, &iamapi.DetachRolePolicyRequest{RoleName: ro.RoleName, PolicyArn: *list[0].PolicyArn})),
		"UpdateAssumeRolePolicy": second(f.UpdateAssumeRolePolicy(f.root, &iamapi.UpdateAssumeRolePolicyRequest{RoleName: ro.RoleName, PolicyDocument: trustsEC2})),
		"TagRole":                second(f.TagRole(f.root, &iamapi.TagRoleRequest{RoleName: ro.RoleName, Tags: []iamapi.Tag{{Key: "a"}}})),
		"PutRolePermissionsBoundary": second(f.PutRolePermissionsBoundary(f.root, &iamapi.PutRolePermissionsBoundaryRequest{
			RoleName: ro.RoleName, PermissionsBoundary: "arn:aws:iam::aws:policy/ReadOnlyAccess"})),
	} {
		if name == "TagRole" { // AWS lets service-linked roles be tagged
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		fails[any](nil, err)(t, "UnmodifiableEntity", protected)
	}
}

func second[T any](_ T, err error) error { return err }

func TestDeleteServiceLinkedRole(t *testing.T) {
	f := newFixture(t)
	uses := []LinkedUse{{Region: "eu-west-1", Resources: []string{"arn:aws:batch:eu-west-1:111122223333:job-queue/q"}}}
	f.LinkedUses = func(context.Context, string, string) ([]LinkedUse, error) { return uses, nil }
	must(f.CreateServiceLinkedRole(f.root, &iamapi.CreateServiceLinkedRoleRequest{AWSServiceName: "batch.amazonaws.com"}))(t)
	del := func() string {
		return must(f.DeleteServiceLinkedRole(f.root, &iamapi.DeleteServiceLinkedRoleRequest{RoleName: "AWSServiceRoleForBatch"}))(t).DeletionTaskId
	}
	status := func(task string) *iamapi.GetServiceLinkedRoleDeletionStatusResponse {
		return must(f.GetServiceLinkedRoleDeletionStatus(f.root, &iamapi.GetServiceLinkedRoleDeletionStatusRequest{DeletionTaskId: task}))(t)
	}
	task := del()
	if !strings.HasPrefix(task, "task/aws-service-role/batch.amazonaws.com/AWSServiceRoleForBatch/") || del() != task {
		t.Errorf("task %s, again %s", task, del())
	}
	if got := status(task).Status; got != "IN_PROGRESS" {
		t.Errorf("status %s", got)
	}
	f.settle()
	if got := status(task); got.Status != "FAILED" || *got.Reason.RoleUsageList[0].Region != "eu-west-1" || len(got.Reason.RoleUsageList[0].Resources) != 1 {
		t.Errorf("status %+v", got)
	}
	uses = nil
	again := del()
	f.settle()
	if got := status(again); again == task || got.Status != "SUCCEEDED" || got.Reason != nil {
		t.Errorf("task %s, status %+v", again, got)
	}
	fails(f.GetRole(f.root, &iamapi.GetRoleRequest{RoleName: "AWSServiceRoleForBatch"}))(t, "NoSuchEntity", "The role with name AWSServiceRoleForBatch cannot be found.")
	if n := must(f.countsOf(t.Context(), f.Store, testAccount))(t).Roles; n != 0 {
		t.Errorf("%d roles are counted", n)
	}
	fails(f.GetServiceLinkedRoleDeletionStatus(f.other, &iamapi.GetServiceLinkedRoleDeletionStatusRequest{DeletionTaskId: again}))(t,
		"NoSuchEntity", "The deletion task with id "+again+" cannot be found.")
	fails(f.GetServiceLinkedRoleDeletionStatus(f.root, &iamapi.GetServiceLinkedRoleDeletionStatusRequest{DeletionTaskId: "task"}))(t,
		"InvalidInput", "The specified value for deletionTaskId is invalid: task")
	f.Clock.Advance(taskKept + 1)
	f.settle()
	if list := must(f.deletions.List(t.Context(), f.Store, "", "", 0))(t); len(list) != 0 {
		t.Errorf("%d deletions are remembered for ever", len(list))
	}

	must(f.CreateRole(f.root, &iamapi.CreateRoleRequest{RoleName: "own", AssumeRolePolicyDocument: trustsEC2}))(t)
	fails(f.DeleteServiceLinkedRole(f.root, &iamapi.DeleteServiceLinkedRoleRequest{RoleName: "own"}))(t, "NoSuchEntity", "The role with name own cannot be found.")
}

func TestServiceLinkedRoleCondition(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "alice"}))(t)
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "alice", PolicyName: "p", PolicyDocument: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"arn:aws:iam::*:role/aws-service-role/*/AWSServiceRoleForBatch",
		 "Condition":{"StringLike":{"iam:AWSServiceName":"batch.amazonaws.com"}}}]}`}))(t)
	alice := f.asUser("alice")
	if !f.allowed(alice, "CreateServiceLinkedRole", &iamapi.CreateServiceLinkedRoleRequest{AWSServiceName: "batch.amazonaws.com"}) {
		t.Error("the named service is refused")
	}
	if f.allowed(alice, "CreateServiceLinkedRole", &iamapi.CreateServiceLinkedRoleRequest{AWSServiceName: "rds.amazonaws.com"}) {
		t.Error("another service is allowed")
	}
}
