package sns

import (
	"context"
	"errors"
	"strings"

	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// absent are the operations that are not built: text messages, mobile push, and
// looking for personal data in messages.
var absent = strings.Fields(`CheckIfPhoneNumberIsOptedOut CreatePlatformApplication CreatePlatformEndpoint CreateSMSSandboxPhoneNumber
	DeleteEndpoint DeletePlatformApplication DeleteSMSSandboxPhoneNumber GetDataProtectionPolicy GetEndpointAttributes
	GetPlatformApplicationAttributes GetSMSAttributes GetSMSSandboxAccountStatus ListEndpointsByPlatformApplication
	ListOriginationNumbers ListPhoneNumbersOptedOut ListPlatformApplications ListSMSSandboxPhoneNumbers OptInPhoneNumber
	PutDataProtectionPolicy SetEndpointAttributes SetPlatformApplicationAttributes SetSMSAttributes VerifySMSSandboxPhoneNumber`)

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
func (s *Service) Rules() policy.Rules {
	rules := policy.Rules{
		"AddPermission":            onTopic(s, "AddPermission", func(in *snsapi.AddPermissionInput) string { return in.TopicArn }),
		"ConfirmSubscription":      policy.On(s.touchConfirm),
		"CreateTopic":              policy.On(s.touchCreate),
		"DeleteTopic":              onTopic(s, "DeleteTopic", func(in *snsapi.DeleteTopicInput) string { return in.TopicArn }),
		"GetTopicAttributes":       onTopic(s, "GetTopicAttributes", func(in *snsapi.GetTopicAttributesInput) string { return in.TopicArn }),
		"ListSubscriptions":        policy.OnAny(policy.Touch{Action: "sns:ListSubscriptions"}),
		"ListSubscriptionsByTopic": onTopic(s, "ListSubscriptionsByTopic", func(in *snsapi.ListSubscriptionsByTopicInput) string { return in.TopicArn }),
		"ListTagsForResource":      onTopic(s, "ListTagsForResource", func(in *snsapi.ListTagsForResourceRequest) string { return in.ResourceArn }),
		"ListTopics":               policy.OnAny(policy.Touch{Action: "sns:ListTopics"}),
		"Publish": onTopic(s, "Publish", func(in *snsapi.PublishInput) string {
			if in.TopicArn != nil {
				return *in.TopicArn
			}
			return text(in.TargetArn) // to a telephone: any resource
		}),
		// "sns:Publish … applies to PublishBatch too."
		"PublishBatch":       onTopic(s, "Publish", func(in *snsapi.PublishBatchInput) string { return in.TopicArn }),
		"RemovePermission":   onTopic(s, "RemovePermission", func(in *snsapi.RemovePermissionInput) string { return in.TopicArn }),
		"SetTopicAttributes": onTopic(s, "SetTopicAttributes", func(in *snsapi.SetTopicAttributesInput) string { return in.TopicArn }),
		"Subscribe":          policy.On(s.touchSubscribe),
		"TagResource":        policy.On(s.touchTag),
		"UntagResource":      policy.On(s.touchUntag),
		"Unsubscribe":        policy.On(s.touchUnsubscribe),
		"GetSubscriptionAttributes": policy.On(func(ctx context.Context, in *snsapi.GetSubscriptionAttributesInput) ([]policy.Touch, error) {
			t, _, err := s.touchSubscription(ctx, "GetSubscriptionAttributes", in.SubscriptionArn)
			return []policy.Touch{t}, err
		}),
		"SetSubscriptionAttributes": policy.On(func(ctx context.Context, in *snsapi.SetSubscriptionAttributesInput) ([]policy.Touch, error) {
			t, _, err := s.touchSubscription(ctx, "SetSubscriptionAttributes", in.SubscriptionArn)
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
		return "AWS::SNS::Topic"
	}
	if _, _, ok := subscriptionKey(name); ok {
		return "AWS::SNS::Subscription"
	}
	return ""
}

// attached is what decisions need of a topic. It is kept in a cache that follows
// the record.
type attached struct {
	set  *policy.Set
	tags []policy.Tag
}

func (s *Service) loadTopic(ctx context.Context, r store.Reader, key string) (*attached, error) {
	t, err := s.topics.Get(ctx, r, key)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return &attached{}, nil
	} else if err != nil {
		return nil, err
	}
	a := new(attached)
	for _, t := range t.Tags {
		a.tags = append(a.tags, policy.Tag(t))
	}
	document := t.Policy
	if document == "" {
		document = defaultPolicy(t.Place)
	}
	a.set, err = compiledPolicy(t.Place.arn(), document)
	return a, err
}

func compiledPolicy(arn, document string) (*policy.Set, error) {
	doc, err := policy.Parse([]byte(document))
	if err != nil {
		return nil, err
	}
	return policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Resource, ARN: arn, Name: "resource policy"}, Document: doc}), nil
}

// touchTopic is the touch of a topic. Of one that does not exist it says no more
// than the call did.
func (s *Service) touchTopic(ctx context.Context, action, name string) (policy.Touch, error) {
	t := policy.Touch{Action: "sns:" + action, Resource: name}
	p, ok := placeOfARN(name)
	if !ok {
		return t, nil
	}
	a, err := s.topicsOf.Get(ctx, p.key())
	if err != nil {
		return t, err
	}
	t.Account, t.Policy, t.ResourceTags = p.Account, a.set, a.tags
	return t, nil
}

func onTopic[I any](s *Service, action string, name func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touchTopic(ctx, action, name(in))
		return []policy.Touch{t}, err
	})
}

func requestTags(tags []snsapi.Tag) (out []policy.Tag) {
	for _, t := range tags {
		out = append(out, policy.Tag(t))
	}
	return out
}

func (s *Service) touchCreate(ctx context.Context, in *snsapi.CreateTopicInput) ([]policy.Touch, error) {
	c := caller.From(ctx)
	t, err := s.touchTopic(ctx, "CreateTopic", place{c.Identity.Account, c.Region, in.Name}.arn())
	t.RequestTags = requestTags(in.Tags)
	out := []policy.Touch{t}
	if len(in.Tags) > 0 {
		t.Action = "sns:TagResource"
		out = append(out, t)
	}
	return out, err
}

// touchSubscribe: where a subscription goes are condition keys.
// https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html#sns-policy-keys
func (s *Service) touchSubscribe(ctx context.Context, in *snsapi.SubscribeInput) ([]policy.Touch, error) {
	t, err := s.touchTopic(ctx, "Subscribe", in.TopicArn)
	t.Keys = []policy.Pair{{Key: "sns:Protocol", Values: []string{in.Protocol}}}
	if in.Endpoint != nil {
		t.Keys = append(t.Keys, policy.Pair{Key: "sns:Endpoint", Values: []string{*in.Endpoint}})
	}
	return []policy.Touch{t}, err
}

func (s *Service) touchTag(ctx context.Context, in *snsapi.TagResourceRequest) ([]policy.Touch, error) {
	t, err := s.touchTopic(ctx, "TagResource", in.ResourceArn)
	t.RequestTags = requestTags(in.Tags)
	return []policy.Touch{t}, err
}

func (s *Service) touchUntag(ctx context.Context, in *snsapi.UntagResourceRequest) ([]policy.Touch, error) {
	t, err := s.touchTopic(ctx, "UntagResource", in.ResourceArn)
	t.Keys = []policy.Pair{{Key: "aws:TagKeys", Values: in.TagKeys, Multi: true}}
	return []policy.Touch{t}, err
}

// bearer lets in whoever comes without a signature but with what only the
// endpoint has been told: a token, or the name of its subscription.
var bearer = func() *policy.Set {
	set, err := compiledPolicy("", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "sns:*", "Resource": "*"}}`)
	if err != nil {
		panic(err)
	}
	return set
}()

// touchConfirm: "this call requires an AWS signature only when the
// AuthenticateOnUnsubscribe flag is set to true." Who signs needs the right,
// wherever the topic is: the token is the topic owner's word.
// https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html
func (s *Service) touchConfirm(ctx context.Context, in *snsapi.ConfirmSubscriptionInput) ([]policy.Touch, error) {
	t := policy.Touch{Action: "sns:ConfirmSubscription", Resource: in.TopicArn}
	if caller.From(ctx).Identity.Kind == caller.Anonymous {
		if p, ok := placeOfARN(in.TopicArn); ok {
			t.Account = p.Account
		}
		if text(in.AuthenticateOnUnsubscribe) == "" || *in.AuthenticateOnUnsubscribe == "false" {
			t.Policy = bearer
		}
	}
	return []policy.Touch{t}, nil
}

// touchSubscription is the touch of a subscription, which its owner and the
// topic's may do something with.
func (s *Service) touchSubscription(ctx context.Context, action, name string) (policy.Touch, *subscription, error) {
	t := policy.Touch{Action: "sns:" + action, Resource: name}
	_, key, ok := subscriptionKey(name)
	if !ok {
		return t, nil, nil
	}
	v, err := s.subscriptions.Get(ctx, s.Store, key)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return t, nil, nil
	} else if err != nil {
		return t, nil, err
	}
	if account := caller.From(ctx).Identity.Account; account != v.Owner && account != v.Topic.Account {
		t.Account = v.Owner
	}
	return t, v, nil
}

// touchUnsubscribe: "if the Unsubscribe call requires authentication, only the
// owner of the subscription or the topic's owner can unsubscribe, and an AWS
// signature is required."
// https://docs.aws.amazon.com/sns/latest/api/API_Unsubscribe.html
func (s *Service) touchUnsubscribe(ctx context.Context, in *snsapi.UnsubscribeInput) ([]policy.Touch, error) {
	t, v, err := s.touchSubscription(ctx, "Unsubscribe", in.SubscriptionArn)
	if caller.From(ctx).Identity.Kind == caller.Anonymous && (v == nil || !v.SignedOnly) {
		t.Policy = bearer
	}
	return []policy.Touch{t}, err
}
