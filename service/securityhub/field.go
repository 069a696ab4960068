package securityhub

import "strings"

// fields are the filters of AwsSecurityFindingFilters whose place in a finding
// is not their own name.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFindingFilters.html
var fields = map[string]string{
	"Type":                                           "Types",
	"SeverityProduct":                                "Severity.Product",
	"SeverityNormalized":                             "Severity.Normalized",
	"SeverityLabel":                                  "Severity.Label",
	"RecommendationText":                             "Remediation.Recommendation.Text",
	"MalwareName":                                    "Malware.Name",
	"MalwareType":                                    "Malware.Type",
	"MalwarePath":                                    "Malware.Path",
	"MalwareState":                                   "Malware.State",
	"NetworkDirection":                               "Network.Direction",
	"NetworkProtocol":                                "Network.Protocol",
	"NetworkSourceIpV4":                              "Network.SourceIpV4",
	"NetworkSourceIpV6":                              "Network.SourceIpV6",
	"NetworkSourcePort":                              "Network.SourcePort",
	"NetworkSourceDomain":                            "Network.SourceDomain",
	"NetworkSourceMac":                               "Network.SourceMac",
	"NetworkDestinationIpV4":                         "Network.DestinationIpV4",
	"NetworkDestinationIpV6":                         "Network.DestinationIpV6",
	"NetworkDestinationPort":                         "Network.DestinationPort",
	"NetworkDestinationDomain":                       "Network.DestinationDomain",
	"ProcessName":                                    "Process.Name",
	"ProcessPath":                                    "Process.Path",
	"ProcessPid":                                     "Process.Pid",
	"ProcessParentPid":                               "Process.ParentPid",
	"ProcessLaunchedAt":                              "Process.LaunchedAt",
	"ProcessTerminatedAt":                            "Process.TerminatedAt",
	"ThreatIntelIndicatorType":                       "ThreatIntelIndicators.Type",
	"ThreatIntelIndicatorValue":                      "ThreatIntelIndicators.Value",
	"ThreatIntelIndicatorCategory":                   "ThreatIntelIndicators.Category",
	"ThreatIntelIndicatorLastObservedAt":             "ThreatIntelIndicators.LastObservedAt",
	"ThreatIntelIndicatorSource":                     "ThreatIntelIndicators.Source",
	"ThreatIntelIndicatorSourceUrl":                  "ThreatIntelIndicators.SourceUrl",
	"ResourceType":                                   "Resources.Type",
	"ResourceId":                                     "Resources.Id",
	"ResourcePartition":                              "Resources.Partition",
	"ResourceRegion":                                 "Resources.Region",
	"ResourceTags":                                   "Resources.Tags",
	"ResourceApplicationName":                        "Resources.ApplicationName",
	"ResourceApplicationArn":                         "Resources.ApplicationArn",
	"ResourceProvider":                               "Resources.Provider",
	"ResourceOwnerAccountId":                         "Resources.Owner.AccountId",
	"ResourceOwnerOrgId":                             "Resources.Owner.OrgId",
	"ResourceDetailsOther":                           "Resources.Details.Other",
	"ResourceAwsEc2InstanceType":                     "Resources.Details.AwsEc2Instance.Type",
	"ResourceAwsEc2InstanceImageId":                  "Resources.Details.AwsEc2Instance.ImageId",
	"ResourceAwsEc2InstanceIpV4Addresses":            "Resources.Details.AwsEc2Instance.IpV4Addresses",
	"ResourceAwsEc2InstanceIpV6Addresses":            "Resources.Details.AwsEc2Instance.IpV6Addresses",
	"ResourceAwsEc2InstanceKeyName":                  "Resources.Details.AwsEc2Instance.KeyName",
	"ResourceAwsEc2InstanceIamInstanceProfileArn":    "Resources.Details.AwsEc2Instance.IamInstanceProfileArn",
	"ResourceAwsEc2InstanceVpcId":                    "Resources.Details.AwsEc2Instance.VpcId",
	"ResourceAwsEc2InstanceSubnetId":                 "Resources.Details.AwsEc2Instance.SubnetId",
	"ResourceAwsEc2InstanceLaunchedAt":               "Resources.Details.AwsEc2Instance.LaunchedAt",
	"ResourceAwsS3BucketOwnerId":                     "Resources.Details.AwsS3Bucket.OwnerId",
	"ResourceAwsS3BucketOwnerName":                   "Resources.Details.AwsS3Bucket.OwnerName",
	"ResourceAwsIamAccessKeyUserName":                "Resources.Details.AwsIamAccessKey.UserName",
	"ResourceAwsIamAccessKeyPrincipalName":           "Resources.Details.AwsIamAccessKey.PrincipalName",
	"ResourceAwsIamAccessKeyStatus":                  "Resources.Details.AwsIamAccessKey.Status",
	"ResourceAwsIamAccessKeyCreatedAt":               "Resources.Details.AwsIamAccessKey.CreatedAt",
	"ResourceAwsIamUserUserName":                     "Resources.Details.AwsIamUser.UserName",
	"ResourceContainerName":                          "Resources.Details.Container.Name",
	"ResourceContainerImageId":                       "Resources.Details.Container.ImageId",
	"ResourceContainerImageName":                     "Resources.Details.Container.ImageName",
	"ResourceContainerLaunchedAt":                    "Resources.Details.Container.LaunchedAt",
	"ComplianceStatus":                               "Compliance.Status",
	"ComplianceSecurityControlId":                    "Compliance.SecurityControlId",
	"ComplianceAssociatedStandardsId":                "Compliance.AssociatedStandards.StandardsId",
	"ComplianceSecurityControlParametersName":        "Compliance.SecurityControlParameters.Name",
	"ComplianceSecurityControlParametersValue":       "Compliance.SecurityControlParameters.Value",
	"WorkflowStatus":                                 "Workflow.Status",
	"RelatedFindingsProductArn":                      "RelatedFindings.ProductArn",
	"RelatedFindingsId":                              "RelatedFindings.Id",
	"NoteText":                                       "Note.Text",
	"NoteUpdatedAt":                                  "Note.UpdatedAt",
	"NoteUpdatedBy":                                  "Note.UpdatedBy",
	"FindingProviderFieldsConfidence":                "FindingProviderFields.Confidence",
	"FindingProviderFieldsCriticality":               "FindingProviderFields.Criticality",
	"FindingProviderFieldsRelatedFindingsId":         "FindingProviderFields.RelatedFindings.Id",
	"FindingProviderFieldsRelatedFindingsProductArn": "FindingProviderFields.RelatedFindings.ProductArn",
	"FindingProviderFieldsSeverityLabel":             "FindingProviderFields.Severity.Label",
	"FindingProviderFieldsSeverityOriginal":          "FindingProviderFields.Severity.Original",
	"FindingProviderFieldsTypes":                     "FindingProviderFields.Types",
	"VulnerabilitiesExploitAvailable":                "Vulnerabilities.ExploitAvailable",
	"VulnerabilitiesFixAvailable":                    "Vulnerabilities.FixAvailable",
}

// pathOf is where the attribute of a filter lies in a finding.
func pathOf(name string) []string {
	if p, ok := fields[name]; ok {
		name = p
	}
	return strings.Split(name, ".")
}

// values is all that a finding has at an attribute of filters.
func (a ASFF) values(name string) []any {
	out := spread(nil, map[string]any(a), pathOf(name))
	if name == "Sample" && len(out) == 0 {
		return []any{false}
	}
	return out
}
