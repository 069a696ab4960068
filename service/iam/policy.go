package iam

import (
	"context"
	"errors"
	"strconv"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/service/iam/managed"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) policyRules() policy.Rules {
	return policy.Rules{
		"CreatePolicy": policy.On(func(ctx context.Context, in *iamapi.CreatePolicyRequest) ([]policy.Touch, error) {
			account := accountOf(ctx)
			return alsoTagging(policy.Touch{
				Action: "iam:CreatePolicy", Account: account,
				Resource:    arnOf(account, "policy", pathOr(in.Path), in.PolicyName),
				RequestTags: requestTags(in.Tags),
			}, "iam:TagPolicy", len(in.Tags)), nil
		}),
		"DeletePolicy": onPolicy(s, "DeletePolicy", func(in *iamapi.DeletePolicyRequest) string { return in.PolicyArn }),
		"GetPolicy":    onPolicy(s, "GetPolicy", func(in *iamapi.GetPolicyRequest) string { return in.PolicyArn }),
		"ListPolicies": onPath("ListPolicies", "policy", func(in *iamapi.ListPoliciesRequest) *string { return in.PathPrefix }),
		"TagPolicy": policy.On(func(ctx context.Context, in *iamapi.TagPolicyRequest) ([]policy.Touch, error) {
			t, err := s.touchPolicy(ctx, "TagPolicy", in.PolicyArn)
			t.RequestTags = requestTags(in.Tags)
			return []policy.Touch{t}, err
		}),
		"UntagPolicy": policy.On(func(ctx context.Context, in *iamapi.UntagPolicyRequest) ([]policy.Touch, error) {
			t, err := s.touchPolicy(ctx, "UntagPolicy", in.PolicyArn)
			t.Keys = append(t.Keys, tagKeysKey(in.TagKeys))
			return []policy.Touch{t}, err
		}),
		"ListPolicyTags": onPolicy(s, "ListPolicyTags", func(in *iamapi.ListPolicyTagsRequest) string { return in.PolicyArn }),
	}
}

// onPolicy declares an operation that touches the managed policy its input
// names.
func onPolicy[I any](s *Service, action string, name func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touchPolicy(ctx, action, name(in))
		return []policy.Touch{t}, err
	})
}

// touchPolicy is the touch of an action on a managed policy. AWS's own are
// every account's to read and nobody's to change: they belong to the account
// "aws", whose resources no policy here can open.
func (s *Service) touchPolicy(ctx context.Context, action, name string) (policy.Touch, error) {
	t := policy.Touch{Action: "iam:" + action, Resource: name, Account: accountOf(ctx)}
	a, err := arn.Parse(name)
	if err != nil {
		return t, nil // the handler refuses it
	}
	reads := strings.HasPrefix(action, "Get") || strings.HasPrefix(action, "List")
	if !reads || a.Account != "aws" {
		t.Account = a.Account
	}
	p, err := s.managedPolicy(ctx, s.Store, name)
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Account != accountOf(ctx) {
		return t, nil
	} else if err != nil {
		return t, err
	}
	t.ResourceTags = policyTags(p.Tags)
	return t, nil
}

// CreatePolicy makes a managed policy, whose first version is its default.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html
func (s *Service) CreatePolicy(ctx context.Context, in *iamapi.CreatePolicyRequest) (*iamapi.CreatePolicyResponse, error) {
	if err := s.checkManagedDocument(in.PolicyDocument); err != nil {
		return nil, err
	}
	now := s.now()
	p := &managedPolicy{
		Account: accountOf(ctx), Name: in.PolicyName, Path: pathOr(in.Path), ID: newID(policyPrefix),
		Created: now, Updated: now, Default: 1, Next: 2,
		Versions: []policyVersion{{1, now, in.PolicyDocument}},
	}
	if in.Description != nil {
		p.Description = *in.Description
	}
	var err error
	if p.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		err := s.policies.Insert(ctx, tx, recordID(p.Account, p.Name), p)
		if errors.Is(err, store.ErrExists) {
			return wire.Errorf("EntityAlreadyExists", "A policy called %s already exists. Duplicate names are not allowed.", p.Name).WithStatus(409)
		} else if err != nil {
			return err
		}
		return s.count(ctx, tx, p.Account, func(c *counts) error {
			if c.Policies++; c.Policies > s.Quotas.Policies {
				return exceeded("PoliciesPerAccount", s.Quotas.Policies)
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	out := p.api()
	out.AttachmentCount, out.PermissionsBoundaryUsageCount, out.Tags = new(int32), new(int32), apiTags(p.Tags)
	return &iamapi.CreatePolicyResponse{Policy: out}, nil
}

func (s *Service) checkManagedDocument(document string) error {
	if err := checkDocument(document, true); err != nil {
		return err
	}
	if size(document) > maxManagedSize {
		return exceeded("PolicySize", maxManagedSize)
	}
	return nil
}

// DeletePolicy deletes a policy that nobody has and that has one version.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeletePolicy.html
func (s *Service) DeletePolicy(ctx context.Context, in *iamapi.DeletePolicyRequest) (*iamapi.DeletePolicyOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.ownPolicy(ctx, tx, in.PolicyArn)
		if err != nil {
			return err
		}
		for _, u := range []usageType{asPermissions, asBoundary} {
			who, err := s.bearersOf(ctx, tx, in.PolicyArn, u)
			if err != nil {
				return err
			}
			if len(who) > 0 {
				return conflict("Cannot delete a policy attached to entities.")
			}
		}
		if len(p.Versions) > 1 {
			return conflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.")
		}
		if err := s.count(ctx, tx, p.Account, func(c *counts) error { c.Policies--; return nil }); err != nil {
			return err
		}
		return s.policies.Delete(ctx, tx, recordID(p.Account, p.Name))
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeletePolicyOutput{}, nil
}

// GetPolicy tells about a managed policy of the account or of AWS.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicy.html
func (s *Service) GetPolicy(ctx context.Context, in *iamapi.GetPolicyRequest) (*iamapi.GetPolicyResponse, error) {
	if err := checkPolicyARN(in.PolicyArn); err != nil {
		return nil, err
	}
	var out *iamapi.Policy
	if m, ok := s.Managed.Lookup(in.PolicyArn); ok {
		out = apiManaged(m)
	} else {
		p, err := s.ownPolicy(ctx, s.Store, in.PolicyArn)
		if err != nil {
			return nil, err
		}
		out = p.api()
		out.Description, out.Tags = nilIfEmpty(p.Description), apiTags(p.Tags)
	}
	for u, count := range map[usageType]**int32{asPermissions: &out.AttachmentCount, asBoundary: &out.PermissionsBoundaryUsageCount} {
		who, err := s.bearersOf(ctx, s.Store, in.PolicyArn, u)
		if err != nil {
			return nil, err
		}
		*count = new(int32(len(who)))
	}
	return &iamapi.GetPolicyResponse{Policy: out}, nil
}

// TagPolicy adds tags to a policy or replaces their values.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagPolicy.html
func (s *Service) TagPolicy(ctx context.Context, in *iamapi.TagPolicyRequest) (*iamapi.TagPolicyOutput, error) {
	err := s.changePolicy(ctx, in.PolicyArn, func(p *managedPolicy) (err error) {
		p.Tags, err = setTags(p.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.TagPolicyOutput{}, nil
}

// UntagPolicy removes tags from a policy; those it does not have are no error.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagPolicy.html
func (s *Service) UntagPolicy(ctx context.Context, in *iamapi.UntagPolicyRequest) (*iamapi.UntagPolicyOutput, error) {
	err := s.changePolicy(ctx, in.PolicyArn, func(p *managedPolicy) error {
		p.Tags = removeTags(p.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UntagPolicyOutput{}, nil
}

// ListPolicyTags lists a policy's tags. AWS's own have none.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPolicyTags.html
func (s *Service) ListPolicyTags(ctx context.Context, in *iamapi.ListPolicyTagsRequest) (*iamapi.ListPolicyTagsResponse, error) {
	if err := checkPolicyARN(in.PolicyArn); err != nil {
		return nil, err
	}
	var tags []tag
	if _, ok := s.Managed.Lookup(in.PolicyArn); !ok {
		p, err := s.ownPolicy(ctx, s.Store, in.PolicyArn)
		if err != nil {
			return nil, err
		}
		tags = p.Tags
	}
	out := &iamapi.ListPolicyTagsResponse{}
	var err error
	if out.Tags, out.IsTruncated, out.Marker, err = listTags(tags, in.MaxItems, in.Marker); err != nil {
		return nil, err
	}
	return out, nil
}

// ownPolicy reads a customer managed policy of the caller's account, or answers
// NoSuchEntity.
func (s *Service) ownPolicy(ctx context.Context, r store.Reader, name string) (*managedPolicy, error) {
	if err := checkPolicyARN(name); err != nil {
		return nil, err
	}
	p, err := s.managedPolicy(ctx, r, name)
	if p, err = found(p, err, policyNotFound(name)); err != nil {
		return nil, err
	}
	if p.Account != accountOf(ctx) {
		return nil, policyNotFound(name)
	}
	return p, nil
}

// changePolicy changes a customer managed policy in one transaction.
func (s *Service) changePolicy(ctx context.Context, name string, change func(*managedPolicy) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		p, err := s.ownPolicy(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := change(p); err != nil {
			return err
		}
		return s.policies.Put(ctx, tx, recordID(p.Account, p.Name), p)
	})
	return err
}

// api is what every answer with a policy has, but for the counts; the callers
// add what theirs has besides.
func (p *managedPolicy) api() *iamapi.Policy {
	return &iamapi.Policy{
		PolicyName: &p.Name, PolicyId: &p.ID, Arn: new(p.ARN()), Path: &p.Path,
		DefaultVersionId: new(versionID(p.Default)), IsAttachable: new(true),
		CreateDate: p.Created, UpdateDate: p.Updated,
	}
}

// apiManaged is api for AWS's own policies.
func apiManaged(p *managed.Policy) *iamapi.Policy {
	return &iamapi.Policy{
		PolicyName: &p.Name, PolicyId: new(p.ID()), Arn: new(p.ARN()), Path: &p.Path,
		DefaultVersionId: new(p.DefaultVersionID()), IsAttachable: new(true),
		CreateDate: p.CreateDate, UpdateDate: p.UpdateDate,
	}
}

func versionID(number int) string { return "v" + strconv.Itoa(number) }
