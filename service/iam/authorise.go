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
		all[op.Name] = policy.Rule{Absent: true}
	}
	for _, chapter := range []policy.Rules{
		s.userRules(), s.userTagRules(), s.userBoundaryRules(),
		s.groupRules(),
		s.loginRules(), s.passwordPolicyRules(),
		s.accountRules(),
		s.accessKeyRules(),
		s.roleRules(), s.roleTagRules(), s.profileRules(),
		s.policyRules(), s.versionRules(), s.bearersRules(), s.serviceAccessRules(),
		s.attachmentRules(), s.inlineRules(),
		s.simulateRules(),
		s.mfaRules(), s.sshKeyRules(), s.signingCertificateRules(), s.serverCertificateRules(), s.serviceCredentialRules(),
		s.openIDRules(), s.samlRules(),
		s.linkedRoleRules(), s.rootAccessRules(), s.outboundRules(),
		s.advisorRules(), s.organizationAccessRules(), s.credentialReportRules(),
		s.accountPropertyRules(),
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
	case openIDKind:
		return "AWS::IAM::OIDCProvider"
	case samlKind:
		return "AWS::IAM::SAMLProvider"
	case "mfa":
		return "AWS::IAM::VirtualMFADevice"
	case "server-certificate":
		return "AWS::IAM::ServerCertificate"
	}
	return ""
}

// accountOf is the account a call works in: the caller's own.
func accountOf(ctx context.Context) string { return caller.From(ctx).Identity.Account }

// ownName is the user name of an operation where it is optional: without it the
// caller means itself. A session may be older than its user's name, so it is
// resolved by the unique id: a new user of the old name is somebody else.
func (s *Service) ownName(ctx context.Context, r store.Reader, name *string) (string, error) {
	if name != nil {
		return *name, nil
	}
	id := &caller.From(ctx).Identity
	if id.Kind != caller.User {
		return "", nil
	}
	if id.Session == nil {
		return id.Name, nil
	}
	e, err := s.users.OneBy(ctx, r, "id", id.Session.IssuerID)
	if errors.Is(err, store.ErrNotFound) {
		return "", noSuch("user", id.Name)
	} else if err != nil {
		return "", err
	}
	return e.Value.Name, nil
}

// touchOwn is touchBearer where the user name is optional. Without it the caller
// means itself: its user, or the account for the root user.
func (s *Service) touchOwn(ctx context.Context, action string, name *string) ([]policy.Touch, error) {
	account := accountOf(ctx)
	if name == nil && caller.From(ctx).Identity.Kind == caller.Root {
		return []policy.Touch{{Action: "iam:" + action, Account: account, Resource: rootARN(account)}}, nil
	}
	own, err := s.ownName(ctx, s.Store, name)
	if err != nil {
		return nil, err
	}
	t, err := s.touchBearer(ctx, action, aUser, own)
	return []policy.Touch{t}, err
}

// onOwn declares an operation on a user whose name may be left out.
func onOwn[I any](s *Service, action string, name func(*I) *string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		return s.touchOwn(ctx, action, name(in))
	})
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
