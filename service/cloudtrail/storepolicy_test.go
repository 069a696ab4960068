package cloudtrail

import (
	"context"
	"strings"
	"testing"
	"time"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	"bartizan.dev/caller"
)

// TestResourcePolicy: another account asks an event data store by its owner's
// policy, which lets nobody do more than ask.
func TestResourcePolicy(t *testing.T) {
	g := newRig(t)
	g.Bind = func(_ context.Context, document string) (string, string, error) {
		if strings.Contains(document, "nobody") {
			return "", "nobody", nil
		}
		return document, "", nil
	}
	g.Show = func(_ context.Context, bound string) (string, error) { return bound, nil }
	arn, id := g.newStore(cloudtrailapi.CreateEventDataStoreRequest{Name: "all"})
	g.happen(home, "First", "")
	g.pass(time.Minute)
	const other = "222222222222"
	theirs := func() context.Context {
		return caller.With(t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.User, Account: other}, Region: home, Time: g.clock.Now()})
	}
	get := func() (*cloudtrailapi.GetResourcePolicyResponse, error) {
		return g.GetResourcePolicy(g.in(home), &cloudtrailapi.GetResourcePolicyRequest{ResourceArn: arn})
	}
	put := func(name, document string) error {
		_, err := g.PutResourcePolicy(g.in(home), &cloudtrailapi.PutResourcePolicyRequest{ResourceArn: name, ResourcePolicy: document})
		return err
	}
	document := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + other + `"},"Action":"cloudtrail:*","Resource":"` + arn + `"}]}`
	_, err := get()
	refused(t, err, "ResourcePolicyNotFoundException")
	refused(t, put(arn, "{"), "ResourcePolicyNotValidException")
	refused(t, put(arn, strings.Replace(document, other, "nobody", 1)), "ResourcePolicyNotValidException")
	refused(t, put(id, document), "ResourceARNNotValidException")
	refused(t, put(trailARN(account, home, "main"), document), "ResourceTypeNotSupportedException")
	refused(t, put(storeARN(account, home, "99999999-51ae-4bd6-a7c1-ab2c6dc5e8dc"), document), "ResourceNotFoundException")
	if err := put(arn, document); err != nil {
		t.Fatal(err)
	}
	if got := must(get())(t); *got.ResourcePolicy != document {
		t.Errorf("policy %s", *got.ResourcePolicy)
	}
	for action, policy := range map[string]bool{"StartQuery": true, "GetEventDataStore": true, "DeleteEventDataStore": false, "PutResourcePolicy": false} {
		touch, err := g.touchStore(theirs(), action, arn)
		if err != nil || touch.Account != account || (touch.Policy != nil) != policy {
			t.Errorf("%s touches %+v, %v", action, touch, err)
		}
	}
	statement := "SELECT eventName FROM " + id
	_, err = g.StartQuery(theirs(), &cloudtrailapi.StartQueryRequest{QueryStatement: &statement})
	refused(t, err, "EventDataStoreNotFoundException")
	rule := g.Rules()["StartQuery"]
	touches, err := rule.Touches(theirs(), &cloudtrailapi.StartQueryRequest{QueryStatement: &statement, EventDataStoreOwnerAccountId: new(account)})
	if err != nil || len(touches) != 1 || touches[0].Resource != arn || touches[0].Policy == nil {
		t.Errorf("touches %+v, %v", touches, err)
	}
	q := must(g.StartQuery(theirs(), &cloudtrailapi.StartQueryRequest{QueryStatement: &statement, EventDataStoreOwnerAccountId: new(account)}))(t)
	g.pass(0)
	out := must(g.GetQueryResults(theirs(), &cloudtrailapi.GetQueryResultsRequest{QueryId: *q.QueryId}))(t)
	if len(out.QueryResultRows) != 1 || out.QueryResultRows[0][0]["eventName"] != "First" {
		t.Errorf("results %+v", out)
	}
	if touches, err = g.touchQuery(theirs(), "GetQueryResults", nil, *q.QueryId); err != nil || len(touches) != 1 || touches[0].Resource != arn {
		t.Errorf("touches %+v, %v", touches, err)
	}
	_, err = g.GetQueryResults(g.in(home), &cloudtrailapi.GetQueryResultsRequest{QueryId: *q.QueryId})
	refused(t, err, "QueryIdNotFoundException")
	must(g.DeleteResourcePolicy(g.in(home), &cloudtrailapi.DeleteResourcePolicyRequest{ResourceArn: arn}))(t)
	_, err = g.DeleteResourcePolicy(g.in(home), &cloudtrailapi.DeleteResourcePolicyRequest{ResourceArn: arn})
	refused(t, err, "ResourcePolicyNotFoundException")
}
