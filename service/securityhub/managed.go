package securityhub

import (
	"encoding/json"
	"strconv"
	"strings"
)

// managedInsight is an insight that every account has.
type managedInsight struct {
	number  int
	name    string
	group   string
	filters string // by semicolons: attribute=value, attribute^prefix, attribute<days
}

const open = "RecordState=ACTIVE;WorkflowStatus=NEW;WorkflowStatus=NOTIFIED"

// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-managed-insights.html
var managedList = []managedInsight{
	{1, "1. AWS resources with the most findings", "ResourceId", open},
	{10, "2. S3 buckets with public write or read permissions", "ResourceId", "Type^Effects/Data Exposure;ResourceType=AwsS3Bucket;" + open},
	{3, "3. AMIs that are generating the most findings", "ResourceAwsEc2InstanceImageId", "ResourceType=AwsEc2Instance;" + open},
	{14, "4. EC2 instances involved in known Tactics, Techniques, and Procedures (TTPs)", "ResourceId", "Type^TTPs;ResourceType=AwsEc2Instance;" + open},
	{9, "5. AWS principals with suspicious access key activity", "ResourceAwsIamAccessKeyPrincipalName", "ResourceType=AwsIamAccessKey;" + open},
	{6, "6. AWS resources instances that don't meet security standards / best practices", "ResourceId", "Type=Software and Configuration Checks/Industry and Regulatory Standards/AWS Security Best Practices;" + open},
	{7, "7. AWS resources associated with potential data exfiltration", "ResourceId", "Type^Effects/Data Exfiltration/;" + open},
	{8, "8. AWS resources associated with unauthorized resource consumption", "ResourceId", "Type^Effects/Resource Consumption;" + open},
	{11, "9. S3 buckets that don't meet security standards / best practice", "ResourceId", "ResourceType=AwsS3Bucket;Type=Software and Configuration Checks/Industry and Regulatory Standards/AWS Security Best Practices;" + open},
	{12, "10. S3 buckets with sensitive data", "ResourceId", "ResourceType=AwsS3Bucket;Type^Sensitive Data Identifications/;" + open},
	{13, "11. Credentials that may have leaked", "ResourceId", "Type^Sensitive Data Identifications/Passwords/;" + open},
	{16, "12. EC2 instances that have missing security patches for important vulnerabilities", "ResourceId", "Type^Software and Configuration Checks/Vulnerabilities/CVE;ResourceType=AwsEc2Instance;" + open},
	{17, "13. EC2 instances with general unusual behavior", "ResourceId", "Type^Unusual Behaviors;ResourceType=AwsEc2Instance;" + open},
	{18, "14. EC2 instances that have ports accessible from the Internet", "ResourceId", "Type^Software and Configuration Checks/AWS Security Best Practices/Network Reachability;ResourceType=AwsEc2Instance;" + open},
	{19, "15. EC2 instances that don't meet security standards / best practices", "ResourceId", "Type^Software and Configuration Checks/Industry and Regulatory Standards/;Type^Software and Configuration Checks/AWS Security Best Practices;ResourceType=AwsEc2Instance;" + open},
	{21, "16. EC2 instances that are open to the Internet", "ResourceId", "Type^Software and Configuration Checks/AWS Security Best Practices/Network Reachability;ResourceType=AwsEc2Instance;" + open},
	{22, "17. EC2 instances associated with adversary reconnaissance", "ResourceId", "Type^TTPs/Discovery/Recon;ResourceType=AwsEc2Instance;" + open},
	{23, "18. AWS resources that are associated with malware", "ResourceId", "Type^Effects/Data Exfiltration/Trojan;Type^TTPs/Initial Access/Trojan;Type^TTPs/Command and Control/Backdoor;Type^TTPs/Command and Control/Trojan;Type^Software and Configuration Checks/Backdoor;Type^Unusual Behaviors/VM/Backdoor;" + open},
	{24, "19. AWS resources associated with cryptocurrency issues", "ResourceId", "Type^Effects/Resource Consumption/Cryptocurrency;Type^TTPs/Command and Control/CryptoCurrency;" + open},
	{25, "20. AWS resources with unauthorized access attempts", "ResourceId", "Type^TTPs/Command and Control/UnauthorizedAccess;Type^TTPs/Initial Access/UnauthorizedAccess;Type^Effects/Data Exfiltration/UnauthorizedAccess;Type^Unusual Behaviors/User/UnauthorizedAccess;Type^Effects/Resource Consumption/UnauthorizedAccess;" + open},
	{26, "21. Threat Intel indicators with the most hits in the last week", "ThreatIntelIndicatorValue", "CreatedAt<7"},
	{27, "22. Top accounts by counts of findings", "AwsAccountId", open},
	{28, "23. Top products by counts of findings", "ProductArn", open},
	{29, "24. Severity by counts of findings", "SeverityLabel", open},
	{30, "25. Top S3 buckets by counts of findings", "ResourceId", "ResourceType=AwsS3Bucket;" + open},
	{31, "26. Top EC2 instances by counts of findings", "ResourceId", "ResourceType=AwsEc2Instance;" + open},
	{32, "27. Top AMIs by counts of findings", "ResourceAwsEc2InstanceImageId", "ResourceType=AwsEc2Instance;" + open},
	{33, "28. Top IAM users by counts of findings", "ResourceAwsIamAccessKeyUserName", "ResourceType=AwsIamAccessKey;" + open},
	{34, "29. Top resources by counts of failed CIS checks", "ResourceId", "GeneratorId^arn:aws:securityhub:::ruleset/cis-aws-foundations-benchmark/v/1.2.0/rule;UpdatedAt<1;ComplianceStatus=FAILED;" + open},
	{35, "30. Top integrations by counts of findings", "ProductArn", open},
	{36, "31. Resources with the most failed security checks", "ResourceId", "UpdatedAt<1;ComplianceStatus=FAILED;" + open},
	{37, "32. IAM users with suspicious activity", "ResourceAwsIamUserUserName", "ResourceType=AwsIamUser;" + open},
}

// managedInsightOf is a managed insight by its number; nil: there is none.
func managedInsightOf(number string) *insight {
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil
	}
	for _, m := range managedList {
		if m.number == n {
			return &insight{Name: m.name, GroupBy: m.group, Filters: m.json()}
		}
	}
	return nil
}

func (m *managedInsight) json() json.RawMessage {
	out := map[string][]any{}
	for part := range strings.SplitSeq(m.filters, ";") {
		i := strings.IndexAny(part, "=^<")
		name, value := part[:i], part[i+1:]
		var f any
		switch part[i] {
		case '=':
			f = map[string]string{"Value": value, "Comparison": "EQUALS"}
		case '^':
			f = map[string]string{"Value": value, "Comparison": "PREFIX"}
		default:
			days, _ := strconv.Atoi(value) //nolint:errcheck // ours
			f = map[string]any{"DateRange": map[string]any{"Value": days, "Unit": "DAYS"}}
		}
		out[name] = append(out[name], f)
	}
	b, _ := json.Marshal(out) //nolint:errcheck // strings and numbers
	return b
}
