package nodes

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"bartizan.dev/sigv4"
	"bartizan.dev/store/postgres/pgtest"
)

// organizations makes a call that must succeed and returns its answer.
func (n *node) organizations(t *testing.T, c sigv4.Credentials, operation string, in map[string]any) map[string]any {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	a, err := n.send(c, "organizations", "AWSOrganizationsV20161128."+operation, "application/x-amz-json-1.1", body)
	if err != nil || !a.ok() {
		t.Fatalf("organizations:%s: %v %v", operation, a, err)
	}
	out := map[string]any{}
	if len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &out); err != nil {
			t.Fatalf("organizations:%s: %v in %s", operation, err, a.body)
		}
	}
	return out
}

func part[T any](t *testing.T, v map[string]any, path ...string) T {
	t.Helper()
	var at any = v
	for _, p := range path {
		switch x := at.(type) {
		case map[string]any:
			at = x[p]
		case []any:
			at = x[0].(map[string]any)[p]
		}
	}
	out, ok := at.(T)
	if !ok {
		t.Fatalf("no %v in %v", path, v)
	}
	return out
}

// An account made at one node works at the other, and what its organization
// takes away at A is refused at B within a second.
func TestOrganizationRemoved(t *testing.T) {
	p := newPair(t, pgtest.New(t))
	admin := p.a.user(t, p.root, "admin")
	p.a.do(t, p.root, "iam", "PutUserPolicy", "UserName", "admin", "PolicyName", "p", "PolicyDocument", allow("sts:AssumeRole"))
	p.a.organizations(t, p.root, "CreateOrganization", map[string]any{"FeatureSet": "ALL"})
	root := part[string](t, p.b.organizations(t, p.root, "ListRoots", map[string]any{}), "Roots", "Id")
	p.a.organizations(t, p.root, "EnablePolicyType", map[string]any{"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"})
	made := p.a.organizations(t, p.root, "CreateAccount", map[string]any{"Email": "m@example.com", "AccountName": "m"})
	request := part[string](t, made, "CreateAccountStatus", "Id")
	member := ""
	until(t, "the account", 10*time.Second, func() bool {
		st := p.b.organizations(t, p.root, "DescribeCreateAccountStatus", map[string]any{"CreateAccountRequestId": request})
		if part[string](t, st, "CreateAccountStatus", "State") != "SUCCEEDED" {
			return false
		}
		member = part[string](t, st, "CreateAccountStatus", "AccountId")
		return true
	})
	session := credentials(p.b.do(t, admin, "sts", "AssumeRole", "RoleArn", "arn:aws:iam::"+member+":role/OrganizationAccountAccessRole", "RoleSessionName", "session"))

	for _, take := range []struct {
		name string
		do   func()
		undo func()
	}{
		{"scp-attached", func() {
			made := p.a.organizations(t, p.root, "CreatePolicy", map[string]any{"Name": "none", "Description": "d", "Type": "SERVICE_CONTROL_POLICY",
				"Content": `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:ListUsers","Resource":"*"}]}`})
			p.a.organizations(t, p.root, "AttachPolicy", map[string]any{"PolicyId": part[string](t, made, "Policy", "PolicySummary", "Id"), "TargetId": root})
		}, func() {
			list := p.a.organizations(t, p.root, "ListPolicies", map[string]any{"Filter": "SERVICE_CONTROL_POLICY"})
			for _, x := range list["Policies"].([]any) {
				if id := x.(map[string]any)["Id"].(string); id != "p-FullAWSAccess" {
					p.a.organizations(t, p.root, "DetachPolicy", map[string]any{"PolicyId": id, "TargetId": root})
				}
			}
			until(t, "the right at B again", 3*time.Second, func() bool { return p.b.try(t, session, "iam", "ListUsers").ok() })
		}},
		{"account-closed", func() { p.a.organizations(t, p.root, "CloseAccount", map[string]any{"AccountId": member}) }, func() {}},
	} {
		t.Run(take.name, func(t *testing.T) {
			p.b.do(t, session, "iam", "ListUsers")
			w := watch(t, p.b, session, listUsers)
			until(t, "calls at B", 5*time.Second, func() bool { return w.count() > 3 })
			take.do()
			taken := time.Now()
			until(t, "a denial at B", 3*time.Second, w.deniedOnce)
			after := w.count()
			until(t, "more calls at B", 5*time.Second, func() bool { return w.count() > after+5 })
			w.stop(t)
			t.Logf("refused at B %v after the answer at A", w.check(t, taken))
			take.undo()
		})
	}
}

// large is a policy above the size from which principals share what it was
// compiled to.
func large(action string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + action + `","s3:` + strings.Repeat("x", 2500) + `"],"Resource":"*"}]}`
}

// A policy that many principals share loses a right at A, and B refuses it.
func TestSharedPolicyRemoved(t *testing.T) {
	p := newPair(t, pgtest.New(t))
	c := p.a.user(t, p.root, "sharing")
	p.a.do(t, p.root, "iam", "CreatePolicy", "PolicyName", "large", "PolicyDocument", large("iam:ListUsers"))
	p.a.do(t, p.root, "iam", "AttachUserPolicy", "UserName", "sharing", "PolicyArn", policyARN("large"))
	p.b.do(t, c, "iam", "ListUsers")
	w := watch(t, p.b, c, listUsers)
	until(t, "calls at B", 5*time.Second, func() bool { return w.count() > 3 })
	p.a.do(t, p.root, "iam", "CreatePolicyVersion", "PolicyArn", policyARN("large"), "PolicyDocument", large("iam:ListRoles"), "SetAsDefault", "true")
	taken := time.Now()
	until(t, "a denial at B", 3*time.Second, w.deniedOnce)
	after := w.count()
	until(t, "more calls at B", 5*time.Second, func() bool { return w.count() > after+5 })
	w.stop(t)
	t.Logf("refused at B %v after the answer at A", w.check(t, taken))
}
