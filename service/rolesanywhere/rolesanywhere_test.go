package rolesanywhere

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	rolesapi "bartizan.dev/api/rolesanywhere"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
)

const (
	testAccount  = "111122223333"
	otherAccount = "444455556666"
	testRegion   = "eu-central-1"
	testRole     = "arn:aws:iam::111122223333:role/host"
)

// fixture is the service over a real store, with a clock that the test moves
// and a door behind which the test answers for STS.
type fixture struct {
	*Service
	t     testing.TB
	clock time.Time
	door  *door
	root  context.Context // a call of the account
	other context.Context // a call of another account
}

// door keeps what STS was asked, and by whom.
type door struct {
	ctx   context.Context
	asked *stsapi.AssumeRoleRequest
	err   error
	now   func() time.Time
}

func (d *door) Call(ctx context.Context, _ *wire.Service, op *wire.Op, in any) (any, error) {
	ask, ok := in.(*stsapi.AssumeRoleRequest)
	if !ok || op.Name != "AssumeRole" {
		return nil, errors.New("not AssumeRole")
	}
	d.ctx, d.asked = ctx, ask
	if d.err != nil {
		return nil, d.err
	}
	return &stsapi.AssumeRoleResponse{
		Credentials: &stsapi.Credentials{AccessKeyId: "ASIA", SecretAccessKey: "secret", SessionToken: "token",
			Expiration: d.now().Add(time.Duration(*ask.DurationSeconds) * time.Second)},
		AssumedRoleUser: &stsapi.AssumedRoleUser{Arn: "arn:aws:sts::111122223333:assumed-role/host/" + ask.RoleSessionName, AssumedRoleId: "AROA:" + ask.RoleSessionName},
		SourceIdentity:  ask.SourceIdentity,
	}, nil
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	now := func() time.Time { return f.clock }
	f.door = &door{now: now}
	engine := memory.Open()
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	var err error
	if f.Service, err = New(t.Context(), Deps{Store: engine, Inner: f.door, Now: now}); err != nil {
		t.Fatal(err)
	}
	f.root, f.other = f.as(testAccount, testRegion), f.as(otherAccount, testRegion)
	return f
}

func (f *fixture) as(account, region string) context.Context {
	return caller.With(f.t.Context(), &caller.Call{
		Identity: caller.Identity{Kind: caller.Root, Account: account, ID: account, ARN: "arn:aws:iam::" + account + ":root"},
		Time:     f.clock, Region: region,
	})
}

// authority is a certificate with its key.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func (a *authority) pem() string { return pemOf(a.cert) }

func pemOf(cert *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
}

// issue makes a certificate by a template; a nil issuer signs itself.
func (f *fixture) issue(issuer *authority, template *x509.Certificate) *authority {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.issueFor(key, issuer, template)
}

func (f *fixture) issueFor(key crypto.Signer, issuer *authority, template *x509.Certificate) *authority {
	f.t.Helper()
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(1)
	}
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = f.clock.Add(-time.Hour), f.clock.Add(48*time.Hour)
	}
	out := &authority{key: key}
	parent, signer := template, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		f.t.Fatal(err)
	}
	if out.cert, err = x509.ParseCertificate(der); err != nil {
		f.t.Fatal(err)
	}
	return out
}

// ca makes a certificate authority.
func (f *fixture) ca(issuer *authority, name string) *authority {
	return f.issue(issuer, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	})
}

// leafOf is a template that may have sessions.
func leafOf(name string, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

func (f *fixture) leaf(issuer *authority, name string, serial int64) *authority {
	return f.issue(issuer, leafOf(name, serial))
}

func source(bundle string) *rolesapi.Source {
	return &rolesapi.Source{SourceType: rolesapi.TrustAnchorType_CERTIFICATE_BUNDLE, SourceData: &rolesapi.SourceData{X509CertificateData: &bundle}}
}

func (f *fixture) anchor(ctx context.Context, bundle string) *rolesapi.TrustAnchorDetail {
	f.t.Helper()
	out, err := f.CreateTrustAnchor(ctx, &rolesapi.CreateTrustAnchorRequest{Name: "anchor", Source: source(bundle), Enabled: new(true)})
	if err != nil {
		f.t.Fatal(err)
	}
	return out.TrustAnchor
}

func (f *fixture) profile(ctx context.Context, change func(*rolesapi.CreateProfileRequest)) *rolesapi.ProfileDetail {
	f.t.Helper()
	in := &rolesapi.CreateProfileRequest{Name: "profile", RoleArns: []string{testRole}, Enabled: new(true)}
	if change != nil {
		change(in)
	}
	out, err := f.CreateProfile(ctx, in)
	if err != nil {
		f.t.Fatal(err)
	}
	return out.Profile
}

// session calls CreateSession as the gateway does, with a verified signature of
// the first certificate.
func (f *fixture) session(in *rolesapi.CreateSessionRequest, chain ...*authority) (*rolesapi.CreateSessionResponse, error) {
	f.t.Helper()
	var certs []*x509.Certificate
	for _, c := range chain {
		certs = append(certs, c.cert)
	}
	in.Cert = new("in the header")
	ctx := caller.With(f.t.Context(), &caller.Call{
		Identity: caller.Identity{Kind: caller.Certificate, Proof: certs}, Time: f.clock, Region: testRegion, RequestID: "request",
	})
	touches, err := f.Rules()["CreateSession"].Touches(ctx, in)
	if err != nil {
		return nil, err
	}
	if len(touches) != 1 || touches[0].Grant == nil || touches[0].Account != testAccount {
		f.t.Fatalf("touches: %+v", touches)
	}
	return f.CreateSession(ctx, in)
}

// must returns the answer of a call that has to succeed: must(f.GetCrl(…))(t).
func must[T any](out T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// fails checks the error that a call was answered with.
func fails[T any](_ T, err error) func(t testing.TB, code, message string) {
	return func(t testing.TB, code, message string) {
		t.Helper()
		e, ok := errors.AsType[*wire.Error](err)
		if !ok || e.Code != code || e.Message != message {
			t.Fatalf("got  %v\nwant %s: %s", err, code, message)
		}
	}
}
