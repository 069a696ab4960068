package iam

import (
	"testing"

	iamapi "bartizan.dev/api/iam"
)

func TestAccountProperties(t *testing.T) {
	f := newFixture(t)
	put := func(properties map[string]string) (*iamapi.PutAccountPropertiesResponse, error) {
		return f.PutAccountProperties(f.root, &iamapi.PutAccountPropertiesRequest{Properties: properties})
	}
	must(put(map[string]string{"RoleManager/Enabled": "false"}))(t)
	if got := must(f.GetAccountProperties(f.root, &iamapi.GetAccountPropertiesRequest{}))(t).Properties["RoleManager/Enabled"]; got != "false" {
		t.Errorf("role manager is %s", got)
	}
	for _, tc := range []struct {
		properties map[string]string
		message    string
	}{
		{map[string]string{"RoleManager": "false"}, "Property key must be in format Namespace/PropertyName: RoleManager"},
		{map[string]string{"RoleManager/a/b": "false"}, "Property key must be in format Namespace/PropertyName: RoleManager/a/b"},
		{map[string]string{"RoleManager/Enabled": "false", "X/Enabled": "false"}, "All properties must belong to the same namespace"},
		{map[string]string{"X/Enabled": "false"}, "Unsupported namespace: X"},
		{map[string]string{"RoleManager/X": "false"}, "RoleManager namespace requires Enabled property"},
		{map[string]string{"RoleManager/Enabled": "false", "RoleManager/X": "1"}, "RoleManager has no property but Enabled"},
		{map[string]string{"RoleManager/Enabled": "0"}, "Enabled must be 'true' or 'false'"},
		{map[string]string{"RoleManager/Enabled": "true"}, "Role manager cannot be enabled: Bartizan has no role templates, which AWS's own services make."},
	} {
		fails(put(tc.properties))(t, "InvalidInput", tc.message)
	}
}

func TestTokenPreferences(t *testing.T) {
	f := newFixture(t)
	version := func() int32 {
		return must(f.GetAccountSummary(f.root, &iamapi.GetAccountSummaryInput{}))(t).SummaryMap["GlobalEndpointTokenVersion"]
	}
	for _, tc := range []struct {
		set  iamapi.GlobalEndpointTokenVersion
		want int32
	}{{"", 1}, {"v2Token", 2}, {"v1Token", 1}} {
		if tc.set != "" {
			must(f.SetSecurityTokenServicePreferences(f.root, &iamapi.SetSecurityTokenServicePreferencesRequest{GlobalEndpointTokenVersion: tc.set}))(t)
		}
		if got := version(); got != tc.want {
			t.Errorf("after %q: version %d, want %d", tc.set, got, tc.want)
		}
	}
}
