package sns

import (
	"context"
	"errors"
	"maps"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"time"

	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// A subscription that is not confirmed by then is deleted.
// https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.confirm.html
const confirmWithin = 48 * time.Hour

// checkEndpoint refuses what cannot be delivered to.
func (s *Service) checkEndpoint(protocol, endpoint string) error {
	switch protocol {
	case "http", "https":
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != protocol || u.Host == "" || len(endpoint) > 2048 || u.Fragment != "" {
			return invalid("Endpoint must match the specified protocol")
		}
	case "email", "email-json":
		if s.Mail == nil {
			return invalid("Protocol Reason: Bartizan sends e-mail only when its server was started with --smtp")
		}
		a, err := mail.ParseAddress(endpoint)
		if err != nil || a.Address != endpoint || len(endpoint) > 320 {
			return invalid("Email address")
		}
	case "sqs":
		p, ok := queuePlace(endpoint)
		if !ok {
			return invalid("SQS endpoint ARN")
		}
		if strings.HasSuffix(p.Resource, ".fifo") {
			return invalid("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
		}
	case "sms", "application", "lambda", "firehose":
		return invalid("Protocol Reason: Bartizan delivers by http, https, email, email-json and sqs, and not by %s", protocol)
	default:
		return invalid("Amazon SNS does not support this protocol string: %s", protocol)
	}
	return nil
}

// Subscribe asks an endpoint whether it wants a topic's messages. Who subscribes
// the same endpoint again gets the subscription that is there.
// https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
func (s *Service) Subscribe(ctx context.Context, in *snsapi.SubscribeInput) (*snsapi.SubscribeResponse, error) {
	p, err := topicPlace(ctx, in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	if text(in.Endpoint) == "" {
		return nil, invalid("Endpoint Reason: Endpoint not specified in subscription")
	}
	if err := s.checkEndpoint(in.Protocol, *in.Endpoint); err != nil {
		return nil, err
	}
	c := caller.From(ctx)
	v := &subscription{
		Topic: p, UID: newID(), Owner: c.Identity.Account, Principal: c.Identity.ARN, Protocol: in.Protocol, Endpoint: *in.Endpoint, Pending: true,
	}
	if to, ok := queuePlace(v.Endpoint); ok && in.Protocol == "sqs" && to.Account == v.Owner {
		v.Pending, v.Authenticated = false, true // the queue's owner needs not be asked
	}
	var t *topic
	_, err = s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if t, err = s.topic(ctx, tx, p); err != nil {
			return err
		}
		v.Filter, v.Body, v.Raw, v.Delivery, v.Redrive = "", false, false, "", ""
		// The scope says how the policy is read.
		for _, name := range slices.Backward(slices.Sorted(maps.Keys(in.Attributes))) {
			if err := s.setSubscription(t, v, name, in.Attributes[name], "Attributes Reason: "); err != nil {
				return err
			}
		}
		return s.subscribe(ctx, tx, v, in.Attributes)
	})
	if err != nil {
		return nil, err
	}
	if v.Pending && (in.ReturnSubscriptionArn == nil || !*in.ReturnSubscriptionArn) {
		return &snsapi.SubscribeResponse{SubscriptionArn: new("pending confirmation")}, nil
	}
	return &snsapi.SubscribeResponse{SubscriptionArn: new(v.arn())}, nil
}

// subscribe writes a subscription down and has its endpoint asked. v becomes the
// one that is there, if there is one.
func (s *Service) subscribe(ctx context.Context, tx store.Tx, v *subscription, given map[string]string) error {
	found, err := s.subscriptions.OneBy(ctx, tx, "endpoint", v.Topic.key()+" "+digest(v.Protocol+" "+v.Endpoint))
	if err == nil {
		old := found.Value
		if !old.gone() && len(given) > 0 && (old.Filter != v.Filter || old.Body != v.Body || old.Raw != v.Raw || old.Delivery != v.Delivery || old.Redrive != v.Redrive) {
			return invalid("Attributes Reason: Subscription already exists with different attributes")
		}
		if !old.gone() {
			if *v = *old; !v.Pending {
				return nil
			}
		} else if err := s.subscriptions.Delete(ctx, tx, found.ID); err != nil { // a new one takes its place
			return err
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := s.room(ctx, tx, v); err != nil {
		return err
	}
	if !v.Pending {
		return s.subscriptions.Put(ctx, tx, v.key(), v)
	}
	return s.ask(ctx, tx, v)
}

// room looks whether the quotas leave room for v.
func (s *Service) room(ctx context.Context, tx store.Tx, v *subscription) error {
	if v.Filter != "" {
		ids, err := s.subscriptions.By(ctx, tx, "filtered", v.Topic.key(), "", s.Quotas.Filters+1)
		if err != nil {
			return err
		}
		if len(slices.DeleteFunc(ids, func(id string) bool { return id == v.key() })) >= s.Quotas.Filters {
			return errFilters
		}
	}
	if !v.Pending {
		return nil
	}
	ids, err := s.subscriptions.By(ctx, tx, "pending", v.Owner, "", s.Quotas.Pending+1)
	if err != nil {
		return err
	}
	if len(slices.DeleteFunc(ids, func(id string) bool { return id == v.key() })) >= s.Quotas.Pending {
		return errSubscriptions
	}
	return nil
}

// ask sends a confirmation with a new token, which takes the place of an older one.
func (s *Service) ask(ctx context.Context, tx store.Tx, v *subscription) error {
	token := newToken()
	v.Token = digest(token)
	if err := s.subscriptions.Put(ctx, tx, v.key(), v); err != nil {
		return err
	}
	now := s.now()
	if err := s.queue.Add(ctx, tx, work.Job{Kind: jobExpire, ID: v.key(), Due: now.Add(confirmWithin)}); err != nil {
		return err
	}
	kind := kindSubscribe
	if v.gone() {
		kind = kindUnsubscribe
	}
	return s.deliver(ctx, tx, &delivery{Kind: kind, MessageID: newID(), Subscription: v.key(), Token: token, Time: now}, now)
}

// doExpire deletes a subscription that nobody has confirmed in time.
func (s *Service) doExpire(ctx context.Context, tx store.Tx, j work.Job) error {
	v, err := s.subscriptions.Get(ctx, tx, j.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !v.Pending && !v.gone() {
		return nil
	} else if err != nil {
		return err
	}
	return s.subscriptions.Delete(ctx, tx, j.ID)
}

// shownEndpoint is an endpoint without the password in it.
func shownEndpoint(v *subscription) string {
	u, err := url.Parse(v.Endpoint)
	if !strings.HasPrefix(v.Protocol, "http") || err != nil || u.User == nil {
		return v.Endpoint
	}
	if _, set := u.User.Password(); set {
		name := url.User(u.User.Username()).String()
		u.User = nil
		return strings.Replace(u.String(), "://", "://"+name+":****@", 1)
	}
	return v.Endpoint
}
