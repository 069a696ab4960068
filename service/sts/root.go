package sts

import (
	"context"
	"strings"
	"time"

	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/wire"
)

const (
	rootTasks  = "arn:aws:iam::aws:policy/root-task/"
	maxRoot    = 900 // seconds
	globalHost = "sts.amazonaws.com"
	// allowing is the session policy beside the task policy, whose statements all
	// deny: what it leaves, the session may do.
	allowing = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// touchAssumeRoot: the caller's own policies decide, as there is none at the
// member account's root user.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
func (s *Service) touchAssumeRoot(_ context.Context, in *stsapi.AssumeRootRequest) ([]policy.Touch, error) {
	t := policy.Touch{Action: "sts:AssumeRoot"}
	if target, ok := rootTarget(in.TargetPrincipal); ok {
		t.Resource = arn.New("iam", "", target, "root")
		t.Keys = []policy.Pair{{Key: "aws:ResourceAccount", Values: []string{target}}}
	}
	if in.TaskPolicyArn != nil && in.TaskPolicyArn.Arn != nil {
		t.Keys = append(t.Keys, policy.Pair{Key: "sts:TaskPolicyArn", Values: []string{*in.TaskPolicyArn.Arn}})
	}
	return []policy.Touch{t}, nil
}

// rootTarget reads the account out of AssumeRoot's TargetPrincipal: its id, or
// the ARN of its root user.
func rootTarget(principal string) (account string, ok bool) {
	if arn.IsAccount(principal) {
		return principal, true
	}
	a, err := arn.Parse(principal)
	if err != nil || a.Partition != arn.Partition || a.Service != "iam" || a.Resource != "root" || !arn.IsAccount(a.Account) {
		return "", false
	}
	return a.Account, true
}

// AssumeRoot gives the management account, or the delegated administrator for
// IAM, credentials of a member account's root user that are good for one task.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html
func (s *Service) AssumeRoot(ctx context.Context, in *stsapi.AssumeRootRequest) (*stsapi.AssumeRootResponse, error) {
	call := caller.From(ctx)
	who := &call.Identity
	if err := regional(call, "AssumeRoot"); err != nil {
		return nil, err
	}
	target, ok := rootTarget(in.TargetPrincipal)
	if !ok {
		return nil, wire.Errorf("ValidationError", "%s is invalid: TargetPrincipal must be an account ID or the ARN of an account's root user.", in.TargetPrincipal)
	}
	if in.TaskPolicyArn == nil || in.TaskPolicyArn.Arn == nil {
		return nil, wire.Errorf("ValidationError", "1 validation error detected: Value null at 'taskPolicyArn.arn' failed to satisfy constraint: Member must not be null")
	}
	task := *in.TaskPolicyArn.Arn
	missing, err := s.Policies(ctx, []string{task})
	if err != nil {
		return nil, err
	}
	if missing != "" || !strings.HasPrefix(task, rootTasks) {
		return nil, wire.Errorf("ValidationError", "%s is not a task policy: TaskPolicyArn must be one of the AWS managed policies below root-task.", task)
	}
	allowed := who.Kind == caller.User || who.Kind == caller.Role
	if allowed {
		if allowed, err = s.RootTask(ctx, who.Account, target, task); err != nil {
			return nil, err
		}
	}
	if !allowed {
		return nil, wire.Errorf("AccessDenied", "User: %s is not authorized to perform: sts:AssumeRoot on resource: %s", who.ARN, arn.New("iam", "", target, "root")).WithStatus(403)
	}
	seconds := int32(maxRoot)
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	session := caller.Session{
		Issued: s.Now().Truncate(time.Second), IssuerARN: arn.New("iam", "", target, "root"), IssuerID: target,
		Policy: allowing, PolicyARNs: []string{task}, Keys: []caller.Tag{{Key: "aws:AssumedRoot", Value: "true"}},
	}
	session.Expires = until(session.Issued, seconds)
	out := &stsapi.AssumeRootResponse{}
	if from := who.Session; from != nil && from.SourceIdentity != "" {
		session.SourceIdentity = from.SourceIdentity
		out.SourceIdentity = &session.SourceIdentity
	}
	c, size, err := s.issue(caller.Identity{
		Kind: caller.Root, Account: target, ID: target, ARN: session.IssuerARN, Session: &session,
	}, in.MinimumSessionTokenSize)
	if err != nil {
		return nil, err
	}
	out.Credentials, out.SessionTokenSize, out.SessionTokenUtilization = c, size.token, size.percent
	return out, nil
}

// regional refuses a call that came to the global endpoint, which some
// operations are not available on.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html
func regional(call *caller.Call, operation string) error {
	host, _, _ := strings.Cut(strings.ToLower(call.Host), ":")
	if host != globalHost {
		return nil
	}
	return wire.Errorf("AccessDenied", "%s is not available on the global endpoint, use a Regional STS endpoint.", operation).WithStatus(403)
}
