package sts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/oidc"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// OpenIDProvider is what STS needs to know of an IAM OIDC provider.
type OpenIDProvider struct {
	ARN, Issuer            string
	ClientIDs, Thumbprints []string
}

// skew is by how much an issuer's clock may differ: "IAM provides a five-minute
// window beyond the expiration time specified in the JWT to account for clock
// skew".
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html#manage-oidc-provider-prerequisites
const skew = 5 * time.Minute

// tokenAlgorithms: "The token must be signed with either RSA keys or ECDSA keys",
// RS256, RS384, RS512, ES256, ES384 or ES512.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
var tokenAlgorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"}

// Providers whose tokens AWS accepts without a provider in IAM.
const (
	googleName   = "accounts.google.com"
	googleIssuer = "https://" + googleName
)

// webIdentity is a verified OpenID Connect token.
type webIdentity struct {
	federated
	subject, audience string
}

// touchWebIdentity verifies the token, makes its bearer the caller, and asks the
// role's trust policy. A call that is refused here belongs to the trail of the
// role's account only where that account trusts the token's issuer: an account
// must not be filled with the attempts of strangers.
func (s *Service) touchWebIdentity(ctx context.Context, in *stsapi.AssumeRoleWithWebIdentityRequest) ([]policy.Touch, error) {
	account, err := checkRoleARN(in.RoleArn)
	if err != nil {
		return nil, err
	}
	token, err := readToken(in)
	if err != nil {
		return nil, err
	}
	p, err := s.webProvider(ctx, account, token.Issuer())
	if err != nil {
		return nil, err
	}
	w, err := s.verifyToken(ctx, token, p)
	if err != nil {
		return []policy.Touch{{Action: "sts:AssumeRoleWithWebIdentity", Resource: in.RoleArn, Account: account}}, err
	}
	caller.From(ctx).Identity = caller.Identity{
		Kind: caller.WebIdentity, ID: p.ARN + ":" + w.audience + ":" + w.subject, Name: w.subject, Provider: p.ARN, Proof: w,
	}
	return s.touchFederated(ctx, "AssumeRoleWithWebIdentity", in.RoleArn, in.RoleSessionName, &w.federated)
}

// readToken reads the token; nothing of it is verified yet.
func readToken(in *stsapi.AssumeRoleWithWebIdentityRequest) (*oidc.Unverified, error) {
	if in.ProviderId != nil {
		switch *in.ProviderId {
		case "www.amazon.com", "graph.facebook.com":
			return nil, invalidToken("OAuth 2.0 access tokens of %s cannot be verified by this server: it accepts OpenID Connect ID tokens.", *in.ProviderId)
		}
		return nil, wire.Errorf("ValidationError", "ProviderId must not be specified for OpenID Connect ID tokens.")
	}
	token, err := oidc.Parse(in.WebIdentityToken)
	if err != nil {
		return nil, invalidToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)").With(err)
	}
	if token.Issuer() == "" {
		return nil, invalidToken("Missing a required claim: iss")
	}
	return token, nil
}

// webProvider finds the provider of an issuer in the role's account.
func (s *Service) webProvider(ctx context.Context, account, issuer string) (*OpenIDProvider, error) {
	if issuer == googleName { // Google leaves the scheme out now and then
		issuer = googleIssuer
	}
	p, err := s.OpenID(ctx, account, issuer)
	switch {
	case err != nil:
		return nil, err
	case p != nil:
		return p, nil
	case issuer == googleIssuer: // built in; which audiences it is for, the trust policy says
		return &OpenIDProvider{ARN: googleName, Issuer: googleIssuer}, nil
	}
	return nil, invalidToken("No OpenIDConnect provider found in your account for %.255s", issuer)
}

// verifyToken checks the signature first and then what the token says.
func (s *Service) verifyToken(ctx context.Context, token *oidc.Unverified, p *OpenIDProvider) (*webIdentity, error) {
	claims, _, err := s.Issuers.Verify(ctx, token, oidc.Issuer{URL: p.Issuer, Thumbprints: p.Thumbprints}, tokenAlgorithms)
	if err != nil {
		return nil, tokenError(err)
	}
	if err := s.checkTimes(claims); err != nil {
		return nil, err
	}
	w := &webIdentity{subject: claims.String("sub")}
	if w.subject == "" {
		return nil, invalidToken("Missing a required claim: sub")
	}
	audiences, ok := claims.Strings("aud")
	if !ok || len(audiences) == 0 {
		return nil, invalidToken("Missing a required claim: aud")
	}
	whole := audiences
	if party := claims.String("azp"); party != "" { // "If no value is set for azp, the aud condition key maps to the aud claim."
		audiences = []string{party}
	}
	if w.audience, ok = known(audiences, p); !ok {
		return nil, invalidToken("Incorrect token audience")
	}
	w.provider = p.ARN
	w.setKeys(strings.TrimPrefix(strings.TrimPrefix(p.Issuer, "https://"), "http://"), claims, audiences, whole)
	return w, w.setSession(claims)
}

// known returns the first audience that the provider lists. Google's, being
// built in, lists none.
func known(audiences []string, p *OpenIDProvider) (string, bool) {
	if p.ARN == googleName {
		return audiences[0], true
	}
	i := slices.IndexFunc(audiences, func(a string) bool { return slices.Contains(p.ClientIDs, a) })
	if i < 0 {
		return "", false
	}
	return audiences[i], true
}

// tokenError is AWS's answer for a token that could not be verified.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors
func tokenError(err error) error {
	switch {
	case errors.Is(err, oidc.ErrThumb):
		return invalidToken("OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint").With(err)
	case errors.Is(err, oidc.ErrIssuer):
		return wire.Errorf("IDPCommunicationError", "The identity provider that was asked to verify the incoming identity token could not be reached.").With(err)
	case errors.Is(err, oidc.ErrNoKey), errors.Is(err, oidc.ErrMalformed):
		return invalidToken("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements").With(err)
	case errors.Is(err, oidc.ErrAlgorithm), errors.Is(err, oidc.ErrSignature):
		return invalidToken("The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.").With(err)
	}
	return err
}

func (s *Service) checkTimes(claims oidc.Claims) error {
	now := s.Now()
	expires, ok := claims.Time("exp")
	if !ok {
		return invalidToken("Missing a required claim: exp")
	}
	issued, ok := claims.Time("iat")
	if !ok {
		return invalidToken("Missing a required claim: iat")
	}
	if !now.Add(-skew).Before(expires) {
		return wire.Errorf("ExpiredTokenException", "Token expired: current date/time %d must be before the expiration date/time%d", now.Unix(), expires.Unix())
	}
	begins := issued
	if _, there := claims["nbf"]; there {
		at, ok := claims.Time("nbf")
		if !ok {
			return invalidToken("The claim nbf is not a date.")
		}
		if at.After(begins) {
			begins = at
		}
	}
	if now.Add(skew).Before(begins) {
		return invalidToken("Token is not valid yet: current date/time %d must not be before %d", now.Unix(), begins.Unix())
	}
	return nil
}

// AssumeRoleWithWebIdentity gives credentials of a role to the bearer of a token
// of an OpenID provider that the role trusts.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
func (s *Service) AssumeRoleWithWebIdentity(ctx context.Context, in *stsapi.AssumeRoleWithWebIdentityRequest) (*stsapi.AssumeRoleWithWebIdentityResponse, error) {
	w, ok := caller.From(ctx).Identity.Proof.(*webIdentity)
	if !ok {
		return nil, errNoProof
	}
	out, err := s.assume(ctx, &w.federated, asked{
		role: in.RoleArn, session: in.RoleSessionName, seconds: in.DurationSeconds,
		policy: in.Policy, policies: in.PolicyArns, tokenSize: in.MinimumSessionTokenSize,
	}, nil)
	if err != nil {
		return nil, err
	}
	return &stsapi.AssumeRoleWithWebIdentityResponse{
		Credentials: out.credentials, AssumedRoleUser: out.user, SourceIdentity: out.source,
		SubjectFromWebIdentityToken: &w.subject, Audience: &w.audience, Provider: &w.provider,
		PackedPolicySize: out.size.packed, SessionTokenSize: out.size.token, SessionTokenUtilization: out.size.percent,
	}, nil
}
