package server

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	organizationsapi "bartizan.dev/api/organizations"
	"bartizan.dev/caller"
	"bartizan.dev/oidc"
	"bartizan.dev/sigv4"
)

// newOrganization makes the dev account manage an organization that trusts IAM,
// with one member.
func newOrganization(t *testing.T, c *client) (member string) {
	t.Helper()
	account := c.must(c.query(devKeys, "sts", "GetCallerIdentity")).leaf["Account"]
	ctx := caller.With(t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account, ID: account}, Time: c.clock.Now()})
	org := c.organizations
	if _, err := org.CreateOrganization(ctx, &organizationsapi.CreateOrganizationRequest{FeatureSet: "ALL"}); err != nil {
		t.Fatal(err)
	}
	if _, err := org.EnableAWSServiceAccess(ctx, &organizationsapi.EnableAWSServiceAccessRequest{ServicePrincipal: iamPrincipal}); err != nil {
		t.Fatal(err)
	}
	made, err := org.CreateAccount(ctx, &organizationsapi.CreateAccountRequest{Email: "member@example.com", AccountName: "member"})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- org.Run(running) }()
	if err := org.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	status, err := org.DescribeCreateAccountStatus(ctx, &organizationsapi.DescribeCreateAccountStatusRequest{CreateAccountRequestId: *made.CreateAccountStatus.Id})
	if err != nil || status.CreateAccountStatus.AccountId == nil {
		t.Fatalf("account: %+v, %v", status, err)
	}
	return *status.CreateAccountStatus.AccountId
}

// TestAssumeRoot: the management account does a member's root tasks, and nothing
// but the task.
func TestAssumeRoot(t *testing.T) {
	c := newClient(t)
	member := newOrganization(t, c)
	c.root("CreateUser", "UserName=boss")
	c.root("PutUserPolicy", "UserName=boss", "PolicyName=p", `PolicyDocument={"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRoot","Resource":"arn:aws:iam::`+member+`:root",
		"Condition":{"StringLike":{"sts:TaskPolicyArn":"arn:aws:iam::aws:policy/root-task/IAM*"}}}}`)
	boss := c.root("CreateAccessKey", "UserName=boss").creds()
	assume := func(who sigv4.Credentials, task string) *reply {
		return c.query(who, "sts", "AssumeRoot", "TargetPrincipal="+member, "TaskPolicyArn.arn=arn:aws:iam::aws:policy/root-task/"+task)
	}
	c.refused(assume(boss, "IAMAuditRootUserCredentials"), "AccessDenied")
	c.root("EnableOrganizationsRootCredentialsManagement")
	c.refused(assume(boss, "IAMCreateRootUserPassword"), "AccessDenied")
	if got := c.root("EnableOrganizationsRootSessions").body; !strings.Contains(got, "RootCredentialsManagement") || !strings.Contains(got, "RootSessions") {
		t.Errorf("features %s", got)
	}
	c.refused(assume(devKeys, "IAMAuditRootUserCredentials"), "AccessDenied")
	c.refused(assume(boss, "S3UnlockBucketPolicy"), "AccessDenied")

	audit := c.must(assume(boss, "IAMAuditRootUserCredentials")).creds()
	if got := c.must(c.query(audit, "sts", "GetCallerIdentity")).leaf["Arn"]; got != "arn:aws:iam::"+member+":root" {
		t.Errorf("the session is %s", got)
	}
	for _, action := range []string{"ListAccessKeys", "ListMFADevices", "ListSigningCertificates", "GetAccountSummary", "GetUser"} {
		c.must(c.query(audit, "iam", action))
	}
	c.refused(c.query(audit, "iam", "GetLoginProfile"), "NoSuchEntity")
	for _, action := range []string{"ListUsers", "CreateLoginProfile", "DeleteLoginProfile", "CreateAccessKey"} {
		c.refused(c.query(audit, "iam", action), "AccessDenied")
	}
	c.refused(c.query(audit, "iam", "ListAccessKeys", "UserName=boss"), "AccessDenied")
	c.refused(c.query(audit, "sts", "AssumeRole", "RoleArn=arn:aws:iam::"+member+":role/OrganizationAccountAccessRole", "RoleSessionName=me"), "AccessDenied")

	create := c.must(assume(boss, "IAMCreateRootUserPassword")).creds()
	c.must(c.query(create, "iam", "CreateLoginProfile"))
	c.must(c.query(create, "iam", "GetLoginProfile"))
	c.refused(c.query(create, "iam", "DeleteLoginProfile"), "AccessDenied")
	remove := c.must(assume(boss, "IAMDeleteRootUserCredentials")).creds()
	c.must(c.query(remove, "iam", "DeleteLoginProfile"))
	c.refused(c.query(audit, "iam", "GetLoginProfile"), "NoSuchEntity")
}

// TestWebIdentityToken: what GetWebIdentityToken gives verifies with what the
// issuer publishes.
func TestWebIdentityToken(t *testing.T) {
	c := newClient(t)
	c.root("CreateUser", "UserName=alice")
	alice := c.root("CreateAccessKey", "UserName=alice").creds()
	ask := func(who sigv4.Credentials, more ...string) *reply {
		return c.query(who, "sts", "GetWebIdentityToken", append([]string{"Audience.member.1=https://api.test", "SigningAlgorithm=RS256"}, more...)...)
	}
	c.refused(ask(devKeys), "OutboundWebIdentityFederationDisabledException")
	issuer := c.root("EnableOutboundWebIdentityFederation").leaf["IssuerIdentifier"]
	c.refused(ask(alice), "AccessDenied")
	c.root("PutUserPolicy", "UserName=alice", "PolicyName=p", `PolicyDocument={"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*"}}`)
	c.refused(ask(alice, "Tags.member.1.Key=a", "Tags.member.1.Value=b"), "AccessDenied")
	c.root("TagUser", "UserName=alice", "Tags.member.1.Key=team", "Tags.member.1.Value=red")
	token := c.must(ask(alice)).leaf["WebIdentityToken"]

	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, httptest.NewRequest("GET", issuer[strings.Index(issuer, "/_bartizan/"):]+"/.well-known/jwks.json", nil))
	keys, err := oidc.ParseJWKS(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	u, err := oidc.Parse(token)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := u.Verify(keys, []string{"RS256"})
	if err != nil {
		t.Fatal(err)
	}
	own, ok := claims["https://sts.amazonaws.com/"].(map[string]any)
	if !ok || claims.String("iss") != issuer || !strings.HasSuffix(claims.String("sub"), ":user/alice") {
		t.Errorf("claims %v", claims)
	}
	if tags, ok := own["principal_tags"].(map[string]any); !ok || tags["team"] != "red" {
		t.Errorf("claims of AWS %v", own)
	}
}
