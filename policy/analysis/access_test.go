package analysis

import (
	"fmt"
	"strings"
	"testing"

	"bartizan.dev/policy"
)

func TestAccess(t *testing.T) {
	zone := Zone{Accounts: []string{"111122223333"}, Organization: "o-1"}
	for _, c := range []struct{ name, list, want string }{
		{"own account", `{"Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:role/r"]},"Action":"s3:*","Resource":"*"}`, ""},
		{"two accounts", `{"Effect":"Allow","Principal":{"AWS":["444455556666","111122223333","arn:aws:iam::777788889999:role/r"]},"Action":["s3:PutObject","s3:GetObject"],"Resource":"*"}`,
			"AWS 444455556666 [s3:GetObject s3:PutObject] map[] false; AWS arn:aws:iam::777788889999:role/r [s3:GetObject s3:PutObject] map[] false"},
		{"everyone", `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}`, "AWS * [s3:GetObject] map[] true"},
		{"own organisation", `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`, ""},
		{"another organisation", `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":["o-1","o-2"]}}}`, "AWS * [s3:GetObject] map[aws:PrincipalOrgID:o-1,o-2] false"},
		{"own account by key", `{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}}`, ""},
		{"own source", `{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage","Resource":"*","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:111122223333:*"}}}`, ""},
		{"a network", `{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}`, "AWS * [s3:GetObject] map[aws:SourceIp:203.0.113.0/24] false"},
		{"denied", `{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":["s3:GetObject","s3:PutObject"],"Resource":"*"},{"Effect":"Deny","Principal":"*","Action":"s3:Put*","Resource":"*"}`, "AWS 444455556666 [s3:GetObject] map[] false"},
		{"service", `{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"s3:*","Resource":"*"}`, ""},
		{"provider", `{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"accounts.google.com:aud":"app"}}}`,
			"Federated accounts.google.com [sts:AssumeRoleWithWebIdentity] map[accounts.google.com:aud:app] false"},
		{"key caller", `{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"s3.us-east-1.amazonaws.com"}}}`, ""},
	} {
		list, err := known.Access(parse(t, statements(c.list)), zone)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, x := range list {
			got = append(got, fmt.Sprint(x.Type, " ", x.Principal, " ", x.Actions, " ", x.Condition, " ", x.Public))
			if x.Witness == nil {
				t.Errorf("%s: no witness", c.name)
			}
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, s, c.want)
		}
	}
}

func TestDiff(t *testing.T) {
	old := docs(t, statements(`{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::a","arn:aws:s3:::a/*"]}`))
	updated := docs(t, statements(`{"Sid":"More","Effect":"Allow","Action":["s3:GetObject","s3:Put*"],"Resource":["arn:aws:s3:::a/x/*","arn:aws:s3:::b/*"],"Condition":{"Bool":{"aws:SecureTransport":"true"}}},
		{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::a"}`))
	grants, err := known.Diff(old, updated, policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	if len(grants) != 1 {
		t.Fatalf("grants = %+v", grants)
	}
	g := grants[0]
	if got := fmt.Sprint(g.Statement, g.Sid, g.Actions, g.Resources, g.Conditions); got != "0More[s3:GetObject s3:Put*] [arn:aws:s3:::a/x/* arn:aws:s3:::b/*] [{Bool aws:SecureTransport [true]}]" {
		t.Error(got)
	}
	back, err := known.Diff(updated, old, policy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	if len(back) != 1 || fmt.Sprint(back[0].Actions) != "[s3:GetObject s3:ListBucket]" {
		t.Errorf("back = %+v", back)
	}
	if same, err := known.Diff(old, old, policy.Identity); err != nil || len(same) != 0 {
		t.Errorf("a policy grants more than itself: %+v, %v", same, err)
	}
}

func TestMinimise(t *testing.T) {
	for _, c := range []struct {
		name, list, want string
		typ              policy.Type
	}{
		{"actions", `{"Effect":"Allow","Action":["s3:GetObject","s3:Get*","s3:PutObject"],"Resource":"*"}`, `{"Effect":"Allow","Action":["s3:Get*","s3:PutObject"],"Resource":"*"}`, policy.Identity},
		{"resources", `{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::a/x","arn:aws:s3:::a/*","arn:aws:s3:::b"]}`, `{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::a/*","arn:aws:s3:::b"]}`, policy.Identity},
		{"statement", `{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::a"}`, `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, policy.Identity},
		{"covered by two", `{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Null":{"aws:username":"true"}}},{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Null":{"aws:username":"false"}}},{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`,
			`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Null":{"aws:username":"true"}}},{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Null":{"aws:username":"false"}}}`, policy.Identity},
		{"a Deny counts beside other policies", `{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"ec2:*","Resource":"*"}`, `{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"ec2:*","Resource":"*"}`, policy.Identity},
		{"denied anyway", `{"Effect":"Allow","Action":["s3:GetObject","ec2:RunInstances"],"Resource":"*"},{"Effect":"Deny","Action":"ec2:*","Resource":"*"}`, `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"},{"Effect":"Deny","Action":"ec2:*","Resource":"*"}`, policy.Identity},
		{"a role is named closer than by its account", `{"Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:role/r"]},"Action":"s3:*","Resource":"*"}`,
			`{"Effect":"Allow","Principal":{"AWS":["111122223333","arn:aws:iam::111122223333:role/r"]},"Action":"s3:*","Resource":"*"}`, policy.Resource},
		{"everyone", `{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"},{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:Get*","Resource":"*"}`,
			`{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}`, policy.Resource},
		{"everyone is no bearer of a token", `{"Effect":"Allow","Principal":"*","Action":"sts:*","Resource":"*"},{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity","Resource":"*"}`,
			`{"Effect":"Allow","Principal":"*","Action":"sts:*","Resource":"*"},{"Effect":"Allow","Principal":{"Federated":"accounts.google.com"},"Action":"sts:AssumeRoleWithWebIdentity","Resource":"*"}`, policy.Resource},
	} {
		got, _, err := known.Minimise(parse(t, statements(c.list)), c.typ)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if text(t, got) != text(t, parse(t, statements(c.want))) {
			t.Errorf("%s: got %s", c.name, text(t, got))
		}
	}
}
