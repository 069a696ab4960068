package eksauth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	eksauthapi "bartizan.dev/api/eksauth"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/oidc"
	"bartizan.dev/wire"
)

var testCluster = Cluster{"111122223333", "eu-west-1", "prod"}

// fixture is the service with a cluster that signs tokens, one association, and
// a door behind which the test answers for STS.
type fixture struct {
	*Service
	t           testing.TB
	now         time.Time
	signer      *oidc.Signer
	association Association
	calls       []call
	refuse      error
	issuerError error
}

type call struct {
	who caller.Identity
	ask *stsapi.AssumeRoleRequest
}

func (f *fixture) Call(ctx context.Context, _ *wire.Service, _ *wire.Op, in any) (any, error) {
	ask := in.(*stsapi.AssumeRoleRequest)
	f.calls = append(f.calls, call{caller.From(ctx).Identity, ask})
	if f.refuse != nil {
		return nil, f.refuse
	}
	return &stsapi.AssumeRoleResponse{
		Credentials:     &stsapi.Credentials{AccessKeyId: "ASIA " + ask.RoleArn, SecretAccessKey: "s", SessionToken: "t", Expiration: f.now.Add(time.Hour)},
		AssumedRoleUser: &stsapi.AssumedRoleUser{Arn: "session of " + ask.RoleArn, AssumedRoleId: "AROA:" + ask.RoleSessionName},
	}, nil
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), association: Association{ARN: "arn of a-1", ID: "a-1", Role: "arn:aws:iam::111122223333:role/pods"}}
	if f.signer, err = oidc.NewSigner("ES256", key); err != nil {
		t.Fatal(err)
	}
	f.Service = New(Deps{
		Now: func() time.Time { return f.now }, Inner: f,
		Verify: func(_ context.Context, c Cluster, token *oidc.Unverified) (oidc.Claims, error) {
			if f.issuerError != nil {
				return nil, f.issuerError
			}
			if c != testCluster {
				return nil, ErrNoIssuer
			}
			return token.Verify(oidc.JWKS{f.signer.Key()}, []string{"ES256"})
		},
		Association: func(_ context.Context, c Cluster, namespace, serviceAccount string) (*Association, error) {
			if c != testCluster || namespace != "shop" || serviceAccount != "web" {
				return nil, nil
			}
			return &f.association, nil
		},
		Session: func(_ context.Context, accessKey, token string) (caller.Identity, error) {
			return caller.Identity{Kind: caller.Role, Name: accessKey + " " + token}, nil
		},
	})
	return f
}

// claims are those of a pod's token, as Kubernetes makes them.
func (f *fixture) claims() map[string]any {
	return map[string]any{
		"aud": []string{"pods.eks.amazonaws.com"}, "iss": "https://kubernetes.default.svc", "sub": "system:serviceaccount:shop:web",
		"exp": f.now.Add(time.Hour).Unix(), "iat": f.now.Unix(), "nbf": f.now.Unix(),
		"kubernetes.io": map[string]any{
			"namespace": "shop", "node": map[string]any{"name": "node-1", "uid": "n"},
			"pod":            map[string]any{"name": "web-7d4b9c-x2k4q-and-longer", "uid": "5f0c"},
			"serviceaccount": map[string]any{"name": "web", "uid": "s"},
		},
	}
}

func (f *fixture) assumeWith(cluster string, claims map[string]any, node *string) (*eksauthapi.AssumeRoleForPodIdentityResponse, error) {
	f.t.Helper()
	token, err := f.signer.Sign(claims)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.present(cluster, token, node)
}

func (f *fixture) present(cluster, token string, node *string) (*eksauthapi.AssumeRoleForPodIdentityResponse, error) {
	ctx := caller.With(f.t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.Role, Account: "111122223333"}, Region: "eu-west-1"})
	return f.AssumeRoleForPodIdentity(ctx, &eksauthapi.AssumeRoleForPodIdentityRequest{ClusterName: cluster, Token: token, EksNodeName: node})
}

func TestAssume(t *testing.T) {
	f := newFixture(t)
	out, err := f.assumeWith("prod", f.claims(), new("node-1"))
	if err != nil {
		t.Fatal(err)
	}
	if *out.Subject != (eksauthapi.Subject{Namespace: "shop", ServiceAccount: "web"}) || out.Audience != "pods.eks.amazonaws.com" ||
		out.PodIdentityAssociation.AssociationId != "a-1" || out.Credentials.AccessKeyId != "ASIA "+f.association.Role {
		t.Errorf("%+v", out)
	}
	c := f.calls[0]
	if c.who.Kind != caller.Service || c.who.Service != "pods.eks.amazonaws.com" || !slices.Equal(c.who.Session.Keys, []caller.Tag{
		{Key: "aws:SourceArn", Value: "arn:aws:eks:eu-west-1:111122223333:cluster/prod"}, {Key: "aws:SourceAccount", Value: "111122223333"}}) {
		t.Errorf("%+v", c.who)
	}
	if !regexp.MustCompile(`^eks-prod-web-7d4b9c-x-[0-9a-f-]{36}$`).MatchString(c.ask.RoleSessionName) || len(c.ask.RoleSessionName) > 64 {
		t.Error(c.ask.RoleSessionName)
	}
	want := []stsapi.Tag{
		{Key: "eks-cluster-arn", Value: "arn:aws:eks:eu-west-1:111122223333:cluster/prod"}, {Key: "eks-cluster-name", Value: "prod"},
		{Key: "kubernetes-namespace", Value: "shop"}, {Key: "kubernetes-service-account", Value: "web"},
		{Key: "kubernetes-pod-name", Value: "web-7d4b9c-x2k4q-and-longer"}, {Key: "kubernetes-pod-uid", Value: "5f0c"},
	}
	if !slices.Equal(c.ask.Tags, want) || len(c.ask.TransitiveTagKeys) != 6 || c.ask.Policy != nil {
		t.Errorf("%+v", c.ask)
	}
}

// TestTarget assumes two roles, one from the other.
func TestTarget(t *testing.T) {
	f := newFixture(t)
	f.association.Target, f.association.ExternalID, f.association.Policy, f.association.NoTags = "arn:aws:iam::444455556666:role/t", "ext", "{}", true
	out, err := f.assumeWith("prod", f.claims(), nil)
	if err != nil {
		t.Fatal(err)
	}
	first, second := f.calls[0], f.calls[1]
	if first.ask.Tags != nil || first.ask.Policy != nil || second.ask.RoleArn != f.association.Target || *second.ask.ExternalId != "ext" || *second.ask.Policy != "{}" {
		t.Errorf("%+v, then %+v", first.ask, second.ask)
	}
	if second.who.Kind != caller.Role || second.who.Name != "ASIA "+f.association.Role+" t" || out.Credentials.AccessKeyId != "ASIA "+f.association.Target {
		t.Errorf("%+v, %+v", second.who, out)
	}
	f.association.Target = ""
	if _, err := f.assumeWith("prod", f.claims(), nil); err != nil || *f.calls[2].ask.Policy != "{}" {
		t.Errorf("%v, %+v", err, f.calls[2].ask)
	}
}

func TestTokensRefused(t *testing.T) {
	f := newFixture(t)
	other := newFixture(t)
	const invalid, expired = "InvalidTokenException", "ExpiredTokenException"
	for _, c := range []struct {
		name   string
		change func(map[string]any)
		want   string
	}{
		{"good", func(map[string]any) {}, ""},
		{"a clock that is ahead", func(c map[string]any) { c["nbf"] = f.now.Add(20 * time.Second).Unix() }, ""},
		{"one audience, as a string", func(c map[string]any) { c["aud"] = "pods.eks.amazonaws.com" }, ""},
		{"for another audience", func(c map[string]any) { c["aud"] = "sts.amazonaws.com" }, invalid},
		{"no audience", func(c map[string]any) { delete(c, "aud") }, invalid},
		{"ended", func(c map[string]any) { c["exp"] = f.now.Unix() }, expired},
		{"without end", func(c map[string]any) { delete(c, "exp") }, invalid},
		{"end that is no number", func(c map[string]any) { c["exp"] = "soon" }, invalid},
		{"not begun", func(c map[string]any) { c["nbf"] = f.now.Add(time.Minute).Unix() }, invalid},
		{"another subject", func(c map[string]any) { c["sub"] = "system:serviceaccount:shop:admin" }, invalid},
		{"no claim of Kubernetes", func(c map[string]any) { delete(c, "kubernetes.io") }, invalid},
		{"a namespace that is no string", func(c map[string]any) { c["kubernetes.io"].(map[string]any)["namespace"] = 1 }, invalid},
		{"without association", func(c map[string]any) {
			c["kubernetes.io"].(map[string]any)["namespace"], c["sub"] = "bank", "system:serviceaccount:bank:web"
		}, "ResourceNotFoundException"},
	} {
		claims := f.claims()
		c.change(claims)
		_, err := f.assumeWith("prod", claims, nil)
		if got := code(err); got != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	token, err := other.signer.Sign(other.claims())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.present("prod", token, nil); code(err) != invalid {
		t.Errorf("another's key: %v", err)
	}
	if _, err := f.present("prod", "a.b.c", nil); code(err) != invalid {
		t.Errorf("no token: %v", err)
	}
	if _, err := f.assumeWith("test", f.claims(), nil); code(err) != "ResourceNotFoundException" || !strings.Contains(err.Error(), "--eks-issuer") {
		t.Errorf("another cluster: %v", err)
	}
	if _, err := f.assumeWith("prod", f.claims(), new("node-2")); code(err) != "InvalidParameterException" {
		t.Errorf("another node: %v", err)
	}
	f.issuerError = oidc.ErrIssuer
	if _, err := f.assumeWith("prod", f.claims(), nil); code(err) != "ServiceUnavailableException" {
		t.Errorf("an issuer that is away: %v", err)
	}
}

func TestAssumeErrors(t *testing.T) {
	f := newFixture(t)
	for refuse, want := range map[*wire.Error]string{
		{Code: "AccessDenied", Status: 403, Message: "no"}: "AccessDeniedException",
		{Code: "ValidationError", Status: 400}:             "InvalidRequestException",
		{Code: "ServiceUnavailable", Fault: true}:          "ServiceUnavailable",
	} {
		f.refuse = refuse
		if _, err := f.assumeWith("prod", f.claims(), nil); code(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return e.Code
	}
	return err.Error()
}

// FuzzClaims: whatever a token claims, its reader does not break, and only a
// service account passes.
func FuzzClaims(f *testing.F) {
	fix := newFixture(f)
	f.Add("shop", "web", "system:serviceaccount:shop:web", int64(2e9))
	f.Fuzz(func(t *testing.T, namespace, account, subject string, end int64) {
		claims := fix.claims()
		maps.Copy(claims, map[string]any{"sub": subject, "exp": end, "kubernetes.io": map[string]any{"namespace": namespace, "serviceaccount": map[string]any{"name": account}}})
		token, err := fix.signer.Sign(claims)
		if err != nil {
			t.Skip()
		}
		p, err := fix.verify(t.Context(), testCluster, token)
		if err == nil && (p.namespace == "" || p.serviceAccount == "") {
			t.Fatalf("%+v", p)
		}
	})
}
