package sts

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/saml/samltest"
)

// parts are those of a response for the role audit; ids of assertions differ.
func (f *federation) parts(id string) *samltest.Parts {
	p := samltest.NewParts(f.now)
	p.AssertionID = "_" + id
	p.Attributes = samltest.Attribute(attrSession, "ann") + samltest.Attribute(attrRole, roleARN+","+samlARN)
	return p
}

func (f *federation) saml(p *samltest.Parts, change func(*stsapi.AssumeRoleWithSAMLRequest)) (*stsapi.AssumeRoleWithSAMLResponse, error) {
	f.t.Helper()
	in := &stsapi.AssumeRoleWithSAMLRequest{RoleArn: roleARN, PrincipalArn: samlARN, SAMLAssertion: samltest.Encoded(f.idp.Respond(p, false, true))}
	if change != nil {
		change(in)
	}
	ctx := f.stranger()
	if err := f.decide(ctx, "AssumeRoleWithSAML", in); err != nil {
		return nil, err
	}
	return f.AssumeRoleWithSAML(ctx, in)
}

func TestSAML(t *testing.T) {
	f := newFederation(t)
	p := f.parts("one")
	p.Attributes = samltest.Attribute(attrSession, "ann") + samltest.Attribute(attrRole, "arn:aws:iam::1:role/x,arn:aws:iam::1:saml-provider/y", samlARN+" , "+roleARN) +
		samltest.Attribute(attrTag+"Team", "red") + samltest.Attribute(attrTag+"Cost", "12") + samltest.Attribute(attrTransitive, "Team") +
		samltest.Attribute(attrSource, "ann") + samltest.Attribute(attrDuration, "1800")
	out, err := f.saml(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if *out.Subject != "ann" || *out.SubjectType != "persistent" || *out.Issuer != samltest.Entity || *out.Audience != samltest.Recipient || *out.SourceIdentity != "ann" ||
		*out.NameQualifier != qualifier(samltest.Entity, &SAMLProvider{Account: account, Name: "corp"}) || out.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/audit/ann" {
		t.Errorf("answer %+v", out)
	}
	s := f.session(out.Credentials.AccessKeyId, out.Credentials.SessionToken)
	if s.Provider != samlARN || s.SourceIdentity != "ann" || !s.Expires.Equal(noon.Add(30*time.Minute)) ||
		!slices.Equal(s.Tags, []caller.Tag{{Key: "Cost", Value: "12"}, {Key: "Team", Value: "red"}}) || !slices.Equal(s.Transitive, []string{"Team"}) ||
		!slices.Contains(s.Keys, caller.Tag{Key: "saml:sub", Value: "ann"}) || !slices.Contains(s.Keys, caller.Tag{Key: "saml:sub_type", Value: "persistent"}) || len(s.Keys) != 3 {
		t.Errorf("session %+v", s)
	}
	long := f.parts("two") // no longer than the provider's session
	long.Authn = strings.Replace(long.Authn, samltest.Stamp(noon.Add(8*time.Hour)), samltest.Stamp(noon.Add(20*time.Minute)), 1)
	out, err = f.saml(long, func(in *stsapi.AssumeRoleWithSAMLRequest) { in.DurationSeconds = new(int32(3600)) })
	if err != nil || !out.Credentials.Expiration.Equal(noon.Add(20*time.Minute)) {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestQualifier is the API reference's formula, computed by hand:
// printf 'https://example.com/saml123456789012/MySAMLIdP' | openssl sha1 -binary | base64
func TestQualifier(t *testing.T) {
	if got := qualifier("https://example.com/saml", &SAMLProvider{Account: "123456789012", Name: "MySAMLIdP"}); got != "1uAJanUnBc2XeUkHURMht+xam2c=" {
		t.Errorf("%s", got)
	}
}

// TestSAMLKeys: attributes that trust policies can ask for.
func TestSAMLKeys(t *testing.T) {
	f := newFederation(t)
	for i, tc := range []struct {
		condition, attributes string
		ok                    bool
	}{
		{`"ForAllValues:StringLike":{"saml:edupersonaffiliation":["faculty","staff"]}`, samltest.Attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "staff", "faculty"), true},
		{`"ForAllValues:StringLike":{"saml:edupersonaffiliation":["faculty","staff"]}`, samltest.Attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "staff", "student"), false},
		{`"StringEquals":{"saml:edupersonprincipalname":"ann@example.com"}`, samltest.Attribute("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "ann@example.com"), true},
		{`"ForAnyValue:StringEquals":{"saml:mail":"ann@example.com"}`, samltest.Attribute("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "ann@example.com"), true},
		{`"ForAnyValue:StringEquals":{"saml:surname":"Lee"}`, samltest.Attribute("2.5.4.4", "Lee"), true},
		{`"StringEquals":{"saml:edupersonorgdn":"dc=x"}`, "", false},
		{`"StringEquals":{"saml:namequalifier":"` + qualifier(samltest.Entity, &SAMLProvider{Account: account, Name: "corp"}) + `"}`, "", true},
	} {
		f.trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Federated":"` + samlARN + `"},"Action":"sts:AssumeRoleWithSAML","Condition":{` + tc.condition + `}}}`
		p := f.parts("k" + string(rune('a'+i)))
		p.Attributes += tc.attributes
		if _, err := f.saml(p, nil); (err == nil) != tc.ok {
			t.Errorf("%s with %s: %v", tc.condition, tc.attributes, err)
		}
	}
}

func TestSAMLRefuses(t *testing.T) {
	f := newFederation(t)
	const invalid = "InvalidIdentityToken"
	only := func(attributes ...string) func(*samltest.Parts) {
		return func(p *samltest.Parts) { p.Attributes = strings.Join(attributes, "") }
	}
	more := func(attribute string) func(*samltest.Parts) {
		return func(p *samltest.Parts) { p.Attributes += attribute }
	}
	session, role := samltest.Attribute(attrSession, "ann"), samltest.Attribute(attrRole, roleARN+","+samlARN)
	denied := "Not authorized to perform sts:AssumeRoleWithSAML"
	for name, tc := range map[string]struct {
		change        func(*samltest.Parts)
		code, message string
	}{
		"another issuer":       {func(p *samltest.Parts) { p.Issuer = "https://evil.example" }, invalid, "Issuer not present in specified provider"},
		"another audience":     {func(p *samltest.Parts) { p.Audience = "https://sp.example.com" }, invalid, "Response does not contain the required audience."},
		"another recipient":    {func(p *samltest.Parts) { p.Recipient = "https://signin.aws.amazon.com.evil.example/saml" }, invalid, "The recipient or destination of the SAML response is another service provider."},
		"a relative recipient": {func(p *samltest.Parts) { p.Recipient = "/saml" }, invalid, "The recipient or destination of the SAML response is another service provider."},
		"another's recipient":  {func(p *samltest.Parts) { p.Recipient = samltest.Recipient + "/acs/SAMLOTHER" }, invalid, "The recipient or destination of the SAML response is another service provider."},
		"too old":              {func(p *samltest.Parts) { p.Issued = f.now.Add(-redeem - time.Second) }, "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance"},
		"expired":              {func(p *samltest.Parts) { p.NotOnOrAfter = f.now.Add(-6 * time.Minute) }, "ExpiredTokenException", "The SAML assertion is not valid at this time."},
		"not authenticated":    {func(p *samltest.Parts) { p.Status = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed" }, "IDPRejectedClaim", "The identity provider reported that authentication failed."},
		"no role":              {only(session), "AccessDenied", denied},
		"another role":         {only(session, samltest.Attribute(attrRole, roleARN+"x,"+samlARN)), "AccessDenied", denied},
		"another provider":     {only(session, samltest.Attribute(attrRole, roleARN+","+samlARN+"x")), "AccessDenied", denied},
		"no session name":      {only(role), invalid, "RoleSessionName is required in AuthnResponse"},
		"two session names":    {only(role, session, session), invalid, attrSession + " in AuthnResponse must have one value"},
		"a session name":       {only(role, samltest.Attribute(attrSession, "Ann Lee")), invalid, "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"},
		"a source":             {more(samltest.Attribute(attrSource, "Ann Lee")), invalid, `Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"`},
		"a duration":           {more(samltest.Attribute(attrDuration, "60")), invalid, "SessionDuration in AuthnResponse must be between 900 and 43200 seconds"},
		"a tag":                {more(samltest.Attribute(attrTag+"a", "x", "y")), invalid, attrTag + "a in AuthnResponse must have one value"},
		"a tag without a key":  {more(samltest.Attribute(attrTag, "x")), invalid, `The session tag "" is not valid.`},
		"another subject":      {func(p *samltest.Parts) { p.Subject = "eve" }, "AccessDenied", denied},
	} {
		p := f.parts("bad")
		tc.change(p)
		_, err := f.saml(p, nil)
		wantError(t, name, err, tc.code, tc.message)
	}
	for name, tc := range map[string]struct {
		change        func(*stsapi.AssumeRoleWithSAMLRequest)
		code, message string
	}{
		"no provider":       {func(in *stsapi.AssumeRoleWithSAMLRequest) { in.PrincipalArn += "x" }, invalid, "Specified provider doesn't exist"},
		"no provider's ARN": {func(in *stsapi.AssumeRoleWithSAMLRequest) { in.PrincipalArn = roleARN }, "ValidationError", "Principal ARN is invalid"},
		"no role's ARN":     {func(in *stsapi.AssumeRoleWithSAMLRequest) { in.RoleArn = samlARN }, "ValidationError", "Request ARN is invalid"},
		"no response":       {func(in *stsapi.AssumeRoleWithSAMLRequest) { in.SAMLAssertion = "AAAA" }, invalid, "Invalid SAML response"},
		"unsigned": {func(in *stsapi.AssumeRoleWithSAMLRequest) {
			in.SAMLAssertion = samltest.Encoded(f.idp.Respond(f.parts("u"), false, false))
		}, invalid, "Response signature invalid"},
		"too long": {func(in *stsapi.AssumeRoleWithSAMLRequest) { in.DurationSeconds = new(int32(7201)) }, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."},
	} {
		_, err := f.saml(f.parts("bad"), tc.change)
		wantError(t, name, err, tc.code, tc.message)
	}
	// None of all these has used up the assertion.
	if _, err := f.saml(f.parts("bad"), nil); err != nil {
		t.Error(err)
	}
	f.now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := f.saml(f.parts("late"), nil)
	wantError(t, "metadata that has ended", err, invalid, "The metadata of the SAML provider is no longer valid.")
}

func TestSAMLRecipients(t *testing.T) {
	f := newFederation(t)
	ours := f.recipients(&SAMLProvider{UUID: "SAMLCORP"})
	for address, want := range map[string]bool{
		"https://signin.aws.amazon.com/saml":                        true,
		"https://signin.aws.amazon.com/static/saml":                 true,
		"https://eu-central-1.signin.aws.amazon.com/saml":           true,
		"https://us-gov-west-1.signin.aws.amazon.com/saml":          true,
		"https://signin.aws.amazon.com/saml/acs/SAMLCORP":           true,
		"https://eu-west-1.signin.aws.amazon.com/saml/acs/SAMLCORP": true,
		"https://127.0.0.1:4566/saml":                               true,
		"https://127.0.0.1:4566/saml/acs/SAMLCORP":                  true,
		"https://127.0.0.1:45666/saml":                              false,
		"https://127.0.0.1:4566.evil.example/saml":                  false,
		"https://eu-west-1.signin.aws.amazon.com/saml/acs/OTHER":    false,
		"https://evil.signin.aws.amazon.com/saml":                   false,
		"http://signin.aws.amazon.com/saml":                         false,
		"https://signin.aws.amazon.com/saml/":                       false,
		"https://signin.aws.amazon.com/saml\n":                      false,
		"":                                                          false,
	} {
		if ours(address) != want {
			t.Errorf("%q: %v", address, !want)
		}
	}
}

// TestSAMLReplay: an assertion counts once, also for another node on the same
// store, until it is too old anyhow; then it is forgotten.
func TestSAMLReplay(t *testing.T) {
	f := newFederation(t)
	p := f.parts("once")
	if _, err := f.saml(p, nil); err != nil {
		t.Fatal(err)
	}
	_, err := f.saml(p, nil)
	wantError(t, "again", err, "InvalidIdentityToken", "The SAML assertion was used before.")
	node := *f
	node.Service = New(f.Deps)
	_, err = node.saml(p, nil)
	wantError(t, "on another node", err, "InvalidIdentityToken", "The SAML assertion was used before.")
	if _, err := node.saml(f.parts("another"), nil); err != nil {
		t.Error(err)
	}
	jobs, err := f.queue.Jobs(t.Context(), jobForget, "", 0)
	if err != nil || len(jobs) != 2 || jobs[0].Due.Before(noon.Add(redeem)) {
		t.Fatalf("jobs %+v, %v", jobs, err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	f.Clock.Advance(max(0, jobs[1].Due.Sub(f.Clock.Now())) + time.Second)
	if err := f.queue.Settle(ctx); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if left, err := assertions().List(t.Context(), f.Store, "", "", 0); err != nil || len(left) != 0 {
		t.Errorf("%d assertions are kept, %v", len(left), err)
	}
}
