// Package cloudhsmv2 is AWS CloudHSM: clusters of hardware security modules.
// Each cluster is one token of the HSM that the server has been given.
//
//   - service.go, records.go, find.go: what the service may touch, what it stores,
//     how it finds it.
//   - authorise.go: what the operations touch.
//   - cluster.go, hsm.go, initialize.go, backup.go, tag.go: the chapters of the API
//     reference.
//   - token.go: what happens to the tokens, later.
//   - user.go: a cluster's crypto user, whom AWS makes with a tool of its own.
//   - custody.go: what KMS asks for a custom key store.
package cloudhsmv2

import (
	"context"
	"log/slog"

	hsmapi "bartizan.dev/api/cloudhsmv2"
	"bartizan.dev/keys/pkcs11"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Deps is all the service may touch.
type Deps struct {
	Store  store.Store    // its own view
	HSM    *pkcs11.Client // nil: there is none
	Clock  *work.Clock
	Log    *slog.Logger
	Quotas Quotas // zero fields stand for AWS's defaults
}

// Quotas are per account and Region.
// https://docs.aws.amazon.com/cloudhsm/latest/userguide/limits.html
type Quotas struct {
	Clusters, HSMs int
}

// These AWS does not raise.
const (
	maxHSMsOfCluster = 28
	maxTags          = 50
)

// Service answers the operations of CloudHSM.
type Service struct {
	hsmapi.Unimplemented
	Deps
	records
	queue *work.Queue
}

var _ hsmapi.Server = (*Service)(nil)

// New returns the service. Run does what is due later.
func New(d Deps) *Service {
	if d.Quotas.Clusters == 0 {
		d.Quotas.Clusters = 4
	}
	if d.Quotas.HSMs == 0 {
		d.Quotas.HSMs = 6
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Deps: d, records: newRecords()}
	s.queue = work.New(d.Store, d.Clock, work.Options{Log: d.Log}, map[string]work.Handler{clusterJob: s.settle})
	return s
}

// Run does what is due until ctx ends: tokens are made and erased.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until everything that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }
