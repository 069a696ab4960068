package caller

import (
	"strings"
	"testing"
)

func TestAccessKeyCarriesItsAccount(t *testing.T) {
	for _, account := range []string{"000000000000", "123456789012", "999999999999"} {
		key, err := NewAccessKey("AKIA", account)
		if err != nil {
			t.Fatal(err)
		}
		if len(key) != 20 || !strings.HasPrefix(key, "AKIA") {
			t.Errorf("key %q has not AWS's form", key)
		}
		if got := AccountOf(key); got != account {
			t.Errorf("AccountOf(%q) = %q, want %q", key, got, account)
		}
	}
	// A key of AWS's documentation and the account it is said to be of:
	// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
	if got := AccountOf("AKIAI44QH8DHBEXAMPLE"); len(got) != 12 && got != "" {
		t.Errorf("AccountOf(example) = %q", got)
	}
	for _, bad := range []string{"", "AKIA", "AKIA1111111111111111", "akiaiosfodnn7example"} {
		if got := AccountOf(bad); got != "" {
			t.Errorf("AccountOf(%q) = %q, want nothing", bad, got)
		}
	}
	if _, err := NewAccessKey("AKIA", "12"); err == nil {
		t.Error("NewAccessKey took a bad account")
	}
}
