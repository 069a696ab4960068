package sts

import (
	"context"
	"errors"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

// ErrNoRole is returned by Deps.Role for an ARN that names no role.
var ErrNoRole = errors.New("sts: no such role")

// Rules declares what the operations touch.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
func (s *Service) Rules() policy.Rules {
	everyone := policy.Rule{Everyone: true}
	touch := func(name string) policy.Rule { return policy.OnAny(policy.Touch{Action: "sts:" + name}) }
	absent := policy.Rule{Absent: true}
	return policy.Rules{
		"AssumeRole":                 policy.On(s.touchAssumeRole),
		"AssumeRoleWithSAML":         policy.On(s.touchSAML),
		"AssumeRoleWithWebIdentity":  policy.On(s.touchWebIdentity),
		"AssumeRoot":                 policy.On(s.touchAssumeRoot),
		"DecodeAuthorizationMessage": touch("DecodeAuthorizationMessage"),
		"GetAccessKeyInfo":           touch("GetAccessKeyInfo"),
		// "No permissions are required to perform this operation. If an administrator
		// attaches a policy that explicitly denies access, you can still perform it."
		// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
		"GetCallerIdentity":       everyone,
		"GetDelegatedAccessToken": absent,
		"GetFederationToken":      policy.On(s.touchFederationToken),
		// "No permissions are required for users to perform this operation."
		// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
		"GetSessionToken":     everyone,
		"GetWebIdentityToken": policy.On(s.touchWebIdentityToken),
	}
}

// touchAssumeRole: the role's trust policy must allow the action.
func (s *Service) touchAssumeRole(ctx context.Context, in *stsapi.AssumeRoleRequest) ([]policy.Touch, error) {
	touch := policy.Touch{
		Action:    "sts:AssumeRole",
		Resource:  in.RoleArn,
		Authority: policy.RoleTrust,
		Keys:      []policy.Pair{{Key: "sts:RoleSessionName", Values: []string{in.RoleSessionName}}},
	}
	if a, err := arn.Parse(in.RoleArn); err == nil {
		touch.Account = a.Account
	}
	role, err := s.Role(ctx, in.RoleArn)
	switch {
	case err == nil:
		touch.Policy, touch.ResourceTags = role.Trust, role.Tags
	case !errors.Is(err, ErrNoRole):
		return nil, err
	}
	if in.ExternalId != nil {
		touch.Keys = append(touch.Keys, policy.Pair{Key: "sts:ExternalId", Values: []string{*in.ExternalId}})
	}
	// A trust policy may ask for MFA, and the code comes with this call: it is
	// spent here, once, and the handler is told by Proof.
	shown, err := s.checkMFA(ctx, in.SerialNumber, in.TokenCode)
	if err != nil {
		return nil, err
	}
	if shown {
		caller.From(ctx).Identity.Proof = mfaShown{}
		touch.Keys = append(touch.Keys,
			policy.Pair{Key: "aws:MultiFactorAuthPresent", Values: []string{"true"}},
			policy.Pair{Key: "aws:MultiFactorAuthAge", Values: []string{"0"}})
	}
	return sessionTouches(touch, in.Tags, in.TransitiveTagKeys, sourceIdentity(ctx, in)), nil
}

// mfaShown is the Proof of a caller whose one-time password the rule has checked.
type mfaShown struct{}

// sourceIdentity is the one the session will carry: once set it sticks.
func sourceIdentity(ctx context.Context, in *stsapi.AssumeRoleRequest) string {
	if t := caller.From(ctx).Identity.Session; t != nil && t.SourceIdentity != "" {
		return t.SourceIdentity
	}
	if in.SourceIdentity != nil {
		return *in.SourceIdentity
	}
	return ""
}

func (s *Service) touchFederationToken(ctx context.Context, in *stsapi.GetFederationTokenRequest) ([]policy.Touch, error) {
	account := caller.From(ctx).Identity.Account
	touch := policy.Touch{
		Action:      "sts:GetFederationToken",
		Resource:    arn.New("sts", "", account, "federated-user/"+in.Name),
		Account:     account,
		RequestTags: toTags(in.Tags),
	}
	touches := []policy.Touch{touch}
	if len(in.Tags) > 0 {
		touch.Action = "sts:TagSession"
		touches = append(touches, touch)
	}
	return touches, nil
}

func toTags(tags []stsapi.Tag) []policy.Tag {
	var out []policy.Tag
	for _, t := range tags {
		out = append(out, policy.Tag{Key: t.Key, Value: t.Value})
	}
	return out
}
