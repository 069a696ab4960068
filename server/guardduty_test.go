package server_test

import (
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	eventsapi "bartizan.dev/api/events"
	guarddutyapi "bartizan.dev/api/guardduty"
	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/bartizantest"
)

// TestGuardDutyFindsAndTells: a trail is stopped by an API call; the detector of
// the account finds it, and a rule on aws.guardduty is told.
func TestGuardDutyFindsAndTells(t *testing.T) {
	s := bartizantest.New(t)
	const region = "us-east-1"
	guard := guarddutyapi.Client{Door: s.Door(s.Root(), region, guarddutyapi.Operations(guarddutyapi.Unimplemented{}))}
	rules := eventsapi.Client{Door: s.Door(s.Root(), region, eventsapi.Operations(eventsapi.Unimplemented{}))}
	groups := logsapi.Client{Door: s.Door(s.Root(), region, logsapi.Operations(logsapi.Unimplemented{}))}
	trails := cloudtrailapi.Client{Door: s.Door(s.Root(), region, cloudtrailapi.Operations(cloudtrailapi.Unimplemented{}))}
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	created, err := guard.CreateDetector(ctx, &guarddutyapi.CreateDetectorRequest{Enable: true})
	must(err)
	const group = "/aws/events/findings"
	_, err = groups.CreateLogGroup(ctx, &logsapi.CreateLogGroupRequest{LogGroupName: group})
	must(err)
	arn := "arn:aws:logs:" + region + ":" + s.Account() + ":log-group:" + group
	_, err = groups.PutResourcePolicy(ctx, &logsapi.PutResourcePolicyRequest{PolicyName: new("events"), PolicyDocument: new(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"` + arn + `:*"}]}`)})
	must(err)
	_, err = rules.PutRule(ctx, &eventsapi.PutRuleRequest{Name: "findings", EventPattern: new(`{"source":["aws.guardduty"],"detail-type":["GuardDuty Finding"],"detail":{"severity":[{"numeric":[">=",1]}]}}`)})
	must(err)
	_, err = rules.PutTargets(ctx, &eventsapi.PutTargetsRequest{Rule: "findings", Targets: []eventsapi.Target{{Id: "1", Arn: arn}}})
	must(err)
	// Whoever tries to stop a trail that is not there raises nothing: it failed.
	_, _ = trails.StopLogging(ctx, &cloudtrailapi.StopLoggingRequest{Name: "nothing"})
	_, err = s.Call(s.Root(), "iam", "UpdateAccountPasswordPolicy", nil)
	must(err)
	s.Advance(time.Minute)
	deadline := time.Now().Add(20 * time.Second)
	var found *guarddutyapi.GetFindingsResponse
	for {
		ids, err := guard.ListFindings(ctx, &guarddutyapi.ListFindingsRequest{DetectorId: *created.DetectorId})
		must(err)
		found, err = guard.GetFindings(ctx, &guarddutyapi.GetFindingsRequest{DetectorId: *created.DetectorId, FindingIds: ids.FindingIds})
		must(err)
		told, err := groups.FilterLogEvents(ctx, &logsapi.FilterLogEventsRequest{LogGroupName: new(group)})
		must(err)
		if len(found.Findings) > 0 && len(told.Events) == len(found.Findings) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("found %+v, told %+v", found, told)
		}
		s.Advance(time.Second) // what is due happens beside the calls
	}
	types := map[string]bool{}
	for _, f := range found.Findings {
		types[f.Type] = true
	}
	if !types["Stealth:IAMUser/PasswordPolicyChange"] || types["Stealth:IAMUser/CloudTrailLoggingDisabled"] {
		t.Errorf("%v", types)
	}
}
