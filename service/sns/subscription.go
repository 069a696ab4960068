package sns

import (
	"context"
	"errors"
	"strconv"
	"strings"

	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// The values of FilterPolicyScope.
const (
	scopeAttributes = "MessageAttributes"
	scopeBody       = "MessageBody"
)

// setSubscription sets an attribute by its name. prefix stands in errors before
// the attribute's name.
// https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
func (s *Service) setSubscription(t *topic, v *subscription, name, value, prefix string) error {
	overHTTP := strings.HasPrefix(v.Protocol, "http")
	switch name {
	case "FilterPolicy":
		if value == "" || value == "{}" { // none
			v.Filter = ""
			return nil
		}
		if err := checkFilter(value, v.Body); err != nil {
			return err
		}
		v.Filter = value
	case "FilterPolicyScope":
		if value != scopeAttributes && value != scopeBody {
			return invalid("%sFilterPolicyScope: Invalid value [%s]. Please use either MessageBody or MessageAttributes", prefix, value)
		}
		v.Body = value == scopeBody
		if v.Filter != "" {
			return checkFilter(v.Filter, v.Body)
		}
	case "RawMessageDelivery":
		raw, err := strconv.ParseBool(strings.ToLower(value))
		if err != nil {
			return invalid("%sRawMessageDelivery: Invalid value [%s]. Must be true or false.", prefix, value)
		}
		if raw && !overHTTP && v.Protocol != "sqs" {
			return invalid("%sDelivery protocol [%s] does not support raw message delivery.", prefix, v.Protocol)
		}
		v.Raw = raw
	case "DeliveryPolicy":
		if value == "" {
			v.Delivery = ""
			return nil
		}
		if !overHTTP {
			return invalid("%sDeliveryPolicy: Only http and https subscriptions have one", prefix)
		}
		base, err := topicDelivery(t)
		if err != nil {
			return err
		}
		if _, err := parseSubscriptionDelivery(*base, value); err != nil {
			return invalid("%sDeliveryPolicy: %s", prefix, err)
		}
		v.Delivery = value
	case "RedrivePolicy":
		if value == "" {
			v.Redrive = ""
			return nil
		}
		if _, err := parseRedrive(value, v); err != nil {
			return invalid("%sRedrivePolicy: %s", prefix, err)
		}
		v.Redrive = value
	case "SubscriptionRoleArn":
		return invalid("%sSubscriptionRoleArn: It is for Firehose, to which Bartizan does not deliver", prefix)
	case "ReplayPolicy":
		return invalid("%sReplayPolicy: It is for FIFO topics, which Bartizan does not have", prefix)
	default:
		return invalid("%sAttributeName", prefix)
	}
	return nil
}

// SetSubscriptionAttributes sets one attribute.
// https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
func (s *Service) SetSubscriptionAttributes(ctx context.Context, in *snsapi.SetSubscriptionAttributesInput) (*snsapi.SetSubscriptionAttributesOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := s.subscription(ctx, tx, in.SubscriptionArn)
		if err != nil {
			return err
		}
		t, err := s.topic(ctx, tx, v.Topic)
		if err != nil {
			return err
		}
		if err := s.setSubscription(t, v, in.AttributeName, text(in.AttributeValue), ""); err != nil {
			return err
		}
		if err := s.room(ctx, tx, v); err != nil {
			return err
		}
		return s.subscriptions.Put(ctx, tx, v.key(), v)
	})
	if err != nil {
		return nil, err
	}
	return &snsapi.SetSubscriptionAttributesOutput{}, nil
}

// GetSubscriptionAttributes shows a subscription.
// https://docs.aws.amazon.com/sns/latest/api/API_GetSubscriptionAttributes.html
func (s *Service) GetSubscriptionAttributes(ctx context.Context, in *snsapi.GetSubscriptionAttributesInput) (*snsapi.GetSubscriptionAttributesResponse, error) {
	v, err := s.subscription(ctx, s.Store, in.SubscriptionArn)
	if err != nil {
		return nil, err
	}
	out := map[string]string{
		"SubscriptionArn": v.arn(), "TopicArn": v.Topic.arn(), "Owner": v.Owner, "Protocol": v.Protocol, "Endpoint": shownEndpoint(v),
		"PendingConfirmation": strconv.FormatBool(v.Pending), "ConfirmationWasAuthenticated": strconv.FormatBool(v.Authenticated),
		"SubscriptionPrincipal": v.Principal, "RawMessageDelivery": strconv.FormatBool(v.Raw),
	}
	if v.Filter != "" {
		out["FilterPolicy"], out["FilterPolicyScope"] = v.Filter, scopeAttributes
		if v.Body {
			out["FilterPolicyScope"] = scopeBody
		}
	}
	if v.Redrive != "" {
		out["RedrivePolicy"] = v.Redrive
	}
	if strings.HasPrefix(v.Protocol, "http") {
		t, err := s.topic(ctx, s.Store, v.Topic)
		if err != nil {
			return nil, err
		}
		effective, err := v.delivery(t)
		if err != nil {
			return nil, err
		}
		out["EffectiveDeliveryPolicy"] = effective.subscription()
		if v.Delivery != "" {
			out["DeliveryPolicy"] = v.Delivery
		}
	}
	return &snsapi.GetSubscriptionAttributesResponse{Attributes: out}, nil
}

func shown(v *subscription) snsapi.Subscription {
	out := snsapi.Subscription{SubscriptionArn: new(v.arn()), Owner: &v.Owner, Protocol: &v.Protocol, Endpoint: new(shownEndpoint(v)), TopicArn: new(v.Topic.arn())}
	if v.Pending {
		out.SubscriptionArn = new("PendingConfirmation")
	}
	return out
}

// ListSubscriptions lists the account's subscriptions.
// https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptions.html
func (s *Service) ListSubscriptions(ctx context.Context, in *snsapi.ListSubscriptionsInput) (*snsapi.ListSubscriptionsResponse, error) {
	c := caller.From(ctx)
	after, err := from(in.NextToken)
	if err != nil {
		return nil, err
	}
	ids, err := s.subscriptions.By(ctx, s.Store, "owner", c.Identity.Account+"/"+c.Region, after, maxPage+1)
	if err != nil {
		return nil, err
	}
	out := &snsapi.ListSubscriptionsResponse{Subscriptions: []snsapi.Subscription{}}
	if len(ids) > maxPage {
		ids = ids[:maxPage]
		out.NextToken = next(ids[maxPage-1])
	}
	for _, id := range ids {
		v, err := s.subscriptions.Get(ctx, s.Store, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		out.Subscriptions = append(out.Subscriptions, shown(v))
	}
	return out, nil
}

// ListSubscriptionsByTopic lists the subscriptions of a topic.
// https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html
func (s *Service) ListSubscriptionsByTopic(ctx context.Context, in *snsapi.ListSubscriptionsByTopicInput) (*snsapi.ListSubscriptionsByTopicResponse, error) {
	p, err := topicPlace(ctx, in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	after, err := from(in.NextToken)
	if err != nil {
		return nil, err
	}
	if _, err := s.topic(ctx, s.Store, p); err != nil {
		return nil, err
	}
	home := p.key() + "/"
	out := &snsapi.ListSubscriptionsByTopicResponse{Subscriptions: []snsapi.Subscription{}}
	for last := after; ; {
		start := ""
		if last != "" {
			start = home + last
		}
		found, err := s.subscriptions.List(ctx, s.Store, home, start, maxPage+1)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			if e.Value.gone() {
				last = e.Value.UID
				continue
			}
			if len(out.Subscriptions) == maxPage {
				out.NextToken = next(last)
				return out, nil
			}
			last = e.Value.UID
			out.Subscriptions = append(out.Subscriptions, shown(e.Value))
		}
		if len(found) <= maxPage {
			return out, nil
		}
	}
}
