package sts

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

const member = "210987654321"

func withRoots(t *testing.T) *Service {
	s := newService(t)
	s.RootTask = func(_ context.Context, from, target, task string) (bool, error) {
		return from == account && target == member && strings.HasSuffix(task, "/S3UnlockBucketPolicy"), nil
	}
	return s
}

func askRoot(change func(*stsapi.AssumeRootRequest)) *stsapi.AssumeRootRequest {
	in := &stsapi.AssumeRootRequest{TargetPrincipal: member, TaskPolicyArn: &stsapi.PolicyDescriptorType{Arn: new(rootTasks + "S3UnlockBucketPolicy")}}
	if change != nil {
		change(in)
	}
	return in
}

func TestAssumeRoot(t *testing.T) {
	s := withRoots(t)
	who := session(func(c *caller.Session) { c.SourceIdentity = "alice" })
	who.Account = account
	for _, target := range []string{member, "arn:aws:iam::" + member + ":root"} {
		out, err := s.AssumeRoot(as(who), askRoot(func(in *stsapi.AssumeRootRequest) { in.TargetPrincipal = target }))
		if err != nil {
			t.Fatal(err)
		}
		if !out.Credentials.Expiration.Equal(noon.Add(15*time.Minute)) || *out.SourceIdentity != "alice" {
			t.Errorf("answer %+v", out)
		}
		_, id, err := s.Tokens.Open(out.Credentials.AccessKeyId, out.Credentials.SessionToken)
		if err != nil {
			t.Fatal(err)
		}
		if id.Kind != caller.Root || id.Account != member || id.ARN != "arn:aws:iam::"+member+":root" || id.Session.SourceIdentity != "alice" ||
			len(id.Session.PolicyARNs) != 1 || id.Session.Policy == "" || len(id.Session.Keys) != 1 || id.Session.Keys[0].Key != "aws:AssumedRoot" {
			t.Errorf("session %+v %+v", id, id.Session)
		}
	}
	out, err := s.AssumeRoot(as(who), askRoot(func(in *stsapi.AssumeRootRequest) { in.DurationSeconds = new(int32(60)) }))
	if err != nil || !out.Credentials.Expiration.Equal(noon.Add(time.Minute)) {
		t.Errorf("asked for a minute: %+v, %v", out, err)
	}
}

func TestAssumeRootRefuses(t *testing.T) {
	s := withRoots(t)
	root := caller.Identity{Kind: caller.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root"}
	stranger := user()
	stranger.Account = "111111111111"
	for _, tc := range []struct {
		name, code string
		who        caller.Identity
		host       string
		ask        func(*stsapi.AssumeRootRequest)
	}{
		{"root user", "AccessDenied", root, "", nil},
		{"account that may not", "AccessDenied", stranger, "", nil},
		{"task that is not allowed", "AccessDenied", user(), "", func(in *stsapi.AssumeRootRequest) { in.TaskPolicyArn.Arn = new(rootTasks + "SQSUnlockQueuePolicy") }},
		{"global endpoint", "AccessDenied", user(), "sts.amazonaws.com:443", nil},
		{"no task policy", "ValidationError", user(), "", func(in *stsapi.AssumeRootRequest) {
			in.TaskPolicyArn.Arn = new("arn:aws:iam::aws:policy/AdministratorAccess")
		}},
		{"unknown task policy", "ValidationError", user(), "", func(in *stsapi.AssumeRootRequest) { in.TaskPolicyArn.Arn = new(rootTasks + "Missing") }},
		{"no ARN", "ValidationError", user(), "", func(in *stsapi.AssumeRootRequest) { in.TaskPolicyArn.Arn = nil }},
		{"user as target", "ValidationError", user(), "", func(in *stsapi.AssumeRootRequest) { in.TargetPrincipal = "arn:aws:iam::" + member + ":user/bob" }},
		{"nonsense as target", "ValidationError", user(), "", func(in *stsapi.AssumeRootRequest) { in.TargetPrincipal = "somebody else" }},
	} {
		ctx := caller.With(t.Context(), &caller.Call{Identity: tc.who, Host: tc.host})
		_, err := s.AssumeRoot(ctx, askRoot(tc.ask))
		if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != tc.code {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.code)
		}
	}
}

func TestTouchAssumeRoot(t *testing.T) {
	s := withRoots(t)
	touches, err := s.touchAssumeRoot(as(user()), askRoot(nil))
	if err != nil {
		t.Fatal(err)
	}
	allow := func(condition string) bool {
		doc, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRoot","Resource":"arn:aws:iam::*:root","Condition":` + condition + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		req := &policy.Request{Principal: policy.Principal{Kind: policy.User, Account: account, ARN: user().ARN}}
		b := &policy.Bindings{Identity: policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Identity}, Document: doc})}
		touches[0].Apply(req, b)
		return policy.Decide(req, b).Allowed
	}
	if !allow(`{"StringEquals":{"sts:TaskPolicyArn":"`+rootTasks+`S3UnlockBucketPolicy","aws:ResourceAccount":"`+member+`"}}`) || allow(`{"StringEquals":{"sts:TaskPolicyArn":"x"}}`) {
		t.Error("the conditions do not decide")
	}
}
