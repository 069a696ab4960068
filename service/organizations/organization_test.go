package organizations

import (
	"regexp"
	"strings"
	"testing"

	api "bartizan.dev/api/organizations"
)

func TestOrganization(t *testing.T) {
	f := newFixture(t, Quotas{})
	fails(f.DescribeOrganization(f.boss, nil))(t, "AWSOrganizationsNotInUseException", "")
	fails(f.ListRoots(f.boss, &api.ListRootsRequest{}))(t, "AWSOrganizationsNotInUseException", "")
	o := must(f.CreateOrganization(f.boss, &api.CreateOrganizationRequest{}))(t).Organization
	if !regexp.MustCompile(`^o-[a-z0-9]{10}$`).MatchString(*o.Id) || o.FeatureSet != "ALL" || *o.MasterAccountId != boss ||
		*o.Arn != "arn:aws:organizations::"+boss+":organization/"+*o.Id || *o.MasterAccountArn != "arn:aws:organizations::"+boss+":account/"+*o.Id+"/"+boss {
		t.Errorf("%+v", o)
	}
	fails(f.CreateOrganization(f.boss, &api.CreateOrganizationRequest{}))(t, "AlreadyInOrganizationException", "")
	roots := must(f.ListRoots(f.boss, &api.ListRootsRequest{}))(t).Roots
	if len(roots) != 1 || !regexp.MustCompile(`^r-[a-z0-9]{4}$`).MatchString(*roots[0].Id) || *roots[0].Name != "Root" || len(roots[0].PolicyTypes) != 0 {
		t.Errorf("%+v", roots)
	}
	a := must(f.DescribeAccount(f.boss, &api.DescribeAccountRequest{AccountId: boss}))(t).Account
	if a.State != "ACTIVE" || a.Status != "ACTIVE" || a.JoinedMethod != "INVITED" || a.Paths[0] != *o.Id+"/"+*roots[0].Id+"/"+boss+"/" {
		t.Errorf("%+v", a)
	}
	must(f.DeleteOrganization(f.boss, nil))(t)
	fails(f.DescribeOrganization(f.boss, nil))(t, "AWSOrganizationsNotInUseException", "")
	must(f.CreateOrganization(f.boss, &api.CreateOrganizationRequest{FeatureSet: "CONSOLIDATED_BILLING"}))(t)
	if o := must(f.DescribeOrganization(f.boss, nil))(t).Organization; o.FeatureSet != "CONSOLIDATED_BILLING" || len(o.AvailablePolicyTypes) != 0 {
		t.Errorf("%+v", o)
	}
	fails(f.PutResourcePolicy(f.boss, &api.PutResourcePolicyRequest{Content: "{}"}))(t, "ConstraintViolationException", "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE")
}

func TestDeleteOrganizationLeavesNothing(t *testing.T) {
	f := withOrg(t)
	id := f.account("a")
	fails(f.DeleteOrganization(f.boss, nil))(t, "OrganizationNotEmptyException", "")
	f.unit(f.root, "u")
	f.policy(api.PolicyType_SERVICE_CONTROL_POLICY, "p", denyAll)
	must(f.InviteAccountToOrganization(f.boss, &api.InviteAccountToOrganizationRequest{Target: &api.HandshakeParty{Id: stranger, Type: "ACCOUNT"}}))(t)
	f.advance(createdWait)
	must(f.RemoveAccountFromOrganization(f.boss, &api.RemoveAccountFromOrganizationRequest{AccountId: id}))(t)
	must(f.DeleteOrganization(f.boss, nil))(t)
	for _, prefix := range []string{"unit/", "org/", "policy/", "counts/", "creation/"} {
		items, err := f.Store.List(t.Context(), rangeOf(prefix))
		if err != nil || len(items) > 0 {
			t.Errorf("%s: %v, %v", prefix, items, err)
		}
	}
	h := must(f.ListHandshakesForAccount(f.stranger, &api.ListHandshakesForAccountRequest{}))(t).Handshakes
	if len(h) != 1 || h[0].State != api.HandshakeState_CANCELED {
		t.Errorf("the invitation: %+v", h)
	}
}

func TestUnits(t *testing.T) {
	f := withOrg(t)
	parent := f.root
	var names []string
	for i := range maxDepth {
		name := strings.Repeat("x", i+1)
		parent = f.unit(parent, name)
		names = append(names, parent)
	}
	fails(f.CreateOrganizationalUnit(f.boss, &api.CreateOrganizationalUnitRequest{ParentId: parent, Name: "deep"}))(t, "ConstraintViolationException", "OU_DEPTH_LIMIT_EXCEEDED")
	fails(f.CreateOrganizationalUnit(f.boss, &api.CreateOrganizationalUnitRequest{ParentId: f.root, Name: "x"}))(t, "DuplicateOrganizationalUnitException", "")
	fails(f.CreateOrganizationalUnit(f.boss, &api.CreateOrganizationalUnitRequest{ParentId: "ou-none-12345678", Name: "x"}))(t, "ParentNotFoundException", "")
	u := must(f.DescribeOrganizationalUnit(f.boss, &api.DescribeOrganizationalUnitRequest{OrganizationalUnitId: parent}))(t).OrganizationalUnit
	if *u.Path != *f.org.Id+"/"+f.root+"/"+strings.Join(names, "/")+"/" || !strings.HasPrefix(*u.Id, "ou-"+f.root[2:]+"-") {
		t.Errorf("path %s of %s", *u.Path, *u.Id)
	}
	fails(f.DeleteOrganizationalUnit(f.boss, &api.DeleteOrganizationalUnitRequest{OrganizationalUnitId: names[0]}))(t, "OrganizationalUnitNotEmptyException", "")
	second := f.unit(f.root, "y")
	fails(f.UpdateOrganizationalUnit(f.boss, &api.UpdateOrganizationalUnitRequest{OrganizationalUnitId: second, Name: new("x")}))(t, "DuplicateOrganizationalUnitException", "")
	must(f.UpdateOrganizationalUnit(f.boss, &api.UpdateOrganizationalUnitRequest{OrganizationalUnitId: second, Name: new("y")}))(t)
	must(f.UpdateOrganizationalUnit(f.boss, &api.UpdateOrganizationalUnitRequest{OrganizationalUnitId: second, Name: new("z\x00")}))(t)
	must(f.DeleteOrganizationalUnit(f.boss, &api.DeleteOrganizationalUnitRequest{OrganizationalUnitId: second}))(t)
	fails(f.DescribeOrganizationalUnit(f.boss, &api.DescribeOrganizationalUnitRequest{OrganizationalUnitId: second}))(t, "OrganizationalUnitNotFoundException", "")
	f.unit(f.root, "y")
}

// TestPages walks a listing in pages of one.
func TestPages(t *testing.T) {
	f := withOrg(t)
	want := map[string]bool{}
	for _, name := range []string{"a", "b", "c"} {
		want[f.unit(f.root, name)] = true
	}
	one := new(int32(1))
	var token *string
	for range 3 {
		out := must(f.ListOrganizationalUnitsForParent(f.boss, &api.ListOrganizationalUnitsForParentRequest{ParentId: f.root, MaxResults: one, NextToken: token}))(t)
		if len(out.OrganizationalUnits) != 1 {
			t.Fatalf("%+v", out)
		}
		delete(want, *out.OrganizationalUnits[0].Id)
		token = out.NextToken
	}
	if token != nil || len(want) > 0 {
		t.Errorf("not listed: %v, token %v", want, token)
	}
	fails(f.ListChildren(f.boss, &api.ListChildrenRequest{ParentId: f.root, ChildType: "ACCOUNT", NextToken: new("%")}))(t, "InvalidInputException", "INVALID_NEXT_TOKEN")
	children := must(f.ListChildren(f.boss, &api.ListChildrenRequest{ParentId: f.root, ChildType: "ACCOUNT"}))(t).Children
	if len(children) != 1 || *children[0].Id != boss {
		t.Errorf("%+v", children)
	}
}
