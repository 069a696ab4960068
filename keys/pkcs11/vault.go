package pkcs11

import (
	"context"
	"slices"

	"bartizan.dev/keys"
	"bartizan.dev/keys/pkcs11/frame"
)

// Vault is a keys.Vault in a token of the HSM: keys are made there, not
// extractable and sensitive, and what Seal and Open do happens there.
type Vault struct {
	pool        *pool
	serial      string
	description string
}

var _ keys.Vault = (*Vault)(nil)

// Vault logs in to the token with a serial number, or the only one with a label,
// as its user. The vault keeps the PIN in memory, to log in again when the helper
// or the HSM was away.
func (c *Client) Vault(ctx context.Context, token string, pin []byte) (*Vault, error) {
	login := &frame.Request{Op: frame.Login, Token: token, PIN: slices.Clone(pin)}
	v := &Vault{pool: newPool(c.pool.socket, login), description: "HSM token " + token}
	serial, err := v.pool.do(ctx, login, true)
	if err != nil {
		_ = v.pool.close()
		return nil, err
	}
	v.serial = string(serial)
	v.pool.mu.Lock()
	v.pool.login.Token = v.serial // later logins mean this token, whatever its label
	v.pool.mu.Unlock()
	return v, nil
}

// Serial returns the serial number of the token.
func (v *Vault) Serial() string { return v.serial }

// Create makes a key in the token.
func (v *Vault) Create(ctx context.Context, label string) error {
	if !keys.ValidLabel(label) {
		return keys.ErrLabel
	}
	_, err := v.pool.do(ctx, &frame.Request{Op: frame.Create, Label: label}, false)
	return err
}

// Seal encrypts in the token.
func (v *Vault) Seal(ctx context.Context, label string, plaintext, associated []byte) ([]byte, error) {
	if err := v.reachable(ctx, label); err != nil {
		return nil, err
	}
	if len(plaintext) > keys.MaxPlaintext || len(associated) > keys.MaxAssociated {
		return nil, keys.ErrTooLarge
	}
	return v.pool.do(ctx, &frame.Request{Op: frame.Seal, Label: label, Data: plaintext, Associated: associated}, true)
}

// Open decrypts in the token.
func (v *Vault) Open(ctx context.Context, label string, sealed, associated []byte) ([]byte, error) {
	if err := v.reachable(ctx, label); err != nil {
		return nil, err
	}
	if len(sealed) < keys.SealOverhead || len(sealed) > keys.MaxPlaintext+keys.SealOverhead || len(associated) > keys.MaxAssociated {
		switch has, err := v.Has(ctx, label); {
		case err != nil:
			return nil, err
		case !has:
			return nil, keys.ErrNoKey
		}
		return nil, keys.ErrUnseal
	}
	return v.pool.do(ctx, &frame.Request{Op: frame.Open, Label: label, Data: sealed, Associated: associated}, true)
}

// Destroy destroys a key in the token. Copies of the token that the HSM's own
// tools made still hold it.
func (v *Vault) Destroy(ctx context.Context, label string) error {
	if err := v.reachable(ctx, label); err != nil {
		return err
	}
	_, err := v.pool.do(ctx, &frame.Request{Op: frame.Destroy, Label: label}, false)
	return err
}

// Has asks the token for a key.
func (v *Vault) Has(ctx context.Context, label string) (bool, error) {
	switch err := v.reachable(ctx, label); err {
	case nil:
	case keys.ErrNoKey:
		return false, nil
	default:
		return false, err
	}
	data, err := v.pool.do(ctx, &frame.Request{Op: frame.Has, Label: label}, true)
	return len(data) == 1 && data[0] == 1, err
}

// reachable answers for labels that no key can have, without the helper: they
// may be too long for it.
func (v *Vault) reachable(ctx context.Context, label string) error {
	v.pool.mu.Lock()
	closed := v.pool.closed
	v.pool.mu.Unlock()
	switch {
	case closed:
		return keys.ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case !keys.ValidLabel(label):
		return keys.ErrNoKey
	}
	return nil
}

// Describe names the token.
func (v *Vault) Describe() string { return v.description }

// Close logs out and forgets the PIN.
func (v *Vault) Close() error { return v.pool.close() }
