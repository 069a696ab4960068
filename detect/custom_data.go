package detect

import (
	"strings"

	"bartizan.dev/logs"
)

// The Custom Detection Rules of S3, RDS and SES; see custom_iam.go.
func customData(j *judge) []Rule {
	database := []string{"dBInstanceIdentifier"}
	cluster := []string{"dBClusterIdentifier"}
	instances, clusters := calls("rds", "ModifyDBInstance"), calls("rds", "ModifyDBCluster")
	rules := []Rule{
		{Signal: "S3CustomerProvidedKeysEnabled", Type: "DefenseImpairment:S3/DisableOrModifyTools", Severity: High,
			On: calls("s3", "PutBucketEncryption"), Match: customerKeys, Resource: "AWS::S3::Bucket", Path: []string{"bucketName"},
			Title: "Encryption with customer-provided keys was enabled on an S3 bucket.", Text: "Server-side encryption with customer-provided keys (SSE-C) was enabled again on the bucket {resource} by {user} calling {api}. Ransomware encrypts objects with keys that AWS does not keep."},
		{Signal: "S3BucketPolicyExternalAccess", Type: "Exfiltration:S3/TransferDataToCloudAccount", Severity: High,
			On: calls("s3", "PutBucketPolicy"), Match: func(c *logs.Call) bool { return j.policy(bucketPolicy(c), c.Account).external }, Resource: "AWS::S3::Bucket", Path: []string{"bucketName"},
			Title: "An S3 bucket policy granted access outside the account.", Text: "The policy of the bucket {resource} was changed by {user} calling {api}, so that everyone or another account has access."},
		{Signal: "S3LifecycleRapidExpiration", Type: "Impact:S3/DataDestruction", Severity: Medium,
			On: calls("s3", "PutBucketLifecycle", "PutBucketLifecycleConfiguration"), Match: rapidExpiration, Resource: "AWS::S3::Bucket", Path: []string{"bucketName"},
			Title: "An S3 lifecycle configuration lets objects expire within a day.", Text: "The lifecycle configuration of the bucket {resource} was changed by {user} calling {api}, so that objects are deleted after one day."},
		{Signal: "RDSSnapshotPubliclyShared", Type: "Exfiltration:RDS/TransferDataToCloudAccount", Severity: High,
			On: calls("rds", "ModifyDBSnapshotAttribute"), Match: sharesSnapshot("all"), Resource: "AWS::RDS::DBSnapshot", Path: []string{"dBSnapshotIdentifier"},
			Title: "An RDS snapshot was shared publicly.", Text: "The snapshot {resource} was made public by {user} calling {api}."},
		{Signal: "RDSSnapshotPubliclyShared", Type: "Exfiltration:RDS/TransferDataToCloudAccount", Severity: High,
			On: calls("rds", "ModifyDBClusterSnapshotAttribute"), Match: sharesSnapshot("all"), Resource: "AWS::RDS::DBClusterSnapshot", Path: []string{"dBClusterSnapshotIdentifier"},
			Title: "An RDS snapshot was shared publicly.", Text: "The snapshot {resource} was made public by {user} calling {api}."},
		// Not one of AWS's rules: the same technique with an account as the target.
		{Type: "Exfiltration:RDS/TransferDataToCloudAccount", Severity: Medium,
			On: calls("rds", "ModifyDBSnapshotAttribute"), Match: sharesSnapshot(""), Resource: "AWS::RDS::DBSnapshot", Path: []string{"dBSnapshotIdentifier"},
			Title: "An RDS snapshot was shared with another account.", Text: "The snapshot {resource} was shared with another account by {user} calling {api}."},
		{Type: "Exfiltration:RDS/TransferDataToCloudAccount", Severity: Medium,
			On: calls("rds", "ModifyDBClusterSnapshotAttribute"), Match: sharesSnapshot(""), Resource: "AWS::RDS::DBClusterSnapshot", Path: []string{"dBClusterSnapshotIdentifier"},
			Title: "An RDS snapshot was shared with another account.", Text: "The snapshot {resource} was shared with another account by {user} calling {api}."},
		{Signal: "SESAccountSendingEnabled", Type: "Impact:SES/ResourceHijacking", Severity: Low,
			On: calls("ses", "UpdateAccountSendingEnabled"), Match: param(logs.Yes, "enabled"), Title: "Email sending was enabled for the account.", Text: "Email sending by Amazon SES was enabled for the account {account} by {user} calling {api}."},
		{Signal: "SESAccountSendingEnabled", Type: "Impact:SES/ResourceHijacking", Severity: Low,
			On: calls("ses", "PutAccountSendingAttributes"), Match: param(logs.Yes, "sendingEnabled"), Title: "Email sending was enabled for the account.", Text: "Email sending by Amazon SES was enabled for the account {account} by {user} calling {api}."},
		{Signal: "SESProductionAccessEnabled", Type: "Impact:SES/ResourceHijacking", Severity: Medium,
			On: calls("ses", "PutAccountDetails"), Match: param(logs.Yes, "productionAccessEnabled"), Title: "SES production access was requested.", Text: "{user} called {api} to take Amazon SES of the account {account} out of its sandbox."},
		{Signal: "SESDomainIdentityVerified", Type: "ResourceDevelopment:SES/CompromiseAccounts", Severity: Medium,
			On: calls("ses", "VerifyDomainIdentity", "VerifyDomainDkim"), Resource: "AWS::SES::EmailIdentity", Path: []string{"domain"},
			Title: "A domain identity was verified in SES.", Text: "The domain {resource} was given to Amazon SES as an identity to send from, by {user} calling {api}."},
		{Signal: "SESDomainIdentityVerified", Type: "ResourceDevelopment:SES/CompromiseAccounts", Severity: Medium,
			On: calls("ses", "CreateEmailIdentity"), Match: isDomain, Resource: "AWS::SES::EmailIdentity", Path: []string{"emailIdentity"},
			Title: "A domain identity was verified in SES.", Text: "The domain {resource} was given to Amazon SES as an identity to send from, by {user} calling {api}."},
		{Signal: "RDSPubliclyAccessible", Type: "InitialAccess:RDS/ExploitPublicFacingApplication", Severity: High,
			On: instances, Match: param(logs.Yes, "publiclyAccessible"), Resource: "AWS::RDS::DBInstance", Path: database,
			Title: "An RDS instance was made publicly accessible.", Text: "The database {resource} was made publicly accessible by {user} calling {api}."},
	}
	for _, on := range []struct {
		calls []On
		kind  string
		path  []string
	}{{instances, "AWS::RDS::DBInstance", database}, {clusters, "AWS::RDS::DBCluster", cluster}} {
		rules = append(rules,
			Rule{Signal: "RDSMasterPasswordReset", Type: "CredentialAccess:RDS/ModifyAuthenticationProcess", Severity: High,
				On: on.calls, Match: present("masterUserPassword"), Resource: on.kind, Path: on.path,
				Title: "The master password of an RDS database was reset.", Text: "The master password of the database {resource} was reset by {user} calling {api}."},
			Rule{Signal: "RDSIAMAuthDisabled", Type: "DefenseImpairment:RDS/ModifyAuthenticationProcess", Severity: Medium,
				On: on.calls, Match: param(logs.No, "enableIAMDatabaseAuthentication"), Resource: on.kind, Path: on.path,
				Title: "IAM database authentication was disabled.", Text: "IAM authentication of the database {resource} was disabled by {user} calling {api}."})
	}
	return rules
}

// customerKeys finds a configuration that blocks no kind of encryption, where
// SSE-C is blocked otherwise.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_BlockedEncryptionTypes.html
func customerKeys(c *logs.Call) bool {
	for r := range c.Params.Get("ServerSideEncryptionConfiguration", "Rule").Items() {
		if has(r.Get("BlockedEncryptionTypes", "EncryptionType"), "NONE") {
			return true
		}
	}
	return false
}

func bucketPolicy(c *logs.Call) string { return document(c.Params.Get("bucketPolicy")) }

func rapidExpiration(c *logs.Call) bool {
	for r := range c.Params.Get("LifecycleConfiguration", "Rule").Items() {
		if r.Get("Status").Text() == "Disabled" {
			continue
		}
		if daysOf(r.Get("Expiration", "Days")) == 1 || daysOf(r.Get("NoncurrentVersionExpiration", "NoncurrentDays")) == 1 && r.Get("Expiration").Exists() {
			return true
		}
	}
	return false
}

// sharesSnapshot finds "all" among those who may restore a snapshot, or, asked
// for "", another account.
func sharesSnapshot(who string) func(*logs.Call) bool {
	return func(c *logs.Call) bool {
		if c.Params.Get("attributeName").Text() != "restore" {
			return false
		}
		public, other := false, false
		for v := range c.Params.Get("valuesToAdd").Items() {
			public = public || v.Text() == "all"
			other = other || accountOf(v.Text()) != "" && v.Text() != c.Account
		}
		if who == "all" {
			return public
		}
		return other && !public
	}
}

func isDomain(c *logs.Call) bool {
	name := c.Params.Get("emailIdentity").Text()
	return name != "" && !strings.Contains(name, "@")
}
