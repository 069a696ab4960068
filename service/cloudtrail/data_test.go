package cloudtrail

import (
	"context"
	"fmt"
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/trail"
)

const busType = "AWS::Events::EventBus"

func dataSelector(kind string, more ...cloudtrailapi.AdvancedFieldSelector) []cloudtrailapi.AdvancedEventSelector {
	return []cloudtrailapi.AdvancedEventSelector{{FieldSelectors: append([]cloudtrailapi.AdvancedFieldSelector{
		{Field: "eventCategory", Equals: []string{"Data"}}, {Field: "resources.type", Equals: []string{kind}},
	}, more...)}}
}

// TestDataEvents: they are wanted as long as a trail that logs or an event data
// store that ingests asks for their type, and delivered to who asks.
func TestDataEvents(t *testing.T) {
	g := newRig(t)
	g.create(home, cloudtrailapi.CreateTrailRequest{Name: "data"})
	g.create(home, cloudtrailapi.CreateTrailRequest{Name: "plain"})
	g.start(home, "plain")
	put := &cloudtrailapi.PutEventSelectorsRequest{TrailName: "data", AdvancedEventSelectors: dataSelector(busType,
		cloudtrailapi.AdvancedFieldSelector{Field: "resources.ARN", EndsWith: []string{"event-bus/mine"}})}
	must(g.PutEventSelectors(g.in(home), put))(t)
	wanted := func(who, kind string, want bool) {
		t.Helper()
		if got := g.LogsData(t.Context(), who, kind); got != want {
			t.Errorf("data events of %s about %s are wanted: %t", who, kind, got)
		}
	}
	wanted(account, busType, false) // it does not log yet
	g.start(home, "data")
	wanted(account, busType, true)
	wanted(account, "AWS::SNS::Topic", false)
	wanted("222222222222", busType, false)
	at := func(id, bus string) {
		g.append(&trail.Event{Time: g.clock.Now(), ID: id, Account: account, Region: home + "/data", Source: "events.amazonaws.com", Name: "PutEvents", JSON: fmt.Appendf(nil,
			`{"eventID":%q,"eventCategory":"Data","resources":[{"type":%q,"ARN":"arn:aws:events:%s:%s:event-bus/%s"}]}`, id, busType, home, account, bus)})
	}
	at("a", "mine")
	at("b", "other")
	managed := g.event(home, "iam.amazonaws.com", "CreateUser", false)
	g.pass(5 * time.Minute)
	g.want("a", managed) // managed by the plain one
	page := must(g.LookupEvents(g.in(home), &cloudtrailapi.LookupEventsRequest{}))(t)
	if len(page.Events) != 1 || *page.Events[0].EventId != managed {
		t.Errorf("Event history has %+v", page.Events)
	}
	for _, key := range g.files() {
		if len(key) > 0 && key[:len("AWSLogs/"+account+"/CloudTrail/"+home+"/20")] != "AWSLogs/"+account+"/CloudTrail/"+home+"/20" {
			t.Errorf("file %s", key)
		}
	}
	must(g.StopLogging(g.in(home), &cloudtrailapi.StopLoggingRequest{Name: "data"}))(t)
	wanted(account, busType, false)
	arn, id := g.newStore(cloudtrailapi.CreateEventDataStoreRequest{Name: "lake", AdvancedEventSelectors: dataSelector(busType)})
	wanted(account, busType, true)
	at("c", "third")
	g.pass(time.Minute)
	if got := g.answers("SELECT eventID FROM " + id); got != "c" {
		t.Errorf("stored %q", got)
	}
	must(g.StopEventDataStoreIngestion(g.in(home), &cloudtrailapi.StopEventDataStoreIngestionRequest{EventDataStore: arn}))(t)
	wanted(account, busType, false)

	// An organization's trail wants them of every member.
	g.Organization = func(_ context.Context, who string) (string, bool, bool, error) {
		if who == "333333333333" {
			return "", false, false, nil
		}
		return "o-1", who == account, true, nil
	}
	must(g.CreateTrail(g.in(home), &cloudtrailapi.CreateTrailRequest{Name: "org", S3BucketName: "logs", IsOrganizationTrail: new(true)}))(t)
	put.TrailName = "org"
	must(g.PutEventSelectors(g.in(home), put))(t)
	g.start(home, "org")
	wanted("222222222222", busType, true)
	wanted("333333333333", busType, false)
}
