package signin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"bartizan.dev/store"
)

// A refresh token is "ASOR" and, in base64url, the grant's id, the token's
// number and a MAC of both with the grant's own secret. So nothing of it is
// stored that would let who reads the record's name use it, and the newest one
// can be told again to a tool that has lost the answer.
const (
	refreshPrefix = "ASOR"
	grantIDBytes  = 16
	refreshBytes  = grantIDBytes + 4 + sha256.Size
	// codeLasts is how long an authorization code is good: RFC 6749 section 4.1.2
	// recommends ten minutes at most.
	codeLasts = 5 * time.Minute
	// turnLasts is how long the refresh token before the newest one is good, for
	// two tools of one user that refresh at once.
	turnLasts = time.Minute
)

func newGrantID() string {
	var b [grantIDBytes]byte
	rand.Read(b[:]) // never fails: see crypto/rand
	return hex.EncodeToString(b[:])
}

// token is the refresh token of a number.
func (g *grant) token(turn uint32) string {
	id, err := hex.DecodeString(g.ID)
	if err != nil || len(id) != grantIDBytes {
		return ""
	}
	b := binary.BigEndian.AppendUint32(id, turn)
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(append(b, g.mac(b)...))
}

func (g *grant) mac(b []byte) []byte {
	h := hmac.New(sha256.New, g.Secret)
	h.Write(b)
	return h.Sum(nil)
}

// splitRefresh takes a refresh token apart. It proves nothing yet.
func splitRefresh(token string) (id string, turn uint32, body, mac []byte, ok bool) {
	if len(token) < len(refreshPrefix) || token[:len(refreshPrefix)] != refreshPrefix {
		return "", 0, nil, nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token[len(refreshPrefix):])
	if err != nil || len(raw) != refreshBytes {
		return "", 0, nil, nil, false
	}
	body, mac = raw[:grantIDBytes+4], raw[grantIDBytes+4:]
	return hex.EncodeToString(raw[:grantIDBytes]), binary.BigEndian.Uint32(raw[grantIDBytes:]), body, mac, true
}

var (
	errNoGrant = errors.New("signin: no such grant")
	// errReused says that a refresh token was shown that was given up long ago: it
	// was stolen, or the tool's memory was.
	errReused = errors.New("signin: a spent refresh token")
)

// refreshed finds the grant of a refresh token.
func (s *Service) refreshed(ctx context.Context, r store.Reader, token string) (*grant, error) {
	id, turn, body, mac, ok := splitRefresh(token)
	if !ok {
		return nil, errNoGrant
	}
	g, err := s.grants.Get(ctx, r, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNoGrant
	} else if err != nil {
		return nil, err
	}
	if len(g.Secret) == 0 || !hmac.Equal(g.mac(body), mac) || g.Revoked {
		return nil, errNoGrant
	}
	late := s.Clock.Now().Sub(g.Turned) > turnLasts
	if turn != g.Turn && (turn != g.Turn-1 || late) {
		return g, errReused
	}
	return g, nil
}

// coded finds the grant of an authorization code.
func (s *Service) coded(ctx context.Context, r store.Reader, code string) (*grant, error) {
	e, err := s.grants.OneBy(ctx, r, "code", hashed("code", code))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNoGrant
	} else if err != nil {
		return nil, err
	}
	if e.Value.Revoked || !s.Clock.Now().Before(e.Value.CodeEnds) {
		return nil, errNoGrant
	}
	return e.Value, nil
}

// revoke ends a grant: no refresh token and no code of it is good any more.
func (s *Service) revoke(ctx context.Context, id string) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		g, err := s.grants.Get(ctx, tx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		g.Revoked, g.Code, g.Secret = true, "", nil
		return s.grants.Put(ctx, tx, id, g)
	})
	return err
}
