package iam

import (
	"context"
	"errors"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/store"
)

// GetMFADevice tells about a FIDO device; "for this API, we only accept FIDO
// security key ARNs".
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetMFADevice.html
func (s *Service) GetMFADevice(ctx context.Context, in *iamapi.GetMFADeviceRequest) (*iamapi.GetMFADeviceResponse, error) {
	d, o, err := s.theirMFA(ctx, s.Store, in.UserName, in.SerialNumber)
	if err != nil {
		return nil, err
	}
	if d.Passkey == nil {
		return nil, notTheirMFA()
	}
	out := &iamapi.GetMFADeviceResponse{
		SerialNumber: d.serial(), EnableDate: d.Enabled, Certifications: d.Passkey.Certifications,
	}
	if o.user != nil {
		out.UserName = &o.name
	}
	return out, nil
}

// ListMFADevices lists the devices of a user, virtual and FIDO, or those of the
// root user who calls.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html
func (s *Service) ListMFADevices(ctx context.Context, in *iamapi.ListMFADevicesRequest) (*iamapi.ListMFADevicesResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	o, err := s.mfaOwner(ctx, s.Store, in.UserName)
	if err != nil {
		return nil, err
	}
	devices, err := owned(ctx, s.Store, &s.mfas, o.id)
	if err != nil {
		return nil, err
	}
	page, truncated, marker := cut(p, devices, func(d *mfaDevice) string { return d.Resource })
	out := &iamapi.ListMFADevicesResponse{MFADevices: []iamapi.MFADevice{}, IsTruncated: truncated, Marker: marker}
	for _, d := range page {
		out.MFADevices = append(out.MFADevices, iamapi.MFADevice{UserName: o.name, SerialNumber: d.serial(), EnableDate: d.Enabled})
	}
	return out, nil
}

// ListVirtualMFADevices lists the account's virtual devices in the order of
// their serial numbers, without tags, seeds and QR codes.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListVirtualMFADevices.html
func (s *Service) ListVirtualMFADevices(ctx context.Context, in *iamapi.ListVirtualMFADevicesRequest) (*iamapi.ListVirtualMFADevicesResponse, error) {
	p, err := newPage(in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	devices, truncated, marker, err := listPage(ctx, s.Store, &s.mfas, accountOf(ctx)+"/mfa", p, func(d *mfaDevice) bool {
		switch in.AssignmentStatus {
		case iamapi.AssignmentStatusType_Assigned:
			return d.Owner != ""
		case iamapi.AssignmentStatusType_Unassigned:
			return d.Owner == ""
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListVirtualMFADevicesResponse{VirtualMFADevices: []iamapi.VirtualMFADevice{}, IsTruncated: truncated, Marker: marker}
	for _, d := range devices {
		v := iamapi.VirtualMFADevice{SerialNumber: d.serial(), EnableDate: d.Enabled}
		if v.User, err = s.mfaUser(ctx, d); err != nil {
			return nil, err
		}
		out.VirtualMFADevices = append(out.VirtualMFADevices, v)
	}
	return out, nil
}

// mfaUser is whom a device is assigned to; nil if to nobody.
func (s *Service) mfaUser(ctx context.Context, d *mfaDevice) (*iamapi.User, error) {
	switch d.Owner {
	case "":
		return nil, nil
	case d.Account:
		a, err := s.accountFor(ctx, s.Store, d.Account)
		if err != nil {
			return nil, err
		}
		return &iamapi.User{UserId: d.Account, Arn: rootARN(d.Account), CreateDate: a.Created}, nil
	}
	e, err := s.users.OneBy(ctx, s.Store, "id", d.Owner)
	if errors.Is(err, store.ErrNotFound) { // deactivated and deleted meanwhile
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return s.listedUser(e.Value), nil
}
