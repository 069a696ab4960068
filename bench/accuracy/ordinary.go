package main

import (
	"fmt"
	"slices"
	"time"

	"bartizan.dev/logs/logstest"
)

// ordinaryHour is an hour of a company's account: people at the console and the
// command line, deployments, Terraform, programs, services, an auditor's tool.
func ordinaryHour() []logstest.Event {
	all := slices.Concat(terraformRun(), atConsole(), onCall(), peopleAdmin(), deployments(), programs(), audit(), services())
	slices.SortStableFunc(all, func(a, b logstest.Event) int { return a.Time.Compare(b.Time) })
	return all
}

func atConsole() []logstest.Event {
	p := person{logstest.Role("AWSReservedSSO_PowerUser_8a1f2b3c4d5e6f70", "j.meier@acme.example"), "87.142.19.203", browser}
	s := p.begins(logstest.Start, 2*time.Second)
	s.does("signin", "ConsoleLogin", nil).Response = object{"ConsoleLogin": "Success"}
	for range 25 {
		for _, c := range [...][2]string{{"ec2", "DescribeInstances"}, {"ec2", "DescribeInstanceStatus"}, {"ec2", "DescribeVolumes"}, {"ec2", "DescribeSecurityGroups"}, {"monitoring", "DescribeAlarms"},
			{"s3", "ListBuckets"}, {"lambda", "ListFunctions20150331"}, {"rds", "DescribeDBInstances"}, {"logs", "DescribeLogGroups"}, {"cloudtrail", "LookupEvents"}, {"health", "DescribeEventAggregates"}} {
			s.does(c[0], c[1], nil)
		}
	}
	for _, c := range [...][2]string{{"organizations", "DescribeOrganization"}, {"ce", "GetCostAndUsage"}, {"iam", "ListAccountAliases"}, {"support", "DescribeTrustedAdvisorChecks"}, {"securityhub", "DescribeHub"}} {
		s.denied(c[0], c[1], nil) // the console asks for more than she may see
	}
	s.does("ec2", "RebootInstances", object{"instancesSet": items(object{"instanceId": "i-0aa1bb2cc3dd4ee5f"})})
	s.does("ec2", "CreateSnapshot", object{"volumeId": "vol-049df61146c4d7901"})
	return s.events
}

func onCall() []logstest.Event {
	p := person{logstest.Role("AWSReservedSSO_Operations_0f9e8d7c6b5a4938", "t.okafor@acme.example"), "81.2.69.160", cli}
	s := p.begins(logstest.Start.Add(12*time.Minute), 9*time.Second)
	s.does("sts", "GetCallerIdentity", nil)
	s.does("ssm", "DescribeInstanceInformation", nil)
	s.does("ssm", "StartSession", object{"target": "i-0aa1bb2cc3dd4ee5f"})
	for i := range 60 {
		s.does("logs", "FilterLogEvents", object{"logGroupName": "/aws/ecs/checkout", "nextToken": fmt.Sprint(i)})
	}
	s.does("ecs", "UpdateService", object{"service": "checkout", "desiredCount": 6})
	s.does("secretsmanager", "GetSecretValue", object{"secretId": "checkout/db"})
	s.does("rds", "CreateDBSnapshot", object{"dBInstanceIdentifier": "checkout", "dBSnapshotIdentifier": "before-migration"})
	return s.events
}

func peopleAdmin() []logstest.Event {
	user := logstest.User("r.santos")
	user["sessionContext"] = object{"attributes": object{"creationDate": logstest.Start.Format(time.RFC3339), "mfaAuthenticated": "true"}}
	p := person{user, "87.142.19.203", browser}
	s := p.begins(logstest.Start.Add(3*time.Minute), 20*time.Second)
	login := s.does("signin", "ConsoleLogin", nil)
	login.Type, login.Response, login.Additional = "AwsConsoleSignIn", object{"ConsoleLogin": "Success"}, object{"MFAUsed": "Yes", "MobileVersion": "No"}
	for i := range 3 {
		name := fmt.Sprint("k.lind", i)
		s.does("iam", "ListUsers", nil)
		s.does("iam", "CreateUser", object{"userName": name})
		s.does("iam", "AddUserToGroup", object{"userName": name, "groupName": "developers"})
		s.does("iam", "TagUser", object{"userName": name})
	}
	s.does("iam", "CreateAccessKey", object{"userName": "backup-uploader"})
	s.does("iam", "UpdateAccessKey", object{"userName": "backup-uploader", "status": "Inactive"})
	s.does("iam", "DeleteAccessKey", object{"userName": "backup-uploader"})
	s.does("iam", "GetAccountSummary", nil)
	return s.events
}

func deployments() []logstest.Event {
	p := person{logstest.Role("ci-deploy", "run-8812"), "20.102.39.57", boto}
	s := p.begins(logstest.Start.Add(20*time.Minute), 3*time.Second)
	for i := range 8 {
		s.does("ecr", "GetAuthorizationToken", nil)
		s.does("ecs", "RegisterTaskDefinition", object{"family": "checkout"})
		s.does("ecs", "UpdateService", object{"service": "checkout"})
		for range 10 {
			s.does("ecs", "DescribeServices", object{"services": list{"checkout"}})
		}
		s.does("lambda", "UpdateFunctionCode20150331v2", object{"functionName": fmt.Sprint("mailer-", i), "publish": true})
		s.does("cloudformation", "CreateChangeSet", object{"stackName": "edge"})
		s.does("cloudfront", "CreateInvalidation2020_05_31", object{"distributionId": "E2EXAMPLE7"})
	}
	return s.events
}

// programs run on instances and in functions, and read what they need.
func programs() []logstest.Event {
	var out []logstest.Event
	for i := range 6 {
		p := person{logstest.Instance("checkout", "i-"+hex(100+i, 17)), "10.20.3.14", boto}
		s := p.begins(logstest.Start.Add(time.Duration(i)*time.Minute), 5*time.Second)
		s.does("ssm", "GetParametersByPath", object{"path": "/checkout/", "withDecryption": true, "recursive": true})
		s.does("secretsmanager", "GetSecretValue", object{"secretId": "checkout/db"})
		for n := range 120 {
			s.does("kms", "Decrypt", object{"encryptionContext": object{"aws:s3:arn": fmt.Sprint("arn:aws:s3:::acme-orders/", n)}})
			s.data("s3", "PutObject", object{"bucketName": "acme-orders", "key": fmt.Sprint("2026/", i, "/", n)})
			s.data("dynamodb", "PutItem", object{"tableName": "carts"})
		}
		out = append(out, s.events...)
	}
	return out
}

// audit is a tool that reads the whole account in every Region.
func audit() []logstest.Event {
	p := person{logstest.Role("posture-reader", "scan"), "35.158.91.12", boto}
	s := p.begins(logstest.Start.Add(30*time.Minute), 400*time.Millisecond)
	for _, region := range [...]string{"us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2", "sa-east-1"} {
		s.region = region
		for _, c := range [...][2]string{{"ec2", "DescribeInstances"}, {"ec2", "DescribeSecurityGroups"}, {"ec2", "DescribeSnapshots"}, {"ec2", "DescribeFlowLogs"}, {"rds", "DescribeDBInstances"}, {"lambda", "ListFunctions20150331"},
			{"guardduty", "ListDetectors"}, {"config", "DescribeConfigurationRecorders"}, {"kms", "ListKeys"}, {"secretsmanager", "ListSecrets"}, {"cloudtrail", "DescribeTrails"}} {
			s.does(c[0], c[1], nil)
		}
	}
	s.region = "us-east-1"
	for _, name := range [...]string{"GenerateCredentialReport", "GetCredentialReport", "GetAccountPasswordPolicy", "ListUsers", "ListRoles", "GetAccountAuthorizationDetails"} {
		s.does("iam", name, nil)
	}
	return s.events
}

func services() []logstest.Event {
	var out []logstest.Event
	for _, name := range [...]string{"autoscaling", "lambda", "config", "ecs-tasks", "cloudtrail"} {
		service := name + ".amazonaws.com"
		p := person{logstest.Service(service), service, service}
		s := p.begins(logstest.Start, 30*time.Second)
		for i := range 100 {
			s.does("sts", "AssumeRole", object{"roleArn": resource("iam:", "role/svc"), "roleSessionName": fmt.Sprint("s", i)})
		}
		out = append(out, s.events...)
	}
	return out
}
