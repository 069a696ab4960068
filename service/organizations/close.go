package organizations

import (
	"context"
	"errors"
	"slices"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

func (s *Service) closeRules() policy.Rules {
	return policy.Rules{
		"CloseAccount": onTarget(s, "CloseAccount", management, func(in *api.CloseAccountRequest) string { return in.AccountId }),
	}
}

// CloseAccount begins to close an account. Nobody can use it from then on; after
// 90 days it leaves the organization for good.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_CloseAccount.html
func (s *Service) CloseAccount(ctx context.Context, in *api.CloseAccountRequest) (*api.CloseAccountOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managedAll(ctx, tx)
		if err != nil {
			return err
		}
		a, err := s.member(ctx, tx, o, in.AccountId)
		if err != nil {
			return err
		}
		switch {
		case a.ID == o.Management:
			return constraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You cannot close the management account.")
		case a.State == api.AccountState_PENDING_CLOSURE:
			return wire.Errorf("ConflictException", "The request failed because it conflicts with the current state of the specified resource.")
		case a.suspended():
			return wire.Errorf("AccountAlreadyClosedException", "The provided account is already closed.")
		}
		a.State, a.Closed = api.AccountState_PENDING_CLOSURE, s.now()
		if err := s.count(ctx, tx, o.ID, func(c *counts) error { return s.mayClose(c, a.Closed) }); err != nil {
			return err
		}
		if err := s.accounts.Put(ctx, tx, a.ID, a); err != nil {
			return err
		}
		return s.later(ctx, tx, jobClose, a.ID, a.Closed)
	})
	if err != nil {
		return nil, err
	}
	return &api.CloseAccountOutput{}, nil
}

// mayClose keeps the two quotas of closing, and counts one more.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
func (s *Service) mayClose(c *counts, now time.Time) error {
	if c.Closing++; c.Closing > s.Quotas.Closing {
		return constraint("CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED", "You have exceeded the number of accounts that you can close at a time.")
	}
	c.Closed = slices.DeleteFunc(c.Closed, func(t time.Time) bool { return now.Sub(t) >= closingSpan })
	c.Closed = append(c.Closed, now)
	if len(c.Closed) > min(max(minClosings, c.Members/5), maxClosings) {
		return constraint("CLOSE_ACCOUNT_QUOTA_EXCEEDED", "You have exceeded close account quota for the past 30 days.")
	}
	return nil
}

// doClose ends the closing.
func (s *Service) doClose(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	return func(tx store.Tx) error {
		a, err := s.accounts.Get(ctx, tx, j.ID)
		if err != nil {
			return err
		}
		a.State = api.AccountState_CLOSED
		if err := s.accounts.Put(ctx, tx, a.ID, a); err != nil {
			return err
		}
		if err := s.later(ctx, tx, jobClean, a.ID, a.Closed.Add(closedLife)); err != nil || a.Org == "" {
			return err
		}
		o, err := s.orgs.Get(ctx, tx, a.Org)
		if err != nil {
			return err
		}
		if err := s.count(ctx, tx, o.ID, func(c *counts) error { c.Closing--; return nil }); err != nil {
			return err
		}
		return s.notify(ctx, tx, closeEvent(o, a))
	}, nil
}

// doClean takes a closed account out of its organization. Its record stays, so
// that it never works again.
func (s *Service) doClean(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	return func(tx store.Tx) error {
		a, err := s.accounts.Get(ctx, tx, j.ID)
		if errors.Is(err, store.ErrNotFound) || err == nil && a.Org == "" {
			return nil
		} else if err != nil {
			return err
		}
		o, err := s.orgs.Get(ctx, tx, a.Org)
		if err != nil {
			return err
		}
		if err := s.leave(ctx, tx, o, a); err != nil {
			return err
		}
		return s.notify(ctx, tx, departed(o, a.ID, "CLEANED", s.now()))
	}, nil
}
