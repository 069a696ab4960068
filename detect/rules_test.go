package detect

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/intel"
	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
)

type object = map[string]any
type list = []any

// scan reads events as files of logs give them.
func scan(t testing.TB, events ...[]byte) []logs.Call {
	t.Helper()
	d, err := logs.NewDecoder("test", strings.NewReader(string(logstest.Records(events...))))
	if err != nil {
		t.Fatal(err)
	}
	var out []logs.Call
	b := logs.NewBatch()
	for d.Next(b) == nil {
		out = append(out, b.Calls...)
	}
	if d.Bad > 0 || len(out) != len(events) {
		t.Fatalf("%d of %d events: %v", len(out), len(events), d.BadList)
	}
	return out
}

// raised returns "rule type severity" of what an event raises.
func raised(t testing.TB, e *Engine, events ...logstest.Event) []string {
	t.Helper()
	var raw [][]byte
	for i, ev := range events {
		if ev.Time.IsZero() {
			ev.Time = logstest.Start
		}
		if ev.ID == "" {
			ev.ID = fmt.Sprintf("00000000-0000-4000-8000-%012d", len(e.findings)*1000+i)
		}
		raw = append(raw, ev.JSON())
	}
	calls := scan(t, raw...)
	for i := range calls {
		e.Call(&calls[i])
	}
	var out []string
	for f := range e.Changed() {
		if strings.ContainsAny(f.Title+f.Description, "{}") || f.Title == "" || f.Description == "" {
			t.Errorf("%s: %q %q", f.Type, f.Title, f.Description)
		}
		out = append(out, strings.TrimSpace(fmt.Sprint(f.Rule, " ", f.Type, " ", f.Severity)))
	}
	slices.Sort(out)
	return out
}

const other = "444455556666"

var opened = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + other + `:root"},"Action":"sts:AssumeRole"}]}`

// TestRules gives each rule calls that it must find and calls that come close.
func TestRules(t *testing.T) {
	ec2 := func(name string, params object) logstest.Event {
		return logstest.Event{Source: "ec2.amazonaws.com", Name: name, Params: params}
	}
	iam := func(name string, params object) logstest.Event {
		return logstest.Event{Source: "iam.amazonaws.com", Name: name, Params: params}
	}
	s3 := func(name string, params object) logstest.Event {
		params["bucketName"] = "data"
		return logstest.Event{Source: "s3.amazonaws.com", Name: name, Params: params}
	}
	rds := func(name string, params object) logstest.Event {
		return logstest.Event{Source: "rds.amazonaws.com", Name: name, Params: params}
	}
	in := func(service, name string, params object) logstest.Event {
		return logstest.Event{Source: service + ".amazonaws.com", Name: name, Params: params}
	}
	failed := func(e logstest.Event) logstest.Event {
		e.ErrorCode, e.ErrorText = "AccessDenied", "no"
		return e
	}
	login := func(kind, mfa, result string) logstest.Event {
		id := logstest.User("alice")
		id["type"] = kind
		return logstest.Event{Source: "signin.amazonaws.com", Name: "ConsoleLogin", Type: "AwsConsoleSignIn", Identity: id, Response: object{"ConsoleLogin": result}, Additional: object{"MFAUsed": mfa, "MobileVersion": "No"}}
	}
	ssh := func(protocol string, from, to int, ranges object) logstest.Event {
		p := object{"ipProtocol": protocol, "fromPort": from, "toPort": to}
		for k, v := range ranges {
			p[k] = v
		}
		return ec2("AuthorizeSecurityGroupIngress", object{"groupId": "sg-1", "ipPermissions": object{"items": list{p}}})
	}
	all4 := object{"ipRanges": object{"items": list{object{"cidrIp": "0.0.0.0/0"}}}}
	allow := func(principal any) object {
		return object{"bucketPolicy": object{"Version": "2012-10-17", "Statement": list{object{"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/*"}}}}
	}
	block := func(on ...bool) object {
		return object{"PublicAccessBlockConfiguration": object{"BlockPublicAcls": on[0], "IgnorePublicAcls": on[0], "BlockPublicPolicy": on[0], "RestrictPublicBuckets": on[len(on)-1]}}
	}
	const (
		m  = "Persistence:IAM/AccountManipulation"
		x  = "PrivilegeEscalation:IAM/AccountManipulation"
		ct = "Stealth:IAMUser/CloudTrailLoggingDisabled 2"
		pw = "Stealth:IAMUser/PasswordPolicyChange 2"
	)
	for _, c := range []struct {
		event logstest.Event
		want  string // "; " between several
	}{
		{ec2("GetPasswordData", object{"instanceId": "i-1"}), "EC2PasswordDataRetrieved CredentialAccess:EC2/UnsecuredCredentials 5"},
		{failed(ec2("GetPasswordData", object{"instanceId": "i-1"})), ""},
		{rds("ModifyDBInstance", object{"dBInstanceIdentifier": "db", "masterUserPassword": "****"}), "RDSMasterPasswordReset CredentialAccess:RDS/ModifyAuthenticationProcess 8"},
		{rds("ModifyDBCluster", object{"dBClusterIdentifier": "db", "masterUserPassword": "****"}), "RDSMasterPasswordReset CredentialAccess:RDS/ModifyAuthenticationProcess 8"},
		{rds("ModifyDBInstance", object{"dBInstanceIdentifier": "db", "allocatedStorage": 20}), ""},
		{ec2("ModifyInstanceAttribute", object{"instanceId": "i-1", "disableApiTermination": object{"value": true}}), "EC2TerminationProtectionEnabled DefenseImpairment:EC2/DisableOrModifyTools 2"},
		{ec2("ModifyInstanceAttribute", object{"instanceId": "i-1", "disableApiTermination": object{"value": false}}), ""},
		{ec2("DeleteFlowLogs", object{"DeleteFlowLogsRequest": object{"FlowLogId": object{"content": "fl-1"}}}), "VPCFlowLogsDeleted DefenseImpairment:EC2/DisableOrModifyTools 8"},
		{failed(in("organizations", "LeaveOrganization", nil)), "OrganizationLeaveAttempt DefenseImpairment:Organizations/ModifyCloudResourceHierarchy 8"},
		{in("organizations", "DisablePolicyType", object{"policyType": "SERVICE_CONTROL_POLICY"}), "OrganizationPolicyDisabled DefenseImpairment:Organizations/DisableOrModifyTools 8"},
		{rds("ModifyDBInstance", object{"dBInstanceIdentifier": "db", "enableIAMDatabaseAuthentication": false}), "RDSIAMAuthDisabled DefenseImpairment:RDS/ModifyAuthenticationProcess 5"},
		{rds("ModifyDBInstance", object{"dBInstanceIdentifier": "db", "enableIAMDatabaseAuthentication": true}), ""},
		{in("route53resolver", "DeleteResolverQueryLogConfig", object{"resolverQueryLogConfigId": "rqlc-1"}), "DNSQueryLogsDeleted DefenseImpairment:Route53Resolver/DisableOrModifyTools 5"},
		{s3("PutBucketEncryption", object{"ServerSideEncryptionConfiguration": object{"Rule": object{"BlockedEncryptionTypes": object{"EncryptionType": "NONE"}}}}), "S3CustomerProvidedKeysEnabled DefenseImpairment:S3/DisableOrModifyTools 8"},
		{s3("PutBucketEncryption", object{"ServerSideEncryptionConfiguration": object{"Rule": object{"BlockedEncryptionTypes": object{"EncryptionType": "SSE-C"}}}}), ""},
		{in("sagemaker", "UpdateNotebookInstanceLifecycleConfig", object{"notebookInstanceLifecycleConfigName": "c"}), "SageMakerLifecycleConfigModified Execution:SageMaker/CommandAndScriptingInterpreter 5"},
		{ec2("ModifyImageAttribute", object{"imageId": "ami-1", "launchPermission": object{"add": object{"items": list{object{"group": "all"}}}}}), "AMIExternalAccess Exfiltration:EC2/TransferDataToCloudAccount 8"},
		{ec2("ModifyImageAttribute", object{"imageId": "ami-1", "launchPermission": object{"add": object{"items": list{object{"userId": logstest.Account}}}}}), ""},
		{ec2("ModifyImageAttribute", object{"imageId": "ami-1", "launchPermission": object{"remove": object{"items": list{object{"group": "all"}}}}}), ""},
		{ec2("ModifySnapshotAttribute", object{"snapshotId": "snap-1", "createVolumePermission": object{"add": object{"items": list{object{"userId": other}}}}, "attributeType": "CREATE_VOLUME_PERMISSION"}), "EBSSnapshotExternalAccess Exfiltration:EC2/TransferDataToCloudAccount 8"},
		{rds("ModifyDBSnapshotAttribute", object{"dBSnapshotIdentifier": "s", "attributeName": "restore", "valuesToAdd": list{"all"}}), "RDSSnapshotPubliclyShared Exfiltration:RDS/TransferDataToCloudAccount 8"},
		{rds("ModifyDBClusterSnapshotAttribute", object{"dBClusterSnapshotIdentifier": "s", "attributeName": "restore", "valuesToAdd": list{"all", other}}), "RDSSnapshotPubliclyShared Exfiltration:RDS/TransferDataToCloudAccount 8"},
		{rds("ModifyDBSnapshotAttribute", object{"dBSnapshotIdentifier": "s", "attributeName": "restore", "valuesToAdd": list{other}}), "Exfiltration:RDS/TransferDataToCloudAccount 5"},
		{rds("ModifyDBSnapshotAttribute", object{"dBSnapshotIdentifier": "s", "attributeName": "restore", "valuesToRemove": list{"all"}}), ""},
		{s3("PutBucketPolicy", allow(object{"AWS": "arn:aws:iam::" + other + ":root"})), "S3BucketPolicyExternalAccess Exfiltration:S3/TransferDataToCloudAccount 8"},
		{s3("PutBucketPolicy", allow(object{"AWS": "arn:aws:iam::" + logstest.Account + ":root"})), ""},
		{s3("PutBucketPolicy", allow(object{"Service": "cloudtrail.amazonaws.com"})), ""},
		{s3("PutBucketPolicy", allow("*")), "Policy:S3/BucketAnonymousAccessGranted 8; S3BucketPolicyExternalAccess Exfiltration:S3/TransferDataToCloudAccount 8"},
		{s3("PutBucketLifecycle", object{"LifecycleConfiguration": object{"Rule": object{"Status": "Enabled", "Expiration": object{"Days": 1}}}}), "S3LifecycleRapidExpiration Impact:S3/DataDestruction 5"},
		{s3("PutBucketLifecycle", object{"LifecycleConfiguration": object{"Rule": list{object{"Status": "Disabled", "Expiration": object{"Days": 1}}, object{"Status": "Enabled", "Expiration": object{"Days": 30}}}}}), ""},
		{in("ses", "UpdateAccountSendingEnabled", object{"enabled": true}), "SESAccountSendingEnabled Impact:SES/ResourceHijacking 2"},
		{in("ses", "PutAccountSendingAttributes", object{"sendingEnabled": true}), "SESAccountSendingEnabled Impact:SES/ResourceHijacking 2"},
		{in("ses", "PutAccountSendingAttributes", object{"sendingEnabled": false}), ""},
		{in("ses", "PutAccountDetails", object{"productionAccessEnabled": true}), "SESProductionAccessEnabled Impact:SES/ResourceHijacking 5"},
		{in("ses", "VerifyDomainIdentity", object{"domain": "example.com"}), "SESDomainIdentityVerified ResourceDevelopment:SES/CompromiseAccounts 5"},
		{in("ses", "CreateEmailIdentity", object{"emailIdentity": "example.com"}), "SESDomainIdentityVerified ResourceDevelopment:SES/CompromiseAccounts 5"},
		{in("ses", "CreateEmailIdentity", object{"emailIdentity": "a@example.com"}), ""},
		{login("IAMUser", "No", "Success"), "ConsoleLoginWithoutMFA InitialAccess:IAM/ValidAccounts 5"},
		{login("IAMUser", "Yes", "Success"), ""},
		{login("IAMUser", "No", "Failure"), ""},
		{login("AssumedRole", "No", "Success"), ""},
		{rds("ModifyDBInstance", object{"dBInstanceIdentifier": "db", "publiclyAccessible": true}), "RDSPubliclyAccessible InitialAccess:RDS/ExploitPublicFacingApplication 8"},
		{in("ec2-instance-connect", "SendSSHPublicKey", object{"instanceId": "i-1"}), "EC2InstanceSSHKeyPushed LateralMovement:EC2/RemoteServices 5"},
		{in("ec2-instance-connect", "SendSerialConsoleSSHPublicKey", object{"instanceId": "i-1"}), "EC2InstanceSSHKeyPushed LateralMovement:EC2/RemoteServices 5"},
		{ec2("ModifyInstanceAttribute", object{"instanceId": "i-1", "userData": "<sensitiveDataRemoved>"}), "EC2UserDataModified Persistence:EC2/BootOrLogonInitializationScripts 8"},
		{ssh("tcp", 22, 22, all4), "EC2SecurityGroupPublicSSH Persistence:EC2/ExternalRemoteServices 5"},
		{ssh("tcp", 0, 1000, object{"ipv6Ranges": object{"items": list{object{"cidrIpv6": "::/0"}}}}), "EC2SecurityGroupPublicSSH Persistence:EC2/ExternalRemoteServices 5"},
		{ssh("-1", 0, 0, all4), "EC2SecurityGroupPublicSSH Persistence:EC2/ExternalRemoteServices 5"},
		{ssh("tcp", 443, 443, all4), ""},
		{ssh("tcp", 22, 22, object{"ipRanges": object{"items": list{object{"cidrIp": "10.0.0.0/8"}}}}), ""},
		{ec2("ModifySecurityGroupRules", object{"ModifySecurityGroupRulesRequest": object{"GroupId": "sg-1", "SecurityGroupRule": object{"SecurityGroupRule": object{"CidrIpv4": "0.0.0.0/0", "FromPort": 22, "ToPort": 22, "IpProtocol": "tcp"}}}}), "EC2SecurityGroupPublicSSH Persistence:EC2/ExternalRemoteServices 5"},
		{iam("CreateAccessKey", object{"userName": "bob"}), "IAMAccessKeyCreated " + m + " 2"},
		{iam("UpdateAssumeRolePolicy", object{"roleName": "r", "policyDocument": opened}), "IAMRoleTrustPolicyModified " + m + " 5"},
		{iam("UpdateAssumeRolePolicy", object{"roleName": "r", "policyDocument": strings.ReplaceAll(opened, other+":root", logstest.Account+":role/r")}), "IAMRoleTrustPolicyModified " + m + " 5"},
		{iam("UpdateAssumeRolePolicy", object{"roleName": "r", "policyDocument": strings.ReplaceAll(opened, other, logstest.Account)}), ""},
		{iam("UpdateAssumeRolePolicy", object{"roleName": "r", "policyDocument": "not a policy"}), ""},
		{iam("CreateLoginProfile", object{"userName": "bob"}), "IAMUserLoginProfileCreated " + m + " 8"},
		{iam("UpdateLoginProfile", object{"userName": "bob"}), "IAMUserLoginProfileUpdated " + m + " 5"},
		{in("lambda", "AddPermission20150331v2", object{"functionName": "f", "principal": "*", "action": "lambda:InvokeFunction"}), "LambdaFunctionPublicAccess Persistence:Lambda/AccountManipulation 8"},
		{in("lambda", "AddPermission20150331v2", object{"functionName": "f", "principal": "*", "sourceAccount": logstest.Account}), ""},
		{in("lambda", "AddPermission20150331v2", object{"functionName": "f", "principal": "s3.amazonaws.com"}), ""},
		{in("lambda", "CreateFunctionUrlConfig", object{"functionName": "f", "authType": "NONE"}), "LambdaFunctionUrlPublicAccess Persistence:Lambda/ModifyAuthenticationProcess 8"},
		{in("lambda", "UpdateFunctionUrlConfig", object{"functionName": "f", "authType": "AWS_IAM"}), ""},
		{in("rolesanywhere", "CreateTrustAnchor", object{"name": "a"}), "RolesAnywhereTrustAnchorCreated Persistence:RolesAnywhere/AccountManipulation 5"},
		{iam("AttachRolePolicy", object{"roleName": "r", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}), "AdminPolicyAttachedToRole " + x + " 8"},
		{iam("AttachRolePolicy", object{"roleName": "r", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess-Amplify"}), ""},
		{iam("PutRolePolicy", object{"roleName": "r", "policyDocument": `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`}), "AdminPolicyAttachedToRole " + x + " 8"},
		{iam("PutUserPolicy", object{"userName": "u", "policyDocument": `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`}), ""},
		{iam("AttachUserPolicy", object{"userName": "u", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}), "AdminPolicyAttachedToUser " + x + " 8"},
		{iam("CreateServiceSpecificCredential", object{"userName": "u", "serviceName": "bedrock.amazonaws.com"}), "BedrockServiceCredentialCreated " + x + " 5"},
		{iam("CreateServiceSpecificCredential", object{"userName": "u", "serviceName": "codecommit.amazonaws.com"}), ""},
		{iam("AttachRolePolicy", object{"roleName": "r", "policyArn": "arn:aws:iam::aws:policy/AmazonSESFullAccess"}), "SESFullAccessPolicyAttachedToRole " + x + " 5"},
		{iam("AttachUserPolicy", object{"userName": "u", "policyArn": "arn:aws:iam::aws:policy/AmazonSESFullAccess"}), "SESFullAccessPolicyAttachedToUser " + x + " 5"},

		{in("cloudtrail", "StopLogging", object{"name": "t"}), ct},
		{failed(in("cloudtrail", "StopLogging", object{"name": "t"})), ""},
		{in("cloudtrail", "DeleteTrail", object{"name": "t"}), ct},
		{in("cloudtrail", "UpdateTrail", object{"name": "t", "isMultiRegionTrail": false}), ct},
		{in("cloudtrail", "UpdateTrail", object{"name": "t", "enableLogFileValidation": true}), ""},
		{in("cloudtrail", "PutEventSelectors", object{"trailName": "t", "eventSelectors": list{object{"readWriteType": "ReadOnly", "includeManagementEvents": false}}}), ct},
		{in("cloudtrail", "PutEventSelectors", object{"trailName": "t", "eventSelectors": list{object{"readWriteType": "All", "includeManagementEvents": true}}}), ""},
		{in("cloudtrail", "PutEventSelectors", object{"trailName": "t", "advancedEventSelectors": list{object{"fieldSelectors": list{object{"field": "eventCategory", "equals": list{"Data"}}}}}}), ct},
		{in("cloudtrail", "PutEventSelectors", object{"trailName": "t", "advancedEventSelectors": list{object{"fieldSelectors": list{object{"field": "eventCategory", "equals": list{"Management"}}}}}}), ""},
		{in("cloudtrail", "PutEventSelectors", object{"trailName": "t", "advancedEventSelectors": list{object{"fieldSelectors": list{object{"field": "eventCategory", "equals": list{"Management"}}, object{"field": "readOnly", "equals": list{"true"}}}}}}), ct},
		{iam("DeleteAccountPasswordPolicy", nil), pw},
		{failed(iam("DeleteAccountPasswordPolicy", nil)), pw},
		{iam("UpdateAccountPasswordPolicy", object{"minimumPasswordLength": 6, "requireSymbols": true, "requireNumbers": true}), pw},
		{iam("UpdateAccountPasswordPolicy", object{"minimumPasswordLength": 14, "requireSymbols": true, "requireNumbers": true}), ""},
		{in("bedrock", "DeleteModelInvocationLoggingConfiguration", nil), "DefenseEvasion:IAMUser/BedrockLoggingDisabled 5"},
		{s3("PutBucketLogging", object{"BucketLoggingStatus": object{"xmlns": "http://s3.amazonaws.com/doc/2006-03-01/"}}), "Stealth:S3/ServerAccessLoggingDisabled 2"},
		{s3("PutBucketLogging", object{"BucketLoggingStatus": object{"LoggingEnabled": object{"TargetBucket": "logs"}}}), ""},

		{s3("PutBucketPublicAccessBlock", block(false)), "Policy:S3/BucketBlockPublicAccessDisabled 2"},
		{s3("PutBucketPublicAccessBlock", block(true, false)), "Policy:S3/BucketBlockPublicAccessDisabled 2"},
		{s3("PutBucketPublicAccessBlock", block(true)), ""},
		{s3("DeleteBucketPublicAccessBlock", object{}), "Policy:S3/BucketBlockPublicAccessDisabled 2"},
		{in("s3", "PutAccountPublicAccessBlock", block(false)), "Policy:S3/AccountBlockPublicAccessDisabled 2"},
		{in("s3", "DeleteAccountPublicAccessBlock", nil), "Policy:S3/AccountBlockPublicAccessDisabled 2"},
		{s3("PutBucketAcl", object{"accessControlList": object{"x-amz-acl": "public-read"}}), "Policy:S3/BucketAnonymousAccessGranted 8"},
		{s3("PutBucketAcl", object{"x-amz-acl": list{"private"}}), ""},
		{s3("PutBucketAcl", object{"x-amz-acl": list{"authenticated-read"}}), "Policy:S3/BucketPublicAccessGranted 8"},
		{s3("PutBucketAcl", object{"AccessControlPolicy": object{"AccessControlList": object{"Grant": list{object{"Grantee": object{"xsi:type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}, "Permission": "READ"}}}}}), "Policy:S3/BucketAnonymousAccessGranted 8"},
		{s3("PutBucketAcl", object{"AccessControlPolicy": object{"AccessControlList": object{"Grant": object{"Grantee": object{"URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}}}}}), ""},

		{logstest.Event{Source: "s3.amazonaws.com", Name: "ListBuckets", Identity: logstest.Root()}, "Policy:IAMUser/RootCredentialUsage 2"},
		{logstest.Event{Source: "ec2.amazonaws.com", Name: "DescribeInstances", Agent: "aws-cli/1.16.190 Python/3.7.4 Linux/5.2.0-kali2-amd64 botocore/1.12.180"}, "PenTest:IAMUser/KaliLinux 5"},
		{logstest.Event{Source: "ec2.amazonaws.com", Name: "DescribeInstances", Agent: "Boto3/1.34 md/Botocore#1.34 ua/2.0 os/linux#6.5.0-13parrot1-amd64 distrib#Parrot"}, "PenTest:IAMUser/ParrotLinux 5"},
		{logstest.Event{Source: "ec2.amazonaws.com", Name: "DescribeInstances", Agent: "aws-cli/2 Linux/6.1.0-pentoo"}, "PenTest:IAMUser/PentooLinux 5"},
		{logstest.Event{Source: "ec2.amazonaws.com", Name: "DescribeInstances", Agent: "alkalinity/1.0 parroting"}, ""},
	} {
		e := New(Config{}, All()...)
		if got := strings.Join(raised(t, e, c.event), "; "); got != c.want {
			text, _ := json.Marshal(c.event.Params)
			t.Errorf("%s %s %s:\n got %q\nwant %q", c.event.Source, c.event.Name, text, got, c.want)
		}
	}
}

func TestAssumedRootIsShortTerm(t *testing.T) {
	id := logstest.Root()
	id["sessionContext"].(object)["assumedRoot"] = "true"
	by := logstest.Root()
	by["invokedBy"] = "backup.amazonaws.com"
	e := New(Config{}, All()...)
	got := raised(t, e, logstest.Event{Source: "s3.amazonaws.com", Name: "GetBucketPolicy", Identity: id}, logstest.Event{Source: "s3.amazonaws.com", Name: "GetBucketPolicy", Identity: by})
	if fmt.Sprint(got) != "[Policy:IAMUser/ShortTermRootCredentialUsage 2]" {
		t.Error(got)
	}
}

func TestListedCallers(t *testing.T) {
	set := intel.Compile(lists(t)...)
	for _, c := range []struct{ ip, name, want string }{
		{"198.51.100.1", "ListUsers", "Recon:IAMUser/MaliciousIPCaller.Custom 5"},
		{"198.51.100.1", "CreateUser", "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom 5"},
		{"198.51.100.2", "DescribeInstances", "Recon:IAMUser/MaliciousIPCaller 5"},
		{"198.51.100.2", "GetSecretValue", "UnauthorizedAccess:IAMUser/MaliciousIPCaller 5"},
		{"198.51.100.3", "GetRole", "Recon:IAMUser/TorIPCaller 5"},
		{"198.51.100.3", "DeleteRole", "UnauthorizedAccess:IAMUser/TorIPCaller 5"},
		{"198.51.100.9", "ListUsers", ""}, // trusted
		{"192.0.2.1", "ListUsers", ""},
		{"cloudformation.amazonaws.com", "CreateUser", ""},
	} {
		e := New(Config{Intel: set}, All()...)
		if got := strings.Join(raised(t, e, logstest.Event{Source: "iam.amazonaws.com", Name: c.name, IP: c.ip, ReadOnly: !strings.HasPrefix(c.name, "Create") && !strings.HasPrefix(c.name, "Delete")}), "; "); got != c.want {
			t.Errorf("%s from %s: %q, want %q", c.name, c.ip, got, c.want)
		}
	}
	e := New(Config{Intel: set}, All()...)
	if got := raised(t, e, logstest.Event{Source: "iam.amazonaws.com", Name: "DeleteAccountPasswordPolicy", IP: "198.51.100.9"}); len(got) != 0 {
		t.Errorf("a trusted address raises %v", got)
	}
}

func lists(t testing.TB) []*intel.List {
	t.Helper()
	var out []*intel.List
	for _, l := range []struct {
		name string
		kind intel.Kind
		text string
	}{
		{"mine", intel.Custom, "198.51.100.1\n198.51.100.9\nevil.example\n"}, {"known", intel.Malicious, "198.51.100.2\nbad.example\n"}, {"tor", intel.Tor, "198.51.100.3\n198.51.101.0/28\n"},
		{"c2", intel.CommandAndControl, "198.51.100.4\nc2.example\n"}, {"coins", intel.Bitcoin, "198.51.100.5\npool.example\n"}, {"trusted", intel.Trusted, "198.51.100.9\nfine.evil.example\n"},
		{"holes", intel.Blackhole, "198.51.100.6\nhole.example\n"}, {"drops", intel.DropPoint, "198.51.100.7\ndrop.example\n"}, {"drive", intel.DriveBy, "drive.example\n"},
		{"phish", intel.Phishing, "phish.example\n"}, {"abused", intel.Abused, "abused.example\n"}, {"odd", intel.Suspicious, "odd.example\n"},
		{"mints", intel.Coin, "mint.example\n"}, {"computed", intel.Generated, "kq3v9z7x.example\n"},
	} {
		list, err := intel.Parse(intel.Source{Name: l.name, Kind: l.kind, Format: intel.TXT, Limits: intel.ThreatEntities}, strings.NewReader(l.text))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, list)
	}
	return out
}
