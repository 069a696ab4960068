package sns

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// queuePlace reads the ARN of a queue.
func queuePlace(name string) (arn.ARN, bool) {
	a, err := arn.Parse(name)
	return a, err == nil && a.Service == "sqs" && arn.IsAccount(a.Account) && a.Region != "" && a.Resource != ""
}

// parseRedrive reads a RedrivePolicy: the queue for what cannot be delivered.
// https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
func parseRedrive(value string, v *subscription) (string, error) {
	var in struct {
		Target string `json:"deadLetterTargetArn"`
	}
	if json.Unmarshal([]byte(value), &in) != nil {
		return "", errors.New("failed to parse JSON")
	}
	a, ok := queuePlace(in.Target)
	if !ok {
		return "", errors.New("deadLetterTargetArn is an invalid arn")
	}
	// "The Amazon SNS subscription and Amazon SQS queue must be under the same AWS
	// account and Region."
	if a.Account != v.Owner || a.Region != v.Topic.Region {
		return "", errors.New("deadLetterTargetArn must be in the account and Region of the subscription")
	}
	return in.Target, nil
}

// redrive is the dead-letter queue for a delivery that has failed, or empty.
func (s *Service) redrive(ctx context.Context, d *delivery) string {
	v, err := s.subscriptions.Get(ctx, s.Store, d.Subscription)
	if err != nil || v.Redrive == "" || d.Kind != kindNotification {
		return ""
	}
	target, err := parseRedrive(v.Redrive, v)
	if err != nil {
		return ""
	}
	return target
}

// queueRetries is how often a queue is tried again: three times at once, twice
// after a second, ten times with growing pauses, then every 20 seconds for 23 days.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#delivery-policies-for-protocols
const queueRetries = 100_015

func queueDelay(i int) time.Duration {
	switch {
	case i < 3:
		return 0
	case i < 5:
		return time.Second
	case i < 15:
		return time.Duration(grow("geometric", 1, 20, float64(i-5)/9) * float64(time.Second))
	}
	return 20 * time.Second
}

// maxQueued is how many attributes a message in a queue can have.
const maxQueued = 10

// toQueue sends a message to a queue, as SNS for the topic: the queue's policy
// decides.
// https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html
func (s *Service) toQueue(ctx context.Context, d *delivery, t *topic, v *subscription) error {
	l, err := s.letter(ctx, d, t, v)
	if err != nil {
		return err
	}
	target := v.Endpoint
	if d.Dead != "" {
		target = d.Dead
	}
	a, ok := queuePlace(target)
	if !ok {
		return errFinal
	}
	in := &sqsapi.SendMessageRequest{QueueUrl: "/" + a.Account + "/" + a.Resource, MessageBody: l.message}
	if v.Raw && d.Kind == kindNotification {
		if len(l.attributes) > maxQueued {
			return fmt.Errorf("%w: a queue takes no more than %d attributes", errFinal, maxQueued)
		}
		if in.MessageAttributes, err = queued(l.attributes); err != nil {
			return err
		}
	} else {
		k, err := s.signerFor(ctx)
		if err != nil {
			return err
		}
		raw, err := l.body(k, s.URL())
		if err != nil {
			return err
		}
		in.MessageBody = string(raw)
	}
	as := caller.AsService(ctx, principal, t.Place.Account, a.Region, s.Clock.Now())
	caller.From(as).SourceARN = l.topic
	_, err = s.Queues.SendMessage(as, in)
	if e, ok := errors.AsType[*wire.Error](err); ok && e.Status < 500 {
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	return err
}

// queued are attributes as a queue takes them.
func queued(all []attribute) (map[string]sqsapi.MessageAttributeValue, error) {
	if len(all) == 0 {
		return nil, nil
	}
	out := map[string]sqsapi.MessageAttributeValue{}
	for _, a := range all {
		v := sqsapi.MessageAttributeValue{DataType: a.Type, StringValue: &a.Value}
		if len(a.Type) >= 6 && a.Type[:6] == "Binary" {
			raw, err := base64.StdEncoding.DecodeString(a.Value)
			if err != nil {
				return nil, err
			}
			v.StringValue, v.BinaryValue = nil, raw
		}
		out[a.Name] = v
	}
	return out, nil
}
