package detect

// The tactics that GuardDuty sorts unusual calls by, its severity of each, and its
// headings.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-iam.html
const (
	anomalousCredential  = "CredentialAccess:IAMUser/AnomalousBehavior"
	anomalousEvasion     = "DefenseEvasion:IAMUser/AnomalousBehavior"
	anomalousDiscovery   = "Discovery:IAMUser/AnomalousBehavior"
	anomalousExfil       = "Exfiltration:IAMUser/AnomalousBehavior"
	anomalousImpact      = "Impact:IAMUser/AnomalousBehavior"
	anomalousAccess      = "InitialAccess:IAMUser/AnomalousBehavior"
	anomalousPersistence = "Persistence:IAMUser/AnomalousBehavior"
	anomalousEscalation  = "PrivilegeEscalation:IAMUser/AnomalousBehavior"
)

var tactics = map[string]struct {
	severity float64
	title    string
}{
	anomalousCredential:  {Medium, "An API used to gain access to an AWS environment was invoked in an anomalous way."},
	anomalousEvasion:     {Medium, "An API used to evade defensive measures was invoked in an anomalous way."},
	anomalousDiscovery:   {Low, "An API commonly used to discover resources was invoked in an anomalous way."},
	anomalousExfil:       {High, "An API commonly used to collect data from an AWS environment was invoked in an anomalous way."},
	anomalousImpact:      {High, "An API commonly used to tamper with data or processes in an AWS environment was invoked in an anomalous way."},
	anomalousAccess:      {Medium, "An API commonly used to gain unauthorized access to an AWS environment was invoked in an anomalous way."},
	anomalousPersistence: {Medium, "An API commonly used to maintain unauthorized access to an AWS environment was invoked in an anomalous way."},
	anomalousEscalation:  {Medium, "An API commonly used to obtain high-level permissions to an AWS environment was invoked in an anomalous way."},
}

// tactical are the calls that serve a tactic, by service: those that AWS names as
// examples, and those that published techniques use.
// https://attack.mitre.org/matrices/enterprise/cloud/iaas/
var tactical = func() map[On]string {
	out := map[On]string{}
	add := func(kind, service string, names ...string) {
		for _, on := range calls(service, names...) {
			out[on] = kind
		}
	}
	add(anomalousDiscovery, "iam", "ListUsers", "ListRoles", "ListAccessKeys", "ListAttachedUserPolicies", "ListUserPolicies", "GetRolePolicy", "GetUser", "SimulatePrincipalPolicy", "GetAccountAuthorizationDetails", "GetAccountSummary")
	add(anomalousDiscovery, "sts", "GetCallerIdentity")
	add(anomalousDiscovery, "ec2", "DescribeInstances", "DescribeSecurityGroups", "DescribeSnapshots", "DescribeVpcs", "DescribeInstanceAttribute", "DescribeKeyPairs", "DescribeImages")
	add(anomalousDiscovery, "secretsmanager", "ListSecrets")
	add(anomalousDiscovery, "ssm", "DescribeParameters", "DescribeInstanceInformation")
	add(anomalousDiscovery, "s3", "ListBuckets", "GetBucketAcl", "GetBucketPolicy", "GetBucketLogging")
	add(anomalousDiscovery, "organizations", "ListAccounts", "DescribeOrganization")
	add(anomalousDiscovery, "rds", "DescribeDBInstances", "DescribeDBSnapshots")
	add(anomalousDiscovery, "lambda", "ListFunctions20150331", "GetFunction20150331v2", "GetFunction")
	add(anomalousDiscovery, "bedrock", "ListFoundationModels", "GetModelInvocationLoggingConfiguration", "GetFoundationModelAvailability")

	add(anomalousCredential, "secretsmanager", "GetSecretValue", "BatchGetSecretValue")
	add(anomalousCredential, "ssm", "GetParameters", "GetParameter", "GetParametersByPath")
	add(anomalousCredential, "ec2", "GetPasswordData")
	add(anomalousCredential, "redshift", "GetClusterCredentials")

	add(anomalousEvasion, "ec2", "DeleteFlowLogs")
	add(anomalousEvasion, "cloudtrail", "StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors")
	add(anomalousEvasion, "logs", "DeleteLogGroup", "DeleteLogStream")
	add(anomalousEvasion, "monitoring", "DeleteAlarms", "DisableAlarmActions")
	add(anomalousEvasion, "events", "DisableRule", "DeleteRule")
	add(anomalousEvasion, "wafv2", "DeleteWebACL", "DisassociateWebACL", "DeleteLoggingConfiguration")

	add(anomalousExfil, "s3", "PutBucketReplication", "GetObject")
	add(anomalousExfil, "ec2", "CreateSnapshot", "CreateImage", "CopySnapshot", "ModifySnapshotAttribute", "ModifyImageAttribute")
	add(anomalousExfil, "rds", "CreateDBSnapshot", "RestoreDBInstanceFromDBSnapshot", "ModifyDBSnapshotAttribute")

	add(anomalousImpact, "ec2", "TerminateInstances", "DeleteSnapshot", "DeleteVolume", "RunInstances", "DeleteSecurityGroup")
	add(anomalousImpact, "iam", "UpdateUser", "DeleteUser")
	add(anomalousImpact, "rds", "DeleteDBInstance", "DeleteDBCluster", "DeleteDBSnapshot")
	add(anomalousImpact, "s3", "DeleteBucket", "DeleteObjects", "PutBucketVersioning", "PutBucketLifecycle", "PutBucketPolicy", "PutBucketAcl")
	add(anomalousImpact, "bedrock", "InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream")

	add(anomalousAccess, "sts", "GetFederationToken")
	add(anomalousAccess, "ssm", "StartSession", "ResumeSession")
	add(anomalousAccess, "signin", "ConsoleLogin")
	add(anomalousAccess, "ecr", "GetAuthorizationToken")

	add(anomalousPersistence, "iam", "CreateUser", "CreateAccessKey", "CreateRole", "CreateLoginProfile", "UpdateLoginProfile", "UpdateAssumeRolePolicy")
	add(anomalousPersistence, "lambda", "UpdateFunctionCode20150331v2", "UpdateFunctionCode", "CreateFunction20150331", "CreateFunction")
	add(anomalousPersistence, "ec2", "CreateKeyPair", "ImportKeyPair", "AuthorizeSecurityGroupIngress", "ModifyInstanceAttribute")
	add(anomalousPersistence, "ssm", "SendCommand")
	add(anomalousPersistence, "events", "PutRule", "PutTargets")

	add(anomalousEscalation, "iam", "AttachRolePolicy", "PutRolePolicy", "AttachUserPolicy", "PutUserPolicy", "AttachGroupPolicy", "PutGroupPolicy", "AddUserToGroup", "CreatePolicyVersion", "SetDefaultPolicyVersion", "AddRoleToInstanceProfile")
	add(anomalousEscalation, "ec2", "AssociateIamInstanceProfile")
	add(anomalousEscalation, "sts", "AssumeRole")
	return out
}()
