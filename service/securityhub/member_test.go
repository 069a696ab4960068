package securityhub

import (
	"context"
	"testing"

	organizationsapi "bartizan.dev/api/organizations"
	api "bartizan.dev/api/securityhub"
)

const other = "222222222222"

// TestMembers: an account is invited, accepts, and its administrator sees and
// works on its findings, and is told of them; its rules bear on them.
func TestMembers(t *testing.T) {
	f := newFixture(t).enable()
	theirs := f.as(other)
	ok[*api.EnableSecurityHubResponse](t)(f.EnableSecurityHub(theirs, &api.EnableSecurityHubRequest{EnableDefaultStandards: new(false)}))
	made := ok[*api.CreateMembersResponse](t)(f.CreateMembers(f.ctx, &api.CreateMembersRequest{AccountDetails: []api.AccountDetails{{AccountId: other, Email: new("a@example.com")}, {AccountId: account}, {AccountId: "x"}}}))
	if len(made.UnprocessedAccounts) != 2 {
		t.Errorf("%+v", made)
	}
	ok[*api.InviteMembersResponse](t)(f.InviteMembers(f.ctx, &api.InviteMembersRequest{AccountIds: []string{other}}))
	if n := ok[*api.GetInvitationsCountResponse](t)(f.GetInvitationsCount(theirs, &api.GetInvitationsCountRequest{})); *n.InvitationsCount != 1 {
		t.Errorf("%d invitations", *n.InvitationsCount)
	}
	v := ok[*api.ListInvitationsResponse](t)(f.ListInvitations(theirs, &api.ListInvitationsRequest{})).Invitations[0]
	_, err := f.AcceptAdministratorInvitation(theirs, &api.AcceptAdministratorInvitationRequest{AdministratorId: account, InvitationId: "wrong"})
	refused(t, err, "ResourceNotFoundException", "no invitation")
	if out := ok[*api.ListMembersResponse](t)(f.ListMembers(f.ctx, &api.ListMembersRequest{})); len(out.Members) != 0 {
		t.Errorf("before it accepted: %+v", out)
	}
	ok[*api.AcceptAdministratorInvitationResponse](t)(f.AcceptAdministratorInvitation(theirs, &api.AcceptAdministratorInvitationRequest{AdministratorId: account, InvitationId: *v.InvitationId}))
	if out := ok[*api.ListMembersResponse](t)(f.ListMembers(f.ctx, &api.ListMembersRequest{})); len(out.Members) != 1 || *out.Members[0].MemberStatus != "Enabled" || *out.Members[0].Email != "a@example.com" {
		t.Errorf("%+v", out)
	}
	if out := ok[*api.GetAdministratorAccountResponse](t)(f.GetAdministratorAccount(theirs, &api.GetAdministratorAccountRequest{})); *out.Administrator.AccountId != account {
		t.Errorf("%+v", out)
	}
	ok[*api.CreateAutomationRuleResponse](t)(f.CreateAutomationRule(f.ctx, fromJSON[api.CreateAutomationRuleRequest](t,
		`{"RuleName":"r","Description":"d","RuleOrder":1,"Criteria":{"AwsAccountId":[{"Value":"222222222222","Comparison":"EQUALS"}]},"Actions":[{"Type":"FINDING_FIELDS_UPDATE","FindingFieldsUpdate":{"Criticality":77}}]}`)))
	_, err = f.ListAutomationRules(theirs, &api.ListAutomationRulesRequest{})
	refused(t, err, "AccessDeniedException", "member account")
	mine := sample("m", func(v *api.AwsSecurityFinding) {
		v.AwsAccountId, v.ProductArn = other, "arn:aws:securityhub:eu-west-1:222222222222:product/222222222222/default"
	})
	ok[*api.BatchImportFindingsResponse](t)(f.BatchImportFindings(theirs, &api.BatchImportFindingsRequest{Findings: []api.AwsSecurityFinding{mine}}))
	if got := f.one("m"); *got.Criticality != 77 {
		t.Errorf("%+v", got)
	}
	if told := f.told("Security Hub Findings - Imported"); len(told) != 2 || told[0].Account == told[1].Account {
		t.Errorf("%+v", told)
	}
	up := ok[*api.BatchUpdateFindingsResponse](t)(f.BatchUpdateFindings(f.ctx, &api.BatchUpdateFindingsRequest{FindingIdentifiers: []api.AwsSecurityFindingIdentifier{{Id: "m", ProductArn: mine.ProductArn}}, Workflow: &api.WorkflowUpdate{Status: "NOTIFIED"}}))
	if len(up.ProcessedFindings) != 1 {
		t.Errorf("%+v", up)
	}
	_, err = f.DisableSecurityHub(f.ctx, &api.DisableSecurityHubRequest{})
	refused(t, err, "InvalidAccessException", "administrator account")
	bad := ok[*api.DeleteMembersResponse](t)(f.DeleteMembers(f.ctx, &api.DeleteMembersRequest{AccountIds: []string{other}}))
	if len(bad.UnprocessedAccounts) != 1 {
		t.Errorf("%+v", bad)
	}
	ok[*api.DisassociateFromAdministratorAccountResponse](t)(f.DisassociateFromAdministratorAccount(theirs, &api.DisassociateFromAdministratorAccountRequest{}))
	if out := f.find(&api.GetFindingsRequest{}); len(out.Findings) != 0 {
		t.Errorf("after it left: %s", ids(out.Findings))
	}
	if out := ok[*api.GetMembersResponse](t)(f.GetMembers(f.ctx, &api.GetMembersRequest{AccountIds: []string{other, "333333333333"}})); *out.Members[0].MemberStatus != "Resigned" || len(out.UnprocessedAccounts) != 1 {
		t.Errorf("%+v", out)
	}
	ok[*api.InviteMembersResponse](t)(f.InviteMembers(f.ctx, &api.InviteMembersRequest{AccountIds: []string{other}}))
	ok[*api.DeclineInvitationsResponse](t)(f.DeclineInvitations(theirs, &api.DeclineInvitationsRequest{AccountIds: []string{account}}))
	ok[*api.DeleteMembersResponse](t)(f.DeleteMembers(f.ctx, &api.DeleteMembersRequest{AccountIds: []string{other}}))
	_, err = f.DisassociateMembers(f.ctx, &api.DisassociateMembersRequest{AccountIds: []string{other}})
	refused(t, err, "ResourceNotFoundException", "not a member")
}

// fakeOrganizations takes what Organizations is told.
type fakeOrganizations struct {
	organizationsapi.Unimplemented
	delegated []string
}

func (f *fakeOrganizations) EnableAWSServiceAccess(context.Context, *organizationsapi.EnableAWSServiceAccessRequest) (*organizationsapi.EnableAWSServiceAccessOutput, error) {
	return &organizationsapi.EnableAWSServiceAccessOutput{}, nil
}

func (f *fakeOrganizations) RegisterDelegatedAdministrator(_ context.Context, in *organizationsapi.RegisterDelegatedAdministratorRequest) (*organizationsapi.RegisterDelegatedAdministratorOutput, error) {
	f.delegated = append(f.delegated, in.AccountId)
	return &organizationsapi.RegisterDelegatedAdministratorOutput{}, nil
}

func (f *fakeOrganizations) DeregisterDelegatedAdministrator(context.Context, *organizationsapi.DeregisterDelegatedAdministratorRequest) (*organizationsapi.DeregisterDelegatedAdministratorOutput, error) {
	f.delegated = nil
	return &organizationsapi.DeregisterDelegatedAdministratorOutput{}, nil
}

// TestOrganization: the management account delegates, the delegate has accounts
// join by themselves, and they may not leave.
func TestOrganization(t *testing.T) {
	f := newFixture(t)
	orgs := new(fakeOrganizations)
	f.Organizations = orgs
	f.Organization = func(_ context.Context, a string) (*Organization, error) {
		if a == "999999999999" {
			return nil, nil
		}
		return &Organization{Management: "000000000001", Accounts: []string{"000000000001", account, other}}, nil
	}
	management := f.as("000000000001")
	_, err := f.EnableOrganizationAdminAccount(f.ctx, &api.EnableOrganizationAdminAccountRequest{AdminAccountId: account})
	refused(t, err, "InvalidAccessException", "not the management account")
	_, err = f.EnableOrganizationAdminAccount(management, &api.EnableOrganizationAdminAccountRequest{AdminAccountId: "999999999999"})
	refused(t, err, "InvalidInputException", "not an account of the organization")
	ok[*api.EnableOrganizationAdminAccountResponse](t)(f.EnableOrganizationAdminAccount(management, &api.EnableOrganizationAdminAccountRequest{AdminAccountId: account}))
	if len(orgs.delegated) != 1 || orgs.delegated[0] != account {
		t.Errorf("%v", orgs.delegated)
	}
	if out := ok[*api.ListOrganizationAdminAccountsResponse](t)(f.ListOrganizationAdminAccounts(management, &api.ListOrganizationAdminAccountsRequest{})); *out.AdminAccounts[0].AccountId != account {
		t.Errorf("%+v", out)
	}
	ok[*api.UpdateOrganizationConfigurationResponse](t)(f.UpdateOrganizationConfiguration(f.ctx, &api.UpdateOrganizationConfigurationRequest{AutoEnable: true, AutoEnableStandards: "NONE"}))
	if err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out := ok[*api.ListMembersResponse](t)(f.ListMembers(f.ctx, &api.ListMembersRequest{})); len(out.Members) != 2 {
		t.Errorf("%+v", out)
	}
	if out := ok[*api.DescribeOrganizationConfigurationResponse](t)(f.DescribeOrganizationConfiguration(f.ctx, &api.DescribeOrganizationConfigurationRequest{})); !*out.AutoEnable || out.AutoEnableStandards != "NONE" {
		t.Errorf("%+v", out)
	}
	_, err = f.DescribeOrganizationConfiguration(f.as(other), &api.DescribeOrganizationConfigurationRequest{})
	refused(t, err, "InvalidAccessException", "not the delegated administrator")
	_, err = f.DisassociateFromAdministratorAccount(f.as(other), &api.DisassociateFromAdministratorAccountRequest{})
	refused(t, err, "InvalidInputException", "organization")
	_, err = f.DisableSecurityHub(f.as(other), &api.DisableSecurityHubRequest{})
	refused(t, err, "InvalidAccessException", "member account")
	ok[*api.DisableOrganizationAdminAccountResponse](t)(f.DisableOrganizationAdminAccount(management, &api.DisableOrganizationAdminAccountRequest{AdminAccountId: account}))
	if out := ok[*api.ListMembersResponse](t)(f.ListMembers(f.ctx, &api.ListMembersRequest{})); len(out.Members) != 0 || len(orgs.delegated) != 0 {
		t.Errorf("%+v %v", out, orgs.delegated)
	}
	if v := ok[*api.GetMasterAccountResponse](t)(f.GetMasterAccount(f.as(other), &api.GetMasterAccountRequest{})); v.Master != nil {
		t.Errorf("%+v", v)
	}
}
