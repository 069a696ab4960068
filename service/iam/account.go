package iam

import (
	"context"
	"errors"
	"time"

	"bartizan.dev/store"
)

// now is the time records are stamped with: AWS's have whole seconds.
func (s *Service) now() time.Time { return s.Now().Truncate(time.Second) }

// accountFor reads an account, or makes one that is not stored yet.
func (s *Service) accountFor(ctx context.Context, r store.Reader, id string) (*account, error) {
	a, err := s.accounts.Get(ctx, r, id)
	if errors.Is(err, store.ErrNotFound) {
		return &account{ID: id, Created: s.now()}, nil
	}
	return a, err
}

// countsOf reads how many records an account has.
func (s *Service) countsOf(ctx context.Context, r store.Reader, account string) (*counts, error) {
	c, err := s.records.counts.Get(ctx, r, account)
	if errors.Is(err, store.ErrNotFound) {
		return &counts{}, nil
	}
	return c, err
}

// count changes an account's counters and keeps its quotas.
func (s *Service) count(ctx context.Context, tx store.Tx, account string, change func(*counts) error) error {
	c, err := s.countsOf(ctx, tx, account)
	if err != nil {
		return err
	}
	if err := change(c); err != nil {
		return err
	}
	return s.records.counts.Put(ctx, tx, account, c)
}

// changeAccount lets change alter the record of the caller's account, in a
// transaction.
func (s *Service) changeAccount(ctx context.Context, change func(store.Tx, *account) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.accountFor(ctx, tx, accountOf(ctx))
		if err != nil {
			return err
		}
		if err := change(tx, a); err != nil {
			return err
		}
		return s.accounts.Put(ctx, tx, a.ID, a)
	})
	return err
}

// EnsureAccount makes an account with a root access key, unless it exists. It
// reports whether it made it.
func (s *Service) EnsureAccount(ctx context.Context, id, accessKeyID, secret string) (made bool, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		made = false
		err := s.accounts.Insert(ctx, tx, id, &account{ID: id, Created: s.now()})
		if errors.Is(err, store.ErrExists) {
			return nil
		} else if err != nil {
			return err
		}
		made = true
		return s.keys.Insert(ctx, tx, accessKeyID, &accessKey{
			ID: accessKeyID, Secret: secret, Account: id, Active: true, Created: s.now(),
		})
	})
	return made, err
}

// HasAccount reports whether the account exists.
func (s *Service) HasAccount(ctx context.Context, id string) (bool, error) {
	_, err := s.accounts.Get(ctx, s.Store, id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
