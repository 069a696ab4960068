package iam

import (
	"errors"
	"testing"

	iamapi "bartizan.dev/api/iam"
)

// TestOpenAccount: the account's role trusts the account that asked, and nobody
// has a key of the root user.
func TestOpenAccount(t *testing.T) {
	f := newFixture(t)
	const id = "777788889999"
	for range 2 { // the second time changes nothing
		if err := f.OpenAccount(t.Context(), id, "Admin", testAccount); err != nil {
			t.Fatal(err)
		}
	}
	root := f.as(rootOf(id))
	r := must(f.GetRole(root, &iamapi.GetRoleRequest{RoleName: "Admin"}))(t).Role
	if r.Arn != "arn:aws:iam::"+id+":role/Admin" || *r.MaxSessionDuration != 3600 {
		t.Errorf("%+v", r)
	}
	attached := must(f.ListAttachedRolePolicies(root, &iamapi.ListAttachedRolePoliciesRequest{RoleName: "Admin"}))(t).AttachedPolicies
	if len(attached) != 1 || *attached[0].PolicyArn != administrator {
		t.Errorf("%+v", attached)
	}
	info, err := f.Role(t.Context(), r.Arn)
	if err != nil || info == nil || info.Trust.Len() != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	if keys := must(f.ListAccessKeys(root, &iamapi.ListAccessKeysRequest{}))(t).AccessKeyMetadata; len(keys) != 0 {
		t.Errorf("%+v", keys)
	}
	for _, err := range []error{
		f.OpenAccount(t.Context(), id, "Admin", otherAccount),
		f.OpenAccount(t.Context(), id, "Other", testAccount),
		f.OpenAccount(t.Context(), otherAccount, "Admin", testAccount),
	} {
		if !errors.Is(err, ErrAccountTaken) {
			t.Errorf("an account that is taken: %v", err)
		}
	}
}
