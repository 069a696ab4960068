package simulate

import (
	"slices"
	"strings"
	"testing"
)

// An argument is a case that the oracle gets wrong by AWS's documentation.
// generate makes no others like it, so each stands for a class of cases.
type argument struct {
	why, page string
	c         testCase
	right     string // by AWS
	oracle    string
}

const guide = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"

var arguments = []argument{
	{
		"seconds since 1970 are no milliseconds: the times are equal", guide + "reference_policies_condition-keys.html#condition-keys-epochtime",
		allowed("ec2:DescribeInstances", "*", "DateLessThan", "aws:EpochTime", "2026-01-01T00:00:00Z", "1767225600"),
		"ImplicitlyDenied", "Allowed",
	},
	{
		"negated operators match a variable without value", guide + "reference_policies_variables.html#policy-vars-no-value",
		allowed("ec2:DescribeInstances", "*", "StringNotLike", "aws:UserAgent", "${aws:username}*", "curl"),
		"Allowed", "ImplicitlyDenied",
	},
	{
		"a resource with a variable without value matches nothing, in NotResource too", guide + "reference_policies_variables.html#policy-vars-no-value",
		identity("iam:GetUser", "arn:aws:iam::111111111111:user/alice", statement{
			Effect: "Allow", Action: list{"*"}, NotResource: list{"arn:aws:iam::111111111111:user/${aws:PrincipalTag/team}*"},
		}),
		"Allowed", "ImplicitlyDenied",
	},
	{
		"variables are plain text before version 2012-10-17", guide + "reference_policies_elements_version.html",
		testCase{
			Principal: "arn:aws:iam::111111111111:user/alice", Action: "iam:GetUser", ResourceAccount: accountA,
			Resource: "arn:aws:iam::111111111111:user/alice", Context: map[string][]string{"aws:username": {"alice"}},
			Identity: []document{{Version: "2008-10-17", Statement: []statement{
				{Effect: "Allow", Action: list{"*"}, Resource: list{"arn:aws:iam::111111111111:user/${aws:username}"}},
			}}},
		},
		"ImplicitlyDenied", "Allowed",
	},
	{
		"0.0.0.0/0 is all of IPv4", guide + "reference_policies_elements_condition_operators.html#Conditions_IPAddress",
		allowed("ec2:DescribeInstances", "*", "IpAddress", "aws:SourceIp", "0.0.0.0/0", "198.51.100.77"),
		"Allowed", "ImplicitlyDenied",
	},
	{
		"an IPv6 address is not one IPv4 address", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/ipv6-access.html#ipv6-access-iam",
		allowed("ec2:DescribeInstances", "*", "NotIpAddress", "aws:SourceIp", "203.0.113.5", "2001:db8::1"),
		"Allowed", "ImplicitlyDenied",
	},
	{
		"IfExists is true without the key, whatever it is added to", guide + "reference_policies_elements_condition_operators.html#Conditions_IfExists",
		allowed("ec2:DescribeInstances", "*", "ForAnyValue:StringEqualsIfExists", "aws:CalledVia", "athena.amazonaws.com"),
		"Allowed", "ImplicitlyDenied",
	},
	{
		"${$} is a dollar sign wherever variables are resolved", guide + "reference_policies_variables.html#policy-vars-specialchars",
		allowed("ec2:DescribeInstances", "*", "StringEquals", "aws:username", "${$}", "$"),
		"Allowed", "ImplicitlyDenied",
	},
	{
		"the missing parts of an ARN are wildcards, so it is still one of this service only", guide + "reference_policies_elements_resource.html",
		identity("iam:GetUser", "arn:aws:iam::111111111111:user/alice", statement{
			Effect: "Allow", Action: list{"*"}, NotResource: list{"arn:aws:sqs:*"},
		}),
		"Allowed", "ImplicitlyDenied",
	},
	{
		"NotPrincipal with an account exempts its principals only if they are named as well", guide + "reference_policies_elements_notprincipal.html",
		testCase{
			Principal: "arn:aws:iam::111111111111:user/alice", Action: "sns:Publish", ResourceAccount: accountA,
			Resource: "arn:aws:sns:us-east-1:111111111111:topic-one",
			ResourcePolicy: &document{Version: "2012-10-17", Statement: []statement{{
				Effect: "Deny", NotPrincipal: principals{"AWS": {"arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:user/bob"}},
				Action: list{"*"}, Resource: list{"*"},
			}}},
		},
		"ExplicitlyDenied", "ImplicitlyDenied",
	},
	{
		"a session policy that does not allow limits no grant to the session itself", guide + "reference_policies_evaluation-logic_policy-eval-denyallow.html",
		testCase{
			Principal: "arn:aws:sts::111111111111:assumed-role/dev/session", Issuer: "arn:aws:iam::111111111111:role/dev",
			Action: "sqs:SendMessage", Resource: "arn:aws:sqs:us-east-1:111111111111:queue-one", ResourceAccount: accountA,
			Session: &nothing,
			ResourcePolicy: &document{Version: "2012-10-17", Statement: []statement{{
				Effect: "Allow", Principal: principals{"AWS": {"arn:aws:sts::111111111111:assumed-role/dev/session"}},
				Action: list{"sqs:*"}, Resource: list{"*"},
			}}},
		},
		"Allowed", "ImplicitlyDenied",
	},
}

// TestArguments demands that our engine is right about the cases the oracle is
// wrong about, and that the oracle still is: when a newer release is not, the
// argument and what generate leaves out for it can go.
func TestArguments(t *testing.T) {
	for _, a := range arguments {
		if got, err := a.c.decide(); err != nil || got != a.right {
			t.Errorf("%s: we say %s, %v, want %s\n%s\n%s", a.why, got, err, a.right, a.page, &a.c)
		}
	}
	o := startOracle(t)
	for _, a := range arguments {
		answers, err := o.ask(&a.c)
		if err != nil {
			t.Fatal(err)
		}
		if got := answers[0]; got.Error != "" || len(got.Ignored) > 0 || got.Result != a.oracle {
			t.Errorf("%s: the oracle says %+v, no longer %s", a.why, got, a.oracle)
		}
	}
}

// identity is a user's request with one statement of an identity-based policy.
func identity(action, resource string, s statement) testCase {
	return testCase{
		Principal: "arn:aws:iam::111111111111:user/alice", Action: action, Resource: resource, ResourceAccount: accountA,
		Context:  map[string][]string{},
		Identity: []document{{Version: "2012-10-17", Statement: []statement{s}}},
	}
}

// allowed is a user's request that one condition allows: operator, key, value
// in the policy, and values in the context, if any.
func allowed(action, resource, op, key, value string, have ...string) testCase {
	c := identity(action, resource, statement{
		Effect: "Allow", Action: list{"*"}, Resource: list{"*"}, Condition: map[string]map[string]list{op: {key: {value}}},
	})
	if len(have) > 0 {
		c.Context[key] = have
	}
	return c
}

// argued says why the oracle is wrong about a random case the two disagree on,
// or "" when it is not known to be.
func argued(o *oracle, c *testCase, ours, theirs string) string {
	if ours == "Allowed" && theirs == "ImplicitlyDenied" && sessionBypassed(o, c) {
		return "session policy"
	}
	return ""
}

// sessionBypassed reports whether the resource-based policy alone grants the
// request to the session itself: an implicit deny in a session policy or a
// boundary does not matter then. The oracle knows that of boundaries only, so
// it is asked with a boundary that allows nothing in place of everything else.
// See the last argument.
func sessionBypassed(o *oracle, c *testCase) bool {
	if c.Session == nil && !strings.Contains(c.Principal, ":federated-user/") {
		return false
	}
	alone := *c
	alone.Identity, alone.Boundary = nil, &nothing
	alone.Session = &document{Version: "2012-10-17", Statement: []statement{{Effect: "Allow", Action: list{"*"}, Resource: list{"*"}}}}
	if c.ResourcePolicy != nil { // without denials, which both know of
		d := *c.ResourcePolicy
		d.Statement = slices.DeleteFunc(slices.Clone(d.Statement), func(s statement) bool { return s.Effect == "Deny" })
		alone.ResourcePolicy = &d
	}
	answers, err := o.ask(&alone)
	return err == nil && answers[0].Result == "Allowed"
}
