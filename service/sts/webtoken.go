package sts

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

const (
	defaultWebToken = 300 // seconds; the model bounds it to 60 and 3,600
	// maxClaims bounds the claims of a token, in bytes. AWS has a limit too, and
	// does not publish it.
	maxClaims = 16 << 10
	// claimsOfAWS is the claim below which AWS's own claims lie.
	claimsOfAWS = "https://sts.amazonaws.com/"
)

// Issuer is an account as an OpenID provider.
type Issuer struct {
	URL  string
	Sign func(claims any) (token string, err error)
}

// touchWebIdentityToken: passing tags is an action of its own.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_policies.html
func (s *Service) touchWebIdentityToken(_ context.Context, in *stsapi.GetWebIdentityTokenRequest) ([]policy.Touch, error) {
	t := policy.Touch{
		Action: "sts:GetWebIdentityToken",
		Keys: []policy.Pair{
			{Key: "sts:IdentityTokenAudience", Values: in.Audience, Multi: true},
			{Key: "sts:DurationSeconds", Values: []string{strconv.Itoa(int(webTokenSeconds(in)))}},
			{Key: "sts:SigningAlgorithm", Values: []string{in.SigningAlgorithm}},
		},
		RequestTags: toTags(in.Tags),
	}
	touches := []policy.Touch{t}
	if len(in.Tags) > 0 {
		t.Action = "sts:TagGetWebIdentityToken"
		touches = append(touches, t)
	}
	return touches, nil
}

func webTokenSeconds(in *stsapi.GetWebIdentityTokenRequest) int32 {
	if in.DurationSeconds == nil {
		return defaultWebToken
	}
	return *in.DurationSeconds
}

// GetWebIdentityToken gives the caller a token that says who it is, for
// services that trust the account's issuer.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
func (s *Service) GetWebIdentityToken(ctx context.Context, in *stsapi.GetWebIdentityTokenRequest) (*stsapi.GetWebIdentityTokenResponse, error) {
	call := caller.From(ctx)
	if err := regional(call, "GetWebIdentityToken"); err != nil {
		return nil, err
	}
	if in.SigningAlgorithm != "RS256" && in.SigningAlgorithm != "ES384" {
		return nil, wire.Errorf("ValidationError", "1 validation error detected: Value '%s' at 'signingAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [RS256, ES384]", in.SigningAlgorithm)
	}
	issuer, err := s.Issuer(ctx, call.Identity.Account, in.SigningAlgorithm)
	if err != nil {
		return nil, err
	}
	if issuer == nil {
		return nil, wire.Errorf("OutboundWebIdentityFederationDisabledException",
			"The outbound web identity federation feature is not enabled for this account.").WithStatus(403)
	}
	now := s.Now().Truncate(time.Second)
	expires := until(now, webTokenSeconds(in))
	if t := call.Identity.Session; t != nil && expires.After(t.Expires) {
		return nil, wire.Errorf("SessionDurationEscalationException",
			"The requested token duration would extend the session beyond its original expiration time.").WithStatus(403)
	}
	claims, err := s.claims(ctx, in, issuer.URL, now, expires)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	if len(text) > maxClaims {
		return nil, wire.Errorf("JWTPayloadSizeExceededException", "The requested token payload size exceeds the maximum allowed size.")
	}
	token, err := issuer.Sign(json.RawMessage(text))
	if err != nil {
		return nil, err
	}
	return &stsapi.GetWebIdentityTokenResponse{WebIdentityToken: &token, Expiration: expires}, nil
}

// claims are what a token says.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html
func (s *Service) claims(ctx context.Context, in *stsapi.GetWebIdentityTokenRequest, issuer string, now, expires time.Time) (map[string]any, error) {
	call := caller.From(ctx)
	id := &call.Identity
	own, err := s.contextClaims(ctx, call)
	if err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 {
		tags := map[string]string{}
		var checked caller.Session
		if err := inheritTags(&checked, nil, in.Tags, nil); err != nil {
			return nil, err
		}
		for _, t := range checked.Tags {
			tags[t.Key] = t.Value
		}
		own["request_tags"] = tags
	}
	claims := map[string]any{
		"iss": issuer, "sub": subject(id), "aud": in.Audience, "iat": now.Unix(), "exp": expires.Unix(),
		"jti": tokenID(), claimsOfAWS: own,
	}
	if len(in.Audience) == 1 {
		claims["aud"] = in.Audience[0]
	}
	own["principal_id"] = claims["sub"]
	return claims, nil
}

// contextClaims are the claims about the caller and its session.
func (s *Service) contextClaims(ctx context.Context, call *caller.Call) (map[string]any, error) {
	id := &call.Identity
	own := map[string]any{"aws_account": id.Account, "source_region": call.Region}
	tags, err := s.Tags(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(tags) > 0 {
		m := map[string]string{}
		for _, t := range tags {
			m[t.Key] = t.Value
		}
		own["principal_tags"] = m
	}
	if s.Organization != nil {
		organization, paths, err := s.Organization(ctx, id.Account)
		if err != nil {
			return nil, err
		}
		if organization != "" {
			own["org_id"], own["ou_path"] = organization, paths
		}
	}
	t := id.Session
	if t == nil {
		return own, nil
	}
	own["original_session_exp"] = t.Expires.UTC().Format(time.RFC3339)
	if t.SourceIdentity != "" {
		own["source_identity"] = t.SourceIdentity
	}
	if t.Provider != "" {
		own["federated_provider"] = t.Provider
	}
	for _, k := range t.Keys {
		if name, ok := sessionClaims[strings.ToLower(k.Key)]; ok {
			own[name] = k.Value
		}
	}
	return own, nil
}

// sessionClaims are the claims that come from condition keys of the session.
var sessionClaims = map[string]string{
	"aws:ec2instancesourceprivateipv4": "ec2_instance_source_private_ipv4",
	"aws:ec2instancesourcevpc":         "ec2_instance_source_vpc",
	"ec2:roledelivery":                 "ec2_role_delivery",
	"ec2:sourceinstancearn":            "ec2_source_instance_arn",
	"identitystore:userid":             "identity_store_user_id",
	"lambda:sourcefunctionarn":         "lambda_source_function_arn",
}

// subject is the ARN of the principal: of a role session the role's.
func subject(id *caller.Identity) string {
	if id.Kind == caller.Role && id.Session != nil {
		return id.Session.IssuerARN
	}
	return id.ARN
}

// tokenID makes a jti: a random UUID (RFC 9562, version 4).
func tokenID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
