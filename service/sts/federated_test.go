package sts

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"maps"
	"testing"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/oidc"
	"bartizan.dev/policy"
	"bartizan.dev/saml"
	"bartizan.dev/saml/samltest"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	issuerName  = "idp.example.com/realm"
	providerARN = "arn:aws:iam::" + account + ":oidc-provider/" + issuerName
	samlARN     = "arn:aws:iam::" + account + ":saml-provider/corp"
	roleARN     = "arn:aws:iam::" + account + ":role/team/audit"
)

// federation is the service with one OpenID provider and one SAML provider, both
// trusted by the role audit, and a clock.
type federation struct {
	*Service
	t      *testing.T
	now    time.Time
	signer *oidc.Signer
	idp    *samltest.IDP
	broken error // of the issuer
	trust  string
}

func newFederation(t *testing.T) *federation {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &federation{t: t, now: noon, idp: samltest.New(samltest.RSA(2048))}
	if f.signer, err = oidc.NewSigner("ES256", key); err != nil {
		t.Fatal(err)
	}
	metadata, err := saml.ParseMetadata([]byte(f.idp.Metadata()))
	if err != nil {
		t.Fatal(err)
	}
	f.trust = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"Federated":["` + providerARN + `","accounts.google.com"]},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"],
		 "Condition":{"StringEqualsIfExists":{"` + issuerName + `:sub":"ann"}}},
		{"Effect":"Allow","Principal":{"Federated":"` + samlARN + `"},"Action":["sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity"],
		 "Condition":{"StringEquals":{"saml:sub":"ann","saml:iss":"` + samltest.Entity + `","saml:doc":"` + account + `/corp","saml:aud":"` + samltest.Recipient + `","saml:sub_type":"persistent"}}}]}`
	engine := memory.Open()
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	base := newService(t)
	d := base.Deps
	d.Now = func() time.Time { return f.now }
	d.Role = func(_ context.Context, arn string) (*Role, error) {
		if arn != roleARN {
			return nil, ErrNoRole
		}
		doc, err := policy.Parse([]byte(f.trust))
		if err != nil {
			return nil, err
		}
		trust := policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Trust, ARN: arn}, Document: doc})
		return &Role{ARN: arn, ID: "AROAAUDIT", Name: "audit", Account: account, MaxSession: 2 * time.Hour, Trust: trust}, nil
	}
	d.OpenID = func(_ context.Context, in, issuer string) (*OpenIDProvider, error) {
		if in != account || issuer != "https://"+issuerName {
			return nil, nil
		}
		return &OpenIDProvider{ARN: providerARN, Issuer: issuer, ClientIDs: []string{"app", "cli"}}, nil
	}
	d.Issuers = oidc.NewCache(func(context.Context, oidc.Issuer) (oidc.JWKS, oidc.Checked, error) {
		return oidc.JWKS{f.signer.Key()}, oidc.ByRoots, f.broken
	}, d.Now)
	d.SAML = func(_ context.Context, arn string) (*SAMLProvider, error) {
		if arn != samlARN {
			return nil, nil
		}
		return &SAMLProvider{ARN: arn, Account: account, Name: "corp", UUID: "SAMLCORP", Metadata: metadata, ValidUntil: metadata.ValidUntil}, nil
	}
	d.URL = func() string { return "https://127.0.0.1:4566" }
	d.Store, d.Clock = engine, new(work.Clock)
	f.Service = New(d)
	return f
}

// stranger is an unsigned call.
func (f *federation) stranger() context.Context { return as(caller.Identity{Kind: caller.Anonymous}) }

// decide does what the gateway does before it calls the handler.
func (f *federation) decide(ctx context.Context, operation string, in any) error {
	f.t.Helper()
	touches, err := f.Rules()[operation].Touches(ctx, in)
	if err != nil {
		return err
	}
	id := &caller.From(ctx).Identity
	req := &policy.Request{Principal: policy.Principal{Kind: policy.WebIdentity, Names: []string{id.Provider}}}
	if id.Kind == caller.SAML {
		req.Principal.Kind = policy.SAML
	} else if id.Kind != caller.WebIdentity {
		f.t.Fatalf("the rule left the caller %v", id.Kind)
	}
	b := &policy.Bindings{}
	for i := range touches {
		mark := req.Context.Mark()
		touches[i].Apply(req, b)
		d := policy.Decide(req, b)
		message := d.Message(req, false)
		req.Context.Reset(mark)
		if !d.Allowed {
			return &wire.Error{Code: "AccessDenied", Message: message}
		}
	}
	return nil
}

// session opens the token of an answer.
func (f *federation) session(key, token string) *caller.Session {
	f.t.Helper()
	_, id, err := f.Tokens.Open(key, token)
	if err != nil {
		f.t.Fatal(err)
	}
	if id.Kind != caller.Role || id.Proof != nil {
		f.t.Errorf("the session is of %v, with proof %v", id.Kind, id.Proof)
	}
	return id.Session
}

func wantError(t *testing.T, name string, err error, code, message string) {
	t.Helper()
	e, ok := errors.AsType[*wire.Error](err)
	if !ok || e.Code != code || e.Message != message {
		t.Errorf("%s:\ngot  %v\nwant %s: %s", name, err, code, message)
	}
}

func merge(all ...map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}
