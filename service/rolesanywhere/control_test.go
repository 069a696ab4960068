package rolesanywhere

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	rolesapi "bartizan.dev/api/rolesanywhere"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
)

func TestTrustAnchor(t *testing.T) {
	f := newFixture(t)
	root, second := f.ca(nil, "root"), f.ca(nil, "second")
	a := must(f.CreateTrustAnchor(f.root, &rolesapi.CreateTrustAnchorRequest{
		Name: "mine", Source: source(root.pem()), AliasName: new("prod"), Tags: []rolesapi.Tag{{Key: "k", Value: "v"}},
		NotificationSettings: []rolesapi.NotificationSetting{{Enabled: true, Event: "CA_CERTIFICATE_EXPIRY", Threshold: new(int32(30))}},
	}))(t).TrustAnchor
	if *a.Enabled || *a.Name != "mine" || *a.Source.SourceData.X509CertificateData != root.pem() ||
		*a.TrustAnchorArn != "arn:aws:rolesanywhere:eu-central-1:111122223333:trust-anchor/"+*a.TrustAnchorId ||
		*a.AliasArn != "arn:aws:rolesanywhere:eu-central-1:111122223333:alias/trust-anchor/prod" {
		t.Errorf("%+v", a)
	}
	show := func(list []rolesapi.NotificationSettingDetail) string {
		out := ""
		for _, n := range list {
			days := int32(0)
			if n.Threshold != nil {
				days = *n.Threshold
			}
			out += fmt.Sprintf("%s%s%v%d%s;", n.Event, n.Channel, n.Enabled, days, *n.ConfiguredBy)
		}
		return out
	}
	const endDefault = "END_ENTITY_CERTIFICATE_EXPIRYALLtrue45rolesanywhere.amazonaws.com;"
	if got := show(a.NotificationSettings); got != "CA_CERTIFICATE_EXPIRYALLtrue30111122223333;"+endDefault {
		t.Error(got)
	}
	put := must(f.PutNotificationSettings(f.root, &rolesapi.PutNotificationSettingsRequest{TrustAnchorId: *a.TrustAnchorId,
		NotificationSettings: []rolesapi.NotificationSetting{{Event: "END_ENTITY_CERTIFICATE_EXPIRY", Channel: "ALL"}}}))(t).TrustAnchor
	if got := show(put.NotificationSettings); got != "CA_CERTIFICATE_EXPIRYALLtrue30111122223333;END_ENTITY_CERTIFICATE_EXPIRYALLfalse0111122223333;" {
		t.Error(got)
	}
	fails(f.PutNotificationSettings(f.root, &rolesapi.PutNotificationSettingsRequest{TrustAnchorId: *a.TrustAnchorId,
		NotificationSettings: []rolesapi.NotificationSetting{{Enabled: true, Event: "CA_CERTIFICATE_EXPIRY"}}}))(t,
		"ValidationException", "Threshold is required for a notification setting that is enabled")
	reset := must(f.ResetNotificationSettings(f.root, &rolesapi.ResetNotificationSettingsRequest{TrustAnchorId: *a.TrustAnchorId,
		NotificationSettingKeys: []rolesapi.NotificationSettingKey{{Event: "CA_CERTIFICATE_EXPIRY"}, {Event: "END_ENTITY_CERTIFICATE_EXPIRY", Channel: "ALL"}}}))(t).TrustAnchor
	if got := show(reset.NotificationSettings); got != "CA_CERTIFICATE_EXPIRYALLtrue45rolesanywhere.amazonaws.com;"+endDefault {
		t.Error(got)
	}

	b := must(f.UpdateTrustAnchor(f.root, &rolesapi.UpdateTrustAnchorRequest{
		TrustAnchorId: *a.AliasArn, Name: new("ours"), AliasName: new("next"), Source: source(root.pem() + second.pem()),
	}))(t).TrustAnchor
	if *b.Name != "ours" || *b.AliasName != "next" || *b.PreviousAliasName != "prod" || *b.TrustAnchorId != *a.TrustAnchorId {
		t.Errorf("%+v", b)
	}
	fails(f.GetTrustAnchor(f.root, &rolesapi.ScalarTrustAnchorRequest{TrustAnchorId: *a.AliasArn}))(t, "ResourceNotFoundException", "TrustAnchor not found")
	fails(f.GetTrustAnchor(f.other, &rolesapi.ScalarTrustAnchorRequest{TrustAnchorId: *a.TrustAnchorId}))(t, "ResourceNotFoundException", "TrustAnchor not found")
	fails(f.GetTrustAnchor(f.as(testAccount, "us-east-1"), &rolesapi.ScalarTrustAnchorRequest{TrustAnchorId: *a.TrustAnchorArn}))(t, "ResourceNotFoundException", "TrustAnchor not found")
	fails(f.CreateTrustAnchor(f.root, &rolesapi.CreateTrustAnchorRequest{Name: "x", Source: source(root.pem()), AliasName: new("next")}))(t,
		"ValidationException", "The alias next belongs to another trust-anchor. Remove it there first.")
	c := must(f.UpdateTrustAnchor(f.root, &rolesapi.UpdateTrustAnchorRequest{TrustAnchorId: *a.TrustAnchorId, AliasName: new("")}))(t).TrustAnchor
	if c.AliasName != nil || c.AliasArn != nil || *c.PreviousAliasName != "next" {
		t.Errorf("%+v", c)
	}
	must(f.CreateTrustAnchor(f.other, &rolesapi.CreateTrustAnchorRequest{Name: "x", Source: source(root.pem()), AliasName: new("next")}))(t)
}

func TestTrustAnchorSources(t *testing.T) {
	f := newFixture(t)
	root, leaf := f.ca(nil, "root"), f.leaf(nil, "leaf", 1)
	noSign := f.ca(nil, "x")
	noSign.cert.KeyUsage = 0
	for _, c := range []struct {
		source *rolesapi.Source
		want   string
	}{
		{source("nothing"), "Unable to parse the certificate bundle: it must hold certificates in PEM."},
		{source(root.pem() + "more"), "Unable to parse the certificate bundle: it must hold certificates in PEM."},
		{source(strings.ReplaceAll(root.pem(), "CERTIFICATE", "X509 CRL")), "Unable to parse the certificate bundle: it must hold certificates in PEM."},
		{source(leaf.pem()), "Incorrect basic constraints for CA certificate"},
		{source(root.pem() + root.pem() + root.pem()), "A trust anchor can have at most 2 certificates."},
		{&rolesapi.Source{SourceType: "CERTIFICATE_BUNDLE"}, "Trust anchor source data is required"},
		{&rolesapi.Source{}, "Trust anchor source type is required"},
		{&rolesapi.Source{SourceType: "AWS_ACM_PCA", SourceData: &rolesapi.SourceData{AcmPcaArn: new("arn:aws:acm-pca:eu-central-1:111122223333:certificate-authority/x")}},
			"AWS Private CA is not built yet: give the authority's certificate as a CERTIFICATE_BUNDLE."},
		{&rolesapi.Source{SourceType: "SELF_SIGNED_REPOSITORY"}, "Trust anchors of type SELF_SIGNED_REPOSITORY are not supported."},
	} {
		fails(f.CreateTrustAnchor(f.root, &rolesapi.CreateTrustAnchorRequest{Name: "x", Source: c.source}))(t, "ValidationException", c.want)
	}
	fails(f.CreateTrustAnchor(f.root, &rolesapi.CreateTrustAnchorRequest{Name: "x", Source: source(root.pem()), CrlDpRevocationEnabled: new(true)}))(t,
		"ValidationException", "CRL distribution points are not fetched here: import the CRL with ImportCrl.")
}

// TestPages walks through a list, a quota's length, in pages.
func TestPages(t *testing.T) {
	f := newFixture(t)
	for range 250 {
		f.profile(f.root, nil)
	}
	fails(f.CreateProfile(f.root, &rolesapi.CreateProfileRequest{Name: "x", RoleArns: []string{testRole}}))(t,
		"ValidationException", "The account has reached its quota of 250 profiles in this Region.")
	f.profile(f.other, nil)
	seen := map[string]bool{}
	in := &rolesapi.ListRequest{PageSize: new(int32(60))}
	pages := 0
	for {
		out := must(f.ListProfiles(f.root, in))(t)
		for _, p := range out.Profiles {
			seen[*p.ProfileId] = true
		}
		if pages++; out.NextToken == nil {
			break
		}
		in.NextToken = out.NextToken
	}
	if len(seen) != 250 || pages != 5 {
		t.Errorf("%d profiles in %d pages", len(seen), pages)
	}
	fails(f.ListProfiles(f.root, &rolesapi.ListRequest{NextToken: new("!")}))(t, "ValidationException", "Invalid nextToken")
	fails(f.ListProfiles(f.root, &rolesapi.ListRequest{PageSize: new(int32(0))}))(t, "ValidationException", "Page size must be at least 1")
	if out := must(f.ListTrustAnchors(f.root, &rolesapi.ListRequest{}))(t); len(out.TrustAnchors) != 0 || out.NextToken != nil {
		t.Errorf("%+v", out)
	}
}

func TestProfile(t *testing.T) {
	f := newFixture(t)
	p := f.profile(f.root, func(in *rolesapi.CreateProfileRequest) { in.Enabled, in.RequireInstanceProperties = nil, new(true) })
	if *p.Enabled || *p.DurationSeconds != 3600 || *p.CreatedBy != "arn:aws:iam::111122223333:root" || !*p.RequireInstanceProperties || *p.AcceptRoleSessionName {
		t.Errorf("%+v", p)
	}
	must(f.UpdateProfile(f.root, &rolesapi.UpdateProfileRequest{ProfileId: *p.ProfileId, Name: new("new"), DurationSeconds: new(int32(900)),
		SessionPolicy: new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`),
		RoleArns:      []string{testRole, testRole + "2"}, ManagedPolicyArns: []string{"arn:aws:iam::111122223333:policy/p"}}))(t)
	p = must(f.GetProfile(f.root, &rolesapi.ScalarProfileRequest{ProfileId: *p.ProfileArn}))(t).Profile
	if *p.Name != "new" || *p.DurationSeconds != 900 || p.SessionPolicy == nil || len(p.RoleArns) != 2 || len(p.ManagedPolicyArns) != 1 {
		t.Errorf("%+v", p)
	}
	for _, c := range []struct {
		in   rolesapi.UpdateProfileRequest
		want string
	}{
		{rolesapi.UpdateProfileRequest{RoleArns: []string{"arn:aws:iam::x:role/a"}}, "Invalid role ARN: arn:aws:iam::x:role/a"},
		{rolesapi.UpdateProfileRequest{ManagedPolicyArns: []string{"arn:aws:iam::444455556666:policy/p"}}, "Invalid managed policy ARN: arn:aws:iam::444455556666:policy/p"},
		{rolesapi.UpdateProfileRequest{SessionPolicy: new("{")}, "Invalid session policy: Syntax errors in policy."},
	} {
		c.in.ProfileId = *p.ProfileId
		fails(f.UpdateProfile(f.root, &c.in))(t, "ValidationException", c.want)
	}
	bare := must(f.UpdateProfile(f.root, &rolesapi.UpdateProfileRequest{ProfileId: *p.ProfileId, RoleArns: []string{}}))(t).Profile
	if bare.RoleArns == nil || len(bare.RoleArns) != 0 {
		t.Errorf("roles %#v, want an empty list", bare.RoleArns)
	}
	must(f.DeleteProfile(f.root, &rolesapi.ScalarProfileRequest{ProfileId: *p.ProfileId}))(t)
	fails(f.DeleteProfile(f.root, &rolesapi.ScalarProfileRequest{ProfileId: *p.ProfileId}))(t, "ResourceNotFoundException", "Profile not found")
}

func TestMappings(t *testing.T) {
	f := newFixture(t)
	p := f.profile(f.root, nil)
	show := func(p *rolesapi.ProfileDetail) string {
		out := ""
		for _, m := range p.AttributeMappings {
			out += string(m.CertificateField)
			for _, r := range m.MappingRules {
				out += " " + r.Specifier
			}
			out += ";"
		}
		return out
	}
	if got := show(p); got != "x509Issuer *;x509SAN DNS URI Name/*;x509Subject *;" {
		t.Error(got)
	}
	put := func(field rolesapi.CertificateField, specifiers ...string) (*rolesapi.PutAttributeMappingResponse, error) {
		in := &rolesapi.PutAttributeMappingRequest{ProfileId: *p.ProfileId, CertificateField: field}
		for _, s := range specifiers {
			in.MappingRules = append(in.MappingRules, rolesapi.MappingRule{Specifier: s})
		}
		return f.PutAttributeMapping(f.root, in)
	}
	must(put("x509Subject", "CN", "OU", "2.5.4.97"))(t)
	if got := show(must(put("x509SAN", "Name", "URI"))(t).Profile); got != "x509Issuer *;x509SAN Name/* URI;x509Subject CN OU 2.5.4.97;" {
		t.Error(got)
	}
	for field, bad := range map[rolesapi.CertificateField]string{"x509Subject": "DNS", "x509SAN": "*", "x509Issuer": "1.02"} {
		fails(put(field, bad))(t, "ValidationException", "Invalid specifier "+bad+" for certificate field "+string(field))
	}
	fails(put("x509Subject"))(t, "ValidationException", "At least one mapping rule is required")
	fails(put("x509Subject", "CN", "CN"))(t, "ValidationException", "Duplicate specifier CN")
	remove := func(field rolesapi.CertificateField, specifiers ...string) (*rolesapi.DeleteAttributeMappingResponse, error) {
		return f.DeleteAttributeMapping(f.root, &rolesapi.DeleteAttributeMappingRequest{ProfileId: *p.ProfileId, CertificateField: field, Specifiers: specifiers})
	}
	must(remove("x509Subject", "OU"))(t)
	must(remove("x509SAN", "Name/", "URI"))(t)
	if got := show(must(remove("x509Issuer"))(t).Profile); got != "x509Subject CN 2.5.4.97;" {
		t.Error(got)
	}
	fails(remove("x509Subject", "OU"))(t, "ResourceNotFoundException", "Specifier OU of x509Subject not found")
	fails(remove("x509SAN"))(t, "ResourceNotFoundException", "Attribute mapping of x509SAN not found")
}

func TestTags(t *testing.T) {
	f := newFixture(t)
	root := f.ca(nil, "root")
	a := f.anchor(f.root, root.pem())
	c := must(f.ImportCrl(f.root, &rolesapi.ImportCrlRequest{Name: "c", CrlData: f.crl(root), TrustAnchorArn: *a.TrustAnchorArn, AliasName: new("revoked")}))(t).Crl
	p := f.profile(f.root, nil)
	session := must(f.session(&rolesapi.CreateSessionRequest{TrustAnchorArn: a.TrustAnchorArn, ProfileArn: must(f.EnableProfile(f.root, &rolesapi.ScalarProfileRequest{ProfileId: *p.ProfileId}))(t).Profile.ProfileArn,
		RoleArn: new(testRole)}, f.leaf(root, "a", 2)))(t)
	for _, name := range []string{*a.TrustAnchorArn, *c.AliasArn, *p.ProfileArn, *session.SubjectArn} {
		must(f.TagResource(f.root, &rolesapi.TagResourceRequest{ResourceArn: name, Tags: []rolesapi.Tag{{Key: "a", Value: "1"}, {Key: "A", Value: "2"}}}))(t)
		must(f.TagResource(f.root, &rolesapi.TagResourceRequest{ResourceArn: name, Tags: []rolesapi.Tag{{Key: "a", Value: "3"}}}))(t)
		must(f.UntagResource(f.root, &rolesapi.UntagResourceRequest{ResourceArn: name, TagKeys: []string{"A", "absent"}}))(t)
		if out := must(f.ListTagsForResource(f.root, &rolesapi.ListTagsForResourceRequest{ResourceArn: name}))(t); !slices.Equal(out.Tags, []rolesapi.Tag{{Key: "a", Value: "3"}}) {
			t.Errorf("%s: %v", name, out.Tags)
		}
		fails(f.ListTagsForResource(f.other, &rolesapi.ListTagsForResourceRequest{ResourceArn: name}))(t, "ResourceNotFoundException",
			map[string]string{"trust-anchor": "TrustAnchor not found", "crl": "Crl not found", "profile": "Profile not found", "subject": "Subject not found"}[kindOf(name)])
	}
	fails(f.TagResource(f.root, &rolesapi.TagResourceRequest{ResourceArn: "arn:aws:iam::1:role/x"}))(t, "ResourceNotFoundException", "Resource not found")
	many := []rolesapi.Tag{{Key: "AWS:x"}}
	fails(f.TagResource(f.root, &rolesapi.TagResourceRequest{ResourceArn: *a.TrustAnchorArn, Tags: many}))(t, "ValidationException", "System tags cannot be added/updated by requester")
	many = nil
	for i := range 200 {
		many = append(many, rolesapi.Tag{Key: fmt.Sprint("k", i)})
	}
	fails(f.TagResource(f.root, &rolesapi.TagResourceRequest{ResourceArn: *a.TrustAnchorArn, Tags: many}))(t, "TooManyTagsException", "A resource can have at most 200 tags.")
	if list := must(f.ListCrls(f.root, &rolesapi.ListRequest{}))(t); len(list.Crls) != 1 || *list.Crls[0].TrustAnchorArn != *a.TrustAnchorArn {
		t.Errorf("%+v", list)
	}
	if list := must(f.ListSubjects(f.root, &rolesapi.ListRequest{}))(t); len(list.Subjects) != 1 || *list.Subjects[0].SubjectArn != *session.SubjectArn {
		t.Errorf("%+v", list)
	}
	if got := must(f.GetCrl(f.root, &rolesapi.ScalarCrlRequest{CrlId: *c.CrlId}))(t).Crl; *got.Name != "c" {
		t.Errorf("%+v", got)
	}
}

// TestTouches: what the operations ask of policies.
func TestTouches(t *testing.T) {
	f := newFixture(t)
	a := f.anchor(f.root, f.ca(nil, "root").pem())
	must(f.TagResource(f.root, &rolesapi.TagResourceRequest{ResourceArn: *a.TrustAnchorArn, Tags: []rolesapi.Tag{{Key: "team", Value: "x"}}}))(t)
	touch := func(operation string, in any) []policy.Touch {
		t.Helper()
		out, err := f.Rules()[operation].Touches(f.root, in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := touch("GetTrustAnchor", &rolesapi.ScalarTrustAnchorRequest{TrustAnchorId: *a.TrustAnchorId})[0]
	if got.Action != "rolesanywhere:GetTrustAnchor" || got.Resource != *a.TrustAnchorArn || !slices.Equal(got.ResourceTags, []policy.Tag{{Key: "team", Value: "x"}}) {
		t.Errorf("%+v", got)
	}
	got = touch("DeleteProfile", &rolesapi.ScalarProfileRequest{ProfileId: *a.TrustAnchorId})[0]
	if got.Resource != "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/"+*a.TrustAnchorId || got.ResourceTags != nil {
		t.Errorf("%+v", got)
	}
	list := touch("CreateProfile", &rolesapi.CreateProfileRequest{RoleArns: []string{testRole}, Tags: []rolesapi.Tag{{Key: "k", Value: "v"}}})
	if len(list) != 2 || list[0].Resource != "arn:aws:rolesanywhere:eu-central-1:111122223333:profile/*" || len(list[0].RequestTags) != 1 ||
		list[1].Action != "iam:PassRole" || list[1].Resource != testRole || list[1].Account != testAccount || list[1].Keys[0].Values[0] != principal {
		t.Errorf("%+v", list)
	}
	if list := touch("UpdateProfile", &rolesapi.UpdateProfileRequest{ProfileId: "x", Name: new("n")}); len(list) != 1 {
		t.Errorf("%+v", list)
	}
	got = touch("TagResource", &rolesapi.TagResourceRequest{ResourceArn: *a.TrustAnchorArn, Tags: []rolesapi.Tag{{Key: "k", Value: "v"}}})[0]
	if got.Resource != *a.TrustAnchorArn || len(got.RequestTags) != 1 {
		t.Errorf("%+v", got)
	}
	for name, rule := range f.Rules() {
		if rule.Touches == nil {
			t.Errorf("%s declares nothing", name)
		}
	}
}

// TestErrorsSayWhoseTrail: a certificate that is not trusted is noted in the
// account of the trust anchor.
func TestErrorsSayWhoseTrail(t *testing.T) {
	f := newFixture(t)
	a := f.anchor(f.root, f.ca(nil, "root").pem())
	leaf := f.leaf(nil, "stranger", 1)
	ctx := caller.With(context.Background(), &caller.Call{Region: testRegion, Identity: caller.Identity{Kind: caller.Certificate, Proof: chainOf(leaf)}})
	touches, err := f.Rules()["CreateSession"].Touches(ctx, &rolesapi.CreateSessionRequest{Cert: new("x"), TrustAnchorArn: a.TrustAnchorArn})
	if err == nil || len(touches) != 1 || touches[0].Account != testAccount || touches[0].Grant != nil {
		t.Errorf("%+v, %v", touches, err)
	}
}
