package events

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"bartizan.dev/pattern/input"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// delivery is an event on its way to a target. The target is as it was when the
// event matched.
type delivery struct {
	Account, Region string
	Rule, RuleName  string // ARN and name
	Target          target
	Event           json.RawMessage
	Hops            int `json:",omitzero"` // buses it came through
	Ingested        time.Time
	Attempts        int   `json:",omitzero"` // that failed
	Dead            *dead `json:",omitzero"` // why it is a dead letter by now
}

// doDeliver tries once. A crash in between may deliver twice, as on AWS.
func (s *Service) doDeliver(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	d, err := s.deliveries.Get(ctx, s.Store, j.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	err = s.send(ctx, d)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	done := func(tx store.Tx) error { return s.deliveries.Delete(ctx, tx, j.ID) }
	if err == nil {
		return done, nil
	}
	now := s.now()
	if errors.Is(err, errRate) && now.Before(d.Ingested.Add(d.age())) {
		return func(tx store.Tx) error {
			return s.queue.Add(ctx, tx, work.Job{Kind: jobDeliver, ID: j.ID, Due: now.Add(time.Second)})
		}, nil
	}
	if lost(err) || d.Attempts >= d.attempts() || !now.Before(d.Ingested.Add(d.age())) {
		if d.Target.Dead != "" && d.Dead == nil {
			d.Dead, d.Ingested, d.Attempts = newDead(d, err, now), now, -1 // it has a day more
			return s.later(ctx, j.ID, d, now), nil
		}
		s.Log.Warn("an event was not delivered and is dropped", "rule", d.Rule, "target", d.Target.Arn, "attempts", d.Attempts+1, "cause", err)
		return done, nil
	}
	return s.later(ctx, j.ID, d, now.Add(pause(d.Attempts+1))), nil
}

// later has a delivery tried again.
func (s *Service) later(ctx context.Context, id string, d *delivery, at time.Time) func(store.Tx) error {
	d.Attempts++
	return func(tx store.Tx) error {
		if err := s.deliveries.Put(ctx, tx, id, d); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobDeliver, ID: id, Due: at})
	}
}

// longest is the longest pause: 185 attempts fill about 24 hours.
const longest = 8 * time.Minute

// pause is how long to wait after the nth failure: exponential, with jitter.
func pause(n int) time.Duration {
	d := longest
	if n < 10 {
		d = min(longest, time.Second<<n)
	}
	return d/2 + rand.N(d/2)
}

// lost reports whether it is of no use to try again: "EventBridge doesn't retry
// when it lacks permission or the target no longer exists."
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
func lost(err error) bool {
	if errors.Is(err, input.ErrOutput) || errors.Is(err, errHops) || errors.Is(err, errRefused) {
		return true
	}
	e, ok := errors.AsType[*wire.Error](err)
	return ok && (strings.HasPrefix(e.Code, "AccessDenied") || e.Code == "AuthorizationError" || e.Code == "QueueDoesNotExist" || e.Code == "KMSAccessDenied" || strings.Contains(e.Code, "NotFound") || strings.HasPrefix(e.Code, "Invalid") || e.Code == "ValidationException")
}
