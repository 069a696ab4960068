package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"bartizan.dev/sigv4"
)

// orgCall calls an operation, as root unless who says otherwise, and
// returns its answer; it must succeed.
func (c *client) orgCall(operation string, in map[string]any) map[string]any {
	c.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		c.t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1:4566/", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSOrganizationsV20161128."+operation)
	if err := sigv4.Sign(r, sigv4.Credentials{AccessKey: "test", Secret: "test"}, "us-east-1", "organizations", sigv4.HashPayload(body), time.Now()); err != nil {
		c.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	out := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			c.t.Fatalf("%s: %d %s", operation, w.Code, w.Body)
		}
	}
	if w.Code != 200 {
		c.t.Fatalf("%s: %d %s", operation, w.Code, w.Body)
	}
	return out
}

// memberAccount makes an account and returns its id and credentials of its
// administrator.
func (c *client) memberAccount(admin sigv4.Credentials, name string) (string, sigv4.Credentials) {
	c.t.Helper()
	made := c.orgCall("CreateAccount", map[string]any{"Email": name + "@example.com", "AccountName": name})
	request := at(made, "CreateAccountStatus", "Id").(string)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		st := c.orgCall("DescribeCreateAccountStatus", map[string]any{"CreateAccountRequestId": request})
		switch at(st, "CreateAccountStatus", "State") {
		case "SUCCEEDED":
			id := at(st, "CreateAccountStatus", "AccountId").(string)
			role := c.must(c.query(admin, "sts", "AssumeRole", "RoleArn=arn:aws:iam::"+id+":role/OrganizationAccountAccessRole", "RoleSessionName=admin"))
			return id, role.creds()
		case "FAILED":
			c.t.Fatalf("account %s: %v", name, st)
		}
	}
	c.t.Fatalf("account %s is not made after ten seconds", name)
	return "", sigv4.Credentials{}
}

func (c *client) attach(kind, name, content, target string) {
	c.t.Helper()
	p := c.orgCall("CreatePolicy", map[string]any{"Name": name, "Description": "d", "Type": kind, "Content": content})
	c.orgCall("AttachPolicy", map[string]any{"PolicyId": at(p, "Policy", "PolicySummary", "Id"), "TargetId": target})
}

// TestOrganizationBinds: an SCP at the root and one at an OU bind a member's
// users and its root, not the management account and not service-linked roles;
// an RCP binds who comes from outside; conditions know the organization; and a
// denial is explained with the targets.
func TestOrganizationBinds(t *testing.T) {
	c := newClient(t)
	end := c.later(t.Context())
	t.Cleanup(end)
	admin := c.user("admin", allow("*", "*"))
	c.orgCall("CreateOrganization", map[string]any{"FeatureSet": "ALL"})
	root := at(c.orgCall("ListRoots", map[string]any{}), "Roots", 0, "Id").(string)
	for _, kind := range []string{"SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"} {
		c.orgCall("EnablePolicyType", map[string]any{"RootId": root, "PolicyType": kind})
	}
	unit := at(c.orgCall("CreateOrganizationalUnit", map[string]any{"ParentId": root, "Name": "work"}), "OrganizationalUnit", "Id").(string)
	member, in := c.memberAccount(admin, "member")
	c.orgCall("MoveAccount", map[string]any{"AccountId": member, "SourceParentId": root, "DestinationParentId": unit})

	c.must(c.query(in, "iam", "CreateUser", "UserName=one"))
	c.attach("SERVICE_CONTROL_POLICY", "noUsers", `{"Version":"2012-10-17","Statement":[{"Sid":"NoUsers","Effect":"Deny","Action":"iam:CreateUser","Resource":"*"}]}`, unit)
	denied := c.query(in, "iam", "CreateUser", "UserName=two")
	c.refused(denied, "AccessDenied")
	if !strings.Contains(denied.body, "with an explicit deny in a service control policy: arn:aws:organizations::000000000000:policy/o-") {
		t.Errorf("the denial does not name the policy: %s", denied.body)
	}
	c.must(c.query(admin, "iam", "CreateUser", "UserName=two")) // the management account is exempt

	// The denial, told with the level it was made at.
	_, id, _ := strings.Cut(denied.leaf["Message"], "authorization id: ")
	details := c.wants(200)(c.rest(in, "iam", "GET", "/authorization-details/"+id, nil))
	found := false
	for _, check := range at(details, "evaluations", 0, "checks").([]any) {
		if at(check, "checkType") == "SERVICE_CONTROL_POLICY" && at(check, "evaluatedEffect") == "EXPLICIT_DENY" {
			found = true
			if target, _ := at(check, "targetArn").(string); !strings.HasSuffix(target, "/"+unit) {
				t.Errorf("the denying SCP's target is %q, want the OU %s", target, unit)
			}
		}
	}
	if !found {
		t.Errorf("no check of the SCP that denied: %v", details)
	}
	c.wants(200)(c.rest(admin, "iam", "GET", "/authorization-details/"+id, nil)) // of the same organization

	// Who is outside the organization may not assume a role by an RCP.
	c.attach("RESOURCE_CONTROL_POLICY", "inside", fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":%q},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}]}`,
		at(c.orgCall("DescribeOrganization", map[string]any{}), "Organization", "Id")), root)
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["000000000000","999988887777"]},"Action":"sts:AssumeRole"}]}`
	c.must(c.query(in, "iam", "CreateRole", "RoleName=shared", "AssumeRolePolicyDocument="+trust))
	c.must(c.query(admin, "sts", "AssumeRole", "RoleArn=arn:aws:iam::"+member+":role/shared", "RoleSessionName=inside"))
	if _, err := c.iam.EnsureAccount(t.Context(), "999988887777", "AKIAOUTSIDE000000000", "outside"); err != nil {
		t.Fatal(err)
	}
	outside := sigv4.Credentials{AccessKey: "AKIAOUTSIDE000000000", Secret: "outside"}
	c.must(c.query(outside, "iam", "CreateUser", "UserName=eve"))
	c.must(c.query(outside, "iam", "PutUserPolicy", "UserName=eve", "PolicyName=p", "PolicyDocument="+allow("*", "*")))
	eve := c.must(c.query(outside, "iam", "CreateAccessKey", "UserName=eve")).creds()
	c.wants(404)(c.rest(eve, "iam", "GET", "/authorization-details/"+id, nil))
	c.refused(c.query(eve, "sts", "AssumeRole", "RoleArn=arn:aws:iam::"+member+":role/shared", "RoleSessionName=outside"), "AccessDenied")

	// A closed account's principals may do nothing.
	c.orgCall("CloseAccount", map[string]any{"AccountId": member})
	c.refused(c.query(in, "iam", "ListUsers"), "AccessDenied")
}

// TestSimulationKnowsTheOrganization: the simulator answers as the gateway does
// in a member account, and tells what the organization says.
func TestSimulationKnowsTheOrganization(t *testing.T) {
	c := newClient(t)
	t.Cleanup(c.later(t.Context()))
	admin := c.user("admin", allow("*", "*"))
	c.orgCall("CreateOrganization", map[string]any{"FeatureSet": "ALL"})
	root := at(c.orgCall("ListRoots", map[string]any{}), "Roots", 0, "Id").(string)
	c.orgCall("EnablePolicyType", map[string]any{"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"})
	member, in := c.memberAccount(admin, "member")
	c.attach("SERVICE_CONTROL_POLICY", "noUsers", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:CreateUser","Resource":"*"}]}`, member)
	source := "PolicySourceArn=arn:aws:iam::" + member + ":role/OrganizationAccountAccessRole"
	for action, want := range map[string]string{"iam:CreateUser": "explicitDeny", "iam:CreateRole": "allowed"} {
		got := c.must(c.query(in, "iam", "SimulatePrincipalPolicy", source, "ActionNames.member.1="+action))
		if got.leaf["EvalDecision"] != want || got.leaf["AllowedByOrganizations"] != fmt.Sprint(want == "allowed") {
			t.Errorf("%s: %s", action, got.body)
		}
	}
	got := c.must(c.query(in, "iam", "SimulatePrincipalPolicy", source, "ActionNames.member.1=iam:CreateUser", "PolicyExclusionList.member.1.PolicyType=scp"))
	if got.leaf["EvalDecision"] != "allowed" {
		t.Errorf("without SCPs: %s", got.body)
	}
}
