// Package secretsmanager is AWS Secrets Manager: secrets with versions and
// staging labels, sealed under the caller's KMS keys, rotated by executors that
// are really called.
//
//   - service.go, records.go: what the service may touch and what it stores.
//   - find.go: which secret a SecretId means. authorise.go, conditions.go: what
//     the operations touch.
//   - seal.go: envelope encryption. stage.go: how labels move. trim.go: which
//     versions go away.
//   - create.go, value.go, batch.go, update.go, describe.go, list.go, filter.go,
//     delete.go, tag.go, policy.go, password.go, replicate.go, mirror.go, across.go, copy.go, rotate.go: the
//     chapters of the API reference.
//   - work.go, rotation.go, event.go: what happens later, and is recorded.
//   - schedule: when rotations are due. executor: who does them.
package secretsmanager

import (
	"context"
	"log/slog"
	"time"

	kmsapi "bartizan.dev/api/kms"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/policy/analysis"
	"bartizan.dev/policy/reference"
	"bartizan.dev/service/secretsmanager/executor"
	"bartizan.dev/store"
	"bartizan.dev/trail"
	"bartizan.dev/work"
)

// Keys are the operations of KMS that secrets are sealed with. Calls carry the
// caller of their context: it needs rights of its own on the key.
type Keys interface {
	GenerateDataKey(context.Context, *kmsapi.GenerateDataKeyRequest) (*kmsapi.GenerateDataKeyResponse, error)
	Decrypt(context.Context, *kmsapi.DecryptRequest) (*kmsapi.DecryptResponse, error)
	Encrypt(context.Context, *kmsapi.EncryptRequest) (*kmsapi.EncryptResponse, error)
}

// Self is what the service asks of itself through the inner door, so that each
// secret of a batch is authorised and recorded as if it had been asked for alone.
type Self interface {
	GetSecretValue(context.Context, *secretsmanagerapi.GetSecretValueRequest) (*secretsmanagerapi.GetSecretValueResponse, error)
}

// Deps is all the service may touch.
type Deps struct {
	Store     store.Store // its own view
	Clock     *work.Clock
	Keys      Keys
	Self      Self
	Reference *reference.Reference // the known actions, for the checks of resource policies
	// Executor returns who rotates for the function with an ARN, or nil.
	Executor func(function string) executor.Executor
	// Bind replaces the users and roles that a policy names by their unique ids,
	// so that it means them and nobody made later under their names; Show is its
	// inverse. invalid is the first principal that does not exist.
	Bind func(ctx context.Context, document string) (bound, invalid string, err error)
	Show func(ctx context.Context, bound string) (document string, err error)
	// Organization is the id of the organization that an account is in; empty: none.
	Organization func(ctx context.Context, account string) (string, error)
	// Assume returns the context of a session of a role that the service assumes to
	// replicate the secret with an ARN.
	Assume func(ctx context.Context, role, secret string) (context.Context, error)
	// Record writes an event of the service's own into the trail; nil: nowhere.
	Record func(ctx context.Context, e *trail.Event) error
	Quotas Quotas
	Log    *slog.Logger
}

// Quotas replace AWS's where they are not zero.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
type Quotas struct {
	Secrets  int // of an account in a Region
	Versions int // of a secret, those younger than a day included
}

// Service answers the operations of Secrets Manager.
type Service struct {
	secretsmanagerapi.Unimplemented
	Deps
	records
	queue    *work.Queue
	exact    *analysis.Analyzer
	policies *store.Cache[*attached]
}

var _ secretsmanagerapi.Server = (*Service)(nil)

// New returns the service. Its caches live until ctx ends; Run does what is due.
func New(ctx context.Context, d Deps) (*Service, error) {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Quotas.Secrets == 0 {
		d.Quotas.Secrets = 500_000
	}
	if d.Quotas.Versions == 0 {
		d.Quotas.Versions = 1000
	}
	s := &Service{Deps: d, records: newRecords(), exact: &analysis.Analyzer{Reference: d.Reference}}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, s.handlers())
	var err error
	if s.policies, err = store.NewCache(ctx, d.Store, 10_000, s.loadPolicy); err != nil {
		return nil, err
	}
	return s, nil
}

// Run does what is due until ctx ends: secrets are rotated and deleted.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

// now is the time records are stamped with. AWS's have milliseconds.
func (s *Service) now() time.Time { return s.Clock.Now().Truncate(time.Millisecond) }
