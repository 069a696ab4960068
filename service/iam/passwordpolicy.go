package iam

import (
	"context"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) passwordPolicyRules() policy.Rules {
	return policy.Rules{
		"DeleteAccountPasswordPolicy": policy.OnAny(policy.Touch{Action: "iam:DeleteAccountPasswordPolicy"}),
		"GetAccountPasswordPolicy": policy.On(func(ctx context.Context, _ *iamapi.GetAccountPasswordPolicyInput) ([]policy.Touch, error) {
			grant, err := s.changeGrant(ctx)
			return []policy.Touch{{Action: "iam:GetAccountPasswordPolicy", Grant: grant}}, err
		}),
		"UpdateAccountPasswordPolicy": policy.OnAny(policy.Touch{Action: "iam:UpdateAccountPasswordPolicy"}),
	}
}

// changeGrant is what AllowUsersToChangePassword gives every user of the
// account: iam:ChangePassword for itself and iam:GetAccountPasswordPolicy,
// "applied at the account-level". It returns nil if there is no such right.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PasswordPolicy.html
func (s *Service) changeGrant(ctx context.Context) (*policy.Source, error) {
	id := &caller.From(ctx).Identity
	if id.Kind != caller.User {
		return nil, nil
	}
	p, err := s.passwordPolicy(ctx, s.Store, id.Account)
	if err != nil || p == nil || !p.UserChange {
		return nil, err
	}
	return &policy.Source{Type: policy.Grant, ARN: rootARN(id.Account), Name: "account password policy"}, nil
}

// passwordPolicy reads the account's password policy; nil is AWS's default.
func (s *Service) passwordPolicy(ctx context.Context, r store.Reader, id string) (*passwordPolicy, error) {
	a, err := s.accountFor(ctx, r, id)
	if err != nil {
		return nil, err
	}
	return a.Password, nil
}

// DeleteAccountPasswordPolicy returns to AWS's default policy.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccountPasswordPolicy.html
func (s *Service) DeleteAccountPasswordPolicy(ctx context.Context, _ *iamapi.DeleteAccountPasswordPolicyInput) (*iamapi.DeleteAccountPasswordPolicyOutput, error) {
	err := s.changeAccount(ctx, func(_ store.Tx, a *account) error {
		if a.Password == nil {
			return wire.Errorf("NoSuchEntity", "The account policy with name PasswordPolicy cannot be found.").WithStatus(404)
		}
		a.Password = nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteAccountPasswordPolicyOutput{}, nil
}

// GetAccountPasswordPolicy tells the account's own policy. As on AWS the
// default policy is not shown.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountPasswordPolicy.html
func (s *Service) GetAccountPasswordPolicy(ctx context.Context, _ *iamapi.GetAccountPasswordPolicyInput) (*iamapi.GetAccountPasswordPolicyResponse, error) {
	p, err := s.passwordPolicy(ctx, s.Store, accountOf(ctx))
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, wire.Errorf("NoSuchEntity", "The Password Policy with domain name %s cannot be found.", accountOf(ctx)).WithStatus(404)
	}
	out := &iamapi.PasswordPolicy{
		MinimumPasswordLength: &p.MinLength, RequireSymbols: &p.Symbols, RequireNumbers: &p.Numbers,
		RequireUppercaseCharacters: &p.Upper, RequireLowercaseCharacters: &p.Lower,
		AllowUsersToChangePassword: &p.UserChange, ExpirePasswords: new(p.MaxAge > 0), HardExpiry: p.HardEnd,
	}
	if p.MaxAge > 0 {
		out.MaxPasswordAge = &p.MaxAge
	}
	if p.Reuse > 0 {
		out.PasswordReusePrevention = &p.Reuse
	}
	return &iamapi.GetAccountPasswordPolicyResponse{PasswordPolicy: out}, nil
}

// UpdateAccountPasswordPolicy replaces the whole policy: "this operation does
// not support partial updates".
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html
func (s *Service) UpdateAccountPasswordPolicy(ctx context.Context, in *iamapi.UpdateAccountPasswordPolicyRequest) (*iamapi.UpdateAccountPasswordPolicyOutput, error) {
	p := &passwordPolicy{
		MinLength: orZero(in.MinimumPasswordLength), Symbols: orZero(in.RequireSymbols), Numbers: orZero(in.RequireNumbers),
		Upper: orZero(in.RequireUppercaseCharacters), Lower: orZero(in.RequireLowercaseCharacters),
		UserChange: orZero(in.AllowUsersToChangePassword), HardEnd: in.HardExpiry,
		MaxAge: orZero(in.MaxPasswordAge), Reuse: orZero(in.PasswordReusePrevention),
	}
	if p.MinLength == 0 {
		p.MinLength = customMinLength
	}
	err := s.changeAccount(ctx, func(_ store.Tx, a *account) error {
		a.Password = p
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UpdateAccountPasswordPolicyOutput{}, nil
}

// orZero is the value of an optional parameter, or zero.
func orZero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
