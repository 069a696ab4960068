package guardduty

import (
	"strings"
	"testing"

	guarddutyapi "bartizan.dev/api/guardduty"
)

// TestOrganization: accounts become members as the administrator has set, and are
// released when they leave.
func TestOrganization(t *testing.T) {
	const boss, admin, old, young, late = "000000000001", "000000000002", "000000000003", "000000000004", "000000000005"
	r := newRig(t)
	r.setOrg(boss, admin, old)
	root, chief := r.in(boss, region), r.in(admin, region)
	enable := func(as, account string) error {
		_, err := r.EnableOrganizationAdminAccount(r.in(as, region), &guarddutyapi.EnableOrganizationAdminAccountRequest{AdminAccountId: account})
		return err
	}
	wantError(t, enable(old, admin), "not the management account")
	wantError(t, enable(boss, "999999999999"), "not a member of the organization")
	if err := enable(boss, admin); err != nil {
		t.Fatal(err)
	}
	wantError(t, enable(boss, old), "another account is already enabled")
	list, err := r.ListOrganizationAdminAccounts(root, &guarddutyapi.ListOrganizationAdminAccountsRequest{})
	if err != nil || len(list.AdminAccounts) != 1 || *list.AdminAccounts[0].AdminAccountId != admin {
		t.Errorf("%+v %v", list, err)
	}
	detectors, err := r.ListDetectors(chief, &guarddutyapi.ListDetectorsRequest{})
	if err != nil || len(detectors.DetectorIds) != 1 {
		t.Fatalf("%+v %v", detectors, err)
	}
	id := detectors.DetectorIds[0]
	members := func() string {
		t.Helper()
		m, err := r.ListMembers(chief, &guarddutyapi.ListMembersRequest{DetectorId: id, OnlyAssociated: new("false")})
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, v := range m.Members {
			out = append(out, v.AccountId+" "+v.RelationshipStatus)
		}
		return strings.Join(out, ", ")
	}
	set := func(to string, features ...guarddutyapi.OrganizationFeatureConfiguration) {
		t.Helper()
		if _, err := r.UpdateOrganizationConfiguration(chief, &guarddutyapi.UpdateOrganizationConfigurationRequest{DetectorId: id, AutoEnableOrganizationMembers: guarddutyapi.AutoEnableMembers(to), Features: features}); err != nil {
			t.Fatal(err)
		}
		r.pass(rolled)
	}
	set("NEW", guarddutyapi.OrganizationFeatureConfiguration{Name: "RUNTIME_MONITORING", AutoEnable: "NEW"})
	if got := members(); got != "" {
		t.Error(got)
	}
	r.setOrg(boss, admin, old, young)
	r.pass(rolled)
	if got := members(); got != young+" Enabled" {
		t.Error(got)
	}
	on := func(account, name string) bool {
		t.Helper()
		d, err := r.detectors.Get(t.Context(), r.store, place{account, region}.id())
		if err != nil {
			t.Fatal(err)
		}
		return d.Features[name].On
	}
	if !on(young, "RUNTIME_MONITORING") {
		t.Error("a feature for new accounts is off in one")
	}
	set("ALL", guarddutyapi.OrganizationFeatureConfiguration{Name: "EKS_AUDIT_LOGS", AutoEnable: "ALL"})
	if got := members(); got != boss+" Enabled, "+old+" Enabled, "+young+" Enabled" {
		t.Error(got)
	}
	if on(old, "RUNTIME_MONITORING") != true { // it is newly a member
		t.Error("a feature for new members is off in one")
	}
	c, err := r.DescribeOrganizationConfiguration(chief, &guarddutyapi.DescribeOrganizationConfigurationRequest{DetectorId: id})
	if err != nil || c.AutoEnableOrganizationMembers != "ALL" || !*c.AutoEnable || len(c.Features) != 8 || !c.DataSources.Kubernetes.AuditLogs.AutoEnable || c.DataSources.S3Logs.AutoEnable {
		t.Errorf("%+v %v", c, err)
	}
	mine, err := r.ListDetectors(r.in(young, region), &guarddutyapi.ListDetectorsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.DisassociateFromAdministratorAccount(r.in(young, region), &guarddutyapi.DisassociateFromAdministratorAccountRequest{DetectorId: mine.DetectorIds[0]})
	wantError(t, err, "by its organization")
	r.stop(young, region, "a")
	r.pass(every)
	if f := r.found(chief, id)[stopped]; f.AccountId != young {
		t.Errorf("%+v", f)
	}
	set("NONE")
	r.setOrg(boss, admin, old, late)
	r.pass(rolled)
	if got := members(); got != boss+" Enabled, "+old+" Enabled, "+young+" Removed" {
		t.Error(got)
	}
	out, err := r.CreateMembers(chief, &guarddutyapi.CreateMembersRequest{DetectorId: id, AccountDetails: []guarddutyapi.AccountDetail{{AccountId: late, Email: "l@example.com"}}})
	if err != nil || len(out.UnprocessedAccounts) != 0 || !strings.Contains(members(), late+" Enabled") {
		t.Errorf("%+v %v %s", out, err, members())
	}
	if _, err := r.DisableOrganizationAdminAccount(root, &guarddutyapi.DisableOrganizationAdminAccountRequest{AdminAccountId: admin}); err != nil {
		t.Error(err)
	}
	if got := members(); strings.Contains(got, "Enabled") {
		t.Error(got)
	}
	if got := strings.Join(r.called, " "); got != "+"+admin+" -"+admin {
		t.Error(got)
	}
	_, err = r.DescribeOrganizationConfiguration(chief, &guarddutyapi.DescribeOrganizationConfigurationRequest{DetectorId: id})
	wantError(t, err, "not the GuardDuty delegated administrator")
}
