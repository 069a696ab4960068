package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	eventsapi "bartizan.dev/api/events"
	logsapi "bartizan.dev/api/logs"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	snsapi "bartizan.dev/api/sns"
	sqsapi "bartizan.dev/api/sqs"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/bus"
	"bartizan.dev/caller"
	"bartizan.dev/gateway"
	"bartizan.dev/policy"
	"bartizan.dev/service/events"
	"bartizan.dev/service/logs"
	"bartizan.dev/store"
	"bartizan.dev/trail"
)

const eventBridge = "events.amazonaws.com"

// openEvents builds EventBridge and CloudWatch Logs, and has what the trail
// records put on the default buses.
func (s *Server) openEvents(ctx context.Context, dir *directory) ([]gateway.Service, error) {
	l, err := logs.New(ctx, logs.Deps{Store: store.View(s.store, "logs/"), Clock: s.clock, Log: s.log, Bind: s.iam.BindPrincipals, Show: s.iam.ShowPrincipals})
	if err != nil {
		return nil, err
	}
	e, err := events.New(ctx, events.Deps{
		Store: store.View(s.store, "events/"), Clock: s.clock, Log: s.log, Bind: s.iam.BindPrincipals, Show: s.iam.ShowPrincipals, Quotas: s.opt.Quotas.Events,
		Self: eventsapi.Client{Door: inner{s, ""}}, Logs: logsapi.Client{Door: inner{s, ""}}, Topics: snsapi.Client{Door: inner{s, ""}}, Queues: sqsapi.Client{Door: inner{s, ""}}, Assume: s.sessions(dir, eventBridge, "events"),
		Secrets: secretsmanagerapi.Client{Door: inner{s, eventBridge}}, Read: secretsmanagerapi.Client{Door: inner{s, ""}}, HTTP: outside(5*time.Second, s.opt.Dev), Plain: s.opt.Dev,
		Permit: func(ctx context.Context, action, resource string) error {
			return s.gateway.Decide(ctx, "events", policy.Touch{Action: action, Resource: resource})
		},
	})
	if err != nil {
		return nil, err
	}
	s.happenings = e
	s.workers = append(s.workers, l, e)
	bus.Subscribe(s.bus, "events", 10_000, func(t trail.Event) {
		r := recorded(&t)
		if r == nil {
			return
		}
		if err := e.Recorded(ctx, r); err != nil && ctx.Err() == nil {
			s.log.Error("a recorded call could not be put on its event bus", "event", t.ID, "cause", err)
		}
	})
	return []gateway.Service{
		{Model: eventsapi.Model(), Operations: eventsapi.Operations(e), Rules: e.Rules(), Resource: events.Resource, Data: map[string]string{"PutEvents": "AWS::Events::EventBus"}},
		{Model: logsapi.Model(), Operations: logsapi.Operations(l), Rules: l.Rules(), Resource: logs.Resource},
	}, nil
}

// messages are the operations on messages of SQS, of which AWS makes no events
// either.
var messages = map[string]bool{
	"SendMessage": true, "SendMessageBatch": true, "ReceiveMessage": true, "DeleteMessage": true, "DeleteMessageBatch": true,
	"ChangeMessageVisibility": true, "ChangeMessageVisibilityBatch": true,
}

// recorded is a trail event as rules see it, or nil for one that they must not
// see: evidence of denials, and what EventBridge itself or the writing of events
// causes, which would go on for ever.
func recorded(t *trail.Event) *events.Record {
	if t.Region == gateway.EvidenceRegion || t.Name == "PutEvents" || t.Name == "PutLogEvents" || t.Name == "Publish" || t.Name == "PublishBatch" || messages[t.Name] {
		return nil
	}
	var facts struct {
		EventType    string `json:"eventType"`
		UserIdentity struct {
			InvokedBy string `json:"invokedBy"`
		} `json:"userIdentity"`
	}
	if json.Unmarshal(t.JSON, &facts) != nil || strings.HasSuffix(facts.UserIdentity.InvokedBy, eventBridge) {
		return nil
	}
	return &events.Record{Account: t.Account, Region: t.Region, Source: t.Source, Type: facts.EventType, ReadOnly: t.ReadOnly, Detail: t.JSON}
}

// sessions assumes roles as a service, for a resource of its own: the role's trust
// policy decides.
func (s *Server) sessions(dir *directory, service, name string) func(ctx context.Context, role, source, account, region string) (context.Context, error) {
	door := stsapi.Client{Door: inner{s, service}}
	return func(ctx context.Context, role, source, account, region string) (context.Context, error) {
		as := caller.AsService(ctx, service, account, region, s.clock.Now())
		caller.From(as).Identity.Session = &caller.Session{Issued: s.clock.Now().Truncate(time.Second), Keys: []caller.Tag{
			{Key: "aws:SourceArn", Value: source}, {Key: "aws:SourceAccount", Value: account},
		}}
		got, err := door.AssumeRole(as, &stsapi.AssumeRoleRequest{RoleArn: role, RoleSessionName: name})
		if err != nil {
			return nil, fmt.Errorf("the role %s cannot be assumed: %w", role, err)
		}
		k := got.Credentials
		id, err := dir.Credential(ctx, k.AccessKeyId, k.SessionToken)
		if err != nil {
			return nil, err
		}
		call := &caller.Call{Identity: id.Identity, Time: s.clock.Now(), Region: region, UserAgent: service, Via: []string{service}}
		return caller.With(ctx, call), nil
	}
}
