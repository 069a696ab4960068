package sts

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

const account = "123456789012"

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func newService(t testing.TB) *Service {
	t.Helper()
	return New(Deps{
		Role: func(_ context.Context, arn string) (*Role, error) {
			if arn != "arn:aws:iam::123456789012:role/team/audit" {
				return nil, ErrNoRole
			}
			return &Role{ARN: arn, ID: "AROAAUDIT", Name: "audit", Account: account, MaxSession: 2 * time.Hour,
				Tags: []policy.Tag{{Key: "team", Value: "red"}}}, nil
		},
		Policies: func(_ context.Context, arns []string) (string, error) {
			if i := slices.IndexFunc(arns, func(a string) bool { return strings.HasSuffix(a, "/Missing") }); i >= 0 {
				return arns[i], nil
			}
			return "", nil
		},
		MFA: func(_ context.Context, user, serial, code string) (bool, error) {
			return serial == "mfa" && code == "123456", nil
		},
		Tokens: newTokens(t),
		Now:    func() time.Time { return noon },
	})
}

func as(id caller.Identity) context.Context {
	return caller.With(context.Background(), &caller.Call{Identity: id})
}

func user() caller.Identity {
	return caller.Identity{Kind: caller.User, Account: account, ID: "AIDAALICE", ARN: "arn:aws:iam::123456789012:user/alice", Name: "alice"}
}

func session(change func(*caller.Session)) caller.Identity {
	id := identity()
	change(id.Session)
	return id
}

func ask(change func(*stsapi.AssumeRoleRequest)) *stsapi.AssumeRoleRequest {
	in := &stsapi.AssumeRoleRequest{RoleArn: "arn:aws:iam::123456789012:role/team/audit", RoleSessionName: "me"}
	if change != nil {
		change(in)
	}
	return in
}

func TestAssumeRole(t *testing.T) {
	s := newService(t)
	out, err := s.AssumeRole(as(user()), ask(func(in *stsapi.AssumeRoleRequest) {
		in.Tags = []stsapi.Tag{{Key: "Project", Value: "x"}}
		in.TransitiveTagKeys = []string{"Project"}
		in.SourceIdentity = new("alice")
		in.Policy = new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`)
	}))
	if err != nil {
		t.Fatal(err)
	}
	if out.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/audit/me" || out.AssumedRoleUser.AssumedRoleId != "AROAAUDIT:me" {
		t.Errorf("assumed %+v", out.AssumedRoleUser)
	}
	if want := noon.Add(time.Hour); !out.Credentials.Expiration.Equal(want) {
		t.Errorf("expires %v, want %v", out.Credentials.Expiration, want)
	}
	if *out.SourceIdentity != "alice" || out.PackedPolicySize == nil || *out.PackedPolicySize < 1 {
		t.Errorf("source identity %v, packed size %v", out.SourceIdentity, out.PackedPolicySize)
	}
	_, id, err := s.Tokens.Open(out.Credentials.AccessKeyId, out.Credentials.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	if id.Kind != caller.Role || id.Session.Chained || !slices.Equal(id.Session.Transitive, []string{"Project"}) || id.Session.Policy == "" {
		t.Errorf("session %+v", id.Session)
	}
}

func TestAssumeRoleRefuses(t *testing.T) {
	s := newService(t)
	chained := session(func(c *caller.Session) {
		c.Tags, c.Transitive = []caller.Tag{{Key: "Team", Value: "red"}}, []string{"Team"}
	})
	for _, tc := range []struct {
		name string
		who  caller.Identity
		ask  func(*stsapi.AssumeRoleRequest)
		code string
		text string
	}{
		{"root user", caller.Identity{Kind: caller.Root, Account: account}, nil, "AccessDenied", "Roles may not be assumed by root accounts."},
		{"longer than the role allows", user(), func(in *stsapi.AssumeRoleRequest) { in.DurationSeconds = new(int32(7201)) }, "ValidationError", "exceeds the MaxSessionDuration"},
		{"chained longer than an hour", chained, func(in *stsapi.AssumeRoleRequest) { in.DurationSeconds = new(int32(3601)) }, "ValidationError", "role chaining"},
		{"duplicate tag", user(), func(in *stsapi.AssumeRoleRequest) { in.Tags = []stsapi.Tag{{Key: "a"}, {Key: "A"}} }, "InvalidParameterValue", "Duplicate tag keys"},
		{"inherited tag set again", chained, func(in *stsapi.AssumeRoleRequest) { in.Tags = []stsapi.Tag{{Key: "team", Value: "blue"}} }, "InvalidParameterValue", "conflicts"},
		{"transitive key that is no tag", user(), func(in *stsapi.AssumeRoleRequest) { in.TransitiveTagKeys = []string{"x"} }, "InvalidParameterValue", "must be included"},
		{"system tag", user(), func(in *stsapi.AssumeRoleRequest) { in.Tags = []stsapi.Tag{{Key: "aws:x"}} }, "ValidationError", "System tags"},
		{"wrong code", user(), func(in *stsapi.AssumeRoleRequest) { in.SerialNumber, in.TokenCode = new("mfa"), new("000000") }, "AccessDenied", "MultiFactorAuthentication failed"},
		{"code without device", user(), func(in *stsapi.AssumeRoleRequest) { in.TokenCode = new("123456") }, "ValidationError", "together"},
		{"malformed policy", user(), func(in *stsapi.AssumeRoleRequest) { in.Policy = new("{") }, "MalformedPolicyDocument", ""},
		{"policy with a principal", user(), func(in *stsapi.AssumeRoleRequest) {
			in.Policy = new(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`)
		}, "MalformedPolicyDocument", ""},
		{"missing managed policy", user(), func(in *stsapi.AssumeRoleRequest) {
			in.PolicyArns = []stsapi.PolicyDescriptorType{{Arn: new("arn:aws:iam::123456789012:policy/Missing")}}
		}, "MalformedPolicyDocument", "does not exist"},
		{"policy of another account", user(), func(in *stsapi.AssumeRoleRequest) {
			in.PolicyArns = []stsapi.PolicyDescriptorType{{Arn: new("arn:aws:iam::999999999999:policy/p")}}
		}, "ValidationError", "managed policy"},
		{"contexts", user(), func(in *stsapi.AssumeRoleRequest) { in.ProvidedContexts = []stsapi.ProvidedContext{{}} }, "ValidationError", "not supported"},
		{"changed source identity", session(func(c *caller.Session) { c.SourceIdentity = "alice" }), func(in *stsapi.AssumeRoleRequest) { in.SourceIdentity = new("bob") }, "AccessDenied", "cannot be changed"},
		{"too much packed", user(), func(in *stsapi.AssumeRoleRequest) {
			for i := range 50 {
				in.Tags = append(in.Tags, stsapi.Tag{Key: noise(i, 60), Value: noise(1000+i, 200)})
			}
		}, "PackedPolicyTooLarge", "%"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, in := as(tc.who), ask(tc.ask)
			_, err := s.touchAssumeRole(ctx, in) // the gateway asks the rule first
			if err == nil {
				_, err = s.AssumeRole(ctx, in)
			}
			if err == nil {
				t.Fatal("allowed")
			}
			if e := wire.AsError(err); e.Code != tc.code || !strings.Contains(e.Message, tc.text) {
				t.Errorf("got %v, want %s … %s", e, tc.code, tc.text)
			}
		})
	}
}

// noise is text that does not compress.
func noise(seed, n int) string {
	b := make([]byte, n)
	x := uint32(seed*2654435761 + 1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = keyChars[x%uint32(len(keyChars))]
	}
	return string(b)
}

const keyChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

func TestTransitiveTagsAndSourceIdentityAreInherited(t *testing.T) {
	s := newService(t)
	parent := session(func(c *caller.Session) {
		c.Tags = []caller.Tag{{Key: "Team", Value: "red"}, {Key: "Mood", Value: "good"}}
		c.Transitive = []string{"Team"}
		c.SourceIdentity = "alice"
	})
	out, err := s.AssumeRole(as(parent), ask(func(in *stsapi.AssumeRoleRequest) { in.Tags = []stsapi.Tag{{Key: "New", Value: "1"}} }))
	if err != nil {
		t.Fatal(err)
	}
	_, id, err := s.Tokens.Open(out.Credentials.AccessKeyId, out.Credentials.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	if want := []caller.Tag{{Key: "Team", Value: "red"}, {Key: "New", Value: "1"}}; !slices.Equal(id.Session.Tags, want) {
		t.Errorf("tags %v, want %v", id.Session.Tags, want)
	}
	if id.Session.SourceIdentity != "alice" || !id.Session.Chained {
		t.Errorf("session %+v", id.Session)
	}
}

func TestAssumeRoleTouches(t *testing.T) {
	s := newService(t)
	touches, err := s.touchAssumeRole(as(user()), ask(func(in *stsapi.AssumeRoleRequest) {
		in.Tags, in.SourceIdentity, in.ExternalId = []stsapi.Tag{{Key: "a", Value: "b"}}, new("alice"), new("ext")
	}))
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, touch := range touches {
		actions = append(actions, touch.Action)
		if touch.Account != account || touch.Authority != policy.RoleTrust || touch.ResourceTags[0].Value != "red" {
			t.Errorf("touch %+v", touch)
		}
	}
	if want := []string{"sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"}; !slices.Equal(actions, want) {
		t.Errorf("actions %v, want %v", actions, want)
	}
	// A role that does not exist is touched all the same: the answer must not
	// tell that it is missing.
	touches, err = s.touchAssumeRole(as(user()), ask(func(in *stsapi.AssumeRoleRequest) { in.RoleArn = "arn:aws:iam::123456789012:role/none" }))
	if err != nil || len(touches) != 1 || touches[0].Policy != nil {
		t.Errorf("touches %v, %v", touches, err)
	}
}

func TestGetSessionToken(t *testing.T) {
	s := newService(t)
	for _, tc := range []struct {
		name string
		who  caller.Identity
		ask  *int32
		want time.Duration
	}{
		{"a user's default", user(), nil, 12 * time.Hour},
		{"36 hours", user(), new(int32(129600)), 36 * time.Hour},
		{"the root user", caller.Identity{Kind: caller.Root, Account: account, ID: account}, new(int32(7200)), time.Hour},
	} {
		out, err := s.GetSessionToken(as(tc.who), &stsapi.GetSessionTokenRequest{DurationSeconds: tc.ask})
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if got := out.Credentials.Expiration.Sub(noon); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
	if _, err := s.GetSessionToken(as(identity()), &stsapi.GetSessionTokenRequest{}); wire.AsError(err).Code != "AccessDenied" {
		t.Errorf("with session credentials: %v", err)
	}
	out, err := s.GetSessionToken(as(user()), &stsapi.GetSessionTokenRequest{SerialNumber: new("mfa"), TokenCode: new("123456")})
	if err != nil {
		t.Fatal(err)
	}
	if _, id, err := s.Tokens.Open(out.Credentials.AccessKeyId, out.Credentials.SessionToken); err != nil || !id.Session.MFA || id.Kind != caller.User {
		t.Errorf("identity %+v, %v", id, err)
	}
}

func TestGetFederationToken(t *testing.T) {
	s := newService(t)
	out, err := s.GetFederationToken(as(user()), &stsapi.GetFederationTokenRequest{Name: "bob", DurationSeconds: new(int32(900))})
	if err != nil {
		t.Fatal(err)
	}
	if out.FederatedUser.Arn != "arn:aws:sts::123456789012:federated-user/bob" || out.FederatedUser.FederatedUserId != "123456789012:bob" {
		t.Errorf("federated user %+v", out.FederatedUser)
	}
	if got := out.Credentials.Expiration.Sub(noon); got != 15*time.Minute {
		t.Errorf("lasts %v", got)
	}
	if _, err := s.GetFederationToken(as(identity()), &stsapi.GetFederationTokenRequest{Name: "bob"}); wire.AsError(err).Code != "AccessDenied" {
		t.Errorf("with session credentials: %v", err)
	}
}

func TestDecodeAuthorizationMessage(t *testing.T) {
	s := newService(t)
	message, err := s.Tokens.EncodeDenial(t.Context(), []byte(`{"allowed":false}`))
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.DecodeAuthorizationMessage(as(user()), &stsapi.DecodeAuthorizationMessageRequest{EncodedMessage: message})
	if err != nil || *out.DecodedMessage != `{"allowed":false}` {
		t.Fatalf("%v, %v", out, err)
	}
	if _, err := s.DecodeAuthorizationMessage(as(user()), &stsapi.DecodeAuthorizationMessageRequest{EncodedMessage: "x" + message}); wire.AsError(err).Code != "InvalidAuthorizationMessageException" {
		t.Errorf("a changed message: %v", err)
	}
}

func TestGetAccessKeyInfo(t *testing.T) {
	s := newService(t)
	key, err := caller.NewAccessKey("ASIA", account)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.GetAccessKeyInfo(as(user()), &stsapi.GetAccessKeyInfoRequest{AccessKeyId: key})
	if err != nil || *out.Account != account {
		t.Errorf("%v, %v", out, err)
	}
	if _, err := s.GetAccessKeyInfo(as(user()), &stsapi.GetAccessKeyInfoRequest{AccessKeyId: "AKIA1111111111111111"}); wire.AsError(err).Code != "ValidationError" {
		t.Errorf("a key without account: %v", err)
	}
}
