package detect

import (
	"strings"

	"bartizan.dev/logs"
)

// The Custom Detection Rules of IAM, Organizations and sign-in. AWS publishes
// their names, types and severities, and shows their conditions in its console:
// a successful call of the operation (errorCode IS NULL) and its parameters.
// https://docs.aws.amazon.com/guardduty/latest/ug/findings-custom-detection-rules.html
func customIAM(j *judge) []Rule {
	const manipulation = "Persistence:IAM/AccountManipulation"
	const escalation = "PrivilegeEscalation:IAM/AccountManipulation"
	return []Rule{
		{Signal: "OrganizationLeaveAttempt", Type: "DefenseImpairment:Organizations/ModifyCloudResourceHierarchy", Severity: High, Failed: true, // an attempt counts
			On: calls("organizations", "LeaveOrganization"), Title: "An account attempted to leave its organization.",
			Text: "The account {account} attempted to leave its AWS organization: {user} called {api}. An account that leaves is no longer bound by the organization's policies and trails."},
		{Signal: "OrganizationPolicyDisabled", Type: "DefenseImpairment:Organizations/DisableOrModifyTools", Severity: High,
			On: calls("organizations", "DisablePolicyType"), Resource: "AWS::Organizations::Policy", Path: []string{"policyType"},
			Title: "An organization policy type was disabled.", Text: "The policy type {resource} was disabled in the organization by {user} calling {api}."},
		{Signal: "ConsoleLoginWithoutMFA", Type: "InitialAccess:IAM/ValidAccounts", Severity: Medium,
			On: calls("signin", "ConsoleLogin"), Match: loginWithoutMFA, Title: "A console sign-in was made without MFA.",
			Text: "{user} signed in to the AWS console from {ip} without multi-factor authentication."},
		{Signal: "IAMAccessKeyCreated", Type: manipulation, Severity: Low,
			On: calls("iam", "CreateAccessKey"), Resource: "AWS::IAM::User", Path: []string{"userName"},
			Title: "An IAM access key was created.", Text: "An access key was created for the IAM user {resource} by {user} calling {api}."},
		{Signal: "IAMRoleTrustPolicyModified", Type: manipulation, Severity: Medium,
			On: calls("iam", "UpdateAssumeRolePolicy"), Match: j.trustOpened, Resource: "AWS::IAM::Role", Path: []string{"roleName"},
			Title: "The trust policy of an IAM role was opened.", Text: "The trust policy of the role {resource} was changed by {user} calling {api}, so that it can be assumed publicly, from another account or by itself."},
		{Signal: "IAMUserLoginProfileCreated", Type: manipulation, Severity: High,
			On: calls("iam", "CreateLoginProfile"), Resource: "AWS::IAM::User", Path: []string{"userName"},
			Title: "A login profile was created for an IAM user.", Text: "A console password was created for the IAM user {resource}, who had none, by {user} calling {api}."},
		{Signal: "IAMUserLoginProfileUpdated", Type: manipulation, Severity: Medium,
			On: calls("iam", "UpdateLoginProfile"), Resource: "AWS::IAM::User", Path: []string{"userName"},
			Title: "The login profile of an IAM user was updated.", Text: "The console password of the IAM user {resource} was changed by {user} calling {api}."},
		{Signal: "RolesAnywhereTrustAnchorCreated", Type: "Persistence:RolesAnywhere/AccountManipulation", Severity: Medium,
			On: calls("rolesanywhere", "CreateTrustAnchor"), Resource: "AWS::RolesAnywhere::TrustAnchor", Path: []string{"name"},
			Title: "An IAM Roles Anywhere trust anchor was created.", Text: "The trust anchor {resource} was created by {user} calling {api}. Whoever holds a certificate of its authority can obtain credentials."},
		{Signal: "AdminPolicyAttachedToRole", Type: escalation, Severity: High,
			On: calls("iam", "AttachRolePolicy", "PutRolePolicy"), Match: adminPolicy, Resource: "AWS::IAM::Role", Path: []string{"roleName"},
			Title: "An administrator policy was attached to an IAM role.", Text: "A policy that allows everything was attached to the role {resource} by {user} calling {api}."},
		{Signal: "AdminPolicyAttachedToUser", Type: escalation, Severity: High,
			On: calls("iam", "AttachUserPolicy", "PutUserPolicy"), Match: adminPolicy, Resource: "AWS::IAM::User", Path: []string{"userName"},
			Title: "An administrator policy was attached to an IAM user.", Text: "A policy that allows everything was attached to the IAM user {resource} by {user} calling {api}."},
		{Signal: "BedrockServiceCredentialCreated", Type: escalation, Severity: Medium,
			On: calls("iam", "CreateServiceSpecificCredential"), Match: suffix("bedrock.amazonaws.com", "serviceName"), Resource: "AWS::IAM::User", Path: []string{"userName"},
			Title: "An Amazon Bedrock API key was created.", Text: "A service-specific credential for Amazon Bedrock was created for the IAM user {resource} by {user} calling {api}."},
		{Signal: "SESFullAccessPolicyAttachedToRole", Type: escalation, Severity: Medium,
			On: calls("iam", "AttachRolePolicy"), Match: suffix(":policy/AmazonSESFullAccess", "policyArn"), Resource: "AWS::IAM::Role", Path: []string{"roleName"},
			Title: "AmazonSESFullAccess was attached to an IAM role.", Text: "Full access to Amazon SES was given to the role {resource} by {user} calling {api}."},
		{Signal: "SESFullAccessPolicyAttachedToUser", Type: escalation, Severity: Medium,
			On: calls("iam", "AttachUserPolicy"), Match: suffix(":policy/AmazonSESFullAccess", "policyArn"), Resource: "AWS::IAM::User", Path: []string{"userName"},
			Title: "AmazonSESFullAccess was attached to an IAM user.", Text: "Full access to Amazon SES was given to the IAM user {resource} by {user} calling {api}."},
	}
}

// loginWithoutMFA is a sign-in with a password alone; federated users prove
// themselves to somebody else.
func loginWithoutMFA(c *logs.Call) bool {
	return (c.Identity.Type == "IAMUser" || c.Identity.Type == "Root") && c.Response.Get("ConsoleLogin").Text() == "Success" && c.Additional.Get("MFAUsed").Text() == "No"
}

func (j *judge) trustOpened(c *logs.Call) bool {
	text := document(c.Params.Get("policyDocument"))
	if g := j.policy(text, c.Account); g.external {
		return true
	}
	return trustsItself(text, c.Account, c.Params.Get("roleName").Text())
}

// trustsItself finds a role that may assume itself, which keeps sessions alive.
func trustsItself(text, account, role string) bool {
	doc, ok := logs.ParseValue(text)
	if !ok {
		return false
	}
	for s := range doc.Get("Statement").Items() {
		if s.Get("Effect").Text() != "Allow" {
			continue
		}
		for p := range s.Get("Principal", "AWS").Items() {
			name := p.Text()
			if accountOf(name) == account && strings.HasSuffix(name, "/"+role) && strings.Contains(name, ":role/") {
				return true
			}
		}
	}
	return false
}

func adminPolicy(c *logs.Call) bool {
	if arn := c.Params.Get("policyArn").Text(); arn != "" {
		return strings.HasSuffix(arn, ":iam::aws:policy/AdministratorAccess")
	}
	return fullAccess(document(c.Params.Get("policyDocument")))
}
