package main

import (
	"fmt"
	"time"

	"bartizan.dev/logs/logstest"
)

const assume = `{"Version":"2012-10-17","Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":"%s"}}]}`

// apply is what Terraform's AWS provider calls when it makes a small platform: a
// network, instances, databases, buckets, functions, keys, parameters, a trail.
func apply(s *script) {
	s.does("sts", "GetCallerIdentity", nil)
	s.does("ec2", "DescribeAvailabilityZones", object{"allAvailabilityZones": false})
	s.does("ec2", "DescribeImages", object{"ownersSet": items(object{"owner": "amazon"})})
	s.does("kms", "CreateKey", object{"description": "platform", "policy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"kms:*","Resource":"*"}]}`})
	s.does("kms", "CreateAlias", object{"aliasName": "alias/platform"})
	network(s)
	for i := range 8 {
		computeRole(s, fmt.Sprint("svc-", i))
	}
	for i := range 12 {
		instance(s, i)
	}
	for i := range 6 {
		bucket(s, fmt.Sprint("acme-platform-", i))
	}
	for i := range 6 {
		name := fmt.Sprint("orders-", i)
		s.does("logs", "CreateLogGroup", object{"logGroupName": "/aws/lambda/" + name})
		s.does("logs", "PutRetentionPolicy", object{"logGroupName": "/aws/lambda/" + name, "retentionInDays": 30})
		s.does("lambda", "CreateFunction20150331", object{"functionName": name, "runtime": "python3.12", "role": resource("iam:", "role/svc-1"), "handler": "app.handler", "publish": false})
		s.does("lambda", "GetFunction20150331v2", object{"functionName": name})
		s.does("lambda", "AddPermission20150331v2", object{"functionName": name, "principal": "events.amazonaws.com", "action": "lambda:InvokeFunction", "statementId": "AllowEvents", "sourceArn": resource("events:eu-west-1", "rule/"+name)})
		s.does("events", "PutRule", object{"name": name, "scheduleExpression": "rate(1 hour)"})
		s.does("events", "PutTargets", object{"rule": name})
	}
	for i := range 2 {
		name := fmt.Sprint("orders-", i)
		s.does("rds", "CreateDBInstance", object{"dBInstanceIdentifier": name, "engine": "postgres", "publiclyAccessible": false, "masterUsername": "orders", "masterUserPassword": "****"})
		for range 12 {
			s.does("rds", "DescribeDBInstances", object{"dBInstanceIdentifier": name})
		}
	}
	for i := range 10 {
		s.does("secretsmanager", "CreateSecret", object{"name": fmt.Sprint("orders/", i), "clientRequestToken": "t"})
		s.does("secretsmanager", "PutSecretValue", object{"secretId": fmt.Sprint("orders/", i)})
		s.does("ssm", "PutParameter", object{"name": fmt.Sprint("/orders/p", i), "type": "SecureString", "value": "HIDDEN_DUE_TO_SECURITY_REASONS"})
		s.does("monitoring", "PutMetricAlarm", object{"alarmName": fmt.Sprint("orders-", i)})
	}
	s.does("ec2", "CreateFlowLogs", object{"CreateFlowLogsRequest": object{"ResourceType": "VPC", "TrafficType": "ALL"}})
	s.does("cloudtrail", "CreateTrail", object{"name": "platform", "s3BucketName": "acme-platform-0", "isMultiRegionTrail": true})
	s.does("cloudtrail", "StartLogging", object{"name": "platform"})
	s.does("cloudtrail", "PutEventSelectors", object{"trailName": "platform", "eventSelectors": list{object{"readWriteType": "All", "includeManagementEvents": true}}})
	refresh(s)
}

func network(s *script) {
	s.does("ec2", "CreateVpc", object{"cidrBlock": "10.20.0.0/16"})
	s.does("ec2", "ModifyVpcAttribute", object{"vpcId": "vpc-0a1b2c3d4e5f60718", "enableDnsHostnames": object{"value": true}})
	for i := range 6 {
		s.does("ec2", "CreateSubnet", object{"vpcId": "vpc-0a1b2c3d4e5f60718", "cidrBlock": fmt.Sprintf("10.20.%d.0/24", i)})
		s.does("ec2", "CreateRouteTable", object{"vpcId": "vpc-0a1b2c3d4e5f60718"})
		s.does("ec2", "CreateRoute", object{"routeTableId": "rtb-" + hex(i, 17), "destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw-0123456789abcdef0"})
	}
	s.does("ec2", "CreateInternetGateway", object{})
	for i, port := range [...]int{443, 80, 8080, 5432, 6379, 22} {
		group, from := "sg-"+hex(i, 17), "0.0.0.0/0"
		if port > 443 || port == 22 {
			from = "10.20.0.0/16"
		}
		s.does("ec2", "CreateSecurityGroup", object{"groupName": fmt.Sprint("p", port), "vpcId": "vpc-0a1b2c3d4e5f60718"})
		s.does("ec2", "RevokeSecurityGroupEgress", object{"groupId": group})
		s.does("ec2", "AuthorizeSecurityGroupIngress", object{"groupId": group, "ipPermissions": items(object{"ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": items(object{"cidrIp": from})})})
		s.does("ec2", "AuthorizeSecurityGroupEgress", object{"groupId": group, "ipPermissions": items(object{"ipProtocol": "-1", "ipRanges": items(object{"cidrIp": "0.0.0.0/0"})})})
	}
}

func computeRole(s *script, name string) {
	s.does("iam", "CreateRole", object{"roleName": name, "assumeRolePolicyDocument": fmt.Sprintf(assume, "ec2.amazonaws.com")})
	s.does("iam", "PutRolePolicy", object{"roleName": name, "policyName": "read", "policyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::acme-platform-0/*"}]}`})
	s.does("iam", "AttachRolePolicy", object{"roleName": name, "policyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"})
	s.does("iam", "CreateInstanceProfile", object{"instanceProfileName": name})
	s.does("iam", "AddRoleToInstanceProfile", object{"instanceProfileName": name, "roleName": name})
	s.does("iam", "CreatePolicy", object{"policyName": name, "policyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:*"],"Resource":"*"}]}`})
}

func instance(s *script, i int) {
	id := "i-" + hex(i, 17)
	s.does("ec2", "RunInstances", object{"instancesSet": items(object{"imageId": "ami-0c1bea58988a989155", "minCount": 1, "maxCount": 1}), "instanceType": "m6i.large", "userData": "<sensitiveDataRemoved>"})
	for range 3 {
		s.does("ec2", "DescribeInstances", object{"instancesSet": items(object{"instanceId": id})})
	}
	for _, attribute := range [...]string{"instanceInitiatedShutdownBehavior", "disableApiTermination", "disableApiStop", "userData"} {
		s.does("ec2", "DescribeInstanceAttribute", object{"instanceId": id, "attribute": attribute})
	}
	s.does("ec2", "CreateTags", object{"resourcesSet": items(object{"resourceId": id})})
}

func bucket(s *script, name string) {
	s.does("s3", "CreateBucket", object{"bucketName": name})
	for _, read := range [...]string{"GetBucketVersioning", "GetBucketAcl", "GetBucketCors", "GetBucketLogging", "GetBucketReplication", "GetBucketEncryption", "GetBucketTagging"} {
		s.does("s3", read, object{"bucketName": name})
	}
	s.does("s3", "PutBucketPublicAccessBlock", object{"bucketName": name, "PublicAccessBlockConfiguration": object{"BlockPublicAcls": true, "IgnorePublicAcls": true, "BlockPublicPolicy": true, "RestrictPublicBuckets": true}})
	s.does("s3", "PutBucketVersioning", object{"bucketName": name, "VersioningConfiguration": object{"Status": "Enabled"}})
	s.does("s3", "PutBucketEncryption", object{"bucketName": name, "ServerSideEncryptionConfiguration": object{"Rule": object{"ApplyServerSideEncryptionByDefault": object{"SSEAlgorithm": "aws:kms"}}}})
	s.does("s3", "PutBucketLifecycle", object{"bucketName": name, "LifecycleConfiguration": object{"Rule": object{"Status": "Enabled", "Expiration": object{"Days": 90}}}})
	s.does("s3", "PutBucketPolicy", object{"bucketName": name, "bucketPolicy": object{"Version": "2012-10-17", "Statement": list{object{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::" + name + "/*", "Condition": object{"Bool": object{"aws:SecureTransport": "false"}}}}}})
}

// refresh is what each plan reads.
func refresh(s *script) {
	for i := range 8 {
		s.does("iam", "GetRole", object{"roleName": fmt.Sprint("svc-", i)})
		s.does("iam", "GetRolePolicy", object{"roleName": fmt.Sprint("svc-", i), "policyName": "read"})
		s.does("iam", "ListAttachedRolePolicies", object{"roleName": fmt.Sprint("svc-", i)})
	}
	for i := range 12 {
		id := "i-" + hex(i, 17)
		s.does("ec2", "DescribeInstances", object{"instancesSet": items(object{"instanceId": id})})
		for _, attribute := range [...]string{"instanceInitiatedShutdownBehavior", "disableApiTermination", "disableApiStop", "userData"} {
			s.does("ec2", "DescribeInstanceAttribute", object{"instanceId": id, "attribute": attribute})
		}
	}
	for i := range 5 {
		s.does("secretsmanager", "DescribeSecret", object{"secretId": fmt.Sprint("orders/", i)})
		s.does("secretsmanager", "GetSecretValue", object{"secretId": fmt.Sprint("orders/", i)})
		s.does("ssm", "GetParameter", object{"name": fmt.Sprint("/orders/p", i), "withDecryption": true})
	}
}

// destroy takes it all down again.
func destroy(s *script) {
	refresh(s)
	s.does("cloudtrail", "StopLogging", object{"name": "platform"})
	s.does("cloudtrail", "DeleteTrail", object{"name": "platform"})
	s.does("ec2", "DeleteFlowLogs", object{"DeleteFlowLogsRequest": object{"FlowLogId": object{"content": "fl-0123456789abcdef0", "tag": 1}}})
	for i := range 10 {
		s.does("monitoring", "DeleteAlarms", object{"alarmNames": list{fmt.Sprint("orders-", i)}})
		s.does("secretsmanager", "DeleteSecret", object{"secretId": fmt.Sprint("orders/", i), "recoveryWindowInDays": 7})
		s.does("ssm", "DeleteParameter", object{"name": fmt.Sprint("/orders/p", i)})
	}
	for i := range 2 {
		s.does("rds", "DeleteDBInstance", object{"dBInstanceIdentifier": fmt.Sprint("orders-", i), "skipFinalSnapshot": true})
	}
	for i := range 6 {
		name := fmt.Sprint("orders-", i)
		s.does("events", "RemoveTargets", object{"rule": name})
		s.does("events", "DeleteRule", object{"name": name})
		s.does("lambda", "RemovePermission20150331v2", object{"functionName": name})
		s.does("lambda", "DeleteFunction20150331", object{"functionName": name})
		s.does("logs", "DeleteLogGroup", object{"logGroupName": "/aws/lambda/" + name})
		s.does("s3", "DeleteBucketPolicy", object{"bucketName": fmt.Sprint("acme-platform-", i)})
		s.does("s3", "DeleteBucket", object{"bucketName": fmt.Sprint("acme-platform-", i)})
	}
	for i := range 12 {
		s.does("ec2", "TerminateInstances", object{"instancesSet": items(object{"instanceId": "i-" + hex(i, 17)})})
		for range 4 {
			s.does("ec2", "DescribeInstances", object{"instancesSet": items(object{"instanceId": "i-" + hex(i, 17)})})
		}
	}
	for i := range 8 {
		name := fmt.Sprint("svc-", i)
		s.does("iam", "RemoveRoleFromInstanceProfile", object{"instanceProfileName": name, "roleName": name})
		s.does("iam", "DeleteInstanceProfile", object{"instanceProfileName": name})
		s.does("iam", "DetachRolePolicy", object{"roleName": name})
		s.does("iam", "DeleteRolePolicy", object{"roleName": name, "policyName": "read"})
		s.does("iam", "DeletePolicy", object{"policyArn": resource("iam:", "policy/"+name)})
		s.does("iam", "DeleteRole", object{"roleName": name})
	}
	for i := range 6 {
		s.does("ec2", "DeleteSecurityGroup", object{"groupId": "sg-" + hex(i, 17)})
		s.does("ec2", "DeleteSubnet", object{"subnetId": "subnet-" + hex(i, 17)})
		s.does("ec2", "DeleteRouteTable", object{"routeTableId": "rtb-" + hex(i, 17)})
	}
	s.does("ec2", "DeleteVpc", object{"vpcId": "vpc-0a1b2c3d4e5f60718"})
	s.does("kms", "ScheduleKeyDeletion", object{"keyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "pendingWindowInDays": 30})
}

func terraformRun() []logstest.Event {
	p := person{logstest.Role("platform-deploy", "GitHubActions"), "20.102.39.57", terraform}
	s := p.begins(logstest.Start.Add(5*time.Minute), 1200*time.Millisecond)
	apply(s)
	s.at = logstest.Start.Add(35 * time.Minute)
	destroy(s)
	return s.events
}
