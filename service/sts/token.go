package sts

import (
	"compress/flate"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// Tokens seals sessions into session tokens and opens them. A session is stored
// nowhere else: any node with the same key can open it, and it ends by its
// expiry, by the deletion of its principal, or by a policy that denies tokens
// issued before a date (aws:TokenIssueTime).
type Tokens struct {
	aead cipher.AEAD
	auth cipher.AEAD // for authorization messages
}

// ErrToken is returned by Open for anything Seal did not make. It says nothing
// more on purpose.
var ErrToken = errors.New("sts: not a session token of this server")

const (
	tokenVersion = 1
	// maxToken bounds what Open looks at. AWS's tokens are below 4,096 bytes
	// today; session tags may make ours longer.
	maxToken = 16 << 10
)

// NewTokens derives the sealing keys from 32 secret bytes.
func NewTokens(secret []byte) (*Tokens, error) {
	var t Tokens
	for info, aead := range map[string]*cipher.AEAD{"sts session token": &t.aead, "sts authorization message": &t.auth} {
		key, err := hkdf.Key(sha256.New, secret, nil, info, 32)
		if err != nil {
			return nil, fmt.Errorf("sts: deriving the key of %s: %w", info, err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		if *aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, err
		}
	}
	return &t, nil
}

// sealed is what a token holds.
type sealed struct {
	Version  int             `json:"v"`
	Secret   string          `json:"k"`
	Identity caller.Identity `json:"i"`
	Pad      string          `json:"p,omitempty"`
}

// issue makes temporary credentials for an identity. size is the least length
// of the token in bytes (MinimumSessionTokenSize).
func (t *Tokens) issue(id caller.Identity, size int) (c credentials, err error) {
	if c.AccessKey, err = caller.NewAccessKey("ASIA", id.Account); err != nil {
		return c, err
	}
	if c.Secret, err = caller.NewSecret(); err != nil {
		return c, err
	}
	id.AccessKey = c.AccessKey
	s := sealed{Version: tokenVersion, Secret: c.Secret, Identity: id}
	if c.Token, err = t.seal(&s); err != nil {
		return c, err
	}
	if missing := size - len(c.Token); missing > 0 {
		s.Pad = strings.Repeat("=", missing) // base64 makes it longer still
		c.Token, err = t.seal(&s)
	}
	return c, err
}

type credentials struct{ AccessKey, Secret, Token string }

// Issue makes temporary credentials for an identity that was verified elsewhere
// than by STS: somebody signed in to the console. Its Session says how long.
func (t *Tokens) Issue(id caller.Identity) (accessKey, secret, token string, err error) {
	if id.Session == nil {
		return "", "", "", errors.New("sts: credentials without a session")
	}
	c, err := t.issue(id, 0)
	return c.AccessKey, c.Secret, c.Token, err
}

func (t *Tokens) seal(s *sealed) (string, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(t.aead.Seal(nil, nil, plain, []byte(s.Identity.AccessKey))), nil
}

// Open returns the secret key and the identity that a token was issued for. The
// token is bound to its access key. The caller checks Session.Expires.
func (t *Tokens) Open(accessKey, token string) (secret string, id caller.Identity, err error) {
	if len(token) > maxToken {
		return "", id, ErrToken
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return "", id, ErrToken
	}
	plain, err := t.aead.Open(nil, nil, raw, []byte(accessKey))
	if err != nil {
		return "", id, ErrToken
	}
	var s sealed
	if err := json.Unmarshal(plain, &s); err != nil || s.Version != tokenVersion || s.Identity.Session == nil {
		return "", id, ErrToken
	}
	return s.Secret, s.Identity, nil
}

// maxPacked is the room that session policies and session tags have after
// compression, in bytes. AWS does not publish its own.
const maxPacked = 2048

// packedSize is how much of that room a session uses, in percent.
func packedSize(s *caller.Session) (int32, error) {
	if s.Policy == "" && len(s.PolicyARNs) == 0 && len(s.Tags) == 0 {
		return 0, nil
	}
	var n counter
	w, err := flate.NewWriter(&n, flate.BestCompression)
	if err != nil {
		return 0, err
	}
	if _, err := io.WriteString(w, s.Policy+strings.Join(s.PolicyARNs, " ")); err != nil {
		return 0, err
	}
	for _, t := range s.Tags {
		if _, err := io.WriteString(w, t.Key+"="+t.Value+"&"); err != nil {
			return 0, err
		}
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	percent := (int32(n)*100 + maxPacked - 1) / maxPacked
	if percent > 100 {
		return percent, wire.Errorf("PackedPolicyTooLarge", "Packed size of session tags and policies consumes %d%% of allotted space.", percent)
	}
	return percent, nil
}

type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// EncodeDenial seals the explanation of a denial for
// DecodeAuthorizationMessage.
func (t *Tokens) EncodeDenial(_ context.Context, explanation []byte) (string, error) {
	return base64.RawURLEncoding.EncodeToString(t.auth.Seal(nil, nil, explanation, nil)), nil
}

// decodeDenial is the inverse of EncodeDenial.
func (t *Tokens) decodeDenial(message string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.DecodeString(message)
	if err != nil {
		return nil, err
	}
	return t.auth.Open(nil, nil, raw, nil)
}

// until is the end of a session.
func until(issued time.Time, seconds int32) time.Time {
	return issued.Add(time.Duration(seconds) * time.Second)
}
