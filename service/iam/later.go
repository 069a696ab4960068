package iam

import (
	"context"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Kinds of work that happen later.
const (
	jobUnlink = "unlink" // deletes a service-linked role
	jobForget = "forget" // forgets how a deletion went
)

// Run does the work that is due until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// Settle waits until all work that is due now has been tried.
func (s *Service) Settle(ctx context.Context) error { return s.queue.Settle(ctx) }

func (s *Service) newQueue() *work.Queue {
	return work.New(s.Store, s.Clock, work.Options{Log: s.Log}, map[string]work.Handler{
		jobUnlink: s.unlink,
		jobForget: work.InTx(s.forget),
		jobIssuer: s.rotateIssuer,
		jobAdvise: s.writeAdvice,
		jobReport: s.writeCredentialReport,

		jobForgetAdvice: work.InTx(s.forgetAdvice),
	})
}

// later schedules a job in d from now.
func (s *Service) later(ctx context.Context, tx store.Tx, kind, id string, d time.Duration) error {
	return s.queue.Add(ctx, tx, work.Job{Kind: kind, ID: id, Due: s.Clock.Now().Add(d)})
}
