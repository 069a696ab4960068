package iam

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/wire"
)

func TestSimulateBadInput(t *testing.T) {
	f := newFixture(t)
	arnav := f.arnav(t, statement("Allow", "s3:*", "*"))
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "g"}))(t)
	good := statement("Allow", "*", "*")
	object := []string{"arn:aws:s3:::b/k"}
	for _, test := range []struct {
		name string
		in   iamapi.SimulateCustomPolicyRequest
		want string
	}{
		{"no service", iamapi.SimulateCustomPolicyRequest{ActionNames: []string{"GetObject"}}, "The action is invalid since it is missing names"},
		{"wildcard", iamapi.SimulateCustomPolicyRequest{ActionNames: []string{"s3:Get*"}}, "Invalid Action Name: s3:Get*"},
		{"no action", iamapi.SimulateCustomPolicyRequest{ActionNames: []string{"s3:"}}, "Invalid Action Name: s3:"},
		{"two colons", iamapi.SimulateCustomPolicyRequest{ActionNames: []string{"s3:a:b"}}, "Invalid Action Name: s3:a:b"},
		{"resource", iamapi.SimulateCustomPolicyRequest{ResourceArns: []string{"14a050d4"}}, "ResourceNames are not in a valid ARN format: 14a050d4."},
		{"star among others", iamapi.SimulateCustomPolicyRequest{ResourceArns: []string{object[0], "*"}}, "ResourceNames are not in a valid ARN format: *."},
		{"policy", iamapi.SimulateCustomPolicyRequest{PolicyInputList: []string{good, "{"}}, "PolicyInputList.2: Syntax errors in policy."},
		{"resource policy among policies", iamapi.SimulateCustomPolicyRequest{PolicyInputList: []string{`{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`}},
			"PolicyInputList.1: Policy document should not specify a principal."},
		{"two boundaries", iamapi.SimulateCustomPolicyRequest{PermissionsBoundaryPolicyInputList: []string{good, good}}, "The list of Permissions Boundary policies cannot exceed 1 items."},
		{"role as caller", iamapi.SimulateCustomPolicyRequest{CallerArn: new("arn:aws:iam::111122223333:role/r")}, "Invalid caller - Caller must be an IAM user in this context."},
		{"session as caller", iamapi.SimulateCustomPolicyRequest{CallerArn: new("arn:aws:sts::111122223333:assumed-role/r/s")}, "Invalid caller - Caller must be an IAM user in this context."},
		{"no caller", iamapi.SimulateCustomPolicyRequest{ResourceArns: object, ResourcePolicy: new(good)}, "Invalid caller - Caller cannot be null or empty."},
		{"owner is an id", iamapi.SimulateCustomPolicyRequest{ResourceOwner: new("123456789012")}, "'123456789012' is not a valid as a Resource Owner."},
		{"owner is a user", iamapi.SimulateCustomPolicyRequest{ResourceOwner: new("arn:aws:iam::111122223333:user/x")}, "'arn:aws:iam::111122223333:user/x' is not a valid as a Resource Owner."},
		{"resource policy without resource", iamapi.SimulateCustomPolicyRequest{CallerArn: &arnav, ResourcePolicy: new(good)}, "A ResourcePolicy needs ResourceArns: it must apply to all resources of the simulation."},
		{"resource policy without principal", iamapi.SimulateCustomPolicyRequest{CallerArn: &arnav, ResourceArns: object, ResourcePolicy: new(good)}, "ResourcePolicy: Missing required field Principal"},
		{"resource policy for another resource", iamapi.SimulateCustomPolicyRequest{CallerArn: &arnav, ResourceArns: object,
			ResourcePolicy: new(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::c/*"}}`)}, "The ResourcePolicy does not apply to the resource arn:aws:s3:::b/k."},
		{"trust policy for an object", iamapi.SimulateCustomPolicyRequest{CallerArn: &arnav, ResourceArns: object,
			ResourcePolicy: new(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`)}, "The ResourcePolicy is a role trust policy, which does not apply to the action s3:GetObject."},
		{"scenario", iamapi.SimulateCustomPolicyRequest{ResourceHandlingOption: new("EC2-Classic-EBS")}, "Invalid input resource handling options: EC2-Classic-EBS."},
		{"scenario of another action", iamapi.SimulateCustomPolicyRequest{ResourceHandlingOption: new("EC2-VPC-EBS")}, "Invalid input resource handling options. Action does not support resource handling options: s3:GetObject."},
		{"entry without name", iamapi.SimulateCustomPolicyRequest{ContextEntries: []iamapi.ContextEntry{{ContextKeyType: "string", ContextKeyValues: []string{"x"}}}}, "ContextKeyName cannot be null or empty."},
		{"entry twice", iamapi.SimulateCustomPolicyRequest{ContextEntries: []iamapi.ContextEntry{entry("aws:username", "string", "x"), entry("aws:UserName", "string", "x")}}, "Duplicate context key: aws:UserName."},
		{"two values", iamapi.SimulateCustomPolicyRequest{ContextEntries: []iamapi.ContextEntry{entry("aws:username", "string", "x", "y")}}, "Context key aws:username of type string must have exactly one value."},
		{"no value", iamapi.SimulateCustomPolicyRequest{ContextEntries: []iamapi.ContextEntry{entry("aws:username", "string")}}, "Context key aws:username of type string must have exactly one value."},
	} {
		in := test.in
		if in.ActionNames == nil {
			in.ActionNames = []string{"s3:GetObject"}
		}
		if in.PolicyInputList == nil {
			in.PolicyInputList = []string{good}
		}
		_, err := f.SimulateCustomPolicy(f.root, &in)
		if e := wire.AsError(err); e.Code != "InvalidInput" || e.Message != test.want || e.Status != 400 {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
	for _, test := range []struct{ source, code, want string }{
		{"arn:aws:sts::111122223333:assumed-role/u/s", "InvalidInput", "Invalid Entity Arn: arn:aws:sts::111122223333:assumed-role/u/s does not clearly define entity type and name."},
		{"arn:aws:iam::111122223333:root", "InvalidInput", "Invalid Entity Arn: arn:aws:iam::111122223333:root does not clearly define entity type and name."},
		{"arn:aws:iam::444455556666:user/x", "InvalidInput", "Invalid Policy Source Arn: caller's account 111122223333 does not have access to policies in account 444455556666"},
		{"arn:aws:iam::111122223333:role/MyRole", "NoSuchEntity", "The role with name MyRole cannot be found."},
		{"arn:aws:iam::111122223333:user/path/arnav", "NoSuchEntity", "The user with name arnav cannot be found."},
	} {
		fails(f.SimulatePrincipalPolicy(f.root, &iamapi.SimulatePrincipalPolicyRequest{PolicySourceArn: test.source, ActionNames: []string{"s3:GetObject"}}))(t, test.code, test.want)
		fails(f.GetContextKeysForPrincipalPolicy(f.root, &iamapi.GetContextKeysForPrincipalPolicyRequest{PolicySourceArn: test.source}))(t, test.code, test.want)
	}
	group := "arn:aws:iam::111122223333:group/g"
	for _, caller := range []*string{nil, &group} {
		fails(f.SimulatePrincipalPolicy(f.root, &iamapi.SimulatePrincipalPolicyRequest{
			PolicySourceArn: group, ActionNames: []string{"s3:GetObject"}, ResourceArns: object, ResourcePolicy: new(good), CallerArn: caller,
		}))(t, "InvalidInput", "Invalid caller - Caller must be an IAM user in this context.")
	}
}

// Every type of context key reaches its operator, and a value of the wrong type
// is refused.
func TestSimulateContextTypes(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		kind        iamapi.ContextKeyTypeEnum
		values      []string
		condition   string
		allowed     bool
		wrong       string // a value of another type; "" where every text is a value
		wrongValues []string
	}{
		{kind: "string", values: []string{"a"}, condition: `"StringEquals":{"x:key":"a"}`, allowed: true},
		{kind: "stringList", values: []string{"a", "b"}, condition: `"ForAllValues:StringEquals":{"x:key":["a","b","c"]}`, allowed: true},
		{kind: "stringList", values: []string{"a", "z"}, condition: `"ForAllValues:StringEquals":{"x:key":["a","b","c"]}`},
		{kind: "stringList", values: nil, condition: `"Null":{"x:key":"true"}`, allowed: true},
		{kind: "numeric", values: []string{"7"}, condition: `"NumericLessThan":{"x:key":"8"}`, allowed: true, wrong: "seven"},
		{kind: "numericList", values: []string{"7", "9.5"}, condition: `"ForAnyValue:NumericGreaterThan":{"x:key":"9"}`, allowed: true, wrong: "NaN"},
		{kind: "boolean", values: []string{"True"}, condition: `"Bool":{"x:key":"true"}`, allowed: true, wrong: "yes"},
		{kind: "booleanList", values: []string{"false", "true"}, condition: `"ForAnyValue:Bool":{"x:key":"true"}`, allowed: true, wrong: "1"},
		{kind: "ip", values: []string{"203.0.113.9"}, condition: `"IpAddress":{"x:key":"203.0.113.0/24"}`, allowed: true, wrong: "203.0.113.300"},
		{kind: "ipList", values: []string{"2001:db8::1"}, condition: `"ForAllValues:IpAddress":{"x:key":"2001:db8::/32"}`, allowed: true, wrong: "here"},
		{kind: "binary", values: []string{"QmluYXJ5"}, condition: `"BinaryEquals":{"x:key":"QmluYXJ5"}`, allowed: true, wrong: "%"},
		{kind: "binaryList", values: []string{"QQ=="}, condition: `"ForAnyValue:BinaryEquals":{"x:key":"Qg=="}`, wrong: "QQ"},
		{kind: "date", values: []string{"2026-11-23T12:00:00Z"}, condition: `"DateLessThan":{"x:key":"2026-11-24T00:00:00Z"}`, allowed: true, wrong: "tomorrow"},
		{kind: "dateList", values: []string{"1800000000"}, condition: `"ForAllValues:DateGreaterThan":{"x:key":"2026-11-24"}`, allowed: true, wrong: "2026-13-01"},
	} {
		in := &iamapi.SimulateCustomPolicyRequest{
			ActionNames: []string{"x:Y"}, PolicyInputList: []string{statement("Allow", "x:Y", "*", `,"Condition":{`, test.condition, `}`)},
			ContextEntries: []iamapi.ContextEntry{entry("x:Key", test.kind, test.values...)},
		}
		r := must(f.SimulateCustomPolicy(f.root, in))(t).EvaluationResults[0]
		if (r.EvalDecision == allowed) != test.allowed {
			t.Errorf("%s %q with %s: %s", test.kind, test.values, test.condition, r.EvalDecision)
		}
		if test.wrong != "" {
			in.ContextEntries[0].ContextKeyValues = []string{test.wrong}
			one := strings.TrimSuffix(string(test.kind), "List")
			fails(f.SimulateCustomPolicy(f.root, in))(t, "InvalidInput", fmt.Sprintf("Invalid value %q of context key x:Key: it is not of type %s.", test.wrong, one))
		}
	}
}

// What the simulator knows of the caller by itself, and that entries hide it.
func TestSimulateCallerKeys(t *testing.T) {
	f := newFixture(t)
	arnav := f.arnav(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"x:Name","Resource":"*","Condition":{"StringEquals":{"aws:username":"arnav"}}},
		{"Effect":"Allow","Action":"x:Arn","Resource":"*","Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/arnav"}}},
		{"Effect":"Allow","Action":"x:Tag","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/Team":"blue"}}},
		{"Effect":"Allow","Action":"x:Id","Resource":"*","Condition":{"StringLike":{"aws:userid":"AIDA*"}}}]}`)
	ask := func(caller *string, entries ...iamapi.ContextEntry) string {
		t.Helper()
		var got []string
		for _, r := range must(f.SimulatePrincipalPolicy(f.root, &iamapi.SimulatePrincipalPolicyRequest{
			PolicySourceArn: arnav, CallerArn: caller, ActionNames: []string{"x:Name", "x:Arn", "x:Tag", "x:Id"}, ContextEntries: entries,
		}))(t).EvaluationResults {
			if r.EvalDecision == allowed {
				got = append(got, r.EvalActionName)
			}
		}
		return strings.Join(got, " ")
	}
	bob := "arn:aws:iam::111122223333:user/bob"
	for _, test := range []struct{ name, got, want string }{
		{"itself", ask(nil), "x:Name x:Arn x:Tag x:Id"},
		{"named", ask(&arnav), "x:Name x:Arn x:Tag x:Id"},
		{"as Bob", ask(&bob), ""},
		{"as Bob with entries", ask(&bob, entry("aws:PrincipalTag/Team", "string", "blue"), entry("aws:username", "string", "arnav")), "x:Name x:Tag"},
		{"with entries", ask(nil, entry("aws:principaltag/team", "string", "red")), "x:Name x:Arn x:Id"},
	} {
		if test.got != test.want {
			t.Errorf("%s: allowed %q, want %q", test.name, test.got, test.want)
		}
	}
}

func TestSimulateScenarios(t *testing.T) {
	f := newFixture(t)
	of := func(kind string) string { return "arn:aws:ec2:us-east-1:111122223333:" + kind + "/x" }
	resources := []string{of("instance"), "arn:aws:ec2:us-east-1::image/ami-1", of("security-group"), of("network-interface"), of("subnet"), of("volume"), of("key-pair")}
	for option, needs := range map[string][]string{
		"EC2-VPC-InstanceStore": {"network-interface"}, "EC2-VPC-InstanceStore-Subnet": {"subnet", "image"},
		"EC2-VPC-EBS": {"volume", "instance"}, "EC2-VPC-EBS-Subnet": {"subnet", "volume", "security-group"},
	} {
		in := &iamapi.SimulateCustomPolicyRequest{
			PolicyInputList: []string{statement("Allow", "ec2:RunInstances", "*")}, ActionNames: []string{"ec2:RunInstances"},
			ResourceArns: resources, ResourceHandlingOption: &option,
		}
		if r := must(f.SimulateCustomPolicy(f.root, in))(t).EvaluationResults[0]; r.EvalDecision != allowed || len(r.ResourceSpecificResults) != len(resources) {
			t.Errorf("%s: got %s", option, shape(t, r))
		}
		for _, kind := range needs {
			in.ResourceArns = slices.DeleteFunc(slices.Clone(resources), func(s string) bool { return strings.Contains(s, ":"+kind+"/") })
			fails(f.SimulateCustomPolicy(f.root, in))(t, "InvalidInput", "Invalid input resource handling options. "+option+" requires a resource of type "+kind+".")
		}
	}
}

// Keys and roles are ruled by their own policies, in the simulation as when a
// call is decided.
func TestSimulateAuthorities(t *testing.T) {
	f := newFixture(t)
	arnav := f.arnav(t, statement("Allow", "*", "*"))
	key, role := "arn:aws:kms:us-east-1:111122223333:key/k", "arn:aws:iam::111122223333:role/r"
	for _, test := range []struct {
		action, resource, policy string
		want                     iamapi.PolicyEvaluationDecisionType
	}{
		{"kms:Decrypt", key, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}}`, allowed},
		{"kms:Decrypt", key, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"kms:*","Resource":"*"}}`, implicit},
		{"sts:AssumeRole", role, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}}`, allowed},
		{"sts:AssumeRole", role, `{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`, implicit},
		{"sts:AssumeRole", role, `{"Statement":{"Effect":"Deny","Principal":{"AWS":"` + arnav + `"},"Action":"sts:AssumeRole"}}`, denied},
	} {
		r := must(f.SimulatePrincipalPolicy(f.root, &iamapi.SimulatePrincipalPolicyRequest{
			PolicySourceArn: arnav, ActionNames: []string{test.action}, ResourceArns: []string{test.resource}, ResourcePolicy: &test.policy,
		}))(t).EvaluationResults[0]
		if r.EvalDecision != test.want {
			t.Errorf("%s with %s: got %s", test.action, test.policy, shape(t, r))
		}
	}
}
