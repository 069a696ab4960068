package secretsmanager

import (
	"context"
	"strings"
	"testing"

	api "bartizan.dev/api/secretsmanager"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

func statement(effect, principal, action, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":` + principal + `,"Action":"` + action + `","Resource":"*"` + condition + `}]}`
}

func TestResourcePolicy(t *testing.T) {
	f := newFixture(t)
	f.make("s", "one")
	put := func(text string, block bool) error {
		_, err := f.PutResourcePolicy(f.ctx, &api.PutResourcePolicyRequest{SecretId: "s", ResourcePolicy: text, BlockPublicPolicy: &block})
		return err
	}
	for text, public := range map[string]bool{
		statement("Allow", `"*"`, "secretsmanager:GetSecretValue", ""):                                                                                     true,
		statement("Allow", `{"AWS":"*"}`, "secretsmanager:*", `{"StringEquals":{"aws:PrincipalOrgID":"o-1234567890"}}`):                                    false,
		statement("Allow", `{"AWS":"*"}`, "secretsmanager:*", `{"StringLike":{"aws:PrincipalOrgID":"o-*"}}`):                                               true,
		statement("Allow", `{"AWS":"arn:aws:iam::222222222222:root"}`, "secretsmanager:GetSecretValue", ""):                                                false,
		statement("Allow", `{"AWS":"*"}`, "secretsmanager:GetSecretValue", `{"StringEquals":{"aws:SourceVpce":"vpce-1a2b3c4d"}}`):                          false,
		statement("Allow", `{"AWS":"*"}`, "secretsmanager:GetSecretValue", `{"StringEquals":{"secretsmanager:ResourceTag/team":"${aws:PrincipalTag/t}"}}`): true,
		statement("Deny", `"*"`, "secretsmanager:GetSecretValue", ""):                                                                                      false,
	} {
		err := put(text, true)
		if public {
			wants(t, 0, err)("PublicPolicyException", errPublic.Message)
		} else if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := put(text, false); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"{", `{"Version":"2012-10-17"}`, `{"Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}`} {
		wants(t, 0, put(text, false))("MalformedPolicyDocumentException", "This resource policy contains a syntax error.")
	}
	if e := wire.AsError(put(statement("Deny", `"*"`, "secretsmanager:*", ""), false)); e.Code != "InvalidParameterException" {
		t.Errorf("a policy that locks out: %v", e)
	}
	if err := put(statement("Deny", `"*"`, "secretsmanager:*", `{"StringNotEquals":{"aws:PrincipalOrgID":"o-1234567890"}}`), false); err != nil {
		t.Errorf("a policy that keeps strangers out: %v", err)
	}
	text := statement("Allow", `{"AWS":"arn:aws:iam::222222222222:root"}`, "secretsmanager:GetSecretValue", "")
	if err := put(text, true); err != nil {
		t.Fatal(err)
	}
	if got := must(f.GetResourcePolicy(f.ctx, &api.GetResourcePolicyRequest{SecretId: "s"}))(t); *got.ResourcePolicy != text {
		t.Errorf("%s", *got.ResourcePolicy)
	}
	if got := must(f.ListResourcePolicies(f.ctx, &api.ListResourcePoliciesRequest{SecretId: "s"}))(t); len(got.ResourcePolicies) != 1 || *got.ResourcePolicies[0].PolicyName != "default" {
		t.Errorf("%+v", got)
	}
	must(f.DeleteResourcePolicy(f.ctx, &api.DeleteResourcePolicyRequest{SecretId: "s", PolicyName: new("default")}))(t)
	if got := must(f.GetResourcePolicy(f.ctx, &api.GetResourcePolicyRequest{SecretId: "s"}))(t); got.ResourcePolicy != nil {
		t.Errorf("%s", *got.ResourcePolicy)
	}
	_, err := f.PutResourcePolicy(f.ctx, &api.PutResourcePolicyRequest{SecretId: "s", ResourcePolicy: text, PolicyName: new("mine")})
	wants(t, 0, err)("InvalidParameterException", "You can modify only the default policy.")
}

func TestValidateResourcePolicy(t *testing.T) {
	f := newFixture(t)
	f.make("s", "one")
	for text, want := range map[string]string{
		statement("Allow", `{"AWS":"arn:aws:iam::222222222222:root"}`, "secretsmanager:GetSecretValue", ""): "",
		statement("Allow", `"*"`, "secretsmanager:GetSecretValue", ""):                                      "PublicPolicyCheck",
		statement("Deny", `"*"`, "secretsmanager:*", ""):                                                    "LockoutCheck",
		statement("Allow", `{"AWS":"arn:aws:iam::222222222222:root"}`, "secretsmanager:GetTheValue", ""):    "SyntaxCheck",
		`{"Version":"2012-10-17"}`: "SyntaxCheck",
	} {
		out := must(f.ValidateResourcePolicy(f.ctx, &api.ValidateResourcePolicyRequest{SecretId: new("s"), ResourcePolicy: text}))(t)
		var checks []string
		for _, e := range out.ValidationErrors {
			checks = append(checks, *e.CheckName)
		}
		if *out.PolicyValidationPassed != (want == "") || want != "" && !strings.HasPrefix(strings.Join(checks, " "), want) {
			t.Errorf("%s: %v", text, checks)
		}
	}
	_, err := f.ValidateResourcePolicy(f.ctx, &api.ValidateResourcePolicyRequest{ResourcePolicy: "{"})
	wants(t, 0, err)("MalformedPolicyDocumentException", "This resource policy contains a syntax error.")
}

// decide answers an operation as the gateway does, for a user with a policy.
func (f *fixture) decide(ctx context.Context, op string, in any, identity string) bool {
	f.t.Helper()
	touches, err := f.Rules()[op].Touches(ctx, in)
	if err != nil {
		f.t.Fatal(err)
	}
	b := &policy.Bindings{}
	if identity != "" {
		doc := must(policy.Parse([]byte(identity)))(f.t)
		b.Identity = policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Identity}, Document: doc})
	}
	account := caller.From(ctx).Identity.Account
	r := &policy.Request{Principal: policy.Principal{Kind: policy.User, Account: account, ARN: "arn:aws:iam::" + account + ":user/u", ID: "AIDAX"}}
	for i := range touches {
		mark := r.Context.Mark()
		touches[i].Apply(r, b)
		d := policy.Decide(r, b)
		r.Context.Reset(mark)
		if !d.Allowed {
			return false
		}
	}
	return len(touches) > 0
}

// TestConditionKeys: each key of the reference lets through what it is meant for,
// and nothing else.
func TestConditionKeys(t *testing.T) {
	f := newFixture(t)
	f.make("s", "one")
	must(f.TagResource(f.ctx, &api.TagResourceRequest{SecretId: "s", Tags: []api.Tag{{Key: new("team"), Value: new("red")}}}))(t)
	must(f.CreateSecret(f.ctx, &api.CreateSecretRequest{Name: "typed", ClientRequestToken: token(1), Type: new("SalesforceClientSecret")}))(t)
	allow := func(action, operator, key, value string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:` + action + `","lambda:InvokeFunction"],"Resource":"*","Condition":{"` + operator + `":{"` + key + `":"` + value + `"}}}]}`
	}
	create := func(change func(*api.CreateSecretRequest)) *api.CreateSecretRequest {
		in := &api.CreateSecretRequest{Name: "new"}
		change(in)
		return in
	}
	const function = "arn:aws:lambda:eu-central-1:111111111111:function:r"
	for _, c := range []struct {
		op, operator, key, value string
		yes, no                  any
	}{
		{"CreateSecret", "StringEquals", "secretsmanager:Name", "new", create(func(*api.CreateSecretRequest) {}), create(func(in *api.CreateSecretRequest) { in.Name = "old" })},
		{"CreateSecret", "StringEquals", "secretsmanager:Description", "d", create(func(in *api.CreateSecretRequest) { in.Description = new("d") }), create(func(*api.CreateSecretRequest) {})},
		{"CreateSecret", "StringEquals", "secretsmanager:KmsKeyId", "alias/a", create(func(in *api.CreateSecretRequest) { in.KmsKeyId = new("alias/a") }), create(func(*api.CreateSecretRequest) {})},
		{"CreateSecret", "ArnEquals", "secretsmanager:KmsKeyArn", customKey, create(func(in *api.CreateSecretRequest) { in.KmsKeyId = new(customKey[len(customKey)-36:]) }), create(func(in *api.CreateSecretRequest) { in.KmsKeyId = new("x") })},
		{"CreateSecret", "StringEquals", "secretsmanager:Type", "x", create(func(in *api.CreateSecretRequest) { in.Type = new("x") }), create(func(*api.CreateSecretRequest) {})},
		{"CreateSecret", "StringEquals", "aws:RequestTag/a", "b", create(func(in *api.CreateSecretRequest) {}), nil},
		{"ReplicateSecretToRegions", "ForAllValues:StringEquals", "secretsmanager:AddReplicaRegions", away,
			&api.ReplicateSecretToRegionsRequest{SecretId: "s", AddReplicaRegions: []api.ReplicaRegionType{{Region: new(away)}}},
			&api.ReplicateSecretToRegionsRequest{SecretId: "s", AddReplicaRegions: []api.ReplicaRegionType{{Region: new(away)}, {Region: new("eu-west-1")}}}},
		{"ReplicateSecretToRegions", "Bool", "secretsmanager:ForceOverwriteReplicaSecret", "false",
			&api.ReplicateSecretToRegionsRequest{SecretId: "s", ForceOverwriteReplicaSecret: new(false)}, &api.ReplicateSecretToRegionsRequest{SecretId: "s", ForceOverwriteReplicaSecret: new(true)}},
		{"DeleteSecret", "NumericGreaterThanEquals", "secretsmanager:RecoveryWindowInDays", "10",
			&api.DeleteSecretRequest{SecretId: "s", RecoveryWindowInDays: new(int64(10))}, &api.DeleteSecretRequest{SecretId: "s", RecoveryWindowInDays: new(int64(9))}},
		{"DeleteSecret", "BoolIfExists", "secretsmanager:ForceDeleteWithoutRecovery", "false",
			&api.DeleteSecretRequest{SecretId: "s"}, &api.DeleteSecretRequest{SecretId: "s", ForceDeleteWithoutRecovery: new(true)}},
		{"GetSecretValue", "StringEquals", "secretsmanager:VersionStage", "AWSCURRENT",
			&api.GetSecretValueRequest{SecretId: "s"}, &api.GetSecretValueRequest{SecretId: "s", VersionStage: new("AWSPREVIOUS")}},
		{"GetSecretValue", "StringEquals", "secretsmanager:VersionId", *token(1),
			&api.GetSecretValueRequest{SecretId: "s", VersionId: token(1)}, &api.GetSecretValueRequest{SecretId: "s"}},
		{"GetSecretValue", "StringEquals", "secretsmanager:ResourceTag/team", "red", &api.GetSecretValueRequest{SecretId: "s"}, &api.GetSecretValueRequest{SecretId: "typed"}},
		{"GetSecretValue", "StringEquals", "aws:ResourceTag/team", "red", &api.GetSecretValueRequest{SecretId: "s"}, &api.GetSecretValueRequest{SecretId: "typed"}},
		{"GetSecretValue", "StringEquals", "secretsmanager:resource/Type", "SalesforceClientSecret", &api.GetSecretValueRequest{SecretId: "typed"}, &api.GetSecretValueRequest{SecretId: "s"}},
		{"GetSecretValue", "ArnLike", "secretsmanager:SecretId", "arn:aws:secretsmanager:*:*:secret:s-??????", &api.GetSecretValueRequest{SecretId: "s"}, &api.GetSecretValueRequest{SecretId: "typed"}},
		{"GetSecretValue", "StringEquals", "secretsmanager:SecretPrimaryRegion", home, &api.GetSecretValueRequest{SecretId: "s"}, &api.GetSecretValueRequest{SecretId: "none"}},
		{"PutResourcePolicy", "Bool", "secretsmanager:BlockPublicPolicy", "true",
			&api.PutResourcePolicyRequest{SecretId: "s", BlockPublicPolicy: new(true)}, &api.PutResourcePolicyRequest{SecretId: "s"}},
		{"UpdateSecretVersionStage", "StringEquals", "secretsmanager:VersionStage", "x",
			&api.UpdateSecretVersionStageRequest{SecretId: "s", VersionStage: "x"}, &api.UpdateSecretVersionStageRequest{SecretId: "s", VersionStage: "AWSCURRENT"}},
		{"RotateSecret", "Bool", "secretsmanager:ModifyRotationRules", "false",
			&api.RotateSecretRequest{SecretId: "s"}, &api.RotateSecretRequest{SecretId: "s", RotationRules: &api.RotationRulesType{}}},
		{"RotateSecret", "Bool", "secretsmanager:RotateImmediately", "true", &api.RotateSecretRequest{SecretId: "s", RotateImmediately: new(true)}, &api.RotateSecretRequest{SecretId: "s"}},
		{"RotateSecret", "ArnEqualsIfExists", "secretsmanager:RotationLambdaARN", function,
			&api.RotateSecretRequest{SecretId: "s", RotationLambdaARN: new(function)}, &api.RotateSecretRequest{SecretId: "s", RotationLambdaARN: new(function + "2")}},
		{"UntagResource", "ForAllValues:StringEquals", "aws:TagKeys", "other", &api.UntagResourceRequest{SecretId: "s", TagKeys: []string{"other"}}, &api.UntagResourceRequest{SecretId: "s", TagKeys: []string{"team"}}},
		{"TagResource", "StringEqualsIfExists", "aws:ResourceTag/team", "red", // may not tag itself out
			&api.TagResourceRequest{SecretId: "s", Tags: []api.Tag{{Key: new("x"), Value: new("y")}}}, &api.TagResourceRequest{SecretId: "s", Tags: []api.Tag{{Key: new("team"), Value: new("blue")}}}},
	} {
		p := allow(c.op, c.operator, c.key, c.value)
		want := c.key != "aws:RequestTag/a"
		if got := f.decide(f.ctx, c.op, c.yes, p); got != want {
			t.Errorf("%s with %s: %v", c.op, c.key, got)
		}
		if c.no != nil && f.decide(f.ctx, c.op, c.no, p) {
			t.Errorf("%s without %s is allowed", c.op, c.key)
		}
	}
	if f.decide(f.ctx, "RotateSecret", &api.RotateSecretRequest{SecretId: "s", RotationLambdaARN: new(function)}, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:*","Resource":"*"}]}`) {
		t.Error("RotateSecret runs a function without lambda:InvokeFunction")
	}
}

// TestCrossAccountPolicy: another account needs both sides.
func TestCrossAccountPolicy(t *testing.T) {
	f := newFixture(t)
	arn := *f.make("s", "one").ARN
	there := as(other, home)
	in := &api.GetSecretValueRequest{SecretId: arn}
	all := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"` + arn + `"}]}`
	if f.decide(there, "GetSecretValue", in, all) {
		t.Error("allowed without a resource policy")
	}
	must(f.PutResourcePolicy(f.ctx, &api.PutResourcePolicyRequest{SecretId: "s", ResourcePolicy: statement("Allow", `{"AWS":"`+other+`"}`, "secretsmanager:GetSecretValue", "")}))(t)
	if !f.decide(there, "GetSecretValue", in, all) || f.decide(there, "GetSecretValue", in, "") {
		t.Error("want: allowed with both policies, denied with one")
	}
	if f.decide(there, "PutSecretValue", &api.PutSecretValueRequest{SecretId: arn}, all) {
		t.Error("another action is allowed")
	}
}
