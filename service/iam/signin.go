package iam

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"bartizan.dev/arn"
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
	// Stamp stands for the password: it changes when that does, and is empty while
	// there is none.
	Stamp string
}

// stamp is made of the hash, which it does not give away.
func (l *login) stamp() string {
	if l.hash() == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("stamp of " + l.Hash))
	return hex.EncodeToString(sum[:16])
}

// FindAccount returns the id of an account by its id or alias; "" if there is
// none.
func (s *Service) FindAccount(ctx context.Context, name string) (string, error) {
	if arn.IsAccount(name) {
		exists, err := s.HasAccount(ctx, name)
		if err != nil || !exists {
			return "", err
		}
		return name, nil
	}
	ids, err := s.accounts.By(ctx, s.Store, "alias", name, "", 1)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}

// UserID returns the id of a user by name; "" if there is none.
func (s *Service) UserID(ctx context.Context, account, name string) (string, error) {
	u, err := s.users.Get(ctx, s.Store, recordID(account, name))
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return u.ID, nil
}

// SignedIn looks up a user or root user that signed in earlier, by its id; nil
// if it is gone.
func (s *Service) SignedIn(ctx context.Context, id *caller.Identity) (*SignIn, error) {
	if id.Kind == caller.Root {
		a, err := s.accounts.Get(ctx, s.Store, id.Account)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		return &SignIn{Identity: *id, Stamp: a.Root.stamp()}, nil
	}
	e, err := s.users.OneBy(ctx, s.Store, "id", id.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	p, err := s.passwordPolicy(ctx, s.Store, e.Value.Account)
	if err != nil {
		return nil, err
	}
	return s.signIn(e.Value, p), nil
}

// signIn is what a user's login and the account's policy make of a sign-in.
func (s *Service) signIn(u *user, p *passwordPolicy) *SignIn {
	out := &SignIn{
		Identity: caller.Identity{Kind: caller.User, Account: u.Account, ID: u.ID, ARN: u.ARN(), Name: u.Name},
		Stamp:    u.Login.stamp(),
	}
	if u.Login != nil {
		expired := p.expired(u.Login, s.Now())
		out.MustChange, out.Locked = expired || u.Login.MustSet, expired && orZero(p.HardEnd)
	}
	return out
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
	out := s.signIn(u, p)
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
