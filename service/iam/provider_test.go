package iam

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/saml/samltest"
)

const (
	issuerURL = "https://idp.example.com/realm"
	openIDARN = "arn:aws:iam::" + testAccount + ":oidc-provider/idp.example.com/realm"
	corpARN   = "arn:aws:iam::" + testAccount + ":saml-provider/Corp"
	thumb     = "990f4193972f2becf12ddeda5237f9c952f20d9e"
)

func createOpenID(change func(*iamapi.CreateOpenIDConnectProviderRequest)) *iamapi.CreateOpenIDConnectProviderRequest {
	in := &iamapi.CreateOpenIDConnectProviderRequest{Url: issuerURL, ClientIDList: []string{"app", "app"}, ThumbprintList: []string{strings.ToUpper(thumb)}}
	if change != nil {
		change(in)
	}
	return in
}

func TestOpenIDProvider(t *testing.T) {
	f := newFixture(t)
	out := must(f.CreateOpenIDConnectProvider(f.root, createOpenID(func(in *iamapi.CreateOpenIDConnectProviderRequest) {
		in.Tags = []iamapi.Tag{{Key: "team", Value: "red"}}
	})))(t)
	if *out.OpenIDConnectProviderArn != openIDARN || len(out.Tags) != 1 {
		t.Fatalf("%+v", out)
	}
	fails(f.CreateOpenIDConnectProvider(f.root, createOpenID(nil)))(t, "EntityAlreadyExists", "Provider with url https://idp.example.com/realm already exists.")
	get := func() *iamapi.GetOpenIDConnectProviderResponse {
		t.Helper()
		return must(f.GetOpenIDConnectProvider(f.root, &iamapi.GetOpenIDConnectProviderRequest{OpenIDConnectProviderArn: openIDARN}))(t)
	}
	if p := get(); *p.Url != "idp.example.com/realm" || !slices.Equal(p.ClientIDList, []string{"app"}) || !slices.Equal(p.ThumbprintList, []string{thumb}) || !p.CreateDate.Equal(f.clock) {
		t.Errorf("%+v", p)
	}
	for range 2 { // twice is no error
		must(f.AddClientIDToOpenIDConnectProvider(f.root, &iamapi.AddClientIDToOpenIDConnectProviderRequest{OpenIDConnectProviderArn: openIDARN, ClientID: "cli"}))(t)
	}
	for range 2 {
		must(f.RemoveClientIDFromOpenIDConnectProvider(f.root, &iamapi.RemoveClientIDFromOpenIDConnectProviderRequest{OpenIDConnectProviderArn: openIDARN, ClientID: "app"}))(t)
	}
	must(f.UpdateOpenIDConnectProviderThumbprint(f.root, &iamapi.UpdateOpenIDConnectProviderThumbprintRequest{OpenIDConnectProviderArn: openIDARN, ThumbprintList: []string{strings.Repeat("a", 40)}}))(t)
	must(f.TagOpenIDConnectProvider(f.root, &iamapi.TagOpenIDConnectProviderRequest{OpenIDConnectProviderArn: openIDARN, Tags: []iamapi.Tag{{Key: "env", Value: "x"}}}))(t)
	must(f.UntagOpenIDConnectProvider(f.root, &iamapi.UntagOpenIDConnectProviderRequest{OpenIDConnectProviderArn: openIDARN, TagKeys: []string{"TEAM"}}))(t)
	if p := get(); !slices.Equal(p.ClientIDList, []string{"cli"}) || p.ThumbprintList[0][0] != 'a' || !slices.Equal(p.Tags, []iamapi.Tag{{Key: "env", Value: "x"}}) {
		t.Errorf("%+v", p)
	}
	tags := must(f.ListOpenIDConnectProviderTags(f.root, &iamapi.ListOpenIDConnectProviderTagsRequest{OpenIDConnectProviderArn: openIDARN, MaxItems: new(int32(1))}))(t)
	if len(tags.Tags) != 1 || *tags.IsTruncated {
		t.Errorf("%+v", tags)
	}
	p := must(f.OpenIDProvider(t.Context(), testAccount, issuerURL))(t)
	if p == nil || p.ARN != openIDARN || p.Issuer != issuerURL {
		t.Errorf("%+v", p)
	}
	for _, other := range []string{"http://idp.example.com/realm", issuerURL + "/", "https://idp.example.com", "\x00", strings.Repeat("x", 20_000)} {
		if p := must(f.OpenIDProvider(t.Context(), testAccount, other))(t); p != nil {
			t.Errorf("%s found %+v", other, p)
		}
	}
	if n := must(f.GetAccountSummary(f.root, nil))(t).SummaryMap[iamapi.SummaryKeyType_Providers]; n != 1 {
		t.Errorf("%d providers are counted", n)
	}
	// Another account sees nothing of it.
	missing := "OpenIDConnect Provider not found for arn " + openIDARN
	fails(f.GetOpenIDConnectProvider(f.other, &iamapi.GetOpenIDConnectProviderRequest{OpenIDConnectProviderArn: openIDARN}))(t, "NoSuchEntity", missing)
	must(f.DeleteOpenIDConnectProvider(f.other, &iamapi.DeleteOpenIDConnectProviderRequest{OpenIDConnectProviderArn: openIDARN}))(t)
	if l := must(f.ListOpenIDConnectProviders(f.other, nil))(t); len(l.OpenIDConnectProviderList) != 0 {
		t.Errorf("%+v", l)
	}
	if l := must(f.ListOpenIDConnectProviders(f.root, nil))(t); len(l.OpenIDConnectProviderList) != 1 || *l.OpenIDConnectProviderList[0].Arn != openIDARN {
		t.Errorf("%+v", l)
	}
	for range 2 {
		must(f.DeleteOpenIDConnectProvider(f.root, &iamapi.DeleteOpenIDConnectProviderRequest{OpenIDConnectProviderArn: openIDARN}))(t)
	}
	fails(f.GetOpenIDConnectProvider(f.root, &iamapi.GetOpenIDConnectProviderRequest{OpenIDConnectProviderArn: openIDARN}))(t, "NoSuchEntity", missing)
	if n := must(f.countsOf(t.Context(), f.Store, testAccount))(t).OpenIDProviders; n != 0 {
		t.Errorf("%d are still counted", n)
	}
}

func TestOpenIDProviderRefuses(t *testing.T) {
	f := newFixture(t)
	many := func(n int, prefix string) (out []string) {
		for i := range n {
			out = append(out, fmt.Sprintf("%s%037d", prefix, i))
		}
		return out
	}
	url := func(u string) func(*iamapi.CreateOpenIDConnectProviderRequest) {
		return func(in *iamapi.CreateOpenIDConnectProviderRequest) { in.Url = u }
	}
	for name, tc := range map[string]struct {
		change        func(*iamapi.CreateOpenIDConnectProviderRequest)
		code, message string
	}{
		"no scheme":            {url("idp.example.com"), "ValidationError", "Invalid Open ID Connect Provider URL"},
		"no host":              {url("https://"), "ValidationError", "Invalid Open ID Connect Provider URL"},
		"HTTP":                 {url("http://idp.example.com"), "InvalidInput", "Invalid Open ID Connect Provider URL. The URL must begin with https://."},
		"a query":              {url(issuerURL + "?x=1"), "InvalidInput", "Invalid Open ID Connect Provider URL."},
		"a user":               {url("https://u@idp.example.com"), "InvalidInput", "Invalid Open ID Connect Provider URL."},
		"too many audiences":   {func(in *iamapi.CreateOpenIDConnectProviderRequest) { in.ClientIDList = many(101, "c") }, "LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100"},
		"too many thumbprints": {func(in *iamapi.CreateOpenIDConnectProviderRequest) { in.ThumbprintList = many(6, "aaa") }, "InvalidInput", "Thumbprint list must contain fewer than 5 entries."},
		"a tag twice": {func(in *iamapi.CreateOpenIDConnectProviderRequest) {
			in.Tags = []iamapi.Tag{{Key: "k", Value: "1"}, {Key: "K", Value: "2"}}
		}, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."},
		"nobody to ask": {func(in *iamapi.CreateOpenIDConnectProviderRequest) { in.ThumbprintList = nil }, "InvalidInput", "ThumbprintList must be given: this server asks no issuer for its certificate."},
	} {
		t.Run(name, func(t *testing.T) {
			fails(f.CreateOpenIDConnectProvider(f.root, createOpenID(tc.change)))(t, tc.code, tc.message)
		})
	}
	f.Thumbprint = func(_ context.Context, issuer string) (string, error) {
		if issuer != issuerURL {
			return "", errors.New("nobody there")
		}
		return thumb, nil
	}
	fails(f.CreateOpenIDConnectProvider(f.root, createOpenID(func(in *iamapi.CreateOpenIDConnectProviderRequest) {
		in.Url, in.ThumbprintList = "https://down.example.com", nil
	})))(t, "OpenIdIdpCommunicationError", "Could not connect to https://down.example.com")
	must(f.CreateOpenIDConnectProvider(f.root, createOpenID(func(in *iamapi.CreateOpenIDConnectProviderRequest) { in.ThumbprintList = nil })))(t)
	if p := must(f.OpenIDProvider(t.Context(), testAccount, issuerURL))(t); !slices.Equal(p.Thumbprints, []string{thumb}) {
		t.Errorf("%+v", p)
	}
	fails(f.CreateOpenIDConnectProvider(f.root, createOpenID(url("http://127.0.0.1:9000/oidc"))))(t, "InvalidInput", "Invalid Open ID Connect Provider URL. The URL must begin with https://.")
	f.PlainIssuers = true // as development has it
	local := must(f.CreateOpenIDConnectProvider(f.root, createOpenID(func(in *iamapi.CreateOpenIDConnectProviderRequest) {
		in.Url, in.ThumbprintList = "http://127.0.0.1:9000/oidc", nil
	})))(t)
	if *local.OpenIDConnectProviderArn != "arn:aws:iam::"+testAccount+":oidc-provider/127.0.0.1:9000/oidc" {
		t.Errorf("%s", *local.OpenIDConnectProviderArn)
	}
	if p := must(f.OpenIDProvider(t.Context(), testAccount, "http://127.0.0.1:9000/oidc"))(t); p == nil {
		t.Error("an issuer on this machine is not found")
	}
	fails(f.GetOpenIDConnectProvider(f.root, &iamapi.GetOpenIDConnectProviderRequest{OpenIDConnectProviderArn: "not an ARN at all"}))(t, "ValidationError", "Invalid ARN:  Could not be parsed!")
	fails(f.GetOpenIDConnectProvider(f.root, &iamapi.GetOpenIDConnectProviderRequest{OpenIDConnectProviderArn: corpARN}))(t, "InvalidInput", "ARN "+corpARN+" is not valid.")
	for i := range maxOpenIDProviders - 2 {
		must(f.CreateOpenIDConnectProvider(f.root, createOpenID(url(fmt.Sprintf("https://idp%d.example.com", i)))))(t)
	}
	fails(f.CreateOpenIDConnectProvider(f.root, createOpenID(url("https://last.example.com"))))(t, "LimitExceeded", "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100")
}

func TestProviderRules(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "ann"}))(t)
	must(f.PutUserPolicy(f.root, &iamapi.PutUserPolicyRequest{UserName: "ann", PolicyName: "p", PolicyDocument: `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"iam:*OpenIDConnectProvider*","Resource":"` + openIDARN + `"},
		{"Effect":"Allow","Action":"iam:GetSAMLProvider","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}]}`}))(t)
	ann := f.asUser("ann")
	must(f.CreateSAMLProvider(f.root, &iamapi.CreateSAMLProviderRequest{Name: "Corp", SAMLMetadataDocument: samlMetadata(), Tags: []iamapi.Tag{{Key: "team", Value: "red"}}}))(t)
	must(f.CreateSAMLProvider(f.root, &iamapi.CreateSAMLProviderRequest{Name: "Other", SAMLMetadataDocument: samlMetadata()}))(t)
	for name, tc := range map[string]struct {
		operation string
		in        any
		want      bool
	}{
		"create":             {"CreateOpenIDConnectProvider", createOpenID(nil), true},
		"create another":     {"CreateOpenIDConnectProvider", createOpenID(func(in *iamapi.CreateOpenIDConnectProviderRequest) { in.Url += "/x" }), false},
		"delete":             {"DeleteOpenIDConnectProvider", &iamapi.DeleteOpenIDConnectProviderRequest{OpenIDConnectProviderArn: openIDARN}, true},
		"of another account": {"GetOpenIDConnectProvider", &iamapi.GetOpenIDConnectProviderRequest{OpenIDConnectProviderArn: strings.Replace(openIDARN, testAccount, otherAccount, 1)}, false},
		"list":               {"ListOpenIDConnectProviders", &iamapi.ListOpenIDConnectProvidersRequest{}, false},
		"get by tag":         {"GetSAMLProvider", &iamapi.GetSAMLProviderRequest{SAMLProviderArn: corpARN}, true},
		"get without tag":    {"GetSAMLProvider", &iamapi.GetSAMLProviderRequest{SAMLProviderArn: "arn:aws:iam::" + testAccount + ":saml-provider/Other"}, false},
	} {
		if got := f.allowed(ann, tc.operation, tc.in); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func samlMetadata() string { return samltest.New(samltest.RSA(2048)).Metadata() }

func samlKeyPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(samltest.RSA(2048))}))
}

func TestSAMLProvider(t *testing.T) {
	f := newFixture(t)
	doc := samlMetadata()
	out := must(f.CreateSAMLProvider(f.root, &iamapi.CreateSAMLProviderRequest{Name: "Corp", SAMLMetadataDocument: doc}))(t)
	if *out.SAMLProviderArn != corpARN {
		t.Fatalf("%+v", out)
	}
	fails(f.CreateSAMLProvider(f.root, &iamapi.CreateSAMLProviderRequest{Name: "corp", SAMLMetadataDocument: doc}))(t, "EntityAlreadyExists", "SAMLProvider with name corp already exists.")
	get := func() *iamapi.GetSAMLProviderResponse {
		t.Helper()
		return must(f.GetSAMLProvider(f.root, &iamapi.GetSAMLProviderRequest{SAMLProviderArn: corpARN}))(t)
	}
	first := get()
	if *first.SAMLMetadataDocument != doc || !first.ValidUntil.Equal(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)) || len(*first.SAMLProviderUUID) < 22 || len(first.PrivateKeyList) != 0 {
		t.Errorf("%+v", first)
	}
	update := func(change func(*iamapi.UpdateSAMLProviderRequest)) (*iamapi.UpdateSAMLProviderResponse, error) {
		in := &iamapi.UpdateSAMLProviderRequest{SAMLProviderArn: corpARN}
		change(in)
		return f.UpdateSAMLProvider(f.root, in)
	}
	key := samlKeyPEM()
	add := func(in *iamapi.UpdateSAMLProviderRequest) { in.AddPrivateKey = &key }
	required := func(in *iamapi.UpdateSAMLProviderRequest) {
		in.AssertionEncryptionMode = iamapi.AssertionEncryptionModeType_Required
	}
	fails(update(func(*iamapi.UpdateSAMLProviderRequest) {}))(t, "InvalidInput", "Unable to update identity provider. No updates are defined for metadata or encryption assertion.")
	fails(update(required))(t, "InvalidInput", "Unable to set assertion encryption mode to Required because no private key is provided.")
	fails(update(func(in *iamapi.UpdateSAMLProviderRequest) { in.AddPrivateKey = new("secret") }))(t, "InvalidInput", "Invalid private key.")
	fails(update(func(in *iamapi.UpdateSAMLProviderRequest) {
		in.SAMLMetadataDocument = new(strings.Replace(doc, "<md:Entity", "<!DOCTYPE x><md:Entity", 1))
	}))(t, "InvalidInput", "Could not parse metadata")
	must(update(func(in *iamapi.UpdateSAMLProviderRequest) { add(in); required(in) }))(t)
	must(update(add))(t)
	fails(update(add))(t, "LimitExceeded", "Private key limit of 2 is reached.")
	keys := get().PrivateKeyList
	if len(keys) != 2 || get().AssertionEncryptionMode != "Required" {
		t.Fatalf("%+v", keys)
	}
	remove := func(id string) func(*iamapi.UpdateSAMLProviderRequest) {
		return func(in *iamapi.UpdateSAMLProviderRequest) { in.RemovePrivateKey = &id }
	}
	fails(update(func(in *iamapi.UpdateSAMLProviderRequest) { add(in); remove("x")(in) }))(t, "InvalidInput",
		"Unable to add and remove private keys in the same request. Set a value for only one of the two parameters.")
	fails(update(remove(strings.Repeat("X", 22))))(t, "InvalidInput", "Failed to remove private key because the Key ID does not match a private key.")
	must(update(remove(*keys[0].KeyId)))(t)
	fails(update(remove(*keys[1].KeyId)))(t, "InvalidInput", "Failed to remove private key.")
	p := must(f.SAMLProvider(t.Context(), corpARN))(t)
	if p.Metadata.EntityID != samltest.Entity || len(p.Keys) != 1 || !p.RequireEncryption || p.Name != "Corp" {
		t.Errorf("%+v", p)
	}
	// A larger document takes more records; a smaller one afterwards leaves none.
	large := strings.Replace(doc, ` validUntil="2030-01-01T00:00:00Z"`, "", 1)
	large = strings.Replace(large, "</md:EntityDescriptor>", "<md:Extensions>"+noise(5<<20)+"</md:Extensions></md:EntityDescriptor>", 1)
	must(update(func(in *iamapi.UpdateSAMLProviderRequest) { in.SAMLMetadataDocument = &large }))(t)
	parts := func() int {
		return len(must(f.samlDocs.List(t.Context(), f.Store, "", "", 0))(t))
	}
	if now := get(); *now.SAMLMetadataDocument != large || now.ValidUntil.Year() != f.clock.Year()+100 || parts() < 2 {
		t.Errorf("%d parts, valid until %v", parts(), now.ValidUntil)
	}
	must(update(func(in *iamapi.UpdateSAMLProviderRequest) { in.SAMLMetadataDocument = &doc }))(t)
	if parts() != 1 || *get().SAMLMetadataDocument != doc || *get().SAMLProviderUUID != *first.SAMLProviderUUID {
		t.Errorf("%d parts are left", parts())
	}
	must(f.TagSAMLProvider(f.root, &iamapi.TagSAMLProviderRequest{SAMLProviderArn: corpARN, Tags: []iamapi.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}}))(t)
	must(f.UntagSAMLProvider(f.root, &iamapi.UntagSAMLProviderRequest{SAMLProviderArn: corpARN, TagKeys: []string{"a"}}))(t)
	if tags := must(f.ListSAMLProviderTags(f.root, &iamapi.ListSAMLProviderTagsRequest{SAMLProviderArn: corpARN}))(t); len(tags.Tags) != 1 || tags.Tags[0].Key != "b" {
		t.Errorf("%+v", tags)
	}
	if l := must(f.ListSAMLProviders(f.root, nil))(t).SAMLProviderList; len(l) != 1 || *l[0].Arn != corpARN || l[0].ValidUntil.IsZero() {
		t.Errorf("%+v", l)
	}
	gone := "Manifest not found for arn " + corpARN
	fails(f.DeleteSAMLProvider(f.other, &iamapi.DeleteSAMLProviderRequest{SAMLProviderArn: corpARN}))(t, "NoSuchEntity", gone)
	must(f.DeleteSAMLProvider(f.root, &iamapi.DeleteSAMLProviderRequest{SAMLProviderArn: corpARN}))(t)
	fails(f.GetSAMLProvider(f.root, &iamapi.GetSAMLProviderRequest{SAMLProviderArn: corpARN}))(t, "NoSuchEntity", gone)
	if p := must(f.SAMLProvider(t.Context(), corpARN))(t); p != nil || parts() != 0 {
		t.Errorf("%+v, %d parts", p, parts())
	}
}

// noise is text that does not pack well.
func noise(n int) string {
	var b strings.Builder
	x := uint32(1)
	for b.Len() < n {
		x = x*1664525 + 1013904223
		fmt.Fprintf(&b, "%08x", x)
	}
	return b.String()
}
