package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"time"

	signinapi "bartizan.dev/api/signin"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// redeemed is what the rule of CreateOAuth2Token found out, for its handler.
type redeemed struct {
	grant *grant
	proof *proof
}

func denied(oauth, message string) *wire.Error {
	return oauthError("AccessDeniedException", oauth, "%s", message).WithStatus(403)
}

var (
	errCode    = denied("AUTHCODE_EXPIRED", "The authorization code is not valid or has expired.")
	errToken   = denied("TOKEN_EXPIRED", "The refresh token is not valid or has expired.")
	errStale   = denied("USER_CREDENTIALS_CHANGED", "The user's credentials have changed since the sign-in.")
	errClient  = oauthError("ValidationException", "invalid_grant", "The code was given to another client, or for another redirect URI or code challenge.")
	errProofed = oauthError("ValidationException", "invalid_request", "The DPoP proof was used before.")
)

// touchToken verifies what a tool shows, and makes the call that of the user
// who let the tool in. AWS leaves the operation unsigned, because the tool has
// no credentials yet.
func (s *Service) touchToken(ctx context.Context, in *signinapi.CreateOAuth2TokenRequest) ([]policy.Touch, error) {
	t := in.TokenInput
	if err := checkTokenInput(t); err != nil {
		return nil, err
	}
	p, err := s.proved(ctx)
	if err != nil {
		return nil, err
	}
	g, err := s.redeem(ctx, t, p)
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now().Truncate(time.Second)
	call := caller.From(ctx)
	call.Identity = g.Session.identity(now.Add(credentialsLast), g.Region)
	if !s.Clock.Now().Before(call.Identity.Session.Expires) {
		return nil, errToken
	}
	call.Identity.Proof = &redeemed{g, p}
	account := call.Identity.Account
	set, err := s.restricted(ctx, account, "")
	if err != nil {
		return nil, err
	}
	touch := policy.Touch{
		Action: "signin:CreateOAuth2Token", Resource: clientResource(account, g.Region, g.Client), Account: account, Policy: set,
		Keys: []policy.Pair{
			{Key: "signin:OAuthClientId", Values: []string{g.Client}}, {Key: "signin:OAuthRedirectUri", Values: []string{g.Redirect}},
			{Key: "signin:OAuthGrantType", Values: []string{t.GrantType}}, {Key: "signin:OAuthClientAuthentication", Values: []string{"none"}},
		},
	}
	// The gateway decides as well; here the tool is told in words it understands.
	if err := s.Decide(ctx, touch); isDenial(err) {
		return nil, denied("INSUFFICIENT_PERMISSIONS", wire.AsError(err).Message)
	} else if err != nil {
		return nil, err
	}
	return []policy.Touch{touch}, nil
}

// checkTokenInput checks what the model leaves to the grant type.
func checkTokenInput(t *signinapi.CreateOAuth2TokenRequestBody) error {
	code := t.Code != nil && t.CodeVerifier != nil && t.RedirectUri != nil
	switch {
	case t.GrantType == "authorization_code" && (!code || t.RefreshToken != nil):
		return oauthError("ValidationException", "invalid_request", "The grant type authorization_code needs code, codeVerifier and redirectUri, and no refreshToken.")
	case t.GrantType == "refresh_token" && (t.RefreshToken == nil || t.Code != nil || t.CodeVerifier != nil || t.RedirectUri != nil):
		return oauthError("ValidationException", "invalid_request", "The grant type refresh_token needs refreshToken, and nothing else.")
	}
	return nil
}

// redeem finds the grant of a code or refresh token. A code that is shown with
// the wrong verifier is worth nothing afterwards, and so is the whole grant when
// an old refresh token turns up (RFC 9700 section 4.14.2).
func (s *Service) redeem(ctx context.Context, t *signinapi.CreateOAuth2TokenRequestBody, p *proof) (*grant, error) {
	var g *grant
	var err error
	failed := errToken
	if t.GrantType == "authorization_code" {
		failed = errCode
		if g, err = s.coded(ctx, s.Store, *t.Code); err == nil && !g.matches(t) {
			return nil, errors.Join(s.revoke(ctx, g.ID), errClient)
		}
	} else {
		g, err = s.refreshed(ctx, s.Store, *t.RefreshToken)
		if g != nil && (g.Client != t.ClientId || subtle.ConstantTimeCompare([]byte(g.Key), []byte(p.key)) != 1) {
			return nil, errToken // the token is right and the key is not: say no more
		}
	}
	switch {
	case errors.Is(err, errNoGrant):
		return nil, failed
	case errors.Is(err, errReused):
		if err := s.revoke(ctx, g.ID); err != nil {
			return nil, err
		}
		return nil, failed
	case err != nil:
		return nil, err
	}
	switch err := s.alive(ctx, &g.Session); {
	case errors.Is(err, errGone):
		return nil, failed
	case errors.Is(err, errChanged):
		return nil, errStale
	case err != nil:
		return nil, err
	}
	return g, nil
}

// matches checks who redeems a code (RFC 6749 section 4.1.3, RFC 7636 section
// 4.6).
func (g *grant) matches(t *signinapi.CreateOAuth2TokenRequestBody) bool {
	sum := sha256.Sum256([]byte(*t.CodeVerifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	return g.Client == t.ClientId && g.Redirect == *t.RedirectUri && subtle.ConstantTimeCompare([]byte(g.Challenge), []byte(challenge)) == 1
}

// CreateOAuth2Token gives a tool credentials of the session it was let into,
// for a code or for a refresh token.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_dataplane-signin_CreateOAuth2Token.html
func (s *Service) CreateOAuth2Token(ctx context.Context, in *signinapi.CreateOAuth2TokenRequest) (*signinapi.CreateOAuth2TokenResponse, error) {
	id := caller.From(ctx).Identity
	shown, ok := id.Proof.(*redeemed)
	if !ok {
		return nil, errors.New("signin: CreateOAuth2Token without its rule")
	}
	g, err := s.take(ctx, in.TokenInput, shown)
	if err != nil {
		return nil, err
	}
	id.Proof = nil
	now := s.Clock.Now().Truncate(time.Second)
	c, err := s.Sessions.Issue(id)
	if err != nil {
		return nil, err
	}
	out := &signinapi.CreateOAuth2TokenResponseBody{
		AccessToken: &signinapi.AccessToken{AccessKeyId: c.AccessKey, SecretAccessKey: c.Secret, SessionToken: c.Token},
		TokenType:   "aws_sigv4", ExpiresIn: int32(id.Session.Expires.Sub(now) / time.Second), RefreshToken: g.token(g.Turn),
	}
	if in.TokenInput.GrantType == "authorization_code" {
		token, err := s.idToken(g, &id, now)
		if err != nil {
			return nil, err
		}
		out.IdToken = &token
	}
	return &signinapi.CreateOAuth2TokenResponse{TokenOutput: out}, nil
}

// take spends the code, or the refresh token, and the proof: once.
func (s *Service) take(ctx context.Context, t *signinapi.CreateOAuth2TokenRequestBody, shown *redeemed) (*grant, error) {
	var g *grant
	secret := make([]byte, 32)
	rand.Read(secret) // never fails: see crypto/rand
	_, err := s.Store.Update(ctx, func(tx store.Tx) (err error) {
		now := s.Clock.Now()
		if t.GrantType == "authorization_code" {
			if g, err = s.coded(ctx, tx, *t.Code); errors.Is(err, errNoGrant) {
				return errCode
			} else if err != nil {
				return err
			}
			g.Code, g.Key, g.Secret, g.Turn, g.Turned = "", shown.proof.key, secret, 1, now
		} else {
			if g, err = s.refreshed(ctx, tx, *t.RefreshToken); errors.Is(err, errNoGrant) || errors.Is(err, errReused) {
				return errToken
			} else if err != nil {
				return err
			}
			if _, turn, _, _, _ := splitRefresh(*t.RefreshToken); turn == g.Turn { // else it is told again
				g.Turn, g.Turned = g.Turn+1, now
			}
		}
		if err := s.spend(ctx, tx, "dpop", shown.proof.key+" "+shown.proof.id, now.Add(2*proofLasts)); errors.Is(err, store.ErrExists) {
			return errProofed
		} else if err != nil {
			return err
		}
		return s.grants.Put(ctx, tx, g.ID, g)
	})
	return g, err
}

// idToken names the session for the tool: the AWS CLI keeps it by the subject.
func (s *Service) idToken(g *grant, id *caller.Identity, now time.Time) (string, error) {
	return s.signer.Sign(map[string]any{
		"iss": issuer, "sub": id.ARN, "aud": g.Client, "iat": now.Unix(), "exp": id.Session.Expires.Unix(),
		"jti": newUUID(), "account_id": id.Account, "user_id": id.ID, "signin_session": g.Session.ARN(g.Region),
	})
}

// issuer of all tokens of Sign-In.
// https://docs.aws.amazon.com/signin/latest/APIReference/API_dataplane-signin_IntrospectOAuth2TokenWithIAM.html
const issuer = "signin.amazonaws.com"
