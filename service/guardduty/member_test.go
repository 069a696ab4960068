package guardduty

import (
	"strings"
	"testing"
	"time"

	guarddutyapi "bartizan.dev/api/guardduty"
	"bartizan.dev/logs/logstest"
)

// TestAdministrator: the findings of a member are seen by its administrator, whose
// filters and lists hold for it and which is told of them.
func TestAdministrator(t *testing.T) {
	const chief = "999988887777"
	r := newRig(t)
	admin, mine := r.in(chief, region), r.in(logstest.Account, region)
	boss, id := r.create(admin), r.create(mine)
	must := func(left []guarddutyapi.UnprocessedAccount, err error) {
		t.Helper()
		if err != nil || len(left) != 0 {
			t.Fatal(left, err)
		}
	}
	accounts := []string{logstest.Account}
	made, err := r.CreateMembers(admin, &guarddutyapi.CreateMembersRequest{DetectorId: boss, AccountDetails: []guarddutyapi.AccountDetail{{AccountId: logstest.Account, Email: "m@example.com"}}})
	must(made.UnprocessedAccounts, err)
	sent, err := r.InviteMembers(admin, &guarddutyapi.InviteMembersRequest{DetectorId: boss, AccountIds: accounts})
	must(sent.UnprocessedAccounts, err)
	list, err := r.ListInvitations(mine, &guarddutyapi.ListInvitationsRequest{})
	if err != nil || len(list.Invitations) != 1 || *list.Invitations[0].AccountId != chief || *list.Invitations[0].RelationshipStatus != invited {
		t.Fatalf("%+v %v", list, err)
	}
	accept := func(invitation string) error {
		_, err := r.AcceptAdministratorInvitation(mine, &guarddutyapi.AcceptAdministratorInvitationRequest{DetectorId: id, AdministratorId: chief, InvitationId: invitation})
		return err
	}
	wantError(t, accept("x"), "no such resource")
	if err := accept(*list.Invitations[0].InvitationId); err != nil {
		t.Fatal(err)
	}
	wantError(t, accept(*list.Invitations[0].InvitationId), "already a member")
	r.stop(logstest.Account, region, "a")
	r.pass(every)
	if f := r.found(admin, boss)[stopped]; f.AccountId != logstest.Account || *f.Service.DetectorId != id {
		t.Errorf("%+v", f)
	}
	told := ""
	for _, e := range r.sent() {
		told += e.Account + " "
	}
	if !strings.Contains(told, chief) || !strings.Contains(told, logstest.Account) || len(r.sent()) != 2 {
		t.Error(told)
	}
	f := r.found(mine, id)[stopped]
	_, err = r.ArchiveFindings(mine, &guarddutyapi.ArchiveFindingsRequest{DetectorId: id, FindingIds: []string{f.Id}})
	wantError(t, err, "member accounts cannot manage")
	_, err = r.CreateFilter(mine, &guarddutyapi.CreateFilterRequest{DetectorId: id, Name: "mine", FindingCriteria: &guarddutyapi.FindingCriteria{Criterion: map[string]guarddutyapi.Condition{"type": {Eq: []string{"x"}}}}})
	wantError(t, err, "member accounts cannot manage")
	if _, err := r.ArchiveFindings(admin, &guarddutyapi.ArchiveFindingsRequest{DetectorId: boss, FindingIds: []string{f.Id}}); err != nil {
		t.Error(err)
	}
	if !*r.found(mine, id)[stopped].Service.Archived {
		t.Error("the administrator cannot archive")
	}

	r.put("lists/bad", "198.51.100.0/24\n")
	if _, err := r.CreateThreatIntelSet(admin, &guarddutyapi.CreateThreatIntelSetRequest{DetectorId: boss, Name: "bad", Format: "TXT", Location: "s3://lists/bad", Activate: true}); err != nil {
		t.Fatal(err)
	}
	r.pass(time.Second)
	r.from("198.51.100.7")
	r.pass(every)
	if _, ok := r.found(mine, id)[listed]; !ok {
		t.Error("the administrator's list does not hold for its member")
	}

	_, err = r.DeleteDetector(mine, &guarddutyapi.DeleteDetectorRequest{DetectorId: id})
	wantError(t, err, "is a member")
	_, err = r.DeleteDetector(admin, &guarddutyapi.DeleteDetectorRequest{DetectorId: boss})
	wantError(t, err, "has associated member accounts")
	stop, err := r.StopMonitoringMembers(admin, &guarddutyapi.StopMonitoringMembersRequest{DetectorId: boss, AccountIds: append(accounts, "123456789012")})
	if err != nil || len(stop.UnprocessedAccounts) != 1 {
		t.Errorf("%+v %v", stop, err)
	}
	if d, err := r.GetDetector(mine, &guarddutyapi.GetDetectorRequest{DetectorId: id}); err != nil || d.Status != "DISABLED" {
		t.Errorf("%+v %v", d, err)
	}
	start, err := r.StartMonitoringMembers(admin, &guarddutyapi.StartMonitoringMembersRequest{DetectorId: boss, AccountIds: accounts})
	must(start.UnprocessedAccounts, err)
	changed, err := r.UpdateMemberDetectors(admin, &guarddutyapi.UpdateMemberDetectorsRequest{DetectorId: boss, AccountIds: accounts, Features: []guarddutyapi.MemberFeaturesConfiguration{{Name: "S3_DATA_EVENTS", Status: "DISABLED"}}})
	must(changed.UnprocessedAccounts, err)
	got, err := r.GetMemberDetectors(admin, &guarddutyapi.GetMemberDetectorsRequest{DetectorId: boss, AccountIds: accounts})
	if err != nil || len(got.MemberDataSourceConfigurations) != 1 || got.MemberDataSourceConfigurations[0].DataSources.S3Logs.Status != "DISABLED" {
		t.Errorf("%+v %v", got, err)
	}
	gone, err := r.DeleteMembers(admin, &guarddutyapi.DeleteMembersRequest{DetectorId: boss, AccountIds: accounts})
	if err != nil || len(gone.UnprocessedAccounts) != 1 {
		t.Errorf("%+v %v", gone, err)
	}
	if _, err := r.DisassociateFromMasterAccount(mine, &guarddutyapi.DisassociateFromMasterAccountRequest{DetectorId: id}); err != nil {
		t.Error(err)
	}
	if m, err := r.GetMembers(admin, &guarddutyapi.GetMembersRequest{DetectorId: boss, AccountIds: accounts}); err != nil || m.Members[0].RelationshipStatus != resigned {
		t.Errorf("%+v %v", m, err)
	}
	if f := r.found(admin, boss); len(f) != 0 {
		t.Errorf("findings of an account that has left: %v", f)
	}
	if m, err := r.ListMembers(admin, &guarddutyapi.ListMembersRequest{DetectorId: boss}); err != nil || len(m.Members) != 0 {
		t.Errorf("%+v %v", m, err)
	}
	gone, err = r.DeleteMembers(admin, &guarddutyapi.DeleteMembersRequest{DetectorId: boss, AccountIds: accounts})
	must(gone.UnprocessedAccounts, err)
	if _, err = r.DeleteDetector(mine, &guarddutyapi.DeleteDetectorRequest{DetectorId: id}); err != nil {
		t.Error(err)
	}
}

// TestInvitationsThatAreRefused.
func TestInvitationsThatAreRefused(t *testing.T) {
	const chief = "999988887777"
	r := newRig(t)
	admin, mine := r.in(chief, region), r.in(logstest.Account, region)
	boss := r.create(admin)
	invite := func() {
		t.Helper()
		if _, err := r.CreateMembers(admin, &guarddutyapi.CreateMembersRequest{DetectorId: boss, AccountDetails: []guarddutyapi.AccountDetail{{AccountId: logstest.Account, Email: "m@example.com"}}}); err != nil {
			t.Fatal(err)
		}
		if out, err := r.InviteMembers(admin, &guarddutyapi.InviteMembersRequest{DetectorId: boss, AccountIds: []string{logstest.Account}}); err != nil || len(out.UnprocessedAccounts) != 0 {
			t.Fatal(out, err)
		}
	}
	count := func() int32 {
		t.Helper()
		n, err := r.GetInvitationsCount(mine, &guarddutyapi.GetInvitationsCountRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return *n.InvitationsCount
	}
	invite()
	if n := count(); n != 1 {
		t.Errorf("%d invitations", n)
	}
	if out, err := r.DeclineInvitations(mine, &guarddutyapi.DeclineInvitationsRequest{AccountIds: []string{chief, "123456789012"}}); err != nil || len(out.UnprocessedAccounts) != 1 {
		t.Errorf("%+v %v", out, err)
	}
	if n := count(); n != 0 {
		t.Errorf("%d invitations", n)
	}
	invite()
	if out, err := r.DeleteInvitations(mine, &guarddutyapi.DeleteInvitationsRequest{AccountIds: []string{chief}}); err != nil || len(out.UnprocessedAccounts) != 0 || count() != 0 {
		t.Errorf("%+v %v", out, err)
	}
	out, err := r.CreateMembers(admin, &guarddutyapi.CreateMembersRequest{DetectorId: boss, AccountDetails: []guarddutyapi.AccountDetail{{AccountId: chief, Email: "c@example.com"}}})
	if err != nil || len(out.UnprocessedAccounts) != 1 {
		t.Errorf("%+v %v", out, err)
	}
}
