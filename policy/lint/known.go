package lint

import (
	"slices"
	"strings"
)

// known checks values of keys whose values have a form that AWS knows.
func (l *linter) known(c *condition, v *node) {
	if c.family != stringOp && c.family != arnOp {
		return
	}
	wild := c.like && strings.ContainsAny(v.text, "*?")
	switch c.key {
	case "aws:requestedregion", "ec2:region":
		if !wild && !isRegion(v.text) {
			l.about("INVALID_REGION", at(v), v.text)
		}
	case "aws:sourcevpc":
		if !wild && !hasID(v.text, "vpc-") {
			l.about("INVALID_VPC_FORMAT", at(v))
		}
	case "aws:sourcevpce":
		if !wild && !hasID(v.text, "vpce-") {
			l.about("INVALID_VPCE_FORMAT", at(v))
		}
	case "iam:passedtoservice", "iam:awsservicename", "aws:principalservicename", "aws:principalservicenameslist", "aws:calledvia", "aws:calledviafirst", "aws:calledvialast":
		if !wild && !isServicePrincipal(v.text) {
			l.about("INVALID_SERVICE_PRINCIPAL_FORMAT", at(v), "<service-name>.amazonaws.com")
		}
	case "kms:viaservice":
		if !wild && (!isServicePrincipal(v.text) || strings.Count(v.text, ".") < 3) {
			l.about("INVALID_SERVICE_PRINCIPAL_FORMAT", at(v), "<service-name>.<region>.amazonaws.com")
		}
	case "s3:x-amz-server-side-encryption-aws-kms-key-id":
		if !wild && !isKey(v.text) {
			l.about("INVALID_KMS_KEY_VALUE", at(v), c.name)
		}
	}
}

// hasID reports whether s is the prefix and 8 or 17 letters and digits.
func hasID(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix)
	return ok && (len(rest) == 8 || len(rest) == 17) && !strings.ContainsFunc(rest, func(c rune) bool {
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9')
	})
}

// isServicePrincipal reports whether s is a host of one of AWS's domains.
func isServicePrincipal(s string) bool {
	for _, domain := range []string{".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".amazon.com", ".aws.internal", ".aws.com", ".aws.amazon.com"} {
		if name, ok := strings.CutSuffix(s, domain); ok {
			return name != "" && lower(name) == name && !strings.ContainsAny(name, " :/")
		}
	}
	return false
}

// isKey reports whether s is arn:partition:kms:region:account:key/id.
func isKey(s string) bool {
	f := strings.SplitN(s, ":", 6)
	return len(f) == 6 && f[0] == "arn" && f[2] == "kms" && f[3] != "" && f[4] != "" && strings.HasPrefix(f[5], "key/") && len(f[5]) > len("key/")
}

// regions are AWS's, by partition.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
var regions = strings.Fields(`
	us-east-1 us-east-2 us-west-1 us-west-2 af-south-1 ap-east-1 ap-east-2 ap-south-1 ap-south-2 ap-southeast-1
	ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ap-northeast-1
	ap-northeast-2 ap-northeast-3 ca-central-1 ca-west-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2
	eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 me-west-1 mx-central-1 sa-east-1 sa-west-1
	cn-north-1 cn-northwest-1 us-gov-east-1 us-gov-west-1 us-iso-east-1 us-iso-west-1 us-isob-east-1 us-isob-west-1
	eu-isoe-west-1 us-isof-south-1 us-isof-east-1 eusc-de-east-1`)

func isRegion(s string) bool { return slices.Contains(regions, s) }

// partitions of AWS.
var partitions = []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}

// special checks keys with rules of their own.
func (l *linter) special(s *statement, c *condition) {
	switch c.key {
	case "aws:referer", "aws:useragent":
		l.about("UNTRUSTWORTHY_CONDITION_KEY", at(c.node), c.name)
	case "aws:vpcsourceip":
		if s.has("aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn") == nil {
			l.about("MISSING_PAIRED_CONDITION_KEYS", at(c.node), c.name, "aws:SourceVpc")
		}
	case "dynamodb:attributes":
		if s.allow && c.family == stringOp && s.has("dynamodb:select") == nil {
			l.about("DYNAMODB_ATTRIBUTES_WITHOUT_SELECT", at(c.node))
		}
	case "s3:prefix":
		if c.family == stringOp && (s.deny && !c.negated || s.allow && c.negated) {
			l.about("S3_PREFIX_IN_NEGATIVE_CONTEXT", at(c.node))
		}
	case "s3:resourceaccount":
		if l.Type == Resource && (l.ResourceType == Bucket || l.ResourceType == AccessPoint) {
			l.about("IRRELEVANT_CONDITION_KEY_IN_POLICY", at(c.node), c.name, l.ResourceType)
		}
	}
	if host, aud := strings.CutSuffix(c.key, ":aud"); aud && strings.Contains(host, ".") && (c.forAny || c.forAll) {
		l.audience(c)
	}
}

// audience: the audience of a token is one value. Of providers that AWS does
// not know, it can only be asked.
func (l *linter) audience(c *condition) {
	switch {
	case c.ref == nil:
		l.about("CONFIRM_AUDIENCE_CLAIM_TYPE", at(c.node), "aud", "audience")
	case c.forAny:
		l.about("FORANYVALUE_WITH_AUDIENCE_CLAIM_TYPE", at(c.node), c.name)
	default:
		l.about("FORALLVALUES_WITH_SINGLE_VALUED_KEY", at(c.node), c.name)
	}
}
