package iam

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/oidc"
)

func TestOutboundFederation(t *testing.T) {
	f := newFixture(t).onClock()
	f.URL = func() string { return "https://bartizan.test" }
	disabled := "The request failed because outbound identity federation is not enabled for your AWS account."
	info := func() (*iamapi.GetOutboundWebIdentityFederationInfoResponse, error) {
		return f.GetOutboundWebIdentityFederationInfo(f.root, &iamapi.GetOutboundWebIdentityFederationInfoInput{})
	}
	enable := func() (*iamapi.EnableOutboundWebIdentityFederationResponse, error) {
		return f.EnableOutboundWebIdentityFederation(f.root, &iamapi.EnableOutboundWebIdentityFederationInput{})
	}
	fails(info())(t, "FeatureDisabled", disabled)
	fails(f.DisableOutboundWebIdentityFederation(f.root, &iamapi.DisableOutboundWebIdentityFederationInput{}))(t, "FeatureDisabled", disabled)
	url := *must(enable())(t).IssuerIdentifier
	if !strings.HasPrefix(url, "https://bartizan.test/_bartizan/issuer/") {
		t.Errorf("issuer %s", url)
	}
	if _, err := enable(); !isCode(err, "FeatureEnabled") {
		t.Errorf("enabled twice: %v", err)
	}
	if got := must(info())(t); *got.IssuerIdentifier != url || !*got.JwtVendingEnabled {
		t.Errorf("info %+v", got)
	}
	issuer := must(f.TokenIssuer(t.Context(), testAccount))(t)
	token := must(issuer.Signer("ES384", f.Now()).Sign(map[string]any{"iss": url}))(t)
	if issuer.Signer("HS256", f.Now()) != nil {
		t.Error("signs with HS256")
	}

	var config struct{ Issuer, JWKS_URI string }
	get(t, f.Handler(), strings.TrimPrefix(url, "https://bartizan.test")+"/.well-known/openid-configuration", &config)
	if config.Issuer != url || config.JWKS_URI != url+"/.well-known/jwks.json" {
		t.Errorf("discovery %+v", config)
	}
	if keys := f.published(url); len(keys) != 2 || !verifies(token, keys) {
		t.Errorf("keys %v", keys)
	}
	must(f.DisableOutboundWebIdentityFederation(f.root, &iamapi.DisableOutboundWebIdentityFederationInput{}))(t)
	fails(info())(t, "FeatureDisabled", disabled)
	if !verifies(token, f.published(url)) {
		t.Error("a token from before the end does not verify")
	}
	if again := *must(enable())(t).IssuerIdentifier; again != url {
		t.Errorf("the issuer has moved to %s", again)
	}

	w := httptest.NewRecorder()
	f.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, issuerPath+newUUID()+"/.well-known/jwks.json", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("an unknown issuer answers %d", w.Code)
	}
	if i := must(f.TokenIssuer(t.Context(), otherAccount))(t); i != nil {
		t.Error("another account has the issuer")
	}
}

// TestIssuerRotates: a new key is published before it signs, and an old one
// after it has.
func TestIssuerRotates(t *testing.T) {
	f := newFixture(t).onClock()
	url := *must(f.EnableOutboundWebIdentityFederation(f.root, &iamapi.EnableOutboundWebIdentityFederationInput{}))(t).IssuerIdentifier
	sign := func() string {
		i := must(f.TokenIssuer(t.Context(), testAccount))(t)
		return must(i.Signer("RS256", f.Now()).Sign(map[string]any{"iss": url}))(t)
	}
	first := sign()
	f.Clock.Advance(issuerPeriod - issuerNotice + time.Minute)
	f.settle()
	if keys := f.published(url); len(keys) != 4 || !verifies(sign(), keys[:2]) {
		t.Errorf("%d keys; the new ones sign before they are known", len(keys))
	}
	f.Clock.Advance(issuerNotice + time.Minute)
	f.settle()
	second, keys := sign(), f.published(url)
	if len(keys) != 4 || verifies(second, keys[:2]) || !verifies(second, keys) || !verifies(first, keys) {
		t.Errorf("%d keys; the new ones must sign now, and both verify", len(keys))
	}
	f.Clock.Advance(issuerTail)
	f.settle()
	if keys := f.published(url); len(keys) != 2 || verifies(first, keys) || !verifies(second, keys) {
		t.Errorf("%d keys; the old ones must be gone", len(keys))
	}
}

// published reads an issuer's keys as a verifier does.
func (f *fixture) published(url string) oidc.JWKS {
	f.t.Helper()
	path := url[strings.Index(url, issuerPath):] + "/.well-known/jwks.json"
	var doc json.RawMessage
	get(f.t, f.Handler(), path, &doc)
	keys, err := oidc.ParseJWKS(doc)
	if err != nil {
		f.t.Fatal(err)
	}
	return keys
}

func verifies(token string, keys oidc.JWKS) bool {
	u, err := oidc.Parse(token)
	if err != nil {
		return false
	}
	_, err = u.Verify(keys, issuerAlgorithms[:])
	return err == nil
}

func get(t testing.TB, h http.Handler, path string, v any) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s answers %d", path, w.Code)
	}
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		t.Fatal(err)
	}
}
