package iam

import (
	"context"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
)

// What cannot be made yet, MFA devices, SSH keys, signing certificates and
// service-specific credentials, nobody has. To list them is answered truthfully
// all the same, because tools that delete a user look for them first. None of
// them has a page to begin or a filter to apply: markers are checked, and a
// user must exist.

func (s *Service) noneRules() policy.Rules {
	return policy.Rules{
		"ListMFADevices":                 onOwn(s, "ListMFADevices", func(in *iamapi.ListMFADevicesRequest) *string { return in.UserName }),
		"ListSSHPublicKeys":              onOwn(s, "ListSSHPublicKeys", func(in *iamapi.ListSSHPublicKeysRequest) *string { return in.UserName }),
		"ListSigningCertificates":        onOwn(s, "ListSigningCertificates", func(in *iamapi.ListSigningCertificatesRequest) *string { return in.UserName }),
		"ListServiceSpecificCredentials": onOwn(s, "ListServiceSpecificCredentials", func(in *iamapi.ListServiceSpecificCredentialsRequest) *string { return in.UserName }),
		"ListVirtualMFADevices": policy.On(func(ctx context.Context, _ *iamapi.ListVirtualMFADevicesRequest) ([]policy.Touch, error) {
			account := accountOf(ctx)
			return []policy.Touch{{Action: "iam:ListVirtualMFADevices", Account: account, Resource: arn.New("iam", "", account, "mfa/")}}, nil
		}),
	}
}

// nothing checks what all these lists share: the page, and that the user
// exists.
func (s *Service) nothing(ctx context.Context, user *string, maxItems *int32, marker *string) error {
	if _, err := newPage(maxItems, marker); err != nil {
		return err
	}
	_, _, err := s.keyOwner(ctx, s.Store, user)
	return err
}

// ListMFADevices lists the MFA devices of a user: none.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html
func (s *Service) ListMFADevices(ctx context.Context, in *iamapi.ListMFADevicesRequest) (*iamapi.ListMFADevicesResponse, error) {
	if err := s.nothing(ctx, in.UserName, in.MaxItems, in.Marker); err != nil {
		return nil, err
	}
	return &iamapi.ListMFADevicesResponse{MFADevices: []iamapi.MFADevice{}, IsTruncated: new(false)}, nil
}

// ListVirtualMFADevices lists the account's virtual MFA devices: none, assigned
// or not.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListVirtualMFADevices.html
func (s *Service) ListVirtualMFADevices(_ context.Context, in *iamapi.ListVirtualMFADevicesRequest) (*iamapi.ListVirtualMFADevicesResponse, error) {
	if _, err := newPage(in.MaxItems, in.Marker); err != nil {
		return nil, err
	}
	return &iamapi.ListVirtualMFADevicesResponse{VirtualMFADevices: []iamapi.VirtualMFADevice{}, IsTruncated: new(false)}, nil
}

// ListSSHPublicKeys lists the SSH public keys of a user: none.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSSHPublicKeys.html
func (s *Service) ListSSHPublicKeys(ctx context.Context, in *iamapi.ListSSHPublicKeysRequest) (*iamapi.ListSSHPublicKeysResponse, error) {
	if err := s.nothing(ctx, in.UserName, in.MaxItems, in.Marker); err != nil {
		return nil, err
	}
	return &iamapi.ListSSHPublicKeysResponse{SSHPublicKeys: []iamapi.SSHPublicKeyMetadata{}, IsTruncated: new(false)}, nil
}

// ListSigningCertificates lists the signing certificates of a user: none.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListSigningCertificates.html
func (s *Service) ListSigningCertificates(ctx context.Context, in *iamapi.ListSigningCertificatesRequest) (*iamapi.ListSigningCertificatesResponse, error) {
	if err := s.nothing(ctx, in.UserName, in.MaxItems, in.Marker); err != nil {
		return nil, err
	}
	return &iamapi.ListSigningCertificatesResponse{Certificates: []iamapi.SigningCertificate{}, IsTruncated: new(false)}, nil
}

// ListServiceSpecificCredentials lists the service-specific credentials of a
// user, or of all users: none.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListServiceSpecificCredentials.html
func (s *Service) ListServiceSpecificCredentials(ctx context.Context, in *iamapi.ListServiceSpecificCredentialsRequest) (*iamapi.ListServiceSpecificCredentialsResponse, error) {
	all := in.AllUsers != nil && *in.AllUsers
	switch {
	case all && in.UserName != nil:
		return nil, invalidInput("UserName and AllUsers exclude each other.")
	case all:
		if _, err := newPage(in.MaxItems, in.Marker); err != nil {
			return nil, err
		}
	default:
		if err := s.nothing(ctx, in.UserName, in.MaxItems, in.Marker); err != nil {
			return nil, err
		}
	}
	return &iamapi.ListServiceSpecificCredentialsResponse{ServiceSpecificCredentials: []iamapi.ServiceSpecificCredentialMetadata{}, IsTruncated: new(false)}, nil
}
