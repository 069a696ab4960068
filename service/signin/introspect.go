package signin

import (
	"context"
	"errors"

	signinapi "bartizan.dev/api/signin"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

// owned finds the grant of a refresh token of the caller's account, good or
// spent; nil for any other token. Access tokens (ASOA) are given out by nothing
// that is built: those of `aws login` are credentials.
func (s *Service) owned(ctx context.Context, token string) (g *grant, active bool, err error) {
	g, err = s.refreshed(ctx, s.Store, token)
	switch {
	case errors.Is(err, errNoGrant):
		return nil, false, nil
	case err != nil && !errors.Is(err, errReused):
		return nil, false, err
	}
	spent := err != nil
	account := g.Session.Base.Account
	if g.Session.Role != nil {
		account = g.Session.Role.Account
	}
	if account != caller.From(ctx).Identity.Account {
		return nil, false, nil
	}
	if spent {
		return g, false, nil
	}
	if err := s.alive(ctx, &g.Session); errors.Is(err, errGone) || errors.Is(err, errChanged) {
		return g, false, nil
	} else if err != nil {
		return nil, false, err
	}
	return g, true, nil
}

// touchRefresh is an action on the client that a refresh token belongs to, or
// on the usual one: the decision must not tell whether there is such a token.
func (s *Service) touchRefresh(ctx context.Context, action, token string) ([]policy.Touch, error) {
	g, _, err := s.owned(ctx, token)
	if err != nil {
		return nil, err
	}
	call := caller.From(ctx)
	client := sameDevice
	if g != nil {
		client = g.Client
	}
	return []policy.Touch{{
		Action: action, Resource: clientResource(call.Identity.Account, call.Region, client),
		Keys: []policy.Pair{{Key: "signin:OAuthTokenType", Values: []string{"refresh_token"}}, {Key: "signin:OAuthClientId", Values: []string{client}}},
	}}, nil
}

// IntrospectOAuth2TokenWithIAM tells what a refresh token is worth.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_dataplane-signin_IntrospectOAuth2TokenWithIAM.html
func (s *Service) IntrospectOAuth2TokenWithIAM(ctx context.Context, in *signinapi.IntrospectOAuth2TokenWithIAMRequest) (*signinapi.IntrospectOAuth2TokenWithIAMResponse, error) {
	g, active, err := s.owned(ctx, in.Token)
	if err != nil || !active {
		return &signinapi.IntrospectOAuth2TokenWithIAMResponse{}, err
	}
	id := g.Session.identity(g.Session.Expires, g.Region)
	issued := g.Turned.Unix()
	return &signinapi.IntrospectOAuth2TokenWithIAMResponse{
		Active: true, ClientId: &g.Client, UserId: &id.ID, TokenType: new("refresh_token"),
		Exp: new(g.Session.Expires.Unix()), Iat: &issued, Nbf: &issued, Sub: &id.ARN, Iss: new(issuer),
		Jti: new(hashed("jti", in.Token)[:32]), AccountId: &id.Account, SigninSession: new(g.Session.ARN(g.Region)),
	}, nil
}

// RevokeOAuth2TokenWithIAM ends what a user has granted a tool. Credentials
// that the tool has got already end by themselves. What is no token of the
// caller's account is no error (RFC 7009 section 2.2).
// https://docs.aws.amazon.com/signin/latest/APIReference/API_dataplane-signin_RevokeOAuth2TokenWithIAM.html
func (s *Service) RevokeOAuth2TokenWithIAM(ctx context.Context, in *signinapi.RevokeOAuth2TokenWithIAMRequest) (*signinapi.RevokeOAuth2TokenWithIAMResponse, error) {
	g, _, err := s.owned(ctx, in.Token)
	if err != nil {
		return nil, err
	}
	if g != nil {
		if err := s.revoke(ctx, g.ID); err != nil {
			return nil, err
		}
	}
	return &signinapi.RevokeOAuth2TokenWithIAMResponse{}, nil
}
