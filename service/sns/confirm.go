package sns

import (
	"context"
	"errors"
	"strconv"
	"time"

	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// ConfirmSubscription takes the token that an endpoint was sent. It needs no
// signature, unless it asks that Unsubscribe shall need one.
// https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html
func (s *Service) ConfirmSubscription(ctx context.Context, in *snsapi.ConfirmSubscriptionInput) (*snsapi.ConfirmSubscriptionResponse, error) {
	p, err := topicPlace(ctx, in.TopicArn, "Topic")
	if err != nil {
		return nil, err
	}
	signedOnly := false
	if text(in.AuthenticateOnUnsubscribe) != "" {
		if signedOnly, err = strconv.ParseBool(*in.AuthenticateOnUnsubscribe); err != nil {
			return nil, invalid("AuthenticateOnUnsubscribe")
		}
	}
	signed := caller.From(ctx).Identity.Kind != caller.Anonymous
	var v *subscription
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		// The token's digest is looked up: how long that takes says nothing of tokens.
		found, err := s.subscriptions.OneBy(ctx, tx, "token", digest(in.Token))
		if errors.Is(err, store.ErrNotFound) || err == nil && found.Value.Topic != p {
			return invalid("Token")
		} else if err != nil {
			return err
		}
		if v = found.Value; !v.Pending && !v.gone() { // "idempotent"
			return nil
		}
		v.Pending, v.Ended, v.Authenticated, v.SignedOnly = false, time.Time{}, signed, signedOnly
		if err := s.room(ctx, tx, v); err != nil {
			return err
		}
		if err := s.queue.Cancel(ctx, tx, jobExpire, v.key()); err != nil {
			return err
		}
		return s.subscriptions.Put(ctx, tx, v.key(), v)
	})
	if err != nil {
		return nil, err
	}
	return &snsapi.ConfirmSubscriptionResponse{SubscriptionArn: new(v.arn())}, nil
}

// Unsubscribe ends a subscription. "If the requester is not the subscription
// owner, a final cancellation message is delivered to the endpoint, so that the
// endpoint owner can easily resubscribe."
// https://docs.aws.amazon.com/sns/latest/api/API_Unsubscribe.html
func (s *Service) Unsubscribe(ctx context.Context, in *snsapi.UnsubscribeInput) (*snsapi.UnsubscribeOutput, error) {
	c := caller.From(ctx)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := s.subscription(ctx, tx, in.SubscriptionArn)
		if errors.Is(err, errNoSubscription) {
			return nil // "idempotent"
		} else if err != nil {
			return err
		}
		if v.Pending {
			return invalid("SubscriptionArn Reason: A pending subscription cannot be unsubscribed; it ends by itself")
		}
		if c.Identity.Account != v.Owner {
			v.Ended = s.now()
			return s.ask(ctx, tx, v)
		}
		return s.subscriptions.Delete(ctx, tx, v.key())
	})
	if err != nil {
		return nil, err
	}
	return &snsapi.UnsubscribeOutput{}, nil
}
