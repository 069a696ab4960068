package main

// A service is one line of the generator's list. Name is the service's folder
// in botocore's data and in tools/gen/models; Package is its folder under api/.
// Begun services are written to api/; the others are only in the table of
// names, so that the gateway can answer an honest error for them. Ops selects
// operations; nil means all of them.
type service struct {
	Name    string
	Package string
	Begun   bool
	Ops     []string
	Global  bool // one endpoint, whatever the Region
}

var services = []service{
	{Name: "kms", Package: "kms", Begun: true},
	{Name: "iam", Package: "iam", Begun: true, Global: true},
	{Name: "sts", Package: "sts", Begun: true},
	{Name: "organizations", Package: "organizations", Begun: true, Global: true},
	{Name: "accessanalyzer", Package: "accessanalyzer", Begun: true},
	{Name: "rolesanywhere", Package: "rolesanywhere", Begun: true},
	{Name: "signin", Package: "signin", Begun: true},
	{Name: "iam-toolbox", Package: "iamtoolbox", Begun: true, Global: true},
	{Name: "eks", Package: "eks", Begun: true, Ops: []string{
		"CreatePodIdentityAssociation", "DeletePodIdentityAssociation", "DescribePodIdentityAssociation",
		"ListPodIdentityAssociations", "UpdatePodIdentityAssociation", "ListTagsForResource", "TagResource", "UntagResource",
	}},
	{Name: "eks-auth", Package: "eksauth", Begun: true},
	{Name: "secretsmanager", Package: "secretsmanager", Begun: true},
	{Name: "acm", Package: "acm", Begun: true},
	{Name: "acm-pca", Package: "acmpca"},
	{Name: "route53", Package: "route53", Global: true},
	{Name: "route53resolver", Package: "route53resolver"},
	{Name: "elbv2", Package: "elbv2"},
	{Name: "cloudfront", Package: "cloudfront", Global: true},
	{Name: "wafv2", Package: "wafv2"},
	{Name: "shield", Package: "shield", Global: true},
	{Name: "guardduty", Package: "guardduty", Begun: true},
	{Name: "inspector2", Package: "inspector2"},
	{Name: "securityhub", Package: "securityhub", Begun: true},
	{Name: "cloudtrail", Package: "cloudtrail", Begun: true, Ops: []string{
		"AddTags", "CancelQuery", "CreateEventDataStore", "CreateTrail", "DeleteEventDataStore", "DeleteResourcePolicy", "DeleteTrail",
		"DescribeQuery", "DescribeTrails", "GetEventDataStore", "GetEventSelectors", "GetInsightSelectors", "GetQueryResults",
		"GetResourcePolicy", "GetTrail", "GetTrailStatus", "ListEventDataStores", "ListPublicKeys", "ListQueries",
		"ListTags", "ListTrails", "LookupEvents", "PutEventSelectors", "PutInsightSelectors", "PutResourcePolicy", "RemoveTags",
		"RestoreEventDataStore", "StartEventDataStoreIngestion", "StartLogging", "StartQuery", "StopEventDataStoreIngestion",
		"StopLogging", "UpdateEventDataStore", "UpdateTrail",
	}},
	{Name: "events", Package: "events", Begun: true},
	{Name: "sns", Package: "sns", Begun: true},
	{Name: "sqs", Package: "sqs", Begun: true},
	{Name: "logs", Package: "logs", Begun: true, Ops: []string{
		"CreateLogGroup", "CreateLogStream", "DeleteLogGroup", "DeleteLogStream", "DeleteResourcePolicy", "DeleteRetentionPolicy",
		"DescribeLogGroups", "DescribeLogStreams", "DescribeResourcePolicies", "FilterLogEvents", "GetLogEvents", "ListLogGroups",
		"ListTagsForResource", "PutLogEvents", "PutLogGroupDeletionProtection", "PutResourcePolicy", "PutRetentionPolicy", "TagResource", "TestMetricFilter", "UntagResource",
	}},
	{Name: "cognito-idp", Package: "cognitoidp"},
	{Name: "cognito-identity", Package: "cognitoidentity"},
	{Name: "sso-admin", Package: "ssoadmin"},
	{Name: "sso-oidc", Package: "ssooidc"},
	{Name: "sso", Package: "sso"},
	{Name: "identitystore", Package: "identitystore"},
	{Name: "ds", Package: "ds"},
	{Name: "ec2", Package: "ec2", Ops: ec2Ops},
	{Name: "network-firewall", Package: "networkfirewall"},
	{Name: "s3", Package: "s3"},
	{Name: "cloudhsmv2", Package: "cloudhsmv2", Begun: true},
	{Name: "redshift", Package: "redshift", Begun: true, Ops: []string{
		"CreateHsmClientCertificate", "CreateHsmConfiguration", "CreateTags",
		"DeleteHsmClientCertificate", "DeleteHsmConfiguration", "DeleteTags",
		"DescribeHsmClientCertificates", "DescribeHsmConfigurations", "DescribeTags",
	}},
	{Name: "ssm", Package: "ssm", Begun: true, Ops: []string{
		"AddTagsToResource", "DeleteParameter", "DeleteParameters", "DeleteResourcePolicy", "DescribeParameters",
		"GetParameter", "GetParameterHistory", "GetParameters", "GetParametersByPath", "GetResourcePolicies",
		"LabelParameterVersion", "ListTagsForResource", "PutParameter", "PutResourcePolicy",
		"RemoveTagsFromResource", "UnlabelParameterVersion",
	}},
}

// ec2Ops are the operations of the mission: VPC, security groups, network ACLs,
// routes, endpoints, VPN, flow logs, interfaces, instances as they are
// described, images and tags.
var ec2Ops = []string{
	"AcceptVpcEndpointConnections", "AcceptVpcPeeringConnection", "AllocateAddress",
	"AssociateAddress", "AssociateDhcpOptions", "AssociateRouteTable", "AssociateSubnetCidrBlock",
	"AssociateVpcCidrBlock", "AttachInternetGateway", "AttachNetworkInterface", "AttachVpnGateway",
	"AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateCustomerGateway",
	"CreateDefaultSubnet", "CreateDefaultVpc", "CreateDhcpOptions", "CreateFlowLogs",
	"CreateInternetGateway", "CreateManagedPrefixList", "CreateNatGateway", "CreateNetworkAcl",
	"CreateNetworkAclEntry", "CreateNetworkInterface", "CreateRoute", "CreateRouteTable",
	"CreateSecurityGroup", "CreateSubnet", "CreateTags", "CreateVpc", "CreateVpcEndpoint",
	"CreateVpcEndpointServiceConfiguration", "CreateVpcPeeringConnection", "CreateVpnConnection",
	"CreateVpnConnectionRoute", "CreateVpnGateway", "DeleteCustomerGateway", "DeleteDhcpOptions",
	"DeleteFlowLogs", "DeleteInternetGateway", "DeleteManagedPrefixList", "DeleteNatGateway",
	"DeleteNetworkAcl", "DeleteNetworkAclEntry", "DeleteNetworkInterface", "DeleteRoute",
	"DeleteRouteTable", "DeleteSecurityGroup", "DeleteSubnet", "DeleteTags", "DeleteVpc",
	"DeleteVpcEndpointServiceConfigurations", "DeleteVpcEndpoints", "DeleteVpcPeeringConnection",
	"DeleteVpnConnection", "DeleteVpnConnectionRoute", "DeleteVpnGateway", "DeregisterImage",
	"DescribeAccountAttributes", "DescribeAddresses", "DescribeAvailabilityZones",
	"DescribeCustomerGateways", "DescribeDhcpOptions", "DescribeFlowLogs", "DescribeImages",
	"DescribeInstanceAttribute", "DescribeInstanceStatus", "DescribeInstances",
	"DescribeInternetGateways", "DescribeManagedPrefixLists", "DescribeNatGateways",
	"DescribeNetworkAcls", "DescribeNetworkInterfaces", "DescribePrefixLists", "DescribeRegions",
	"DescribeRouteTables", "DescribeSecurityGroupReferences", "DescribeSecurityGroupRules",
	"DescribeSecurityGroups", "DescribeSubnets", "DescribeTags", "DescribeVpcAttribute",
	"DescribeVpcEndpointServices", "DescribeVpcEndpoints", "DescribeVpcPeeringConnections",
	"DescribeVpcs", "DescribeVpnConnections", "DescribeVpnGateways", "DetachInternetGateway",
	"DetachNetworkInterface", "DetachVpnGateway", "DisableVgwRoutePropagation", "DisassociateAddress",
	"DisassociateRouteTable", "DisassociateSubnetCidrBlock", "DisassociateVpcCidrBlock",
	"EnableVgwRoutePropagation", "GetManagedPrefixListEntries", "ModifyManagedPrefixList",
	"ModifyNetworkInterfaceAttribute", "ModifySecurityGroupRules", "ModifySubnetAttribute",
	"ModifyVpcAttribute", "ModifyVpcEndpoint", "ModifyVpnConnection", "ModifyVpnTunnelOptions",
	"RegisterImage", "RejectVpcPeeringConnection", "ReleaseAddress", "ReplaceNetworkAclAssociation",
	"ReplaceNetworkAclEntry", "ReplaceRoute", "ReplaceRouteTableAssociation",
	"RevokeSecurityGroupEgress", "RevokeSecurityGroupIngress",
	"UpdateSecurityGroupRuleDescriptionsEgress", "UpdateSecurityGroupRuleDescriptionsIngress",
}
