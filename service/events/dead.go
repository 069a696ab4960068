package events

import (
	"context"
	"errors"
	"strconv"
	"time"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/arn"
	"bartizan.dev/wire"
)

// dead is why an event was not delivered.
type dead struct {
	Code, Message string
	Condition     string `json:",omitzero"`
	Attempts      int
}

func newDead(d *delivery, err error, now time.Time) *dead {
	out := &dead{Code: "SDK_CLIENT_ERROR", Message: err.Error(), Attempts: d.Attempts}
	if e, ok := errors.AsType[*wire.Error](err); ok {
		switch {
		case e.Code == "AuthorizationError" || len(e.Code) >= 12 && e.Code[:12] == "AccessDenied":
			out.Code = "NO_PERMISSIONS"
		case lost(err):
			out.Code = "NO_RESOURCE"
		}
	}
	switch {
	case lost(err):
	case d.Attempts >= d.attempts():
		out.Condition = "MaximumRetryAttempts"
	case !now.Before(d.Ingested.Add(d.age())):
		out.Condition = "MaximumEventAgeInSeconds"
	}
	return out
}

// attempts and age are those of the target, or for a dead letter those where none
// are given.
func (d *delivery) attempts() int {
	if d.Dead != nil {
		return defaultAttempts
	}
	return d.Target.attempts()
}

func (d *delivery) age() time.Duration {
	if d.Dead != nil {
		return defaultAge
	}
	return d.Target.age()
}

// toQueue sends an event to a queue, if the queue's policy lets EventBridge, or
// with the target's role.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sqs-permissions
func (s *Service) toQueue(ctx context.Context, d *delivery, queue string, body []byte, attributes map[string]string) error {
	a, err := arn.Parse(queue)
	if err != nil {
		return err
	}
	if d.Target.Role != "" && d.Dead == nil {
		if ctx, err = s.Assume(ctx, d.Target.Role, d.Rule, d.Account, d.Region); err != nil {
			return err
		}
	}
	in := &sqsapi.SendMessageRequest{QueueUrl: "/" + a.Account + "/" + a.Resource, MessageBody: string(body)}
	for name, v := range attributes {
		if in.MessageAttributes == nil {
			in.MessageAttributes = map[string]sqsapi.MessageAttributeValue{}
		}
		if v != "" {
			in.MessageAttributes[name] = sqsapi.MessageAttributeValue{DataType: "String", StringValue: &v}
		}
	}
	_, err = s.Queues.SendMessage(ctx, in)
	return err
}

// bury sends the event to the dead-letter queue, with what went wrong.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
func (s *Service) bury(ctx context.Context, d *delivery) error {
	return s.toQueue(ctx, d, d.Target.Dead, d.Event, map[string]string{
		"RULE_ARN": d.Rule, "TARGET_ARN": d.Target.Arn, "ERROR_CODE": d.Dead.Code, "ERROR_MESSAGE": d.Dead.Message,
		"EXHAUSTED_RETRY_CONDITION": d.Dead.Condition, "RETRY_ATTEMPTS": strconv.Itoa(d.Dead.Attempts),
	})
}
