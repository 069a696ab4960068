package organizations

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// event is something that Organizations did itself. It is recorded in the
// management account.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_cloudtrail-integration.html
type event struct {
	ID      string // UUID
	Account string
	Name    string
	Time    time.Time
	Details map[string]any
}

// notify has the events recorded after the transaction: they are jobs, so none
// is lost, and one that a crash interrupts is recorded with the same id again.
func (s *Service) notify(ctx context.Context, tx store.Tx, events ...event) error {
	if s.Record == nil {
		return nil
	}
	for _, e := range events {
		e.ID = newUUID()
		payload, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("organizations: event %s: %w", e.Name, err)
		}
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobRecord, ID: e.ID, Due: e.Time, Payload: payload}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) doRecord(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	var e event
	if err := json.Unmarshal(j.Payload, &e); err != nil {
		return nil, fmt.Errorf("organizations: event %s: %w", j.ID, err)
	}
	const internal = "AWS Internal"
	doc, err := json.Marshal(map[string]any{
		"eventVersion": "1.11", "userIdentity": map[string]string{"accountId": e.Account, "invokedBy": internal},
		"eventTime": e.Time.UTC().Format(time.RFC3339), "eventSource": eventSource, "eventName": e.Name, "awsRegion": eventRegion,
		"sourceIPAddress": internal, "userAgent": internal, "requestParameters": nil, "responseElements": nil,
		"eventID": e.ID, "readOnly": false, "eventType": "AwsServiceEvent", "managementEvent": true,
		"recipientAccountId": e.Account, "serviceEventDetails": e.Details, "eventCategory": "Management",
	})
	if err != nil {
		return nil, fmt.Errorf("organizations: event %s: %w", j.ID, err)
	}
	return nil, s.Record(ctx, &trail.Event{Time: e.Time, ID: e.ID, Account: e.Account, Region: eventRegion, Source: eventSource, Name: e.Name, JSON: doc})
}

const (
	eventSource = "organizations.amazonaws.com"
	eventRegion = "us-east-1" // Organizations is a global service whose events appear there
)

func stamp(t time.Time) string { return t.UTC().Format("Jan 2, 2006, 3:04:05 PM") }

func creationEvents(o *organization, c *creation) []event {
	status := map[string]any{
		"id": c.ID, "state": c.State, "accountName": "****", "requestedTimestamp": stamp(c.Requested), "completedTimestamp": stamp(c.Completed),
	}
	if c.Reason != "" {
		status["failureReason"] = c.Reason
	} else {
		status["accountId"] = c.Account
	}
	out := []event{{Account: o.Management, Name: "CreateAccountResult", Time: c.Completed, Details: map[string]any{"createAccountStatus": status}}}
	if c.Reason == "" {
		out = append(out, joined(o, c.Account, api.AccountJoinedMethod_CREATED, c.Completed))
	}
	return out
}

func closeEvent(o *organization, a *account) event {
	return event{Account: o.Management, Name: "CloseAccountResult", Time: a.Closed, Details: map[string]any{
		"closeAccountStatus": map[string]any{"accountId": a.ID, "state": "SUCCEEDED", "requestedTimestamp": stamp(a.Closed), "completedTimestamp": stamp(a.Closed)},
	}}
}

func joined(o *organization, account string, method api.AccountJoinedMethod, at time.Time) event {
	return event{Account: o.Management, Name: "AccountJoinedOrganization", Time: at, Details: map[string]any{
		"joinedOrganizationStatus": map[string]any{"accountId": account, "organizationId": o.ID, "joinedMethod": method, "joinedTime": stamp(at)},
	}}
}

func departed(o *organization, account, method string, at time.Time) event {
	return event{Account: o.Management, Name: "AccountDepartedOrganization", Time: at, Details: map[string]any{
		"departedOrganizationStatus": map[string]any{"accountId": account, "organizationId": o.ID, "departureMethod": method, "departureTime": stamp(at)},
	}}
}

// newUUID: RFC 9562, section 5.4.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
