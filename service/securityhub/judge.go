package securityhub

import (
	"context"
	"slices"
	"strings"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/policy"
)

// ofAccount judges the account as a whole.
func ofAccount(f *facts, good bool, err error) ([]verdict, error) {
	if err != nil {
		return nil, err
	}
	kind, id := f.account()
	return []verdict{passIf(good, kind, id)}, nil
}

func judgeRootKey(ctx context.Context, f *facts) ([]verdict, error) {
	m, err := f.getSummary(ctx)
	return ofAccount(f, m["AccountAccessKeysPresent"] == 0, err)
}

func judgeRootMFA(ctx context.Context, f *facts) ([]verdict, error) {
	m, err := f.getSummary(ctx)
	return ofAccount(f, m["AccountMFAEnabled"] > 0, err)
}

// judgeRootHardware: "fails if MFA is not enabled or if virtual MFA devices are
// permitted for signing in with root user credentials".
func judgeRootHardware(ctx context.Context, f *facts) ([]verdict, error) {
	m, err := f.getSummary(ctx)
	if err != nil || m["AccountMFAEnabled"] == 0 {
		return ofAccount(f, false, err)
	}
	in := &iamapi.ListVirtualMFADevicesRequest{AssignmentStatus: "Assigned"}
	for {
		out, err := f.IAM.ListVirtualMFADevices(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, d := range out.VirtualMFADevices {
			if d.User != nil && strings.HasSuffix(d.User.Arn, ":root") {
				return ofAccount(f, false, nil)
			}
		}
		if in.Marker = out.Marker; text(in.Marker) == "" {
			return ofAccount(f, true, nil)
		}
	}
}

// ofPassword judges the password policy; an account without one fails.
func ofPassword(good func(f *facts, p *iamapi.PasswordPolicy) bool) judge {
	return func(ctx context.Context, f *facts) ([]verdict, error) {
		p, err := f.getPassword(ctx)
		return ofAccount(f, p != nil && good(f, p), err)
	}
}

func atLeast(v *int32, least int32) bool { return v != nil && *v >= least }

func characters(p *iamapi.PasswordPolicy) bool {
	return on(p.RequireUppercaseCharacters) && on(p.RequireLowercaseCharacters) && on(p.RequireNumbers)
}

var (
	judgePassword = ofPassword(func(f *facts, p *iamapi.PasswordPolicy) bool {
		return characters(p) && on(p.RequireSymbols) && atLeast(p.MinimumPasswordLength, f.number("MinimumPasswordLength"))
	})
	// judgePasswordPCI: at least 7 characters, expiry within 90 days, no reuse of 4.
	judgePasswordPCI = ofPassword(func(_ *facts, p *iamapi.PasswordPolicy) bool {
		return characters(p) && atLeast(p.MinimumPasswordLength, 7) && expires(p) && atLeast(p.PasswordReusePrevention, 4)
	})
	judgeUpper  = ofPassword(func(_ *facts, p *iamapi.PasswordPolicy) bool { return on(p.RequireUppercaseCharacters) })
	judgeLower  = ofPassword(func(_ *facts, p *iamapi.PasswordPolicy) bool { return on(p.RequireLowercaseCharacters) })
	judgeSymbol = ofPassword(func(_ *facts, p *iamapi.PasswordPolicy) bool { return on(p.RequireSymbols) })
	judgeNumber = ofPassword(func(_ *facts, p *iamapi.PasswordPolicy) bool { return on(p.RequireNumbers) })
	judgeLength = ofPassword(func(_ *facts, p *iamapi.PasswordPolicy) bool { return atLeast(p.MinimumPasswordLength, 14) })
	judgeReuse  = ofPassword(func(_ *facts, p *iamapi.PasswordPolicy) bool { return atLeast(p.PasswordReusePrevention, 24) })
	judgeExpiry = ofPassword(func(_ *facts, p *iamapi.PasswordPolicy) bool { return expires(p) })
)

func expires(p *iamapi.PasswordPolicy) bool {
	return on(p.ExpirePasswords) && p.MaxPasswordAge != nil && *p.MaxPasswordAge <= 90
}

// ofUsers judges each user of the credential report; skip leaves one out.
func ofUsers(good func(f *facts, c *credentials) (pass, applies bool)) judge {
	return func(ctx context.Context, f *facts) ([]verdict, error) {
		users, err := f.getUsers(ctx)
		var out []verdict
		for i := range users {
			if pass, applies := good(f, &users[i]); applies {
				out = append(out, passIf(pass, "AwsIamUser", users[i].arn))
			}
		}
		return out, err
	}
}

var (
	judgeConsoleMFA = ofUsers(func(_ *facts, c *credentials) (bool, bool) { return c.mfa || !c.password, true })
	judgeAllMFA     = ofUsers(func(_ *facts, c *credentials) (bool, bool) { return c.mfa, true })
	judgeKeyAge     = ofUsers(func(f *facts, c *credentials) (bool, bool) {
		return !slices.ContainsFunc(c.keys, func(k keyUse) bool { return older(f.now, k.rotated, 90) }), len(c.keys) > 0
	})
)

func older(now, t time.Time, days int) bool {
	return now.Sub(t) > time.Duration(days)*24*time.Hour
}

func judgeUnused(days int) judge {
	return ofUsers(func(f *facts, c *credentials) (bool, bool) {
		unused := c.password && older(f.now, c.passwordUsed, days) || slices.ContainsFunc(c.keys, func(k keyUse) bool { return older(f.now, k.used, days) })
		return !unused, c.password || len(c.keys) > 0
	})
}

func judgeUserPolicies(ctx context.Context, f *facts) ([]verdict, error) {
	d, err := f.getDetails(ctx)
	if err != nil {
		return nil, err
	}
	var out []verdict
	for i := range d.UserDetailList {
		u := &d.UserDetailList[i]
		out = append(out, passIf(len(u.UserPolicyList)+len(u.AttachedManagedPolicies) == 0, "AwsIamUser", text(u.Arn)))
	}
	return out, nil
}

// ofManaged judges each customer managed policy by its default version.
func ofManaged(bad func(f *facts, s *policy.Statement) bool) judge {
	return func(ctx context.Context, f *facts) ([]verdict, error) {
		d, err := f.getDetails(ctx)
		if err != nil {
			return nil, err
		}
		var out []verdict
		for i := range d.Policies {
			p := &d.Policies[i]
			for j := range p.PolicyVersionList {
				if v := &p.PolicyVersionList[j]; v.IsDefaultVersion != nil && *v.IsDefaultVersion {
					out = append(out, passIf(!someStatement(f, document(v.Document), bad), "AwsIamPolicy", text(p.Arn)))
				}
			}
		}
		return out, nil
	}
}

func someStatement(f *facts, d *policy.Document, bad func(f *facts, s *policy.Statement) bool) bool {
	return d != nil && slices.ContainsFunc(d.Statements, func(s policy.Statement) bool { return s.Effect == policy.Allow && bad(f, &s) })
}

var judgeAdminPolicies = ofManaged(func(_ *facts, s *policy.Statement) bool {
	return slices.Contains(s.Action, "*") && slices.Contains(s.Resource, "*")
})

// judgeServiceStars: "any statement that allows Service:* with Resource: *, or
// NotAction".
var judgeServiceStars = ofManaged(func(_ *facts, s *policy.Statement) bool {
	return len(s.NotAction) > 0 || slices.ContainsFunc(s.Action, func(a string) bool { return strings.HasSuffix(a, ":*") })
})

// decrypts: a statement lets decrypt with all keys of an account or Region.
func decrypts(_ *facts, s *policy.Statement) bool {
	acts := len(s.NotAction) > 0 && !slices.ContainsFunc(s.NotAction, matchesDecrypt) || slices.ContainsFunc(s.Action, matchesDecrypt)
	return acts && (len(s.NotResource) > 0 || slices.ContainsFunc(s.Resource, allKeys))
}

func matchesDecrypt(pattern string) bool {
	return policy.MatchAction(pattern, "kms:Decrypt") || policy.MatchAction(pattern, "kms:ReEncryptFrom")
}

func allKeys(resource string) bool {
	return resource == "*" || strings.HasPrefix(resource, "arn:aws:kms:") && (strings.HasSuffix(resource, ":key/*") || strings.HasSuffix(resource, ":*"))
}

var judgeDecryptManaged = ofManaged(decrypts)

func judgeDecryptInline(ctx context.Context, f *facts) ([]verdict, error) {
	d, err := f.getDetails(ctx)
	if err != nil {
		return nil, err
	}
	var out []verdict
	add := func(kind string, arn *string, list []iamapi.PolicyDetail) {
		bad := slices.ContainsFunc(list, func(p iamapi.PolicyDetail) bool { return someStatement(f, document(p.PolicyDocument), decrypts) })
		out = append(out, passIf(!bad, kind, text(arn)))
	}
	for i := range d.UserDetailList {
		add("AwsIamUser", d.UserDetailList[i].Arn, d.UserDetailList[i].UserPolicyList)
	}
	for i := range d.GroupDetailList {
		add("AwsIamGroup", d.GroupDetailList[i].Arn, d.GroupDetailList[i].GroupPolicyList)
	}
	for i := range d.RoleDetailList {
		if !strings.HasPrefix(text(d.RoleDetailList[i].Path), "/aws-service-role/") {
			add("AwsIamRole", d.RoleDetailList[i].Arn, d.RoleDetailList[i].RolePolicyList)
		}
	}
	return out, nil
}

// attached are the principals that have a policy attached.
func attached(ctx context.Context, f *facts, name string) (map[string]string, map[string]string, error) {
	d, err := f.getDetails(ctx)
	if err != nil {
		return nil, nil, err
	}
	has, all := map[string]string{}, map[string]string{}
	add := func(kind string, arn *string, list []iamapi.AttachedPolicy) {
		all[text(arn)] = kind
		if slices.ContainsFunc(list, func(p iamapi.AttachedPolicy) bool { return text(p.PolicyArn) == name }) {
			has[text(arn)] = kind
		}
	}
	for i := range d.UserDetailList {
		add("AwsIamUser", d.UserDetailList[i].Arn, d.UserDetailList[i].AttachedManagedPolicies)
	}
	for i := range d.GroupDetailList {
		add("AwsIamGroup", d.GroupDetailList[i].Arn, d.GroupDetailList[i].AttachedManagedPolicies)
	}
	for i := range d.RoleDetailList {
		add("AwsIamRole", d.RoleDetailList[i].Arn, d.RoleDetailList[i].AttachedManagedPolicies)
	}
	return has, all, nil
}

func judgeSupport(ctx context.Context, f *facts) ([]verdict, error) {
	has, _, err := attached(ctx, f, "arn:aws:iam::aws:policy/AWSSupportAccess")
	return ofAccount(f, len(has) > 0, err)
}

func judgeCloudShell(ctx context.Context, f *facts) ([]verdict, error) {
	has, all, err := attached(ctx, f, "arn:aws:iam::aws:policy/AWSCloudShellFullAccess")
	var out []verdict
	for name, kind := range all {
		_, bad := has[name]
		out = append(out, passIf(!bad, kind, name))
	}
	return out, err
}
