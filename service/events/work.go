package events

import (
	"context"
	"errors"
	"time"

	eventsapi "bartizan.dev/api/events"
	"bartizan.dev/service/events/schedule"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// What happens later.
const (
	jobDeliver   = "deliver"   // the id is the delivery's
	jobSchedule  = "schedule"  // the id is the rule's UID, the payload its key
	jobAuthorize = "authorize" // the id is a connection's UID, the payload its key
	jobRetain    = "retain"    // the id is an archive's UID, the payload its key
	jobReplay    = "replay"    // the id is a replay's UID, the payload its key
)

func (s *Service) handlers() map[string]work.Handler {
	return map[string]work.Handler{
		jobDeliver: s.doDeliver, jobSchedule: work.InTx(s.doSchedule), jobAuthorize: s.doAuthorize,
		jobRetain: work.InTx(s.doRetain), jobReplay: s.doReplay,
	}
}

// schedule waits for the first time after t that a rule's schedule names.
func (s *Service) schedule(ctx context.Context, tx store.Tx, r *rule, t time.Time) error {
	if r.Schedule == "" || r.State == string(eventsapi.RuleState_DISABLED) {
		return s.queue.Cancel(ctx, tx, jobSchedule, r.UID)
	}
	plan, err := schedule.Parse(r.Schedule)
	if err != nil {
		return err
	}
	next, ok := plan.Next(t)
	if !ok {
		return s.queue.Cancel(ctx, tx, jobSchedule, r.UID)
	}
	return s.queue.Add(ctx, tx, work.Job{Kind: jobSchedule, ID: r.UID, Due: next, Payload: []byte(r.key())})
}

// doSchedule fires a rule. What was missed while the server stood still fires
// once: the next time is one to come.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
func (s *Service) doSchedule(ctx context.Context, tx store.Tx, j work.Job) error {
	r, err := s.rules.Get(ctx, tx, string(j.Payload))
	if errors.Is(err, store.ErrNotFound) || err == nil && (r.UID != j.ID || r.Schedule == "" || r.State == string(eventsapi.RuleState_DISABLED)) {
		return nil
	} else if err != nil {
		return err
	}
	now := s.now()
	e := s.newEvent(r.Bus.Account, r.Bus.Region, "aws.events", "Scheduled Event", []byte("{}"))
	e.Time, e.Resources = j.Due.Format("2006-01-02T15:04:05Z"), []string{r.arn()}
	body, err := marshal(e)
	if err != nil {
		return err
	}
	if err := s.dispatch(ctx, tx, r, body, 0, now); err != nil {
		return err
	}
	next := j.Due
	if plan, err := schedule.Parse(r.Schedule); err != nil {
		return err
	} else if after, ok := plan.Next(next); ok && !after.After(now) {
		next = now
	}
	return s.schedule(ctx, tx, r, next)
}
