package iam

import (
	"context"

	iamapi "bartizan.dev/api/iam"
)

// A quota of AWS that nothing here reaches.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const quotaVersionsInUse = 10000

// GetAccountSummary counts what the account has, beside its quotas.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html
func (s *Service) GetAccountSummary(ctx context.Context, _ *iamapi.GetAccountSummaryInput) (*iamapi.GetAccountSummaryResponse, error) {
	account := accountOf(ctx)
	n, err := s.countsOf(ctx, s.Store, account)
	if err != nil {
		return nil, err
	}
	versions, err := s.versionsInUse(ctx, account)
	if err != nil {
		return nil, err
	}
	root, err := s.rootHas(ctx, account)
	if err != nil {
		return nil, err
	}
	a, err := s.accountFor(ctx, s.Store, account)
	if err != nil {
		return nil, err
	}
	rootPassword := 0
	if a.Root != nil {
		rootPassword = 1
	}
	q := s.Quotas
	out := map[iamapi.SummaryKeyType]int32{}
	for key, v := range map[iamapi.SummaryKeyType]int{
		iamapi.SummaryKeyType_Users: n.Users, iamapi.SummaryKeyType_UsersQuota: q.Users,
		iamapi.SummaryKeyType_Groups: n.Groups, iamapi.SummaryKeyType_GroupsQuota: q.Groups,
		iamapi.SummaryKeyType_Roles: n.Roles, iamapi.SummaryKeyType_RolesQuota: q.Roles,
		iamapi.SummaryKeyType_InstanceProfiles: n.Profiles, iamapi.SummaryKeyType_InstanceProfilesQuota: q.Profiles,
		iamapi.SummaryKeyType_Policies: n.Policies, iamapi.SummaryKeyType_PoliciesQuota: q.Policies,
		iamapi.SummaryKeyType_PolicyVersionsInUse: versions, iamapi.SummaryKeyType_PolicyVersionsInUseQuota: quotaVersionsInUse,
		iamapi.SummaryKeyType_VersionsPerPolicyQuota:    q.VersionsPerPolicy,
		iamapi.SummaryKeyType_PolicySizeQuota:           maxManagedSize,
		iamapi.SummaryKeyType_UserPolicySizeQuota:       maxUserInlineSize,
		iamapi.SummaryKeyType_GroupPolicySizeQuota:      maxGroupInlineSize,
		iamapi.SummaryKeyType_RolePolicySizeQuota:       maxRoleInlineSize,
		iamapi.SummaryKeyType_AssumeRolePolicySizeQuota: maxTrustSize,

		iamapi.SummaryKeyType_AttachedPoliciesPerUserQuota:  q.AttachedPerUser,
		iamapi.SummaryKeyType_AttachedPoliciesPerGroupQuota: q.AttachedPerGroup,
		iamapi.SummaryKeyType_AttachedPoliciesPerRoleQuota:  q.AttachedPerRole,
		iamapi.SummaryKeyType_GroupsPerUserQuota:            q.GroupsPerUser,
		iamapi.SummaryKeyType_AccessKeysPerUserQuota:        q.AccessKeysPerUser,

		iamapi.SummaryKeyType_AccountAccessKeysPresent:          root.keys,
		iamapi.SummaryKeyType_AccountPasswordPresent:            rootPassword,
		iamapi.SummaryKeyType_AccountMFAEnabled:                 root.mfa,
		iamapi.SummaryKeyType_AccountSigningCertificatesPresent: root.signing,
		iamapi.SummaryKeyType_MFADevices:                        n.MFADevices,
		iamapi.SummaryKeyType_MFADevicesInUse:                   n.MFAInUse,
		iamapi.SummaryKeyType_Providers:                         n.OpenIDProviders + n.SAMLProviders,
		iamapi.SummaryKeyType_ServerCertificates:                n.ServerCertificates,
		iamapi.SummaryKeyType_ServerCertificatesQuota:           q.ServerCertificates,
		iamapi.SummaryKeyType_SigningCertificatesPerUserQuota:   maxSigningCertificates,
		iamapi.SummaryKeyType_GlobalEndpointTokenVersion:        max(1, a.TokenVersion),
	} {
		out[key] = int32(v)
	}
	return &iamapi.GetAccountSummaryResponse{SummaryMap: out}, nil
}

// versionsInUse counts the versions of the account's managed policies.
func (s *Service) versionsInUse(ctx context.Context, account string) (int, error) {
	n := 0
	err := each(ctx, s.Store, &s.policies, account, func(p *managedPolicy) { n += len(p.Versions) })
	return n, err
}

// rootHoldings says what the root user has, 1, and has not, 0.
type rootHoldings struct{ keys, mfa, signing int }

func (s *Service) rootHas(ctx context.Context, account string) (h rootHoldings, err error) {
	for _, c := range []struct {
		count *int
		has   func() (bool, error)
	}{
		{&h.keys, func() (bool, error) {
			ids, err := s.keys.By(ctx, s.Store, "owner", account+"/", "", 1)
			return len(ids) > 0, err
		}},
		{&h.mfa, func() (bool, error) { return has(ctx, s.Store, &s.mfas, account) }},
		{&h.signing, func() (bool, error) { return has(ctx, s.Store, &s.signing, account) }},
	} {
		is, err := c.has()
		if err != nil {
			return h, err
		}
		if is {
			*c.count = 1
		}
	}
	return h, nil
}
