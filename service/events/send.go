package events

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	eventsapi "bartizan.dev/api/events"
	logsapi "bartizan.dev/api/logs"
	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/caller"
	"bartizan.dev/pattern/input"
	"bartizan.dev/wire"
)

// maxHops is how many buses an event may come through: rules that send in a
// circle come to an end.
const maxHops = 5

var errHops = errors.New("the event has come through too many event buses")

// send delivers once.
func (s *Service) send(ctx context.Context, d *delivery) error {
	k, a, err := kindOf(d.Target.Arn)
	if err != nil {
		return err
	}
	ctx = s.asEventBridge(ctx, d)
	if d.Dead != nil {
		return s.bury(ctx, d)
	}
	if k == toBus {
		return s.toBus(ctx, d)
	}
	body, err := d.Target.render(d.Event, input.Context{RuleARN: d.Rule, RuleName: d.RuleName, IngestionTime: d.Ingested.Format("2006-01-02T15:04:05Z")})
	if err != nil {
		return err
	}
	switch k {
	case toAPI:
		return s.toAPI(ctx, d, body)
	case toTopic:
		return s.toTopic(ctx, d, body)
	case toQueue:
		return s.toQueue(ctx, d, d.Target.Arn, body, nil)
	}
	return s.toLogs(ctx, d, logGroup(a), body)
}

// asEventBridge is a context in which EventBridge itself calls, for a rule.
func (s *Service) asEventBridge(ctx context.Context, d *delivery) context.Context {
	ctx = caller.AsService(ctx, principal, d.Account, d.Region, s.Clock.Now())
	c := caller.From(ctx)
	c.SourceARN = d.Rule
	c.Identity.Session = &caller.Session{Issued: s.Clock.Now().Truncate(time.Second), Keys: []caller.Tag{
		{Key: "aws:SourceArn", Value: d.Rule}, {Key: "aws:SourceAccount", Value: d.Account},
	}}
	return ctx
}

// toBus gives an event to another bus: as the target's role, so that its
// policies and those of the bus decide. Within an account and Region it needs
// none, as one who may write the rule may write the other bus's rules too.
func (s *Service) toBus(ctx context.Context, d *delivery) error {
	to, ok := placeOfARN(d.Target.Arn)
	if !ok {
		return fmt.Errorf("events: the ARN of a bus: %q", d.Target.Arn)
	}
	if d.Hops >= maxHops {
		return errHops
	}
	e := new(event)
	if err := json.Unmarshal(d.Event, e); err != nil {
		return err
	}
	if d.Target.Role == "" {
		return s.accept(ctx, []*accepted{{bus: to, event: e, hops: d.Hops + 1}})
	}
	ctx, err := s.Assume(ctx, d.Target.Role, d.Rule, d.Account, to.Region)
	if err != nil {
		return err
	}
	ctx = context.WithValue(ctx, forwardKey{}, &forwarded{e, d.Hops + 1})
	detail := string(e.Detail)
	out, err := s.Self.PutEvents(ctx, &eventsapi.PutEventsRequest{Entries: []eventsapi.PutEventsRequestEntry{
		{Source: &e.Source, DetailType: &e.DetailType, Detail: &detail, EventBusName: &d.Target.Arn},
	}})
	if err != nil {
		return err
	}
	for _, r := range out.Entries {
		if r.EventId == nil {
			return fmt.Errorf("events: %s: %s", text(r.ErrorCode), text(r.ErrorMessage))
		}
	}
	return nil
}

// toLogs writes an event into a log group, if the policies of CloudWatch Logs let
// EventBridge. A rule has one stream a day there.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-cloudwatchlogs-permissions
func (s *Service) toLogs(ctx context.Context, d *delivery, group string, body []byte) error {
	now := s.now()
	sum := sha256.Sum256([]byte(d.Rule + now.Format(" 2006-01-02")))
	name := uuid([16]byte(sum[:]))
	put := func() error {
		_, err := s.Logs.PutLogEvents(ctx, &logsapi.PutLogEventsRequest{
			LogGroupName: group, LogStreamName: name, LogEvents: []logsapi.InputLogEvent{{Timestamp: now.UnixMilli(), Message: string(body)}},
		})
		return err
	}
	err := put()
	if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != "ResourceNotFoundException" {
		return err
	}
	_, err = s.Logs.CreateLogStream(ctx, &logsapi.CreateLogStreamRequest{LogGroupName: group, LogStreamName: name})
	if e, ok := errors.AsType[*wire.Error](err); err != nil && (!ok || e.Code != "ResourceAlreadyExistsException") {
		return err
	}
	return put()
}

// toTopic publishes an event, if the topic's policy lets EventBridge, or with the
// target's role.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
func (s *Service) toTopic(ctx context.Context, d *delivery, body []byte) (err error) {
	if d.Target.Role != "" {
		if ctx, err = s.Assume(ctx, d.Target.Role, d.Rule, d.Account, d.Region); err != nil {
			return err
		}
	}
	_, err = s.Topics.Publish(ctx, &snsapi.PublishInput{TopicArn: &d.Target.Arn, Message: string(body)})
	return err
}

// toAPI calls an API destination, if the target's role may: Permit decides about
// events:InvokeApiDestination as that role.
func (s *Service) toAPI(ctx context.Context, d *delivery, body []byte) error {
	as, err := s.Assume(ctx, d.Target.Role, d.Rule, d.Account, d.Region)
	if err != nil {
		return err
	}
	if err := s.Permit(as, "events:InvokeApiDestination", d.Target.Arn); err != nil {
		return err
	}
	return s.invoke(ctx, d, body)
}
