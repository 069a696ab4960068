package guardduty

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

// Organizations is what the service needs of AWS Organizations.
type Organizations interface {
	// Of is the organization of an account and its management account; empty when
	// the account is in none.
	Of(ctx context.Context, account string) (org, management string, err error)
	// Accounts goes through the accounts of an organization that are open.
	Accounts(ctx context.Context, org string) iter.Seq2[Account, error]
	// Delegate makes an account the delegated administrator for GuardDuty, as the
	// caller, and Undelegate ends that.
	Delegate(ctx context.Context, account string) error
	Undelegate(ctx context.Context, account string) error
}

// Account is an account of an organization.
type Account struct{ ID, Email string }

// organization is what an organization's administrator has set in a Region.
type organization struct {
	ID         string
	Admin      place
	AutoEnable guarddutyapi.AutoEnableMembers
	Features   map[string]guarddutyapi.OrgFeatureStatus
	// Known are the accounts that were there before: they are not new.
	Known []string
}

func (o *organization) id() string { return o.ID + "/" + o.Admin.Region }

// manages finds the organization whose management account calls.
func (s *Service) manages(ctx context.Context) (org string, err error) {
	at := placeOf(ctx)
	if s.Organizations == nil {
		return "", errManagement
	}
	org, management, err := s.Organizations.Of(ctx, at.Account)
	if err == nil && (org == "" || management != at.Account) {
		err = errManagement
	}
	return org, err
}

var errManagement = rejected(invalidInput, "The request failed because the current account is not the management account of an organization.")

// EnableOrganizationAdminAccount makes an account the administrator of the caller's
// organization in a Region.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_EnableOrganizationAdminAccount.html
func (s *Service) EnableOrganizationAdminAccount(ctx context.Context, in *guarddutyapi.EnableOrganizationAdminAccountRequest) (*guarddutyapi.EnableOrganizationAdminAccountResponse, error) {
	out := &guarddutyapi.EnableOrganizationAdminAccountResponse{}
	org, err := s.manages(ctx)
	if err != nil {
		return nil, err
	}
	o := &organization{ID: org, Admin: place{in.AdminAccountId, placeOf(ctx).Region}, AutoEnable: guarddutyapi.AutoEnableMembers_NONE, Features: map[string]guarddutyapi.OrgFeatureStatus{}}
	if other, _, err := s.Organizations.Of(ctx, in.AdminAccountId); err != nil {
		return nil, err
	} else if other != org {
		return nil, rejected(invalidInput, "The request is rejected because the given account ID is not a member of the organization.")
	}
	if old, err := s.organizations.Get(ctx, s.Store, o.id()); err == nil {
		if old.Admin == o.Admin {
			return out, nil
		}
		return nil, errDelegated
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if in.AdminAccountId != placeOf(ctx).Account { // the management account cannot be a delegate
		if err := s.Organizations.Delegate(ctx, in.AdminAccountId); err != nil {
			return nil, err
		}
	}
	if s.LinkRole != nil {
		if err := s.LinkRole(ctx, in.AdminAccountId, principal); err != nil {
			return nil, err
		}
	}
	if o.Known, err = s.accountsOf(ctx, org); err != nil {
		return nil, err
	}
	end, err := s.Log.End(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.ensure(ctx, tx, o.Admin, end); err != nil {
			return err
		}
		err := s.organizations.Insert(ctx, tx, o.id(), o)
		if errors.Is(err, store.ErrExists) {
			return errDelegated
		} else if err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobOrganization, ID: o.id(), Due: s.now()})
	})
	return out, err
}

var errDelegated = rejected(invalidInput, "The request is rejected because another account is already enabled as the GuardDuty delegated administrator of the organization.")

func (s *Service) accountsOf(ctx context.Context, org string) ([]string, error) {
	var out []string
	for a, err := range s.Organizations.Accounts(ctx, org) {
		if err != nil {
			return nil, err
		}
		out = append(out, a.ID)
	}
	return out, nil
}

// DisableOrganizationAdminAccount ends that. Members go on by themselves.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DisableOrganizationAdminAccount.html
func (s *Service) DisableOrganizationAdminAccount(ctx context.Context, in *guarddutyapi.DisableOrganizationAdminAccountRequest) (*guarddutyapi.DisableOrganizationAdminAccountResponse, error) {
	org, err := s.manages(ctx)
	if err != nil {
		return nil, err
	}
	region := placeOf(ctx).Region
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.organizations.Get(ctx, tx, org+"/"+region)
		if errors.Is(err, store.ErrNotFound) || err == nil && o.Admin.Account != in.AdminAccountId {
			return errNothing
		} else if err != nil {
			return err
		}
		d, err := s.detectors.Get(ctx, tx, o.Admin.id())
		if err == nil {
			err = s.releaseAll(ctx, tx, d, nil)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return errors.Join(s.organizations.Delete(ctx, tx, o.id()), s.queue.Cancel(ctx, tx, jobOrganization, o.id()))
	})
	if err != nil {
		return nil, err
	}
	left, err := s.organizations.List(ctx, s.Store, org+"/", "", 0)
	if err != nil {
		return nil, err
	}
	still := slices.ContainsFunc(left, func(e store.Entry[organization]) bool { return e.Value.Admin.Account == in.AdminAccountId })
	if !still && in.AdminAccountId != placeOf(ctx).Account { // in no other Region
		err = s.Organizations.Undelegate(ctx, in.AdminAccountId)
	}
	return &guarddutyapi.DisableOrganizationAdminAccountResponse{}, err
}

// releaseAll ends what binds the organization's members to an administrator, but
// for those that stay.
func (s *Service) releaseAll(ctx context.Context, tx store.Tx, d *detector, stay map[string]bool) error {
	all, err := s.members.List(ctx, tx, d.ID+"/", "", 0)
	for i := 0; i < len(all) && err == nil; i++ {
		if m := all[i].Value; m.Organization && m.associated() && !stay[m.Account] {
			err = s.relate(ctx, tx, m, removed)
		}
	}
	return err
}

// ListOrganizationAdminAccounts lists the one there may be.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListOrganizationAdminAccounts.html
func (s *Service) ListOrganizationAdminAccounts(ctx context.Context, in *guarddutyapi.ListOrganizationAdminAccountsRequest) (*guarddutyapi.ListOrganizationAdminAccountsResponse, error) {
	org, err := s.manages(ctx)
	if err != nil {
		return nil, err
	}
	out := &guarddutyapi.ListOrganizationAdminAccountsResponse{AdminAccounts: []guarddutyapi.AdminAccount{}}
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil || p.after != "" || p.limit == 0 {
		return out, err
	}
	o, err := s.organizations.Get(ctx, s.Store, org+"/"+placeOf(ctx).Region)
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	} else if err != nil {
		return nil, err
	}
	out.AdminAccounts = append(out.AdminAccounts, guarddutyapi.AdminAccount{AdminAccountId: &o.Admin.Account, AdminStatus: guarddutyapi.AdminStatus_ENABLED})
	return out, nil
}

// leads finds the organization whose administrator owns a detector; nil when its
// owner is none.
func (s *Service) leads(ctx context.Context, r store.Reader, d *detector) (*organization, error) {
	e, err := s.organizations.OneBy(ctx, r, "admin", d.Place.id())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return e.Value, err
}

// led is the organization of the caller, who must be its administrator.
func (s *Service) led(ctx context.Context, r store.Reader, detectorID string) (*organization, error) {
	d, err := s.find(ctx, r, detectorID)
	if err != nil {
		return nil, err
	}
	o, err := s.leads(ctx, r, d)
	if err == nil && o == nil {
		err = rejected(invalidInput, "The request failed because the current account is not the GuardDuty delegated administrator of an organization.")
	}
	return o, err
}

// feature is what an organization does with a feature.
func (o *organization) feature(name string) guarddutyapi.OrgFeatureStatus {
	if v := o.Features[name]; v != "" {
		return v
	}
	return guarddutyapi.OrgFeatureStatus_NONE
}

// DescribeOrganizationConfiguration shows what happens to accounts by themselves.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_DescribeOrganizationConfiguration.html
func (s *Service) DescribeOrganizationConfiguration(ctx context.Context, in *guarddutyapi.DescribeOrganizationConfigurationRequest) (*guarddutyapi.DescribeOrganizationConfigurationResponse, error) {
	o, err := s.led(ctx, s.Store, in.DetectorId)
	if err != nil {
		return nil, err
	}
	out := &guarddutyapi.DescribeOrganizationConfigurationResponse{AutoEnable: new(o.AutoEnable != guarddutyapi.AutoEnableMembers_NONE), AutoEnableOrganizationMembers: o.AutoEnable}
	on := func(name string) bool { return o.feature(name) != guarddutyapi.OrgFeatureStatus_NONE }
	out.DataSources = &guarddutyapi.OrganizationDataSourceConfigurationsResult{
		S3Logs:     &guarddutyapi.OrganizationS3LogsConfigurationResult{AutoEnable: on("S3_DATA_EVENTS")},
		Kubernetes: &guarddutyapi.OrganizationKubernetesConfigurationResult{AuditLogs: &guarddutyapi.OrganizationKubernetesAuditLogsConfigurationResult{AutoEnable: on("EKS_AUDIT_LOGS")}},
		MalwareProtection: &guarddutyapi.OrganizationMalwareProtectionConfigurationResult{ScanEc2InstanceWithFindings: &guarddutyapi.OrganizationScanEc2InstanceWithFindingsResult{
			EbsVolumes: &guarddutyapi.OrganizationEbsVolumesResult{AutoEnable: new(on("EBS_MALWARE_PROTECTION"))}}},
	}
	all := []guarddutyapi.OrganizationFeatureConfigurationResult{}
	p, err := newPage(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	skip := p.after != ""
	for _, f := range features {
		if f.name == analyst || skip {
			skip = skip && f.name != p.after
			continue
		}
		v := guarddutyapi.OrganizationFeatureConfigurationResult{Name: guarddutyapi.OrgFeature(f.name), AutoEnable: o.feature(f.name)}
		for _, a := range f.additional {
			v.AdditionalConfiguration = append(v.AdditionalConfiguration, guarddutyapi.OrganizationAdditionalConfigurationResult{
				Name: guarddutyapi.OrgFeatureAdditionalConfiguration(a), AutoEnable: o.feature(f.name + "/" + a)})
		}
		all = append(all, v)
	}
	if p.limit > 0 {
		out.Features, out.NextToken = cut(all, p, func(v *guarddutyapi.OrganizationFeatureConfigurationResult) string { return string(v.Name) })
	}
	return out, nil
}

// UpdateOrganizationConfiguration changes it.
// https://docs.aws.amazon.com/guardduty/latest/APIReference/API_UpdateOrganizationConfiguration.html
func (s *Service) UpdateOrganizationConfiguration(ctx context.Context, in *guarddutyapi.UpdateOrganizationConfigurationRequest) (*guarddutyapi.UpdateOrganizationConfigurationResponse, error) {
	if (in.AutoEnable == nil) == (in.AutoEnableOrganizationMembers == "") {
		return nil, rejected(invalidInput, "The request is rejected because one of autoEnable and autoEnableOrganizationMembers must be provided, and only one.")
	}
	if in.DataSources != nil && in.Features != nil {
		return nil, rejected(invalidInput, "The request is rejected because both data sources and features were provided. You can provide only one of them.")
	}
	set, err := wanted(in)
	if err != nil {
		return nil, err
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.led(ctx, tx, in.DetectorId)
		if err != nil {
			return err
		}
		if o.AutoEnable = in.AutoEnableOrganizationMembers; in.AutoEnable != nil {
			o.AutoEnable = map[bool]guarddutyapi.AutoEnableMembers{true: guarddutyapi.AutoEnableMembers_NEW, false: guarddutyapi.AutoEnableMembers_NONE}[*in.AutoEnable]
		}
		if o.Features == nil {
			o.Features = map[string]guarddutyapi.OrgFeatureStatus{}
		}
		maps.Copy(o.Features, set)
		if err := s.organizations.Put(ctx, tx, o.id(), o); err != nil {
			return err
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobOrganization, ID: o.id(), Due: s.now()})
	})
	return &guarddutyapi.UpdateOrganizationConfigurationResponse{}, err
}

// wanted are the features that a call names, as data sources or as features.
func wanted(in *guarddutyapi.UpdateOrganizationConfigurationRequest) (map[string]guarddutyapi.OrgFeatureStatus, error) {
	set := map[string]guarddutyapi.OrgFeatureStatus{}
	old := func(name string, on bool) {
		set[name] = map[bool]guarddutyapi.OrgFeatureStatus{true: guarddutyapi.OrgFeatureStatus_NEW, false: guarddutyapi.OrgFeatureStatus_NONE}[on]
	}
	if d := in.DataSources; d != nil {
		if d.S3Logs != nil {
			old("S3_DATA_EVENTS", d.S3Logs.AutoEnable)
		}
		if d.Kubernetes != nil && d.Kubernetes.AuditLogs != nil {
			old("EKS_AUDIT_LOGS", d.Kubernetes.AuditLogs.AutoEnable)
		}
		if m := d.MalwareProtection; m != nil && m.ScanEc2InstanceWithFindings != nil && m.ScanEc2InstanceWithFindings.EbsVolumes != nil && m.ScanEc2InstanceWithFindings.EbsVolumes.AutoEnable != nil {
			old("EBS_MALWARE_PROTECTION", *m.ScanEc2InstanceWithFindings.EbsVolumes.AutoEnable)
		}
	}
	for _, f := range in.Features {
		i := slices.IndexFunc(features, func(x feature) bool { return x.name == string(f.Name) })
		if i < 0 {
			return nil, invalid("features.name")
		}
		if f.AutoEnable != "" {
			set[string(f.Name)] = f.AutoEnable
		}
		for _, a := range f.AdditionalConfiguration {
			if !slices.Contains(features[i].additional, string(a.Name)) {
				return nil, invalid("features.additionalConfiguration.name")
			}
			if a.AutoEnable != "" {
				set[string(f.Name)+"/"+string(a.Name)] = a.AutoEnable
			}
		}
	}
	if r, e := set[runtime], set[eksRuntime]; r != "" && r != guarddutyapi.OrgFeatureStatus_NONE && e != "" && e != guarddutyapi.OrgFeatureStatus_NONE {
		return nil, rejected(invalidInput, "The request is rejected because EKS_RUNTIME_MONITORING and RUNTIME_MONITORING cannot be enabled at the same time.")
	}
	return set, nil
}
