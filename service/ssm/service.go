// Package ssm is the Parameter Store of AWS Systems Manager: values under names
// that form hierarchies, in versions, in the clear or encrypted by KMS.
//
//   - service.go, records.go: what the service may touch and what it stores.
//   - authorise.go: what the operations touch.
//   - put.go, get.go, path.go, describe.go, history.go, label.go, delete.go, tag.go,
//     share.go: the chapters of the API reference.
//   - value.go, datatype.go, name.go, lifecycle.go: what is checked of a parameter.
//   - secure.go: how values are encrypted and who may read them.
package ssm

import (
	"context"
	"log/slog"

	kmsapi "bartizan.dev/api/kms"
	ssmapi "bartizan.dev/api/ssm"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// KMS is what the service asks of KMS, as the caller: through the inner door.
type KMS interface {
	Encrypt(context.Context, *kmsapi.EncryptRequest) (*kmsapi.EncryptResponse, error)
	Decrypt(context.Context, *kmsapi.DecryptRequest) (*kmsapi.DecryptResponse, error)
	GenerateDataKey(context.Context, *kmsapi.GenerateDataKeyRequest) (*kmsapi.GenerateDataKeyResponse, error)
}

// Deps is all the service may touch.
type Deps struct {
	Store store.Store // its own view
	Clock *work.Clock
	Log   *slog.Logger
	KMS   KMS
	// Secret reads a secret of Secrets Manager for the caller, with the caller's
	// rights.
	Secret func(ctx context.Context, name, version, stage string) (*Secret, error)
	// Bind replaces the users and roles that a policy names by their unique ids;
	// Show is its inverse. invalid is the first principal that does not exist.
	Bind   func(ctx context.Context, document string) (bound, invalid string, err error)
	Show   func(ctx context.Context, bound string) (document string, err error)
	Quotas Quotas // zero fields stand for AWS's defaults
}

// Quotas are the numbers of parameters of an account in a Region.
// https://docs.aws.amazon.com/general/latest/gr/ssm.html#limits_ssm
type Quotas struct{ Standard, Advanced int }

// Service answers the operations of Parameter Store.
type Service struct {
	ssmapi.Unimplemented
	Deps
	records
	queue *work.Queue
}

var _ ssmapi.Server = (*Service)(nil)

// New returns the service. Run does what is due.
func New(d Deps) *Service {
	if d.Quotas.Standard == 0 {
		d.Quotas.Standard = 10_000
	}
	if d.Quotas.Advanced == 0 {
		d.Quotas.Advanced = 100_000
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, map[string]work.Handler{jobExpire: work.InTx(s.expire)})
	return s
}

// Run does the work that is due until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until all work that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }
