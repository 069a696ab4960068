package iam

import (
	"context"
	"maps"
	"slices"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) inlineRules() policy.Rules {
	return policy.Rules{
		"DeleteGroupPolicy": onBearer(s, "DeleteGroupPolicy", aGroup, func(in *iamapi.DeleteGroupPolicyRequest) string { return in.GroupName }, nil),
		"DeleteRolePolicy":  onBearer(s, "DeleteRolePolicy", aRole, func(in *iamapi.DeleteRolePolicyRequest) string { return in.RoleName }, nil),
		"DeleteUserPolicy":  onBearer(s, "DeleteUserPolicy", aUser, func(in *iamapi.DeleteUserPolicyRequest) string { return in.UserName }, nil),
		"GetGroupPolicy":    onBearer(s, "GetGroupPolicy", aGroup, func(in *iamapi.GetGroupPolicyRequest) string { return in.GroupName }, nil),
		"GetRolePolicy":     onBearer(s, "GetRolePolicy", aRole, func(in *iamapi.GetRolePolicyRequest) string { return in.RoleName }, nil),
		"GetUserPolicy":     onBearer(s, "GetUserPolicy", aUser, func(in *iamapi.GetUserPolicyRequest) string { return in.UserName }, nil),
		"ListGroupPolicies": onBearer(s, "ListGroupPolicies", aGroup, func(in *iamapi.ListGroupPoliciesRequest) string { return in.GroupName }, nil),
		"ListRolePolicies":  onBearer(s, "ListRolePolicies", aRole, func(in *iamapi.ListRolePoliciesRequest) string { return in.RoleName }, nil),
		"ListUserPolicies":  onBearer(s, "ListUserPolicies", aUser, func(in *iamapi.ListUserPoliciesRequest) string { return in.UserName }, nil),
		"PutGroupPolicy":    onBearer(s, "PutGroupPolicy", aGroup, func(in *iamapi.PutGroupPolicyRequest) string { return in.GroupName }, nil),
		"PutRolePolicy":     onBearer(s, "PutRolePolicy", aRole, func(in *iamapi.PutRolePolicyRequest) string { return in.RoleName }, nil),
		"PutUserPolicy":     onBearer(s, "PutUserPolicy", aUser, func(in *iamapi.PutUserPolicyRequest) string { return in.UserName }, nil),
	}
}

// putInline adds or replaces an inline policy. The quota is for all inline
// policies of the entity together.
func (s *Service) putInline(ctx context.Context, k kind, name, policyName, document string) error {
	if err := checkDocument(document, false); err != nil {
		return err
	}
	return s.changeBearer(ctx, k, name, func(_ store.Tx, b *bearer) error {
		if b.Inline == nil {
			b.Inline = map[string]string{}
		}
		b.Inline[policyName] = document
		total, limit := 0, inlineLimit(k)
		for _, text := range b.Inline {
			total += size(text)
		}
		if total > limit {
			return wire.Errorf("LimitExceeded", "Maximum policy size of %d bytes exceeded for %s %s", limit, k, b.Name).WithStatus(409)
		}
		return nil
	})
}

func inlineLimit(k kind) int {
	switch k {
	case aUser:
		return maxUserInlineSize
	case aGroup:
		return maxGroupInlineSize
	}
	return maxRoleInlineSize
}

func noSuchInline(k kind, policyName string) *wire.Error {
	return noSuch(string(k)+" policy", policyName)
}

// getInline returns the holder's name and the document, encoded.
func (s *Service) getInline(ctx context.Context, k kind, name, policyName string) (holder, document string, err error) {
	b, err := s.bearer(ctx, s.Store, k, name)
	if err != nil {
		return "", "", err
	}
	text, ok := b.Inline[policyName]
	if !ok {
		return "", "", noSuchInline(k, policyName)
	}
	return b.Name, encodeDocument(text), nil
}

func (s *Service) deleteInline(ctx context.Context, k kind, name, policyName string) error {
	return s.changeBearer(ctx, k, name, func(_ store.Tx, b *bearer) error {
		if _, ok := b.Inline[policyName]; !ok {
			return noSuchInline(k, policyName)
		}
		delete(b.Inline, policyName)
		return nil
	})
}

// listInline pages through the names of the inline policies.
func (s *Service) listInline(ctx context.Context, k kind, name string, maxItems *int32, marker *string) ([]string, *bool, *string, error) {
	p, err := newPage(maxItems, marker)
	if err != nil {
		return nil, nil, nil, err
	}
	b, err := s.bearer(ctx, s.Store, k, name)
	if err != nil {
		return nil, nil, nil, err
	}
	names, truncated, next := cut(p, slices.Sorted(maps.Keys(b.Inline)), func(name string) string { return name })
	return names, truncated, next, nil
}

// DeleteGroupPolicy deletes an inline policy of a group.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteGroupPolicy.html
func (s *Service) DeleteGroupPolicy(ctx context.Context, in *iamapi.DeleteGroupPolicyRequest) (*iamapi.DeleteGroupPolicyOutput, error) {
	if err := s.deleteInline(ctx, aGroup, in.GroupName, in.PolicyName); err != nil {
		return nil, err
	}
	return &iamapi.DeleteGroupPolicyOutput{}, nil
}

// DeleteRolePolicy deletes an inline policy of a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRolePolicy.html
func (s *Service) DeleteRolePolicy(ctx context.Context, in *iamapi.DeleteRolePolicyRequest) (*iamapi.DeleteRolePolicyOutput, error) {
	if err := s.deleteInline(ctx, aRole, in.RoleName, in.PolicyName); err != nil {
		return nil, err
	}
	return &iamapi.DeleteRolePolicyOutput{}, nil
}

// DeleteUserPolicy deletes an inline policy of a user.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteUserPolicy.html
func (s *Service) DeleteUserPolicy(ctx context.Context, in *iamapi.DeleteUserPolicyRequest) (*iamapi.DeleteUserPolicyOutput, error) {
	if err := s.deleteInline(ctx, aUser, in.UserName, in.PolicyName); err != nil {
		return nil, err
	}
	return &iamapi.DeleteUserPolicyOutput{}, nil
}

// GetGroupPolicy returns an inline policy of a group.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetGroupPolicy.html
func (s *Service) GetGroupPolicy(ctx context.Context, in *iamapi.GetGroupPolicyRequest) (*iamapi.GetGroupPolicyResponse, error) {
	name, document, err := s.getInline(ctx, aGroup, in.GroupName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetGroupPolicyResponse{GroupName: name, PolicyName: in.PolicyName, PolicyDocument: document}, nil
}

// GetRolePolicy returns an inline policy of a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRolePolicy.html
func (s *Service) GetRolePolicy(ctx context.Context, in *iamapi.GetRolePolicyRequest) (*iamapi.GetRolePolicyResponse, error) {
	name, document, err := s.getInline(ctx, aRole, in.RoleName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetRolePolicyResponse{RoleName: name, PolicyName: in.PolicyName, PolicyDocument: document}, nil
}

// GetUserPolicy returns an inline policy of a user.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUserPolicy.html
func (s *Service) GetUserPolicy(ctx context.Context, in *iamapi.GetUserPolicyRequest) (*iamapi.GetUserPolicyResponse, error) {
	name, document, err := s.getInline(ctx, aUser, in.UserName, in.PolicyName)
	if err != nil {
		return nil, err
	}
	return &iamapi.GetUserPolicyResponse{UserName: name, PolicyName: in.PolicyName, PolicyDocument: document}, nil
}

// ListGroupPolicies lists the inline policies of a group.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListGroupPolicies.html
func (s *Service) ListGroupPolicies(ctx context.Context, in *iamapi.ListGroupPoliciesRequest) (*iamapi.ListGroupPoliciesResponse, error) {
	names, truncated, marker, err := s.listInline(ctx, aGroup, in.GroupName, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return &iamapi.ListGroupPoliciesResponse{PolicyNames: names, IsTruncated: truncated, Marker: marker}, nil
}

// ListRolePolicies lists the inline policies of a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRolePolicies.html
func (s *Service) ListRolePolicies(ctx context.Context, in *iamapi.ListRolePoliciesRequest) (*iamapi.ListRolePoliciesResponse, error) {
	names, truncated, marker, err := s.listInline(ctx, aRole, in.RoleName, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return &iamapi.ListRolePoliciesResponse{PolicyNames: names, IsTruncated: truncated, Marker: marker}, nil
}

// ListUserPolicies lists the inline policies of a user.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUserPolicies.html
func (s *Service) ListUserPolicies(ctx context.Context, in *iamapi.ListUserPoliciesRequest) (*iamapi.ListUserPoliciesResponse, error) {
	names, truncated, marker, err := s.listInline(ctx, aUser, in.UserName, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return &iamapi.ListUserPoliciesResponse{PolicyNames: names, IsTruncated: truncated, Marker: marker}, nil
}

// PutGroupPolicy adds or replaces an inline policy of a group.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutGroupPolicy.html
func (s *Service) PutGroupPolicy(ctx context.Context, in *iamapi.PutGroupPolicyRequest) (*iamapi.PutGroupPolicyOutput, error) {
	if err := s.putInline(ctx, aGroup, in.GroupName, in.PolicyName, in.PolicyDocument); err != nil {
		return nil, err
	}
	return &iamapi.PutGroupPolicyOutput{}, nil
}

// PutRolePolicy adds or replaces an inline policy of a role.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
func (s *Service) PutRolePolicy(ctx context.Context, in *iamapi.PutRolePolicyRequest) (*iamapi.PutRolePolicyOutput, error) {
	if err := s.putInline(ctx, aRole, in.RoleName, in.PolicyName, in.PolicyDocument); err != nil {
		return nil, err
	}
	return &iamapi.PutRolePolicyOutput{}, nil
}

// PutUserPolicy adds or replaces an inline policy of a user.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html
func (s *Service) PutUserPolicy(ctx context.Context, in *iamapi.PutUserPolicyRequest) (*iamapi.PutUserPolicyOutput, error) {
	if err := s.putInline(ctx, aUser, in.UserName, in.PolicyName, in.PolicyDocument); err != nil {
		return nil, err
	}
	return &iamapi.PutUserPolicyOutput{}, nil
}
