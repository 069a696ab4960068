package analysis

import (
	"net/netip"
	"slices"
	"strings"

	"bartizan.dev/arn"
	"bartizan.dev/policy"
)

// publicTypes are the resource types of CheckNoPublicAccess.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckNoPublicAccess.html
var publicTypes = []string{
	"AWS::DynamoDB::Table", "AWS::DynamoDB::Stream", "AWS::EFS::FileSystem", "AWS::OpenSearchService::Domain",
	"AWS::Kinesis::Stream", "AWS::Kinesis::StreamConsumer", "AWS::KMS::Key", "AWS::Lambda::Function",
	"AWS::S3::Bucket", "AWS::S3::AccessPoint", "AWS::S3Express::DirectoryBucket", "AWS::S3::Glacier",
	"AWS::S3Outposts::Bucket", "AWS::S3Outposts::AccessPoint", "AWS::SecretsManager::Secret", "AWS::SNS::Topic",
	"AWS::SQS::Queue", "AWS::IAM::AssumeRolePolicyDocument", "AWS::S3Tables::TableBucket", "AWS::ApiGateway::RestApi",
	"AWS::CodeArtifact::Domain", "AWS::Backup::BackupVault", "AWS::CloudTrail::Dashboard",
	"AWS::CloudTrail::EventDataStore", "AWS::S3Tables::Table", "AWS::S3Express::AccessPoint",
}

// fixedKeys are the condition keys that make a policy not public when they are
// compared with fixed values, which have no wildcards and no variables.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
var fixedKeys = []string{
	"aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn", "aws:sourceowner", "aws:sourceaccount", "aws:sourceorgid",
	"aws:principalorgid", "aws:userid", "aws:vpceaccount", "aws:vpceorgid", "kms:calleraccount",
	"s3:x-amz-server-side-encryption-aws-kms-key-id", "s3:dataaccesspointaccount",
}

// pathKeys hold paths of organisations: fixed when the organisation is.
var pathKeys = []string{"aws:principalorgpaths", "aws:sourceorgpaths", "aws:vpceorgpaths"}

// Public reports whether doc, the policy of a resource of the type (such as
// AWS::S3::Bucket), grants no public access; a type that AWS's check does not
// know is an *UnsupportedError.
//
// Access is public when a principal that no statement names, of an account that
// none names or anonymous, gets it by a request in which no trusted key has one
// of the fixed values that the policy compares it with.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckNoPublicAccess.html
func (a *Analyzer) Public(doc *policy.Document, resourceType string) (*Result, error) {
	if !slices.Contains(publicTypes, resourceType) {
		return nil, &UnsupportedError{Element: "resource type " + resourceType, Reason: "it cannot be checked for public access"}
	}
	return a.public(doc, resourceType)
}

func (a *Analyzer) public(doc *policy.Document, resourceType string) (*Result, error) {
	e, err := a.prepare(nil, []*policy.Document{doc, trusted(doc, resourceType)}, policy.Resource, byAccount, true)
	if err != nil {
		return nil, err
	}
	b := e.everything()
	b.who = newSet(len(e.people))
	for i := range e.people {
		if e.people[i].stranger {
			b.who.add(i)
		}
	}
	return e.result(b, wording{
		pass:   "The resource policy does not grant public access for the given resource type.",
		fail:   "The resource policy grants public access for the given resource type.",
		reason: "Public access granted in the following statement with %s.",
	})
}

// trusted returns a policy that denies every request in which a trusted key has
// a fixed value of doc, so that what is left is public.
func trusted(doc *policy.Document, resourceType string) *policy.Document {
	out := &denials{}
	for i := range doc.Statements {
		for _, c := range doc.Statements[i].Condition {
			op, key := parseOperator(c.Operator), strings.ToLower(c.Key)
			for _, v := range c.Values {
				switch {
				case key == "aws:sourceip" && op.family == addressed:
					if narrow(v) {
						out.deny("IpAddress", c.Key, v)
					}
				case op.family != textual:
				case slices.Contains(fixedKeys, key) && fixed(v):
					out.deny("ForAnyValue:StringEquals", c.Key, v)
					if op.test == "stringequalsignorecase" {
						out.deny("ForAnyValue:StringEqualsIgnoreCase", c.Key, v)
					}
				case slices.Contains(pathKeys, key) && fixedPath(v):
					out.deny("ForAnyValue:StringLike", c.Key, v)
				case key == "s3:dataaccesspointarn" && fixedAccount(v):
					out.deny("ForAnyValue:"+map[bool]string{true: "ArnLike", false: "StringLike"}[strings.HasPrefix(op.test, "arn")], c.Key, v)
				case key == "elasticfilesystem:accessedviamounttarget" && resourceType == "AWS::EFS::FileSystem" && strings.EqualFold(v, "true"):
					// https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html
					out.deny("Bool", c.Key, v)
				}
			}
		}
	}
	return &out.Document
}

// denials is a policy that denies everyone everything on conditions.
type denials struct{ policy.Document }

func (d *denials) deny(operator, key string, values ...string) {
	d.Version = policy.Version2008 // which has no variables
	d.Statements = append(d.Statements, policy.Statement{
		Effect: policy.Deny, Principal: &policy.Principals{All: true}, Action: []string{"*"}, Resource: []string{"*"},
		Condition: []policy.Condition{{Operator: operator, Key: key, Values: values}},
	})
}

func fixed(v string) bool {
	return v != "" && !strings.ContainsAny(v, "*?") && !strings.Contains(v, "${")
}

// fixedPath: o-…/ and then anything.
func fixedPath(v string) bool {
	org, _, ok := strings.Cut(v, "/")
	return ok && fixed(org) && !strings.Contains(v, "${")
}

// fixedAccount: the name of an access point may have wildcards.
func fixedAccount(v string) bool {
	a, err := arn.Parse(v)
	return err == nil && arn.IsAccount(a.Account) && !strings.Contains(v, "${")
}

// private are the ranges of RFC 1918, which the internet does not reach.
var private = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
}

// narrow reports whether a network is not "very broad": an IPv4 network of /8
// or less, an IPv6 network of /32 or less, or private.
func narrow(v string) bool {
	if addr, err := netip.ParseAddr(v); err == nil {
		return addr.Zone() == ""
	}
	p, err := netip.ParsePrefix(v)
	if err != nil {
		return false
	}
	for _, q := range private {
		if q.Contains(p.Addr()) && p.Bits() >= q.Bits() {
			return true
		}
	}
	return p.Addr().Is4() && p.Bits() >= 8 || p.Addr().Is6() && p.Bits() >= 32
}
