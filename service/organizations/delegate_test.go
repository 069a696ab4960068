package organizations

import (
	"errors"
	"slices"
	"testing"

	api "bartizan.dev/api/organizations"
)

func TestDelegatedAdministrators(t *testing.T) {
	f := withOrg(t)
	a, b := f.account("a"), f.account("b")
	register := func(id, service string) (*api.RegisterDelegatedAdministratorOutput, error) {
		return f.RegisterDelegatedAdministrator(f.boss, &api.RegisterDelegatedAdministratorRequest{AccountId: id, ServicePrincipal: service})
	}
	fails(register(a, "guardduty.amazonaws.com"))(t, "ConstraintViolationException", "SERVICE_ACCESS_NOT_ENABLED")
	fails(register(a, "nothing.amazonaws.com"))(t, "InvalidInputException", "UNRECOGNIZED_SERVICE_PRINCIPAL")
	for _, s := range []string{"guardduty.amazonaws.com", "config.amazonaws.com"} {
		for range 2 {
			must(f.EnableAWSServiceAccess(f.boss, &api.EnableAWSServiceAccessRequest{ServicePrincipal: s}))(t)
		}
	}
	fails(register(boss, "guardduty.amazonaws.com"))(t, "ConstraintViolationException", "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR")
	fails(register(stranger, "guardduty.amazonaws.com"))(t, "AccountNotFoundException", "")
	must(register(a, "guardduty.amazonaws.com"))(t)
	fails(register(a, "guardduty.amazonaws.com"))(t, "AccountAlreadyRegisteredException", "")
	fails(register(b, "guardduty.amazonaws.com"))(t, "ConstraintViolationException", "DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE")
	must(register(a, "config.amazonaws.com"))(t)
	must(register(b, "config.amazonaws.com"))(t)
	list := func(service *string) (ids []string) {
		for _, d := range must(f.ListDelegatedAdministrators(f.boss, &api.ListDelegatedAdministratorsRequest{ServicePrincipal: service}))(t).DelegatedAdministrators {
			if d.DelegationEnabledDate.IsZero() {
				t.Errorf("%+v", d)
			}
			ids = append(ids, *d.Id)
		}
		return ids
	}
	if got := list(new("guardduty.amazonaws.com")); !slices.Equal(got, []string{a}) {
		t.Errorf("%v", got)
	}
	if got := list(nil); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if s := must(f.ListDelegatedServicesForAccount(f.boss, &api.ListDelegatedServicesForAccountRequest{AccountId: a}))(t).DelegatedServices; len(s) != 2 || *s[0].ServicePrincipal != "config.amazonaws.com" {
		t.Errorf("%+v", s)
	}
	fails(f.ListDelegatedServicesForAccount(f.boss, &api.ListDelegatedServicesForAccountRequest{AccountId: boss}))(t, "AccountNotRegisteredException", "")
	if ok := must(f.DelegatedAdministrator(t.Context(), a, "guardduty.amazonaws.com"))(t); !ok {
		t.Error("a is no delegated administrator")
	}
	must(f.DisableAWSServiceAccess(f.boss, &api.DisableAWSServiceAccessRequest{ServicePrincipal: "guardduty.amazonaws.com"}))(t)
	if ok := must(f.DelegatedAdministrator(t.Context(), a, "guardduty.amazonaws.com"))(t); ok {
		t.Error("a still is a delegated administrator")
	}
	fails(f.DeregisterDelegatedAdministrator(f.boss, &api.DeregisterDelegatedAdministratorRequest{AccountId: a, ServicePrincipal: "guardduty.amazonaws.com"}))(t, "AccountNotRegisteredException", "")
	if ok := must(f.ServiceAccess(t.Context(), *f.org.Id, "config.amazonaws.com"))(t); !ok {
		t.Error("config has no access")
	}
	if l := must(f.ListAWSServiceAccessForOrganization(f.boss, &api.ListAWSServiceAccessForOrganizationRequest{}))(t).EnabledServicePrincipals; len(l) != 1 {
		t.Errorf("%+v", l)
	}
	// A policy type may need the access.
	fails(f.EnablePolicyType(f.boss, &api.EnablePolicyTypeRequest{RootId: f.root, PolicyType: "SECURITYHUB_POLICY"}))(t, "ConstraintViolationException", "SERVICE_ACCESS_NOT_ENABLED")
	must(f.EnableAWSServiceAccess(f.boss, &api.EnableAWSServiceAccessRequest{ServicePrincipal: "securityhub.amazonaws.com"}))(t)
	f.enable("SECURITYHUB_POLICY")
	fails(f.DisableAWSServiceAccess(f.boss, &api.DisableAWSServiceAccessRequest{ServicePrincipal: "securityhub.amazonaws.com"}))(t, "ConstraintViolationException", "POLICY_TYPE_ENABLED_FOR_THIS_SERVICE")
}

func TestPrincipalsAreSorted(t *testing.T) {
	if !slices.IsSorted(principals[:]) {
		t.Error("the list of services is not in order")
	}
}

// TestEntities: paths lead to accounts, as IAM's access reports need them.
func TestEntities(t *testing.T) {
	f := withOrg(t)
	a, u := f.account("a"), f.unit(f.root, "u")
	v := f.unit(u, "v")
	must(f.MoveAccount(f.boss, &api.MoveAccountRequest{AccountId: a, SourceParentId: f.root, DestinationParentId: v}))(t)
	o := *f.org.Id
	for entity, want := range map[string]int{
		o + "/" + f.root:                               2,
		o + "/" + f.root + "/":                         2,
		o + "/" + f.root + "/" + u:                     1,
		o + "/" + f.root + "/" + u + "/" + v + "/":     1,
		o + "/" + f.root + "/" + u + "/" + v + "/" + a: 1,
		o + "/" + f.root + "/" + boss:                  1,
		o + "/" + f.root + "/" + a:                     -1, // it is not there
		o + "/" + f.root + "/" + v:                     -1,
		o:                                              -1,
		"o-none/r-none":                                -1,
		"":                                             -1,
	} {
		n := 0
		for _, err := range f.EntityAccounts(t.Context(), entity) {
			if errors.Is(err, ErrNoEntity) {
				n = -1
				break
			} else if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != want {
			t.Errorf("%q has %d accounts, want %d", entity, n, want)
		}
	}
	if p := must(f.Path(t.Context(), a))(t); p != o+"/"+f.root+"/"+u+"/"+v+"/"+a+"/" {
		t.Errorf("path %s", p)
	}
	if id := must(f.AccountByEmail(t.Context(), "A@Example.com"))(t); id != a {
		t.Errorf("by address: %q", id)
	}
	if id := must(f.AccountByEmail(t.Context(), emailOf(stranger)))(t); id != stranger {
		t.Errorf("by address: %q", id)
	}
	if id := must(f.AccountByEmail(t.Context(), emailOf("999999999999")))(t); id != "" {
		t.Errorf("by address: %q", id)
	}
	if m := must(f.IsManagement(t.Context(), boss))(t); !m {
		t.Error("boss manages nothing")
	}
	if org := must(f.OrganizationOf(t.Context(), a))(t); org != o {
		t.Errorf("organization %q", org)
	}
	if m := must(f.ManagementOf(t.Context(), stranger))(t); m != "" {
		t.Errorf("management %q", m)
	}
}

func TestTags(t *testing.T) {
	f := withOrg(t)
	u := f.unit(f.root, "u")
	p := f.policy(scp, "p", denyIAM)
	for _, id := range []string{f.root, u, p, boss} {
		must(f.TagResource(f.boss, &api.TagResourceRequest{ResourceId: id, Tags: []api.Tag{{Key: "k", Value: "v"}, {Key: "K", Value: "w"}}}))(t)
		must(f.TagResource(f.boss, &api.TagResourceRequest{ResourceId: id, Tags: []api.Tag{{Key: "k", Value: "x"}}}))(t)
		must(f.UntagResource(f.boss, &api.UntagResourceRequest{ResourceId: id, TagKeys: []string{"K", "none"}}))(t)
		if l := must(f.ListTagsForResource(f.boss, &api.ListTagsForResourceRequest{ResourceId: id}))(t).Tags; len(l) != 1 || l[0].Value != "x" {
			t.Errorf("%s: %v", id, l)
		}
	}
	fails(f.TagResource(f.boss, &api.TagResourceRequest{ResourceId: u, Tags: []api.Tag{{Key: "a"}, {Key: "a"}}}))(t, "InvalidInputException", "DUPLICATE_TAG_KEY")
	fails(f.TagResource(f.boss, &api.TagResourceRequest{ResourceId: fullAccess, Tags: []api.Tag{{Key: "a"}}}))(t, "InvalidInputException", "IMMUTABLE_POLICY")
	fails(f.TagResource(f.boss, &api.TagResourceRequest{ResourceId: stranger, Tags: []api.Tag{{Key: "a"}}}))(t, "TargetNotFoundException", "")
	var many []api.Tag
	for i := range maxTags {
		many = append(many, api.Tag{Key: "key" + string(rune('A'+i))})
	}
	fails(f.TagResource(f.boss, &api.TagResourceRequest{ResourceId: u, Tags: many}))(t, "ConstraintViolationException", "MAX_TAG_LIMIT_EXCEEDED")
}
