// Package pkcs11 keeps keys in an HSM with a PKCS#11 module: a keys.Vault, whose
// keys are made and used in the HSM, and a keys.Custodian over it. It loads no
// module itself: that is what the helper program bartizan-hsm does (folder hsm),
// to which it talks over a Unix socket. A helper that has died is one that does
// not answer for a while: keys.ErrUnavailable.
package pkcs11

import (
	"context"
	"errors"
	"fmt"

	"bartizan.dev/keys"
	"bartizan.dev/keys/pkcs11/frame"
)

// Errors beside those of package keys.
var (
	// ErrPIN is returned for a wrong PIN, and while a token has none.
	ErrPIN = errors.New("pkcs11: wrong PIN")
	// ErrLocked is returned once a token has seen too many wrong PINs.
	ErrLocked = errors.New("pkcs11: the PIN is locked")
	// ErrPINForm is returned for a new PIN that the token does not take.
	ErrPINForm = errors.New("pkcs11: the token does not take this PIN: it is too short, too long or has other characters than it wants")
	// ErrNoToken is returned when no token has the serial number or label.
	ErrNoToken = errors.New("pkcs11: no such token")
	// ErrTokenExists is returned by InitToken for a label that a token has.
	ErrTokenExists = errors.New("pkcs11: a token with this label exists")
	// ErrNoSlot is returned by InitToken when the HSM has no room for a token.
	ErrNoSlot = errors.New("pkcs11: the HSM has no free slot for a token")
)

// Token is a token (an HSM, or a partition of one).
type Token = frame.Token

// Client manages the tokens of a helper.
type Client struct{ pool *pool }

// Dial returns a client of the helper that listens on a socket. It connects when
// it must, and again whenever that is needed.
func Dial(socket string) *Client { return &Client{newPool(socket, nil)} }

// Close closes the client's connections. Its vaults have their own.
func (c *Client) Close() error { return c.pool.close() }

// Module returns the path of the module that the helper has loaded.
func (c *Client) Module(ctx context.Context) (string, error) {
	data, err := c.pool.do(ctx, &frame.Request{Op: frame.Hello, Data: []byte{frame.Version}}, true)
	return string(data), err
}

// Tokens lists the tokens, those that are not initialised too.
func (c *Client) Tokens(ctx context.Context) ([]Token, error) {
	data, err := c.pool.do(ctx, &frame.Request{Op: frame.Tokens}, true)
	if err != nil {
		return nil, err
	}
	return frame.ParseTokens(data)
}

// InitToken initialises a free token, which gets a label and the PIN of its
// security officer, and returns its serial number. With the serial number of a
// token it erases that one, whose officer's PIN it must be.
func (c *Client) InitToken(ctx context.Context, serial, label string, officer []byte) (string, error) {
	data, err := c.pool.do(ctx, &frame.Request{Op: frame.InitToken, Token: serial, Label: label, PIN: officer}, false)
	if errors.Is(err, keys.ErrKeyExists) {
		return "", ErrTokenExists
	}
	return string(data), err
}

// SetPIN sets the PIN of a token's user, as its security officer. Vaults that
// were opened with another PIN work no longer.
func (c *Client) SetPIN(ctx context.Context, token string, officer, pin []byte) error {
	_, err := c.pool.do(ctx, &frame.Request{Op: frame.SetPIN, Token: token, PIN: officer, NewPIN: pin}, true)
	return err
}

// errorOf makes the error of an answer.
func errorOf(a *frame.Answer) error {
	var err error
	switch a.Status {
	case frame.OK:
		return nil
	case frame.Unseal:
		return keys.ErrUnseal // alone: it says nothing more on purpose
	case frame.KeyExists:
		err = keys.ErrKeyExists
	case frame.NoKey:
		return keys.ErrNoKey
	case frame.BadLabel:
		err = keys.ErrLabel
	case frame.TooLarge:
		err = keys.ErrTooLarge
	case frame.WrongPIN:
		return ErrPIN
	case frame.PINLocked:
		return ErrLocked
	case frame.BadPIN:
		err = ErrPINForm
	case frame.NoToken:
		return ErrNoToken
	case frame.NoSlot:
		err = ErrNoSlot
	case frame.NotLoggedIn:
		err = errNotLoggedIn
	default: // Unavailable, and BadRequest for a helper of another version
		err = keys.ErrUnavailable
	}
	if a.Text == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, a.Text)
}

// errNotLoggedIn makes the pool log in again; a caller sees it only when that
// helps nothing.
var errNotLoggedIn = fmt.Errorf("%w: the HSM has lost the login", keys.ErrUnavailable)
