package accessanalyzer

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/accessanalyzer"
	"bartizan.dev/trail"
)

func TestPolicyGeneration(t *testing.T) {
	f := newFixture(t)
	event := func(ago time.Duration, source, name, code string) {
		id, at := newID(), f.Clock.Now().Add(-ago)
		e := &trail.Event{Time: at, ID: id, Account: account, Region: region, Source: source, Name: name, JSON: []byte(fmt.Sprintf(
			`{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::%[1]s:assumed-role/app/s","accountId":"%[1]s","sessionContext":{"sessionIssuer":{"type":"Role","arn":"%[2]s","accountId":"%[1]s"}}},"eventTime":%[3]q,"eventSource":%[4]q,"eventName":%[5]q,"awsRegion":%[6]q,"errorCode":%[7]q,"eventID":%[8]q,"eventType":"AwsApiCall","recipientAccountId":%[1]q}`,
			account, roleARN("app"), at.Format(time.RFC3339), source, name, region, code, id))}
		if code == "" {
			e.JSON = []byte(strings.Replace(string(e.JSON), `"errorCode":"",`, "", 1))
		}
		if err := f.trail.Append(f.ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	event(time.Hour, "iam.amazonaws.com", "GetUser", "")
	event(time.Hour, "iam.amazonaws.com", "CreateUser", "AccessDenied")
	event(0, "sts.amazonaws.com", "AssumeRole", "") // in the second in which it is asked
	out, err := f.StartPolicyGeneration(f.ctx, &api.StartPolicyGenerationRequest{PolicyGenerationDetails: &api.PolicyGenerationDetails{PrincipalArn: roleARN("app")}})
	if err != nil {
		t.Fatal(err)
	}
	f.settle()
	got, err := f.GetGeneratedPolicy(f.ctx, &api.GetGeneratedPolicyRequest{JobId: out.JobId})
	if err != nil || got.JobDetails.Status != api.JobStatus_SUCCEEDED || len(got.GeneratedPolicyResult.GeneratedPolicies) != 1 {
		t.Fatalf("generation %+v, %v", got, err)
	}
	text := got.GeneratedPolicyResult.GeneratedPolicies[0].Policy
	if !strings.Contains(text, "iam:GetUser") || !strings.Contains(text, "sts:AssumeRole") || strings.Contains(text, "CreateUser") {
		t.Errorf("policy %s", text)
	}
	nobody := &api.StartPolicyGenerationRequest{PolicyGenerationDetails: &api.PolicyGenerationDetails{PrincipalArn: roleARN("nobody")}}
	if out, err = f.StartPolicyGeneration(f.ctx, nobody); err != nil {
		t.Fatal(err)
	}
	f.settle()
	if got, err = f.GetGeneratedPolicy(f.ctx, &api.GetGeneratedPolicyRequest{JobId: out.JobId}); err != nil || got.JobDetails.JobError == nil || got.JobDetails.JobError.Code != api.JobErrorCode_RESOURCE_NOT_FOUND_ERROR {
		t.Errorf("nobody's policy %+v, %v", got, err)
	}
	for range 3 {
		if _, err := f.StartPolicyGeneration(f.ctx, nobody); err != nil {
			t.Fatal(err)
		}
		f.settle()
	}
	if _, err := f.StartPolicyGeneration(f.ctx, nobody); code(err) != "ServiceQuotaExceededException" {
		t.Errorf("the sixth of a day: %v", err)
	}

	whole, err := f.ListPolicyGenerations(f.ctx, &api.ListPolicyGenerationsRequest{})
	if err != nil || len(whole.PolicyGenerations) != 5 {
		t.Fatalf("%+v, %v", whole, err)
	}
	var paged []api.PolicyGeneration
	for next := (*string)(nil); ; {
		page, err := f.ListPolicyGenerations(f.ctx, &api.ListPolicyGenerationsRequest{MaxResults: new(int32(2)), NextToken: next})
		if err != nil {
			t.Fatal(err)
		}
		paged = append(paged, page.PolicyGenerations...)
		if next = page.NextToken; next == nil {
			break
		}
	}
	if !reflect.DeepEqual(paged, whole.PolicyGenerations) {
		t.Errorf("in pages %+v, at once %+v", paged, whole.PolicyGenerations)
	}
	f.Clock.Advance(8 * day)
	if out, err := f.ListPolicyGenerations(f.ctx, &api.ListPolicyGenerationsRequest{}); err != nil || len(out.PolicyGenerations) != 0 {
		t.Errorf("after eight days: %+v, %v", out, err)
	}
}
