package organizations

import (
	"context"
	"errors"
	"slices"
	"strings"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) attachRules() policy.Rules {
	return policy.Rules{
		"AttachPolicy": rule(s, "AttachPolicy", editors, func(ctx context.Context, o *organization, in *api.AttachPolicyRequest) ([]policy.Touch, error) {
			return s.touchBoth(ctx, o, in.PolicyId, in.TargetId)
		}),
		"DetachPolicy": rule(s, "DetachPolicy", editors, func(ctx context.Context, o *organization, in *api.DetachPolicyRequest) ([]policy.Touch, error) {
			return s.touchBoth(ctx, o, in.PolicyId, in.TargetId)
		}),
		"ListPoliciesForTarget": rule(s, "ListPoliciesForTarget", readers, func(ctx context.Context, o *organization, in *api.ListPoliciesForTargetRequest) ([]policy.Touch, error) {
			t, err := s.touchTarget(ctx, o, in.TargetId)
			t.Keys = policyTypeKey(in.Filter)
			return []policy.Touch{t}, err
		}),
		"ListTargetsForPolicy": onTarget(s, "ListTargetsForPolicy", readers, func(in *api.ListTargetsForPolicyRequest) string { return in.PolicyId }),
	}
}

// touchBoth is the touches of a policy and of what it is attached to, with the
// policy's type.
func (s *Service) touchBoth(ctx context.Context, o *organization, id, target string) ([]policy.Touch, error) {
	touches, err := s.touchTargets(ctx, o, id, target)
	if err != nil {
		return nil, err
	}
	touches[1].Keys = touches[0].Keys
	return touches, nil
}

// place is a root, OU or account: what policies are attached to.
type place struct {
	kind     api.TargetType
	id, name string
	attached *attachments
	put      func(store.Tx) error
}

func (s *Service) target(ctx context.Context, r store.Reader, o *organization, id string) (*place, error) {
	switch {
	case isRoot(id):
		if id != o.Root {
			return nil, noTarget()
		}
		return s.rootPlace(ctx, o), nil
	case isUnit(id):
		u, err := s.units.Get(ctx, r, o.ID+"/"+id)
		if u, err = found(u, err, noTarget()); err != nil {
			return nil, err
		}
		return s.unitPlace(ctx, u), nil
	}
	a, err := s.accounts.Get(ctx, r, id)
	if err == nil && a.Org != o.ID {
		err = store.ErrNotFound
	}
	if a, err = found(a, err, noTarget()); err != nil {
		return nil, err
	}
	return s.accountPlace(ctx, a), nil
}

func (s *Service) rootPlace(ctx context.Context, o *organization) *place {
	return &place{api.TargetType_ROOT, o.Root, "Root", &o.Attached, func(tx store.Tx) error { return s.orgs.Put(ctx, tx, o.ID, o) }}
}

func (s *Service) unitPlace(ctx context.Context, u *unit) *place {
	return &place{api.TargetType_ORGANIZATIONAL_UNIT, u.ID, u.Name, &u.Attached, func(tx store.Tx) error { return s.units.Put(ctx, tx, u.Org+"/"+u.ID, u) }}
}

func (s *Service) accountPlace(ctx context.Context, a *account) *place {
	return &place{api.TargetType_ACCOUNT, a.ID, a.Name, &a.Attached, func(tx store.Tx) error { return s.accounts.Put(ctx, tx, a.ID, a) }}
}

// AttachPolicy attaches a policy to a root, OU or account.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html
func (s *Service) AttachPolicy(ctx context.Context, in *api.AttachPolicyRequest) (*api.AttachPolicyOutput, error) {
	err := s.changeAttached(ctx, in.PolicyId, in.TargetId, func(o *organization, d *document, p *place) error {
		now := o.Types[d.Type]
		if p.attached.has(d.Type, now, d.ID) {
			return wire.Errorf("DuplicatePolicyAttachmentException", "The selected policy is already attached to the specified target.")
		}
		if len(p.attached.of(d.Type, now)) >= limitsOf(d.Type).attached {
			return constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "You have attached the maximum number of policies to the specified target.")
		}
		*p.attached = p.attached.add(d.Type, now, d.ID, s.now())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.AttachPolicyOutput{}, nil
}

// DetachPolicy detaches a policy. The last SCP stays.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DetachPolicy.html
func (s *Service) DetachPolicy(ctx context.Context, in *api.DetachPolicyRequest) (*api.DetachPolicyOutput, error) {
	err := s.changeAttached(ctx, in.PolicyId, in.TargetId, func(o *organization, d *document, p *place) error {
		now := o.Types[d.Type]
		switch {
		case !p.attached.has(d.Type, now, d.ID):
			return wire.Errorf("PolicyNotAttachedException", "The policy isn't attached to the specified target in the specified root.")
		case d.ID == fullAccessRCP:
			return invalid("NON_DETACHABLE_POLICY", "You can't detach this AWS Managed Policy.")
		case len(p.attached.of(d.Type, now)) <= limitsOf(d.Type).least:
			return constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "You cannot remove the last policy attached to the specified target. You must have at least one attached at all times.")
		}
		*p.attached = p.attached.remove(d.Type, now, d.ID)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DetachPolicyOutput{}, nil
}

func (s *Service) changeAttached(ctx context.Context, id, target string, change func(*organization, *document, *place) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.inAll(ctx, tx)
		if err != nil {
			return err
		}
		d, err := s.policy(ctx, tx, o, id)
		if err != nil {
			return err
		}
		p, err := s.target(ctx, tx, o, target)
		if err != nil {
			return err
		}
		if !o.Types[d.Type].Enabled {
			return typeNotEnabled()
		}
		if err := change(o, d, p); err != nil {
			return err
		}
		return p.put(tx)
	})
	return err
}

// ListPoliciesForTarget lists what is attached to a root, OU or account itself.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPoliciesForTarget.html
func (s *Service) ListPoliciesForTarget(ctx context.Context, in *api.ListPoliciesForTargetRequest) (*api.ListPoliciesForTargetResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	target, err := s.target(ctx, s.Store, o, in.TargetId)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, a := range target.attached.of(in.Filter, o.Types[in.Filter]) {
		ids = append(ids, a.ID)
	}
	slices.Sort(ids)
	ids, next := cut(p, ids, func(id string) string { return id })
	list, err := s.summaries(ctx, o, ids)
	if err != nil {
		return nil, err
	}
	return &api.ListPoliciesForTargetResponse{Policies: list, NextToken: next}, nil
}

// ListTargetsForPolicy lists what a policy is attached to: the root, then OUs,
// then accounts.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListTargetsForPolicy.html
func (s *Service) ListTargetsForPolicy(ctx context.Context, in *api.ListTargetsForPolicyRequest) (*api.ListTargetsForPolicyResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	d, err := s.policy(ctx, s.Store, o, in.PolicyId)
	if err != nil {
		return nil, err
	}
	list, next, err := s.targetsOf(ctx, s.Store, o, d, p)
	if err != nil {
		return nil, err
	}
	out := &api.ListTargetsForPolicyResponse{Targets: []api.PolicyTargetSummary{}, NextToken: next}
	for _, t := range list {
		out.Targets = append(out.Targets, api.PolicyTargetSummary{TargetId: &t.id, Arn: new(o.targetARN(t.id)), Name: &t.name, Type: t.kind})
	}
	return out, nil
}

// The stages of a walk over all targets. A token is a stage and the id after
// which the walk goes on in it.
const (
	stageRoot    = "1"
	stageUnit    = "2"
	stageAccount = "3"
)

// targetsOf is a page of what a policy is attached to. A default policy, which
// is attached without anything being written, is looked for everywhere; the
// others are found in the indexes.
func (s *Service) targetsOf(ctx context.Context, r store.Reader, o *organization, d *document, p page) (out []*place, next *string, err error) {
	now := o.Types[d.Type]
	if !now.Enabled {
		return nil, nil, nil
	}
	for _, stage := range []string{stageRoot, stageUnit, stageAccount} {
		if p.after != "" && stage < p.after[:1] {
			continue
		}
		after, ok := strings.CutPrefix(p.after, stage)
		if !ok { // the walk comes into this stage anew
			after = ""
		}
		for {
			ids, err := s.stageIDs(ctx, r, o, d, stage, after, p.limit+1)
			if err != nil {
				return nil, nil, err
			}
			for _, id := range ids {
				after = id
				t, err := s.target(ctx, r, o, strings.TrimPrefix(id, o.ID+"/"))
				if e := wire.AsError(err); err != nil && e.Code == noTarget().Code {
					continue
				} else if err != nil {
					return nil, nil, err
				}
				if !t.attached.has(d.Type, now, d.ID) {
					continue
				}
				if len(out) == p.limit {
					return out, next, nil
				}
				out = append(out, t)
				next = tokenAfter(stage + id)
			}
			if len(ids) <= p.limit {
				break
			}
		}
	}
	return out, nil, nil
}

func (s *Service) stageIDs(ctx context.Context, r store.Reader, o *organization, d *document, stage, after string, limit int) ([]string, error) {
	key := attachedKey(o.ID, o.Types[d.Type].Generation, d.ID)
	everywhere := awsManaged(d.ID)
	switch stage {
	case stageRoot:
		if after != "" {
			return nil, nil
		}
		return []string{o.Root}, nil
	case stageUnit:
		if !everywhere {
			return s.units.By(ctx, r, "attached", key, after, limit)
		}
		list, err := s.units.List(ctx, r, o.ID+"/", after, limit)
		if err != nil {
			return nil, err
		}
		var ids []string
		for _, e := range list {
			ids = append(ids, e.ID)
		}
		return ids, nil
	case stageAccount:
		if !everywhere {
			return s.accounts.By(ctx, r, "attached", key, after, limit)
		}
		return s.accounts.By(ctx, r, "org", o.ID, after, limit)
	}
	return nil, errors.New("organizations: no such stage: " + stage)
}
