package organizations

import (
	"context"
	"slices"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) rootRules() policy.Rules {
	return policy.Rules{
		"ListRoots": onNothing[api.ListRootsRequest](s, "ListRoots", readers),
		"EnablePolicyType": rule(s, "EnablePolicyType", editors, func(ctx context.Context, o *organization, in *api.EnablePolicyTypeRequest) ([]policy.Touch, error) {
			t, err := s.touchTarget(ctx, o, in.RootId)
			t.Keys = policyTypeKey(in.PolicyType)
			return []policy.Touch{t}, err
		}),
		"DisablePolicyType": rule(s, "DisablePolicyType", editors, func(ctx context.Context, o *organization, in *api.DisablePolicyTypeRequest) ([]policy.Touch, error) {
			t, err := s.touchTarget(ctx, o, in.RootId)
			t.Keys = policyTypeKey(in.PolicyType)
			return []policy.Touch{t}, err
		}),
	}
}

// ListRoots lists the root, with the policy types that are enabled in it.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListRoots.html
func (s *Service) ListRoots(ctx context.Context, in *api.ListRootsRequest) (*api.ListRootsResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	roots, next := cut(p, []api.Root{*apiRoot(o)}, func(r api.Root) string { return *r.Id })
	return &api.ListRootsResponse{Roots: roots, NextToken: next}, nil
}

// needsTrust are the policy types that AWS enables only for a service with
// trusted access, and that keep it from being taken away.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnablePolicyType.html
func needsTrust(t api.PolicyType) string {
	switch t {
	case api.PolicyType_SECURITYHUB_POLICY:
		return "securityhub.amazonaws.com"
	case api.PolicyType_INSPECTOR_POLICY:
		return "inspector2.amazonaws.com"
	}
	return ""
}

// EnablePolicyType lets policies of a type be attached. What was attached
// before the type was disabled stays detached; every root, OU and account has
// the type's default policy, if it has one.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnablePolicyType.html
func (s *Service) EnablePolicyType(ctx context.Context, in *api.EnablePolicyTypeRequest) (*api.EnablePolicyTypeResponse, error) {
	o, err := s.changeType(ctx, in.RootId, in.PolicyType, func(o *organization, t policyType) (policyType, error) {
		if t.Enabled {
			return t, wire.Errorf("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")
		}
		if !o.all() {
			return t, wire.Errorf("PolicyTypeNotAvailableForOrganizationException", "You can't use the specified policy type with the feature set currently enabled for this organization.")
		}
		if service := needsTrust(in.PolicyType); service != "" && o.Services[service].IsZero() {
			return t, constraint("SERVICE_ACCESS_NOT_ENABLED", "You attempted to enable a policy type before you enabled service access. Call the EnableAWSServiceAccess API first.")
		}
		return policyType{Enabled: true, Generation: t.Generation + 1}, nil
	})
	if err != nil {
		return nil, err
	}
	return &api.EnablePolicyTypeResponse{Root: apiRoot(o)}, nil
}

// DisablePolicyType detaches all policies of a type.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DisablePolicyType.html
func (s *Service) DisablePolicyType(ctx context.Context, in *api.DisablePolicyTypeRequest) (*api.DisablePolicyTypeResponse, error) {
	o, err := s.changeType(ctx, in.RootId, in.PolicyType, func(_ *organization, t policyType) (policyType, error) {
		if !t.Enabled {
			return t, typeNotEnabled()
		}
		return policyType{Generation: t.Generation}, nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DisablePolicyTypeResponse{Root: apiRoot(o)}, nil
}

func typeNotEnabled() *wire.Error {
	return wire.Errorf("PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types.")
}

func (s *Service) changeType(ctx context.Context, root string, t api.PolicyType, change func(*organization, policyType) (policyType, error)) (o *organization, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if o, err = s.in(ctx, tx); err != nil {
			return err
		}
		if o.Root != root {
			return noRoot()
		}
		now, err := change(o, o.Types[t])
		if err != nil {
			return err
		}
		if o.Types == nil {
			o.Types = map[api.PolicyType]policyType{}
		}
		o.Types[t] = now
		return s.orgs.Put(ctx, tx, o.ID, o)
	})
	return o, err
}

func apiRoot(o *organization) *api.Root {
	out := &api.Root{Id: &o.Root, Arn: new(o.rootARN()), Name: new("Root"), PolicyTypes: []api.PolicyTypeSummary{}}
	for t, state := range o.Types {
		if state.Enabled {
			out.PolicyTypes = append(out.PolicyTypes, api.PolicyTypeSummary{Type: t, Status: api.PolicyTypeStatus_ENABLED})
		}
	}
	slices.SortFunc(out.PolicyTypes, func(a, b api.PolicyTypeSummary) int {
		if a.Type < b.Type {
			return -1
		}
		return 1
	})
	return out
}
