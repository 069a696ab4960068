package sts

import (
	"slices"
	"strings"
	"testing"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/oidc"
	"bartizan.dev/wire"
)

func claims(more map[string]any) map[string]any {
	return merge(map[string]any{
		"iss": "https://" + issuerName, "aud": "app", "sub": "ann", "iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix(),
	}, more)
}

// web asks with a token of these claims.
func (f *federation) web(c map[string]any, change func(*stsapi.AssumeRoleWithWebIdentityRequest)) (*stsapi.AssumeRoleWithWebIdentityResponse, error) {
	f.t.Helper()
	token, err := f.signer.Sign(c)
	if err != nil {
		f.t.Fatal(err)
	}
	in := &stsapi.AssumeRoleWithWebIdentityRequest{RoleArn: roleARN, RoleSessionName: "job-7", WebIdentityToken: token}
	if change != nil {
		change(in)
	}
	ctx := f.stranger()
	if err := f.decide(ctx, "AssumeRoleWithWebIdentity", in); err != nil {
		return nil, err
	}
	if id := caller.From(ctx).Identity; id.Name != "ann" || id.Provider != providerARN && id.Provider != googleName || !strings.HasSuffix(id.ID, ":ann") {
		f.t.Errorf("the caller is %+v", id)
	}
	return f.AssumeRoleWithWebIdentity(ctx, in)
}

func TestWebIdentity(t *testing.T) {
	f := newFederation(t)
	out, err := f.web(claims(map[string]any{
		"amr": []string{"pwd", "otp"}, "email": "ann@example.com",
		claimTags:   map[string]any{"principal_tags": map[string]any{"Team": []string{"red"}, "Cost": "12"}, "transitive_tag_keys": []string{"Team"}},
		claimSource: "ann",
	}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *out.SubjectFromWebIdentityToken != "ann" || *out.Audience != "app" || *out.Provider != providerARN || *out.SourceIdentity != "ann" ||
		out.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/audit/job-7" || out.AssumedRoleUser.AssumedRoleId != "AROAAUDIT:job-7" {
		t.Errorf("answer %+v", out)
	}
	s := f.session(out.Credentials.AccessKeyId, out.Credentials.SessionToken)
	if s.Provider != providerARN || s.SourceIdentity != "ann" || s.Chained || !s.Expires.Equal(noon.Add(time.Hour)) ||
		!slices.Equal(s.Tags, []caller.Tag{{Key: "Cost", Value: "12"}, {Key: "Team", Value: "red"}}) || !slices.Equal(s.Transitive, []string{"Team"}) ||
		!slices.Equal(s.Keys, []caller.Tag{{Key: issuerName + ":aud", Value: "app"}, {Key: issuerName + ":sub", Value: "ann"}}) {
		t.Errorf("session %+v", s)
	}
	for name, c := range map[string]map[string]any{
		"several audiences":     {"aud": []string{"other", "cli"}},
		"an authorised party":   {"aud": []string{"other", "more"}, "azp": "cli"},
		"expired by four":       {"exp": noon.Add(-4 * time.Minute).Unix()},
		"begins in four":        {"nbf": noon.Add(4 * time.Minute).Unix(), "iat": noon.Add(4 * time.Minute).Unix()},
		"flat tags":             {claimTag + "Team": "red", claimTransitive: []string{"Team"}},
		"no transitive tags":    {claimTags: map[string]any{"principal_tags": map[string]any{"a": "b"}}},
		"a claim that is a map": {"realm_access": map[string]any{"roles": []string{"x"}}},
	} {
		if _, err := f.web(claims(c), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Google is known without a provider; whom it is for, the trust policy says.
	if out, err := f.web(claims(map[string]any{"iss": "accounts.google.com", "aud": "anything"}), nil); err != nil || *out.Provider != googleName {
		t.Errorf("Google: %+v, %v", out, err)
	}
}

// TestWebIdentityKeys: what trust policies can ask for.
func TestWebIdentityKeys(t *testing.T) {
	f := newFederation(t)
	trust := func(condition string) {
		f.trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"` + providerARN + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{` + condition + `}}}`
	}
	key := func(name string) string { return `"` + issuerName + ":" + name + `"` }
	for _, tc := range []struct {
		condition string
		claims    map[string]any
		ok        bool
	}{
		{`"StringEquals":{` + key("aud") + `:"app",` + key("sub") + `:"ann",` + key("oaud") + `:"app"}`, nil, true},
		{`"StringEquals":{` + key("aud") + `:"cli"}`, nil, false},
		{`"StringEquals":{` + key("aud") + `:"cli",` + key("oaud") + `:"app"}`, map[string]any{"azp": "cli"}, true},
		{`"ForAnyValue:StringEquals":{` + key("aud") + `:"cli"}`, map[string]any{"aud": []string{"app", "cli"}}, true},
		{`"ForAnyValue:StringEquals":{` + key("amr") + `:"mfa"}`, map[string]any{"amr": []string{"pwd", "mfa"}}, true},
		{`"ForAnyValue:StringEquals":{` + key("amr") + `:"mfa"}`, map[string]any{"amr": []string{"pwd"}}, false},
		{`"StringLike":{` + key("email") + `:"*@example.com"}`, map[string]any{"email": "ann@example.com"}, true},
		{`"StringEquals":{` + key("groups") + `:"admins"}`, map[string]any{"groups": "admins"}, false}, // AWS maps no other claims
		{`"StringEquals":{"sts:RoleSessionName":"job-7"}`, nil, true},
		{`"StringEquals":{"aws:RequestTag/Team":"red"}`, map[string]any{claimTag + "Team": "red"}, false}, // without sts:TagSession
	} {
		trust(tc.condition)
		if _, err := f.web(claims(tc.claims), nil); (err == nil) != tc.ok {
			t.Errorf("%s with %v: %v", tc.condition, tc.claims, err)
		} else if !tc.ok {
			action := "AssumeRoleWithWebIdentity"
			if tc.claims[claimTag+"Team"] != nil {
				action = "TagSession"
			}
			wantError(t, tc.condition, err, "AccessDenied", "Not authorized to perform sts:"+action)
		}
	}
}

func TestWebIdentityRefuses(t *testing.T) {
	f := newFederation(t)
	const invalid = "InvalidIdentityToken"
	long := map[string]any{}
	for i := range 51 {
		long["k"+string(rune('a'+i%26))+string(rune('a'+i/26))] = "v"
	}
	tags := func(v any) map[string]any { return map[string]any{claimTags: v} }
	for name, tc := range map[string]struct {
		claims        map[string]any
		code, message string
	}{
		"another issuer":        {map[string]any{"iss": "https://idp.example.com"}, invalid, "No OpenIDConnect provider found in your account for https://idp.example.com"},
		"an issuer by HTTP":     {map[string]any{"iss": "http://" + issuerName}, invalid, "No OpenIDConnect provider found in your account for http://" + issuerName},
		"no issuer":             {map[string]any{"iss": nil}, invalid, "Missing a required claim: iss"},
		"no subject":            {map[string]any{"sub": 7}, invalid, "Missing a required claim: sub"},
		"no audience":           {map[string]any{"aud": []string{}}, invalid, "Missing a required claim: aud"},
		"an audience of none":   {map[string]any{"aud": []any{"app", 1}}, invalid, "Missing a required claim: aud"},
		"another audience":      {map[string]any{"aud": "evil"}, invalid, "Incorrect token audience"},
		"another party":         {map[string]any{"azp": "evil"}, invalid, "Incorrect token audience"},
		"no end":                {map[string]any{"exp": "tomorrow"}, invalid, "Missing a required claim: exp"},
		"no beginning":          {map[string]any{"iat": nil}, invalid, "Missing a required claim: iat"},
		"expired":               {map[string]any{"exp": noon.Add(-5 * time.Minute).Unix()}, "ExpiredTokenException", "Token expired: current date/time 1795435200 must be before the expiration date/time1795434900"},
		"not yet":               {map[string]any{"nbf": noon.Add(6 * time.Minute).Unix()}, invalid, "Token is not valid yet: current date/time 1795435200 must not be before 1795435560"},
		"not yet, whenever":     {map[string]any{"nbf": "soon"}, invalid, "The claim nbf is not a date."},
		"tags of another kind":  {tags("x"), invalid, "The claim https://aws.amazon.com/tags is not valid."},
		"tags with more":        {tags(map[string]any{"principal_tag": map[string]any{}}), invalid, "The claim https://aws.amazon.com/tags is not valid."},
		"a tag of two values":   {tags(map[string]any{"principal_tags": map[string]any{"a": []string{"x", "y"}}}), invalid, "The claim https://aws.amazon.com/tags/principal_tags/a is not valid."},
		"a tag that is bad":     {map[string]any{claimTag + "a": "<x>"}, invalid, `The session tag "a" is not valid.`},
		"too many tags":         {tags(map[string]any{"principal_tags": long}), invalid, "The token has more than 50 session tags."},
		"transitive, no list":   {map[string]any{claimTransitive: 1}, invalid, "The claim https://aws.amazon.com/tags/transitive_tag_keys is not valid."},
		"transitive, not there": {map[string]any{claimTransitive: []string{"x"}}, "InvalidParameterValue", "The specified transitive tag key must be included in the requested tags."},
		"a system tag":          {map[string]any{claimTag + "aws:x": "y"}, "ValidationError", "System tags cannot be added/updated by requester: aws:x"},
		"a source of none":      {map[string]any{claimSource: []string{"ann"}}, invalid, "The claim https://aws.amazon.com/source_identity is not valid."},
		"a source of AWS":       {map[string]any{claimSource: "aws-x y"}, invalid, `Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`},
		"another subject":       {map[string]any{"sub": "eve"}, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
	} {
		_, err := f.web(claims(tc.claims), nil)
		wantError(t, name, err, tc.code, tc.message)
	}
	for name, tc := range map[string]struct {
		change        func(*stsapi.AssumeRoleWithWebIdentityRequest)
		code, message string
	}{
		"no token": {func(in *stsapi.AssumeRoleWithWebIdentityRequest) { in.WebIdentityToken = "opaque" }, invalid, "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"},
		"a changed token": {func(in *stsapi.AssumeRoleWithWebIdentityRequest) {
			in.WebIdentityToken = in.WebIdentityToken[:len(in.WebIdentityToken)-4] + "AAAA"
		}, invalid, "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."},
		"an access token": {func(in *stsapi.AssumeRoleWithWebIdentityRequest) { in.ProviderId = new("graph.facebook.com") }, invalid, "OAuth 2.0 access tokens of graph.facebook.com cannot be verified by this server: it accepts OpenID Connect ID tokens."},
		"a provider id":   {func(in *stsapi.AssumeRoleWithWebIdentityRequest) { in.ProviderId = new(issuerName) }, "ValidationError", "ProviderId must not be specified for OpenID Connect ID tokens."},
		"no role":         {func(in *stsapi.AssumeRoleWithWebIdentityRequest) { in.RoleArn += "x" }, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"},
		"no role's ARN":   {func(in *stsapi.AssumeRoleWithWebIdentityRequest) { in.RoleArn = providerARN }, "ValidationError", "Request ARN is invalid"},
		"another account": {func(in *stsapi.AssumeRoleWithWebIdentityRequest) { in.RoleArn = "arn:aws:iam::210987654321:role/audit" }, invalid, "No OpenIDConnect provider found in your account for https://" + issuerName},
		"too long":        {func(in *stsapi.AssumeRoleWithWebIdentityRequest) { in.DurationSeconds = new(int32(7201)) }, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
		"a missing policy": {func(in *stsapi.AssumeRoleWithWebIdentityRequest) {
			in.PolicyArns = []stsapi.PolicyDescriptorType{{Arn: new("arn:aws:iam::aws:policy/Missing")}}
		}, "MalformedPolicyDocument", "The policy arn:aws:iam::aws:policy/Missing does not exist or is not attachable."},
	} {
		_, err := f.web(claims(nil), tc.change)
		wantError(t, name, err, tc.code, tc.message)
	}
}

// TestWebIdentityIssuer: what is answered when the issuer cannot be asked.
func TestWebIdentityIssuer(t *testing.T) {
	for _, tc := range []struct {
		broken        error
		code, message string
	}{
		{oidc.ErrIssuer, "IDPCommunicationError", "The identity provider that was asked to verify the incoming identity token could not be reached."},
		{oidc.ErrThumb, "InvalidIdentityToken", "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"},
		{oidc.ErrMalformed, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"},
	} {
		f := newFederation(t)
		f.broken = tc.broken
		_, err := f.web(claims(nil), nil)
		wantError(t, tc.broken.Error(), err, tc.code, tc.message)
	}
}

// TestStrangersLeaveNoTrail: an account that has no such provider is not touched
// by what is refused.
func TestStrangersLeaveNoTrail(t *testing.T) {
	f := newFederation(t)
	for issuer, want := range map[string]int{"https://" + issuerName: 1, "https://evil.example": 0} {
		token, err := f.signer.Sign(claims(map[string]any{"iss": issuer, "aud": "evil"}))
		if err != nil {
			t.Fatal(err)
		}
		touches, err := f.touchWebIdentity(f.stranger(), &stsapi.AssumeRoleWithWebIdentityRequest{RoleArn: roleARN, RoleSessionName: "x1", WebIdentityToken: token})
		if _, ok := err.(*wire.Error); !ok || len(touches) != want {
			t.Errorf("%s: %v, %v", issuer, touches, err)
		}
	}
}
