package iam

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// Passkey is a FIDO security key or passkey of a user or root user. WebAuthn is
// the sign-in's business; here is what it has to remember.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_fido.html
type Passkey struct {
	Serial         string // ARN: u2f/user/alice/name-… or u2f/root/name-…
	UserID         string // AIDA…, or the account's id for its root user
	Account        string
	Enabled        time.Time
	CredentialID   []byte            // at most 1,023 bytes
	PublicKey      []byte            // COSE_Key (RFC 9052, section 7)
	SignCount      uint32            // as the authenticator last said it
	Certifications map[string]string // such as FIDO: L1; for GetMFADevice
}

// Bounds of what an authenticator may hand in. Credential ids are bounded by
// https://www.w3.org/TR/webauthn-3/#credential-id.
const (
	maxCredentialID = 1023
	maxPublicKey    = 4096
	maxPasskeyName  = 64
)

// AddPasskey registers a passkey as an MFA device and returns it with serial and
// date. Of p it reads UserID, Account, CredentialID, PublicKey, SignCount and
// Certifications; name is the one its owner chose. Errors: NoSuchEntity (the
// user), LimitExceeded (a ninth device), EntityAlreadyExists (the credential id
// is taken), ValidationError.
func (s *Service) AddPasskey(ctx context.Context, name string, p Passkey) (*Passkey, error) {
	if !deviceName(name) || len(p.CredentialID) == 0 || len(p.CredentialID) > maxCredentialID ||
		len(p.PublicKey) == 0 || len(p.PublicKey) > maxPublicKey {
		return nil, wire.Errorf("ValidationError", "The name, credential id or public key of the security key is invalid.")
	}
	var suffix [16]byte
	rand.Read(suffix[:]) // never fails: see crypto/rand
	var d *mfaDevice
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		holder, err := s.passkeyHolder(ctx, tx, &p)
		if err != nil {
			return err
		}
		d = &mfaDevice{
			Account: p.Account, Owner: p.UserID, Enabled: s.now(),
			Resource: "u2f/" + holder + "/" + name + "-" + base32Raw.EncodeToString(suffix[:]),
			Passkey:  &passkey{CredentialID: p.CredentialID, PublicKey: p.PublicKey, SignCount: p.SignCount, Certifications: p.Certifications},
		}
		if err := s.mfaQuota(ctx, tx, p.UserID); err != nil {
			return err
		}
		switch _, err := s.mfas.OneBy(ctx, tx, "passkey", passkeyIndex(p.CredentialID)); {
		case err == nil:
			return wire.Errorf("EntityAlreadyExists", "MFA Device is already in use.").WithStatus(409)
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := s.count(ctx, tx, p.Account, func(c *counts) error { c.MFADevices++; c.MFAInUse++; return nil }); err != nil {
			return err
		}
		return s.mfas.Insert(ctx, tx, d.id(), d)
	})
	if err != nil {
		return nil, err
	}
	return apiPasskey(d), nil
}

// passkeyHolder is the part of the serial that says whose device it is.
func (s *Service) passkeyHolder(ctx context.Context, r store.Reader, p *Passkey) (string, error) {
	if p.UserID == p.Account {
		a, err := s.accounts.Get(ctx, r, p.Account)
		_, err = found(a, err, noSuch("user", p.UserID))
		return "root", err
	}
	e, err := s.users.OneBy(ctx, r, "id", p.UserID)
	if errors.Is(err, store.ErrNotFound) || err == nil && e.Value.Account != p.Account {
		return "", noSuch("user", p.UserID)
	} else if err != nil {
		return "", err
	}
	return "user/" + e.Value.Name, nil
}

// deviceName reports whether a name fits the model's pattern [\w+=,.@-]+.
func deviceName(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '_', c == '+', c == '=', c == ',', c == '.', c == '@', c == '-':
		default:
			return false
		}
	}
	return name != "" && len(name) <= maxPasskeyName
}

func apiPasskey(d *mfaDevice) *Passkey {
	return &Passkey{
		Serial: d.serial(), UserID: d.Owner, Account: d.Account, Enabled: d.Enabled,
		CredentialID: d.Passkey.CredentialID, PublicKey: d.Passkey.PublicKey,
		SignCount: d.Passkey.SignCount, Certifications: d.Passkey.Certifications,
	}
}

// Passkey returns the passkey with the credential id; nil if there is none.
func (s *Service) Passkey(ctx context.Context, credentialID []byte) (*Passkey, error) {
	e, err := s.mfas.OneBy(ctx, s.Store, "passkey", passkeyIndex(credentialID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return apiPasskey(e.Value), nil
}

// Passkeys lists the passkeys of a user (AIDA…) or root user (account id).
func (s *Service) Passkeys(ctx context.Context, userID string) ([]Passkey, error) {
	devices, err := owned(ctx, s.Store, &s.mfas, userID)
	if err != nil {
		return nil, err
	}
	var out []Passkey
	for _, d := range devices {
		if d.Passkey != nil {
			out = append(out, *apiPasskey(d))
		}
	}
	return out, nil
}

// BumpPasskey writes down the signature counter of an assertion whose signature
// is right. It returns false, and writes nothing, if the counter did not grow: a
// sign that the key was cloned, or that the assertion is replayed. It is false
// too for a passkey that is gone. Authenticators without a counter always say 0.
// https://www.w3.org/TR/webauthn-3/#sctn-sign-counter
func (s *Service) BumpPasskey(ctx context.Context, credentialID []byte, count uint32) (ok bool, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		ok = false
		e, err := s.mfas.OneBy(ctx, tx, "passkey", passkeyIndex(credentialID))
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return fmt.Errorf("iam: passkey: %w", err)
		}
		p := e.Value.Passkey
		if ok = count > p.SignCount || count == 0 && p.SignCount == 0; !ok || count == p.SignCount {
			return nil
		}
		p.SignCount = count
		return s.mfas.Put(ctx, tx, e.ID, e.Value)
	})
	return ok && err == nil, err
}
