package iam

import (
	"context"
	"errors"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// The root user's password. In IAM it is the login profile that a session of
// AssumeRoot sees without a user name: CreateLoginProfile then allows the
// password to be recovered, and DeleteLoginProfile takes it away. AWS sends the
// recovery's link to the account's e-mail address; here SetRootPassword is what
// the link would lead to.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html

// ErrNoRecovery says that the root user's password of a member account cannot
// be recovered, because root credentials are managed by its organization.
var ErrNoRecovery = errors.New("iam: the password of this account's root user cannot be recovered: " +
	"its organization manages root credentials and must allow it first (AssumeRoot with IAMCreateRootUserPassword)")

func apiRootLogin(l *login) *iamapi.LoginProfile {
	return &iamapi.LoginProfile{UserName: "root", CreateDate: l.Created, PasswordResetRequired: &l.MustSet}
}

func (s *Service) getRootLogin(ctx context.Context) (*iamapi.LoginProfile, error) {
	a, err := s.accountFor(ctx, s.Store, accountOf(ctx))
	if err != nil {
		return nil, err
	}
	if a.Root == nil {
		return nil, noLogin("root")
	}
	return apiRootLogin(a.Root), nil
}

// createRootLogin allows the root user's password to be recovered.
func (s *Service) createRootLogin(ctx context.Context, in *iamapi.CreateLoginProfileRequest) (*iamapi.LoginProfile, error) {
	if in.Password != nil {
		return nil, wire.Errorf("ValidationError", "Password must be omitted when you make the request with an AssumeRoot session.")
	}
	if orZero(in.PasswordResetRequired) {
		return nil, wire.Errorf("ValidationError", "PasswordResetRequired must be omitted when you make the request with an AssumeRoot session.")
	}
	var out *iamapi.LoginProfile
	err := s.changeAccount(ctx, func(_ store.Tx, a *account) error {
		if a.Root != nil {
			return wire.Errorf("EntityAlreadyExists", "Login Profile for the root user already exists.").WithStatus(409)
		}
		a.Root = &login{Created: s.now()}
		out = apiRootLogin(a.Root)
		return nil
	})
	return out, err
}

func (s *Service) deleteRootLogin(ctx context.Context) error {
	return s.changeAccount(ctx, func(_ store.Tx, a *account) error {
		if a.Root == nil {
			return noLogin("root")
		}
		a.Root = nil
		return nil
	})
}

// SetRootPassword sets the password of an account's root user, as account
// recovery does. Account password policies do not apply to root users; AWS asks
// for eight to 128 characters of three kinds.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/root-user-password.html
func (s *Service) SetRootPassword(ctx context.Context, id, password string) error {
	if err := (*passwordPolicy)(nil).check(password, id, ""); err != nil {
		return err
	}
	hash, err := s.passwords.hash(ctx, password)
	if err != nil {
		return err
	}
	m, err := s.member(ctx, id)
	if err != nil {
		return err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.accounts.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if a.Root == nil {
			if m != nil && m.Management != id {
				f, err := s.rootFeatures(ctx, tx, m.Organization)
				if err != nil {
					return err
				}
				if f.Credentials {
					return ErrNoRecovery
				}
			}
			a.Root = &login{Created: s.now()}
		}
		a.Root.Hash, a.Root.Changed = hash, s.now()
		return s.accounts.Put(ctx, tx, id, a)
	})
	return err
}

// SignInRoot checks the password of an account's root user, for the console. It
// returns nil if they do not fit together, and takes as long for an account
// without password as for a wrong one.
func (s *Service) SignInRoot(ctx context.Context, id, password string) (*SignIn, error) {
	a, err := s.accounts.Get(ctx, s.Store, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err != nil || a.Root.hash() == "" {
		return nil, s.passwords.refuse(ctx, password)
	}
	right, err := s.passwords.matches(ctx, a.Root.Hash, password)
	if err != nil || !right {
		return nil, err
	}
	hash, changed := a.Root.Hash, true
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.accounts.Get(ctx, tx, id)
		if changed = errors.Is(err, store.ErrNotFound) || err == nil && a.Root.hash() != hash; changed {
			return nil
		} else if err != nil {
			return err
		}
		a.Root.LastUsed = s.now()
		return s.accounts.Put(ctx, tx, id, a)
	})
	if err != nil || changed {
		return nil, err
	}
	return &SignIn{Identity: caller.Identity{Kind: caller.Root, Account: id, ID: id, ARN: rootARN(id)}}, nil
}
