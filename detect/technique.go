package detect

import "bartizan.dev/logs"

// Rules beside AWS's own, for the types that Custom Detection Rules have.
func techniques() []Rule {
	return []Rule{
		{Type: "Persistence:EC2/ExternalRemoteServices", Severity: Low,
			On: calls("ec2", "AuthorizeSecurityGroupIngress"), Match: publicService, Resource: "AWS::EC2::SecurityGroup", Path: []string{"groupId"},
			Title: "A security group opened a service of administration or of data to the Internet.", Text: "The security group {resource} was changed by {user} calling {api}, so that a port of remote administration or of a database can be reached from every address."},
		{Type: "LateralMovement:EC2/RemoteServices", Severity: Low,
			On: calls("ssm", "SendCommand"), Match: shellDocument, Resource: "AWS::SSM::Document", Path: []string{"documentName"},
			Title: "A shell command was sent to EC2 instances.", Text: "A command was sent to instances with the document {resource} by {user} calling {api}."},
	}
}

// exposed are the ports of remote administration and of databases, without 22,
// which is EC2SecurityGroupPublicSSH's.
var exposed = [...]int64{23, 135, 445, 1433, 1521, 2375, 3306, 3389, 5432, 5900, 5985, 6379, 9200, 27017}

func publicService(c *logs.Call) bool {
	if publicSSH(c) {
		return false
	}
	p := c.Params
	for v := range p.Get("ipPermissions", "items").Items() {
		if (everyone(v.Get("ipRanges", "items"), "cidrIp") || everyone(v.Get("ipv6Ranges", "items"), "cidrIpv6")) && exposes(v) {
			return true
		}
	}
	return everyone(p, "cidrIp") && exposes(p)
}

func exposes(v logs.Value) bool {
	if kind := v.Get("ipProtocol").Text(); kind != "tcp" && kind != "6" {
		return false
	}
	from, ok := v.Get("fromPort").Int()
	to, ok2 := v.Get("toPort").Int()
	if !ok || !ok2 {
		return false
	}
	for _, port := range exposed {
		if from <= port && port <= to {
			return true
		}
	}
	return false
}

func shellDocument(c *logs.Call) bool {
	switch c.Params.Get("documentName").Text() {
	case "AWS-RunShellScript", "AWS-RunPowerShellScript", "AWS-RunRemoteScript":
		return true
	}
	return false
}
