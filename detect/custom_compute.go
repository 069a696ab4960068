package detect

import (
	"strconv"

	"bartizan.dev/logs"
)

// The Custom Detection Rules of EC2, Lambda, SageMaker and Route 53 Resolver; see
// custom_iam.go.
func customCompute() []Rule {
	return []Rule{
		{Signal: "EC2PasswordDataRetrieved", Type: "CredentialAccess:EC2/UnsecuredCredentials", Severity: Medium,
			On: calls("ec2", "GetPasswordData"), Resource: "AWS::EC2::Instance", Path: []string{"instanceId"},
			Title: "The password data of an EC2 instance was retrieved.", Text: "The administrator's password of the Windows instance {resource} was retrieved by {user} calling {api}."},
		{Signal: "EC2TerminationProtectionEnabled", Type: "DefenseImpairment:EC2/DisableOrModifyTools", Severity: Low,
			On: calls("ec2", "ModifyInstanceAttribute"), Match: param(logs.Yes, "disableApiTermination", "value"), Resource: "AWS::EC2::Instance", Path: []string{"instanceId"},
			Title: "Termination protection was enabled on an EC2 instance.", Text: "Termination protection of the instance {resource} was enabled by {user} calling {api}, which keeps responders from ending it."},
		{Signal: "VPCFlowLogsDeleted", Type: "DefenseImpairment:EC2/DisableOrModifyTools", Severity: High,
			On: calls("ec2", "DeleteFlowLogs"), Title: "VPC flow logs were deleted.", Text: "VPC flow logs were deleted by {user} calling {api}."},
		{Signal: "DNSQueryLogsDeleted", Type: "DefenseImpairment:Route53Resolver/DisableOrModifyTools", Severity: Medium,
			On: calls("route53resolver", "DeleteResolverQueryLogConfig"), Resource: "AWS::Route53Resolver::ResolverQueryLoggingConfig", Path: []string{"resolverQueryLogConfigId"},
			Title: "A Route 53 Resolver query logging configuration was deleted.", Text: "The DNS query logging configuration {resource} was deleted by {user} calling {api}."},
		{Signal: "SageMakerLifecycleConfigModified", Type: "Execution:SageMaker/CommandAndScriptingInterpreter", Severity: Medium,
			On: calls("sagemaker", "UpdateNotebookInstanceLifecycleConfig"), Resource: "AWS::SageMaker::NotebookInstanceLifecycleConfig", Path: []string{"notebookInstanceLifecycleConfigName"},
			Title: "A SageMaker notebook lifecycle configuration was modified.", Text: "The lifecycle configuration {resource}, a script that runs when notebooks start, was modified by {user} calling {api}."},
		{Signal: "AMIExternalAccess", Type: "Exfiltration:EC2/TransferDataToCloudAccount", Severity: High,
			On: calls("ec2", "ModifyImageAttribute"), Match: func(c *logs.Call) bool { return sharedOutside(c, c.Params.Get("launchPermission", "add", "items")) },
			Resource: "AWS::EC2::Image", Path: []string{"imageId"}, Title: "An AMI was shared outside the account.", Text: "The AMI {resource} was made public or shared with another account by {user} calling {api}."},
		{Signal: "EBSSnapshotExternalAccess", Type: "Exfiltration:EC2/TransferDataToCloudAccount", Severity: High,
			On: calls("ec2", "ModifySnapshotAttribute"), Match: func(c *logs.Call) bool {
				return sharedOutside(c, c.Params.Get("createVolumePermission", "add", "items"))
			}, Resource: "AWS::EC2::Snapshot", Path: []string{"snapshotId"}, Title: "An EBS snapshot was shared outside the account.", Text: "The EBS snapshot {resource} was made public or shared with another account by {user} calling {api}."},
		{Signal: "EC2InstanceSSHKeyPushed", Type: "LateralMovement:EC2/RemoteServices", Severity: Medium,
			On: calls("ec2-instance-connect", "SendSSHPublicKey", "SendSerialConsoleSSHPublicKey"), Resource: "AWS::EC2::Instance", Path: []string{"instanceId"},
			Title: "An SSH public key was pushed to an EC2 instance.", Text: "An SSH public key was pushed to the instance {resource} by {user} calling {api} of EC2 Instance Connect."},
		{Signal: "EC2UserDataModified", Type: "Persistence:EC2/BootOrLogonInitializationScripts", Severity: High,
			On: calls("ec2", "ModifyInstanceAttribute"), Match: userData, Resource: "AWS::EC2::Instance", Path: []string{"instanceId"},
			Title: "The user data of an EC2 instance was modified.", Text: "The user data of the instance {resource}, which can hold commands that run at boot, was modified by {user} calling {api}."},
		{Signal: "EC2SecurityGroupPublicSSH", Type: "Persistence:EC2/ExternalRemoteServices", Severity: Medium,
			On: calls("ec2", "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules"), Match: publicSSH, Resource: "AWS::EC2::SecurityGroup", Path: []string{"groupId"},
			Title: "A security group opened SSH to the Internet.", Text: "The security group {resource} was changed by {user} calling {api}, so that port 22 can be reached from every address."},
		{Signal: "LambdaFunctionPublicAccess", Type: "Persistence:Lambda/AccountManipulation", Severity: High,
			On: calls("lambda", "AddPermission20150331v2", "AddPermission20150331", "AddPermission"), Match: publicFunction, Resource: "AWS::Lambda::Function", Path: []string{"functionName"},
			Title: "A Lambda function was made public.", Text: "The policy of the function {resource} was changed by {user} calling {api}, so that everyone can invoke it."},
		{Signal: "LambdaFunctionUrlPublicAccess", Type: "Persistence:Lambda/ModifyAuthenticationProcess", Severity: High,
			On:    calls("lambda", "CreateFunctionUrlConfig", "UpdateFunctionUrlConfig", "CreateFunctionUrlConfig20211031", "UpdateFunctionUrlConfig20211031"),
			Match: func(c *logs.Call) bool { return c.Params.Get("authType").Text() == "NONE" }, Resource: "AWS::Lambda::Function", Path: []string{"functionName"},
			Title: "A Lambda function URL was made public.", Text: "The URL of the function {resource} was created or changed by {user} calling {api}, so that no authentication is needed."},
	}
}

// sharedOutside looks for everyone, another account or an organization among
// those who are given access.
func sharedOutside(c *logs.Call, list logs.Value) bool {
	for v := range list.Items() {
		if v.Get("group").Text() == "all" || v.Get("organizationArn").Exists() || v.Get("organizationalUnitArn").Exists() {
			return true
		}
		if id := v.Get("userId").Text(); id != "" && id != c.Account {
			return true
		}
	}
	return false
}

func userData(c *logs.Call) bool {
	return c.Params.Get("userData").Exists() || c.Params.Get("attribute").Text() == "userData"
}

// publicSSH looks for a rule that opens port 22 to everyone, in the forms of both
// operations.
func publicSSH(c *logs.Call) bool {
	p := c.Params
	for v := range p.Get("ipPermissions", "items").Items() {
		if opensSSH(v, "ipProtocol", "fromPort", "toPort") && (everyone(v.Get("ipRanges", "items"), "cidrIp") || everyone(v.Get("ipv6Ranges", "items"), "cidrIpv6")) {
			return true
		}
	}
	if opensSSH(p, "ipProtocol", "fromPort", "toPort") && everyone(p, "cidrIp") {
		return true
	}
	for v := range p.Get("ModifySecurityGroupRulesRequest", "SecurityGroupRule").Items() {
		r := v.Get("SecurityGroupRule")
		if opensSSH(r, "IpProtocol", "FromPort", "ToPort") && (everyone(r, "CidrIpv4") || everyone(r, "CidrIpv6")) {
			return true
		}
	}
	return false
}

func opensSSH(v logs.Value, protocol, from, to string) bool {
	switch v.Get(protocol).Text() {
	case "-1":
		return true
	case "tcp", "6":
		low, _ := v.Get(from).Int()
		high, ok := v.Get(to).Int()
		return low <= 22 && (22 <= high || !ok)
	}
	return false
}

func everyone(list logs.Value, name string) bool {
	for v := range list.Items() {
		if cidr := v.Get(name).Text(); cidr == "0.0.0.0/0" || cidr == "::/0" {
			return true
		}
	}
	return false
}

func publicFunction(c *logs.Call) bool {
	p := c.Params
	return p.Get("principal").Text() == "*" && !p.Get("sourceAccount").Exists() && !p.Get("sourceArn").Exists() && !p.Get("principalOrgID").Exists() && p.Get("functionUrlAuthType").Text() != "AWS_IAM"
}

// days is a number of days that may be written as text.
func daysOf(v logs.Value) int {
	n, err := strconv.Atoi(v.Text())
	if err != nil {
		return -1
	}
	return n
}
