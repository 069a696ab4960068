package iam

import (
	"testing"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/wire"
)

// The lists of what cannot be made are empty for a user that exists, and an
// error for one that does not.
func TestListsOfNothing(t *testing.T) {
	f := newFixture(t)
	must(f.CreateUser(f.root, &iamapi.CreateUserRequest{UserName: "alice"}))(t)
	for name, list := range map[string]func(user string) (int, error){
		"MFA devices": func(user string) (int, error) {
			out, err := f.ListMFADevices(f.root, &iamapi.ListMFADevicesRequest{UserName: &user})
			if err != nil {
				return 0, err
			}
			return len(out.MFADevices), nil
		},
		"SSH keys": func(user string) (int, error) {
			out, err := f.ListSSHPublicKeys(f.root, &iamapi.ListSSHPublicKeysRequest{UserName: &user})
			if err != nil {
				return 0, err
			}
			return len(out.SSHPublicKeys), nil
		},
		"signing certificates": func(user string) (int, error) {
			out, err := f.ListSigningCertificates(f.root, &iamapi.ListSigningCertificatesRequest{UserName: &user})
			if err != nil {
				return 0, err
			}
			return len(out.Certificates), nil
		},
		"service-specific credentials": func(user string) (int, error) {
			out, err := f.ListServiceSpecificCredentials(f.root, &iamapi.ListServiceSpecificCredentialsRequest{UserName: &user})
			if err != nil {
				return 0, err
			}
			return len(out.ServiceSpecificCredentials), nil
		},
	} {
		if n, err := list("alice"); n != 0 || err != nil {
			t.Errorf("%s of alice: %d, %v", name, n, err)
		}
		if _, err := list("nobody"); wire.AsError(err).Code != "NoSuchEntity" {
			t.Errorf("%s of nobody: %v", name, err)
		}
	}
	if _, err := f.ListVirtualMFADevices(f.root, &iamapi.ListVirtualMFADevicesRequest{Marker: new("!")}); err == nil {
		t.Error("a bad marker was taken")
	}
}
