package iam

import (
	"context"
	"errors"
	"maps"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
)

// Rules declares what the operations touch. Each chapter declares its own; what
// no chapter declares is not built, touches nothing and answers NotImplemented.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
func (s *Service) Rules() policy.Rules {
	all := policy.Rules{}
	for _, op := range iamapi.Operations(s) {
		all[op.Name] = policy.OnAny(policy.Touch{Action: "iam:" + op.Name})
	}
	for _, chapter := range []policy.Rules{
		s.userRules(), s.accessKeyRules(),
	} {
		maps.Copy(all, chapter)
	}
	return all
}

// Resource names the type of an IAM resource for the trail.
func Resource(name string) string {
	a, err := arn.Parse(name)
	if err != nil || a.Service != "iam" {
		return ""
	}
	kind, _ := a.Type()
	switch kind {
	case "user":
		return "AWS::IAM::User"
	case "group":
		return "AWS::IAM::Group"
	case "role":
		return "AWS::IAM::Role"
	case "policy":
		return "AWS::IAM::Policy"
	case "instance-profile":
		return "AWS::IAM::InstanceProfile"
	}
	return ""
}

// accountOf is the account a call works in: the caller's own.
func accountOf(ctx context.Context) string { return caller.From(ctx).Identity.Account }

// touchUser is the touch of an action on a user. The resource is the ARN of the
// record, not what the caller spelled, so that a policy on user/Admin holds for
// a call that names user ADMIN. An absent user has the ARN it would have.
func (s *Service) touchUser(ctx context.Context, action, name string) (policy.Touch, error) {
	account := accountOf(ctx)
	t := policy.Touch{Action: "iam:" + action, Account: account}
	u, err := s.users.Get(ctx, s.Store, recordID(account, name))
	if errors.Is(err, store.ErrNotFound) {
		t.Resource = arnOf(account, "user", "/", name)
		return t, nil
	} else if err != nil {
		return t, err
	}
	t.Resource, t.ResourceTags = u.ARN(), policyTags(u.Tags)
	if u.Boundary != "" {
		t.Keys = append(t.Keys, policy.Pair{Key: "iam:PermissionsBoundary", Values: []string{u.Boundary}})
	}
	return t, nil
}

// onUser declares an operation that touches the user its input names.
func onUser[I any](s *Service, action string, name func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touchUser(ctx, action, name(in))
		return []policy.Touch{t}, err
	})
}

// ownName is the user name of an operation where it is optional: without it the
// caller means itself.
func ownName(ctx context.Context, name *string) string {
	if name != nil {
		return *name
	}
	if id := &caller.From(ctx).Identity; id.Kind == caller.User {
		return id.Name
	}
	return ""
}

// onPath declares a List operation, which touches kind/ with the path prefix.
func onPath[I any](action, kind string, prefix func(*I) *string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		path := "/"
		if p := prefix(in); p != nil {
			path = *p
		}
		account := accountOf(ctx)
		return []policy.Touch{{
			Action: "iam:" + action, Account: account,
			Resource: arn.New("iam", "", account, kind+strings.TrimSuffix(path, "/")+"/"),
		}}, nil
	})
}
