package analysis

import (
	"testing"

	"bartizan.dev/policy"
)

// The cases follow AWS's samples for custom policy checks.
// https://github.com/aws-samples/iam-access-analyzer-custom-policy-check-samples
func TestSamples(t *testing.T) {
	accounts := `{"Effect":"Allow","Principal":{"AWS":["111111111111","222222222222"]},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":"*","NotAction":"sts:AssumeRole"}`
	services := `{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":"*","NotAction":"sts:AssumeRole"}`
	oidc := `{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/Mine"},"Action":"sts:AssumeRoleWithWebIdentity"},{"Effect":"Allow","Principal":"*","NotAction":["sts:AssumeRoleWithSAML","sts:AssumeRoleWithWebIdentity"]}`
	tagged := `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"*","Condition":{"Null":{"aws:RequestTag/key":"true"}}}`
	sensitive := `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":["cloudtrail:StopLogging","cloudtrail:DeleteTrail"],"Resource":"arn:aws:cloudtrail:*:*:trail/Mine"}`
	writers := `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/Writer"},"Action":"s3:PutObject","Resource":"*"},{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:PutObject","Resource":"*","Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/Writer"}}},{"Effect":"Allow","Principal":"*","NotAction":"s3:PutObject","Resource":"*"}`
	assume := func(kind, name, action string) string {
		return `{"Effect":"Allow","Principal":{"` + kind + `":"` + name + `"},"Action":"sts:` + action + `"}`
	}
	put := func(principal, rest string) string {
		return `{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:PutObject","Resource":"arn:aws:s3:::b/*"` + rest + `}`
	}
	for _, c := range []struct {
		name, reference, candidate string
		typ                        policy.Type
		pass                       bool
	}{
		{"account", accounts, assume("AWS", "111111111111", "AssumeRole"), policy.Trust, true},
		{"role of an account", accounts, assume("AWS", "arn:aws:iam::222222222222:role/R", "AssumeRole"), policy.Trust, true},
		{"provider beside", accounts, assume("Federated", "arn:aws:iam::111111111111:oidc-provider/P", "AssumeRoleWithWebIdentity"), policy.Trust, true},
		{"service", accounts, assume("Service", "glue.amazonaws.com", "AssumeRole"), policy.Trust, false},
		{"other account", accounts, assume("AWS", "333333333333", "AssumeRole"), policy.Trust, false},
		{"role of another account", accounts, assume("AWS", "arn:aws:iam::333333333333:role/R", "AssumeRole"), policy.Trust, false},
		{"listed service", services, assume("Service", "ec2.amazonaws.com", "AssumeRole"), policy.Trust, true},
		{"other service", services, assume("Service", "glue.amazonaws.com", "AssumeRole"), policy.Trust, false},
		{"account for a service", services, assume("AWS", "111111111111", "AssumeRole"), policy.Trust, false},
		{"listed provider", oidc, assume("Federated", "arn:aws:iam::111111111111:oidc-provider/Mine", "AssumeRoleWithWebIdentity"), policy.Trust, true},
		{"service beside providers", oidc, assume("Service", "ec2.amazonaws.com", "AssumeRole"), policy.Trust, true},
		{"saml", oidc, assume("Federated", "arn:aws:iam::111111111111:saml-provider/P", "AssumeRoleWithSAML"), policy.Trust, false},
		{"facebook", oidc, assume("Federated", "graph.facebook.com", "AssumeRoleWithWebIdentity"), policy.Trust, false},
		{"all providers but one", oidc, assume("Federated", "*", "AssumeRoleWithWebIdentity") + `,{"Effect":"Deny","Principal":{"Federated":"arn:aws:iam::111111111111:oidc-provider/NotMine"},"Action":"sts:AssumeRoleWithWebIdentity"}`, policy.Trust, false},
		{"tag value", tagged, `{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/key":"v"}}}`, policy.Identity, true},
		{"other action", tagged, `{"Effect":"Allow","Action":"ec2:DescribeInstanceAttribute","Resource":"*"}`, policy.Identity, true},
		{"tag by deny", tagged, `{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*"},{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestTag/key":"v"}}}`, policy.Identity, true},
		{"any tag", tagged, `{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*","Condition":{"Null":{"aws:RequestTag/key":"false"}}}`, policy.Identity, true},
		{"no tag", tagged, `{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*"}`, policy.Identity, false},
		{"no tag, all of ec2", tagged, `{"Effect":"Allow","Action":"ec2:*","Resource":"*"}`, policy.Identity, false},
		{"other trail", sensitive, `{"Effect":"Allow","Action":"cloudtrail:*","Resource":"arn:aws:cloudtrail:*:*:trail/Other"}`, policy.Identity, true},
		{"trails", sensitive, `{"Effect":"Allow","Action":"cloudtrail:Stop*","Resource":"arn:aws:cloudtrail:*:*:trail/M*"}`, policy.Identity, false},
		{"writer", writers, put(`{"AWS":"arn:aws:iam::111111111111:role/Writer"}`, ""), policy.Resource, true},
		{"writer by key", writers, put(`"*"`, `,"Condition":{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/Writer"}}`), policy.Resource, true},
		{"writers by key", writers, put(`"*"`, `,"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/Writer*"}}`), policy.Resource, false},
		{"everyone", writers, put(`"*"`, ""), policy.Resource, false},
	} {
		r, err := known.NoNewAccess(docs(t, statements(c.reference)), docs(t, statements(c.candidate)), c.typ)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if r.Pass != c.pass {
			t.Errorf("%s: pass = %v, %s", c.name, r.Pass, show(r.Witness))
		}
	}
}

// The examples of the API reference and of the AWS CLI.
// https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckAccessNotGranted.html
func TestNotGranted(t *testing.T) {
	john := statements(`{"Sid":"AllowJohnDoe","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/JohnDoe"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::my-bucket/*"}`)
	list := statements(`{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}`)
	for _, c := range []struct {
		name, doc          string
		typ                policy.Type
		actions, resources []string
		pass               bool
		message            string
	}{
		{"other actions", john, policy.Resource, []string{"s3:GetObject"}, []string{"arn:aws:s3:::my-bucket/*"}, true, "The policy document does not grant access to perform the listed actions or resources."},
		{"the resource", john, policy.Resource, nil, []string{"arn:aws:s3:::my-bucket/*"}, false, "The policy document grants access to perform one or more of the listed actions or resources."},
		{"one object", john, policy.Resource, nil, []string{"arn:aws:s3:::my-bucket/x"}, false, "The policy document grants access to perform one or more of the listed actions or resources."},
		{"another bucket", john, policy.Resource, []string{"s3:PutObject"}, []string{"arn:aws:s3:::my-bucket-2/*"}, true, "The policy document does not grant access to perform the listed actions or resources."},
		{"put", list, policy.Identity, []string{"s3:PutObject"}, nil, true, "The policy document does not grant access to perform one or more of the listed actions."},
		{"get or put", list, policy.Identity, []string{"s3:PutObject", "s3:Get*"}, nil, false, "The policy document grants access to perform one or more of the listed actions."},
	} {
		r, err := known.NotGranted(parse(t, c.doc), c.typ, c.actions, c.resources)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if r.Pass != c.pass || r.Message != c.message {
			t.Errorf("%s: pass = %v, %q, %s", c.name, r.Pass, r.Message, show(r.Witness))
		}
	}
	r, err := known.NotGranted(parse(t, john), policy.Resource, nil, []string{"arn:aws:s3:::my-bucket/*"})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Reasons[0]; got.Description != "One or more of the listed actions or resources in the statement with sid: AllowJohnDoe." || got.Sid != "AllowJohnDoe" || got.Statement != 0 {
		t.Errorf("reason = %+v", got)
	}
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
func TestPublic(t *testing.T) {
	when := func(condition string) string {
		return `{"Sid":"Bob","Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Condition":{` + condition + `}}`
	}
	for _, c := range []struct {
		name, list string
		pass       bool
	}{
		{"AWS's failing example", `{"Sid":"Bob","Effect":"Allow","Principal":"*","Action":["s3:GetObject"]}`, false},
		{"AWS's passing example", `{"Sid":"Bob","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/JohnDoe"},"Action":["s3:GetObject"]}`, true},
		{"endpoint", when(`"StringEquals":{"aws:SourceVpc":"vpc-91237329"}`), true},
		{"any endpoint", when(`"StringLike":{"aws:SourceVpc":"vpc-*"}`), false},
		{"not an endpoint", when(`"StringNotEquals":{"aws:SourceVpc":"vpc-91237329"}`), false},
		{"endpoint if there is one", when(`"StringEqualsIfExists":{"aws:SourceVpc":"vpc-91237329"}`), false},
		{"organisation", when(`"StringEquals":{"aws:PrincipalOrgID":"o-1"}`), true},
		{"organisation's path", when(`"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-1/*"}`), true},
		{"all values of no path", when(`"ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-1/*"}`), false},
		{"account", when(`"StringEquals":{"aws:PrincipalAccount":"111122223333"}`), true},
		{"accounts", when(`"StringLike":{"aws:PrincipalAccount":"*"}`), false},
		{"user id", when(`"StringLike":{"aws:userid":"AROAEXAMPLE:*"}`), false},
		{"source account", when(`"StringEquals":{"aws:SourceAccount":"111122223333"}`), true},
		{"source", when(`"ArnLike":{"aws:SourceArn":"arn:aws:sns:us-east-1:111122223333:topic"}`), true},
		{"access points", when(`"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:123456789012:accesspoint/*"}`), true},
		{"access points of everyone", when(`"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-west-2:*:accesspoint/*"}`), false},
		{"network", when(`"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}`), true},
		{"half the internet", when(`"IpAddress":{"aws:SourceIp":"0.0.0.0/1"}`), false},
		{"private network", when(`"IpAddress":{"aws:SourceIp":"172.16.0.0/12"}`), true},
		{"not the network", when(`"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}`), false},
		{"encrypted transport", when(`"Bool":{"aws:SecureTransport":"true"}`), false},
		{"denied to others", `{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}}`, true},
		{"denied to others, a way left", `{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"s3:Get*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}}`, false},
		{"denied to all but one", `{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"},{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:user/u"},"Action":"*","Resource":"*"}`, true},
		{"service", `{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"s3:*","Resource":"*"}`, true},
		{"roles of an account", when(`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}`), true},
		{"roles of a name", when(`"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}`), false},
	} {
		r, err := known.Public(parse(t, statements(c.list)), "AWS::S3::Bucket")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if r.Pass != c.pass {
			t.Errorf("%s: pass = %v, %s", c.name, r.Pass, show(r.Witness))
		}
	}
	r, err := known.Public(parse(t, statements(`{"Sid":"Bob","Effect":"Allow","Principal":"*","Action":["s3:GetObject"]}`)), "AWS::S3::Bucket")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Reasons[0]; r.Message != "The resource policy grants public access for the given resource type." || got.Description != "Public access granted in the following statement with sid: Bob." {
		t.Errorf("%q, %+v", r.Message, got)
	}
	if _, err := known.Public(parse(t, statements(when(`"Bool":{"a:b":"true"}`))), "AWS::EC2::Instance"); err == nil {
		t.Error("a resource type that cannot be checked was")
	}
}
