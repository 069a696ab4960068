package organizations

import (
	"testing"
	"time"

	api "bartizan.dev/api/organizations"
)

func (f *fixture) invite(id string) *api.Handshake {
	f.t.Helper()
	return must(f.InviteAccountToOrganization(f.boss, &api.InviteAccountToOrganizationRequest{
		Target: &api.HandshakeParty{Id: id, Type: "ACCOUNT"}, Notes: new("come"), Tags: []api.Tag{{Key: "k", Value: "v"}},
	}))(f.t).Handshake
}

func TestInvitation(t *testing.T) {
	f := withOrg(t)
	h := f.invite(stranger)
	if h.State != "OPEN" || h.ExpirationTimestamp.Sub(h.RequestedTimestamp) != 15*24*time.Hour || len(h.Parties) != 2 || len(h.Resources) != 3 ||
		*h.Arn != "arn:aws:organizations::"+boss+":handshake/"+*f.org.Id+"/invite/"+*h.Id {
		t.Errorf("%+v", h)
	}
	to := func(p api.HandshakeParty) (*api.InviteAccountToOrganizationResponse, error) {
		return f.InviteAccountToOrganization(f.boss, &api.InviteAccountToOrganizationRequest{Target: &p})
	}
	fails(to(api.HandshakeParty{Id: stranger, Type: "ACCOUNT"}))(t, "DuplicateHandshakeException", "")
	fails(to(api.HandshakeParty{Id: boss, Type: "ACCOUNT"}))(t, "HandshakeConstraintViolationException", "ALREADY_IN_AN_ORGANIZATION")
	fails(to(api.HandshakeParty{Id: "999999999999", Type: "ACCOUNT"}))(t, "AccountNotFoundException", "")
	fails(to(api.HandshakeParty{Id: "o-1234567890", Type: "ORGANIZATION"}))(t, "InvalidInputException", "INVALID_PARTY_TYPE_TARGET")
	fails(to(api.HandshakeParty{Id: "nobody", Type: "EMAIL"}))(t, "InvalidInputException", "INVALID_EMAIL_ADDRESS_TARGET")
	// A third party sees nothing.
	fails(f.DescribeHandshake(f.as(other), &api.DescribeHandshakeRequest{HandshakeId: *h.Id}))(t, "HandshakeNotFoundException", "")
	fails(f.AcceptHandshake(f.as(other), &api.AcceptHandshakeRequest{HandshakeId: *h.Id}))(t, "HandshakeNotFoundException", "")
	// Each side has its own words.
	fails(f.CancelHandshake(f.stranger, &api.CancelHandshakeRequest{HandshakeId: *h.Id}))(t, "AccessDeniedException", "")
	fails(f.DeclineHandshake(f.boss, &api.DeclineHandshakeRequest{HandshakeId: *h.Id}))(t, "AccessDeniedException", "")
	fails(f.AcceptHandshake(f.boss, &api.AcceptHandshakeRequest{HandshakeId: *h.Id}))(t, "AccessDeniedException", "")
	if l := must(f.ListHandshakesForAccount(f.stranger, &api.ListHandshakesForAccountRequest{}))(t).Handshakes; len(l) != 1 {
		t.Errorf("%+v", l)
	}
	got := must(f.AcceptHandshake(f.stranger, &api.AcceptHandshakeRequest{HandshakeId: *h.Id}))(t).Handshake
	if got.State != "ACCEPTED" {
		t.Errorf("%+v", got)
	}
	fails(f.AcceptHandshake(f.stranger, &api.AcceptHandshakeRequest{HandshakeId: *h.Id}))(t, "HandshakeAlreadyInStateException", "")
	fails(f.CancelHandshake(f.boss, &api.CancelHandshakeRequest{HandshakeId: *h.Id}))(t, "InvalidHandshakeTransitionException", "")
	a := must(f.DescribeAccount(f.boss, &api.DescribeAccountRequest{AccountId: stranger}))(t).Account
	if a.JoinedMethod != "INVITED" || len(must(f.ListTagsForResource(f.boss, &api.ListTagsForResourceRequest{ResourceId: stranger}))(t).Tags) != 1 {
		t.Errorf("%+v", a)
	}
	must(f.LeaveOrganization(f.stranger, nil))(t) // who was invited need not wait
	f.advance(answeredLife)
	fails(f.DescribeHandshake(f.boss, &api.DescribeHandshakeRequest{HandshakeId: *h.Id}))(t, "HandshakeNotFoundException", "")
}

func TestInvitationEnds(t *testing.T) {
	f := withOrg(t)
	for state, end := range map[api.HandshakeState]func(id string){
		"DECLINED": func(id string) {
			must(f.DeclineHandshake(f.stranger, &api.DeclineHandshakeRequest{HandshakeId: id}))(t)
		},
		"CANCELED": func(id string) { must(f.CancelHandshake(f.boss, &api.CancelHandshakeRequest{HandshakeId: id}))(t) },
		"EXPIRED":  func(string) { f.advance(inviteLife) },
	} {
		id := *f.invite(stranger).Id
		end(id)
		if h := must(f.DescribeHandshake(f.boss, &api.DescribeHandshakeRequest{HandshakeId: id}))(t).Handshake; h.State != state {
			t.Errorf("%s, want %s", h.State, state)
		}
		fails(f.AcceptHandshake(f.stranger, &api.AcceptHandshakeRequest{HandshakeId: id}))(t, "InvalidHandshakeTransitionException", "")
	}
	if l := must(f.ListHandshakesForOrganization(f.boss, &api.ListHandshakesForOrganizationRequest{Filter: &api.HandshakeFilter{ActionType: "INVITE"}}))(t).Handshakes; len(l) != 3 {
		t.Errorf("%d handshakes", len(l))
	}
	fails(f.ListHandshakesForOrganization(f.boss, &api.ListHandshakesForOrganizationRequest{Filter: &api.HandshakeFilter{ActionType: "INVITE", ParentHandshakeId: new("h-12345678")}}))(t, "InvalidInputException", "MAX_LIMIT_EXCEEDED_FILTER")
}

// TestChangeOfOrganization: a member accepts the invitation of another
// organization, unless its own keeps it by an SCP on LeaveOrganization.
func TestChangeOfOrganization(t *testing.T) {
	f := withOrg(t)
	must(f.CreateOrganization(f.as(other), &api.CreateOrganizationRequest{}))(t)
	h := must(f.InviteAccountToOrganization(f.as(other), &api.InviteAccountToOrganizationRequest{Target: &api.HandshakeParty{Id: stranger, Type: "ACCOUNT"}}))(t).Handshake
	must(f.AcceptHandshake(f.stranger, &api.AcceptHandshakeRequest{HandshakeId: *f.invite(stranger).Id}))(t)
	touches, err := f.Rules()["AcceptHandshake"].Touches(f.stranger, &api.AcceptHandshakeRequest{HandshakeId: *h.Id})
	if err != nil || len(touches) != 2 || touches[1].Action != "organizations:LeaveOrganization" {
		t.Errorf("%+v, %v", touches, err)
	}
	must(f.AcceptHandshake(f.stranger, &api.AcceptHandshakeRequest{HandshakeId: *h.Id}))(t)
	if o := must(f.DescribeOrganization(f.stranger, nil))(t).Organization; *o.MasterAccountId != other {
		t.Errorf("%+v", o)
	}
	c, err := f.counts.Get(t.Context(), f.Store, *f.org.Id)
	if err != nil || c.Members != 1 || c.Accounts != 1 {
		t.Errorf("the old organization counts %+v, %v", c, err)
	}
}

func TestInvitationByEmail(t *testing.T) {
	f := withOrg(t)
	a := f.account("a")
	f.advance(createdWait)
	must(f.LeaveOrganization(f.as(a), nil))(t)
	h := must(f.InviteAccountToOrganization(f.boss, &api.InviteAccountToOrganizationRequest{Target: &api.HandshakeParty{Id: "A@example.com", Type: "EMAIL"}}))(t).Handshake
	if l := must(f.ListHandshakesForAccount(f.as(a), &api.ListHandshakesForAccountRequest{}))(t).Handshakes; len(l) != 1 {
		t.Errorf("%+v", l)
	}
	must(f.AcceptHandshake(f.as(a), &api.AcceptHandshakeRequest{HandshakeId: *h.Id}))(t)
	must(f.DescribeAccount(f.boss, &api.DescribeAccountRequest{AccountId: a}))(t)
}

func TestHandshakeRate(t *testing.T) {
	f := withOrg(t)
	f.Quotas.Accounts = 10
	c := &counts{}
	for range minHandshakes {
		if err := f.maySend(c, f.now()); err != nil {
			t.Fatal(err)
		}
	}
	fails(0, f.maySend(c, f.now()))(t, "ConstraintViolationException", "HANDSHAKE_RATE_LIMIT_EXCEEDED")
	if err := f.maySend(c, f.now().Add(24*time.Hour)); err != nil {
		t.Error(err)
	}
}

// billing is a fixture whose boss has an organization with billing features.
func billing(t *testing.T, invited ...string) *fixture {
	f := newFixture(t, Quotas{})
	f.org = must(f.CreateOrganization(f.boss, &api.CreateOrganizationRequest{FeatureSet: "CONSOLIDATED_BILLING"}))(t).Organization
	f.root = *must(f.ListRoots(f.boss, &api.ListRootsRequest{}))(t).Roots[0].Id
	for _, id := range invited {
		must(f.AcceptHandshake(f.as(id), &api.AcceptHandshakeRequest{HandshakeId: *f.invite(id).Id}))(t)
	}
	return f
}

func TestEnableAllFeatures(t *testing.T) {
	f := billing(t, stranger, other)
	f.account("made") // need not be asked
	fails(f.EnablePolicyType(f.boss, &api.EnablePolicyTypeRequest{RootId: f.root, PolicyType: scp}))(t, "PolicyTypeNotAvailableForOrganizationException", "")
	parent := must(f.EnableAllFeatures(f.boss, nil))(t).Handshake
	if parent.State != "REQUESTED" || parent.Action != "ENABLE_ALL_FEATURES" || len(parent.Parties) != 1 {
		t.Errorf("%+v", parent)
	}
	fails(f.EnableAllFeatures(f.boss, nil))(t, "HandshakeConstraintViolationException", "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION")
	fails(f.InviteAccountToOrganization(f.boss, &api.InviteAccountToOrganizationRequest{Target: &api.HandshakeParty{Id: "x@example.com", Type: "EMAIL"}}))(t, "HandshakeConstraintViolationException", "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES")
	fails(f.AcceptHandshake(f.boss, &api.AcceptHandshakeRequest{HandshakeId: *parent.Id}))(t, "InvalidHandshakeTransitionException", "")
	children := must(f.ListHandshakesForOrganization(f.boss, &api.ListHandshakesForOrganizationRequest{Filter: &api.HandshakeFilter{ParentHandshakeId: parent.Id}}))(t).Handshakes
	if len(children) != 2 {
		t.Fatalf("%+v", children)
	}
	asked := func(id string) *api.Handshake {
		t.Helper()
		l := must(f.ListHandshakesForAccount(f.as(id), &api.ListHandshakesForAccountRequest{Filter: &api.HandshakeFilter{ActionType: "ENABLE_ALL_FEATURES"}}))(t).Handshakes
		if len(l) != 1 {
			t.Fatalf("%s is asked %d times", id, len(l))
		}
		return &l[0]
	}
	must(f.AcceptHandshake(f.stranger, &api.AcceptHandshakeRequest{HandshakeId: *asked(stranger).Id}))(t)
	must(f.LeaveOrganization(f.as(other), nil))(t) // and need not agree any more
	last := must(f.ListHandshakesForAccount(f.boss, &api.ListHandshakesForAccountRequest{Filter: &api.HandshakeFilter{ActionType: "APPROVE_ALL_FEATURES"}}))(t).Handshakes
	if len(last) != 1 || last[0].State != "OPEN" {
		t.Fatalf("%+v", last)
	}
	must(f.AcceptHandshake(f.boss, &api.AcceptHandshakeRequest{HandshakeId: *last[0].Id}))(t)
	if o := must(f.DescribeOrganization(f.boss, nil))(t).Organization; o.FeatureSet != "ALL" {
		t.Errorf("%+v", o)
	}
	if h := must(f.DescribeHandshake(f.boss, &api.DescribeHandshakeRequest{HandshakeId: *parent.Id}))(t).Handshake; h.State != "ACCEPTED" {
		t.Errorf("%+v", h)
	}
	fails(f.EnableAllFeatures(f.boss, nil))(t, "HandshakeConstraintViolationException", "ORGANIZATION_ALREADY_HAS_ALL_FEATURES")
	f.enable(scp)
	f.settle()
	if f.mu.Lock(); len(f.linked) != 3 || !f.linked[boss] || !f.linked[stranger] {
		t.Errorf("accounts with the service-linked role: %v", f.linked)
	}
	f.mu.Unlock()
}

func TestEnableAllFeaturesGivenUp(t *testing.T) {
	f := billing(t, stranger)
	parent := must(f.EnableAllFeatures(f.boss, nil))(t).Handshake
	f.advance(featuresLife)
	for _, h := range must(f.ListHandshakesForOrganization(f.boss, &api.ListHandshakesForOrganizationRequest{Filter: &api.HandshakeFilter{ActionType: "ENABLE_ALL_FEATURES"}}))(t).Handshakes {
		if h.State != "EXPIRED" {
			t.Errorf("%+v", h)
		}
	}
	second := must(f.EnableAllFeatures(f.boss, nil))(t).Handshake
	if *second.Id == *parent.Id {
		t.Error("the same handshake again")
	}
	must(f.CancelHandshake(f.boss, &api.CancelHandshakeRequest{HandshakeId: *second.Id}))(t)
	if o := must(f.DescribeOrganization(f.boss, nil))(t).Organization; o.FeatureSet != "CONSOLIDATED_BILLING" {
		t.Errorf("%+v", o)
	}
	// With nobody to ask, the last word can be said at once.
	must(f.LeaveOrganization(f.stranger, nil))(t)
	third := must(f.EnableAllFeatures(f.boss, nil))(t).Handshake
	must(f.AcceptHandshake(f.boss, &api.AcceptHandshakeRequest{HandshakeId: *third.Id}))(t)
}

func TestTransfer(t *testing.T) {
	f := withOrg(t)
	must(f.CreateOrganization(f.as(other), &api.CreateOrganizationRequest{}))(t)
	now := f.now()
	start := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	offer := func(to string, start time.Time) (*api.InviteOrganizationToTransferResponsibilityResponse, error) {
		return f.InviteOrganizationToTransferResponsibility(f.boss, &api.InviteOrganizationToTransferResponsibilityRequest{
			Type: "BILLING", Target: &api.HandshakeParty{Id: to, Type: "ACCOUNT"}, SourceName: "n", StartTimestamp: start,
		})
	}
	fails(offer(boss, start))(t, "HandshakeConstraintViolationException", "SOURCE_AND_TARGET_CANNOT_MATCH")
	fails(offer(other, start.Add(time.Hour)))(t, "InvalidInputException", "START_DATE_NOT_BEGINNING_OF_DAY")
	fails(offer(other, start.AddDate(0, 0, 1)))(t, "InvalidInputException", "START_DATE_NOT_BEGINNING_OF_MONTH")
	fails(offer(other, start.AddDate(0, -2, 0)))(t, "InvalidInputException", "START_DATE_TOO_EARLY")
	h := must(offer(other, start))(t).Handshake
	in := must(f.ListInboundResponsibilityTransfers(f.boss, &api.ListInboundResponsibilityTransfersRequest{Type: "BILLING"}))(t).ResponsibilityTransfers
	if len(in) != 1 || in[0].Status != "REQUESTED" || *in[0].ActiveHandshakeId != *h.Id {
		t.Fatalf("%+v", in)
	}
	id := *in[0].Id
	fails(f.DeleteOrganization(f.boss, nil))(t, "ConstraintViolationException", "ACTIVE_RESPONSIBILITY_TRANSFER_PROCESS")
	fails(f.TerminateResponsibilityTransfer(f.boss, &api.TerminateResponsibilityTransferRequest{Id: id}))(t, "InvalidResponsibilityTransferTransitionException", "")
	must(f.AcceptHandshake(f.as(other), &api.AcceptHandshakeRequest{HandshakeId: *h.Id}))(t)
	out := must(f.ListOutboundResponsibilityTransfers(f.as(other), &api.ListOutboundResponsibilityTransfersRequest{Type: "BILLING"}))(t).ResponsibilityTransfers
	if len(out) != 1 || out[0].Status != "ACCEPTED" || *out[0].Target.ManagementAccountId != boss || *out[0].Source.ManagementAccountId != other {
		t.Fatalf("%+v", out)
	}
	must(f.UpdateResponsibilityTransfer(f.boss, &api.UpdateResponsibilityTransferRequest{Id: id, Name: "m"}))(t)
	fails(f.UpdateResponsibilityTransfer(f.as(other), &api.UpdateResponsibilityTransferRequest{Id: id, Name: "m"}))(t, "ConstraintViolationException", "TRANSFER_RESPONSIBILITY_UPDATE_NOT_ALLOWED")
	must(f.TagResource(f.boss, &api.TagResourceRequest{ResourceId: id, Tags: []api.Tag{{Key: "k", Value: "v"}}}))(t)
	fails(f.TerminateResponsibilityTransfer(f.boss, &api.TerminateResponsibilityTransferRequest{Id: id, EndTimestamp: start}))(t, "InvalidInputException", "END_DATE_NOT_END_OF_MONTH")
	got := must(f.TerminateResponsibilityTransfer(f.as(other), &api.TerminateResponsibilityTransferRequest{Id: id, EndTimestamp: endOfMonth(start).Truncate(time.Second)}))(t).ResponsibilityTransfer
	if got.Status != "WITHDRAWN" || *got.Name != "m" || !got.EndTimestamp.Equal(endOfMonth(start)) {
		t.Errorf("%+v", got)
	}
	fails(f.TerminateResponsibilityTransfer(f.boss, &api.TerminateResponsibilityTransferRequest{Id: id}))(t, "ResponsibilityTransferAlreadyInStatusException", "")
	fails(f.DescribeResponsibilityTransfer(f.boss, &api.DescribeResponsibilityTransferRequest{Id: "rt-1234567890"}))(t, "ResponsibilityTransferNotFoundException", "")
	must(f.DeleteOrganization(f.boss, nil))(t)
}
