package organizations

import (
	"context"
	"encoding/json"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) effectiveRules() policy.Rules {
	return policy.Rules{
		// A member may ask for itself, and a reader for everyone.
		"DescribeEffectivePolicy": policy.On(func(ctx context.Context, in *api.DescribeEffectivePolicyRequest) ([]policy.Touch, error) {
			who, own := readers, accountOf(ctx)
			if in.TargetId == nil || *in.TargetId == own {
				who = members
			}
			return rule(s, "DescribeEffectivePolicy", who, func(ctx context.Context, o *organization, in *api.DescribeEffectivePolicyRequest) ([]policy.Touch, error) {
				id := own
				if in.TargetId != nil {
					id = *in.TargetId
				}
				t, err := s.touchTarget(ctx, o, id)
				t.Keys = policyTypeKey(api.PolicyType(in.PolicyType))
				return []policy.Touch{t}, err
			}).Touches(ctx, in)
		}),
	}
}

func noEffective() *wire.Error {
	return wire.Errorf("EffectivePolicyNotFoundException", "If you ran this action on the management account, this policy type is not enabled. If you ran the action on a member account, the account doesn't have an effective policy of this type. Contact the administrator of your organization about attaching a policy of this type to the account.")
}

// DescribeEffectivePolicy computes what the management policies of a type come
// to for an account.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeEffectivePolicy.html
func (s *Service) DescribeEffectivePolicy(ctx context.Context, in *api.DescribeEffectivePolicyRequest) (*api.DescribeEffectivePolicyResponse, error) {
	id := accountOf(ctx)
	if in.TargetId != nil {
		id = *in.TargetId
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	if isRoot(id) || isUnit(id) {
		return nil, invalid("TARGET_NOT_SUPPORTED", "You can't perform the specified operation on that target entity.")
	}
	a, err := s.accounts.Get(ctx, s.Store, id)
	if err == nil && a.Org != o.ID {
		err = store.ErrNotFound
	}
	if a, err = found(a, err, noTarget()); err != nil {
		return nil, err
	}
	e, updated, err := s.effective(ctx, s.Store, o, a, api.PolicyType(in.PolicyType))
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, noEffective()
	}
	content := e.plain()
	if content == nil {
		content = map[string]any{}
	}
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	return &api.DescribeEffectivePolicyResponse{EffectivePolicy: &api.EffectivePolicy{
		PolicyContent: new(string(text)), LastUpdatedTimestamp: updated, TargetId: &id, PolicyType: in.PolicyType,
	}}, nil
}

// effective merges the policies of a type over an account; nil if there is none.
// updated is when one of them was last changed or attached.
func (s *Service) effective(ctx context.Context, r store.Reader, o *organization, a *account, t api.PolicyType) (e *setting, updated time.Time, err error) {
	now := o.Types[t]
	if !now.Enabled {
		return nil, updated, nil
	}
	lists := [][]attachment{o.Attached.of(t, now)}
	above, err := s.chain(ctx, r, o, a.Parent)
	if err != nil {
		return nil, updated, err
	}
	for _, id := range above[1:] {
		u, err := s.units.Get(ctx, r, o.ID+"/"+id)
		if err != nil {
			return nil, updated, err
		}
		lists = append(lists, u.Attached.of(t, now))
	}
	lists = append(lists, a.Attached.of(t, now))
	levels, some := make([][]source, len(lists)), false
	for i, list := range lists {
		for _, at := range list {
			d, err := s.policies.Get(ctx, r, o.ID+"/"+at.ID)
			if err != nil {
				return nil, updated, err
			}
			doc, err := parseDeclarative(d.Content)
			if err != nil {
				return nil, updated, err
			}
			levels[i], some = append(levels[i], source{d.ID, doc}), true
			for _, at := range []time.Time{d.Updated, at.Time} {
				if at.After(updated) {
					updated = at
				}
			}
		}
	}
	if !some {
		return nil, updated, nil
	}
	return merge(levels), updated, nil
}
