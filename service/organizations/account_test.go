package organizations

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/organizations"
	"bartizan.dev/store"
)

func rangeOf(prefix string) store.Range { return store.Range{Prefix: prefix} }

func TestCreateAccount(t *testing.T) {
	f := withOrg(t)
	status := must(f.CreateAccount(f.boss, &api.CreateAccountRequest{
		Email: "dev@example.com", AccountName: "Dev", RoleName: new("Admin"), Tags: []api.Tag{{Key: "team", Value: "red"}},
	}))(t).CreateAccountStatus
	if status.State != api.CreateAccountState_IN_PROGRESS || status.AccountId != nil || !strings.HasPrefix(*status.Id, "car-") {
		t.Errorf("%+v", status)
	}
	f.settle()
	done := must(f.DescribeCreateAccountStatus(f.boss, &api.DescribeCreateAccountStatusRequest{CreateAccountRequestId: *status.Id}))(t).CreateAccountStatus
	if done.State != api.CreateAccountState_SUCCEEDED || f.opened[*done.AccountId] != "Admin "+boss {
		t.Fatalf("%+v, opened %v", done, f.opened)
	}
	a := must(f.DescribeAccount(f.boss, &api.DescribeAccountRequest{AccountId: *done.AccountId}))(t).Account
	if *a.Email != "dev@example.com" || *a.Name != "Dev" || a.JoinedMethod != "CREATED" || a.State != "ACTIVE" {
		t.Errorf("%+v", a)
	}
	tags := must(f.ListTagsForResource(f.boss, &api.ListTagsForResourceRequest{ResourceId: *a.Id}))(t).Tags
	if len(tags) != 1 || tags[0] != (api.Tag{Key: "team", Value: "red"}) {
		t.Errorf("%v", tags)
	}
	f.failing("dev@EXAMPLE.com", api.CreateAccountFailureReason_EMAIL_ALREADY_EXISTS)
	f.failing("a..b@example", api.CreateAccountFailureReason_INVALID_EMAIL)
	f.failing(boss+"@account.invalid", api.CreateAccountFailureReason_INVALID_EMAIL)
	fails(f.CreateAccount(f.boss, &api.CreateAccountRequest{Email: "x@example.com", AccountName: "x", RoleName: new("AWSServiceRoleForX")}))(t, "InvalidInputException", "INVALID_ROLE_NAME")
	fails(f.CreateAccount(f.boss, &api.CreateAccountRequest{Email: "x@example.com", AccountName: "x", Tags: []api.Tag{{Key: "aws:x"}}}))(t, "InvalidInputException", "INVALID_SYSTEM_TAGS_PARAMETER")
	fails(f.CreateGovCloudAccount(f.boss, &api.CreateGovCloudAccountRequest{Email: "x@example.com", AccountName: "x"}))(t, "ConstraintViolationException", "MASTER_ACCOUNT_NOT_GOVCLOUD_ENABLED")
	if n := len(must(f.ListCreateAccountStatus(f.boss, &api.ListCreateAccountStatusRequest{States: []api.CreateAccountState{"FAILED"}}))(t).CreateAccountStatuses); n != 3 {
		t.Errorf("%d requests have failed", n)
	}
	f.settle()
	var names []string
	for _, e := range f.events {
		if e.Account != boss || !json.Valid(e.JSON) {
			t.Errorf("event %s of %s: %s", e.Name, e.Account, e.JSON)
		}
		names = append(names, e.Name)
	}
	slices.Sort(names)
	if got := strings.Join(names, " "); got != "AccountJoinedOrganization CreateAccountResult CreateAccountResult CreateAccountResult CreateAccountResult" {
		t.Errorf("events: %s", got)
	}
}

func (f *fixture) failing(email string, reason api.CreateAccountFailureReason) {
	f.t.Helper()
	id := must(f.CreateAccount(f.boss, &api.CreateAccountRequest{Email: email, AccountName: "x"}))(f.t).CreateAccountStatus.Id
	f.settle()
	s := must(f.DescribeCreateAccountStatus(f.boss, &api.DescribeCreateAccountStatusRequest{CreateAccountRequestId: *id}))(f.t).CreateAccountStatus
	if s.State != api.CreateAccountState_FAILED || s.FailureReason != reason || s.AccountId != nil {
		f.t.Errorf("%s: %+v, want %s", email, s, reason)
	}
}

// TestCreateAccountBroken: what cannot be made fails in the end.
func TestCreateAccountBroken(t *testing.T) {
	f := withOrg(t)
	f.OpenAccount = func(context.Context, string, string, string) error { return errors.New("deliberate") }
	id := must(f.CreateAccount(f.boss, &api.CreateAccountRequest{Email: "a@example.com", AccountName: "a"}))(t).CreateAccountStatus.Id
	f.settle()
	state := func() *api.CreateAccountStatus {
		return must(f.DescribeCreateAccountStatus(f.boss, &api.DescribeCreateAccountStatusRequest{CreateAccountRequestId: *id}))(t).CreateAccountStatus
	}
	if s := state(); s.State != api.CreateAccountState_IN_PROGRESS {
		t.Errorf("%+v", s)
	}
	for range maxAttempts {
		f.advance(time.Hour)
	}
	if s := state(); s.State != api.CreateAccountState_FAILED || s.FailureReason != api.CreateAccountFailureReason_INTERNAL_FAILURE {
		t.Errorf("%+v", s)
	}
}

func TestAccountQuotas(t *testing.T) {
	f := newFixture(t, Quotas{Accounts: 3})
	must(f.CreateOrganization(f.boss, &api.CreateOrganizationRequest{}))(t)
	f.failing("bad@x", api.CreateAccountFailureReason_INVALID_EMAIL) // gives its place back
	f.account("a")
	must(f.InviteAccountToOrganization(f.boss, &api.InviteAccountToOrganizationRequest{Target: &api.HandshakeParty{Id: stranger, Type: "ACCOUNT"}}))(t)
	fails(f.CreateAccount(f.boss, &api.CreateAccountRequest{Email: "b@example.com", AccountName: "b"}))(t, "ConstraintViolationException", "ACCOUNT_NUMBER_LIMIT_EXCEEDED")
	fails(f.InviteAccountToOrganization(f.boss, &api.InviteAccountToOrganizationRequest{Target: &api.HandshakeParty{Id: other, Type: "ACCOUNT"}}))(t, "HandshakeConstraintViolationException", "ACCOUNT_NUMBER_LIMIT_EXCEEDED")
	f.advance(inviteLife) // which gives the place of the invitation back
	f.account("b")
}

func TestMoveAccount(t *testing.T) {
	f := withOrg(t)
	a, u := f.account("a"), f.unit(f.root, "u")
	move := func(from, to string) (*api.MoveAccountOutput, error) {
		return f.MoveAccount(f.boss, &api.MoveAccountRequest{AccountId: a, SourceParentId: from, DestinationParentId: to})
	}
	fails(move("ou-none-12345678", u))(t, "SourceParentNotFoundException", "")
	fails(move(f.root, "ou-none-12345678"))(t, "DestinationParentNotFoundException", "")
	fails(move(f.root, f.root))(t, "DuplicateAccountException", "")
	must(move(f.root, u))(t)
	fails(move(f.root, f.unit(f.root, "v")))(t, "SourceParentNotFoundException", "")
	p := must(f.ListParents(f.boss, &api.ListParentsRequest{ChildId: a}))(t).Parents
	if len(p) != 1 || *p[0].Id != u || p[0].Type != "ORGANIZATIONAL_UNIT" {
		t.Errorf("%+v", p)
	}
	if l := must(f.ListAccountsForParent(f.boss, &api.ListAccountsForParentRequest{ParentId: u}))(t).Accounts; len(l) != 1 || *l[0].Id != a {
		t.Errorf("%+v", l)
	}
	fails(f.ListParents(f.boss, &api.ListParentsRequest{ChildId: stranger}))(t, "ChildNotFoundException", "")
}

func TestCloseAccount(t *testing.T) {
	f := withOrg(t)
	a := f.account("a")
	closing := func(id string) (*api.CloseAccountOutput, error) {
		return f.CloseAccount(f.boss, &api.CloseAccountRequest{AccountId: id})
	}
	fails(closing(boss))(t, "ConstraintViolationException", "CANNOT_CLOSE_MANAGEMENT_ACCOUNT")
	fails(closing(stranger))(t, "AccountNotFoundException", "")
	must(closing(a))(t)
	if b := must(f.Bounds(t.Context(), a))(t); b == nil || !b.Suspended {
		t.Errorf("bounds of an account that is closed: %+v", b)
	}
	f.settle()
	got := must(f.DescribeAccount(f.boss, &api.DescribeAccountRequest{AccountId: a}))(t).Account
	if got.State != "CLOSED" || got.Status != "SUSPENDED" {
		t.Errorf("%s %s", got.State, got.Status)
	}
	fails(closing(a))(t, "AccountAlreadyClosedException", "")
	f.advance(closedLife)
	fails(f.DescribeAccount(f.boss, &api.DescribeAccountRequest{AccountId: a}))(t, "AccountNotFoundException", "")
	if b := must(f.Bounds(t.Context(), a))(t); b == nil || !b.Suspended || b.Organization != "" {
		t.Errorf("bounds of an account that is gone: %+v", b)
	}
	fails(f.CreateOrganization(f.as(a), &api.CreateOrganizationRequest{}))(t, "ConstraintViolationException", "ACCOUNT_CREATION_NOT_COMPLETE")
	must(f.DeleteOrganization(f.boss, nil))(t)
}

func TestMayClose(t *testing.T) {
	f := withOrg(t)
	now := time.Now()
	c := &counts{Members: 5000}
	for i := range maxClosings {
		if err := f.mayClose(c, now); err != nil {
			t.Fatalf("closing %d: %v", i, err)
		}
		c.Closing--
	}
	fails(0, f.mayClose(c, now))(t, "ConstraintViolationException", "CLOSE_ACCOUNT_QUOTA_EXCEEDED")
	c.Closing = 0
	if err := f.mayClose(c, now.Add(closingSpan)); err != nil || len(c.Closed) != 1 {
		t.Errorf("after 30 days: %v, %d", err, len(c.Closed))
	}
	c.Closing = f.Quotas.Closing
	fails(0, f.mayClose(c, now))(t, "ConstraintViolationException", "CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED")
}

func TestLeave(t *testing.T) {
	f := withOrg(t)
	a := f.account("a")
	fails(f.LeaveOrganization(f.as(a), nil))(t, "ConstraintViolationException", "WAIT_PERIOD_ACTIVE")
	fails(f.LeaveOrganization(f.boss, nil))(t, "MasterCannotLeaveOrganizationException", "")
	f.advance(createdWait)
	must(f.EnableAWSServiceAccess(f.boss, &api.EnableAWSServiceAccessRequest{ServicePrincipal: "guardduty.amazonaws.com"}))(t)
	must(f.RegisterDelegatedAdministrator(f.boss, &api.RegisterDelegatedAdministratorRequest{AccountId: a, ServicePrincipal: "guardduty.amazonaws.com"}))(t)
	fails(f.LeaveOrganization(f.as(a), nil))(t, "ConstraintViolationException", "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG")
	must(f.DeregisterDelegatedAdministrator(f.boss, &api.DeregisterDelegatedAdministratorRequest{AccountId: a, ServicePrincipal: "guardduty.amazonaws.com"}))(t)
	must(f.LeaveOrganization(f.as(a), nil))(t)
	fails(f.DescribeOrganization(f.as(a), nil))(t, "AWSOrganizationsNotInUseException", "")
	if b := must(f.Bounds(t.Context(), a))(t); b != nil {
		t.Errorf("bounds of an account that has left: %+v", b)
	}
}

func TestEmails(t *testing.T) {
	for email, want := range map[string]bool{
		"a@example.com": true, "a.b+c@ex-ample.co.uk": true, ".a@example.com": false, "a b@example.com": false, "a@b@example.com": false,
		"a@-example.com": false, "a@example.com.": false, "é@example.com": false, "a@example": false, "a;b@example.com": false, "": false,
		"000000000000@account.invalid": false,
	} {
		if got := emailWorks(email); got != want {
			t.Errorf("%q: %v", email, got)
		}
	}
}
