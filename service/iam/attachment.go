package iam

import (
	"context"
	"slices"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) attachmentRules() policy.Rules {
	return policy.Rules{
		"AttachGroupPolicy": onBearer(s, "AttachGroupPolicy", aGroup, func(in *iamapi.AttachGroupPolicyRequest) string { return in.GroupName },
			func(in *iamapi.AttachGroupPolicyRequest) []policy.Pair { return policyKey(in.PolicyArn) }),
		"AttachRolePolicy": onBearer(s, "AttachRolePolicy", aRole, func(in *iamapi.AttachRolePolicyRequest) string { return in.RoleName },
			func(in *iamapi.AttachRolePolicyRequest) []policy.Pair { return policyKey(in.PolicyArn) }),
		"AttachUserPolicy": onBearer(s, "AttachUserPolicy", aUser, func(in *iamapi.AttachUserPolicyRequest) string { return in.UserName },
			func(in *iamapi.AttachUserPolicyRequest) []policy.Pair { return policyKey(in.PolicyArn) }),
		"DetachGroupPolicy": onBearer(s, "DetachGroupPolicy", aGroup, func(in *iamapi.DetachGroupPolicyRequest) string { return in.GroupName },
			func(in *iamapi.DetachGroupPolicyRequest) []policy.Pair { return policyKey(in.PolicyArn) }),
		"DetachRolePolicy": onBearer(s, "DetachRolePolicy", aRole, func(in *iamapi.DetachRolePolicyRequest) string { return in.RoleName },
			func(in *iamapi.DetachRolePolicyRequest) []policy.Pair { return policyKey(in.PolicyArn) }),
		"DetachUserPolicy": onBearer(s, "DetachUserPolicy", aUser, func(in *iamapi.DetachUserPolicyRequest) string { return in.UserName },
			func(in *iamapi.DetachUserPolicyRequest) []policy.Pair { return policyKey(in.PolicyArn) }),
		"ListAttachedGroupPolicies": onBearer(s, "ListAttachedGroupPolicies", aGroup, func(in *iamapi.ListAttachedGroupPoliciesRequest) string { return in.GroupName }, nil),
		"ListAttachedRolePolicies":  onBearer(s, "ListAttachedRolePolicies", aRole, func(in *iamapi.ListAttachedRolePoliciesRequest) string { return in.RoleName }, nil),
		"ListAttachedUserPolicies":  onBearer(s, "ListAttachedUserPolicies", aUser, func(in *iamapi.ListAttachedUserPoliciesRequest) string { return in.UserName }, nil),
	}
}

// policyKey is the condition key that says which policy is attached.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#ck_PolicyARN
func policyKey(arn string) []policy.Pair { return []policy.Pair{pair("iam:PolicyARN", arn)} }

// attach gives a managed policy to a user, group or role. Attaching it again
// changes nothing.
func (s *Service) attach(ctx context.Context, k kind, name, arn string) error {
	if err := checkPolicyARN(arn); err != nil {
		return err
	}
	return s.changeBearer(ctx, k, name, func(tx store.Tx, b *bearer) error {
		if slices.Contains(b.Attached, arn) {
			return errSame
		}
		if err := s.attachable(ctx, tx, b.Account, arn); err != nil {
			return err
		}
		if quota, limit := s.attachQuota(k); len(b.Attached) >= limit {
			return exceeded(quota, limit)
		}
		b.Attached = append(b.Attached, arn)
		return nil
	})
}

// attachable refuses a policy that does not exist, for the account, and those
// that only service-linked roles may have.
func (s *Service) attachable(ctx context.Context, r store.Reader, account, arn string) error {
	if p, ok := s.Managed.Lookup(arn); ok {
		if p.ServiceLinked() {
			return wire.Errorf("PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role.")
		}
		return nil
	}
	p, err := s.managedPolicy(ctx, r, arn)
	if p, err = found(p, err, noSuchPolicy(arn)); err != nil {
		return err
	}
	if p.Account != account {
		return noSuchPolicy(arn)
	}
	return nil
}

func (s *Service) attachQuota(k kind) (name string, limit int) {
	switch k {
	case aUser:
		return "PoliciesPerUser", s.Quotas.AttachedPerUser
	case aGroup:
		return "PoliciesPerGroup", s.Quotas.AttachedPerGroup
	}
	return "PoliciesPerRole", s.Quotas.AttachedPerRole
}

// detach takes a managed policy away.
func (s *Service) detach(ctx context.Context, k kind, name, arn string) error {
	if err := checkPolicyARN(arn); err != nil {
		return err
	}
	return s.changeBearer(ctx, k, name, func(_ store.Tx, b *bearer) error {
		i := slices.Index(b.Attached, arn)
		if i < 0 {
			return policyNotFound(arn)
		}
		b.Attached = slices.Delete(b.Attached, i, i+1)
		return nil
	})
}

func policyNotFound(arn string) *wire.Error {
	return wire.Errorf("NoSuchEntity", "Policy %s was not found.", arn).WithStatus(404)
}

// listAttached pages through the managed policies of a user, group or role, in
// the order of their ARNs.
func (s *Service) listAttached(ctx context.Context, k kind, name string, prefix *string, maxItems *int32, marker *string) ([]iamapi.AttachedPolicy, *bool, *string, error) {
	p, err := newPage(maxItems, marker)
	if err != nil {
		return nil, nil, nil, err
	}
	b, err := s.bearer(ctx, s.Store, k, name)
	if err != nil {
		return nil, nil, nil, err
	}
	arns := slices.Clone(b.Attached)
	if prefix != nil {
		arns = slices.DeleteFunc(arns, func(arn string) bool { return !strings.HasPrefix(policyPath(arn), *prefix) })
	}
	slices.Sort(arns)
	arns, truncated, next := cut(p, arns, func(arn string) string { return arn })
	out := []iamapi.AttachedPolicy{}
	for _, arn := range arns {
		out = append(out, iamapi.AttachedPolicy{PolicyName: new(policyName(arn)), PolicyArn: &arn})
	}
	return out, truncated, next, nil
}

// policyName and policyPath are the parts of a managed policy's ARN.
func policyName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

func policyPath(arn string) string {
	return arn[strings.IndexByte(arn, '/') : strings.LastIndexByte(arn, '/')+1]
}

// AttachGroupPolicy attaches a managed policy to a group.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachGroupPolicy.html
func (s *Service) AttachGroupPolicy(ctx context.Context, in *iamapi.AttachGroupPolicyRequest) (*iamapi.AttachGroupPolicyOutput, error) {
	if err := s.attach(ctx, aGroup, in.GroupName, in.PolicyArn); err != nil {
		return nil, err
	}
	return &iamapi.AttachGroupPolicyOutput{}, nil
}

// AttachRolePolicy attaches a managed policy to a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html
func (s *Service) AttachRolePolicy(ctx context.Context, in *iamapi.AttachRolePolicyRequest) (*iamapi.AttachRolePolicyOutput, error) {
	if err := s.attach(ctx, aRole, in.RoleName, in.PolicyArn); err != nil {
		return nil, err
	}
	return &iamapi.AttachRolePolicyOutput{}, nil
}

// AttachUserPolicy attaches a managed policy to a user.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachUserPolicy.html
func (s *Service) AttachUserPolicy(ctx context.Context, in *iamapi.AttachUserPolicyRequest) (*iamapi.AttachUserPolicyOutput, error) {
	if err := s.attach(ctx, aUser, in.UserName, in.PolicyArn); err != nil {
		return nil, err
	}
	return &iamapi.AttachUserPolicyOutput{}, nil
}

// DetachGroupPolicy detaches a managed policy from a group.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachGroupPolicy.html
func (s *Service) DetachGroupPolicy(ctx context.Context, in *iamapi.DetachGroupPolicyRequest) (*iamapi.DetachGroupPolicyOutput, error) {
	if err := s.detach(ctx, aGroup, in.GroupName, in.PolicyArn); err != nil {
		return nil, err
	}
	return &iamapi.DetachGroupPolicyOutput{}, nil
}

// DetachRolePolicy detaches a managed policy from a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html
func (s *Service) DetachRolePolicy(ctx context.Context, in *iamapi.DetachRolePolicyRequest) (*iamapi.DetachRolePolicyOutput, error) {
	if err := s.detach(ctx, aRole, in.RoleName, in.PolicyArn); err != nil {
		return nil, err
	}
	return &iamapi.DetachRolePolicyOutput{}, nil
}

// DetachUserPolicy detaches a managed policy from a user.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DetachUserPolicy.html
func (s *Service) DetachUserPolicy(ctx context.Context, in *iamapi.DetachUserPolicyRequest) (*iamapi.DetachUserPolicyOutput, error) {
	if err := s.detach(ctx, aUser, in.UserName, in.PolicyArn); err != nil {
		return nil, err
	}
	return &iamapi.DetachUserPolicyOutput{}, nil
}

// ListAttachedGroupPolicies lists the managed policies of a group.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedGroupPolicies.html
func (s *Service) ListAttachedGroupPolicies(ctx context.Context, in *iamapi.ListAttachedGroupPoliciesRequest) (*iamapi.ListAttachedGroupPoliciesResponse, error) {
	list, truncated, marker, err := s.listAttached(ctx, aGroup, in.GroupName, in.PathPrefix, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return &iamapi.ListAttachedGroupPoliciesResponse{AttachedPolicies: list, IsTruncated: truncated, Marker: marker}, nil
}

// ListAttachedRolePolicies lists the managed policies of a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedRolePolicies.html
func (s *Service) ListAttachedRolePolicies(ctx context.Context, in *iamapi.ListAttachedRolePoliciesRequest) (*iamapi.ListAttachedRolePoliciesResponse, error) {
	list, truncated, marker, err := s.listAttached(ctx, aRole, in.RoleName, in.PathPrefix, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return &iamapi.ListAttachedRolePoliciesResponse{AttachedPolicies: list, IsTruncated: truncated, Marker: marker}, nil
}

// ListAttachedUserPolicies lists the managed policies of a user, without those
// of its groups.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAttachedUserPolicies.html
func (s *Service) ListAttachedUserPolicies(ctx context.Context, in *iamapi.ListAttachedUserPoliciesRequest) (*iamapi.ListAttachedUserPoliciesResponse, error) {
	list, truncated, marker, err := s.listAttached(ctx, aUser, in.UserName, in.PathPrefix, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return &iamapi.ListAttachedUserPoliciesResponse{AttachedPolicies: list, IsTruncated: truncated, Marker: marker}, nil
}
