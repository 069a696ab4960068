package detect

import (
	"strings"

	"bartizan.dev/logs"
)

// Findings about buckets that are opened.
// https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-s3.html
func s3Policy(j *judge) []Rule {
	const unexpected = " If this behavior is not expected, it may indicate a configuration mistake or that your credentials are compromised."
	block := Rule{Type: "Policy:S3/BucketBlockPublicAccessDisabled", Severity: Low, Resource: "AWS::S3::Bucket", Path: []string{"bucketName"}, Same: bucketName, Finish: aboutBucket,
		Title: "Amazon S3 Block Public Access was disabled for the S3 bucket {resource}.",
		Text:  "Amazon S3 Block Public Access was disabled for the S3 bucket {resource} by {user} calling {api}." + unexpected}
	unblock := block
	block.On, block.Match = calls("s3", "PutBucketPublicAccessBlock"), blockOff
	unblock.On = calls("s3", "DeleteBucketPublicAccessBlock")
	account := Rule{Type: "Policy:S3/AccountBlockPublicAccessDisabled", Severity: Low,
		Title: "Amazon S3 Block Public Access was disabled for the account {account}.",
		Text:  "Amazon S3 Block Public Access was disabled for the account {account} by {user} calling {api}." + unexpected}
	unblockAccount := account
	account.On, account.Match = calls("s3", "PutAccountPublicAccessBlock"), blockOff
	unblockAccount.On = calls("s3", "DeleteAccountPublicAccessBlock")
	anonymous := Rule{Type: "Policy:S3/BucketAnonymousAccessGranted", Severity: High, Resource: "AWS::S3::Bucket", Path: []string{"bucketName"}, Same: bucketName, Finish: aboutBucket,
		Title: "Amazon S3 Public Anonymous Access was granted for the S3 bucket {resource}.",
		Text:  "The Amazon S3 bucket {resource} was granted public anonymous access by {user} calling {api}." + unexpected}
	byPolicy := anonymous
	byPolicy.On, byPolicy.Match = calls("s3", "PutBucketPolicy"), func(c *logs.Call) bool { return j.policy(bucketPolicy(c), c.Account).public }
	anonymous.On, anonymous.Match = calls("s3", "PutBucketAcl", "CreateBucket"), func(c *logs.Call) bool { return aclGrants(c, "AllUsers", "public-read") }
	users := anonymous
	users.Type = "Policy:S3/BucketPublicAccessGranted"
	users.Match = func(c *logs.Call) bool { return aclGrants(c, "AuthenticatedUsers", "authenticated-read") }
	users.Title = "Amazon S3 Public Access was granted for the S3 bucket {resource}."
	users.Text = "The Amazon S3 bucket {resource} was granted public access to all authenticated AWS users by {user} calling {api}." + unexpected
	return []Rule{block, unblock, account, unblockAccount, byPolicy, anonymous, users}
}

func bucketName(c *logs.Call) string { return c.Params.Get("bucketName").Text() }

// aboutBucket makes the finding one about a bucket.
func aboutBucket(ev *Event, f *Finding) {
	name := strings.Clone(bucketName(ev.Call))
	f.Resource.Type = "S3Bucket"
	f.Resource.Buckets = []Bucket{{Name: name, ARN: "arn:" + f.Partition + ":s3:::" + name, Type: "Destination", PublicAccess: &PublicAccess{"UNKNOWN"}}}
}

func blockOff(c *logs.Call) bool {
	b := c.Params.Get("PublicAccessBlockConfiguration")
	for _, name := range [...]string{"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"} {
		if b.Get(name).Bool() != logs.Yes { // what is left out is off
			return true
		}
	}
	return false
}

// aclGrants looks for a group in an access control list: canned, in headers, or
// written out.
func aclGrants(c *logs.Call, group, canned string) bool {
	p := c.Params
	for _, list := range [...]logs.Value{p.Get("x-amz-acl"), p.Get("accessControlList", "x-amz-acl")} {
		for v := range list.Items() {
			if strings.HasPrefix(v.Text(), canned) { // public-read, public-read-write
				return true
			}
		}
	}
	uri := "http://acs.amazonaws.com/groups/global/" + group
	for name, v := range p.Members() {
		if strings.HasPrefix(name, "x-amz-grant-") {
			for one := range v.Items() {
				if strings.Contains(one.Text(), uri) {
					return true
				}
			}
		}
	}
	for name, v := range p.Get("accessControlList").Members() {
		if strings.HasPrefix(name, "x-amz-grant-") && strings.Contains(v.Text(), uri) {
			return true
		}
	}
	for g := range p.Get("AccessControlPolicy", "AccessControlList", "Grant").Items() {
		if g.Get("Grantee", "URI").Text() == uri {
			return true
		}
	}
	return false
}
