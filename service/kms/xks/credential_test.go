package xks

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

func TestNewCredential(t *testing.T) {
	// The patterns of KMS's model.
	id := regexp.MustCompile(`^[A-Z2-7]{20,30}$`)
	secret := regexp.MustCompile(`^[a-zA-Z0-9/+=]{43,64}$`)
	seen := map[string]bool{}
	for range 100 {
		c := NewCredential()
		if !c.Valid() || !id.MatchString(c.AccessKeyID) || !secret.MatchString(c.Secret) || seen[c.AccessKeyID] || seen[c.Secret] {
			t.Fatal(c.AccessKeyID, len(c.Secret))
		}
		seen[c.AccessKeyID], seen[c.Secret] = true, true
	}
}

func TestValidCredential(t *testing.T) {
	good := Credential{strings.Repeat("A", 20), strings.Repeat("s", 43)}
	for _, c := range []struct {
		Credential
		want bool
	}{
		{good, true},
		{Credential{strings.Repeat("7", 30), strings.Repeat("/", 64)}, true},
		{Credential{strings.Repeat("A", 19), good.Secret}, false},
		{Credential{strings.Repeat("A", 31), good.Secret}, false},
		{Credential{strings.Repeat("A", 19) + "1", good.Secret}, false},
		{Credential{strings.Repeat("a", 20), good.Secret}, false},
		{Credential{good.AccessKeyID, good.Secret[1:]}, false},
		{Credential{good.AccessKeyID, strings.Repeat("s", 65)}, false},
		{Credential{good.AccessKeyID, good.Secret + "-"}, false},
	} {
		if c.Valid() != c.want {
			t.Error(c)
		}
	}
}

// TestConfiguration reads the file as the console would.
func TestConfiguration(t *testing.T) {
	c := NewCredential()
	b, err := c.Configuration("/a-b/kms/xks/v1")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		XksProxyUriPath                  string
		XksProxyAuthenticationCredential struct{ AccessKeyId, RawSecretAccessKey string }
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if got.XksProxyUriPath != "/a-b/kms/xks/v1" || got.XksProxyAuthenticationCredential.AccessKeyId != c.AccessKeyID ||
		got.XksProxyAuthenticationCredential.RawSecretAccessKey != c.Secret {
		t.Error(string(b))
	}
	if _, err := c.Configuration("/kms/xks"); err == nil {
		t.Error("a path that is none")
	}
}

func TestNames(t *testing.T) {
	for path, want := range map[string]bool{
		"/kms/xks/v1": true, "/a/kms/xks/v1": true, "/A_b-9/c/kms/xks/v1": true,
		"": false, "/kms/xks/v2": false, "kms/xks/v1": false, "a/kms/xks/v1": false, "//kms/xks/v1": false,
		"/a.b/kms/xks/v1": false, "/a%20/kms/xks/v1": false, "/kms/xks/v1/": false,
		"/" + strings.Repeat("a", 116) + base: true, "/" + strings.Repeat("a", 117) + base: false,
	} {
		if ValidPath(path) != want {
			t.Error(path)
		}
	}
	for id, want := range map[string]bool{
		"a": true, "A.b_c-9": true, "...": true, strings.Repeat("k", 128): true,
		"": false, ".": false, "..": false, "a/b": false, "a b": false, "ä": false, strings.Repeat("k", 129): false,
	} {
		if ValidKeyID(id) != want {
			t.Error(id)
		}
	}
}
