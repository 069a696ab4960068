package events

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	api "bartizan.dev/api/events"
	secretsmanagerapi "bartizan.dev/api/secretsmanager"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// safe stands for Secrets Manager.
type safe map[string]string

func (s safe) CreateSecret(_ context.Context, in *secretsmanagerapi.CreateSecretRequest) (*secretsmanagerapi.CreateSecretResponse, error) {
	s[in.Name] = *in.SecretString
	return &secretsmanagerapi.CreateSecretResponse{ARN: &in.Name}, nil
}

func (s safe) PutSecretValue(_ context.Context, in *secretsmanagerapi.PutSecretValueRequest) (*secretsmanagerapi.PutSecretValueResponse, error) {
	s[in.SecretId] = *in.SecretString
	return &secretsmanagerapi.PutSecretValueResponse{}, nil
}

func (s safe) PutResourcePolicy(context.Context, *secretsmanagerapi.PutResourcePolicyRequest) (*secretsmanagerapi.PutResourcePolicyResponse, error) {
	return &secretsmanagerapi.PutResourcePolicyResponse{}, nil
}

func (s safe) DeleteSecret(_ context.Context, in *secretsmanagerapi.DeleteSecretRequest) (*secretsmanagerapi.DeleteSecretResponse, error) {
	delete(s, in.SecretId)
	return &secretsmanagerapi.DeleteSecretResponse{}, nil
}

func (s safe) GetSecretValue(ctx context.Context, in *secretsmanagerapi.GetSecretValueRequest) (*secretsmanagerapi.GetSecretValueResponse, error) {
	if caller.From(ctx).Identity.Service != principal {
		return nil, wire.Errorf("AccessDeniedException", "not EventBridge")
	}
	v, ok := s[in.SecretId]
	if !ok {
		return nil, wire.Errorf("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
	}
	return &secretsmanagerapi.GetSecretValueResponse{SecretString: &v}, nil
}

// endpoint serves over TLS and makes the fixture trust it.
func (f *fixture) serve(h http.HandlerFunc) (url string, secrets safe) {
	server := httptest.NewTLSServer(h)
	f.t.Cleanup(server.Close)
	secrets = safe{}
	f.Secrets, f.Read, f.HTTP = secrets, secrets, server.Client()
	f.HTTP.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	f.Permit = func(context.Context, string, string) error { return nil }
	return server.URL, secrets
}

// connect makes a connection of the type BASIC, a destination and a rule for it.
func (f *fixture) connect(endpoint string) {
	f.t.Helper()
	c := ok[*api.CreateConnectionResponse](f.t)(f.CreateConnection(f.ctx, &api.CreateConnectionRequest{
		Name: "c", AuthorizationType: api.ConnectionAuthorizationType_BASIC,
		AuthParameters: &api.CreateConnectionAuthRequestParameters{BasicAuthParameters: &api.CreateConnectionBasicAuthRequestParameters{Username: "u", Password: "p"}},
	}))
	d := ok[*api.CreateApiDestinationResponse](f.t)(f.CreateApiDestination(f.ctx, &api.CreateApiDestinationRequest{
		Name: "d", ConnectionArn: *c.ConnectionArn, InvocationEndpoint: endpoint, HttpMethod: "POST", InvocationRateLimitPerSecond: new(int32(1)),
	}))
	f.rule(nil, "r", `{"source":["s"]}`, api.Target{Id: "1", Arn: *d.ApiDestinationArn, RoleArn: new("arn:aws:iam::111111111111:role/x")})
}

// TestAnswers: what an endpoint answers decides whether an event is tried again.
// A redirect is not followed.
func TestAnswers(t *testing.T) {
	for _, x := range []struct {
		status, calls int
	}{{200, 1}, {302, 1}, {404, 1}, {429, 2}, {500, 2}, {401, 2}} {
		f := newFixture(t)
		calls := 0
		url, secrets := f.serve(func(w http.ResponseWriter, r *http.Request) {
			if u, p, _ := r.BasicAuth(); u != "u" || p != "p" || r.URL.Path != "/x" {
				t.Errorf("%s %v", r.URL, r.Header)
			}
			if calls++; calls == 1 {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(x.status)
			}
		})
		f.connect(url + "/x")
		f.put(entry("s", "{}"))
		for range 4 {
			f.delivered()
			f.pace.Reset()
			f.clock.Advance(longest)
		}
		f.delivered()
		left, err := f.deliveries.List(f.ctx, f.Store, "", "", 0)
		if calls != x.calls || len(left) != 0 || err != nil {
			t.Errorf("%d: %d calls, %d left, %v", x.status, calls, len(left), err)
		}
		ok[*api.DeleteConnectionResponse](t)(f.DeleteConnection(f.ctx, &api.DeleteConnectionRequest{Name: "c"}))
		if len(secrets) != 0 {
			t.Errorf("%v", secrets)
		}
	}
}

// TestAuthorize: a connection's state tells whether its credentials work, and
// nothing tells the secret.
func TestAuthorize(t *testing.T) {
	for _, works := range []bool{true, false} {
		f := newFixture(t)
		url, _ := f.serve(func(w http.ResponseWriter, _ *http.Request) {
			if works {
				io.WriteString(w, `{"access_token":"x"}`)
			}
		})
		in := &api.CreateConnectionRequest{Name: "c", AuthorizationType: api.ConnectionAuthorizationType_OAUTH_CLIENT_CREDENTIALS, AuthParameters: &api.CreateConnectionAuthRequestParameters{
			OAuthParameters: &api.CreateConnectionOAuthRequestParameters{
				ClientParameters:      &api.CreateConnectionOAuthClientRequestParameters{ClientID: "i", ClientSecret: "hush"},
				AuthorizationEndpoint: url + "/token", HttpMethod: "POST",
			},
		}}
		ok[*api.CreateConnectionResponse](t)(f.CreateConnection(f.ctx, in))
		f.delivered()
		got := ok[*api.DescribeConnectionResponse](t)(f.DescribeConnection(f.ctx, &api.DescribeConnectionRequest{Name: "c"}))
		want := map[bool]api.ConnectionState{true: api.ConnectionState_AUTHORIZED, false: api.ConnectionState_DEAUTHORIZED}[works]
		if got.ConnectionState != want || strings.Contains(text(got.StateReason), "hush") || *got.AuthParameters.OAuthParameters.ClientParameters.ClientID != "i" {
			t.Errorf("%+v", got)
		}
		_, err := f.CreateConnection(f.ctx, in)
		refused(t, err, "ResourceAlreadyExistsException", "Connection c already exists.")
		in.Name, in.AuthorizationType = "other", api.ConnectionAuthorizationType_BASIC
		_, err = f.CreateConnection(f.ctx, in)
		refused(t, err, "ValidationException", "of the authorization type BASIC")
	}
}

func TestEndpoints(t *testing.T) {
	f := newFixture(t)
	for _, bad := range []string{"http://example.com", "http://127.0.0.1/", "https://", "https://u:p@example.com", "ftp://example.com", "x"} {
		_, err := f.CreateApiDestination(f.ctx, &api.CreateApiDestinationRequest{Name: "d", ConnectionArn: "x", InvocationEndpoint: bad, HttpMethod: "POST"})
		refused(t, err, "ValidationException", "It must be an HTTPS address.")
	}
	_, err := f.CreateApiDestination(f.ctx, &api.CreateApiDestinationRequest{Name: "d", ConnectionArn: "arn:aws:events:eu-west-1:111111111111:connection/c/1", InvocationEndpoint: "https://example.com", HttpMethod: "POST"})
	refused(t, err, "ResourceNotFoundException", "does not exist")
	got, err := fill("https://example.com/a/*/b/*?x=1", &targetHTTP{Path: []string{"1/2", "c d"}, Query: map[string]string{"y": "&"}}, nil)
	if got != "https://example.com/a/1%2F2/b/c%20d?x=1&y=%26" || err != nil {
		t.Error(got, err)
	}
	if _, err := withParameters([]byte("[]"), &httpParameters{Body: []parameter{{Key: "a"}}}); !errors.Is(err, errRefused) {
		t.Error(err)
	}
}

func FuzzFill(f *testing.F) {
	f.Add("https://example.com/*/x?a=b", "../..", "v")
	f.Fuzz(func(t *testing.T, endpoint, path, value string) {
		base, err := fill(endpoint, nil, nil)
		if err != nil {
			return
		}
		got, err := fill(endpoint, &targetHTTP{Path: []string{path}, Query: map[string]string{"q": value}}, nil)
		if err != nil {
			return
		}
		a, errA := http.NewRequest("POST", base, nil)
		b, errB := http.NewRequest("POST", got, nil)
		if errA == nil && errB == nil && a.URL.Host != b.URL.Host {
			t.Fatalf("%s calls %s", endpoint, b.URL.Host)
		}
	})
}

// TestUpdateConnection: what is changed is used for the next call, what is not
// stays, and a deauthorized connection calls nobody.
func TestUpdateConnection(t *testing.T) {
	f := newFixture(t)
	var got []string
	url, secrets := f.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			if r.FormValue("client_secret") != "new" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			io.WriteString(w, `{"access_token":"t"}`)
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		got = append(got, r.URL.Path+" "+r.Header.Get("Authorization")+r.Header.Get("X-Key")+r.URL.RawQuery)
	})
	f.connect(url + "/one")
	send := func() string {
		t.Helper()
		f.put(entry("s", "{}"))
		f.delivered()
		f.pace.Reset()
		f.mu.Lock()
		defer f.mu.Unlock()
		out := strings.Join(got, ",")
		got = nil
		return out
	}
	update := func(in *api.UpdateConnectionRequest) *api.UpdateConnectionResponse {
		t.Helper()
		in.Name = "c"
		return ok[*api.UpdateConnectionResponse](t)(f.UpdateConnection(f.ctx, in))
	}
	is := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	is(send(), "/one Basic dTpw")
	update(&api.UpdateConnectionRequest{Description: new("d")})
	ok[*api.UpdateApiDestinationResponse](t)(f.UpdateApiDestination(f.ctx, &api.UpdateApiDestinationRequest{Name: "d", InvocationEndpoint: new(url + "/two")}))
	is(send(), "/two Basic dTpw")
	update(&api.UpdateConnectionRequest{AuthParameters: &api.UpdateConnectionAuthRequestParameters{
		BasicAuthParameters:      &api.UpdateConnectionBasicAuthRequestParameters{Password: new("q")},
		InvocationHttpParameters: &api.ConnectionHttpParameters{QueryStringParameters: []api.ConnectionQueryStringParameter{{Key: new("a"), Value: new("1")}}},
	}})
	is(send(), "/two Basic dTpxa=1")
	_, err := f.UpdateConnection(f.ctx, &api.UpdateConnectionRequest{Name: "c", AuthorizationType: api.ConnectionAuthorizationType_API_KEY})
	refused(t, err, "ValidationException", "AuthParameters are required")
	_, err = f.UpdateConnection(f.ctx, &api.UpdateConnectionRequest{Name: "c", AuthorizationType: api.ConnectionAuthorizationType_API_KEY, AuthParameters: &api.UpdateConnectionAuthRequestParameters{
		ApiKeyAuthParameters: &api.UpdateConnectionApiKeyAuthRequestParameters{ApiKeyName: new("X-Key")}}})
	refused(t, err, "ValidationException", "all parameters")
	update(&api.UpdateConnectionRequest{AuthorizationType: api.ConnectionAuthorizationType_API_KEY, AuthParameters: &api.UpdateConnectionAuthRequestParameters{
		ApiKeyAuthParameters: &api.UpdateConnectionApiKeyAuthRequestParameters{ApiKeyName: new("X-Key"), ApiKeyValue: new("v")}}})
	is(send(), "/two va=1")
	oauth := func(secret string) *api.UpdateConnectionRequest {
		return &api.UpdateConnectionRequest{AuthorizationType: api.ConnectionAuthorizationType_OAUTH_CLIENT_CREDENTIALS, AuthParameters: &api.UpdateConnectionAuthRequestParameters{OAuthParameters: &api.UpdateConnectionOAuthRequestParameters{
			ClientParameters: &api.UpdateConnectionOAuthClientRequestParameters{ClientID: new("me"), ClientSecret: &secret}, AuthorizationEndpoint: new(url + "/token"), HttpMethod: "POST"}}}
	}
	if out := update(oauth("old")); out.ConnectionState != api.ConnectionState_AUTHORIZING {
		t.Errorf("%v", out)
	}
	f.delivered()
	is(string(ok[*api.DescribeConnectionResponse](t)(f.DescribeConnection(f.ctx, &api.DescribeConnectionRequest{Name: "c"})).ConnectionState), "DEAUTHORIZED")
	update(oauth("new"))
	f.delivered()
	is(send(), "/two Bearer ta=1")
	is(string(ok[*api.DescribeConnectionResponse](t)(f.DescribeConnection(f.ctx, &api.DescribeConnectionRequest{Name: "c"})).ConnectionState), "AUTHORIZED")
	ok[*api.DeauthorizeConnectionResponse](t)(f.DeauthorizeConnection(f.ctx, &api.DeauthorizeConnectionRequest{Name: "c"}))
	if len(secrets) != 0 {
		t.Errorf("%v", secrets)
	}
	is(send(), "")
	update(&api.UpdateConnectionRequest{AuthorizationType: api.ConnectionAuthorizationType_BASIC, AuthParameters: &api.UpdateConnectionAuthRequestParameters{
		BasicAuthParameters: &api.UpdateConnectionBasicAuthRequestParameters{Username: new("u"), Password: new("p")}}})
	is(send(), "/two Basic dTpw")
	_, err = f.UpdateApiDestination(f.ctx, &api.UpdateApiDestinationRequest{Name: "d", InvocationEndpoint: new("http://example.com")})
	refused(t, err, "ValidationException", "HTTPS")
	_, err = f.UpdateApiDestination(f.ctx, &api.UpdateApiDestinationRequest{Name: "none"})
	refused(t, err, "ResourceNotFoundException", "does not exist")
}
