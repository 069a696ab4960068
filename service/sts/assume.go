package sts

import (
	"context"
	"slices"
	"strings"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

const (
	hour = 3600 // seconds
	// maxChained is the longest session of a role that a role assumed.
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
	maxChained = hour
	maxTags    = 50
)

// AssumeRole gives credentials of a role.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (s *Service) AssumeRole(ctx context.Context, in *stsapi.AssumeRoleRequest) (*stsapi.AssumeRoleResponse, error) {
	who := &caller.From(ctx).Identity
	if who.Kind == caller.Root {
		return nil, &wire.Error{Code: "AccessDenied", Status: 403, Message: "Roles may not be assumed by root accounts."}
	}
	if len(in.ProvidedContexts) > 0 {
		return nil, wire.Errorf("ValidationError", "ProvidedContexts is not supported: Bartizan has no context provider yet.")
	}
	role, err := s.Role(ctx, in.RoleArn)
	if err != nil { // the role vanished between authorisation and now
		return nil, &wire.Error{Code: "AccessDenied", Status: 403, Message: "The role " + in.RoleArn + " cannot be assumed.", Cause: err}
	}
	seconds, err := assumeSeconds(who, role, in.DurationSeconds)
	if err != nil {
		return nil, err
	}
	session := caller.Session{
		Issued: s.Now().Truncate(time.Second), IssuerARN: role.ARN, IssuerID: role.ID, IssuerName: role.Name,
		Chained: who.Kind == caller.Role,
	}
	session.Expires = until(session.Issued, seconds)
	if session.SourceIdentity = sourceIdentity(ctx, in); in.SourceIdentity != nil && *in.SourceIdentity != session.SourceIdentity {
		return nil, &wire.Error{Code: "AccessDenied", Status: 403, Message: "The source identity of a session cannot be changed."}
	}
	if err := inheritTags(&session, who.Session, in.Tags, in.TransitiveTagKeys); err != nil {
		return nil, err
	}
	if _, shown := who.Proof.(mfaShown); shown { // the rule has spent the code
		session.MFA, session.MFATime = true, session.Issued
	}
	if err := s.sessionPolicies(ctx, &session, role.Account, in.Policy, in.PolicyArns); err != nil {
		return nil, err
	}
	id := caller.Identity{
		Kind: caller.Role, Account: role.Account, Name: in.RoleSessionName,
		ID:      role.ID + ":" + in.RoleSessionName,
		ARN:     arn.New("sts", "", role.Account, "assumed-role/"+role.Name+"/"+in.RoleSessionName),
		Session: &session,
	}
	c, size, err := s.issue(id, in.MinimumSessionTokenSize)
	if err != nil {
		return nil, err
	}
	out := &stsapi.AssumeRoleResponse{
		Credentials:      c,
		AssumedRoleUser:  &stsapi.AssumedRoleUser{AssumedRoleId: id.ID, Arn: id.ARN},
		PackedPolicySize: size.packed, SessionTokenSize: size.token, SessionTokenUtilization: size.percent,
	}
	if session.SourceIdentity != "" {
		out.SourceIdentity = &session.SourceIdentity
	}
	return out, nil
}

// assumeSeconds is the length of a role session: one hour unless asked, never
// more than the role allows, and never more than an hour for a chained one.
func assumeSeconds(who *caller.Identity, role *Role, asked *int32) (int32, error) {
	if asked == nil {
		return hour, nil
	}
	if who.Kind == caller.Role && *asked > maxChained {
		return 0, wire.Errorf("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
	}
	if time.Duration(*asked)*time.Second > role.MaxSession {
		return 0, wire.Errorf("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	return *asked, nil
}

// inheritTags joins the tags of the call with the transitive ones of the
// caller's session, which the call may not set again.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_role-chaining
func inheritTags(session, parent *caller.Session, tags []stsapi.Tag, transitive []string) error {
	seen := map[string]bool{}
	if parent != nil {
		for _, t := range parent.Tags {
			if slices.ContainsFunc(parent.Transitive, func(k string) bool { return strings.EqualFold(k, t.Key) }) {
				session.Tags = append(session.Tags, t)
				session.Transitive = append(session.Transitive, t.Key)
				seen[strings.ToLower(t.Key)] = true
			}
		}
	}
	inherited := len(session.Tags)
	for _, t := range tags {
		key := strings.ToLower(t.Key)
		if strings.HasPrefix(key, "aws:") {
			return wire.Errorf("ValidationError", "System tags cannot be added/updated by requester: %s", t.Key)
		}
		if seen[key] {
			for _, old := range session.Tags[:inherited] {
				if strings.EqualFold(old.Key, t.Key) {
					return wire.Errorf("InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
				}
			}
			return wire.Errorf("InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
		seen[key] = true
		session.Tags = append(session.Tags, caller.Tag{Key: t.Key, Value: t.Value})
	}
	if len(session.Tags) > maxTags {
		return wire.Errorf("ValidationError", "A session can have at most %d tags, with those it inherits.", maxTags)
	}
	for _, key := range transitive {
		if !slices.ContainsFunc(tags, func(t stsapi.Tag) bool { return strings.EqualFold(t.Key, key) }) {
			return wire.Errorf("InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.")
		}
		session.Transitive = append(session.Transitive, key)
	}
	return nil
}

// mfa checks the code of the caller's device, if the call has one.
func (s *Service) mfa(ctx context.Context, session *caller.Session, serial, code *string) error {
	shown, err := s.checkMFA(ctx, serial, code)
	if shown {
		session.MFA, session.MFATime = true, session.Issued
	}
	return err
}

// checkMFA spends the code of the caller's device. It is false if the call has
// none, and an error if it is wrong.
func (s *Service) checkMFA(ctx context.Context, serial, code *string) (bool, error) {
	if serial == nil && code == nil {
		return false, nil
	}
	if serial == nil || code == nil {
		return false, wire.Errorf("ValidationError", "SerialNumber and TokenCode must be given together.")
	}
	ok, err := s.MFA(ctx, caller.From(ctx).Identity.ID, *serial, *code)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, &wire.Error{Code: "AccessDenied", Status: 403, Message: "MultiFactorAuthentication failed with invalid MFA one time pass code. "}
	}
	return true, nil
}

// sessionPolicies checks and keeps the session policies of a call.
func (s *Service) sessionPolicies(ctx context.Context, session *caller.Session, account string, inline *string, managed []stsapi.PolicyDescriptorType) error {
	if inline != nil {
		doc, err := policy.Parse([]byte(*inline))
		if err == nil {
			err = doc.Check(policy.Session)
		}
		if err != nil {
			return wire.Errorf("MalformedPolicyDocument", "%s", err.Error())
		}
		session.Policy = *inline
	}
	for _, p := range managed {
		if p.Arn == nil {
			return wire.Errorf("ValidationError", "1 validation error detected: Value null at 'policyArns.member.arn' failed to satisfy constraint: Member must not be null")
		}
		a, err := arn.Parse(*p.Arn)
		if err != nil || a.Service != "iam" || a.Account != "aws" && a.Account != account || !strings.HasPrefix(a.Resource, "policy/") {
			return wire.Errorf("ValidationError", "The policy ARN %s is not one of a managed policy in this account.", *p.Arn)
		}
		session.PolicyARNs = append(session.PolicyARNs, *p.Arn)
	}
	missing, err := s.Policies(ctx, session.PolicyARNs)
	if err != nil {
		return err
	}
	if missing != "" {
		return wire.Errorf("MalformedPolicyDocument", "The policy %s does not exist or is not attachable.", missing)
	}
	return nil
}

// sizes are what the answer says about the token.
type sizes struct{ packed, token, percent *int32 }

// maxTokenSize is what SessionTokenUtilization is a percentage of.
const maxTokenSize = 8192

// issue seals the session and checks the sizes.
func (s *Service) issue(id caller.Identity, least *int32) (*stsapi.Credentials, sizes, error) {
	var size sizes
	packed, err := packedSize(id.Session)
	if err != nil {
		return nil, size, err
	}
	if packed > 0 {
		size.packed = &packed
	}
	n := 0
	if least != nil {
		n = int(*least)
	}
	c, err := s.Tokens.issue(id, n)
	if err != nil {
		return nil, size, err
	}
	size.token = new(int32(len(c.Token)))
	size.percent = new(int32(len(c.Token) * 100 / maxTokenSize))
	return &stsapi.Credentials{
		AccessKeyId: c.AccessKey, SecretAccessKey: c.Secret, SessionToken: c.Token, Expiration: id.Session.Expires,
	}, size, nil
}
