// Package securityhub is AWS Security Hub: findings in the AWS Security Finding
// Format from products and controls, found again by filters, grouped in
// insights, worked on, changed by rules, and given to EventBridge.
//
//   - service.go, records.go, authorise.go: what the service may touch, what it
//     stores, what the operations touch.
//   - asff.go, validate.go, import.go: a finding, what it must be, how it comes in.
//   - field.go, filter.go, find.go: how findings are found.
//   - update.go, history.go, insight.go, managed.go, action.go: what is done with
//     them.
//   - hub.go, tag.go, product.go: the hub itself. rule.go: automation rules.
//   - control.go, standard.go, security.go: controls and standards; facts.go,
//     judge.go, judgedata.go, check.go: how controls are judged.
//   - member.go, invitation.go, organization.go: administrators and members.
//   - guardduty.go: findings of GuardDuty.
//   - event.go: what EventBridge is told.
package securityhub

import (
	"context"
	"log/slog"
	"time"

	organizationsapi "bartizan.dev/api/organizations"
	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Event is an event for the default bus of an account.
type Event struct {
	Account, Region string
	DetailType      string
	Resources       []string
	Detail          []byte // JSON
}

// Deps is all the service may touch.
type Deps struct {
	Store store.Store // its own view
	Clock *work.Clock
	// Publish puts an event of aws.securityhub on the account's default event bus;
	// Wanted tells whether that bus has a rule at all. Both may be nil.
	Publish func(context.Context, *Event) error
	Wanted  func(ctx context.Context, account, region string) bool
	// Organization is the organization that an account belongs to; nil: none.
	Organization func(ctx context.Context, account string) (*Organization, error)
	// Organizations is AWS Organizations for a caller who delegates.
	Organizations Organizations
	// Read is what controls are judged by; nil: none are.
	Read   *Reader
	Quotas Quotas
	Log    *slog.Logger
}

// Organization is an organization, as far as Security Hub asks.
type Organization struct {
	Management string
	Accounts   []string // active ones
}

// Organizations are the operations by which an administrator is delegated.
type Organizations interface {
	EnableAWSServiceAccess(context.Context, *organizationsapi.EnableAWSServiceAccessRequest) (*organizationsapi.EnableAWSServiceAccessOutput, error)
	RegisterDelegatedAdministrator(context.Context, *organizationsapi.RegisterDelegatedAdministratorRequest) (*organizationsapi.RegisterDelegatedAdministratorOutput, error)
	DeregisterDelegatedAdministrator(context.Context, *organizationsapi.DeregisterDelegatedAdministratorRequest) (*organizationsapi.DeregisterDelegatedAdministratorOutput, error)
}

// Quotas replace AWS's where they are not zero.
// https://docs.aws.amazon.com/general/latest/gr/sechub.html
type Quotas struct {
	Insights int // custom ones of an account in a Region, 100
	Actions  int // custom actions of an account in a Region, 50
	Rules    int // automation rules of an account in a Region, 100
	Members  int // of an administrator in a Region by invitation, 1,000
}

// Service answers the operations of Security Hub.
type Service struct {
	api.Unimplemented
	Deps
	records
	codec codec
	queue *work.Queue
}

var _ api.Server = (*Service)(nil)

// New returns the service. Run does what is due.
func New(d Deps) *Service {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	for _, q := range []struct {
		v *int
		d int
	}{{&d.Quotas.Insights, 100}, {&d.Quotas.Actions, 50}, {&d.Quotas.Rules, 100}, {&d.Quotas.Members, 1000}} {
		if *q.v == 0 {
			*q.v = q.d
		}
	}
	s := &Service{Deps: d, records: newRecords()}
	s.codec = newCodec(s)
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, s.handlers())
	return s
}

// Run does what is due, until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

func (s *Service) now() time.Time { return s.Clock.Now().UTC().Truncate(time.Millisecond) }

// stamp is a time as Security Hub writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
