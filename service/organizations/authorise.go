package organizations

import (
	"context"
	"maps"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
)

// Rules declares what the operations touch. Each chapter declares its own.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html
func (s *Service) Rules() policy.Rules {
	all := policy.Rules{}
	for _, op := range api.Operations(s) {
		all[op.Name] = policy.Rule{Absent: true}
	}
	for _, chapter := range []policy.Rules{
		s.organizationRules(), s.rootRules(), s.unitRules(), s.accountRules(), s.creationRules(), s.closeRules(), s.leaveRules(),
		s.hierarchyRules(), s.handshakeRules(), s.inviteRules(), s.featureRules(), s.transferRules(),
		s.policyRules(), s.attachRules(), s.effectiveRules(), s.invalidRules(),
		s.delegateRules(), s.trustedRules(), s.delegationRules(), s.tagRules(),
	} {
		maps.Copy(all, chapter)
	}
	return all
}

// access says which accounts may call an operation. Within them IAM's policies
// decide.
type access uint8

const (
	anyone     access = iota // every account, in an organization or not
	members                  // every account of an organization
	management               // the management account
	// readers: the management account, delegated administrators of any service,
	// and whom the organization's resource policy allows it.
	// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_delegated_admin.html
	readers
	// editors: the management account, and whom the resource policy allows it.
	// https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html
	editors
)

// for an operation: the targets, without action and account, in the caller's
// organization. It is called for callers in an organization only.
type targets[I any] func(ctx context.Context, o *organization, in *I) ([]policy.Touch, error)

// rule declares an operation.
func rule[I any](s *Service, op string, who access, what targets[I]) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		c, err := s.circle(ctx)
		if err != nil {
			return nil, err
		}
		if c.org == nil { // IAM decides first, then the handler says that there is none
			return []policy.Touch{{Action: "organizations:" + op, Account: c.account}}, nil
		}
		common, err := c.enter(who)
		if err != nil {
			return nil, err
		}
		touches := []policy.Touch{{}}
		if what != nil {
			if touches, err = what(ctx, c.org, in); err != nil {
				return nil, err
			}
		}
		for i := range touches {
			t := &touches[i]
			if t.Action == "" {
				t.Action = "organizations:" + op
			}
			t.Account, t.Policy = common.Account, common.Policy
		}
		return touches, nil
	})
}

// enter says on whose behalf the call is decided: within the caller's account,
// where IAM alone decides, or within the management account, where the
// resource policy must allow it too.
func (c *circle) enter(who access) (policy.Touch, error) {
	own := policy.Touch{Account: c.account}
	switch {
	case c.manages(), who == anyone, who == members, who == readers && c.delegate():
		return own, nil
	case who != management && c.delegation != nil:
		return policy.Touch{Account: c.org.Management, Policy: c.delegation}, nil
	}
	return policy.Touch{}, denied()
}

// Condition keys.
func policyTypeKey(t api.PolicyType) []policy.Pair {
	if t == "" {
		return nil
	}
	return []policy.Pair{{Key: "organizations:PolicyType", Values: []string{string(t)}}}
}

func principalKey(service string) []policy.Pair {
	return []policy.Pair{{Key: "organizations:ServicePrincipal", Values: []string{service}}}
}

// tagging adds the touch of TagResource to that of a call that gives tags to
// what it makes.
func tagging(t policy.Touch, tags []api.Tag) []policy.Touch {
	if len(tags) == 0 {
		return []policy.Touch{t}
	}
	t.RequestTags = requestTags(tags)
	also := t
	also.Action = "organizations:TagResource"
	return []policy.Touch{t, also}
}

// touchTarget is the touch of a root, OU or account, with its tags.
func (s *Service) touchTarget(ctx context.Context, o *organization, id string) (policy.Touch, error) {
	t := policy.Touch{Resource: o.targetARN(id)}
	if isPolicy(id) {
		return s.touchPolicy(ctx, o, id)
	}
	tags, err := s.tagsOf(ctx, s.Store, o, id)
	t.ResourceTags = policyTags(tags)
	return t, err
}

// onTarget declares an operation on one root, OU, account or policy.
func onTarget[I any](s *Service, op string, who access, id func(*I) string) policy.Rule {
	return rule(s, op, who, func(ctx context.Context, o *organization, in *I) ([]policy.Touch, error) {
		t, err := s.touchTarget(ctx, o, id(in))
		return []policy.Touch{t}, err
	})
}

// onNothing declares an operation that touches no resource.
func onNothing[I any](s *Service, op string, who access) policy.Rule {
	return rule[I](s, op, who, nil)
}

// onKeys declares an operation that touches no resource but has condition keys.
func onKeys[I any](s *Service, op string, who access, keys func(*I) []policy.Pair) policy.Rule {
	return rule(s, op, who, func(_ context.Context, _ *organization, in *I) ([]policy.Touch, error) {
		return []policy.Touch{{Keys: keys(in)}}, nil
	})
}
