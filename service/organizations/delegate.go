package organizations

import (
	"context"
	"maps"
	"slices"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) delegateRules() policy.Rules {
	return policy.Rules{
		"RegisterDelegatedAdministrator": rule(s, "RegisterDelegatedAdministrator", management, func(ctx context.Context, o *organization, in *api.RegisterDelegatedAdministratorRequest) ([]policy.Touch, error) {
			t, err := s.touchTarget(ctx, o, in.AccountId)
			t.Keys = principalKey(in.ServicePrincipal)
			return []policy.Touch{t}, err
		}),
		"DeregisterDelegatedAdministrator": rule(s, "DeregisterDelegatedAdministrator", management, func(ctx context.Context, o *organization, in *api.DeregisterDelegatedAdministratorRequest) ([]policy.Touch, error) {
			t, err := s.touchTarget(ctx, o, in.AccountId)
			t.Keys = principalKey(in.ServicePrincipal)
			return []policy.Touch{t}, err
		}),
		"ListDelegatedAdministrators": onKeys(s, "ListDelegatedAdministrators", readers, func(in *api.ListDelegatedAdministratorsRequest) []policy.Pair {
			if in.ServicePrincipal == nil {
				return nil
			}
			return principalKey(*in.ServicePrincipal)
		}),
		"ListDelegatedServicesForAccount": onTarget(s, "ListDelegatedServicesForAccount", readers, func(in *api.ListDelegatedServicesForAccountRequest) string { return in.AccountId }),
	}
}

// RegisterDelegatedAdministrator lets a member administer a service for the
// organization, and read the organization.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_RegisterDelegatedAdministrator.html
func (s *Service) RegisterDelegatedAdministrator(ctx context.Context, in *api.RegisterDelegatedAdministratorRequest) (*api.RegisterDelegatedAdministratorOutput, error) {
	service := in.ServicePrincipal
	if !trustable(service) {
		return nil, unrecognized()
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managedAll(ctx, tx)
		if err != nil {
			return err
		}
		a, err := s.member(ctx, tx, o, in.AccountId)
		if err != nil {
			return err
		}
		others, err := s.accounts.By(ctx, tx, "delegate", o.ID+"/"+service, "", 0)
		if err != nil {
			return err
		}
		if err := mayDelegate(o, a, service, len(others)); err != nil {
			return err
		}
		a.Delegate = maps.Clone(a.Delegate)
		if a.Delegate == nil {
			a.Delegate = map[string]time.Time{}
		}
		a.Delegate[service] = s.now()
		return s.accounts.Put(ctx, tx, a.ID, a)
	})
	if err != nil {
		return nil, err
	}
	return &api.RegisterDelegatedAdministratorOutput{}, nil
}

func mayDelegate(o *organization, a *account, service string, others int) error {
	_, already := a.Delegate[service]
	switch {
	case a.ID == o.Management:
		return constraint("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", "You cannot register master account/yourself as delegated administrator for your organization.")
	case a.suspended():
		return constraint("CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", "You cannot register a suspended account as a delegated administrator.")
	case o.Services[service].IsZero():
		return constraint("SERVICE_ACCESS_NOT_ENABLED", "You attempted to register a delegated administrator before you enabled service access. Call the EnableAWSServiceAccess API first.")
	case already:
		return wire.Errorf("AccountAlreadyRegisteredException", "The provided account is already a delegated administrator for your organization.")
	case others >= maxDelegates(service) && maxDelegates(service) == 1:
		return constraint("DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE", "You attempted to register an AWS account as a delegated administrator for an AWS service that already has a delegated administrator. To complete this operation, you must first deregister any existing delegated administrators for this service.")
	case others >= maxDelegates(service):
		return constraint("MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED", "You attempted to register more delegated administrators than allowed for the service principal.")
	}
	return nil
}

func notRegistered() *wire.Error {
	return wire.Errorf("AccountNotRegisteredException", "The provided account is not a registered delegated administrator for your organization.")
}

// DeregisterDelegatedAdministrator takes it back.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeregisterDelegatedAdministrator.html
func (s *Service) DeregisterDelegatedAdministrator(ctx context.Context, in *api.DeregisterDelegatedAdministratorRequest) (*api.DeregisterDelegatedAdministratorOutput, error) {
	if !trustable(in.ServicePrincipal) {
		return nil, unrecognized()
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managedAll(ctx, tx)
		if err != nil {
			return err
		}
		a, err := s.member(ctx, tx, o, in.AccountId)
		if err != nil {
			return err
		}
		if _, ok := a.Delegate[in.ServicePrincipal]; !ok {
			return notRegistered()
		}
		delete(a.Delegate, in.ServicePrincipal)
		return s.accounts.Put(ctx, tx, a.ID, a)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeregisterDelegatedAdministratorOutput{}, nil
}

// dismissAll ends all delegations of a service.
func (s *Service) dismissAll(ctx context.Context, tx store.Tx, o *organization, service string) error {
	ids, err := s.accounts.By(ctx, tx, "delegate", o.ID+"/"+service, "", 0)
	if err != nil {
		return err
	}
	for _, id := range ids {
		a, err := s.accounts.Get(ctx, tx, id)
		if err != nil {
			return err
		}
		delete(a.Delegate, service)
		if err := s.accounts.Put(ctx, tx, id, a); err != nil {
			return err
		}
	}
	return nil
}

// ListDelegatedAdministrators lists the delegated administrators of a service,
// or of any.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListDelegatedAdministrators.html
func (s *Service) ListDelegatedAdministrators(ctx context.Context, in *api.ListDelegatedAdministratorsRequest) (*api.ListDelegatedAdministratorsResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	service := ""
	if in.ServicePrincipal != nil {
		if service = *in.ServicePrincipal; !trustable(service) {
			return nil, unrecognized()
		}
	}
	o, err := s.inAll(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	list, next, err := pageBy(ctx, s.Store, &s.accounts, "delegate", o.ID+"/"+service, p)
	if err != nil {
		return nil, err
	}
	out := &api.ListDelegatedAdministratorsResponse{DelegatedAdministrators: []api.DelegatedAdministrator{}, NextToken: next}
	for _, a := range list {
		out.DelegatedAdministrators = append(out.DelegatedAdministrators, api.DelegatedAdministrator{
			Id: &a.ID, Arn: new(o.accountARN(a.ID)), Email: &a.Email, Name: &a.Name, Status: statusOf(a.State), State: a.State,
			JoinedMethod: a.Method, JoinedTimestamp: a.Joined, DelegationEnabledDate: a.delegatedSince(service),
		})
	}
	return out, nil
}

// delegatedSince is when the account became delegated administrator of the
// service; of any, if it is empty.
func (a *account) delegatedSince(service string) time.Time {
	if service != "" {
		return a.Delegate[service]
	}
	var first time.Time
	for _, t := range a.Delegate {
		if first.IsZero() || t.Before(first) {
			first = t
		}
	}
	return first
}

// ListDelegatedServicesForAccount lists the services that an account
// administers.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListDelegatedServicesForAccount.html
func (s *Service) ListDelegatedServicesForAccount(ctx context.Context, in *api.ListDelegatedServicesForAccountRequest) (*api.ListDelegatedServicesForAccountResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.inAll(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	a, err := s.member(ctx, s.Store, o, in.AccountId)
	if err != nil {
		return nil, err
	}
	if len(a.Delegate) == 0 {
		return nil, notRegistered()
	}
	names, next := cut(p, slices.Sorted(maps.Keys(a.Delegate)), func(n string) string { return n })
	out := &api.ListDelegatedServicesForAccountResponse{DelegatedServices: []api.DelegatedService{}, NextToken: next}
	for _, name := range names {
		out.DelegatedServices = append(out.DelegatedServices, api.DelegatedService{ServicePrincipal: &name, DelegationEnabledDate: a.Delegate[name]})
	}
	return out, nil
}
