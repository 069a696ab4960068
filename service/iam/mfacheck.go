package iam

import (
	"context"
	"errors"
	"time"

	"bartizan.dev/store"
)

// Wrong codes lock a device, so that its codes cannot be guessed: the fifth in
// succession for a minute, each further one for twice as long as the one
// before, up to an hour. That leaves a guesser some 30 tries a day among a
// million codes of which three are right.
// https://www.rfc-editor.org/rfc/rfc4226#section-7.3
const (
	mfaTries   = 5
	mfaLock    = time.Minute
	mfaMaxLock = time.Hour
)

// MFADevice is a device that is assigned to somebody.
type MFADevice struct {
	Serial  string // ARN
	FIDO    bool   // a security key or passkey: see Passkeys
	Enabled time.Time
}

// MFADevices lists the devices of a user (AIDA…) or root user (account id) in
// the order of their serial numbers; none for an id that does not exist.
func (s *Service) MFADevices(ctx context.Context, userID string) ([]MFADevice, error) {
	devices, err := owned(ctx, s.Store, &s.mfas, userID)
	if err != nil {
		return nil, err
	}
	var out []MFADevice
	for _, d := range devices {
		out = append(out, MFADevice{Serial: d.serial(), FIDO: d.Passkey != nil, Enabled: d.Enabled})
	}
	return out, nil
}

// CheckMFA reports whether a code is one that the virtual device shows now, a
// step earlier or later, and spends it: no code is right twice, on any node.
// userID is AIDA… or an account's id for its root user. It returns false without
// saying why: for a device that is not this user's, a wrong or used code, and a
// device that is locked by wrong codes.
func (s *Service) CheckMFA(ctx context.Context, userID, serial, code string) (bool, error) {
	id, _, ok := mfaID(serial)
	if !ok || userID == "" {
		return false, nil
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		ok = false
		d, err := s.mfas.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		now := s.Now()
		if d.Owner != userID || d.Passkey != nil || now.Before(d.Locked) {
			return nil
		}
		ok = d.take(now, code)
		return s.mfas.Put(ctx, tx, id, d)
	})
	return ok && err == nil, err
}

// take spends a code, or counts a failure.
func (d *mfaDevice) take(now time.Time, code string) bool {
	step, ok := totpMatch(d.Seed, stepAt(now)+d.Drift, d.Used, code)
	if ok {
		d.Used, d.Failures, d.Locked = step, 0, time.Time{}
		return true
	}
	if d.Failures++; d.Failures >= mfaTries {
		lock := mfaLock << min(d.Failures-mfaTries, 10)
		d.Locked = now.Add(min(lock, mfaMaxLock))
	}
	return false
}
