package iam

import (
	"context"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// mfaOwner is owner where the user name may also be the account's id, if the
// root user calls: AWS assigns devices to the root user in its console only,
// which needs no name for it.
func (s *Service) mfaOwner(ctx context.Context, r store.Reader, name *string) (*owner, error) {
	o, err := s.owner(ctx, r, name)
	id := &caller.From(ctx).Identity
	if isNoSuchEntity(err) && id.Kind == caller.Root && name != nil && *name == id.Account {
		return &owner{id: id.Account, name: id.Account}, nil
	}
	return o, err
}

// selfManaged refuses a caller without MFA that adds or removes devices of its
// own and has one already: who stole its access key alone must not be able to.
// The sessions of AssumeRoot are made to remove a root user's devices.
// https://aws.amazon.com/security/security-bulletins/AWS-2023-001/
func (s *Service) selfManaged(ctx context.Context, r store.Reader, o *owner) error {
	id := &caller.From(ctx).Identity
	if id.ID != o.id || id.Session != nil && id.Session.MFA || assumedRoot(ctx) {
		return nil
	}
	if is, err := has(ctx, r, &s.mfas, o.id); err != nil || !is {
		return err
	}
	return wire.Errorf("AccessDenied", "To complete this action, please ensure that you are authenticated with an MFA device that is enabled for this user.").WithStatus(403)
}

func invalidCodes() *wire.Error {
	return wire.Errorf("InvalidAuthenticationCode", "Authentication code for device is not valid.").WithStatus(403)
}

func notTheirMFA() *wire.Error {
	return wire.Errorf("NoSuchEntity", "MFA Device invalid for user.").WithStatus(404)
}

// sync sets the clock of a virtual device by two codes in succession that it
// has just shown, and spends them.
func (d *mfaDevice) sync(now time.Time, first, second string) error {
	step, ok := totpSync(d.Seed, stepAt(now), d.Used, first, second)
	if !ok {
		return invalidCodes()
	}
	d.Used, d.Drift = step, totpDrift(step, stepAt(now))
	d.Failures, d.Locked = 0, time.Time{}
	return nil
}

// EnableMFADevice assigns a virtual device to a user that shows two of its codes
// in succession.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_EnableMFADevice.html
func (s *Service) EnableMFADevice(ctx context.Context, in *iamapi.EnableMFADeviceRequest) (*iamapi.EnableMFADeviceOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.mfaOwner(ctx, tx, &in.UserName)
		if err != nil {
			return err
		}
		if err := s.selfManaged(ctx, tx, o); err != nil {
			return err
		}
		d, err := s.anyMFADevice(ctx, tx, in.SerialNumber)
		if err != nil {
			return err
		}
		if d.Owner != "" {
			return wire.Errorf("EntityAlreadyExists", "MFA Device is already in use.").WithStatus(409)
		}
		if err := s.mfaQuota(ctx, tx, o.id); err != nil {
			return err
		}
		if err := d.sync(s.Now(), in.AuthenticationCode1, in.AuthenticationCode2); err != nil {
			return err
		}
		d.Owner, d.Enabled = o.id, s.now()
		if err := s.count(ctx, tx, d.Account, func(c *counts) error { c.MFAInUse++; return nil }); err != nil {
			return err
		}
		return s.mfas.Put(ctx, tx, d.id(), d)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.EnableMFADeviceOutput{}, nil
}

// mfaQuota refuses a ninth device.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
func (s *Service) mfaQuota(ctx context.Context, r store.Reader, owner string) error {
	ids, err := s.mfas.By(ctx, r, "owner", owner, "", maxMFADevices)
	if err == nil && len(ids) >= maxMFADevices {
		return exceeded("MFADevicesPerUser", maxMFADevices)
	}
	return err
}

// ResyncMFADevice sets the clock of a user's virtual device by two codes in
// succession, which also unlocks it.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_ResyncMFADevice.html
func (s *Service) ResyncMFADevice(ctx context.Context, in *iamapi.ResyncMFADeviceRequest) (*iamapi.ResyncMFADeviceOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		d, _, err := s.theirMFA(ctx, tx, &in.UserName, in.SerialNumber)
		if err != nil {
			return err
		}
		if d.Passkey != nil { // has no clock
			return notTheirMFA()
		}
		if err := d.sync(s.Now(), in.AuthenticationCode1, in.AuthenticationCode2); err != nil {
			return err
		}
		return s.mfas.Put(ctx, tx, d.id(), d)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.ResyncMFADeviceOutput{}, nil
}

// theirMFA reads a device that is assigned to the owner a call names.
func (s *Service) theirMFA(ctx context.Context, r store.Reader, name *string, serial string) (*mfaDevice, *owner, error) {
	o, err := s.mfaOwner(ctx, r, name)
	if err != nil {
		return nil, nil, err
	}
	d, err := s.anyMFADevice(ctx, r, serial)
	if err != nil {
		return nil, nil, err
	}
	if d.Owner != o.id {
		return nil, nil, notTheirMFA()
	}
	return d, o, nil
}

// DeactivateMFADevice takes a device away from its owner. A virtual device stays
// and can be assigned again; a FIDO device is forgotten. "When you make this
// request with root user credentials, you must use an AssumeRoot session to omit
// the user name."
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeactivateMFADevice.html
func (s *Service) DeactivateMFADevice(ctx context.Context, in *iamapi.DeactivateMFADeviceRequest) (*iamapi.DeactivateMFADeviceOutput, error) {
	if id := &caller.From(ctx).Identity; in.UserName == nil && id.Kind == caller.Root && !assumedRoot(ctx) {
		return nil, errNoUserName()
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		o, err := s.mfaOwner(ctx, tx, in.UserName)
		if err != nil {
			return err
		}
		if err := s.selfManaged(ctx, tx, o); err != nil {
			return err
		}
		d, _, err := s.theirMFA(ctx, tx, in.UserName, in.SerialNumber)
		if err != nil {
			return err
		}
		if err := s.count(ctx, tx, d.Account, func(c *counts) error {
			c.MFAInUse--
			if d.Passkey != nil {
				c.MFADevices--
			}
			return nil
		}); err != nil {
			return err
		}
		if d.Passkey != nil {
			return s.mfas.Delete(ctx, tx, d.id())
		}
		d.Owner, d.Enabled = "", time.Time{}
		return s.mfas.Put(ctx, tx, d.id(), d)
	})
	if err != nil {
		return nil, err
	}
	return &iamapi.DeactivateMFADeviceOutput{}, nil
}
