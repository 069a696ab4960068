package iam

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"strings"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/arn"
	"bartizan.dev/policy"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func (s *Service) mfaRules() policy.Rules {
	return policy.Rules{
		"CreateVirtualMFADevice": policy.On(func(ctx context.Context, in *iamapi.CreateVirtualMFADeviceRequest) ([]policy.Touch, error) {
			account := accountOf(ctx)
			return alsoTagging(policy.Touch{
				Action: "iam:CreateVirtualMFADevice", Account: account,
				Resource:    arnOf(account, "mfa", pathOr(in.Path), in.VirtualMFADeviceName),
				RequestTags: requestTags(in.Tags),
			}, "iam:TagMFADevice", len(in.Tags)), nil
		}),
		"DeleteVirtualMFADevice": onMFA(s, "DeleteVirtualMFADevice", func(in *iamapi.DeleteVirtualMFADeviceRequest) string { return in.SerialNumber }),
		"ListMFADeviceTags":      onMFA(s, "ListMFADeviceTags", func(in *iamapi.ListMFADeviceTagsRequest) string { return in.SerialNumber }),
		"TagMFADevice": policy.On(func(ctx context.Context, in *iamapi.TagMFADeviceRequest) ([]policy.Touch, error) {
			t, err := s.touchMFA(ctx, "TagMFADevice", in.SerialNumber)
			t.RequestTags = requestTags(in.Tags)
			return []policy.Touch{t}, err
		}),
		"UntagMFADevice": policy.On(func(ctx context.Context, in *iamapi.UntagMFADeviceRequest) ([]policy.Touch, error) {
			t, err := s.touchMFA(ctx, "UntagMFADevice", in.SerialNumber)
			t.Keys = append(t.Keys, tagKeysKey(in.TagKeys))
			return []policy.Touch{t}, err
		}),
		"ListVirtualMFADevices": policy.On(func(ctx context.Context, _ *iamapi.ListVirtualMFADevicesRequest) ([]policy.Touch, error) {
			account := accountOf(ctx)
			return []policy.Touch{{Action: "iam:ListVirtualMFADevices", Account: account, Resource: arn.New("iam", "", account, "mfa/")}}, nil
		}),
		"DeactivateMFADevice": onOwn(s, "DeactivateMFADevice", func(in *iamapi.DeactivateMFADeviceRequest) *string { return in.UserName }),
		"EnableMFADevice":     onOwn(s, "EnableMFADevice", func(in *iamapi.EnableMFADeviceRequest) *string { return &in.UserName }),
		"GetMFADevice":        onOwn(s, "GetMFADevice", func(in *iamapi.GetMFADeviceRequest) *string { return in.UserName }),
		"ListMFADevices":      onOwn(s, "ListMFADevices", func(in *iamapi.ListMFADevicesRequest) *string { return in.UserName }),
		"ResyncMFADevice":     onOwn(s, "ResyncMFADevice", func(in *iamapi.ResyncMFADeviceRequest) *string { return &in.UserName }),
	}
}

// touchMFA is the touch of an action on a virtual MFA device, with the tags of
// the record if it exists.
func (s *Service) touchMFA(ctx context.Context, action, serial string) (policy.Touch, error) {
	account := accountOf(ctx)
	t := policy.Touch{Action: "iam:" + action, Account: account, Resource: serial}
	if !strings.HasPrefix(serial, "arn:") {
		t.Resource = arnOf(account, "mfa", "/", serial)
	}
	d, err := s.mfaDevice(ctx, s.Store, serial)
	if isNoSuchEntity(err) {
		return t, nil
	} else if err != nil {
		return t, err
	}
	t.ResourceTags = policyTags(d.Tags)
	if assumedRoot(ctx) && (d.Owner == "" || d.Owner == account) {
		t.Resource = rootARN(account) // on which alone AssumeRoot's task policy lets devices be deleted
	}
	return t, nil
}

func onMFA[I any](s *Service, action string, serial func(*I) string) policy.Rule {
	return policy.On(func(ctx context.Context, in *I) ([]policy.Touch, error) {
		t, err := s.touchMFA(ctx, action, serial(in))
		return []policy.Touch{t}, err
	})
}

func noSuchMFA(serial string) *wire.Error {
	return wire.Errorf("NoSuchEntity", "VirtualMFADevice with serial number %s does not exist.", serial).WithStatus(404)
}

// mfaID is the id of the record that a serial number names: the ARN of a
// virtual or FIDO device. Hardware tokens have serial numbers that are no ARNs;
// their seeds are AWS's secret, so none of them is known here.
func mfaID(serial string) (id, account string, ok bool) {
	a, err := arn.Parse(serial)
	if err != nil || a.Service != "iam" || serial != arn.New("iam", "", a.Account, a.Resource) {
		return "", "", false
	}
	return a.Account + "/" + a.Resource, a.Account, true
}

// anyMFADevice reads a device of the caller's account, virtual or FIDO.
func (s *Service) anyMFADevice(ctx context.Context, r store.Reader, serial string) (*mfaDevice, error) {
	id, account, ok := mfaID(serial)
	if !ok || account != accountOf(ctx) {
		return nil, noSuchMFA(serial)
	}
	d, err := s.mfas.Get(ctx, r, id)
	return found(d, err, noSuchMFA(serial))
}

// mfaDevice reads a virtual device of the caller's account.
func (s *Service) mfaDevice(ctx context.Context, r store.Reader, serial string) (*mfaDevice, error) {
	d, err := s.anyMFADevice(ctx, r, serial)
	if err == nil && d.Passkey != nil {
		return nil, noSuchMFA(serial)
	}
	return d, err
}

// mfaSeedBytes is how long AWS's seeds are: 64 characters of base32.
const mfaSeedBytes = 40

var base32Raw = base32.StdEncoding.WithPadding(base32.NoPadding)

// CreateVirtualMFADevice makes a device that belongs to nobody yet. Only this
// answer ever has its seed.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateVirtualMFADevice.html
func (s *Service) CreateVirtualMFADevice(ctx context.Context, in *iamapi.CreateVirtualMFADeviceRequest) (*iamapi.CreateVirtualMFADeviceResponse, error) {
	d := &mfaDevice{
		Account: accountOf(ctx), Resource: "mfa" + pathOr(in.Path) + in.VirtualMFADeviceName,
		Seed: make([]byte, mfaSeedBytes),
	}
	if len(d.serial()) > maxSerial {
		return nil, wire.Errorf("ValidationError", "1 validation error detected: Value at 'serialNumber' failed to satisfy constraint: Member must have length less than or equal to %d", maxSerial)
	}
	var err error
	if d.Tags, err = setTags(nil, in.Tags); err != nil {
		return nil, err
	}
	rand.Read(d.Seed) // never fails: see crypto/rand
	alias := ""
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		a, err := s.accountFor(ctx, tx, d.Account)
		if err != nil {
			return err
		}
		alias = a.Alias
		err = s.mfas.Insert(ctx, tx, d.id(), d)
		if errors.Is(err, store.ErrExists) {
			return wire.Errorf("EntityAlreadyExists", "MFADevice entity at the same path and name already exists.").WithStatus(409)
		} else if err != nil {
			return err
		}
		return s.count(ctx, tx, d.Account, func(c *counts) error {
			if c.MFADevices++; c.MFADevices > s.Quotas.Users {
				return exceeded("MFADevices", s.Quotas.Users) // AWS: as many as users
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	if alias == "" {
		alias = d.Account
	}
	seed := base32Raw.EncodeToString(d.Seed)
	png, err := otpauthPNG(otpauthURI(in.VirtualMFADeviceName, alias, seed))
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateVirtualMFADeviceResponse{VirtualMFADevice: &iamapi.VirtualMFADevice{
		SerialNumber: d.serial(), Base32StringSeed: []byte(seed), QRCodePNG: png, Tags: apiTags(d.Tags),
	}}, nil
}

// DeleteVirtualMFADevice deletes a device that is assigned to nobody.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteVirtualMFADevice.html
func (s *Service) DeleteVirtualMFADevice(ctx context.Context, in *iamapi.DeleteVirtualMFADeviceRequest) (*iamapi.DeleteVirtualMFADeviceOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.mfaDevice(ctx, tx, in.SerialNumber)
		if err != nil {
			return err
		}
		if d.Owner != "" {
			return conflict("MFA VirtualDevice in use. Must deactivate first.")
		}
		if err := s.count(ctx, tx, d.Account, func(c *counts) error { c.MFADevices--; return nil }); err != nil {
			return err
		}
		return s.mfas.Delete(ctx, tx, d.id())
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeleteVirtualMFADeviceOutput{}, nil
}

// changeMFA changes a virtual device in a transaction.
func (s *Service) changeMFA(ctx context.Context, serial string, change func(*mfaDevice) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, err := s.mfaDevice(ctx, tx, serial)
		if err != nil {
			return err
		}
		if err := change(d); err != nil {
			return err
		}
		return s.mfas.Put(ctx, tx, d.id(), d)
	})
	return err
}

// TagMFADevice adds tags to a virtual device or replaces their values.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagMFADevice.html
func (s *Service) TagMFADevice(ctx context.Context, in *iamapi.TagMFADeviceRequest) (*iamapi.TagMFADeviceOutput, error) {
	err := s.changeMFA(ctx, in.SerialNumber, func(d *mfaDevice) (err error) {
		d.Tags, err = setTags(d.Tags, in.Tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.TagMFADeviceOutput{}, nil
}

// UntagMFADevice removes tags from a virtual device. Keys it does not have are
// no error.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_UntagMFADevice.html
func (s *Service) UntagMFADevice(ctx context.Context, in *iamapi.UntagMFADeviceRequest) (*iamapi.UntagMFADeviceOutput, error) {
	err := s.changeMFA(ctx, in.SerialNumber, func(d *mfaDevice) error {
		d.Tags = removeTags(d.Tags, in.TagKeys)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.UntagMFADeviceOutput{}, nil
}

// ListMFADeviceTags lists the tags of a virtual device in the order of their
// keys.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADeviceTags.html
func (s *Service) ListMFADeviceTags(ctx context.Context, in *iamapi.ListMFADeviceTagsRequest) (*iamapi.ListMFADeviceTagsResponse, error) {
	d, err := s.mfaDevice(ctx, s.Store, in.SerialNumber)
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListMFADeviceTagsResponse{}
	out.Tags, out.IsTruncated, out.Marker, err = listTags(d.Tags, in.MaxItems, in.Marker)
	if err != nil {
		return nil, err
	}
	return out, nil
}
