package sns

import (
	"context"
	"errors"
	"strings"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// What happens later.
const (
	jobDeliver = "deliver" // the id is the delivery's
	jobExpire  = "expire"  // the id is a subscription's that waits for its token
)

// principal is SNS's own name where it calls other services.
const principal = "sns.amazonaws.com"

// delivery is a message on its way to one endpoint.
type delivery struct {
	Kind         string
	MessageID    string
	Message      string `json:",omitzero"` // id of a notification's record
	Subscription string // key
	Token        string `json:",omitzero"` // of a confirmation
	Time         time.Time
	Attempts     int    `json:",omitzero"` // that failed
	Dead         string `json:",omitzero"` // ARN of the dead-letter queue that it goes to by now
}

// deliver has a message delivered.
func (s *Service) deliver(ctx context.Context, tx store.Tx, d *delivery, now time.Time) error {
	id := newID()
	if err := s.deliveries.Put(ctx, tx, id, d); err != nil {
		return err
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobDeliver, ID: id, Due: now})
}

// errGone: whom a message is for is not there any more.
var errGone = errors.New("the subscription has ended")

// errPace: the endpoint gets no more messages this second. It is no failed attempt.
var errPace = errors.New("the endpoint gets no more messages for now")

// errFinal is an answer that another try would not change.
var errFinal = errors.New("the endpoint refuses the message")

// doDeliver tries once. A crash in between may deliver twice, as on AWS.
func (s *Service) doDeliver(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	d, err := s.deliveries.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	delay, again, err := s.attempt(ctx, d)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	now := s.now()
	switch {
	case errors.Is(err, errPace):
		return func(tx store.Tx) error {
			return s.queue.Add(ctx, tx, work.Job{Kind: jobDeliver, ID: j.ID, Due: now.Add(time.Second)})
		}, nil
	case err == nil || errors.Is(err, errGone):
		return s.over(ctx, j.ID, d), nil
	case !again && d.Dead == "" && s.redrive(ctx, d) != "":
		d.Dead, d.Attempts, delay = s.redrive(ctx, d), -1, 0
	case !again:
		s.Log.Warn("a message was not delivered and is dropped", "subscription", d.Subscription, "message", d.MessageID, "attempts", d.Attempts+1, "cause", err)
		return s.over(ctx, j.ID, d), nil
	}
	d.Attempts++
	return func(tx store.Tx) error {
		if err := s.deliveries.Put(ctx, tx, j.ID, d); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobDeliver, ID: j.ID, Due: now.Add(delay)})
	}, nil
}

// over ends a delivery; the last one takes the message with it.
func (s *Service) over(ctx context.Context, id string, d *delivery) func(store.Tx) error {
	return func(tx store.Tx) error {
		if err := s.deliveries.Delete(ctx, tx, id); err != nil || d.Message == "" {
			return err
		}
		left, err := s.deliveries.By(ctx, tx, "message", d.Message, "", 1)
		if err != nil || len(left) > 0 {
			return err
		}
		return s.messages.Delete(ctx, tx, d.Message)
	}
}

// attempt delivers once. After an error, again says whether to try again, and
// delay when.
func (s *Service) attempt(ctx context.Context, d *delivery) (delay time.Duration, again bool, err error) {
	v, err := s.subscriptions.Get(ctx, s.Store, d.Subscription)
	if errors.Is(err, store.ErrNotFound) || err == nil && !d.wanted(v) {
		return 0, false, errGone
	} else if err != nil {
		return 0, true, err
	}
	t, err := s.topic(ctx, s.Store, v.Topic)
	if errors.Is(err, errNoTopic) {
		return 0, false, errGone
	} else if err != nil {
		return time.Second, true, err
	}
	if d.Dead != "" || v.Protocol == "sqs" {
		err := s.toQueue(ctx, d, t, v)
		return queueDelay(d.Attempts), err != nil && !errors.Is(err, errFinal) && d.Attempts < queueRetries, err
	}
	if strings.HasPrefix(v.Protocol, "http") {
		policy, err := v.delivery(t)
		if err != nil {
			return 0, false, err
		}
		if policy.throttle != nil && !s.pace.Take(v.UID, int32(policy.throttle.PerSecond), time.Now()) {
			return 0, false, errPace
		}
		err = s.toHTTP(ctx, d, t, v, policy)
		if err == nil || errors.Is(err, errFinal) || d.Attempts >= policy.retry.Retries {
			return 0, false, err
		}
		return policy.retry.delay(d.Attempts), true, err
	}
	err = s.toEmail(ctx, d, t, v)
	if err == nil || errors.Is(err, errFinal) || d.Attempts >= mailRetries {
		return 0, false, err
	}
	return mailDelay(d.Attempts), true, err
}

// wanted reports whether v is still to get d: notifications go to those that are
// confirmed, and a confirmation is for its token only.
func (d *delivery) wanted(v *subscription) bool {
	switch d.Kind {
	case kindNotification:
		return !v.Pending && !v.gone()
	case kindSubscribe:
		return v.Pending && v.Token == digest(d.Token)
	default:
		return v.gone() && v.Token == digest(d.Token)
	}
}

// mailRetries is how often e-mail is tried again: twice after 10 seconds, ten
// times with growing pauses, and 38 times every ten minutes.
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html#delivery-policies-for-protocols
const mailRetries = 50

func mailDelay(i int) time.Duration {
	switch {
	case i < 2:
		return 10 * time.Second
	case i < 12:
		return time.Duration(grow("geometric", 10, 600, float64(i-2)/9) * float64(time.Second))
	}
	return 10 * time.Minute
}

// letter is what is delivered.
func (s *Service) letter(ctx context.Context, d *delivery, t *topic, v *subscription) (*letter, error) {
	l := &letter{kind: d.Kind, id: d.MessageID, topic: t.Place.arn(), at: d.Time, version: t.SignatureVersion}
	if l.version == "" {
		l.version = "1"
	}
	switch d.Kind {
	case kindSubscribe:
		l.token, l.subscribe = d.Token, s.confirmURL(l.topic, d.Token)
		l.message = "You have chosen to subscribe to the topic " + l.topic + ".\nTo confirm the subscription, visit the SubscribeURL included in this message."
	case kindUnsubscribe:
		l.token, l.subscribe = d.Token, s.confirmURL(l.topic, d.Token)
		l.message = "You have chosen to deactivate subscription " + v.arn() + ".\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
	default:
		m, err := s.messages.Get(ctx, s.Store, d.Message)
		if errors.Is(err, store.ErrNotFound) {
			return nil, errGone
		} else if err != nil {
			return nil, err
		}
		c, err := s.open(ctx, m)
		if err != nil {
			return nil, err
		}
		l.subject, l.message, l.attributes = c.Subject, c.of(v.Protocol), c.Attributes
		l.unsubscribe = s.unsubscribeURL(v.arn())
	}
	return l, nil
}
