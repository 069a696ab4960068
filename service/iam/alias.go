package iam

import (
	"context"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// CreateAccountAlias gives the account an alias, in place of the one it had: an
// account has one alias, and no two accounts have the same.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccountAlias.html
func (s *Service) CreateAccountAlias(ctx context.Context, in *iamapi.CreateAccountAliasRequest) (*iamapi.CreateAccountAliasOutput, error) {
	err := s.changeAccount(ctx, func(tx store.Tx, a *account) error {
		taken, err := s.accounts.By(ctx, tx, "alias", in.AccountAlias, "", 1)
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return wire.Errorf("EntityAlreadyExists", "The account alias %s already exists.", in.AccountAlias).WithStatus(409)
		}
		a.Alias = in.AccountAlias
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateAccountAliasOutput{}, nil
}

// DeleteAccountAlias takes the account's alias away.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccountAlias.html
func (s *Service) DeleteAccountAlias(ctx context.Context, in *iamapi.DeleteAccountAliasRequest) (*iamapi.DeleteAccountAliasOutput, error) {
	err := s.changeAccount(ctx, func(_ store.Tx, a *account) error {
		if a.Alias != in.AccountAlias {
			return wire.Errorf("NoSuchEntity", "The account alias with name %s cannot be found.", in.AccountAlias).WithStatus(404)
		}
		a.Alias = ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteAccountAliasOutput{}, nil
}

// ListAccountAliases lists the account's alias, if it has one.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccountAliases.html
func (s *Service) ListAccountAliases(ctx context.Context, in *iamapi.ListAccountAliasesRequest) (*iamapi.ListAccountAliasesResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	a, err := s.accountFor(ctx, s.Store, accountOf(ctx))
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListAccountAliasesResponse{}
	out.AccountAliases, out.IsTruncated, out.Marker = cut(p, nonempty(a.Alias), func(alias string) string { return alias })
	return out, nil
}
