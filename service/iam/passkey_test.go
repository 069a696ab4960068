package iam

import (
	"strings"
	"testing"

	iamapi "bartizan.dev/api/iam"
)

func TestPasskeys(t *testing.T) {
	f := newFixture(t)
	id := f.newUser("alice")
	key := Passkey{UserID: id, Account: testAccount, CredentialID: []byte("credential 1"), PublicKey: []byte("key"), SignCount: 7,
		Certifications: map[string]string{"FIDO": "L1"}}
	added := must(f.AddPasskey(t.Context(), "laptop", key))(t)
	if prefix := "arn:aws:iam::111122223333:u2f/user/alice/laptop-"; !strings.HasPrefix(added.Serial, prefix) || len(added.Serial) != len(prefix)+26 {
		t.Errorf("serial %s", added.Serial)
	}
	fails(f.AddPasskey(t.Context(), "again", key))(t, "EntityAlreadyExists", "MFA Device is already in use.")
	for name, change := range map[string]func(*Passkey){
		"no such user":          func(k *Passkey) { k.UserID = "AIDANOBODY" },
		"user of another":       func(k *Passkey) { k.Account = otherAccount },
		"no credential id":      func(k *Passkey) { k.CredentialID = nil },
		"a huge credential id":  func(k *Passkey) { k.CredentialID = make([]byte, maxCredentialID+1) },
		"no public key":         func(k *Passkey) { k.PublicKey = nil },
		"no account's root":     func(k *Passkey) { k.UserID, k.Account = "999999999999", "999999999999" },
		"root of other account": func(k *Passkey) { k.UserID = otherAccount },
	} {
		k := key
		k.CredentialID = []byte(name)
		change(&k)
		if _, err := f.AddPasskey(t.Context(), "x", k); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := f.AddPasskey(t.Context(), "a/b", Passkey{UserID: id, Account: testAccount, CredentialID: []byte("2"), PublicKey: []byte("k")}); err == nil {
		t.Error("a name with a slash was taken")
	}

	got := must(f.Passkey(t.Context(), key.CredentialID))(t)
	if got == nil || got.Serial != added.Serial || got.UserID != id || got.SignCount != 7 || string(got.PublicKey) != "key" {
		t.Errorf("got %+v", got)
	}
	if got := must(f.Passkey(t.Context(), []byte("unknown")))(t); got != nil {
		t.Errorf("an unknown credential is %+v", got)
	}
	if list := must(f.Passkeys(t.Context(), id))(t); len(list) != 1 {
		t.Errorf("%d passkeys", len(list))
	}
	if list := must(f.ListMFADevices(f.root, &iamapi.ListMFADevicesRequest{UserName: new("alice")}))(t); len(list.MFADevices) != 1 {
		t.Errorf("devices %v", list.MFADevices)
	}
	if list := must(f.ListVirtualMFADevices(f.root, &iamapi.ListVirtualMFADevicesRequest{}))(t); len(list.VirtualMFADevices) != 0 {
		t.Errorf("a passkey is listed as a virtual device: %v", list.VirtualMFADevices)
	}
	info := must(f.GetMFADevice(f.root, &iamapi.GetMFADeviceRequest{UserName: new("alice"), SerialNumber: added.Serial}))(t)
	if info.Certifications["FIDO"] != "L1" || *info.UserName != "alice" || info.EnableDate != f.clock {
		t.Errorf("GetMFADevice: %+v", info)
	}
	if ok := must(f.CheckMFA(t.Context(), id, added.Serial, "000000"))(t); ok {
		t.Error("a passkey took a code")
	}
	must(f.DeactivateMFADevice(f.root, &iamapi.DeactivateMFADeviceRequest{UserName: new("alice"), SerialNumber: added.Serial}))(t)
	if got := must(f.Passkey(t.Context(), key.CredentialID))(t); got != nil {
		t.Error("a deactivated passkey is still known")
	}
	if n := must(f.GetAccountSummary(f.root, &iamapi.GetAccountSummaryInput{}))(t).SummaryMap; n["MFADevices"] != 0 || n["MFADevicesInUse"] != 0 {
		t.Errorf("counted %d, %d in use", n["MFADevices"], n["MFADevicesInUse"])
	}
}

func TestGetMFADeviceIsForFIDO(t *testing.T) {
	f := newFixture(t)
	f.newUser("alice")
	d := f.device("phone")
	if err := d.enable(f.root, "alice"); err != nil {
		t.Fatal(err)
	}
	fails(f.GetMFADevice(f.root, &iamapi.GetMFADeviceRequest{UserName: new("alice"), SerialNumber: d.serial}))(t, "NoSuchEntity", "MFA Device invalid for user.")
	root := must(f.AddPasskey(t.Context(), "key", Passkey{UserID: testAccount, Account: testAccount, CredentialID: []byte("1"), PublicKey: []byte("k")}))(t)
	if !strings.HasPrefix(root.Serial, "arn:aws:iam::111122223333:u2f/root/key-") {
		t.Errorf("serial %s", root.Serial)
	}
	if out := must(f.GetMFADevice(f.root, &iamapi.GetMFADeviceRequest{SerialNumber: root.Serial}))(t); out.UserName != nil {
		t.Errorf("the root user's name is %s", *out.UserName)
	}
}

func TestBumpPasskey(t *testing.T) {
	f := newFixture(t)
	id := f.newUser("alice")
	must(f.AddPasskey(t.Context(), "counting", Passkey{UserID: id, Account: testAccount, CredentialID: []byte("1"), PublicKey: []byte("k"), SignCount: 5}))(t)
	must(f.AddPasskey(t.Context(), "silent", Passkey{UserID: id, Account: testAccount, CredentialID: []byte("2"), PublicKey: []byte("k")}))(t)
	for _, c := range []struct {
		id    string
		count uint32
		ok    bool
	}{
		{"1", 6, true}, {"1", 6, false}, {"1", 5, false}, {"1", 0, false}, {"1", 100, true},
		{"2", 0, true}, {"2", 0, true}, {"2", 1, true}, {"2", 0, false},
		{"3", 1, false},
	} {
		if ok := must(f.BumpPasskey(t.Context(), []byte(c.id), c.count))(t); ok != c.ok {
			t.Errorf("%s to %d: %v", c.id, c.count, ok)
		}
	}
}
