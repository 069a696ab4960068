package securityhub

import (
	"context"
	"slices"
	"strconv"

	api "bartizan.dev/api/securityhub"
)

// control is a security control.
// https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-controls-reference.html
type control struct {
	ID, Title string
	Severity  api.SeverityRating
	fsbp      bool
	cis14     string // requirement of CIS AWS Foundations Benchmark v1.4.0; empty: not part of it
	cis30     string // of v3.0.0
	judge     judge  // nil: Bartizan has nothing that it could be judged by
	params    []parameter
}

// parameter is a number that an account may set.
type parameter struct {
	name, description  string
	standard, low, top int32
}

// judge looks at what a control is about.
type judge func(ctx context.Context, f *facts) ([]verdict, error)

// verdict is what a control says of one resource.
type verdict struct {
	Type, ID string
	Status   string // of Compliance: PASSED, FAILED, WARNING, NOT_AVAILABLE
	Reason   string // code of a status that is neither PASSED nor FAILED
}

func passIf(good bool, kind, id string) verdict {
	v := verdict{Type: kind, ID: id, Status: "FAILED"}
	if good {
		v.Status = "PASSED"
	}
	return v
}

const (
	low, medium, high, critical = api.SeverityRating_LOW, api.SeverityRating_MEDIUM, api.SeverityRating_HIGH, api.SeverityRating_CRITICAL

	days90 = "unusedForDays"
)

// controls are those that can be judged, and the best known of those that can't.
var controls = []control{
	{ID: "CloudTrail.1", Title: "CloudTrail should be enabled and configured with at least one multi-Region trail that includes read and write management events", Severity: high, fsbp: true, cis14: "3.1", cis30: "3.1", judge: judgeTrailEverywhere},
	{ID: "CloudTrail.2", Title: "CloudTrail should have encryption at-rest enabled", Severity: medium, fsbp: true, cis14: "3.7", cis30: "3.5", judge: judgeTrailEncrypted},
	{ID: "CloudTrail.3", Title: "At least one CloudTrail trail should be enabled", Severity: high, judge: judgeTrailEnabled},
	{ID: "CloudTrail.4", Title: "CloudTrail log file validation should be enabled", Severity: low, fsbp: true, cis14: "3.2", cis30: "3.2", judge: judgeTrailValidated},
	{ID: "CloudTrail.5", Title: "CloudTrail trails should be integrated with Amazon CloudWatch Logs", Severity: low, fsbp: true, cis14: "3.4", judge: judgeTrailWatched},
	{ID: "CloudTrail.6", Title: "Ensure the S3 bucket used to store CloudTrail logs is not publicly accessible", Severity: critical, cis14: "3.3"},
	{ID: "CloudTrail.7", Title: "Ensure S3 bucket access logging is enabled on the CloudTrail S3 bucket", Severity: low, cis14: "3.6", cis30: "3.4"},
	{ID: "Config.1", Title: "AWS Config should be enabled and use the service-linked role for resource recording", Severity: critical, fsbp: true, cis14: "3.5", cis30: "3.3"},
	{ID: "EC2.2", Title: "VPC default security groups should not allow inbound or outbound traffic", Severity: high, fsbp: true, cis14: "5.3", cis30: "5.4"},
	{ID: "EC2.6", Title: "VPC flow logging should be enabled in all VPCs", Severity: medium, fsbp: true, cis14: "3.9", cis30: "3.7"},
	{ID: "EC2.7", Title: "EBS default encryption should be enabled", Severity: medium, fsbp: true, cis14: "2.2.1", cis30: "2.2.1"},
	{ID: "EC2.8", Title: "EC2 instances should use Instance Metadata Service Version 2 (IMDSv2)", Severity: high, fsbp: true, cis30: "5.6"},
	{ID: "GuardDuty.1", Title: "GuardDuty should be enabled", Severity: high, fsbp: true},
	{ID: "IAM.1", Title: `IAM policies should not allow full "*" administrative privileges`, Severity: high, fsbp: true, cis14: "1.16", judge: judgeAdminPolicies},
	{ID: "IAM.2", Title: "IAM users should not have IAM policies attached", Severity: low, fsbp: true, cis30: "1.15", judge: judgeUserPolicies},
	{ID: "IAM.3", Title: "IAM users' access keys should be rotated every 90 days or less", Severity: medium, fsbp: true, cis14: "1.14", cis30: "1.14", judge: judgeKeyAge},
	{ID: "IAM.4", Title: "IAM root user access key should not exist", Severity: critical, fsbp: true, cis14: "1.4", cis30: "1.4", judge: judgeRootKey},
	{ID: "IAM.5", Title: "MFA should be enabled for all IAM users that have a console password", Severity: medium, fsbp: true, cis14: "1.10", cis30: "1.10", judge: judgeConsoleMFA},
	{ID: "IAM.6", Title: "Hardware MFA should be enabled for the root user", Severity: critical, fsbp: true, cis14: "1.6", cis30: "1.6", judge: judgeRootHardware},
	{ID: "IAM.7", Title: "Password policies for IAM users should have strong configurations", Severity: medium, fsbp: true, judge: judgePassword, params: []parameter{{"MinimumPasswordLength", "Minimum number of characters in a password", 8, 8, 128}}},
	{ID: "IAM.8", Title: "Unused IAM user credentials should be removed", Severity: medium, fsbp: true, judge: judgeUnused(90)},
	{ID: "IAM.9", Title: "MFA should be enabled for the root user", Severity: critical, cis14: "1.5", cis30: "1.5", judge: judgeRootMFA},
	{ID: "IAM.10", Title: "Password policies for IAM users should have strong configurations", Severity: medium, judge: judgePasswordPCI},
	{ID: "IAM.11", Title: "Ensure IAM password policy requires at least one uppercase letter", Severity: medium, judge: judgeUpper},
	{ID: "IAM.12", Title: "Ensure IAM password policy requires at least one lowercase letter", Severity: medium, judge: judgeLower},
	{ID: "IAM.13", Title: "Ensure IAM password policy requires at least one symbol", Severity: medium, judge: judgeSymbol},
	{ID: "IAM.14", Title: "Ensure IAM password policy requires at least one number", Severity: medium, judge: judgeNumber},
	{ID: "IAM.15", Title: "Ensure IAM password policy requires minimum password length of 14 or greater", Severity: medium, cis14: "1.8", cis30: "1.8", judge: judgeLength},
	{ID: "IAM.16", Title: "Ensure IAM password policy prevents password reuse", Severity: low, cis14: "1.9", cis30: "1.9", judge: judgeReuse},
	{ID: "IAM.17", Title: "Ensure IAM password policy expires passwords within 90 days or less", Severity: low, judge: judgeExpiry},
	{ID: "IAM.18", Title: "Ensure a support role has been created to manage incidents with AWS Support", Severity: low, cis14: "1.17", cis30: "1.17", judge: judgeSupport},
	{ID: "IAM.19", Title: "MFA should be enabled for all IAM users", Severity: medium, judge: judgeAllMFA},
	{ID: "IAM.21", Title: "IAM customer managed policies that you create should not allow wildcard actions for services", Severity: low, fsbp: true, judge: judgeServiceStars},
	{ID: "IAM.22", Title: "IAM user credentials unused for 45 days should be removed", Severity: medium, cis14: "1.12", cis30: "1.12", judge: judgeUnused(45)},
	{ID: "IAM.27", Title: "IAM identities should not have the AWSCloudShellFullAccess policy attached", Severity: medium, cis30: "1.22", judge: judgeCloudShell},
	{ID: "KMS.1", Title: "IAM customer managed policies should not allow decryption actions on all KMS keys", Severity: medium, fsbp: true, judge: judgeDecryptManaged},
	{ID: "KMS.2", Title: "IAM principals should not have IAM inline policies that allow decryption actions on all KMS keys", Severity: medium, fsbp: true, judge: judgeDecryptInline},
	{ID: "KMS.3", Title: "AWS KMS keys should not be deleted unintentionally", Severity: critical, fsbp: true, judge: judgeKeyDeletion},
	{ID: "KMS.4", Title: "AWS KMS key rotation should be enabled", Severity: medium, cis14: "3.8", cis30: "3.6", judge: judgeKeyRotation},
	{ID: "KMS.5", Title: "KMS keys should not be publicly accessible", Severity: critical, fsbp: true, judge: judgeKeyPublic},
	{ID: "S3.1", Title: "S3 general purpose buckets should have block public access settings enabled", Severity: medium, fsbp: true, cis14: "2.1.5", cis30: "2.1.4"},
	{ID: "S3.5", Title: "S3 general purpose buckets should require requests to use SSL", Severity: medium, fsbp: true, cis14: "2.1.2", cis30: "2.1.1"},
	{ID: "S3.8", Title: "S3 general purpose buckets should block public access", Severity: high, fsbp: true, cis14: "2.1.5", cis30: "2.1.4"},
	{ID: "SecretsManager.1", Title: "Secrets Manager secrets should have automatic rotation enabled", Severity: medium, fsbp: true, judge: judgeSecretRotation},
	{ID: "SecretsManager.2", Title: "Secrets Manager secrets configured with automatic rotation should rotate successfully", Severity: medium, fsbp: true, judge: judgeSecretRotated},
	{ID: "SecretsManager.3", Title: "Remove unused Secrets Manager secrets", Severity: medium, fsbp: true, judge: judgeSecretUnused, params: []parameter{{days90, "Maximum number of days that a secret can remain unused", 90, 1, 365}}},
	{ID: "SecretsManager.4", Title: "Secrets Manager secrets should be rotated within a specified number of days", Severity: medium, fsbp: true, judge: judgeSecretAge, params: []parameter{{"maxDaysSinceRotation", "Maximum number of days that a secret can remain unchanged", 90, 1, 180}}},
}

func controlOf(id string) *control {
	i := slices.IndexFunc(controls, func(c control) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &controls[i]
}

func (c *control) remediation() string {
	return "https://docs.aws.amazon.com/console/securityhub/" + c.ID + "/remediation"
}

const notJudged = "Bartizan does not judge this control: it has not the service that it is about."

func (c *control) text() string {
	if c.judge == nil {
		return c.Title + ". " + notJudged
	}
	return c.Title + "."
}

// standard is a set of controls.
// https://docs.aws.amazon.com/securityhub/latest/userguide/standards-reference.html
type standard struct {
	path, name, description string // path is its ARN after the account
	byDefault               bool

	requirement func(*control) (string, bool)
}

var standards = []standard{
	{"standards/aws-foundational-security-best-practices/v/1.0.0", "AWS Foundational Security Best Practices v1.0.0", "The AWS Foundational Security Best Practices standard is a set of automated security checks that detect when AWS accounts and deployed resources do not align with security best practices.", true,
		func(c *control) (string, bool) { return "", c.fsbp }},
	{"standards/cis-aws-foundations-benchmark/v/1.4.0", "CIS AWS Foundations Benchmark v1.4.0", "The Center for Internet Security (CIS) AWS Foundations Benchmark v1.4.0 is a set of security configuration best practices for AWS.", false,
		func(c *control) (string, bool) {
			return "CIS AWS Foundations Benchmark v1.4.0/" + c.cis14, c.cis14 != ""
		}},
	{"standards/cis-aws-foundations-benchmark/v/3.0.0", "CIS AWS Foundations Benchmark v3.0.0", "The Center for Internet Security (CIS) AWS Foundations Benchmark v3.0.0 is a set of security configuration best practices for AWS.", true,
		func(c *control) (string, bool) {
			return "CIS AWS Foundations Benchmark v3.0.0/" + c.cis30, c.cis30 != ""
		}},
}

func (d *standard) arn(region string) string { return "arn:aws:securityhub:" + region + "::" + d.path }

// slug is the standard in ARNs of subscriptions and controls.
func (d *standard) slug() string { return d.path[len("standards/"):] }

func (d *standard) subscription(p place) string { return p.arn("subscription/" + d.slug()) }

func (d *standard) has(c *control) bool {
	_, ok := d.requirement(c)
	return ok
}

// requirements are what the standard itself calls the control.
func (d *standard) requirements(c *control) []string {
	if name, ok := d.requirement(c); ok && name != "" {
		return []string{name}
	}
	return []string{}
}

func standardOf(name, region string) *standard {
	i := slices.IndexFunc(standards, func(d standard) bool { return d.arn(region) == name })
	if i < 0 {
		return nil
	}
	return &standards[i]
}

// setting is what an account says of a control.
type setting struct {
	Params map[string]int32 `json:",omitzero"`
	Reason string           `json:",omitzero"`
}

// number is a parameter's value.
func (s *setting) number(c *control, name string) int32 {
	if s != nil {
		if v, ok := s.Params[name]; ok {
			return v
		}
	}
	for _, p := range c.params {
		if p.name == name {
			return p.standard
		}
	}
	return 0
}

func (s *setting) shown(c *control) map[string]api.ParameterConfiguration {
	out := map[string]api.ParameterConfiguration{}
	for _, p := range c.params {
		v := api.ParameterConfiguration{ValueType: api.ParameterValueType_DEFAULT, Value: &api.ParameterValue{Integer: new(s.number(c, p.name))}}
		if s != nil {
			if _, custom := s.Params[p.name]; custom {
				v.ValueType = api.ParameterValueType_CUSTOM
			}
		}
		out[p.name] = v
	}
	return out
}

// values are the parameters as findings show them.
func (s *setting) values(c *control) []any {
	var out []any
	for _, p := range c.params {
		out = append(out, map[string]any{"Name": p.name, "Value": []any{strconv.Itoa(int(s.number(c, p.name)))}})
	}
	return out
}
