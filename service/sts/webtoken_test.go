package sts

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/oidc"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// withIssuer lets the test account have an issuer, whose keys it returns.
func withIssuer(t testing.TB) (*Service, oidc.JWKS) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := oidc.NewSigner("ES384", key)
	if err != nil {
		t.Fatal(err)
	}
	s := newService(t)
	s.Issuer = func(_ context.Context, a, algorithm string) (*Issuer, error) {
		if a != account || algorithm != "ES384" {
			return nil, nil
		}
		return &Issuer{URL: "https://issuer.test/1", Sign: signer.Sign}, nil
	}
	s.Tags = func(_ context.Context, id *caller.Identity) ([]policy.Tag, error) {
		return []policy.Tag{{Key: "team", Value: "red"}}, nil
	}
	s.Organization = func(context.Context, string) (string, []string, error) {
		return "o-exampleorgid", []string{"o-exampleorgid/r-exam/"}, nil
	}
	return s, oidc.JWKS{signer.Key()}
}

func askToken(change func(*stsapi.GetWebIdentityTokenRequest)) *stsapi.GetWebIdentityTokenRequest {
	in := &stsapi.GetWebIdentityTokenRequest{Audience: []string{"https://api.test"}, SigningAlgorithm: "ES384"}
	if change != nil {
		change(in)
	}
	return in
}

func TestGetWebIdentityToken(t *testing.T) {
	s, keys := withIssuer(t)
	who := session(func(c *caller.Session) {
		c.Expires = noon.Add(time.Hour)
		c.IssuerARN = "arn:aws:iam::123456789012:role/team/audit"
		c.SourceIdentity = "alice"
		c.Provider = "arn:aws:iam::123456789012:oidc-provider/idp.test"
		c.Keys = []caller.Tag{{Key: "ec2:SourceInstanceARN", Value: "arn:aws:ec2:eu-west-1:123456789012:instance/i-1"}}
	})
	who.Account = account
	ctx := caller.With(t.Context(), &caller.Call{Identity: who, Region: "eu-west-1"})
	out, err := s.GetWebIdentityToken(ctx, askToken(func(in *stsapi.GetWebIdentityTokenRequest) {
		in.Tags = []stsapi.Tag{{Key: "job", Value: "1"}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if !out.Expiration.Equal(noon.Add(5 * time.Minute)) {
		t.Errorf("expires %v", out.Expiration)
	}
	u, err := oidc.Parse(*out.WebIdentityToken)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := u.Verify(keys, []string{"ES384"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Iss, Sub, Aud, Jti string
		Iat, Exp           int64
		Own                map[string]any `json:"https://sts.amazonaws.com/"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Iss != "https://issuer.test/1" || got.Sub != "arn:aws:iam::123456789012:role/team/audit" || got.Aud != "https://api.test" ||
		len(got.Jti) != 36 || got.Iat != noon.Unix() || got.Exp != noon.Unix()+300 {
		t.Errorf("claims %s", text)
	}
	own, err := json.Marshal(got.Own)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"aws_account":"123456789012","ec2_source_instance_arn":"arn:aws:ec2:eu-west-1:123456789012:instance/i-1",` +
		`"federated_provider":"arn:aws:iam::123456789012:oidc-provider/idp.test","org_id":"o-exampleorgid","original_session_exp":"2026-11-23T13:00:00Z",` +
		`"ou_path":["o-exampleorgid/r-exam/"],"principal_id":"arn:aws:iam::123456789012:role/team/audit","principal_tags":{"team":"red"},` +
		`"request_tags":{"job":"1"},"source_identity":"alice","source_region":"eu-west-1"}`
	if string(own) != want {
		t.Errorf("got  %s\nwant %s", own, want)
	}
	two, err := s.GetWebIdentityToken(ctx, askToken(func(in *stsapi.GetWebIdentityTokenRequest) { in.Audience = []string{"a", "b"} }))
	if err != nil {
		t.Fatal(err)
	}
	if u, err := oidc.Parse(*two.WebIdentityToken); err != nil {
		t.Error(err)
	} else if claims, err := u.Verify(keys, []string{"ES384"}); err != nil {
		t.Error(err)
	} else if list, ok := claims.Strings("aud"); !ok || len(list) != 2 {
		t.Errorf("audiences %v", claims["aud"])
	}
}

func TestGetWebIdentityTokenRefuses(t *testing.T) {
	s, _ := withIssuer(t)
	ending := session(func(c *caller.Session) { c.Expires = noon.Add(4 * time.Minute) })
	ending.Account = account
	stranger := user()
	stranger.Account = "111111111111"
	for _, tc := range []struct {
		name, code string
		who        caller.Identity
		host       string
		ask        func(*stsapi.GetWebIdentityTokenRequest)
	}{
		{"not enabled", "OutboundWebIdentityFederationDisabledException", stranger, "", nil},
		{"longer than the session", "SessionDurationEscalationException", ending, "", nil},
		{"other algorithm", "ValidationError", user(), "", func(in *stsapi.GetWebIdentityTokenRequest) { in.SigningAlgorithm = "HS256" }},
		{"global endpoint", "AccessDenied", user(), "sts.amazonaws.com", nil},
		{"tag twice", "InvalidParameterValue", user(), "", func(in *stsapi.GetWebIdentityTokenRequest) { in.Tags = []stsapi.Tag{{Key: "a"}, {Key: "A"}} }},
		{"too large", "JWTPayloadSizeExceededException", user(), "", func(in *stsapi.GetWebIdentityTokenRequest) {
			for i := range 10 {
				in.Audience = append(in.Audience, strings.Repeat(string(rune('a'+i)), 2000))
			}
		}},
	} {
		ctx := caller.With(t.Context(), &caller.Call{Identity: tc.who, Host: tc.host})
		_, err := s.GetWebIdentityToken(ctx, askToken(tc.ask))
		if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != tc.code {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.code)
		}
	}
}

// TestTokenConditions is the sample of AWS's guide.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_policies.html
func TestTokenConditions(t *testing.T) {
	s, _ := withIssuer(t)
	doc, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*","Condition":{
		"ForAnyValue:StringEquals":{"sts:IdentityTokenAudience":["https://api1.test","https://api2.test"]},
		"NumericLessThanEquals":{"sts:DurationSeconds":300},"StringEquals":{"sts:SigningAlgorithm":"ES384"}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	set := policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Identity}, Document: doc})
	for _, tc := range []struct {
		name string
		ask  func(*stsapi.GetWebIdentityTokenRequest)
		want bool
	}{
		{"as the policy has it", nil, true},
		{"too long", func(in *stsapi.GetWebIdentityTokenRequest) { in.DurationSeconds = new(int32(301)) }, false},
		{"other audience", func(in *stsapi.GetWebIdentityTokenRequest) { in.Audience = []string{"x"} }, false},
		{"other algorithm", func(in *stsapi.GetWebIdentityTokenRequest) { in.SigningAlgorithm = "RS256" }, false},
		{"with tags", func(in *stsapi.GetWebIdentityTokenRequest) { in.Tags = []stsapi.Tag{{Key: "a"}} }, false},
	} {
		in := askToken(func(in *stsapi.GetWebIdentityTokenRequest) { in.Audience = []string{"https://api2.test"} })
		if tc.ask != nil {
			tc.ask(in)
		}
		touches, err := s.touchWebIdentityToken(as(user()), in)
		if err != nil {
			t.Fatal(err)
		}
		allowed := true
		for i := range touches {
			req := &policy.Request{Principal: policy.Principal{Kind: policy.User, Account: account, ARN: user().ARN}}
			b := &policy.Bindings{Identity: set}
			touches[i].Apply(req, b)
			allowed = allowed && policy.Decide(req, b).Allowed
		}
		if allowed != tc.want {
			t.Errorf("%s: allowed %v", tc.name, allowed)
		}
	}
}

func BenchmarkGetWebIdentityToken(b *testing.B) {
	s, _ := withIssuer(b)
	ctx := as(user())
	in := askToken(nil)
	for b.Loop() {
		if _, err := s.GetWebIdentityToken(ctx, in); err != nil {
			b.Fatal(err)
		}
	}
}
