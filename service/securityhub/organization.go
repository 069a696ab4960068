package securityhub

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	organizationsapi "bartizan.dev/api/organizations"
	api "bartizan.dev/api/securityhub"
	"bartizan.dev/store"
	"bartizan.dev/work"
)

const principal = "securityhub.amazonaws.com"

// delegated is an organization's delegated administrator in a Region.
type delegated struct{ Account string }

// organization is how a delegated administrator adds accounts.
type organization struct {
	AutoEnable  bool
	NoStandards bool `json:",omitzero"`
}

// ownOrganization is the caller's organization.
func (s *Service) ownOrganization(ctx context.Context) (*Organization, error) {
	if s.Organization == nil {
		return nil, nil
	}
	return s.Organization(ctx, placeOf(ctx).account)
}

// delegate is the delegated administrator of an organization in a Region, or "".
func (s *Service) delegate(ctx context.Context, r store.Reader, management, region string) (string, error) {
	d, err := s.delegated.Get(ctx, r, management+"/"+region)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return d.Account, nil
}

// managed are the accounts that the caller may add without asking them: those of
// the organization whose delegated administrator it is.
func (s *Service) managed(ctx context.Context) (map[string]bool, error) {
	org, err := s.ownOrganization(ctx)
	if err != nil || org == nil {
		return nil, err
	}
	p := placeOf(ctx)
	d, err := s.delegate(ctx, s.Store, org.Management, p.region)
	if err != nil || d != p.account {
		return nil, err
	}
	out := map[string]bool{}
	for _, a := range org.Accounts {
		out[a] = true
	}
	return out, nil
}

// join makes an account of an organization a member, with a hub of its own.
func (s *Service) join(ctx context.Context, tx store.Tx, admin place, account, email string, standards bool) (why string, err error) {
	p := place{account, admin.region}
	a, err := s.administrator(ctx, tx, p)
	if err != nil {
		return "", err
	}
	if a != nil && a.Account != admin.account {
		return "The account has another administrator account.", nil
	}
	h := &hub{Account: account, Region: admin.region, Since: s.now(), Generator: string(api.ControlFindingGenerator_SECURITY_CONTROL)}
	err = s.hubs.Insert(ctx, tx, p.home(), h)
	if err == nil {
		err = s.opened(ctx, tx, h, standards)
	} else if errors.Is(err, store.ErrExists) {
		err = nil
	}
	if err != nil {
		return "", err
	}
	if err := s.administrators.Put(ctx, tx, p.home(), &administrator{Account: admin.account, Invited: s.now(), ByOrganization: true}); err != nil {
		return "", err
	}
	return "", s.putMember(ctx, tx, admin, &member{Account: account, Email: email, Status: statusEnabled, Invited: s.now()})
}

// asManagement is the caller's organization, if it manages it.
func (s *Service) asManagement(ctx context.Context) (*Organization, error) {
	org, err := s.ownOrganization(ctx)
	if err != nil {
		return nil, err
	}
	if org == nil || org.Management != placeOf(ctx).account {
		return nil, fault("InvalidAccessException", "The request failed because the account %s is not the management account of an organization.", placeOf(ctx).account)
	}
	return org, nil
}

func onlyFirstFeature(f api.SecurityHubFeature) error {
	if f != "" && f != "SecurityHub" {
		return invalid("Bartizan delegates the administrator of the feature SecurityHub only.")
	}
	return nil
}

// EnableOrganizationAdminAccount delegates the administration of Security Hub.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_EnableOrganizationAdminAccount.html
func (s *Service) EnableOrganizationAdminAccount(ctx context.Context, in *api.EnableOrganizationAdminAccountRequest) (*api.EnableOrganizationAdminAccountResponse, error) {
	if err := onlyFirstFeature(in.Feature); err != nil {
		return nil, err
	}
	org, err := s.asManagement(ctx)
	if err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	if !slices.Contains(org.Accounts, in.AdminAccountId) {
		return nil, invalid("Account %s is not an account of the organization.", clip(in.AdminAccountId))
	}
	now, err := s.delegate(ctx, s.Store, p.account, p.region)
	if err != nil {
		return nil, err
	}
	if now != "" && now != in.AdminAccountId {
		return nil, invalid("The organization already has the delegated administrator account %s in this Region.", now)
	}
	if in.AdminAccountId != p.account {
		if _, err := s.Organizations.EnableAWSServiceAccess(ctx, &organizationsapi.EnableAWSServiceAccessRequest{ServicePrincipal: principal}); err != nil {
			return nil, err
		}
		_, err := s.Organizations.RegisterDelegatedAdministrator(ctx, &organizationsapi.RegisterDelegatedAdministratorRequest{AccountId: in.AdminAccountId, ServicePrincipal: principal})
		if err != nil && !hasCode(err, "AccountAlreadyRegistered") {
			return nil, err
		}
	}
	if s.Read != nil {
		if err := s.Read.Link(ctx, in.AdminAccountId); err != nil {
			return nil, err
		}
	}
	admin := place{in.AdminAccountId, p.region}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		h := &hub{Account: admin.account, Region: admin.region, Since: s.now(), Generator: string(api.ControlFindingGenerator_SECURITY_CONTROL)}
		err := s.hubs.Insert(ctx, tx, admin.home(), h)
		if err == nil {
			err = s.opened(ctx, tx, h, true)
		}
		if err != nil && !errors.Is(err, store.ErrExists) {
			return err
		}
		return s.delegated.Put(ctx, tx, p.account+"/"+p.region, &delegated{in.AdminAccountId})
	})
	if err != nil {
		return nil, err
	}
	return &api.EnableOrganizationAdminAccountResponse{AdminAccountId: &in.AdminAccountId, Feature: "SecurityHub"}, nil
}

// DisableOrganizationAdminAccount ends that: "the organization's accounts are no
// longer its members".
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DisableOrganizationAdminAccount.html
func (s *Service) DisableOrganizationAdminAccount(ctx context.Context, in *api.DisableOrganizationAdminAccountRequest) (*api.DisableOrganizationAdminAccountResponse, error) {
	if err := onlyFirstFeature(in.Feature); err != nil {
		return nil, err
	}
	if _, err := s.asManagement(ctx); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		now, err := s.delegate(ctx, tx, p.account, p.region)
		if err != nil {
			return err
		}
		if now != in.AdminAccountId {
			return invalid("Account %s is not the delegated administrator account.", clip(in.AdminAccountId))
		}
		admin := place{now, p.region}
		list, err := s.members.List(ctx, tx, admin.home()+"/", "", 0)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := s.part(ctx, tx, admin, e.Value, statusRemoved); err != nil {
				return err
			}
		}
		if err := s.organizations.Delete(ctx, tx, admin.home()); err != nil {
			return err
		}
		if err := s.queue.Cancel(ctx, tx, jobJoin, admin.home()); err != nil {
			return err
		}
		return s.delegated.Delete(ctx, tx, p.account+"/"+p.region)
	})
	if err != nil {
		return nil, err
	}
	// Other Regions may have the same administrator: Organizations keeps it then.
	left, err := s.delegated.List(ctx, s.Store, p.account+"/", "", 0)
	if err != nil {
		return nil, err
	}
	if in.AdminAccountId != p.account && !slices.ContainsFunc(left, func(e store.Entry[delegated]) bool { return e.Value.Account == in.AdminAccountId }) {
		_, err := s.Organizations.DeregisterDelegatedAdministrator(ctx, &organizationsapi.DeregisterDelegatedAdministratorRequest{AccountId: in.AdminAccountId, ServicePrincipal: principal})
		if err != nil && !hasCode(err, "AccountNotRegistered") {
			return nil, err
		}
	}
	return &api.DisableOrganizationAdminAccountResponse{}, nil
}

// ListOrganizationAdminAccounts tells the delegated administrator.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListOrganizationAdminAccounts.html
func (s *Service) ListOrganizationAdminAccounts(ctx context.Context, in *api.ListOrganizationAdminAccountsRequest) (*api.ListOrganizationAdminAccountsResponse, error) {
	if err := onlyFirstFeature(in.Feature); err != nil {
		return nil, err
	}
	if _, err := s.asManagement(ctx); err != nil {
		return nil, err
	}
	if _, err := newPage(in.MaxResults, in.NextToken); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	out := &api.ListOrganizationAdminAccountsResponse{AdminAccounts: []api.AdminAccount{}, Feature: "SecurityHub"}
	now, err := s.delegate(ctx, s.Store, p.account, p.region)
	if err == nil && now != "" && text(in.NextToken) == "" {
		out.AdminAccounts = append(out.AdminAccounts, api.AdminAccount{AccountId: &now, Status: "ENABLED"})
	}
	return out, err
}

// asDelegate reads how the caller, a delegated administrator, adds accounts.
func (s *Service) asDelegate(ctx context.Context) (*organization, error) {
	if _, err := s.hub(ctx, s.Store); err != nil {
		return nil, err
	}
	p := placeOf(ctx)
	org, err := s.ownOrganization(ctx)
	if err != nil {
		return nil, err
	}
	now := ""
	if org != nil {
		if now, err = s.delegate(ctx, s.Store, org.Management, p.region); err != nil {
			return nil, err
		}
	}
	if now != p.account {
		return nil, fault("InvalidAccessException", "Account %s is not the delegated administrator account of an organization.", p.account)
	}
	return s.joining(ctx, s.Store, p)
}

func (s *Service) joining(ctx context.Context, r store.Reader, p place) (*organization, error) {
	v, err := s.organizations.Get(ctx, r, p.home())
	if errors.Is(err, store.ErrNotFound) {
		return &organization{}, nil
	}
	return v, err
}

// DescribeOrganizationConfiguration tells how accounts are added.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeOrganizationConfiguration.html
func (s *Service) DescribeOrganizationConfiguration(ctx context.Context, _ *api.DescribeOrganizationConfigurationRequest) (*api.DescribeOrganizationConfigurationResponse, error) {
	v, err := s.asDelegate(ctx)
	if err != nil {
		return nil, err
	}
	standards := api.AutoEnableStandards("DEFAULT")
	if v.NoStandards {
		standards = "NONE"
	}
	return &api.DescribeOrganizationConfigurationResponse{
		AutoEnable: &v.AutoEnable, MemberAccountLimitReached: new(false), AutoEnableStandards: standards,
		OrganizationConfiguration: &api.OrganizationConfiguration{ConfigurationType: "LOCAL", Status: "ENABLED"},
	}, nil
}

// UpdateOrganizationConfiguration says whether new accounts become members.
// https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_UpdateOrganizationConfiguration.html
func (s *Service) UpdateOrganizationConfiguration(ctx context.Context, in *api.UpdateOrganizationConfigurationRequest) (*api.UpdateOrganizationConfigurationResponse, error) {
	if c := in.OrganizationConfiguration; c != nil && c.ConfigurationType == "CENTRAL" {
		return nil, invalid("Bartizan has no configuration policies: ConfigurationType must be LOCAL.")
	}
	p := placeOf(ctx)
	if _, err := s.asDelegate(ctx); err != nil {
		return nil, err
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		v, err := s.joining(ctx, tx, p)
		if err != nil {
			return err
		}
		v.AutoEnable = in.AutoEnable
		if in.AutoEnableStandards != "" {
			v.NoStandards = in.AutoEnableStandards == "NONE"
		}
		if err := s.organizations.Put(ctx, tx, p.home(), v); err != nil {
			return err
		}
		if !v.AutoEnable {
			return s.queue.Cancel(ctx, tx, jobJoin, p.home())
		}
		return s.queue.Add(ctx, tx, work.Job{Kind: jobJoin, ID: p.home(), Due: s.now()})
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateOrganizationConfigurationResponse{}, nil
}

// jobJoin adds new accounts of an organization; the id is its administrator's
// home.
const (
	jobJoin   = "join"
	joinEvery = time.Hour
)

func (s *Service) doJoin(ctx context.Context, j work.Job) (func(store.Tx) error, error) {
	account, region, _ := strings.Cut(j.ID, "/")
	admin := place{account, region}
	org, err := s.Organization(ctx, account)
	if err != nil || org == nil {
		return nil, err
	}
	now, err := s.delegate(ctx, s.Store, org.Management, region)
	if err != nil || now != account {
		return nil, err
	}
	for _, a := range org.Accounts {
		m, err := s.member(ctx, s.Store, admin, a)
		if err != nil {
			return nil, err
		}
		if a == account || m != nil { // who was let go stays so
			continue
		}
		if s.Read != nil {
			if err := s.Read.Link(ctx, a); err != nil {
				return nil, err
			}
		}
		if _, err := s.Store.Update(ctx, func(tx store.Tx) error {
			v, err := s.organizations.Get(ctx, tx, admin.home())
			if err != nil || !v.AutoEnable {
				return err
			}
			_, err = s.join(ctx, tx, admin, a, "", !v.NoStandards)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return func(tx store.Tx) error {
		return s.queue.Add(ctx, tx, work.Job{Kind: jobJoin, ID: j.ID, Due: s.now().Add(joinEvery)})
	}, nil
}
