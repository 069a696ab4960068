package sts

import (
	"context"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

const defaultSession = 12 * hour // of GetSessionToken and GetFederationToken

// GetSessionToken gives a user or the root user temporary credentials of its
// own.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
func (s *Service) GetSessionToken(ctx context.Context, in *stsapi.GetSessionTokenRequest) (*stsapi.GetSessionTokenResponse, error) {
	who := caller.From(ctx).Identity
	if who.Session != nil {
		return nil, &wire.Error{Code: "AccessDenied", Status: 403, Message: "Cannot call GetSessionToken with session credentials"}
	}
	session := caller.Session{Issued: s.Now().Truncate(time.Second), IssuerARN: who.ARN, IssuerID: who.ID, IssuerName: who.Name}
	session.Expires = until(session.Issued, ownSeconds(&who, in.DurationSeconds))
	if err := s.mfa(ctx, &session, in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	who.Session = &session
	c, size, err := s.issue(who, in.MinimumSessionTokenSize)
	if err != nil {
		return nil, err
	}
	return &stsapi.GetSessionTokenResponse{Credentials: c, SessionTokenSize: size.token, SessionTokenUtilization: size.percent}, nil
}

// ownSeconds is 12 hours unless asked; the model bounds it to 15 minutes and 36
// hours. "Sessions for AWS account owners are restricted to a maximum of 3,600
// seconds (one hour). If the duration is longer than one hour, the session for
// AWS account owners defaults to one hour."
func ownSeconds(who *caller.Identity, asked *int32) int32 {
	seconds := int32(defaultSession)
	if asked != nil {
		seconds = *asked
	}
	if who.Kind == caller.Root {
		seconds = min(seconds, hour)
	}
	return seconds
}

// GetFederationToken gives credentials to a federated user, within what both
// the calling user's policies and the session policies allow.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
func (s *Service) GetFederationToken(ctx context.Context, in *stsapi.GetFederationTokenRequest) (*stsapi.GetFederationTokenResponse, error) {
	who := &caller.From(ctx).Identity
	if who.Session != nil {
		return nil, &wire.Error{Code: "AccessDenied", Status: 403, Message: "Cannot call GetFederationToken with session credentials"}
	}
	session := caller.Session{Issued: s.Now().Truncate(time.Second), IssuerARN: who.ARN, IssuerID: who.ID, IssuerName: who.Name}
	session.Expires = until(session.Issued, ownSeconds(who, in.DurationSeconds))
	if err := inheritTags(&session, nil, in.Tags, nil); err != nil {
		return nil, err
	}
	if err := s.sessionPolicies(ctx, &session, who.Account, in.Policy, in.PolicyArns); err != nil {
		return nil, err
	}
	id := caller.Identity{
		Kind: caller.Federated, Account: who.Account, Name: in.Name,
		ID:      who.Account + ":" + in.Name,
		ARN:     arn.New("sts", "", who.Account, "federated-user/"+in.Name),
		Session: &session,
	}
	c, size, err := s.issue(id, in.MinimumSessionTokenSize)
	if err != nil {
		return nil, err
	}
	return &stsapi.GetFederationTokenResponse{
		Credentials:      c,
		FederatedUser:    &stsapi.FederatedUser{FederatedUserId: id.ID, Arn: id.ARN},
		PackedPolicySize: size.packed, SessionTokenSize: size.token, SessionTokenUtilization: size.percent,
	}, nil
}
