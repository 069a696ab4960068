// Package sns is Amazon SNS: topics, subscriptions to them by e-mail and HTTPS,
// and the delivery of what is published, tried again as delivery policies say.
//
//   - service.go, records.go: what the service may touch and what it stores.
//   - authorise.go: what the operations touch.
//   - topic.go, attributes.go, permission.go, subscribe.go, confirm.go,
//     subscription.go, tag.go, publish.go: the chapters of the API reference.
//   - attribute.go, filter.go, policy.go: message attributes, filter policies and
//     delivery policies.
//   - message.go, sign.go, seal.go: messages as endpoints get them, signed, and
//     how they are kept.
//   - deliver.go, http.go, email.go, queue.go: the way to the endpoints. mail/: SMTP.
package sns

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	kmsapi "bartizan.dev/api/kms"
	snsapi "bartizan.dev/api/sns"
	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// KMS is what encrypted topics ask of KMS, as whoever publishes.
type KMS interface {
	GenerateDataKey(context.Context, *kmsapi.GenerateDataKeyRequest) (*kmsapi.GenerateDataKeyResponse, error)
	Decrypt(context.Context, *kmsapi.DecryptRequest) (*kmsapi.DecryptResponse, error)
}

// Queues are the operations of SQS that queues as subscribers need.
type Queues interface {
	SendMessage(context.Context, *sqsapi.SendMessageRequest) (*sqsapi.SendMessageResult, error)
}

// Mailer sends e-mail. An error for which Permanent answers true is final.
type Mailer interface {
	// From is the address that messages come from.
	From() string
	Send(ctx context.Context, to string, message []byte) error
	Permanent(error) bool
}

// Deps is all the service may touch.
type Deps struct {
	Store  store.Store // its own view
	Clock  *work.Clock
	KMS    KMS
	Queues Queues
	// Mail is nil where nobody sends e-mail: such subscriptions are refused.
	Mail Mailer
	// HTTP calls endpoints. It must not follow redirects.
	HTTP *http.Client
	// URL is the endpoint that addresses in messages begin with.
	URL func() string
	// Bind replaces the users and roles that a policy names by their unique ids;
	// Show is its inverse. invalid is the first principal that does not exist.
	Bind   func(ctx context.Context, document string) (bound, invalid string, err error)
	Show   func(ctx context.Context, bound string) (document string, err error)
	Quotas Quotas
	Log    *slog.Logger
}

// Quotas replace AWS's where they are not zero.
// https://docs.aws.amazon.com/general/latest/gr/sns.html
type Quotas struct {
	Topics  int // of an account in a Region
	Pending int // subscriptions of an account that are not confirmed
	Filters int // filter policies of a topic
}

// Service answers the operations of SNS.
type Service struct {
	snsapi.Unimplemented
	Deps
	records
	queue     *work.Queue
	topicsOf  *store.Cache[*attached]
	audiences *store.Cache[*audience]
	pace      work.Pace

	signing sync.Mutex
	signer  *signer
}

var _ snsapi.Server = (*Service)(nil)

// New returns the service. Its caches live until ctx ends; Run delivers.
func New(ctx context.Context, d Deps) (*Service, error) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	for _, q := range []struct {
		v *int
		d int
	}{{&d.Quotas.Topics, 100_000}, {&d.Quotas.Pending, 5000}, {&d.Quotas.Filters, 200}} {
		if *q.v == 0 {
			*q.v = q.d
		}
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log, Parallel: 16}, map[string]work.Handler{
		jobDeliver: s.doDeliver, jobExpire: work.InTx(s.doExpire),
	})
	var err error
	if s.topicsOf, err = store.NewCache(ctx, d.Store, 10_000, s.loadTopic); err != nil {
		return nil, err
	}
	s.audiences, err = store.NewCache(ctx, d.Store, 1000, s.loadAudience)
	return s, err
}

// Run delivers until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

func (s *Service) now() time.Time { return s.Clock.Now().Truncate(time.Millisecond) }
