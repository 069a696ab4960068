package iam

import (
	"context"
	"errors"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// SignIn is a right password: who it belongs to, and what the account's
// password policy makes of it.
type SignIn struct {
	Identity caller.Identity
	// MustChange: the password is temporary or has expired, and the user must
	// choose a new one first.
	MustChange bool
	// Locked: it has expired, and only an administrator can set a new one
	// (HardExpiry). Access keys go on working.
	Locked bool
}

// SignIn checks a user's password, for the console. It returns nil if account,
// user and password do not fit together, and takes as long for a user that does
// not exist as for a wrong password.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
func (s *Service) SignIn(ctx context.Context, account, name, password string) (*SignIn, error) {
	id := recordID(account, name)
	u, err := s.users.Get(ctx, s.Store, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err != nil || u.Login == nil {
		return nil, s.passwords.refuse(ctx, password)
	}
	right, err := s.passwords.matches(ctx, u.Login.Hash, password)
	if err != nil || !right {
		return nil, err
	}
	p, err := s.passwordPolicy(ctx, s.Store, account)
	if err != nil {
		return nil, err
	}
	expired := p.expired(u.Login, s.Now())
	out := &SignIn{
		Identity:   caller.Identity{Kind: caller.User, Account: u.Account, ID: u.ID, ARN: u.ARN(), Name: u.Name},
		MustChange: expired || u.Login.MustSet,
		Locked:     expired && orZero(p.HardEnd),
	}
	if out.Locked {
		return out, nil
	}
	hash, changed := u.Login.Hash, true
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		u, err := s.users.Get(ctx, tx, id)
		if changed = errors.Is(err, store.ErrNotFound) || err == nil && u.Login.hash() != hash; changed {
			return nil
		} else if err != nil {
			return err
		}
		u.Login.LastUsed = s.now()
		return s.users.Put(ctx, tx, id, u)
	})
	if err != nil || changed { // the password was right a moment ago and is not any more
		return nil, err
	}
	return out, nil
}

// expired reports whether a password is older than the policy lets it be.
func (p *passwordPolicy) expired(l *login, now time.Time) bool {
	return p != nil && p.MaxAge > 0 && now.Sub(l.Changed) >= time.Duration(p.MaxAge)*24*time.Hour
}
