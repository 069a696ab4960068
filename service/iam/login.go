package iam

import (
	"context"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) loginRules() policy.Rules {
	return policy.Rules{
		"ChangePassword": policy.On(func(ctx context.Context, _ *iamapi.ChangePasswordRequest) ([]policy.Touch, error) {
			touches, err := s.touchOwn(ctx, "ChangePassword", nil)
			if err != nil {
				return nil, err
			}
			touches[0].Grant, err = s.changeGrant(ctx)
			return touches, err
		}),
		"CreateLoginProfile": onOwn(s, "CreateLoginProfile", func(in *iamapi.CreateLoginProfileRequest) *string { return in.UserName }),
		"DeleteLoginProfile": onOwn(s, "DeleteLoginProfile", func(in *iamapi.DeleteLoginProfileRequest) *string { return in.UserName }),
		"GetLoginProfile":    onOwn(s, "GetLoginProfile", func(in *iamapi.GetLoginProfileRequest) *string { return in.UserName }),
		"UpdateLoginProfile": onBearer(s, "UpdateLoginProfile", aUser, func(in *iamapi.UpdateLoginProfileRequest) string { return in.UserName }, nil),
	}
}

// keptPasswords is how many earlier passwords are remembered: as many as the
// largest PasswordReusePrevention can ask for.
const keptPasswords = 24

func noLogin(user string) *wire.Error {
	return wire.Errorf("NoSuchEntity", "Login Profile for User %s cannot be found.", user).WithStatus(404)
}

func loginExists(user string) *wire.Error {
	return wire.Errorf("EntityAlreadyExists", "Login Profile for user %s already exists.", user).WithStatus(409)
}

// A draft is a new password on its way: checked and hashed before the
// transaction that sets it, because hashing is slow.
type draft struct {
	user           *user // as it was when the password was checked
	password, hash string
	reuse          int // how many earlier passwords it was compared with
}

// draft checks a new password of u against the account's policy and hashes it.
func (s *Service) draft(ctx context.Context, u *user, password string) (*draft, error) {
	p, err := s.checkPassword(ctx, s.Store, u, password)
	if err != nil {
		return nil, err
	}
	d := &draft{user: u, password: password, reuse: p.reuse()}
	for _, hash := range u.Login.last(d.reuse) {
		used, err := s.passwords.matches(ctx, hash, password)
		if err != nil {
			return nil, err
		}
		if used {
			return nil, violation("Password does not conform to the account password policy: it was used before.")
		}
	}
	d.hash, err = s.passwords.hash(ctx, password)
	return d, err
}

// checkPassword applies the rules about characters and returns the policy.
func (s *Service) checkPassword(ctx context.Context, r store.Reader, u *user, password string) (*passwordPolicy, error) {
	a, err := s.accountFor(ctx, r, u.Account)
	if err != nil {
		return nil, err
	}
	return a.Password, a.Password.check(password, a.ID, a.Alias)
}

// set gives u the password of the draft, unless user, password or policy have
// changed since the draft was made.
func (s *Service) set(ctx context.Context, tx store.Tx, u *user, d *draft) error {
	p, err := s.checkPassword(ctx, tx, u, d.password)
	if err != nil {
		return err
	}
	if u.ID != d.user.ID || u.Login.hash() != d.user.Login.hash() || p.reuse() > d.reuse {
		return wire.Errorf("EntityTemporarilyUnmodifiable", "Login Profile for User %s cannot be modified while login profile is being changed.", u.Name).WithStatus(409)
	}
	if u.Login == nil {
		u.Login = &login{Created: s.now()}
	} else {
		u.Login.History = u.Login.last(keptPasswords)
	}
	u.Login.Hash, u.Login.Changed = d.hash, s.now()
	return nil
}

// hash is the hash of the current password, or "".
func (l *login) hash() string {
	if l == nil {
		return ""
	}
	return l.Hash
}

// last returns the hashes of at most n passwords, the current one first.
func (l *login) last(n int) []string {
	if l == nil {
		return nil
	}
	all := append([]string{l.Hash}, l.History...)
	return all[:min(n, len(all))]
}

func apiLogin(u *user) *iamapi.LoginProfile {
	return &iamapi.LoginProfile{UserName: u.Name, CreateDate: u.Login.Created, PasswordResetRequired: &u.Login.MustSet}
}

// ChangePassword changes the password of the user who calls.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ChangePassword.html
func (s *Service) ChangePassword(ctx context.Context, in *iamapi.ChangePasswordRequest) (*iamapi.ChangePasswordOutput, error) {
	if caller.From(ctx).Identity.Kind != caller.User {
		return nil, wire.Errorf("InvalidUserType", "Only IAM Users can change their own password")
	}
	u, err := s.userOrOwn(ctx, s.Store, nil)
	if err != nil {
		return nil, err
	}
	if u.Login == nil {
		return nil, noLogin(u.Name)
	}
	right, err := s.passwords.matches(ctx, u.Login.Hash, in.OldPassword)
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, wire.Errorf("AccessDenied", "The old password was incorrect.").WithStatus(403)
	}
	d, err := s.draft(ctx, u, in.NewPassword)
	if err != nil {
		return nil, err
	}
	err = s.changeUser(ctx, u.Name, func(tx store.Tx, u *user) error {
		if u.Login == nil {
			return noLogin(u.Name)
		}
		u.Login.MustSet = false
		return s.set(ctx, tx, u, d)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.ChangePasswordOutput{}, nil
}

// CreateLoginProfile gives a user a password. The password is absent in a
// session of AssumeRoot only, where it is about the root user's.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateLoginProfile.html
func (s *Service) CreateLoginProfile(ctx context.Context, in *iamapi.CreateLoginProfileRequest) (*iamapi.CreateLoginProfileResponse, error) {
	if in.UserName == nil && assumedRoot(ctx) {
		out, err := s.createRootLogin(ctx, in)
		if err != nil {
			return nil, err
		}
		return &iamapi.CreateLoginProfileResponse{LoginProfile: out}, nil
	}
	if in.Password == nil {
		return nil, wire.Errorf("ValidationError", "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null")
	}
	u, err := s.userOrOwn(ctx, s.Store, in.UserName)
	if err != nil {
		return nil, err
	}
	if u.Login != nil {
		return nil, loginExists(u.Name)
	}
	d, err := s.draft(ctx, u, *in.Password)
	if err != nil {
		return nil, err
	}
	var out *iamapi.LoginProfile
	err = s.changeUser(ctx, u.Name, func(tx store.Tx, u *user) error {
		if u.Login != nil {
			return loginExists(u.Name)
		}
		if err := s.set(ctx, tx, u, d); err != nil {
			return err
		}
		u.Login.MustSet = orZero(in.PasswordResetRequired)
		out = apiLogin(u)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateLoginProfileResponse{LoginProfile: out}, nil
}

// DeleteLoginProfile takes a user's password away.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteLoginProfile.html
func (s *Service) DeleteLoginProfile(ctx context.Context, in *iamapi.DeleteLoginProfileRequest) (*iamapi.DeleteLoginProfileOutput, error) {
	if in.UserName == nil && assumedRoot(ctx) {
		if err := s.deleteRootLogin(ctx); err != nil {
			return nil, err
		}
		return &iamapi.DeleteLoginProfileOutput{}, nil
	}
	u, err := s.userOrOwn(ctx, s.Store, in.UserName)
	if err != nil {
		return nil, err
	}
	err = s.changeUser(ctx, u.Name, func(_ store.Tx, u *user) error {
		if u.Login == nil {
			return noLogin(u.Name)
		}
		u.Login = nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteLoginProfileOutput{}, nil
}

// GetLoginProfile tells when a user's password was made.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetLoginProfile.html
func (s *Service) GetLoginProfile(ctx context.Context, in *iamapi.GetLoginProfileRequest) (*iamapi.GetLoginProfileResponse, error) {
	if in.UserName == nil && assumedRoot(ctx) {
		out, err := s.getRootLogin(ctx)
		if err != nil {
			return nil, err
		}
		return &iamapi.GetLoginProfileResponse{LoginProfile: out}, nil
	}
	u, err := s.userOrOwn(ctx, s.Store, in.UserName)
	if err != nil {
		return nil, err
	}
	if u.Login == nil {
		return nil, noLogin(u.Name)
	}
	return &iamapi.GetLoginProfileResponse{LoginProfile: apiLogin(u)}, nil
}

// UpdateLoginProfile changes a user's password, or whether the user must choose
// a new one; what is left out stays.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateLoginProfile.html
func (s *Service) UpdateLoginProfile(ctx context.Context, in *iamapi.UpdateLoginProfileRequest) (*iamapi.UpdateLoginProfileOutput, error) {
	u, err := s.user(ctx, s.Store, in.UserName)
	if err != nil {
		return nil, err
	}
	if u.Login == nil {
		return nil, noLogin(u.Name)
	}
	var d *draft
	if in.Password != nil {
		if d, err = s.draft(ctx, u, *in.Password); err != nil {
			return nil, err
		}
	}
	err = s.changeUser(ctx, in.UserName, func(tx store.Tx, u *user) error {
		if u.Login == nil {
			return noLogin(u.Name)
		}
		if in.PasswordResetRequired != nil {
			u.Login.MustSet = *in.PasswordResetRequired
		}
		if d == nil {
			return nil
		}
		return s.set(ctx, tx, u, d)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateLoginProfileOutput{}, nil
}
