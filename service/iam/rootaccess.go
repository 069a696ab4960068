package iam

import (
	"context"
	"errors"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Centralized root access: the management account of an organization, or the
// delegated administrator for IAM, does for member accounts what only their
// root users can do.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html#id_root-user-access-management

// Membership is where an account stands in its organization.
type Membership struct {
	Organization string // o-…
	Management   string // the management account
	AllFeatures  bool   // not consolidated billing alone
	Trusted      bool   // trusted access for iam.amazonaws.com is enabled
	Delegated    bool   // the account is a delegated administrator for iam.amazonaws.com
}

// rootFeatures are the features that an organization has enabled.
type rootFeatures struct{ Credentials, Sessions bool }

func (f rootFeatures) list() []iamapi.FeatureType {
	out := []iamapi.FeatureType{}
	if f.Credentials {
		out = append(out, iamapi.FeatureType_RootCredentialsManagement)
	}
	if f.Sessions {
		out = append(out, iamapi.FeatureType_RootSessions)
	}
	return out
}

func (s *Service) rootAccessRules() policy.Rules {
	rules := policy.Rules{}
	for _, name := range []string{
		"DisableOrganizationsRootCredentialsManagement", "DisableOrganizationsRootSessions",
		"EnableOrganizationsRootCredentialsManagement", "EnableOrganizationsRootSessions", "ListOrganizationsFeatures",
	} {
		rules[name] = policy.OnAny(policy.Touch{Action: "iam:" + name})
	}
	return rules
}

// membership returns where the caller's account stands, if it may manage root
// access at all.
func (s *Service) membership(ctx context.Context) (*Membership, error) {
	m, err := s.member(ctx, accountOf(ctx))
	switch {
	case err != nil:
		return nil, err
	case m == nil:
		return nil, wire.Errorf("OrganizationNotFoundException", "The request was rejected because no organization is associated with your account.")
	case m.Management != accountOf(ctx) && !m.Delegated:
		return nil, wire.Errorf("AccountNotManagementOrDelegatedAdministratorException",
			"The request was rejected because the account making the request is not the management account or delegated administrator account for centralized root access.")
	case !m.AllFeatures:
		return nil, wire.Errorf("OrganizationNotInAllFeaturesModeException", "The request was rejected because your organization does not have All features enabled.")
	case !m.Trusted:
		return nil, wire.Errorf("ServiceAccessNotEnabledException", "The request was rejected because trusted access is not enabled for IAM in AWS Organizations.")
	}
	return m, nil
}

// member is Deps.Membership where there is one.
func (s *Service) member(ctx context.Context, account string) (*Membership, error) {
	if s.Membership == nil {
		return nil, nil
	}
	return s.Membership(ctx, account)
}

// changeRootFeatures changes what the organization has enabled and returns what
// it has then. Only the management account may enable.
func (s *Service) changeRootFeatures(ctx context.Context, enable bool, change func(*rootFeatures)) (*string, []iamapi.FeatureType, error) {
	m, err := s.membership(ctx)
	if err != nil {
		return nil, nil, err
	}
	if enable && m.Management != accountOf(ctx) {
		return nil, nil, wire.Errorf("CallerIsNotManagementAccountException",
			"The request was rejected because the account making the request is not the management account for the organization.")
	}
	var f rootFeatures
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		var err error
		if f, err = s.rootFeatures(ctx, tx, m.Organization); err != nil {
			return err
		}
		change(&f)
		return s.features.Put(ctx, tx, m.Organization, &f)
	})
	return &m.Organization, f.list(), err
}

func (s *Service) rootFeatures(ctx context.Context, r store.Reader, organization string) (rootFeatures, error) {
	f, err := s.features.Get(ctx, r, organization)
	if errors.Is(err, store.ErrNotFound) {
		return rootFeatures{}, nil
	} else if err != nil {
		return rootFeatures{}, err
	}
	return *f, nil
}

// DisableOrganizationsRootCredentialsManagement stops the management of member
// accounts' root credentials.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DisableOrganizationsRootCredentialsManagement.html
func (s *Service) DisableOrganizationsRootCredentialsManagement(ctx context.Context, _ *iamapi.DisableOrganizationsRootCredentialsManagementRequest) (*iamapi.DisableOrganizationsRootCredentialsManagementResponse, error) {
	id, list, err := s.changeRootFeatures(ctx, false, func(f *rootFeatures) { f.Credentials = false })
	if err != nil {
		return nil, err
	}
	return &iamapi.DisableOrganizationsRootCredentialsManagementResponse{OrganizationId: id, EnabledFeatures: list}, nil
}

// DisableOrganizationsRootSessions stops privileged sessions in member accounts.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DisableOrganizationsRootSessions.html
func (s *Service) DisableOrganizationsRootSessions(ctx context.Context, _ *iamapi.DisableOrganizationsRootSessionsRequest) (*iamapi.DisableOrganizationsRootSessionsResponse, error) {
	id, list, err := s.changeRootFeatures(ctx, false, func(f *rootFeatures) { f.Sessions = false })
	if err != nil {
		return nil, err
	}
	return &iamapi.DisableOrganizationsRootSessionsResponse{OrganizationId: id, EnabledFeatures: list}, nil
}

// EnableOrganizationsRootCredentialsManagement begins the management of member
// accounts' root credentials.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableOrganizationsRootCredentialsManagement.html
func (s *Service) EnableOrganizationsRootCredentialsManagement(ctx context.Context, _ *iamapi.EnableOrganizationsRootCredentialsManagementRequest) (*iamapi.EnableOrganizationsRootCredentialsManagementResponse, error) {
	id, list, err := s.changeRootFeatures(ctx, true, func(f *rootFeatures) { f.Credentials = true })
	if err != nil {
		return nil, err
	}
	return &iamapi.EnableOrganizationsRootCredentialsManagementResponse{OrganizationId: id, EnabledFeatures: list}, nil
}

// EnableOrganizationsRootSessions lets privileged sessions be made in member
// accounts.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableOrganizationsRootSessions.html
func (s *Service) EnableOrganizationsRootSessions(ctx context.Context, _ *iamapi.EnableOrganizationsRootSessionsRequest) (*iamapi.EnableOrganizationsRootSessionsResponse, error) {
	id, list, err := s.changeRootFeatures(ctx, true, func(f *rootFeatures) { f.Sessions = true })
	if err != nil {
		return nil, err
	}
	return &iamapi.EnableOrganizationsRootSessionsResponse{OrganizationId: id, EnabledFeatures: list}, nil
}

// ListOrganizationsFeatures lists what of centralized root access is enabled.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListOrganizationsFeatures.html
func (s *Service) ListOrganizationsFeatures(ctx context.Context, _ *iamapi.ListOrganizationsFeaturesRequest) (*iamapi.ListOrganizationsFeaturesResponse, error) {
	m, err := s.membership(ctx)
	if err != nil {
		return nil, err
	}
	f, err := s.rootFeatures(ctx, s.Store, m.Organization)
	if err != nil {
		return nil, err
	}
	return &iamapi.ListOrganizationsFeaturesResponse{OrganizationId: &m.Organization, EnabledFeatures: f.list()}, nil
}

// RootTask reports whether account may run the task, one of AWS's managed
// policies below root-task, as the root user of target. Root credentials
// management lets credentials be audited and deleted; everything else is a
// privileged root action.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-enable-root-access.html
func (s *Service) RootTask(ctx context.Context, account, target, task string) (bool, error) {
	from, err := s.member(ctx, account)
	if err != nil || from == nil || !from.Trusted || from.Management != account && !from.Delegated {
		return false, err
	}
	to, err := s.member(ctx, target)
	if err != nil || to == nil || to.Organization != from.Organization || to.Management == target {
		return false, err
	}
	if has, err := s.HasAccount(ctx, target); err != nil || !has {
		return false, err
	}
	f, err := s.rootFeatures(ctx, s.Store, from.Organization)
	if err != nil {
		return false, err
	}
	switch name := strings.TrimPrefix(task, "arn:aws:iam::aws:policy/root-task/"); name {
	case "IAMAuditRootUserCredentials":
		return f.Credentials || f.Sessions, nil
	case "IAMDeleteRootUserCredentials":
		return f.Credentials, nil
	case "IAMCreateRootUserPassword", "S3UnlockBucketPolicy", "SQSUnlockQueuePolicy":
		return f.Sessions, nil
	}
	return false, nil
}

// assumedRoot reports whether the call is of a session of AssumeRoot, which has
// a task policy.
func assumedRoot(ctx context.Context) bool {
	id := &caller.From(ctx).Identity
	return id.Kind == caller.Root && id.Session != nil && len(id.Session.PolicyARNs) > 0
}
