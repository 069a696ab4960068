package signin

import (
	"context"
	"testing"

	signinapi "bartizan.dev/api/signin"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// TestOrganizationScope: only the account that manages an organization turns
// console authorization on for it, and then it is on for its members.
func TestOrganizationScope(t *testing.T) {
	const manager, member, stranger = "111122223333", "444455556666", "777788889999"
	s := newService(t)
	s.Organization = func(_ context.Context, account string) (string, bool, error) {
		if account == stranger {
			return "", false, nil
		}
		return "o-abcdefghij", account == manager, nil
	}
	as := func(account string) context.Context {
		return caller.With(t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account}, Region: homeRegion})
	}
	in := &signinapi.PutConsoleAuthorizationConfigurationInput{TargetId: new("o-abcdefghij")}
	for _, account := range []string{member, stranger} {
		if _, err := s.PutConsoleAuthorizationConfiguration(as(account), in); wire.AsError(err).Code != "AccessDeniedException" {
			t.Errorf("%s: %v", account, err)
		}
	}
	enforced := func(account string) bool {
		t.Helper()
		set, err := s.restricted(t.Context(), account, allowAll)
		if err != nil {
			t.Fatal(err)
		}
		return set != nil
	}
	if enforced(member) {
		t.Error("enforced before")
	}
	out, err := s.PutConsoleAuthorizationConfiguration(as(manager), in)
	if err != nil || out.Scope != scopeOrganization || !out.ConsoleAuthorizationEnabled {
		t.Fatalf("%+v, %v", out, err)
	}
	if !enforced(manager) || !enforced(member) || enforced(stranger) {
		t.Errorf("enforced: %v %v %v", enforced(manager), enforced(member), enforced(stranger))
	}
	if _, err := s.DeleteConsoleAuthorizationConfiguration(as(manager), &signinapi.DeleteConsoleAuthorizationConfigurationInput{TargetId: in.TargetId}); err != nil {
		t.Fatal(err)
	}
	if enforced(member) {
		t.Error("enforced afterwards")
	}
	if _, err := s.PutConsoleAuthorizationConfiguration(as(manager), &signinapi.PutConsoleAuthorizationConfigurationInput{TargetId: new("r-abcd")}); wire.AsError(err).Code != "ValidationException" {
		t.Errorf("a root: %v", err)
	}
}
