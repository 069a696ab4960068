package sqs

import (
	"context"
	"errors"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// absent are the operations that are not built.
var absent = []string{"AddPermission", "RemovePermission", "StartMessageMoveTask", "CancelMessageMoveTask", "ListMessageMoveTasks"}

// Rules declares what the operations touch. Operations on batches need the right
// of the single one; those that manage a queue are for its own account only.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-overview-of-managing-access.html
func (s *Service) Rules() policy.Rules {
	rules := policy.Rules{
		"ChangeMessageVisibility":      on(s, "ChangeMessageVisibility", true, func(in *sqsapi.ChangeMessageVisibilityRequest) string { return in.QueueUrl }),
		"ChangeMessageVisibilityBatch": on(s, "ChangeMessageVisibility", true, func(in *sqsapi.ChangeMessageVisibilityBatchRequest) string { return in.QueueUrl }),
		"CreateQueue":                  policy.On(s.touchCreate),
		"DeleteMessage":                on(s, "DeleteMessage", true, func(in *sqsapi.DeleteMessageRequest) string { return in.QueueUrl }),
		"DeleteMessageBatch":           on(s, "DeleteMessage", true, func(in *sqsapi.DeleteMessageBatchRequest) string { return in.QueueUrl }),
		"DeleteQueue":                  on(s, "DeleteQueue", false, func(in *sqsapi.DeleteQueueRequest) string { return in.QueueUrl }),
		"GetQueueAttributes":           on(s, "GetQueueAttributes", true, func(in *sqsapi.GetQueueAttributesRequest) string { return in.QueueUrl }),
		"GetQueueUrl":                  policy.On(s.touchURL),
		"ListDeadLetterSourceQueues":   on(s, "ListDeadLetterSourceQueues", true, func(in *sqsapi.ListDeadLetterSourceQueuesRequest) string { return in.QueueUrl }),
		"ListQueueTags":                on(s, "ListQueueTags", false, func(in *sqsapi.ListQueueTagsRequest) string { return in.QueueUrl }),
		"ListQueues":                   policy.OnAny(policy.Touch{Action: "sqs:ListQueues"}),
		"PurgeQueue":                   on(s, "PurgeQueue", true, func(in *sqsapi.PurgeQueueRequest) string { return in.QueueUrl }),
		"ReceiveMessage":               on(s, "ReceiveMessage", true, func(in *sqsapi.ReceiveMessageRequest) string { return in.QueueUrl }),
		"SendMessage":                  on(s, "SendMessage", true, func(in *sqsapi.SendMessageRequest) string { return in.QueueUrl }),
		"SendMessageBatch":             on(s, "SendMessage", true, func(in *sqsapi.SendMessageBatchRequest) string { return in.QueueUrl }),
		"SetQueueAttributes":           on(s, "SetQueueAttributes", false, func(in *sqsapi.SetQueueAttributesRequest) string { return in.QueueUrl }),
		"TagQueue": policy.On(func(ctx context.Context, in *sqsapi.TagQueueRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "TagQueue", in.QueueUrl, false)
			t.RequestTags = policyTags(in.Tags)
			return []policy.Touch{t}, err
		}),
		"UntagQueue": policy.On(func(ctx context.Context, in *sqsapi.UntagQueueRequest) ([]policy.Touch, error) {
			t, err := s.touch(ctx, "UntagQueue", in.QueueUrl, false)
			t.Keys = []policy.Pair{{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true}}
			return []policy.Touch{t}, err
		}),
	}
	for _, op := range absent {
		rules[op] = policy.Rule{Absent: true}
	}
	return rules
}

// Resource is the type of a resource as CloudTrail's events name it.
func Resource(name string) string {
	if _, ok := placeOfARN(name); ok {
		return "AWS::SQS::Queue"
	}
	return ""
}

// attached is what decisions need of a queue. It is kept in a cache that follows
// the record.
type attached struct {
	set  *policy.Set
	tags []policy.Tag
}

func (s *Service) loadPolicy(ctx context.Context, r store.Reader, key string) (*attached, error) {
	q, err := s.queues.Get(ctx, r, key)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return &attached{}, nil
	} else if err != nil {
		return nil, err
	}
	a := &attached{tags: policyTags(q.Tags)}
	if q.Policy != "" {
		doc, err := policy.Parse([]byte(q.Policy))
		if err != nil {
			return nil, err
		}
		a.set = policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Resource, ARN: q.Place.arn(), Name: "resource policy"}, Document: doc})
	}
	return a, nil
}

func policyTags(tags map[string]string) (out []policy.Tag) {
	for k, v := range tags {
		out = append(out, policy.Tag{Key: k, Value: v})
	}
	return out
}

// touch is the touch of the queue of a URL. Of one that does not exist it says no
// more than the call did.
func (s *Service) touch(ctx context.Context, action, address string, shared bool) (policy.Touch, error) {
	p, ok := placeOf(ctx, address)
	if !ok {
		return policy.Touch{Action: "sqs:" + action, Resource: arn.New("sqs", caller.From(ctx).Region, caller.From(ctx).Identity.Account, address)}, nil
	}
	return s.touchPlace(ctx, action, p, shared)
}

func (s *Service) touchPlace(ctx context.Context, action string, p place, shared bool) (policy.Touch, error) {
	t := policy.Touch{Action: "sqs:" + action, Resource: p.arn(), Account: p.Account}
	a, err := s.policies.Get(ctx, p.key())
	if err != nil {
		return t, err
	}
	t.ResourceTags = a.tags
	if id := &caller.From(ctx).Identity; shared || id.Kind != caller.Service && id.Account == p.Account {
		t.Policy = a.set
	}
	return t, nil
}

func on[I any](s *Service, action string, shared bool, address func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touch(ctx, action, address(in), shared)
		return []policy.Touch{t}, err
	})
}

func (s *Service) touchCreate(ctx context.Context, in *sqsapi.CreateQueueRequest) ([]policy.Touch, error) {
	c := caller.From(ctx)
	t, err := s.touchPlace(ctx, "CreateQueue", place{c.Identity.Account, c.Region, in.QueueName}, false)
	t.RequestTags = policyTags(in.Tags)
	out := []policy.Touch{t}
	if len(in.Tags) > 0 {
		t.Action = "sqs:TagQueue"
		out = append(out, t)
	}
	return out, err
}

func (s *Service) touchURL(ctx context.Context, in *sqsapi.GetQueueUrlRequest) ([]policy.Touch, error) {
	c := caller.From(ctx)
	p := place{c.Identity.Account, c.Region, in.QueueName}
	if text(in.QueueOwnerAWSAccountId) != "" {
		p.Account = *in.QueueOwnerAWSAccountId
	}
	t, err := s.touchPlace(ctx, "GetQueueUrl", p, true)
	return []policy.Touch{t}, err
}
