package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A sealer makes tokens that only this server can read, so that a sign-in
// between two steps needs no record.
type sealer struct{ aead cipher.AEAD }

// errSeal says no more on purpose.
var errSeal = errors.New("signin: not a valid token")

// maxSealed bounds what open looks at, in bytes: a token may hold the session
// policy and the tags of a federated user.
const maxSealed = 32 << 10

func newSealer(secret []byte) (*sealer, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("signin: a secret of %d bytes is too short", len(secret))
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "signin sealed tokens", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &sealer{aead}, err
}

// close seals v for a purpose until a time.
func (s *sealer) close(purpose string, until time.Time, v any) (string, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	plain, err := json.Marshal(sealed{until, doc})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain, []byte(purpose))), nil
}

type sealed struct {
	Until time.Time
	Doc   json.RawMessage
}

// open reads into v what close sealed for the same purpose.
func (s *sealer) open(purpose, token string, now time.Time, v any) error {
	if len(token) > maxSealed {
		return errSeal
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return errSeal
	}
	plain, err := s.aead.Open(nil, nil, raw, []byte(purpose))
	if err != nil {
		return errSeal
	}
	var in sealed
	if err := json.Unmarshal(plain, &in); err != nil || !now.Before(in.Until) {
		return errSeal
	}
	return json.Unmarshal(in.Doc, v)
}

// newSecret returns 256 random bits in base64url.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// newUUID returns a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
