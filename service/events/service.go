// Package events is Amazon EventBridge: event buses, rules that match events or
// fire on a schedule, and delivery to their targets, tried again until it
// succeeds or the retry policy ends.
//
//   - service.go, records.go: what the service may touch and what it stores.
//   - authorise.go, conditions.go: what the operations touch.
//   - bus.go, permission.go, rule.go, rulelist.go, target.go, tag.go, put.go,
//     test.go: the chapters of the API reference.
//   - connection.go, reconnect.go, destination.go, invoke.go: API destinations.
//   - archive.go, replay.go: events kept and sent again.
//   - accept.go, deliver.go, send.go, dead.go: the way of an event to its targets.
//   - work.go: schedules. schedule/: their language.
package events

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	eventsapi "bartizan.dev/api/events"
	logsapi "bartizan.dev/api/logs"
	snsapi "bartizan.dev/api/sns"
	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// principal is EventBridge's own name where it calls other services.
const principal = "events.amazonaws.com"

// Self is what the service asks of itself through the inner door, so that an
// event that goes to another bus is authorised there.
type Self interface {
	PutEvents(context.Context, *eventsapi.PutEventsRequest) (*eventsapi.PutEventsResponse, error)
}

// Logs are the operations of CloudWatch Logs that a log group as a target needs.
type Logs interface {
	CreateLogStream(context.Context, *logsapi.CreateLogStreamRequest) (*logsapi.CreateLogStreamOutput, error)
	PutLogEvents(context.Context, *logsapi.PutLogEventsRequest) (*logsapi.PutLogEventsResponse, error)
}

// Topics are the operations of SNS that a topic as a target needs.
type Topics interface {
	Publish(context.Context, *snsapi.PublishInput) (*snsapi.PublishResponse, error)
}

// Queues are the operations of SQS that a queue as a target needs.
type Queues interface {
	SendMessage(context.Context, *sqsapi.SendMessageRequest) (*sqsapi.SendMessageResult, error)
}

// Deps is all the service may touch.
type Deps struct {
	Store  store.Store // its own view
	Clock  *work.Clock
	Self   Self
	Logs   Logs
	Topics Topics
	Queues Queues
	// Secrets is Secrets Manager for a caller who makes connections, Read for
	// EventBridge itself, which uses them.
	Secrets, Read Secrets
	// HTTP calls API destinations. It must not follow redirects.
	HTTP  *http.Client
	Plain bool // API destinations on the loopback interface need no TLS
	// Assume returns a context that calls as a role, if its trust policy lets
	// EventBridge take it for the rule with the ARN.
	Assume func(ctx context.Context, role, rule, account, region string) (context.Context, error)
	// Permit decides whether the caller of ctx may do something that is no
	// operation of any API.
	Permit func(ctx context.Context, action, resource string) error
	// Bind replaces the users and roles that a policy names by their unique ids;
	// Show is its inverse. invalid is the first principal that does not exist.
	Bind   func(ctx context.Context, document string) (bound, invalid string, err error)
	Show   func(ctx context.Context, bound string) (document string, err error)
	Quotas Quotas
	Log    *slog.Logger
}

// Quotas replace AWS's where they are not zero.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
type Quotas struct {
	Buses    int // of an account in a Region
	Archives int // of an account in a Region
	Replays  int // of an account in a Region, under way
	Rules    int // of a bus
	Targets  int // of a rule
}

// Service answers the operations of EventBridge.
type Service struct {
	eventsapi.Unimplemented
	Deps
	records
	queue  *work.Queue
	routes *store.Cache[*routes]
	buses  *store.Cache[*attached]
	pace   work.Pace
}

var _ eventsapi.Server = (*Service)(nil)

// New returns the service. Its caches live until ctx ends; Run does what is due.
func New(ctx context.Context, d Deps) (*Service, error) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	for _, q := range []struct {
		v *int
		d int
	}{{&d.Quotas.Buses, 100}, {&d.Quotas.Archives, 100}, {&d.Quotas.Replays, 10}, {&d.Quotas.Rules, 300}, {&d.Quotas.Targets, 5}} {
		if *q.v == 0 {
			*q.v = q.d
		}
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log, Parallel: 16}, s.handlers())
	var err error
	if s.routes, err = store.NewCache(ctx, d.Store, 1000, s.loadRoutes); err != nil {
		return nil, err
	}
	s.buses, err = store.NewCache(ctx, d.Store, 10_000, s.loadBus)
	return s, err
}

// Run delivers and fires schedules until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

func (s *Service) now() time.Time { return s.Clock.Now().Truncate(time.Millisecond) }
