package gateway

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

// TestUserIdentity: every kind of caller is told as AWS tells it.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
func TestUserIdentity(t *testing.T) {
	issued := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	role := caller.Session{Issued: issued, IssuerARN: "arn:aws:iam::111122223333:role/r", IssuerID: "AROAEXAMPLE", IssuerName: "r"}
	with := func(f func(s *caller.Session)) *caller.Session {
		s := role
		f(&s)
		return &s
	}
	assumed := caller.Identity{Kind: caller.Role, Account: "111122223333", ID: "AROAEXAMPLE:s", ARN: "arn:aws:sts::111122223333:assumed-role/r/s", Name: "s", AccessKey: "ASIAEXAMPLE"}
	as := func(s *caller.Session) caller.Identity {
		id := assumed
		id.Session = s
		return id
	}
	const (
		roleHead   = `{"type":"AssumedRole","principalId":"AROAEXAMPLE:s","arn":"arn:aws:sts::111122223333:assumed-role/r/s","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE","sessionContext":{`
		roleIssuer = `"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:role/r","accountId":"111122223333","userName":"r"},`
		attributes = `"attributes":{"creationDate":"2026-01-02T03:04:05Z","mfaAuthenticated":"false"}`
	)
	for name, tc := range map[string]struct {
		id   caller.Identity
		via  []string
		want string
	}{
		"root": {caller.Identity{Kind: caller.Root, Account: "111122223333", ID: "111122223333", ARN: "arn:aws:iam::111122223333:root", AccessKey: "AKIA"}, nil,
			`{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":"AKIA"}`},
		"user": {caller.Identity{Kind: caller.User, Account: "111122223333", ID: "AIDA", ARN: "arn:aws:iam::111122223333:user/ann", Name: "ann", AccessKey: "AKIA"}, nil,
			`{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::111122223333:user/ann","accountId":"111122223333","accessKeyId":"AKIA","userName":"ann"}`},
		"user with MFA": {caller.Identity{Kind: caller.User, Account: "111122223333", ID: "AIDA", ARN: "arn:aws:iam::111122223333:user/ann", Name: "ann", AccessKey: "ASIA", Session: &caller.Session{Issued: issued, MFA: true}}, nil,
			`{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::111122223333:user/ann","accountId":"111122223333","accessKeyId":"ASIA","userName":"ann","sessionContext":{"attributes":{"creationDate":"2026-01-02T03:04:05Z","mfaAuthenticated":"true"}}}`},
		"role":               {as(&role), nil, roleHead + roleIssuer + attributes + `}}`},
		"role with a source": {as(with(func(s *caller.Session) { s.SourceIdentity = "ann" })), nil, roleHead + roleIssuer + attributes + `,"sourceIdentity":"ann"}}`},
		"role of a token": {as(with(func(s *caller.Session) {
			s.Provider, s.Keys = "arn:aws:iam::111122223333:oidc-provider/id.example", []caller.Tag{{Key: "id.example:sub", Value: "me"}}
		})), nil, roleHead + roleIssuer + `"webIdFederationData":{"federatedProvider":"arn:aws:iam::111122223333:oidc-provider/id.example","attributes":{"id.example:sub":"me"}},` + attributes + `}}`},
		"role of an assertion": {as(with(func(s *caller.Session) { s.Provider = "arn:aws:iam::111122223333:saml-provider/p" })), nil, roleHead + roleIssuer + attributes + `}}`},
		"role by a service":    {as(&role), []string{"secretsmanager.amazonaws.com"}, roleHead + roleIssuer + attributes + `},"invokedBy":"secretsmanager.amazonaws.com"}`},
		"federated": {caller.Identity{Kind: caller.Federated, Account: "111122223333", ID: "111122223333:bob", ARN: "arn:aws:sts::111122223333:federated-user/bob", Name: "bob", AccessKey: "ASIA",
			Session: &caller.Session{Issued: issued, IssuerARN: "arn:aws:iam::111122223333:user/ann", IssuerID: "AIDA", IssuerName: "ann"}}, nil,
			`{"type":"FederatedUser","principalId":"111122223333:bob","arn":"arn:aws:sts::111122223333:federated-user/bob","accountId":"111122223333","accessKeyId":"ASIA","sessionContext":{` +
				`"sessionIssuer":{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::111122223333:user/ann","accountId":"111122223333","userName":"ann"},` + attributes + `}}`},
		"federated by root": {caller.Identity{Kind: caller.Federated, Account: "111122223333", ID: "111122223333:bob", ARN: "arn:aws:sts::111122223333:federated-user/bob", Name: "bob", AccessKey: "ASIA",
			Session: &caller.Session{Issued: issued, IssuerARN: "arn:aws:iam::111122223333:root", IssuerID: "111122223333"}}, nil,
			`{"type":"FederatedUser","principalId":"111122223333:bob","arn":"arn:aws:sts::111122223333:federated-user/bob","accountId":"111122223333","accessKeyId":"ASIA","sessionContext":{` +
				`"sessionIssuer":{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"},` + attributes + `}}`},
		"service": {caller.Identity{Kind: caller.Service, Account: "111122223333", Service: "events.amazonaws.com"}, nil, `{"type":"AWSService","invokedBy":"events.amazonaws.com"}`},
		"token":   {caller.Identity{Kind: caller.WebIdentity, ID: "id.example:app:me", Name: "me", Provider: "id.example"}, nil, `{"type":"WebIdentityUser","principalId":"id.example:app:me","userName":"me","identityProvider":"id.example"}`},
		"assertion": {caller.Identity{Kind: caller.SAML, ID: "qualifier:me", Name: "me", Provider: "arn:aws:iam::111122223333:saml-provider/p"}, nil,
			`{"type":"SAMLUser","principalId":"qualifier:me","userName":"me","identityProvider":"qualifier"}`},
		"certificate": {caller.Identity{Kind: caller.Certificate}, nil, `{"type":"Unknown"}`},
		"nobody":      {caller.Identity{}, nil, `{"type":"Unknown"}`},
	} {
		got := string(appendIdentity(nil, &caller.Call{Identity: tc.id, Via: tc.via}))
		if got != tc.want || !json.Valid([]byte(got)) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
		}
	}
}

// recorded is an exchange whose event goes to a memo.
func recorded(m *memo) *exchange {
	x := &exchange{g: &Gateway{Config: Config{Trail: m, Log: slog.New(slog.DiscardHandler)}}}
	x.state = state{name: "PutEvents", service: &service{source: "events.amazonaws.com", Service: Service{
		Model: &wire.Service{Name: "events"}, Resource: func(string) string { return "AWS::Events::EventBus" }, Data: map[string]string{"PutEvents": "AWS::Events::EventBus"},
	}}}
	x.facts = &caller.Call{
		EventID: "11111111-2222-4333-8444-555555555555", RequestID: "r", Time: noon, Region: "eu-central-1", Source: netip.MustParseAddr("192.0.2.1"), UserAgent: "cli", Host: "h.example",
		TLS: "TLSv1.3", Cipher: "TLS_AES_128_GCM_SHA256",
		Identity: caller.Identity{Kind: caller.User, Account: "111111111111", ID: "AIDA", ARN: "arn:aws:iam::111111111111:user/u", Name: "u", AccessKey: "AKIA"},
	}
	x.touches = []policy.Touch{{Resource: "arn:aws:events:eu-central-1:111111111111:event-bus/b"}}
	return x
}

// TestDataEvents: a data event is recorded if it is wanted, apart from management
// events, and said to be one; it is published under its Region's own name.
func TestDataEvents(t *testing.T) {
	m := &memo{}
	x := recorded(m)
	x.ctx = t.Context()
	if x.record(); len(m.events) != 0 {
		t.Fatalf("recorded without being wanted: %s", m.events[0].JSON)
	}
	asked := ""
	x = recorded(m)
	x.ctx = t.Context()
	x.g.DataEvents = func(_ context.Context, account, kind string) bool {
		asked = account + " " + kind
		return true
	}
	if x.record(); len(m.events) != 1 || asked != "111111111111 AWS::Events::EventBus" {
		t.Fatalf("%d events, asked %q", len(m.events), asked)
	}
	text := string(m.events[0].JSON)
	for _, want := range []string{
		`"eventVersion":"1.11"`, `"managementEvent":false`, `"eventCategory":"Data"`, `"awsRegion":"eu-central-1"`, `"readOnly":false`, `"recipientAccountId":"111111111111"`,
		`"resources":[{"accountId":"111111111111","type":"AWS::Events::EventBus","ARN":"arn:aws:events:eu-central-1:111111111111:event-bus/b"}]`,
		`"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"h.example"}`, `"sourceIPAddress":"192.0.2.1"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s\nhas no %s", text, want)
		}
	}
	if m.events[0].Region != "eu-central-1/data" || x.event.Region != "eu-central-1" {
		t.Errorf("recorded in %s, published in %s", m.events[0].Region, x.event.Region)
	}
	x = recorded(m)
	x.ctx, x.name = t.Context(), "PutRule"
	if x.record(); len(m.events) != 2 || m.events[1].Region != "eu-central-1" || !strings.Contains(string(m.events[1].JSON), `"managementEvent":true`) {
		t.Error("another operation's event is no management event")
	}
}
