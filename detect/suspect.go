package detect

import (
	"strings"

	"bartizan.dev/logs"
)

// suspect is a call that is so rare in ordinary administration that it is worth a
// finding of Low severity, unless its principal is learnt and is known to make it.
type suspect struct {
	kind   string
	on     []On
	match  func(*logs.Call) bool
	person bool // only with the long-term keys or the password of a user: programs in roles do it all day
	failed bool // an attempt counts
	why    string
}

// judge looks at one call by name, after look.
func (b *behaviour) judge(ev *Event, suspects []*suspect, tallies []*tally) {
	c, u := ev.Call, &b.now
	if u.skip {
		return
	}
	for _, s := range suspects {
		if u.learnt && !u.call || c.Failed() && !s.failed || s.person && c.Identity.Type != "IAMUser" || s.match != nil && !s.match(c) {
			continue
		}
		severity := Low
		if u.learnt && u.context() > 0 {
			severity = tactics[s.kind].severity
		}
		b.raise(ev, s.kind, severity, s.why)
	}
	for _, t := range tallies {
		b.count(ev, t)
	}
}

// suspects come from published techniques.
// https://attack.mitre.org/matrices/enterprise/cloud/iaas/
func suspects(j *judge) []suspect {
	return append(append(evasions(), footholds(j)...), damages(j)...)
}

func evasions() []suspect {
	const e = anomalousEvasion
	off := func(c *logs.Call) bool { return c.Params.Get("enable").Bool() == logs.No }
	return []suspect{
		{kind: e, on: calls("guardduty", "DeleteDetector", "DisassociateFromMasterAccount", "DisassociateFromAdministratorAccount", "StopMonitoringMembers", "DeletePublishingDestination"), why: "ended monitoring by Amazon GuardDuty: {api}"},
		{kind: e, on: calls("guardduty", "UpdateDetector"), match: off, why: "disabled Amazon GuardDuty: {api}"},
		{kind: e, on: calls("guardduty", "CreateIPSet", "UpdateIPSet"), why: "changed the addresses that Amazon GuardDuty trusts: {api}"},
		{kind: e, on: calls("guardduty", "CreateFilter", "UpdateFilter"), match: func(c *logs.Call) bool { return c.Params.Get("action").Text() == "ARCHIVE" }, why: "suppressed findings of Amazon GuardDuty: {api}"},
		{kind: e, on: calls("config", "StopConfigurationRecorder", "DeleteConfigurationRecorder", "DeleteDeliveryChannel"), why: "ended recording by AWS Config: {api}"},
		{kind: e, on: calls("securityhub", "DisableSecurityHub", "DisableImportFindingsForProduct", "DisassociateFromAdministratorAccount"), why: "disabled AWS Security Hub: {api}"},
		{kind: e, on: calls("access-analyzer", "DeleteAnalyzer"), why: "deleted an analyzer of IAM Access Analyzer: {api}"},
		{kind: e, on: calls("macie2", "DisableMacie"), why: "disabled Amazon Macie: {api}"},
		{kind: e, on: calls("inspector2", "Disable"), why: "disabled Amazon Inspector: {api}"},
		{kind: e, on: calls("detective", "DeleteGraph"), why: "disabled Amazon Detective: {api}"},
		{kind: e, on: calls("cloudtrail", "DeleteEventDataStore", "StopEventDataStoreIngestion"), why: "ended the recording of events in CloudTrail Lake: {api}"},
		{kind: e, on: calls("cloudtrail", "UpdateTrail"), match: func(c *logs.Call) bool {
			return c.Params.Get("s3BucketName").Exists() || c.Params.Get("kmsKeyId").Exists()
		}, why: "changed where a trail is delivered or the key it is encrypted with: {api}"},
		{kind: e, on: calls("monitoring", "DisableAlarmActions"), why: "disabled the actions of alarms: {api}"},
		{kind: e, on: calls("logs", "DeleteLogStream"), why: "deleted a log stream: {api}"},
		{kind: e, on: calls("logs", "DeleteLogGroup"), match: auditGroup, why: "deleted a log group of trails or flow logs: {api}"},
		{kind: e, on: calls("wafv2", "DisassociateWebACL", "DeleteLoggingConfiguration"), why: "took away the protection or the logs of AWS WAF: {api}"},
		{kind: e, on: calls("route53resolver", "DisassociateResolverQueryLogConfig"), why: "ended the logging of DNS queries: {api}"},
		{kind: e, on: calls("rds", "StopActivityStream"), why: "stopped the activity stream of a database: {api}"},
		{kind: e, on: calls("ec2", "DisableEbsEncryptionByDefault"), why: "disabled encryption by default of EBS volumes: {api}"},
		{kind: e, on: calls("ec2", "ModifyInstanceMetadataOptions"), match: func(c *logs.Call) bool {
			tokens := c.Params.Get("ModifyInstanceMetadataOptionsRequest", "HttpTokens")
			if !tokens.Exists() {
				tokens = c.Params.Get("httpTokens")
			}
			return tokens.Text() == "optional"
		}, why: "allowed version 1 of the instance metadata service: {api}"},
		{kind: e, on: calls("account", "EnableRegion"), why: "enabled a Region for the account: {api}"},
		{kind: e, on: calls("s3", "PutBucketVersioning"), match: func(c *logs.Call) bool {
			return c.Params.Get("VersioningConfiguration", "Status").Text() == "Suspended"
		}, why: "suspended the versioning of a bucket: {api}"},
	}
}

// auditGroup is a log group that by its name holds what investigators need.
func auditGroup(c *logs.Call) bool {
	name := strings.ToLower(c.Params.Get("logGroupName").Text())
	for _, word := range [...]string{"trail", "flow", "audit", "guardduty"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

func footholds(j *judge) []suspect {
	const p, x, a = anomalousPersistence, anomalousEscalation, anomalousAccess
	return []suspect{
		{kind: p, on: calls("iam", "CreateSAMLProvider", "UpdateSAMLProvider", "CreateOpenIDConnectProvider", "AddClientIDToOpenIDConnectProvider", "UpdateOpenIDConnectProviderThumbprint"), why: "added or changed an identity provider that can issue credentials for the account: {api}"},
		{kind: p, on: calls("iam", "DeactivateMFADevice"), why: "took multi-factor authentication from a user: {api}"},
		{kind: p, on: calls("iam", "UploadSigningCertificate", "UploadSSHPublicKey"), why: "gave a user credentials of another kind: {api}"},
		{kind: p, on: calls("iam", "CreateRole"), match: func(c *logs.Call) bool {
			return j.policy(document(c.Params.Get("assumeRolePolicyDocument")), c.Account).external
		}, why: "created a role that another account can assume: {api}"},
		{kind: p, on: calls("rolesanywhere", "CreateProfile", "EnableTrustAnchor", "UpdateTrustAnchor", "ImportCrl"), why: "changed who obtains credentials from IAM Roles Anywhere: {api}"},
		{kind: p, on: calls("lambda", "UpdateFunctionCode20150331v2", "UpdateFunctionCode"), person: true, why: "replaced the code of a Lambda function: {api}"},
		{kind: p, on: calls("lambda", "UpdateFunctionConfiguration20150331v2", "UpdateFunctionConfiguration"), match: foreignLayer, why: "added a layer of another account to a Lambda function: {api}"},
		{kind: p, on: calls("lambda", "AddPermission20150331v2", "AddPermission20150331", "AddPermission"), match: func(c *logs.Call) bool {
			who := accountOf(c.Params.Get("principal").Text())
			return who != "" && who != c.Account
		}, why: "let another account invoke a Lambda function: {api}"},
		{kind: p, on: calls("ec2", "EnableSerialConsoleAccess"), why: "opened the serial console of the account's instances: {api}"},
		{kind: x, on: calls("ec2", "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation"), person: true, why: "gave an instance another role: {api}"},
		{kind: x, on: calls("iam", "DeleteRolePermissionsBoundary", "DeleteUserPermissionsBoundary"), why: "removed a permissions boundary: {api}"},
		{kind: x, on: calls("iam", "CreatePolicyVersion", "CreatePolicy"), match: func(c *logs.Call) bool { return fullAccess(document(c.Params.Get("policyDocument"))) }, why: "wrote a policy that allows everything: {api}"},
		{kind: x, on: calls("iam", "SetDefaultPolicyVersion"), why: "brought back another version of a policy: {api}"},
		{kind: x, on: calls("iam", "AttachGroupPolicy", "PutGroupPolicy"), match: adminPolicy, why: "gave a group a policy that allows everything: {api}"},
		{kind: x, on: calls("iam", "AddUserToGroup", "AttachUserPolicy", "PutUserPolicy"), match: forItself, why: "widened its own permissions: {api}"},
		{kind: x, on: calls("iam", "AttachUserPolicy", "AttachRolePolicy"), match: suffix(":policy/IAMFullAccess", "policyArn"), why: "attached IAMFullAccess: {api}"},
		{kind: x, on: calls("sts", "AssumeRoot"), why: "took the root credentials of a member account: {api}"},
		{kind: x, on: calls("sagemaker", "CreatePresignedNotebookInstanceUrl"), person: true, why: "opened a notebook with the permissions of its role: {api}"},
		{kind: x, on: calls("glue", "UpdateDevEndpoint", "CreateDevEndpoint"), why: "opened a development endpoint with the permissions of its role: {api}"},
		{kind: a, on: calls("sts", "GetFederationToken"), why: "made a session that outlives its access key: {api}"},
		{kind: a, on: calls("signin", "ConsoleLogin"), match: func(c *logs.Call) bool {
			return c.Identity.Type == "FederatedUser" && c.Response.Get("ConsoleLogin").Text() == "Success"
		}, why: "signed in to the console with credentials of GetFederationToken: {api}"},
		{kind: a, on: calls("ssm", "StartSession", "ResumeSession"), why: "opened a session on an instance: {api}"},
	}
}

// forItself is a call of IAM about its caller.
func forItself(c *logs.Call) bool {
	name := c.Params.Get("userName").Text()
	return name != "" && c.Identity.Type == "IAMUser" && name == c.Identity.User
}

func foreignLayer(c *logs.Call) bool {
	for v := range c.Params.Get("layers").Items() {
		if who := accountOf(v.Text()); who != "" && who != c.Account {
			return true
		}
	}
	return false
}

func damages(j *judge) []suspect {
	const x, i, d = anomalousExfil, anomalousImpact, anomalousDiscovery
	opens := func(name string) func(*logs.Call) bool {
		return func(c *logs.Call) bool {
			p := c.Params.Get(name)
			return p.Exists() && j.policy(document(p), c.Account).external
		}
	}
	return []suspect{
		{kind: anomalousCredential, on: calls("lightsail", "DownloadDefaultKeyPair"), why: "downloaded a private key: {api}"},
		{kind: anomalousCredential, on: calls("redshift", "GetClusterCredentials"), person: true, why: "obtained the password of a database user: {api}"},
		{kind: x, on: calls("ec2", "ExportImage", "CreateInstanceExportTask", "CreateStoreImageTask"), why: "exported an image of an instance: {api}"},
		{kind: x, on: calls("rds", "StartExportTask"), why: "exported a snapshot of a database: {api}"},
		{kind: x, on: calls("ebs", "ListSnapshotBlocks", "GetSnapshotBlock"), person: true, why: "read the blocks of a snapshot: {api}"},
		{kind: x, on: calls("ec2", "CreateTrafficMirrorSession"), why: "mirrors the traffic of an instance: {api}"},
		{kind: x, on: calls("s3", "PutBucketReplication"), why: "set a bucket to replicate its objects: {api}"},
		{kind: x, on: calls("secretsmanager", "PutResourcePolicy"), match: opens("resourcePolicy"), why: "opened a secret to another account: {api}"},
		{kind: x, on: calls("ecr", "SetRepositoryPolicy"), match: opens("policyText"), why: "opened a repository to another account: {api}"},
		{kind: x, on: calls("kms", "PutKeyPolicy"), match: opens("policy"), why: "opened a key to another account: {api}"},
		{kind: x, on: calls("glue", "PutResourcePolicy"), match: opens("policyInJson"), why: "opened the data catalog to another account: {api}"},
		{kind: x, on: calls("route53domains", "TransferDomainToAnotherAwsAccount", "DisableDomainTransferLock"), why: "prepared the transfer of a domain: {api}"},
		{kind: i, on: calls("kms", "ScheduleKeyDeletion", "DeleteImportedKeyMaterial"), why: "deletes a key, and with it what it encrypts: {api}"},
		{kind: i, on: calls("backup", "DeleteBackupVault", "DeleteRecoveryPoint", "DeleteBackupVaultLockConfiguration"), why: "deleted backups: {api}"},
		{kind: i, on: calls("organizations", "RemoveAccountFromOrganization", "CloseAccount"), why: "closed an account or removed it from its organization: {api}"},
		{kind: i, on: calls("bedrock", "InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream"), person: true, why: "invoked a model with the key of a user: {api}"},
		{kind: i, on: calls("bedrock", "PutUseCaseForModelAccess", "CreateFoundationModelAgreement", "PutFoundationModelEntitlement"), why: "asked for access to models: {api}"},
		{kind: i, on: calls("ec2", "RunInstances"), match: accelerated, person: true, why: "launched instances with accelerators: {api}"},
		{kind: d, on: calls("iam", "GetAccountAuthorizationDetails"), why: "read all users, groups, roles and policies: {api}"},
		{kind: d, on: calls("ses", "GetSendQuota", "GetAccount"), person: true, why: "asked how much e-mail the account can send: {api}"},
		{kind: d, on: calls("bedrock", "GetModelInvocationLoggingConfiguration"), person: true, why: "asked whether the invocation of models is logged: {api}"},
	}
}

// accelerated are the types of instances that miners want.
func accelerated(c *logs.Call) bool {
	kind := c.Params.Get("instanceType").Text()
	for _, p := range [...]string{"p2.", "p3.", "p3dn.", "p4", "p5", "g3", "g4", "g5", "g6", "inf", "trn"} {
		if strings.HasPrefix(kind, p) {
			return true
		}
	}
	return false
}
