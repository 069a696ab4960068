package sts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/work"
)

// An assertion is a bearer token: it counts once, on whichever node. What is
// stored, under the hash of its provider and its ID, is that it was used, until it
// is too old to be accepted anyhow.
//
//	assertion/{hash}  usedAssertion
type usedAssertion struct{ Until time.Time }

func assertions() *store.Collection[usedAssertion] {
	return &store.Collection[usedAssertion]{Name: "assertion"}
}

// jobForget forgets a used assertion.
const jobForget = "assertion"

func (s *Service) newQueue() *work.Queue {
	if s.Store == nil { // a service without federation
		return nil
	}
	return work.New(s.Store, s.Clock, work.Options{Log: s.Log}, map[string]work.Handler{
		jobForget: work.InTx(func(ctx context.Context, tx store.Tx, j work.Job) error { return assertions().Delete(ctx, tx, j.ID) }),
	})
}

// Run does the work that is due until ctx ends.
func (s *Service) Run(ctx context.Context) error { return s.queue.Run(ctx) }

// use marks the assertion as used, or refuses it if it was.
func (s *Service) use(ctx context.Context, a *assertion) error {
	sum := sha256.Sum256([]byte(a.provider + "\x00" + a.ID))
	id := hex.EncodeToString(sum[:])
	until := a.Issued.Add(redeem + 2*skew)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := assertions().Insert(ctx, tx, id, &usedAssertion{Until: until}); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobForget, ID: id, Due: until})
	})
	if errors.Is(err, store.ErrExists) {
		return invalidToken("The SAML assertion was used before.")
	}
	return err
}
