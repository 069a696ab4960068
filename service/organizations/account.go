package organizations

import (
	"context"
	"strings"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) accountRules() policy.Rules {
	return policy.Rules{
		"DescribeAccount": onTarget(s, "DescribeAccount", readers, func(in *api.DescribeAccountRequest) string { return in.AccountId }),
		"ListAccounts":    onNothing[api.ListAccountsRequest](s, "ListAccounts", readers),
		"MoveAccount": rule(s, "MoveAccount", management, func(ctx context.Context, o *organization, in *api.MoveAccountRequest) ([]policy.Touch, error) {
			return s.touchTargets(ctx, o, in.AccountId, in.SourceParentId, in.DestinationParentId)
		}),
	}
}

// touchTargets is a touch for each of several roots, OUs and accounts.
func (s *Service) touchTargets(ctx context.Context, o *organization, ids ...string) ([]policy.Touch, error) {
	var out []policy.Touch
	for _, id := range ids {
		t, err := s.touchTarget(ctx, o, id)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// DescribeAccount tells about an account of the organization.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeAccount.html
func (s *Service) DescribeAccount(ctx context.Context, in *api.DescribeAccountRequest) (*api.DescribeAccountResponse, error) {
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	a, err := s.member(ctx, s.Store, o, in.AccountId)
	if err != nil {
		return nil, err
	}
	out, err := s.apiAccount(ctx, s.Store, o, a)
	if err != nil {
		return nil, err
	}
	return &api.DescribeAccountResponse{Account: out}, nil
}

// ListAccounts lists the accounts of the organization by their ids.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html
func (s *Service) ListAccounts(ctx context.Context, in *api.ListAccountsRequest) (*api.ListAccountsResponse, error) {
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	accounts, next, err := s.listAccounts(ctx, o, "org", o.ID, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	return &api.ListAccountsResponse{Accounts: accounts, NextToken: next}, nil
}

// listAccounts is a page of accounts by an index.
func (s *Service) listAccounts(ctx context.Context, o *organization, index, value string, max *int32, token *string) ([]api.Account, *string, error) {
	p, err := newPage(max, token)
	if err != nil {
		return nil, nil, err
	}
	list, next, err := pageBy(ctx, s.Store, &s.accounts, index, value, p)
	if err != nil {
		return nil, nil, err
	}
	out := []api.Account{}
	for _, a := range list {
		if a.Org != o.ID {
			continue // has left since the index was read
		}
		one, err := s.apiAccount(ctx, s.Store, o, a)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, *one)
	}
	return out, next, nil
}

// MoveAccount moves an account to another OU, or to the root. The policies there
// bind it from the next call on.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_MoveAccount.html
func (s *Service) MoveAccount(ctx context.Context, in *api.MoveAccountRequest) (*api.MoveAccountOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managed(ctx, tx)
		if err != nil {
			return err
		}
		a, err := s.member(ctx, tx, o, in.AccountId)
		if err != nil {
			return err
		}
		if _, err := s.chain(ctx, tx, o, in.SourceParentId); err != nil {
			return parentError(err, "SourceParentNotFoundException", "You specified a source parent that doesn't exist.")
		}
		if _, err := s.chain(ctx, tx, o, in.DestinationParentId); err != nil {
			return parentError(err, "DestinationParentNotFoundException", "You specified a destination parent that doesn't exist.")
		}
		switch a.Parent {
		case in.DestinationParentId:
			return wire.Errorf("DuplicateAccountException", "That account is already present in the specified destination.")
		case in.SourceParentId:
		default: // as AWS answers for a parent that the account is not in
			return wire.Errorf("SourceParentNotFoundException", "You specified a source parent that doesn't exist.")
		}
		a.Parent = in.DestinationParentId
		return s.accounts.Put(ctx, tx, a.ID, a)
	})
	if err != nil {
		return nil, err
	}
	return &api.MoveAccountOutput{}, nil
}

// parentError gives a missing parent its name in MoveAccount.
func parentError(err error, code, message string) error {
	if e := wire.AsError(err); e.Code == noParent().Code {
		return wire.Errorf(code, "%s", message)
	}
	return err
}

// statusOf is the older of the two fields: it knows no CLOSED.
// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html
func statusOf(state api.AccountState) api.AccountStatus {
	switch state {
	case api.AccountState_PENDING_CLOSURE:
		return api.AccountStatus_PENDING_CLOSURE
	case api.AccountState_SUSPENDED, api.AccountState_CLOSED:
		return api.AccountStatus_SUSPENDED
	}
	return api.AccountStatus_ACTIVE
}

// accountPath is the path of an account, the account included.
func (s *Service) accountPath(ctx context.Context, r store.Reader, o *organization, a *account) (string, error) {
	above, err := s.chain(ctx, r, o, a.Parent)
	if err != nil {
		return "", err
	}
	return path(o.ID, append(above, a.ID)...), nil
}

func (s *Service) apiAccount(ctx context.Context, r store.Reader, o *organization, a *account) (*api.Account, error) {
	p, err := s.accountPath(ctx, r, o, a)
	if err != nil {
		return nil, err
	}
	return &api.Account{
		Id: &a.ID, Arn: new(o.accountARN(a.ID)), Email: &a.Email, Name: &a.Name, Status: statusOf(a.State), State: a.State,
		Paths: []string{p}, JoinedMethod: a.Method, JoinedTimestamp: a.Joined,
	}, nil
}

func sameEmail(a, b string) bool { return strings.EqualFold(a, b) }
