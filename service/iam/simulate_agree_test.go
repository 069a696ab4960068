package iam

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
)

// agreement draws users, groups, boundaries and policies over a small alphabet,
// so that statements meet often.
type agreement struct {
	*fixture
	r *rand.Rand
}

func (a *agreement) pick(list ...string) string { return list[a.r.IntN(len(list))] }

func (a *agreement) document() string {
	text := `{"Version":"2012-10-17","Statement":[`
	for i := range 1 + a.r.IntN(3) {
		if i > 0 {
			text += ","
		}
		condition := a.pick("", "", "",
			`,"Condition":{"StringEquals":{"aws:username":"u1"}}`,
			`,"Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}`,
			`,"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}`,
			`,"Condition":{"StringLike":{"aws:userid":"AIDA*"}}`,
			`,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}`,
			`,"Condition":{"Null":{"aws:ResourceAccount":"false"}}`,
			`,"Condition":{"StringNotEquals":{"aws:PrincipalType":"User"}}`)
		text += fmt.Sprintf(`{"Effect":%q,%q:%q,%q:%q%s}`, a.pick("Allow", "Allow", "Allow", "Deny"),
			a.pick("Action", "Action", "NotAction"), a.pick("*", "s3:*", "s3:Get*", "iam:GetUser"),
			a.pick("Resource", "Resource", "NotResource"), a.pick("*", "arn:aws:s3:::b/*", "arn:aws:s3:::${aws:username}/*", "arn:aws:iam::111122223333:user/*"), condition)
	}
	return text + "]}"
}

// give gives policies to a user, group or role, by all ways there are.
func (a *agreement) give(t *testing.T, k kind, name string) {
	for i := range a.r.IntN(3) {
		managed := fmt.Sprintf("p-%s-%s-%d", k, name, i)
		if a.r.IntN(2) == 0 {
			if err := a.putInline(a.root, k, name, managed, a.document()); err != nil {
				t.Fatal(err)
			}
			continue
		}
		made := must(a.CreatePolicy(a.root, &iamapi.CreatePolicyRequest{PolicyName: managed, PolicyDocument: a.document()}))(t)
		if err := a.attach(a.root, k, name, *made.Policy.Arn); err != nil {
			t.Fatal(err)
		}
	}
}

// decide asks as the gateway does: with the standing that it keeps and the keys
// that it sets.
func (a *agreement) decide(t *testing.T, b *bearer, action, resource string) policy.Decision {
	t.Helper()
	standing, err := a.Standing(t.Context(), b.ID)
	if err != nil || standing == nil {
		t.Fatal(standing, err)
	}
	r := &policy.Request{Principal: standing.Principal}
	c := &r.Context
	c.Set("aws:SourceIp", "10.1.2.3")
	c.Set("aws:PrincipalAccount", b.Account)
	c.Set("aws:PrincipalArn", b.ARN())
	c.SetTags("aws:PrincipalTag/", standing.Tags)
	if b.kind == aUser {
		c.Set("aws:PrincipalType", "User")
		c.Set("aws:username", b.Name)
		c.Set("aws:userid", b.ID)
	} else {
		c.Set("aws:PrincipalType", "AssumedRole")
	}
	bind := &policy.Bindings{Identity: standing.Identity, Boundary: standing.Boundary}
	(&policy.Touch{Action: action, Resource: resource}).Apply(r, bind)
	return policy.Decide(r, bind)
}

// TestSimulationAgrees: what is simulated for a user or role is what would be
// decided for its calls.
func TestSimulationAgrees(t *testing.T) {
	f := newFixture(t)
	seen := map[iamapi.PolicyEvaluationDecisionType]int{}
	for seed := range uint64(15) {
		a := &agreement{f, rand.New(rand.NewPCG(seed, 7))}
		group := fmt.Sprintf("g%d", seed)
		must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: group}))(t)
		a.give(t, aGroup, group)
		var bearers []*bearer
		for i := range 4 {
			k, name := aUser, fmt.Sprintf("u%d-%d", i, seed)
			if i == 0 && seed == 0 {
				name = "u1"
			}
			var boundary *string
			if a.r.IntN(2) == 0 {
				made := must(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{PolicyName: "b-" + name, PolicyDocument: a.document()}))(t)
				boundary = made.Policy.Arn
			}
			tags := []iamapi.Tag{{Key: "Team", Value: a.pick("blue", "red")}}
			if i == 3 {
				k = aRole
				must(f.CreateRole(f.root, &iamapi.CreateRoleRequest{RoleName: name, PermissionsBoundary: boundary, Tags: tags,
					AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`}))(t)
			} else {
				must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: name, PermissionsBoundary: boundary, Tags: tags}))(t)
			}
			a.give(t, k, name)
			if k == aUser && a.r.IntN(2) == 0 {
				must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: name, GroupName: group}))(t)
			}
			b, err := f.bearer(f.root, f.Store, k, name)
			if err != nil {
				t.Fatal(err)
			}
			bearers = append(bearers, b)
		}
		for _, b := range bearers {
			a.compare(t, b, seen)
		}
	}
	for _, d := range []iamapi.PolicyEvaluationDecisionType{allowed, denied, implicit} {
		if seen[d] < 20 {
			t.Errorf("only %d decisions were %s: the draw proves little", seen[d], d)
		}
	}
}

func (a *agreement) compare(t *testing.T, b *bearer, seen map[iamapi.PolicyEvaluationDecisionType]int) {
	actions := []string{"s3:GetObject", "s3:PutObject", "iam:GetUser", "ec2:RunInstances"}
	resources := []string{"arn:aws:s3:::b/k", "arn:aws:s3:::" + b.Name + "/k", "arn:aws:iam::111122223333:user/x"}
	out := must(a.SimulatePrincipalPolicy(a.root, &iamapi.SimulatePrincipalPolicyRequest{
		PolicySourceArn: b.ARN(), ActionNames: actions, ResourceArns: resources,
		ContextEntries: []iamapi.ContextEntry{entry("aws:SourceIp", "ip", "10.1.2.3")},
	}))(t).EvaluationResults
	for i, action := range actions {
		for j, resource := range resources {
			got := out[i].ResourceSpecificResults[j].EvalResourceDecision
			seen[got]++
			if want := a.decide(t, b, action, resource).Result().String(); string(got) != want {
				t.Errorf("%s of %s on %s: simulated %s, decided %s\n%s", action, b.ARN(), resource, got, want, shape(t, out[i].ResourceSpecificResults[j]))
			}
		}
	}
}

// Inline, attached and groups' policies take part, each under its name, and
// each can be thought away.
func TestSimulateExclusions(t *testing.T) {
	f := newFixture(t)
	alice := "arn:aws:iam::" + testAccount + ":user/alice"
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "alice", PermissionsBoundary: new("arn:aws:iam::aws:policy/PowerUserAccess")}))(t)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "devs"}))(t)
	must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: "alice", GroupName: "devs"}))(t)
	all := statement("Allow", "*", "*")
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "alice", PolicyName: "own", PolicyDocument: all}))(t)
	must(f.PutGroupPolicy(f.root, &iamapi.PutGroupPolicyRequest{GroupName: "devs", PolicyName: "ours", PolicyDocument: all}))(t)
	must(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{PolicyName: "mine", Path: new("/team/"), PolicyDocument: all}))(t)
	for _, arn := range []string{"arn:aws:iam::" + testAccount + ":policy/team/mine", "arn:aws:iam::aws:policy/AdministratorAccess"} {
		if err := f.attach(f.root, aUser, "alice", arn); err != nil {
			t.Fatal(err)
		}
	}
	inline := func(policy string, t iamapi.AttachmentType, name string) iamapi.PolicyIdentifier {
		return iamapi.PolicyIdentifier{InlinePolicyIdentifier: &iamapi.InlinePolicyIdentifierType{PolicyName: policy, AttachmentType: t, AttachmentName: name}}
	}
	named := func(arn string) iamapi.PolicyIdentifier { return iamapi.PolicyIdentifier{PolicyArn: &arn} }
	for _, test := range []struct {
		name    string
		exclude []iamapi.PolicyIdentifier
		want    []string
		bounded bool
	}{
		{"nothing", nil, []string{"user_alice_own", "mine", "AdministratorAccess", "group_devs_ours"}, true},
		{"inline", []iamapi.PolicyIdentifier{{PolicyType: "inline"}}, []string{"mine", "AdministratorAccess"}, true},
		{"of AWS", []iamapi.PolicyIdentifier{{PolicyType: "aws-managed"}}, []string{"user_alice_own", "mine", "group_devs_ours"}, true},
		{"of the customer and the boundary", []iamapi.PolicyIdentifier{{PolicyType: "user-managed"}, {PolicyType: "permission-boundary"}}, []string{"user_alice_own", "AdministratorAccess", "group_devs_ours"}, false},
		{"organisation's", []iamapi.PolicyIdentifier{{PolicyType: "scp"}, {PolicyType: "rcp"}}, []string{"user_alice_own", "mine", "AdministratorAccess", "group_devs_ours"}, true},
		{"by ARN", []iamapi.PolicyIdentifier{named("arn:aws:iam::" + testAccount + ":policy/t*/m?ne")}, []string{"user_alice_own", "AdministratorAccess", "group_devs_ours"}, true},
		{"by another ARN", []iamapi.PolicyIdentifier{named("arn:aws:iam::" + testAccount + ":policy/mine")}, []string{"user_alice_own", "mine", "AdministratorAccess", "group_devs_ours"}, true},
		{"a boundary is not attached", []iamapi.PolicyIdentifier{named("arn:aws:iam::aws:policy/PowerUserAccess")}, []string{"user_alice_own", "mine", "AdministratorAccess", "group_devs_ours"}, true},
		{"of the group", []iamapi.PolicyIdentifier{inline("ours", "group", "d*")}, []string{"user_alice_own", "mine", "AdministratorAccess"}, true},
		{"of another kind", []iamapi.PolicyIdentifier{inline("ours", "user", "*"), inline("own", "user", "al?c")}, []string{"user_alice_own", "mine", "AdministratorAccess", "group_devs_ours"}, true},
	} {
		r := must(f.SimulatePrincipalPolicy(f.root, &iamapi.SimulatePrincipalPolicyRequest{
			PolicySourceArn: alice, ActionNames: []string{"s3:GetObject"}, PolicyExclusionList: test.exclude,
		}))(t).EvaluationResults[0]
		var got []string
		for _, m := range r.MatchedStatements {
			got = append(got, *m.SourcePolicyId)
		}
		if !slices.Equal(got, test.want) || (r.PermissionsBoundaryDecisionDetail != nil) != test.bounded {
			t.Errorf("without %s: got %q, %s", test.name, got, shape(t, r))
		}
	}
	for name, bad := range map[string]iamapi.PolicyIdentifier{
		"A policy identifier must have exactly one of PolicyType, PolicyArn and InlinePolicyIdentifier.": {},
		"ARN arn:aws:iam::*:policy/x is not valid.":                                                      named("arn:aws:iam::*:policy/x"),
		"ARN arn:aws:iam::aws:policy/*x* is not valid.":                                                  named("arn:aws:iam::aws:policy/*x*"),
		"ARN arn:aws:iam::aws:user/x-y-z-longer is not valid.":                                           named("arn:aws:iam::aws:user/x-y-z-longer"),
		"AttachmentName *x* has more than one *.":                                                        inline("p", "user", "*x*"),
	} {
		fails(f.SimulatePrincipalPolicy(f.root, &iamapi.SimulatePrincipalPolicyRequest{
			PolicySourceArn: alice, ActionNames: []string{"s3:GetObject"}, PolicyExclusionList: []iamapi.PolicyIdentifier{bad},
		}))(t, "InvalidInput", name)
	}
}

func TestContextKeys(t *testing.T) {
	f := newFixture(t)
	own := statement("Allow", "*", "arn:aws:s3:::${aws:username}/*", `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"StringEquals":{"S3:Prefix":"${aws:PrincipalTag/team}"}}`)
	other := statement("Allow", "*", "*", `,"Condition":{"StringLike":{"s3:prefix":"x","AWS:UserName":"y"},"Null":{"ec2:Vpc":"true"}}`)
	out := must(f.GetContextKeysForCustomPolicy(f.root, &iamapi.GetContextKeysForCustomPolicyRequest{PolicyInputList: []string{own, other}}))(t)
	if want := []string{"S3:Prefix", "aws:MultiFactorAuthPresent", "aws:PrincipalTag/team", "aws:username", "ec2:Vpc"}; !slices.Equal(out.ContextKeyNames, want) {
		t.Errorf("got %q, want %q", out.ContextKeyNames, want)
	}
	fails(f.GetContextKeysForCustomPolicy(f.root, &iamapi.GetContextKeysForCustomPolicyRequest{PolicyInputList: []string{own, "[]"}}))(t, "InvalidInput", "PolicyInputList.2: Syntax errors in policy.")

	arnav := f.arnav(t, own)
	must(f.CreateGroup(f.root, &iamapi.CreateGroupRequest{GroupName: "g"}))(t)
	must(f.PutGroupPolicy(f.root, &iamapi.PutGroupPolicyRequest{GroupName: "g", PolicyName: "p", PolicyDocument: other}))(t)
	must(f.AddUserToGroup(f.root, &iamapi.AddUserToGroupRequest{UserName: "arnav", GroupName: "g"}))(t)
	out = must(f.GetContextKeysForPrincipalPolicy(f.root, &iamapi.GetContextKeysForPrincipalPolicyRequest{
		PolicySourceArn: arnav, PolicyInputList: []string{statement("Allow", "*", "*", `,"Condition":{"Bool":{"aws:SecureTransport":"true"}}`)},
	}))(t)
	if want := []string{"S3:Prefix", "aws:MultiFactorAuthPresent", "aws:PrincipalTag/team", "aws:SecureTransport", "aws:username", "ec2:Vpc"}; !slices.Equal(out.ContextKeyNames, want) {
		t.Errorf("got %q, want %q", out.ContextKeyNames, want)
	}
	out = must(f.GetContextKeysForPrincipalPolicy(f.root, &iamapi.GetContextKeysForPrincipalPolicyRequest{PolicySourceArn: "arn:aws:iam::" + testAccount + ":group/g"}))(t)
	if want := []string{"AWS:UserName", "ec2:Vpc", "s3:prefix"}; !slices.Equal(out.ContextKeyNames, want) {
		t.Errorf("of the group: got %q, want %q", out.ContextKeyNames, want)
	}
}

// Who may simulate: the resource is the entity whose policies are read.
func TestSimulateAuthorised(t *testing.T) {
	f := newFixture(t)
	arnav := f.arnav(t, statement("Allow", "iam:SimulatePrincipalPolicy", "arn:aws:iam::"+testAccount+":user/arnav"))
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "bob", Path: new("/hidden/")}))(t)
	ctx := f.asUser("arnav")
	for source, want := range map[string]bool{
		arnav: true, "arn:aws:iam::111122223333:user/hidden/bob": false,
		"arn:aws:iam::444455556666:user/arnav": false, "arn:aws:iam::111122223333:root": false,
	} {
		if got := f.allowed(ctx, "SimulatePrincipalPolicy", &iamapi.SimulatePrincipalPolicyRequest{PolicySourceArn: source}); got != want {
			t.Errorf("simulating %s: allowed %v, want %v", source, got, want)
		}
	}
	if f.allowed(ctx, "SimulateCustomPolicy", &iamapi.SimulateCustomPolicyRequest{}) {
		t.Error("simulating any policy is allowed")
	}
	if f.allowed(ctx, "GetContextKeysForPrincipalPolicy", &iamapi.GetContextKeysForPrincipalPolicyRequest{PolicySourceArn: arnav}) {
		t.Error("reading context keys is allowed")
	}
}

// FuzzSimulate: whatever the policies and values, a simulation answers or
// refuses, and every statement it names lies in the text.
func FuzzSimulate(f *testing.F) {
	f.Add(statement("Allow", "s3:*", "*"), "string", "x", "arn:aws:s3:::b/k")
	f.Add(`{"Statement":{"Effect":"Deny","Action":"s3:GetObject","Resource":"*","Condition":{"DateLessThan":{"x:key":"2026-01-01"}}}}`, "date", "2020", "*")
	fx := newFixture(f)
	f.Fuzz(func(t *testing.T, text, kind, value, resource string) {
		out, err := fx.SimulateCustomPolicy(fx.root, &iamapi.SimulateCustomPolicyRequest{
			PolicyInputList: []string{text}, ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{resource},
			ContextEntries: []iamapi.ContextEntry{entry("x:key", iamapi.ContextKeyTypeEnum(kind), value)},
		})
		if err != nil {
			return
		}
		for _, m := range out.EvaluationResults[0].MatchedStatements {
			start, end := m.StartPosition, m.EndPosition
			if *start.Line < 1 || *start.Column < 1 || *end.Line < *start.Line || *end.Line == *start.Line && *end.Column <= *start.Column {
				t.Errorf("%q: a statement from %d,%d to %d,%d", text, *start.Line, *start.Column, *end.Line, *end.Column)
			}
		}
	})
}

// BenchmarkSimulate is one call: 100 actions on one resource, for a user with
// a managed policy of AWS, an inline policy and a boundary.
func BenchmarkSimulate(b *testing.B) {
	f := newFixture(b)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "u", PermissionsBoundary: new("arn:aws:iam::aws:policy/PowerUserAccess")}))(b)
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "u", PolicyName: "own", PolicyDocument: statement("Allow", "s3:*", "arn:aws:s3:::${aws:username}/*")}))(b)
	if err := f.attach(f.root, aUser, "u", "arn:aws:iam::aws:policy/ReadOnlyAccess"); err != nil {
		b.Fatal(err)
	}
	in := &iamapi.SimulatePrincipalPolicyRequest{PolicySourceArn: "arn:aws:iam::" + testAccount + ":user/u", ResourceArns: []string{"arn:aws:s3:::u/k"}}
	for i := range 100 {
		in.ActionNames = append(in.ActionNames, fmt.Sprintf("s3:GetObject%d", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		must(f.SimulatePrincipalPolicy(f.root, in))(b)
	}
}
