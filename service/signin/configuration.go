package signin

import (
	"context"
	"errors"
	"strings"

	signinapi "bartizan.dev/api/signin"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// Scopes of a console authorization configuration. AWS does not document the
// words.
const (
	scopeAccount      = "ACCOUNT"
	scopeOrganization = "ORGANIZATION"
)

// target is what a configuration applies to: the caller's account, or the
// organization it manages.
func (s *Service) target(ctx context.Context, id *string) (target, scope string, err error) {
	account := caller.From(ctx).Identity.Account
	target = orEmpty(id)
	switch {
	case target == "" || target == account:
		return account, scopeAccount, nil
	case strings.HasPrefix(target, "o-"):
		own, manages, err := s.Organization(ctx, account)
		if err != nil {
			return "", "", err
		}
		if own == target && manages {
			return target, scopeOrganization, nil
		}
	case strings.HasPrefix(target, "r-"):
		return "", "", invalid("A target is an account or an organization.")
	}
	e := oauthError("AccessDeniedException", "INSUFFICIENT_PERMISSIONS", "The target %s is neither the account of the caller nor an organization it manages.", target)
	return "", "", e.WithStatus(403)
}

// configured reads or changes a configuration; on is nil to read.
func (s *Service) configured(ctx context.Context, target, scope string, on *bool) (enabled bool, err error) {
	if on != nil {
		if err := written(ctx); err != nil {
			return false, err
		}
	}
	if scope == scopeAccount {
		if on == nil {
			set, err := s.settingOf(ctx, s.Store, target)
			return err == nil && set.Authorization, err
		}
		return *on, s.changeSetting(ctx, func(set *setting) error {
			set.Authorization = *on
			return nil
		})
	}
	if on == nil {
		_, err := s.Store.Get(ctx, organizationKey(target))
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if *on {
			return tx.Put(ctx, organizationKey(target), nil)
		}
		return tx.Delete(ctx, organizationKey(target))
	})
	return *on, err
}

// PutConsoleAuthorizationConfiguration has policies decide who may sign in to
// the console.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_PutConsoleAuthorizationConfiguration.html
func (s *Service) PutConsoleAuthorizationConfiguration(ctx context.Context, in *signinapi.PutConsoleAuthorizationConfigurationInput) (*signinapi.PutConsoleAuthorizationConfigurationOutput, error) {
	target, scope, err := s.target(ctx, in.TargetId)
	if err != nil {
		return nil, err
	}
	on, err := s.configured(ctx, target, scope, new(true))
	if err != nil {
		return nil, err
	}
	return &signinapi.PutConsoleAuthorizationConfigurationOutput{TargetId: target, Scope: scope, ConsoleAuthorizationEnabled: on}, nil
}

// GetConsoleAuthorizationConfiguration tells whether they do.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_GetConsoleAuthorizationConfiguration.html
func (s *Service) GetConsoleAuthorizationConfiguration(ctx context.Context, in *signinapi.GetConsoleAuthorizationConfigurationInput) (*signinapi.GetConsoleAuthorizationConfigurationOutput, error) {
	target, scope, err := s.target(ctx, in.TargetId)
	if err != nil {
		return nil, err
	}
	on, err := s.configured(ctx, target, scope, nil)
	if err != nil {
		return nil, err
	}
	return &signinapi.GetConsoleAuthorizationConfigurationOutput{TargetId: target, Scope: scope, ConsoleAuthorizationEnabled: on}, nil
}

// DeleteConsoleAuthorizationConfiguration lets everybody sign in again who has
// a password.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_DeleteConsoleAuthorizationConfiguration.html
func (s *Service) DeleteConsoleAuthorizationConfiguration(ctx context.Context, in *signinapi.DeleteConsoleAuthorizationConfigurationInput) (*signinapi.DeleteConsoleAuthorizationConfigurationOutput, error) {
	target, scope, err := s.target(ctx, in.TargetId)
	if err != nil {
		return nil, err
	}
	on, err := s.configured(ctx, target, scope, new(false))
	if err != nil {
		return nil, err
	}
	return &signinapi.DeleteConsoleAuthorizationConfigurationOutput{TargetId: target, Scope: scope, ConsoleAuthorizationEnabled: on}, nil
}
