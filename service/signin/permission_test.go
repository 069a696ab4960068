package signin

import (
	"reflect"
	"testing"

	"bartizan.dev/policy"
)

// where is a request as the conditions of the statements see it.
type where map[string]string

// refused decides signin:CreateOAuth2Token of a user by an account's policy.
func refused(t *testing.T, p permission, at where) bool {
	t.Helper()
	const account = "111122223333"
	set := setting{Statements: []statement{{"id", p}}}
	doc, err := policy.Parse([]byte(set.document(account, allowAll)))
	if err != nil {
		t.Fatal(err)
	}
	r := &policy.Request{Principal: policy.Principal{Kind: policy.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/alice"}}
	for k, v := range at {
		r.Context.Set(k, v)
	}
	r.Context.Set("aws:PrincipalArn", r.Principal.ARN)
	touch := policy.Touch{Action: "signin:CreateOAuth2Token", Resource: console, Account: account,
		Policy: policy.Compile(policy.Labelled{Document: doc, Source: policy.Source{Type: policy.Resource}})}
	b := &policy.Bindings{}
	touch.Apply(r, b)
	return !policy.Decide(r, b).Allowed
}

func TestPermissionStatements(t *testing.T) {
	office, home := where{"aws:SourceIp": "203.0.113.7", "aws:RequestedRegion": "us-east-1"}, where{"aws:SourceIp": "198.51.100.7", "aws:RequestedRegion": "us-east-1"}
	vpc := func(id, ip, region string) where {
		return where{"aws:SourceVpc": id, "aws:SourceVpce": "vpce-12345678", "aws:VpcSourceIp": ip, "aws:RequestedRegion": region}
	}
	inVPC := vpc("vpc-12345678", "10.0.0.5", "us-east-1")
	for _, c := range []struct {
		name string
		p    permission
		at   where
		want bool
	}{
		{"the office", permission{IP: "203.0.113.0/24"}, office, false},
		{"elsewhere", permission{IP: "203.0.113.0/24"}, home, true},
		{"elsewhere, exempt", permission{IP: "203.0.113.0/24", Excluded: "arn:aws:iam::111122223333:user/alice"}, home, false},
		{"elsewhere, another exempt", permission{IP: "203.0.113.0/24", Excluded: "arn:aws:iam::111122223333:user/bob"}, home, true},
		{"nobody else", permission{Excluded: "arn:aws:iam::111122223333:user/bob"}, office, true},
		{"the VPC", permission{VPC: "vpc-12345678", Region: "us-east-1"}, inVPC, false},
		{"no VPC", permission{VPC: "vpc-12345678", Region: "us-east-1"}, office, true},
		{"another VPC", permission{VPC: "vpc-12345678", Region: "us-east-1"}, vpc("vpc-87654321", "10.0.0.5", "us-east-1"), true},
		{"the same VPC id elsewhere", permission{VPC: "vpc-12345678", Region: "us-east-1"}, vpc("vpc-12345678", "10.0.0.5", "eu-west-1"), true},
		{"the wrong address in the VPC", permission{VPC: "vpc-12345678", Region: "us-east-1", VPCIP: "10.9.0.0/16"}, inVPC, true},
		{"the right one", permission{VPC: "vpc-12345678", Region: "us-east-1", VPCIP: "10.0.0.0/16"}, inVPC, false},
		{"VPC or office: office", permission{VPC: "vpc-12345678", Region: "us-east-1", IP: "203.0.113.0/24"}, office, false},
		{"VPC or office: VPC", permission{VPC: "vpc-12345678", Region: "us-east-1", IP: "203.0.113.0/24"}, inVPC, false},
		{"VPC or office: home", permission{VPC: "vpc-12345678", Region: "us-east-1", IP: "203.0.113.0/24"}, home, true},
		{"an endpoint", permission{SigninEndpoint: "vpce-12345678", Region: "us-east-1"}, inVPC, false},
		{"another endpoint", permission{ConsoleEndpoint: "vpce-00000000", Region: "us-east-1"}, inVPC, true},
		{"the Region", permission{Region: "us-east-1"}, office, false},
		{"another Region", permission{Region: "eu-west-1"}, office, true},
		{"office, another Region", permission{IP: "203.0.113.0/24", Region: "eu-west-1"}, office, true},
	} {
		if err := c.p.check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := refused(t, c.p, c.at); got != c.want {
			t.Errorf("%s: refused %v, want %v", c.name, got, c.want)
		}
	}
}

func TestPermissionChecks(t *testing.T) {
	for name, p := range map[string]permission{
		"nothing": {}, "a VPC without Region": {VPC: "vpc-12345678"}, "an endpoint without Region": {SigninEndpoint: "vpce-12345678"},
		"an address of no VPC": {VPCIP: "10.0.0.0/8"}, "no address": {IP: "everywhere"},
	} {
		if p.check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestStatementsCoverBothPhases: what is refused before the password is refused
// after it, by the key that there is then.
func TestStatementsCoverBothPhases(t *testing.T) {
	set := setting{Statements: []statement{{"id", permission{IP: "203.0.113.0/24", Excluded: "arn:aws:iam::111122223333:user/bob"}}}}
	got := set.statements("111122223333")
	if len(got) != 2 || !reflect.DeepEqual(got[0].Action, []string{"signin:Authenticate"}) || got[0].Condition["ArnNotEquals"]["signin:PrincipalArn"] == nil ||
		got[1].Condition["ArnNotEquals"]["aws:PrincipalArn"] == nil {
		t.Errorf("%+v", got)
	}
}
