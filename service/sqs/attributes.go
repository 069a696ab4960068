package sqs

import (
	"context"
	"strconv"
	"strings"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func invalid(format string, args ...any) *wire.Error {
	return wire.Errorf("InvalidParameterValue", format, args...)
}

func badAttribute(name sqsapi.QueueAttributeName) *wire.Error {
	return wire.Errorf("InvalidAttributeValue", "Invalid value for the parameter %s.", name)
}

// maxPolicy is the most bytes of a queue's policy.
const maxPolicy = 8192

// set sets attributes by their names.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
func (s *Service) set(ctx context.Context, tx store.Tx, q *queue, all map[sqsapi.QueueAttributeName]string) error {
	for name, value := range all {
		if err := s.setOne(ctx, tx, q, name, value); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) setOne(ctx context.Context, tx store.Tx, q *queue, name sqsapi.QueueAttributeName, value string) (err error) {
	number := func(to *int32, low, high int) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < low || n > high {
			return badAttribute(name)
		}
		*to = int32(n)
		return nil
	}
	switch name {
	case "DelaySeconds":
		return number(&q.Delay, 0, 900)
	case "MaximumMessageSize":
		return number(&q.Size, 1024, maxBody)
	case "MessageRetentionPeriod":
		return number(&q.Retention, 60, 14*24*3600)
	case "ReceiveMessageWaitTimeSeconds":
		return number(&q.Wait, 0, 20)
	case "VisibilityTimeout":
		return number(&q.Timeout, 0, maxTimeout)
	case "Policy":
		if q.Policy = ""; value != "" {
			q.Policy, err = s.checkPolicy(ctx, value)
		}
		return err
	case "RedrivePolicy":
		q.Redrive, err = s.checkRedrive(ctx, tx, q, value)
		return err
	case "RedriveAllowPolicy":
		if value != "" {
			if _, err := parseAllow(value); err != nil {
				return err
			}
		}
		q.Allow = value
		return nil
	case "FifoQueue":
		if value == "false" {
			return nil
		}
		return wire.Errorf("InvalidAttributeName", "Bartizan has no FIFO queues.")
	case "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds":
		if value == "" {
			return nil
		}
		return wire.Errorf("InvalidAttributeValue", "Bartizan seals every message with its own keys, and takes no customer managed key for a queue.")
	case "SqsManagedSseEnabled":
		if value != "true" {
			return wire.Errorf("InvalidAttributeValue", "Bartizan seals every message: SqsManagedSseEnabled is always true.")
		}
		return nil
	}
	return wire.Errorf("InvalidAttributeName", "Unknown Attribute %s.", name)
}

// checkPolicy returns the stored form of a policy.
func (s *Service) checkPolicy(ctx context.Context, document string) (string, error) {
	doc, err := policy.Parse([]byte(document))
	if err == nil {
		err = doc.Check(policy.Resource)
	}
	if err != nil || len(document) > maxPolicy {
		return "", badAttribute("Policy").With(err)
	}
	bound, wrong, err := s.Bind(ctx, document)
	if err == nil && wrong != "" {
		return "", badAttribute("Policy")
	}
	return bound, err
}

// plain are the attributes that are in the record alone.
func (q *queue) plain() map[sqsapi.QueueAttributeName]string {
	number := func(n int32) string { return strconv.Itoa(int(n)) }
	out := map[sqsapi.QueueAttributeName]string{
		"DelaySeconds": number(q.Delay), "MaximumMessageSize": number(q.Size), "MessageRetentionPeriod": number(q.Retention),
		"ReceiveMessageWaitTimeSeconds": number(q.Wait), "VisibilityTimeout": number(q.Timeout), "QueueArn": q.Place.arn(), "SqsManagedSseEnabled": "true",
		"CreatedTimestamp": strconv.FormatInt(q.Created.Unix(), 10), "LastModifiedTimestamp": strconv.FormatInt(q.Changed.Unix(), 10),
	}
	if q.Redrive != nil {
		out["RedrivePolicy"] = q.Redrive.String()
	}
	if q.Allow != "" {
		out["RedriveAllowPolicy"] = q.Allow
	}
	if q.Policy != "" {
		out["Policy"] = q.Policy
	}
	return out
}

// SetQueueAttributes sets attributes.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
func (s *Service) SetQueueAttributes(ctx context.Context, in *sqsapi.SetQueueAttributesRequest) (*sqsapi.SetQueueAttributesOutput, error) {
	err := s.change(ctx, in.QueueUrl, func(tx store.Tx, q *queue) error {
		q.Changed = s.now()
		return s.set(ctx, tx, q, in.Attributes)
	})
	if err != nil {
		return nil, err
	}
	return &sqsapi.SetQueueAttributesOutput{}, nil
}

// GetQueueAttributes shows the attributes that are asked for; with none, none.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
func (s *Service) GetQueueAttributes(ctx context.Context, in *sqsapi.GetQueueAttributesRequest) (*sqsapi.GetQueueAttributesResult, error) {
	q, err := s.find(ctx, s.Store, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	all := q.plain()
	if q.Policy != "" {
		if all["Policy"], err = s.Show(ctx, q.Policy); err != nil {
			return nil, err
		}
	}
	if err := s.counts(ctx, q, all); err != nil {
		return nil, err
	}
	out := &sqsapi.GetQueueAttributesResult{Attributes: map[sqsapi.QueueAttributeName]string{}}
	for _, name := range in.AttributeNames {
		if name == "All" {
			out.Attributes = all
			break
		}
		if v, ok := all[name]; ok {
			out.Attributes[name] = v
		}
	}
	if len(out.Attributes) == 0 {
		out.Attributes = nil
	}
	return out, nil
}

// counts adds how many messages there are.
func (s *Service) counts(ctx context.Context, q *queue, all map[sqsapi.QueueAttributeName]string) error {
	items, err := s.Store.List(ctx, store.Range{Prefix: "due/" + q.UID + "/"})
	if err != nil {
		return err
	}
	now := instant(s.now())
	ready, flying, delayed := 0, 0, 0
	for _, item := range items {
		at, _, _ := strings.Cut(item.Key[len("due/"+q.UID)+1:], "/")
		switch {
		case at <= now:
			ready++
		case string(item.Value) == stateFlying:
			flying++
		default:
			delayed++
		}
	}
	all["ApproximateNumberOfMessages"], all["ApproximateNumberOfMessagesNotVisible"], all["ApproximateNumberOfMessagesDelayed"] =
		strconv.Itoa(ready), strconv.Itoa(flying), strconv.Itoa(delayed)
	return nil
}
