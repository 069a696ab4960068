package secretsmanager

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// What Secrets Manager does by itself is in the trail too.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/cloudtrail_log_entries.html#cloudtrail_log_entries_rotation
const (
	rotationStarted   = "RotationStarted"
	rotationSucceeded = "RotationSucceeded"
	rotationFailed    = "RotationFailed"
	testStarted       = "TestRotationStarted"
	testSucceeded     = "TestRotationSucceeded"
	testFailed        = "TestRotationFailed"
	versionsDeleted   = "EndSecretVersionDelete"
)

// event is one of them.
type event struct {
	Name    string
	Account string
	Region  string
	Secret  string // ARN
	Time    time.Time
}

// notify has an event recorded after the transaction: it is a job, so it is not
// lost, and recorded with the same id when a crash interrupts that.
func (s *Service) notify(ctx context.Context, tx store.Tx, v *secret, name string) error {
	if s.Record == nil {
		return nil
	}
	now := s.now()
	payload, err := json.Marshal(event{name, v.Account, v.Region, v.arn(), now})
	if err != nil {
		return fmt.Errorf("secretsmanager: event %s: %w", name, err)
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobRecord, ID: newToken(), Due: now, Payload: payload})
}

func (s *Service) doRecord(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	var e event
	if err := json.Unmarshal(j.Payload, &e); err != nil {
		return nil, fmt.Errorf("secretsmanager: event %s: %w", j.ID, err)
	}
	const source = "secretsmanager.amazonaws.com"
	doc, err := json.Marshal(map[string]any{
		"eventVersion": "1.11", "userIdentity": map[string]string{"accountId": e.Account, "invokedBy": source},
		"eventTime": e.Time.UTC().Format(time.RFC3339), "eventSource": source, "eventName": e.Name, "awsRegion": e.Region,
		"sourceIPAddress": source, "userAgent": source, "requestParameters": nil, "responseElements": nil,
		"additionalEventData": map[string]string{"SecretId": e.Secret}, "eventID": j.ID, "readOnly": false, "eventType": "AwsServiceEvent",
		"managementEvent": true, "recipientAccountId": e.Account, "eventCategory": "Management",
	})
	if err != nil {
		return nil, fmt.Errorf("secretsmanager: event %s: %w", j.ID, err)
	}
	return nil, s.Record(ctx, &trail.Event{
		Time: e.Time, ID: j.ID, Account: e.Account, Region: e.Region, Source: source, Name: e.Name, JSON: doc,
		Resources: []trail.Resource{{Type: Resource(e.Secret), Name: e.Secret}},
	})
}

// outcome is the event of a rotation, or of a test of one, that has ended.
func outcome(test bool, failed error) string {
	switch {
	case test && failed != nil:
		return testFailed
	case test:
		return testSucceeded
	case failed != nil:
		return rotationFailed
	}
	return rotationSucceeded
}
