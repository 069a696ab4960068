package iam

import (
	"context"

	iamapi "bartizan.dev/api/iam"
)

// Quotas of AWS that nothing here reaches.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const (
	quotaServerCertificates  = 20
	quotaSigningCertificates = 2
	quotaVersionsInUse       = 10000
)

// GetAccountSummary counts what the account has, beside its quotas. There are no
// MFA devices, server or signing certificates and identity providers yet, nor a
// password of the root user: their zeros are the truth.
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
	rootKeys, err := s.keys.By(ctx, s.Store, "owner", account+"/", "", 1)
	if err != nil {
		return nil, err
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

		iamapi.SummaryKeyType_AccountAccessKeysPresent:          len(rootKeys),
		iamapi.SummaryKeyType_AccountPasswordPresent:            0,
		iamapi.SummaryKeyType_AccountMFAEnabled:                 0,
		iamapi.SummaryKeyType_AccountSigningCertificatesPresent: 0,
		iamapi.SummaryKeyType_MFADevices:                        0,
		iamapi.SummaryKeyType_MFADevicesInUse:                   0,
		iamapi.SummaryKeyType_Providers:                         0,
		iamapi.SummaryKeyType_ServerCertificates:                0,
		iamapi.SummaryKeyType_ServerCertificatesQuota:           quotaServerCertificates,
		iamapi.SummaryKeyType_SigningCertificatesPerUserQuota:   quotaSigningCertificates,
		// Version 1: session tokens of the global endpoint are valid in the Regions
		// that are enabled by default, as all are here.
		iamapi.SummaryKeyType_GlobalEndpointTokenVersion: 1,
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
