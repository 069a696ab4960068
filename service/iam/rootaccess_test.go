package iam

import (
	"context"
	"errors"
	"testing"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

const management = "999988887777"

// inOrganization puts the fixture's two accounts into an organization.
func (f *fixture) inOrganization(change func(account string, m *Membership)) {
	f.Membership = func(_ context.Context, account string) (*Membership, error) {
		m := &Membership{Organization: "o-exampleorgid", Management: management, AllFeatures: true, Trusted: true}
		if change != nil {
			change(account, m)
		}
		if m.Organization == "" {
			return nil, nil
		}
		return m, nil
	}
}

func TestRootFeatures(t *testing.T) {
	f := newFixture(t)
	boss := f.as(rootOf(management))
	enable := func(ctx context.Context) (*iamapi.EnableOrganizationsRootSessionsResponse, error) {
		return f.EnableOrganizationsRootSessions(ctx, &iamapi.EnableOrganizationsRootSessionsRequest{})
	}
	fails(enable(boss))(t, "OrganizationNotFoundException", "The request was rejected because no organization is associated with your account.")
	for _, tc := range []struct {
		ctx    context.Context
		change func(string, *Membership)
		code   string
	}{
		{f.root, nil, "AccountNotManagementOrDelegatedAdministratorException"},
		{f.root, func(_ string, m *Membership) { m.Delegated = true }, "CallerIsNotManagementAccountException"},
		{boss, func(_ string, m *Membership) { m.Trusted = false }, "ServiceAccessNotEnabledException"},
		{boss, func(_ string, m *Membership) { m.AllFeatures = false }, "OrganizationNotInAllFeaturesModeException"},
	} {
		f.inOrganization(tc.change)
		if _, err := enable(tc.ctx); !isCode(err, tc.code) {
			t.Errorf("got %v, want %s", err, tc.code)
		}
	}
	f.inOrganization(func(_ string, m *Membership) { m.Delegated = true })
	if got := must(enable(boss))(t); *got.OrganizationId != "o-exampleorgid" || len(got.EnabledFeatures) != 1 {
		t.Errorf("enabled %+v", got)
	}
	must(f.EnableOrganizationsRootCredentialsManagement(boss, &iamapi.EnableOrganizationsRootCredentialsManagementRequest{}))(t)
	if got := must(f.ListOrganizationsFeatures(f.root, &iamapi.ListOrganizationsFeaturesRequest{}))(t).EnabledFeatures; len(got) != 2 {
		t.Errorf("features %v", got)
	}
	got := must(f.DisableOrganizationsRootSessions(f.root, &iamapi.DisableOrganizationsRootSessionsRequest{}))(t).EnabledFeatures
	if len(got) != 1 || got[0] != "RootCredentialsManagement" {
		t.Errorf("features %v", got)
	}
	if got := must(f.DisableOrganizationsRootCredentialsManagement(boss, &iamapi.DisableOrganizationsRootCredentialsManagementRequest{}))(t).EnabledFeatures; len(got) != 0 {
		t.Errorf("features %v", got)
	}
}

func TestRootTask(t *testing.T) {
	f := newFixture(t)
	f.inOrganization(nil)
	boss := f.as(rootOf(management))
	if _, err := f.EnsureAccount(t.Context(), management, "AKIABOSSBOSSBOSSBOSS", "secret"); err != nil {
		t.Fatal(err)
	}
	task := func(name string) string { return "arn:aws:iam::aws:policy/root-task/" + name }
	may := func(account, target, name string) bool {
		return must(f.RootTask(t.Context(), account, target, task(name)))(t)
	}
	audit, del, create := "IAMAuditRootUserCredentials", "IAMDeleteRootUserCredentials", "IAMCreateRootUserPassword"
	if may(management, testAccount, audit) {
		t.Error("allowed before it was enabled")
	}
	must(f.EnableOrganizationsRootCredentialsManagement(boss, &iamapi.EnableOrganizationsRootCredentialsManagementRequest{}))(t)
	if !may(management, testAccount, audit) || !may(management, testAccount, del) || may(management, testAccount, create) || may(management, testAccount, "S3UnlockBucketPolicy") {
		t.Error("root credentials management lets credentials be audited and deleted, nothing else")
	}
	must(f.EnableOrganizationsRootSessions(boss, &iamapi.EnableOrganizationsRootSessionsRequest{}))(t)
	for _, name := range []string{create, "S3UnlockBucketPolicy", "SQSUnlockQueuePolicy"} {
		if !may(management, testAccount, name) {
			t.Errorf("%s refused", name)
		}
	}
	if may(testAccount, otherAccount, audit) || may(management, management, audit) || may(management, "123412341234", audit) || may(management, testAccount, "Other") {
		t.Error("a member, the management account itself, an unknown account or an unknown task is allowed")
	}
	f.inOrganization(func(account string, m *Membership) {
		if account == otherAccount {
			m.Organization = "o-another"
		}
	})
	if may(management, otherAccount, audit) {
		t.Error("allowed in another organization")
	}
}

// TestRootDevices: AssumeRoot's task policies speak of the root user alone, so
// what is deleted of its is the root user as well.
func TestRootDevices(t *testing.T) {
	f := newFixture(t)
	id := rootOf(testAccount)
	id.Session = &caller.Session{IssuerID: testAccount, PolicyARNs: []string{"arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"}}
	root := f.as(id)
	if _, err := f.Store.Update(t.Context(), func(tx store.Tx) error {
		for name, owner := range map[string]string{"mine": testAccount, "free": "", "alice": "AIDAALICE"} {
			d := &mfaDevice{Account: testAccount, Resource: "mfa/" + name, Owner: owner}
			if err := f.mfas.Insert(t.Context(), tx, d.id(), d); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"mine": ":root", "free": ":root", "alice": ":mfa/alice", "none": ":mfa/none"} {
		serial := "arn:aws:iam::" + testAccount + ":mfa/" + name
		touches := must(f.Rules()["DeleteVirtualMFADevice"].Touches(root, &iamapi.DeleteVirtualMFADeviceRequest{SerialNumber: serial}))(t)
		if got := touches[0].Resource; got != "arn:aws:iam::"+testAccount+want {
			t.Errorf("%s touches %s", name, got)
		}
		own := must(f.Rules()["DeleteVirtualMFADevice"].Touches(f.root, &iamapi.DeleteVirtualMFADeviceRequest{SerialNumber: serial}))(t)
		if own[0].Resource != serial {
			t.Errorf("the root user itself touches %s", own[0].Resource)
		}
	}
}

// TestAssumedRoot: what a session of AssumeRoot does to the root user's
// password.
func TestAssumedRoot(t *testing.T) {
	f := newFixture(t)
	id := rootOf(testAccount)
	id.Session = &caller.Session{IssuerID: testAccount, PolicyARNs: []string{"arn:aws:iam::aws:policy/root-task/IAMCreateRootUserPassword"}}
	root := f.as(id)
	absent := "Login Profile for User root cannot be found."
	fails(f.GetLoginProfile(root, &iamapi.GetLoginProfileRequest{}))(t, "NoSuchEntity", absent)
	fails(f.DeleteLoginProfile(root, &iamapi.DeleteLoginProfileRequest{}))(t, "NoSuchEntity", absent)
	fails(f.CreateLoginProfile(root, &iamapi.CreateLoginProfileRequest{Password: new("Passw0rd!")}))(t,
		"ValidationError", "Password must be omitted when you make the request with an AssumeRoot session.")
	fails(f.CreateLoginProfile(f.root, &iamapi.CreateLoginProfileRequest{}))(t,
		"ValidationError", "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null")

	f.inOrganization(nil)
	boss := f.as(rootOf(management))
	must(f.EnableOrganizationsRootCredentialsManagement(boss, &iamapi.EnableOrganizationsRootCredentialsManagementRequest{}))(t)
	if err := f.SetRootPassword(t.Context(), testAccount, "correct horse 1B"); !errors.Is(err, ErrNoRecovery) {
		t.Errorf("a member's root password is recovered: %v", err)
	}
	must(f.CreateLoginProfile(root, &iamapi.CreateLoginProfileRequest{}))(t)
	fails(f.CreateLoginProfile(root, &iamapi.CreateLoginProfileRequest{}))(t, "EntityAlreadyExists", "Login Profile for the root user already exists.")
	signIn := func(password string) *SignIn { return must(f.SignInRoot(t.Context(), testAccount, password))(t) }
	if signIn("") != nil || signIn("correct horse 1B") != nil {
		t.Error("signed in without a password")
	}
	if err := f.SetRootPassword(t.Context(), testAccount, "correct horse 1B"); err != nil {
		t.Fatal(err)
	}
	if signIn("wrong horse 1B") != nil {
		t.Error("signed in with a wrong password")
	}
	if got := signIn("correct horse 1B"); got == nil || got.Identity.Kind != caller.Root || got.Identity.Account != testAccount {
		t.Errorf("signed in as %+v", got)
	}
	if got := must(f.GetUser(root, &iamapi.GetUserRequest{}))(t).User; !got.PasswordLastUsed.Equal(f.clock) {
		t.Errorf("last used %v", got.PasswordLastUsed)
	}
	if n := must(f.GetAccountSummary(f.root, &iamapi.GetAccountSummaryInput{}))(t).SummaryMap["AccountPasswordPresent"]; n != 1 {
		t.Errorf("AccountPasswordPresent %d", n)
	}
	must(f.GetLoginProfile(root, &iamapi.GetLoginProfileRequest{}))(t)
	must(f.DeleteLoginProfile(root, &iamapi.DeleteLoginProfileRequest{}))(t)
	if signIn("correct horse 1B") != nil {
		t.Error("signed in with a deleted password")
	}
}
