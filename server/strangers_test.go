package server

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"bartizan.dev/sigv4"
)

// TestStrangersPoliciesAreNotTold: who is denied another organization's role
// learns neither what its trust policy says nor that it exists, whichever way it
// asks; the administrator of the server sees all.
func TestStrangersPoliciesAreNotTold(t *testing.T) {
	c := newClient(t)
	const other = "999988887777"
	if _, err := c.iam.EnsureAccount(t.Context(), other, "AKIAOTHER00000000000", "other"); err != nil {
		t.Fatal(err)
	}
	owner := sigv4.Credentials{AccessKey: "AKIAOTHER00000000000", Secret: "other"}
	c.must(c.query(owner, "iam", "CreateRole", "RoleName=vault", "Tags.member.1.Key=floor", "Tags.member.1.Value=hiddenTag",
		`AssumeRolePolicyDocument={"Version":"2012-10-17","Statement":[
			{"Sid":"hiddenAllow","Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"},
			{"Sid":"hiddenDeny","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:TagSession"}]}`,
	))
	eve := c.user("eve", allow("*", "*"))
	role := "arn:aws:iam::" + other + ":role/"
	told := func(v any) string {
		t.Helper()
		doc, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(doc)
	}
	// The first touch is allowed by the trust policy, the second denied by it.
	tagged := []string{"RoleSessionName=eve", "Tags.member.1.Key=a", "Tags.member.1.Value=b"}
	stories := map[string]string{}
	for _, name := range []string{"vault", "nothing"} {
		denied := c.query(eve, "sts", "AssumeRole", append(tagged, "RoleArn="+role+name)...)
		c.refused(denied, "AccessDenied")
		_, id, ok := strings.Cut(denied.leaf["Message"], "authorization id: ")
		if !ok {
			t.Fatal(denied.body)
		}
		details := c.wants(200)(c.rest(eve, "iam", "GET", "/authorization-details/"+id, nil))
		tree := c.wants(200)(c.rest(eve, "iam", "POST", "/explain-authorization", map[string]string{"id": id}))
		stories[name] = told(details) + told(tree)
		for _, secret := range []string{"hidden", "ROLE_TRUST_POLICY", "explicitDeny", "EXPLICIT_DENY", `"CheckType":"RESOURCE"`} {
			if strings.Contains(stories[name], secret) {
				t.Errorf("eve is told %q of %s:\n%s", secret, name, stories[name])
			}
		}
		if !strings.Contains(stories[name], "IDENTITY_BASED_POLICY") || !strings.Contains(told(tree), `"withheld"`) {
			t.Errorf("eve is not told of her own policies, or not that others are withheld:\n%s", stories[name])
		}
		for i := range details["policies"].([]any) {
			uri := at(details, "policies", i, "uri").(string)
			c.wants(200)(c.rest(eve, "iam", "GET", "/authorization-details/"+id+"/policy?policyUri="+uri, nil))
		}
		if name == "vault" {
			story, err := c.toolbox.Past(t.Context(), "", id)
			if err != nil || !strings.Contains(told(story), "hiddenDeny") {
				t.Errorf("the administrator is told %s, %v", told(story), err)
			}
		}
	}
	for _, name := range []string{"vault", "nothing"} {
		question := map[string]any{"principalArn": "arn:aws:iam::000000000000:user/eve", "action": "sts:AssumeRole", "resource": role + name,
			"context": map[string][]string{"aws:ResourceOrgID": {"o-0"}, "aws:PrincipalOrgID": {"o-0"}}}
		status, out := c.rest(eve, "iam", "POST", "/explain-authorization", question)
		if status != 400 || strings.Contains(fmt.Sprint(out), "hidden") {
			t.Errorf("a question about %s: %d %v", name, status, out)
		}
	}
}
