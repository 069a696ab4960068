package iam

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/wire"
)

const (
	allowed  = iamapi.PolicyEvaluationDecisionType_allowed
	denied   = iamapi.PolicyEvaluationDecisionType_explicitDeny
	implicit = iamapi.PolicyEvaluationDecisionType_implicitDeny
)

// statement writes a policy of one statement.
func statement(effect, action, resource string, more ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":%q,"Action":%q,"Resource":%q%s}]}`, effect, action, resource, strings.Join(more, ""))
}

func entry(name string, t iamapi.ContextKeyTypeEnum, values ...string) iamapi.ContextEntry {
	return iamapi.ContextEntry{ContextKeyName: &name, ContextKeyType: t, ContextKeyValues: values}
}

// shape is a result as text, for comparison.
func shape(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func matchedAt(id string, kind iamapi.PolicySourceType, line, column, endLine, endColumn int32) iamapi.Statement {
	return iamapi.Statement{
		SourcePolicyId: &id, SourcePolicyType: kind,
		StartPosition: &iamapi.Position{Line: &line, Column: &column},
		EndPosition:   &iamapi.Position{Line: &endLine, Column: &endColumn},
	}
}

// The examples of the command line's reference, positions included.
// https://docs.aws.amazon.com/cli/latest/reference/iam/simulate-custom-policy.html#examples
func TestSimulateCommandLineExamples(t *testing.T) {
	f := newFixture(t)
	text := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}`
	in := &iamapi.SimulateCustomPolicyRequest{
		PolicyInputList: []string{text}, ActionNames: []string{"dynamodb:CreateBackup"},
		ContextEntries: []iamapi.ContextEntry{entry("aws:CurrentTime", "date", "2019-04-25T11:00:00Z")},
	}
	out := must(f.SimulateCustomPolicy(f.root, in))(t)
	want := []iamapi.EvaluationResult{{
		EvalActionName: "dynamodb:CreateBackup", EvalResourceName: new("*"), EvalDecision: allowed,
		MatchedStatements:    []iamapi.Statement{matchedAt("PolicyInputList.1", "IAM Policy", 1, 38, 1, 167)},
		MissingContextValues: []string{},
	}}
	if got, want := shape(t, out.EvaluationResults), shape(t, want); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	in.ContextEntries = []iamapi.ContextEntry{entry("aws:CurrentTime", "date", "2014-04-25T11:00:00Z")}
	want[0].EvalDecision, want[0].MatchedStatements = implicit, []iamapi.Statement{}
	if got, want := shape(t, must(f.SimulateCustomPolicy(f.root, in))(t).EvaluationResults), shape(t, want); got != want {
		t.Errorf("too early: got %s\nwant %s", got, want)
	}
	in.ContextEntries = nil
	want[0].MissingContextValues = []string{"aws:CurrentTime"}
	if got, want := shape(t, must(f.SimulateCustomPolicy(f.root, in))(t).EvaluationResults), shape(t, want); got != want {
		t.Errorf("without the key: got %s\nwant %s", got, want)
	}
}

// The second example of SimulateCustomPolicy: a resource policy of the same
// account allows the user, whatever its own policies and boundary say.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html#API_SimulateCustomPolicy_Example_2
func TestSimulateSameAccountExample(t *testing.T) {
	f := newFixture(t)
	iamOnly := statement("Allow", "iam:*", "*")
	r := must(f.SimulateCustomPolicy(f.root, &iamapi.SimulateCustomPolicyRequest{
		ActionNames: []string{"s3:PutObject"}, ResourceArns: []string{"arn:aws:s3:::production/Test"},
		CallerArn: new("arn:aws:iam::111122223333:user/mateo"), ResourceOwner: new("arn:aws:iam::111122223333:root"),
		PermissionsBoundaryPolicyInputList: []string{iamOnly}, PolicyInputList: []string{iamOnly},
		ResourcePolicy: new(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/mateo"},"Action":["s3:List*","s3:Put*"],"Resource":["arn:aws:s3:::production/*"]}]}`),
	}))(t).EvaluationResults[0]
	bounded := &iamapi.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: new(false)}
	matched := []iamapi.Statement{matchedAt("ResourcePolicy", "Resource Policy", 1, 38, 1, 188)}
	want := iamapi.EvaluationResult{
		EvalActionName: "s3:PutObject", EvalResourceName: new("arn:aws:s3:::production/Test"), EvalDecision: allowed,
		EvalDecisionDetails: map[string]iamapi.PolicyEvaluationDecisionType{}, PermissionsBoundaryDecisionDetail: bounded,
		MatchedStatements: matched, MissingContextValues: []string{},
		ResourceSpecificResults: []iamapi.ResourceSpecificResult{{
			EvalResourceName: "arn:aws:s3:::production/Test", EvalResourceDecision: allowed,
			PermissionsBoundaryDecisionDetail: bounded, MatchedStatements: matched, MissingContextValues: []string{},
		}},
	}
	if got, want := shape(t, r), shape(t, want); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// arnav makes the user of AWS's cross-account example, with a policy.
func (f *fixture) arnav(t *testing.T, document string) string {
	t.Helper()
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "arnav", Tags: []iamapi.Tag{{Key: "Team", Value: "blue"}}}))(t)
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "arnav", PolicyName: "own", PolicyDocument: document}))(t)
	return "arn:aws:iam::" + testAccount + ":user/arnav"
}

// The third example of SimulatePrincipalPolicy: the other account allows, the
// user's own account does not.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html#API_SimulatePrincipalPolicy_Example_3
func TestSimulateCrossAccountExample(t *testing.T) {
	f := newFixture(t)
	arnav := f.arnav(t, statement("Allow", "s3:Get*", "*"))
	in := &iamapi.SimulatePrincipalPolicyRequest{
		PolicySourceArn: arnav, ActionNames: []string{"s3:PutObject", "s3:GetObject"}, ResourceArns: []string{"arn:aws:s3:::mary/Test"},
		ResourceOwner:                      new("arn:aws:iam::444455556666:root"),
		PermissionsBoundaryPolicyInputList: []string{statement("Allow", "iam:*", "*")},
		ResourcePolicy:                     new(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"` + arnav + `"},"Action":["s3:Put*","s3:Get*"],"Resource":"arn:aws:s3:::mary/*"}]}`),
	}
	out := must(f.SimulatePrincipalPolicy(f.root, in))(t).EvaluationResults
	details := map[string]iamapi.PolicyEvaluationDecisionType{"IAM Policy": implicit, "Resource Policy": allowed, "Permissions Boundary Policy": implicit}
	r := out[0]
	if r.EvalDecision != implicit || len(r.MatchedStatements) != 0 || shape(t, r.EvalDecisionDetails) != shape(t, details) {
		t.Errorf("got %s", shape(t, r))
	}
	one := r.ResourceSpecificResults[0]
	if one.EvalResourceDecision != implicit || len(one.MatchedStatements) != 1 || *one.MatchedStatements[0].SourcePolicyId != "ResourcePolicy" ||
		shape(t, one.EvalDecisionDetails) != shape(t, details) || *one.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary {
		t.Errorf("got %s", shape(t, one))
	}
	in.PermissionsBoundaryPolicyInputList = nil
	if r := must(f.SimulatePrincipalPolicy(f.root, in))(t).EvaluationResults[1]; r.EvalDecision != allowed || len(r.MatchedStatements) != 2 {
		t.Errorf("both accounts allow: got %s", shape(t, r))
	}
	in.ResourcePolicy = nil
	if r := must(f.SimulatePrincipalPolicy(f.root, in))(t).EvaluationResults[1]; r.EvalDecision != implicit || r.EvalDecisionDetails["Resource Policy"] != implicit {
		t.Errorf("the other account does not allow: got %s", shape(t, r))
	}
}

// What AWS was seen to answer: ids of inline policies, a bucket named and an
// action that nothing allows.
func TestSimulatePrincipalAnswers(t *testing.T) {
	f := newFixture(t)
	arnav := f.arnav(t, `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}`)
	out := must(f.SimulatePrincipalPolicy(f.root, &iamapi.SimulatePrincipalPolicyRequest{
		PolicySourceArn: arnav, ActionNames: []string{"s3:PutObject", "s3:GetObjectVersion"}, ResourceArns: []string{"arn:aws:s3:::bucket"},
	}))(t).EvaluationResults
	matched := []iamapi.Statement{matchedAt("user_arnav_own", "IAM Policy", 1, 41, 1, 103)}
	bucket := "arn:aws:s3:::bucket"
	none := map[string]iamapi.PolicyEvaluationDecisionType{}
	want := []iamapi.EvaluationResult{
		{
			EvalActionName: "s3:PutObject", EvalResourceName: &bucket, EvalDecision: allowed, EvalDecisionDetails: none,
			MatchedStatements: matched, MissingContextValues: []string{},
			ResourceSpecificResults: []iamapi.ResourceSpecificResult{{
				EvalResourceName: bucket, EvalResourceDecision: allowed, MatchedStatements: matched, MissingContextValues: []string{},
			}},
		},
		{
			EvalActionName: "s3:GetObjectVersion", EvalResourceName: &bucket, EvalDecision: implicit, EvalDecisionDetails: none,
			MatchedStatements: []iamapi.Statement{}, MissingContextValues: []string{},
			ResourceSpecificResults: []iamapi.ResourceSpecificResult{{
				EvalResourceName: bucket, EvalResourceDecision: implicit, MatchedStatements: []iamapi.Statement{}, MissingContextValues: []string{},
			}},
		},
	}
	if got, want := shape(t, out), shape(t, want); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// Start and end of statements, as AWS's answers have them: behind the bracket,
// then behind the statement before.
func TestSimulatePositions(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		name, text string
		want       [4]int32
	}{
		{"first of a list", "{\n  \"Version\": \"2012-10-17\",\n    \"Statement\": [\n        {\"Effect\": \"Allow\", \"Action\": \"a:B\", \"Resource\": \"*\"}\n  ]\n}", [4]int32{3, 19, 4, 62}},
		{"second of a list", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"x:Y","Resource":"*"},{"Effect":"Allow","Action":"a:B","Resource":"*"}]}`, [4]int32{1, 86, 1, 135}},
		{"second on another line", "{\"Version\":\"2012-10-17\",\"Statement\":[\n{\"Effect\":\"Allow\",\"Action\":\"x:Y\",\"Resource\":\"*\"},\n{\"Effect\":\"Allow\",\"Action\":\"a:B\",\"Resource\":\"*\"}]}", [4]int32{2, 49, 3, 49}},
		{"alone", "{\"Statement\":\n {\"Effect\":\"Allow\",\"Action\":\"a:B\",\"Resource\":\"*\"}}", [4]int32{2, 3, 2, 50}},
		{"behind a letter of two bytes", `{"Id":"é","Statement":[{"Effect":"Allow","Action":"a:B","Resource":"*"}]}`, [4]int32{1, 24, 1, 72}},
	} {
		out := must(f.SimulateCustomPolicy(f.root, &iamapi.SimulateCustomPolicyRequest{PolicyInputList: []string{test.text}, ActionNames: []string{"a:B"}}))(t)
		matched := out.EvaluationResults[0].MatchedStatements
		if len(matched) != 1 {
			t.Errorf("%s: matched %s", test.name, shape(t, matched))
			continue
		}
		m := matched[0]
		if got := [4]int32{*m.StartPosition.Line, *m.StartPosition.Column, *m.EndPosition.Line, *m.EndPosition.Column}; got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}

func TestSimulateSeveralResources(t *testing.T) {
	f := newFixture(t)
	in := &iamapi.SimulateCustomPolicyRequest{
		PolicyInputList: []string{`{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::good/*"},
			{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::bad/*"},
			{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::${aws:PrincipalTag/team}/*"}]}`},
		ActionNames: []string{"s3:GetObject"}, ResourceArns: []string{"arn:aws:s3:::good/x", "arn:aws:s3:::bad/x", "arn:aws:s3:::other/x"},
	}
	r := must(f.SimulateCustomPolicy(f.root, in))(t).EvaluationResults[0]
	if r.EvalDecision != denied || len(r.MatchedStatements)+len(r.MissingContextValues) != 0 || *r.EvalResourceName != "arn:aws:s3:::${BucketName}/${ObjectName}" {
		t.Errorf("got %s", shape(t, r))
	}
	var got []string
	for _, one := range r.ResourceSpecificResults {
		got = append(got, fmt.Sprint(one.EvalResourceName, " ", one.EvalResourceDecision, " ", len(one.MatchedStatements), one.MissingContextValues))
	}
	want := []string{
		"arn:aws:s3:::good/x allowed 1 [aws:PrincipalTag/team]",
		"arn:aws:s3:::bad/x explicitDeny 1 [aws:PrincipalTag/team]",
		"arn:aws:s3:::other/x implicitDeny 0 [aws:PrincipalTag/team]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestSimulateOrganization(t *testing.T) {
	f := newFixture(t)
	all := statement("Allow", "*", "*")
	level := func(texts ...string) iamapi.OrderedOrganizationPolicyType {
		return iamapi.OrderedOrganizationPolicyType{ServiceControlPolicyInputList: texts}
	}
	in := &iamapi.SimulateCustomPolicyRequest{
		PolicyInputList: []string{all}, ActionNames: []string{"s3:GetObject", "ec2:RunInstances", "iam:GetUser"},
		ResourceArns: []string{"arn:aws:s3:::b/k"},
		OrderedOrganizationPolicyInputList: []iamapi.OrderedOrganizationPolicyType{
			level(all), level(statement("Allow", "s3:*", "*"), statement("Allow", "iam:*", "*"), statement("Deny", "iam:*", "*")),
		},
	}
	for i, want := range []struct {
		decision iamapi.PolicyEvaluationDecisionType
		allowed  bool
		matched  string
	}{{allowed, true, "PolicyInputList.1"}, {implicit, false, ""}, {denied, false, "OrderedOrganizationPolicyInputList.2.3"}} {
		r := must(f.SimulateCustomPolicy(f.root, in))(t).EvaluationResults[i]
		matched := ""
		for _, m := range r.MatchedStatements {
			matched += *m.SourcePolicyId
		}
		if r.EvalDecision != want.decision || *r.OrganizationsDecisionDetail.AllowedByOrganizations != want.allowed || matched != want.matched ||
			(r.EvalDecisionDetails == nil) == want.allowed {
			t.Errorf("%s: got %s", in.ActionNames[i], shape(t, r))
		}
	}
	in.OrderedOrganizationPolicyInputList = append(in.OrderedOrganizationPolicyInputList, level())
	fails(f.SimulateCustomPolicy(f.root, in))(t, "InvalidInput", "Organization policy at index 3 must contain at least one service control policy")
}

// Denials name the statements that deny, and only those.
func TestSimulateDenials(t *testing.T) {
	f := newFixture(t)
	arnav := f.arnav(t, statement("Allow", "s3:*", "*"))
	must(f.CreatePolicy(f.root, &iamapi.CreatePolicyRequest{PolicyName: "fence", PolicyDocument: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:Delete*","Resource":"*"}]}`}))(t)
	must(f.PutUserPermissionsBoundary(f.root, &iamapi.PutUserPermissionsBoundaryRequest{UserName: "arnav", PermissionsBoundary: "arn:aws:iam::" + testAccount + ":policy/fence"}))(t)
	out := must(f.SimulatePrincipalPolicy(f.root, &iamapi.SimulatePrincipalPolicyRequest{PolicySourceArn: arnav, ActionNames: []string{"s3:DeleteObject", "s3:GetObject", "iam:GetUser"}}))(t).EvaluationResults
	if r := out[0]; r.EvalDecision != denied || len(r.MatchedStatements) != 1 || *r.MatchedStatements[0].SourcePolicyId != "fence" ||
		r.MatchedStatements[0].SourcePolicyType != "Permissions Boundary Policy" || *r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary {
		t.Errorf("got %s", shape(t, r))
	}
	if r := out[1]; r.EvalDecision != allowed || len(r.MatchedStatements) != 1 || *r.MatchedStatements[0].SourcePolicyId != "user_arnav_own" || !*r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary {
		t.Errorf("got %s", shape(t, r))
	}
	if r := out[2]; r.EvalDecision != implicit || len(r.MatchedStatements) != 0 || !*r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary {
		t.Errorf("got %s", shape(t, r))
	}
	if out[0].OrganizationsDecisionDetail != nil || out[0].EvalDecisionDetails != nil || out[0].ResourceSpecificResults != nil {
		t.Errorf("an answer for * has %s", shape(t, out[0]))
	}
}

func TestSimulatePages(t *testing.T) {
	f := newFixture(t)
	in := &iamapi.SimulateCustomPolicyRequest{PolicyInputList: []string{statement("Allow", "x:*", "*")}, MaxItems: new(int32(3))}
	for i := range 7 {
		in.ActionNames = append(in.ActionNames, fmt.Sprintf("x:A%d", i/2)) // names repeat
	}
	var got []string
	for {
		out := must(f.SimulateCustomPolicy(f.root, in))(t)
		for _, r := range out.EvaluationResults {
			got = append(got, r.EvalActionName)
		}
		if !*out.IsTruncated {
			break
		}
		in.Marker = out.Marker
	}
	if !slices.Equal(got, in.ActionNames) {
		t.Errorf("got %q", got)
	}
	for _, marker := range []string{"0", "7", "-1", "x"} {
		in.Marker = markerFor(marker)
		fails(f.SimulateCustomPolicy(f.root, in))(t, "ValidationError", "Invalid Marker: "+*in.Marker)
	}
}

// A page ends when it has cost enough, and a single action that costs too much
// is refused: an answer always comes in bounded time.
func TestSimulateWork(t *testing.T) {
	f := newFixture(t)
	var text strings.Builder
	text.WriteString(`{"Statement":[`)
	for i := range 1000 {
		fmt.Fprintf(&text, `{"Effect":"Deny","Action":"x:Y","Resource":"arn:aws:x:::%d"},`, i)
	}
	text.WriteString(`{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	in := &iamapi.SimulateCustomPolicyRequest{PolicyInputList: []string{text.String()}, ActionNames: slices.Repeat([]string{"a:B"}, 10)}
	for i := range 300 {
		in.ResourceArns = append(in.ResourceArns, fmt.Sprintf("arn:aws:x:::r%d", i))
	}
	out := must(f.SimulateCustomPolicy(f.root, in))(t)
	if len(out.EvaluationResults) != 4 || !*out.IsTruncated {
		t.Errorf("the page has %d results", len(out.EvaluationResults))
	}
	in.ResourceArns = slices.Repeat(in.ResourceArns, 40)
	_, err := f.SimulateCustomPolicy(f.root, in)
	if e := wire.AsError(err); e.Code != "InvalidInput" || !strings.HasPrefix(e.Message, "The simulation is too large") {
		t.Errorf("got %v", err)
	}
}
