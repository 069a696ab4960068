package iam

import "bartizan.dev/wire"

// Quotas are the numbers that IAM bounds per account or entity.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
type Quotas struct {
	Users, Groups, Roles, Profiles, Policies           int // per account
	GroupsPerUser, AccessKeysPerUser                   int
	AttachedPerUser, AttachedPerGroup, AttachedPerRole int
	VersionsPerPolicy                                  int
	ServerCertificates                                 int // per account
}

func (q Quotas) orDefault() Quotas {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&q.Users, 5000}, {&q.Groups, 300}, {&q.Roles, 1000}, {&q.Profiles, 1000}, {&q.Policies, 1500},
		{&q.GroupsPerUser, 10}, {&q.AccessKeysPerUser, 2},
		{&q.AttachedPerUser, 10}, {&q.AttachedPerGroup, 10}, {&q.AttachedPerRole, 10}, {&q.VersionsPerPolicy, 5},
		{&q.ServerCertificates, 20},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return q
}

// Sizes of policy documents in characters, white space not counted; those of
// inline policies are for all policies of the entity together.
const (
	maxManagedSize     = 6144
	maxUserInlineSize  = 2048
	maxGroupInlineSize = 5120
	maxRoleInlineSize  = 10240
	maxTrustSize       = 2048
	maxTags            = 50
)

// Numbers that AWS does not raise on request.
const (
	maxMFADevices          = 8 // per user or root user
	maxSSHKeys             = 5 // per user
	maxSigningCertificates = 2 // per user or root user
	maxServiceCredentials  = 2 // per user and service
	maxSerial              = 256
)

func exceeded(name string, limit int) *wire.Error {
	return wire.Errorf("LimitExceeded", "Cannot exceed quota for %s: %d", name, limit).WithStatus(409)
}
