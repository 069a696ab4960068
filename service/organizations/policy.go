package organizations

import (
	"context"
	"slices"
	"strings"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) policyRules() policy.Rules {
	return policy.Rules{
		"CreatePolicy": rule(s, "CreatePolicy", editors, func(_ context.Context, o *organization, in *api.CreatePolicyRequest) ([]policy.Touch, error) {
			t := policy.Touch{Resource: o.arnOf("policy", strings.ToLower(string(in.Type))+"/*"), Keys: policyTypeKey(in.Type)}
			return tagging(t, in.Tags), nil
		}),
		"UpdatePolicy":   onTarget(s, "UpdatePolicy", editors, func(in *api.UpdatePolicyRequest) string { return in.PolicyId }),
		"DeletePolicy":   onTarget(s, "DeletePolicy", editors, func(in *api.DeletePolicyRequest) string { return in.PolicyId }),
		"DescribePolicy": onTarget(s, "DescribePolicy", readers, func(in *api.DescribePolicyRequest) string { return in.PolicyId }),
		"ListPolicies": onKeys(s, "ListPolicies", readers, func(in *api.ListPoliciesRequest) []policy.Pair {
			return policyTypeKey(in.Filter)
		}),
	}
}

func isPolicy(id string) bool { return strings.HasPrefix(id, "p-") }

// touchPolicy is the touch of a policy: its type is part of the ARN.
func (s *Service) touchPolicy(ctx context.Context, o *organization, id string) (policy.Touch, error) {
	d, err := s.policy(ctx, s.Store, o, id)
	if e := wire.AsError(err); err != nil && e.Code == noPolicy().Code {
		return policy.Touch{Resource: o.policyARN(api.PolicyType_SERVICE_CONTROL_POLICY, id)}, nil
	} else if err != nil {
		return policy.Touch{}, err
	}
	return policy.Touch{Resource: o.policyARN(d.Type, id), Keys: policyTypeKey(d.Type), ResourceTags: policyTags(d.Tags)}, nil
}

// policy reads a policy of the organization, or one of AWS's own.
func (s *Service) policy(ctx context.Context, r store.Reader, o *organization, id string) (*document, error) {
	if d := managedPolicy(id); d != nil {
		return d, nil
	}
	d, err := s.policies.Get(ctx, r, o.ID+"/"+id)
	return found(d, err, noPolicy())
}

// own reads a policy that may be changed.
func (s *Service) own(ctx context.Context, r store.Reader, o *organization, id string) (*document, error) {
	if awsManaged(id) {
		return nil, invalid("IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified.")
	}
	return s.policy(ctx, r, o, id)
}

// CreatePolicy makes a policy. It does nothing until it is attached.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html
func (s *Service) CreatePolicy(ctx context.Context, in *api.CreatePolicyRequest) (*api.CreatePolicyResponse, error) {
	tags, err := newTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if err := checkContent(in.Type, in.Content); err != nil {
		return nil, err
	}
	var o *organization
	d := &document{ID: newID("p-", 8), Name: in.Name, Type: in.Type, Description: in.Description, Content: in.Content, Updated: s.now(), Tags: tags}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if o, err = s.in(ctx, tx); err != nil {
			return err
		}
		if !o.all() {
			return wire.Errorf("PolicyTypeNotAvailableForOrganizationException", "You can't use the specified policy type with the feature set currently enabled for this organization.")
		}
		d.Org = o.ID
		if err := s.freePolicyName(ctx, tx, d); err != nil {
			return err
		}
		if err := s.count(ctx, tx, o.ID, func(c *counts) error {
			if c.Policies == nil {
				c.Policies = map[api.PolicyType]int{}
			}
			if c.Policies[d.Type]++; c.Policies[d.Type] > limitsOf(d.Type).number {
				return constraint("POLICY_NUMBER_LIMIT_EXCEEDED", "You have exceeded the number of policies that you can have in an organization.")
			}
			return nil
		}); err != nil {
			return err
		}
		return s.policies.Insert(ctx, tx, d.Org+"/"+d.ID, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.CreatePolicyResponse{Policy: apiPolicy(o, d)}, nil
}

// freePolicyName refuses a name that another policy of the type has.
func (s *Service) freePolicyName(ctx context.Context, r store.Reader, d *document) error {
	taken := wire.Errorf("DuplicatePolicyException", "A policy with the same name already exists.")
	if m := managedPolicy(defaultPolicy(d.Type)); m != nil && m.Name == d.Name {
		return taken
	}
	ids, err := s.policies.By(ctx, r, "name", d.Org+"/"+string(d.Type)+"/"+hashed(d.Name), "", 1)
	if err == nil && len(ids) > 0 && ids[0] != d.Org+"/"+d.ID {
		return taken
	}
	return err
}

// UpdatePolicy changes a policy's name, description or content, which holds from
// the next call on wherever it is attached.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdatePolicy.html
func (s *Service) UpdatePolicy(ctx context.Context, in *api.UpdatePolicyRequest) (*api.UpdatePolicyResponse, error) {
	var o *organization
	var d *document
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		if o, err = s.inAll(ctx, tx); err != nil {
			return err
		}
		if d, err = s.own(ctx, tx, o, in.PolicyId); err != nil {
			return err
		}
		if in.Name != nil {
			d.Name = *in.Name
			if err := s.freePolicyName(ctx, tx, d); err != nil {
				return err
			}
		}
		if in.Description != nil {
			d.Description = *in.Description
		}
		if in.Content != nil {
			if err := checkContent(d.Type, *in.Content); err != nil {
				return err
			}
			d.Content = *in.Content
		}
		d.Updated = s.now()
		return s.policies.Put(ctx, tx, d.Org+"/"+d.ID, d)
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdatePolicyResponse{Policy: apiPolicy(o, d)}, nil
}

// DeletePolicy deletes a policy that is attached nowhere.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeletePolicy.html
func (s *Service) DeletePolicy(ctx context.Context, in *api.DeletePolicyRequest) (*api.DeletePolicyOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.inAll(ctx, tx)
		if err != nil {
			return err
		}
		d, err := s.own(ctx, tx, o, in.PolicyId)
		if err != nil {
			return err
		}
		list, _, err := s.targetsOf(ctx, tx, o, d, page{limit: 1})
		if err != nil {
			return err
		}
		if len(list) > 0 {
			return wire.Errorf("PolicyInUseException", "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation.")
		}
		if err := s.count(ctx, tx, o.ID, func(c *counts) error { c.Policies[d.Type]--; return nil }); err != nil {
			return err
		}
		return s.policies.Delete(ctx, tx, d.Org+"/"+d.ID)
	})
	if err != nil {
		return nil, err
	}
	return &api.DeletePolicyOutput{}, nil
}

// DescribePolicy tells about a policy, with its content.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribePolicy.html
func (s *Service) DescribePolicy(ctx context.Context, in *api.DescribePolicyRequest) (*api.DescribePolicyResponse, error) {
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	d, err := s.policy(ctx, s.Store, o, in.PolicyId)
	if err != nil {
		return nil, err
	}
	return &api.DescribePolicyResponse{Policy: apiPolicy(o, d)}, nil
}

// ListPolicies lists the policies of a type, AWS's own among them.
// https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPolicies.html
func (s *Service) ListPolicies(ctx context.Context, in *api.ListPoliciesRequest) (*api.ListPoliciesResponse, error) {
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	o, err := s.in(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	ids, err := s.policies.By(ctx, s.Store, "type", o.ID+"/"+string(in.Filter), prefixed(o.ID+"/", p.after), p.limit+1)
	if err != nil {
		return nil, err
	}
	for i := range ids {
		ids[i] = strings.TrimPrefix(ids[i], o.ID+"/")
	}
	if id := defaultPolicy(in.Filter); id > p.after {
		ids = append(ids, id)
		slices.Sort(ids)
	}
	out := &api.ListPoliciesResponse{Policies: []api.PolicySummary{}}
	if len(ids) > p.limit {
		ids = ids[:p.limit]
		out.NextToken = tokenAfter(ids[len(ids)-1])
	}
	out.Policies, err = s.summaries(ctx, o, ids)
	return out, err
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// summaries tells of the policies with the ids. One that was deleted meanwhile
// is left out.
func (s *Service) summaries(ctx context.Context, o *organization, ids []string) ([]api.PolicySummary, error) {
	out := []api.PolicySummary{}
	for _, id := range ids {
		d, err := s.policy(ctx, s.Store, o, id)
		if e := wire.AsError(err); err != nil && e.Code == noPolicy().Code {
			continue
		} else if err != nil {
			return nil, err
		}
		out = append(out, *apiSummary(o, d))
	}
	return out, nil
}

func apiSummary(o *organization, d *document) *api.PolicySummary {
	return &api.PolicySummary{
		Id: &d.ID, Arn: new(o.policyARN(d.Type, d.ID)), Name: &d.Name, Description: &d.Description, Type: d.Type, AwsManaged: new(awsManaged(d.ID)),
	}
}

func apiPolicy(o *organization, d *document) *api.Policy {
	return &api.Policy{PolicySummary: apiSummary(o, d), Content: &d.Content}
}
