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

func (s *Service) trustedRules() policy.Rules {
	return policy.Rules{
		"EnableAWSServiceAccess": onKeys(s, "EnableAWSServiceAccess", management, func(in *api.EnableAWSServiceAccessRequest) []policy.Pair {
			return principalKey(in.ServicePrincipal)
		}),
		"DisableAWSServiceAccess": onKeys(s, "DisableAWSServiceAccess", management, func(in *api.DisableAWSServiceAccessRequest) []policy.Pair {
			return principalKey(in.ServicePrincipal)
		}),
		"ListAWSServiceAccessForOrganization": onNothing[api.ListAWSServiceAccessForOrganizationRequest](s, "ListAWSServiceAccessForOrganization", readers),
	}
}

func unrecognized() *wire.Error {
	return invalid("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified an unrecognized service principal.")
}

// EnableAWSServiceAccess lets a service work in all accounts. Enabling it again
// changes nothing.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAWSServiceAccess.html
func (s *Service) EnableAWSServiceAccess(ctx context.Context, in *api.EnableAWSServiceAccessRequest) (*api.EnableAWSServiceAccessOutput, error) {
	if !trustable(in.ServicePrincipal) {
		return nil, unrecognized()
	}
	err := s.changeServices(ctx, func(_ store.Tx, o *organization) error {
		if o.Services == nil {
			o.Services = map[string]time.Time{}
		}
		if o.Services[in.ServicePrincipal].IsZero() {
			o.Services[in.ServicePrincipal] = s.now()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.EnableAWSServiceAccessOutput{}, nil
}

// DisableAWSServiceAccess takes trusted access away, and with it the delegated
// administrators of the service. A service without it is no error.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DisableAWSServiceAccess.html
func (s *Service) DisableAWSServiceAccess(ctx context.Context, in *api.DisableAWSServiceAccessRequest) (*api.DisableAWSServiceAccessOutput, error) {
	if !trustable(in.ServicePrincipal) {
		return nil, unrecognized()
	}
	err := s.changeServices(ctx, func(tx store.Tx, o *organization) error {
		for t, state := range o.Types {
			if state.Enabled && needsTrust(t) == in.ServicePrincipal {
				return constraint("POLICY_TYPE_ENABLED_FOR_THIS_SERVICE", "You attempted to disable service access before you disabled the policy type (for example, SECURITYHUB_POLICY). To complete this operation, you must first disable the policy type.")
			}
		}
		delete(o.Services, in.ServicePrincipal)
		return s.dismissAll(ctx, tx, o, in.ServicePrincipal)
	})
	if err != nil {
		return nil, err
	}
	return &api.DisableAWSServiceAccessOutput{}, nil
}

func (s *Service) changeServices(ctx context.Context, change func(store.Tx, *organization) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.managedAll(ctx, tx)
		if err != nil {
			return err
		}
		if err := change(tx, o); err != nil {
			return err
		}
		return s.orgs.Put(ctx, tx, o.ID, o)
	})
	return err
}

// ListAWSServiceAccessForOrganization lists the services with trusted access.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAWSServiceAccessForOrganization.html
func (s *Service) ListAWSServiceAccessForOrganization(ctx context.Context, in *api.ListAWSServiceAccessForOrganizationRequest) (*api.ListAWSServiceAccessForOrganizationResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	names, next := cut(p, slices.Sorted(maps.Keys(o.Services)), func(n string) string { return n })
	out := &api.ListAWSServiceAccessForOrganizationResponse{EnabledServicePrincipals: []api.EnabledServicePrincipal{}, NextToken: next}
	for _, name := range names {
		out.EnabledServicePrincipals = append(out.EnabledServicePrincipals, api.EnabledServicePrincipal{ServicePrincipal: &name, DateEnabled: o.Services[name]})
	}
	return out, nil
}
