package main

import (
	"fmt"
	"slices"
	"time"

	"bartizan.dev/logs/logstest"
)

// techniques are all of them. None of their names, principals or addresses tells
// what they are.
func techniques() []technique {
	return slices.Concat(blinding(), credentials(), entrances(), backdoors(), theft(), harm())
}

// key is an attacker with the key of a user, session one with the session of a
// role: after the hour of work, from elsewhere.
func key(user, ip, agent string) *script {
	return person{logstest.User(user), ip, agent}.begins(logstest.Start.Add(65*time.Minute), 4*time.Second)
}

func session(role, name, ip, agent string) *script {
	return person{logstest.Role(role, name), ip, agent}.begins(logstest.Start.Add(65*time.Minute), 4*time.Second)
}

func one(id, name string, fits []string, s *script) technique {
	return technique{id, name, fits, s.events}
}

// made does one call and returns the script.
func (s *script) made(service, name string, params any) *script {
	s.does(service, name, params)
	return s
}

func (s *script) refused(service, name string, params any) *script {
	s.denied(service, name, params)
	return s
}

// each does a call for n things.
func (s *script) each(n int, do func(int)) *script {
	for i := range n {
		do(i)
	}
	return s
}

const (
	evasion     = "DefenseEvasion:IAMUser/AnomalousBehavior"
	credential  = "CredentialAccess:IAMUser/AnomalousBehavior"
	persistence = "Persistence:"
	escalation  = "PrivilegeEscalation:"
	impact      = "Impact:"
	exfil       = "Exfiltration:"
	discovery   = "Discovery:IAMUser/AnomalousBehavior"
	initial     = "InitialAccess:"
)

func blinding() []technique {
	stealth := []string{"Stealth:IAMUser/CloudTrailLoggingDisabled", evasion}
	impair := []string{"DefenseImpairment:", evasion}
	return []technique{
		one("T1562.008", "Stop a trail", stealth, key("d.novak", "45.141.84.120", cli).made("cloudtrail", "DescribeTrails", nil).made("cloudtrail", "StopLogging", object{"name": "management-events"})),
		one("T1562.008", "Delete a trail", stealth, session("OrgAdmin", "botocore-session-1732970001", "185.220.70.9", boto).made("cloudtrail", "DeleteTrail", object{"name": resource("cloudtrail:us-east-1", "trail/management-events")})),
		one("T1562.008", "Blind a trail by event selectors", stealth, key("d.novak", "45.141.84.120", cli).made("cloudtrail", "PutEventSelectors", object{"trailName": "management-events", "eventSelectors": list{object{"readWriteType": "ReadOnly", "includeManagementEvents": false, "dataResources": list{}}}})),
		one("T1562.008", "Expire a trail's files within a day", []string{"Impact:S3/DataDestruction", evasion}, key("d.novak", "45.141.84.120", goSDK).made("s3", "PutBucketLifecycle", object{"bucketName": "acme-logs-prod", "LifecycleConfiguration": object{"Rule": object{"ID": "expire", "Status": "Enabled", "Expiration": object{"Days": 1}, "Filter": object{"Prefix": "*"}}}})),
		one("T1562", "Leave the organization", impair, session("OrganizationAccountAccessRole", "a.weiss", "89.35.30.14", cli).refused("organizations", "LeaveOrganization", nil)),
		one("T1562.008", "Delete VPC flow logs", impair, key("d.novak", "45.141.84.120", cli).made("ec2", "DescribeFlowLogs", nil).made("ec2", "DeleteFlowLogs", object{"DeleteFlowLogsRequest": object{"FlowLogId": object{"content": "fl-06f1a2b3c4d5e6f70", "tag": 1}}})),
		one("T1562.008", "Delete the logging of DNS queries", impair, key("d.novak", "45.141.84.120", cli).made("route53resolver", "DisassociateResolverQueryLogConfig", object{"resolverQueryLogConfigId": "rqlc-0a1b2c3d4e5f6071"}).made("route53resolver", "DeleteResolverQueryLogConfig", object{"resolverQueryLogConfigId": "rqlc-0a1b2c3d4e5f6071"})),
		one("T1562.001", "Disable GuardDuty", impair, key("d.novak", "45.141.84.120", cli).made("guardduty", "ListDetectors", nil).made("guardduty", "UpdateDetector", object{"detectorId": "12abc34d567e8fa901bc2d34e56789f0", "enable": false})),
		one("T1562.001", "Stop AWS Config", impair, session("OrgAdmin", "cli", "185.220.70.9", cli).made("config", "StopConfigurationRecorder", object{"configurationRecorderName": "default"})),
	}
}

func credentials() []technique {
	fits := []string{credential, "CredentialAccess:EC2/"}
	passwords := session("app-worker", "i-0fa1b2c3d4e5f6a7b", "10.20.3.9", goSDK)
	passwords.each(30, func(i int) {
		e := passwords.does("ec2", "GetPasswordData", object{"instanceId": "i-" + hex(i, 17)})
		e.ErrorCode, e.ErrorText = "Client.UnauthorizedOperation", "You are not authorized to perform this operation."
	})
	secrets := key("ci-artifacts", "103.251.167.20", goSDK)
	secrets.does("secretsmanager", "ListSecrets", nil)
	secrets.each(20, func(i int) { secrets.does("secretsmanager", "GetSecretValue", object{"secretId": "prod/" + hex(i, 8)}) })
	parameters := key("ci-artifacts", "103.251.167.20", goSDK)
	parameters.does("ssm", "DescribeParameters", nil)
	parameters.each(5, func(i int) {
		var names list
		for n := range 10 {
			names = append(names, "/prod/"+hex(100*i+n, 8))
		}
		parameters.does("ssm", "GetParameters", object{"names": names, "withDecryption": true})
	})
	userData := session("app-worker", "i-0fa1b2c3d4e5f6a7b", "10.20.3.9", goSDK)
	userData.each(15, func(i int) {
		e := userData.does("ec2", "DescribeInstanceAttribute", object{"instanceId": "i-" + hex(i, 17), "attribute": "userData"})
		e.ErrorCode, e.ErrorText = "Client.InvalidInstanceID.NotFound", "The instance ID does not exist"
	})
	return []technique{
		one("T1552", "Read the passwords of many instances", fits, passwords),
		one("T1555.006", "Read many secrets", fits, secrets),
		one("T1555.006", "Read secrets in batches", fits, key("ci-artifacts", "103.251.167.20", goSDK).made("secretsmanager", "BatchGetSecretValue", object{"filters": list{object{"key": "tag-key", "values": list{"Env"}}}})),
		one("T1555.006", "Read many parameters", fits, parameters),
		one("T1552.005", "Read the user data of many instances", append(fits, discovery), userData),
		one("T1552.005", "Use an instance's credentials elsewhere", []string{"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration"}, stolen()),
	}
}

// stolen are the credentials of an instance, which has used them itself, on
// somebody's laptop.
func stolen() *script {
	id := "i-04c1d9a3b7e2f6805"
	host := person{logstest.Instance("web-frontend", id), "3.120.44.81", boto}.begins(logstest.Start.Add(61*time.Minute), 10*time.Second)
	host.each(5, func(i int) { host.does("s3", "ListObjects", object{"bucketName": "acme-assets"}) })
	s := person{logstest.Instance("web-frontend", id), "95.217.34.6", mac}.begins(logstest.Start.Add(65*time.Minute), 4*time.Second)
	s.made("sts", "GetCallerIdentity", nil).made("ec2", "DescribeInstances", nil)
	s.events = append(host.events, s.events...)
	return s
}

func entrances() []technique {
	lateral := []string{"LateralMovement:", initial, persistence}
	login := key("p.dubois", "196.251.80.3", browser)
	e := login.does("signin", "ConsoleLogin", nil)
	e.Type, e.Response, e.Additional = "AwsConsoleSignIn", object{"ConsoleLogin": "Success"}, object{"LoginTo": "https://console.aws.amazon.com/console/home", "MobileVersion": "No", "MFAUsed": "No"}
	sessions := key("p.dubois", "196.251.80.3", goSDK)
	sessions.each(6, func(i int) { sessions.does("ssm", "StartSession", object{"target": "i-" + hex(i, 17)}) })
	denials := key("p.dubois", "196.251.80.3", boto)
	for _, c := range [...][2]string{{"iam", "ListUsers"}, {"iam", "ListRoles"}, {"iam", "GetAccountSummary"}, {"ec2", "DescribeInstances"}, {"s3", "ListBuckets"}, {"lambda", "ListFunctions20150331"}, {"rds", "DescribeDBInstances"}, {"dynamodb", "ListTables"},
		{"kms", "ListKeys"}, {"secretsmanager", "ListSecrets"}, {"ssm", "DescribeParameters"}, {"sns", "ListTopics"}, {"sqs", "ListQueues"}, {"ecs", "ListClusters"}, {"eks", "ListClusters"}, {"organizations", "DescribeOrganization"}} {
		denials.denied(c[0], c[1], nil)
	}
	root := person{logstest.Root(), "196.251.80.3", browser}.begins(logstest.Start.Add(65*time.Minute), time.Second)
	return []technique{
		one("T1078.004", "Sign in to the console without MFA", []string{initial, "UnauthorizedAccess:IAMUser/ConsoleLogin"}, login),
		one("T1078.004", "Act as the root user", []string{"Policy:IAMUser/RootCredentialUsage"}, root.made("iam", "CreateAccessKey", nil)),
		one("T1550.001", "Make a federation token and sign in with it", []string{initial}, key("ci-artifacts", "103.251.167.20", cli).made("sts", "GetFederationToken", object{"name": "dev", "policy": `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`})),
		one("T1580", "Find out permissions by trying", []string{discovery}, denials),
		one("T1087.004", "Read all authorization details", []string{discovery}, key("ci-artifacts", "103.251.167.20", boto).made("iam", "GetAccountAuthorizationDetails", object{"filter": list{"User", "Role"}})),
		one("T1021.007", "Open sessions on instances", lateral, sessions),
		one("T1651", "Send shell commands to instances", lateral, session("OrgAdmin", "cli", "185.220.70.9", cli).made("ssm", "SendCommand", object{"documentName": "AWS-RunShellScript", "parameters": "HIDDEN_DUE_TO_SECURITY_REASONS", "instanceIds": list{"i-0aa1bb2cc3dd4ee5f"}})),
		one("T1021", "Open the serial console", lateral, key("p.dubois", "196.251.80.3", goSDK).made("ec2", "EnableSerialConsoleAccess", nil)),
		one("T1021.004", "Push keys by Instance Connect", lateral, key("p.dubois", "196.251.80.3", goSDK).made("ec2-instance-connect", "SendSSHPublicKey", object{"instanceId": "i-0aa1bb2cc3dd4ee5f", "instanceOSUser": "ec2-user"})),
		one("T1133", "Open SSH to the Internet", lateral, key("p.dubois", "196.251.80.3", cli).made("ec2", "AuthorizeSecurityGroupIngress", object{"groupId": "sg-0d1e2f3a4b5c6d7e8", "ipPermissions": items(object{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": items(object{"cidrIp": "0.0.0.0/0"})})})),
		one("T1133", "Open remote desktops to the Internet", lateral, key("p.dubois", "196.251.80.3", cli).made("ec2", "AuthorizeSecurityGroupIngress", object{"groupId": "sg-0d1e2f3a4b5c6d7e8", "ipPermissions": items(object{"ipProtocol": "tcp", "fromPort": 3389, "toPort": 3389, "ipRanges": items(object{"cidrIp": "0.0.0.0/0"})})})),
	}
}

func backdoors() []technique {
	p := []string{persistence, escalation}
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + partner + `:root"},"Action":"sts:AssumeRole"}]}`
	admin := "arn:aws:iam::aws:policy/AdministratorAccess"
	k := func() *script { return key("m.rossi", "146.70.124.88", goSDK) }
	return []technique{
		one("T1098.001", "Create a key for another user", p, k().made("iam", "CreateAccessKey", object{"userName": "report-mailer"})),
		one("T1136.003", "Create an administrator", p, k().made("iam", "CreateUser", object{"userName": "aws-support"}).made("iam", "AttachUserPolicy", object{"userName": "aws-support", "policyArn": admin}).made("iam", "CreateAccessKey", object{"userName": "aws-support"})),
		one("T1098.001", "Give a user a password", p, k().made("iam", "CreateLoginProfile", object{"userName": "report-mailer", "passwordResetRequired": false})),
		one("T1098.003", "Let another account assume a role", p, k().made("iam", "UpdateAssumeRolePolicy", object{"roleName": "billing-export", "policyDocument": trust})),
		one("T1098.003", "Create a role for another account", p, k().made("iam", "CreateRole", object{"roleName": "ops-sync", "assumeRolePolicyDocument": trust})),
		one("T1098.003", "Write a policy version that allows everything", p, k().made("iam", "CreatePolicyVersion", object{"policyArn": resource("iam:", "policy/readers"), "policyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`, "setAsDefault": true})),
		one("T1648", "Let everyone invoke a function", p, k().made("lambda", "AddPermission20150331v2", object{"functionName": "mailer-2", "statementId": "invoke-all", "action": "lambda:InvokeFunction", "principal": "*"})),
		one("T1648", "Replace the code of a function", p, k().made("lambda", "UpdateFunctionCode20150331v2", object{"functionName": "mailer-2", "dryRun": false, "publish": false})),
		one("T1648", "Add a foreign layer to a function", p, k().made("lambda", "UpdateFunctionConfiguration20150331v2", object{"functionName": "mailer-2", "layers": list{"arn:aws:lambda:eu-west-1:" + partner + ":layer:runtime-utils:3"}})),
		one("T1098.001", "Create a trust anchor for certificates", p, k().made("rolesanywhere", "CreateTrustAnchor", object{"name": "corp-ca", "source": object{"sourceType": "CERTIFICATE_BUNDLE"}}).made("rolesanywhere", "CreateProfile", object{"name": "corp", "roleArns": list{resource("iam:", "role/billing-export")}})),
		one("T1556.007", "Add an identity provider", p, k().made("iam", "CreateSAMLProvider", object{"name": "corp-sso", "sAMLMetadataDocument": "<xml/>"})),
		one("T1037", "Change the user data of an instance", append(p, "Execution:"), k().made("ec2", "StopInstances", object{"instancesSet": items(object{"instanceId": "i-0aa1bb2cc3dd4ee5f"})}).made("ec2", "ModifyInstanceAttribute", object{"instanceId": "i-0aa1bb2cc3dd4ee5f", "userData": "<sensitiveDataRemoved>"}).made("ec2", "StartInstances", object{"instancesSet": items(object{"instanceId": "i-0aa1bb2cc3dd4ee5f"})})),
		one("T1136.003", "Create a user without permissions", p, k().made("iam", "CreateUser", object{"userName": "k.lind4"})),
	}
}

func theft() []technique {
	x := []string{exfil, "Policy:S3/"}
	k := func() *script { return key("s.haddad", "91.92.240.71", goSDK) }
	return []technique{
		one("T1537", "Share an EBS snapshot", x, k().made("ec2", "ModifySnapshotAttribute", object{"snapshotId": "snap-049df61146c4d7901", "createVolumePermission": object{"add": items(object{"userId": partner})}, "attributeType": "CREATE_VOLUME_PERMISSION"})),
		one("T1537", "Share an image", x, k().made("ec2", "ModifyImageAttribute", object{"imageId": "ami-0b87ea1d007078d18", "launchPermission": object{"add": items(object{"userId": partner})}, "attributeType": "launchPermission"})),
		one("T1537", "Share a database snapshot", x, k().made("rds", "ModifyDBSnapshotAttribute", object{"dBSnapshotIdentifier": "before-migration", "attributeName": "restore", "valuesToAdd": list{partner}})),
		one("T1537", "Open a bucket to another account", x, k().made("s3", "PutBucketPolicy", object{"bucketName": "acme-orders", "bucketPolicy": object{"Version": "2012-10-17", "Statement": list{object{"Effect": "Allow", "Principal": object{"AWS": "arn:aws:iam::" + partner + ":root"}, "Action": list{"s3:GetObject", "s3:ListBucket"}, "Resource": list{"arn:aws:s3:::acme-orders", "arn:aws:s3:::acme-orders/*"}}}}})),
		one("T1537", "Replicate a bucket", x, k().made("s3", "PutBucketReplication", object{"bucketName": "acme-orders", "ReplicationConfiguration": object{"Role": resource("iam:", "role/repl"), "Rule": object{"Status": "Enabled", "Destination": object{"Bucket": "arn:aws:s3:::x7f-archive", "Account": partner}}}})),
		one("T1530", "Copy a database and reset its password", append(x, "CredentialAccess:RDS/", initial), k().made("rds", "CreateDBSnapshot", object{"dBInstanceIdentifier": "checkout", "dBSnapshotIdentifier": "t1"}).made("rds", "RestoreDBInstanceFromDBSnapshot", object{"dBSnapshotIdentifier": "t1", "dBInstanceIdentifier": "t1", "publiclyAccessible": true}).made("rds", "ModifyDBInstance", object{"dBInstanceIdentifier": "t1", "masterUserPassword": "****"})),
	}
}

func harm() []technique {
	i := []string{impact}
	ransom := key("s.haddad", "91.92.240.71", goSDK)
	ransom.data("s3", "ListObjects", object{"bucketName": "acme-orders"})
	ransom.each(30, func(n int) {
		ransom.data("s3", "CopyObject", object{"bucketName": "acme-orders", "key": fmt.Sprint("2026/0/", n), "x-amz-copy-source": fmt.Sprint("acme-orders/2026/0/", n), "x-amz-server-side-encryption-customer-algorithm": "AES256"})
	})
	deletion := key("s.haddad", "91.92.240.71", goSDK)
	deletion.data("s3", "ListObjectVersions", object{"bucketName": "acme-orders"})
	deletion.each(60, func(n int) {
		deletion.data("s3", "DeleteObject", object{"bucketName": "acme-orders", "key": fmt.Sprint("2026/1/", n), "versionId": hex(n, 32)})
	})
	mining := key("s.haddad", "91.92.240.71", boto)
	for _, region := range [...]string{"us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1"} {
		mining.region = region
		mining.does("ec2", "RunInstances", object{"instancesSet": items(object{"imageId": "ami-0c1bea58988a989155", "minCount": 1, "maxCount": 8}), "instanceType": "g5.12xlarge"})
	}
	models := key("s.haddad", "91.92.240.71", boto)
	models.does("bedrock", "ListFoundationModels", nil)
	models.each(4, func(n int) {
		e := models.does("bedrock", "InvokeModel", object{"modelId": "anthropic.claude-3-5-sonnet-20240620-v1:0"})
		if n == 0 {
			e.ErrorCode, e.ErrorText = "ValidationException", "max_tokens_to_sample: range: 1..1,000,000"
		}
	})
	snapshots := session("OrgAdmin", "cli", "185.220.70.9", cli)
	snapshots.each(15, func(n int) { snapshots.does("ec2", "DeleteSnapshot", object{"snapshotId": "snap-" + hex(n, 17)}) })
	return []technique{
		one("T1486", "Encrypt objects with one's own key", i, ransom),
		one("T1485", "Delete many objects", i, deletion),
		one("T1485", "Delete many snapshots", i, snapshots),
		one("T1485", "Delete keys", i, key("s.haddad", "91.92.240.71", cli).made("kms", "ScheduleKeyDeletion", object{"keyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "pendingWindowInDays": 7})),
		one("T1496", "Mine on instances with accelerators", i, mining),
		one("T1496.004", "Use models at the cost of the account", i, models),
		one("T1496.002", "Send e-mail from the account", append(i, "ResourceDevelopment:", discovery), key("s.haddad", "91.92.240.71", boto).made("ses", "GetSendQuota", nil).made("ses", "ListIdentities", nil).made("ses", "PutAccountDetails", object{"productionAccessEnabled": true, "mailType": "MARKETING"})),
	}
}
