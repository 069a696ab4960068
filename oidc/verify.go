package oidc

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// MaxToken is the longest token that is read, in bytes: AWS's bound of
// WebIdentityToken.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
const MaxToken = 20000

// Unverified is a token that was read and not yet verified. What it says of
// itself is good for finding its issuer's keys and for nothing else.
type Unverified struct {
	Algorithm string
	KeyID     string
	claims    Claims
	signed    []byte
	signature []byte
}

// Claims are the claims of a token, as JSON has them: string, json.Number, bool,
// nil, []any and map[string]any.
type Claims map[string]any

// Parse reads a token (JWS compact serialisation, RFC 7515, section 7.1). A
// critical header that is not understood, and none is, refuses the token.
func Parse(token string) (*Unverified, error) {
	if len(token) > MaxToken {
		return nil, fmt.Errorf("%w: token of more than %d bytes", ErrMalformed, MaxToken)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("%w: a token has three parts", ErrMalformed)
	}
	var raw [3][]byte
	for i, part := range parts {
		var err error
		if raw[i], err = bytesOf(part); err != nil {
			return nil, err
		}
	}
	header, err := decode(raw[0])
	if err != nil {
		return nil, err
	}
	if _, ok := header["crit"]; ok {
		return nil, fmt.Errorf("%w: a critical header that is not understood", ErrMalformed)
	}
	u := &Unverified{Algorithm: text(header, "alg"), KeyID: text(header, "kid"), signature: raw[2]}
	if _, ok := header["kid"].(string); !ok && header["kid"] != nil {
		return nil, fmt.Errorf("%w: a kid that is no string", ErrMalformed)
	}
	u.signed = []byte(token[:len(parts[0])+1+len(parts[1])])
	if u.claims, err = decode(raw[1]); err != nil {
		return nil, err
	}
	return u, nil
}

// Issuer is who the token says issued it.
func (u *Unverified) Issuer() string { return text(u.claims, "iss") }

// Verify checks the signature by a key of the set and returns the claims. Only
// the algorithms named in allowed pass (ErrAlgorithm). A token without a kid
// passes only where one key alone suits it (OpenID Connect Core, section 10.1).
// ErrNoKey means that the set has no such key, which may be out of date.
func (u *Unverified) Verify(keys JWKS, allowed []string) (Claims, error) {
	a, ok := algorithmOf(u.Algorithm)
	if !ok || !slices.Contains(allowed, u.Algorithm) {
		return nil, fmt.Errorf("%w: %.20q", ErrAlgorithm, u.Algorithm)
	}
	var suit []Key
	for _, k := range keys {
		if (u.KeyID == "" || k.ID == u.KeyID) && (k.Algorithm == "" || k.Algorithm == u.Algorithm) && a.suits(k.Public) {
			suit = append(suit, k)
		}
	}
	switch {
	case len(suit) == 0:
		return nil, ErrNoKey
	case len(suit) > 1 && u.KeyID == "":
		return nil, fmt.Errorf("%w: the token names none of several", ErrNoKey)
	}
	for _, k := range suit {
		if a.verify(k.Public, u.signed, u.signature) {
			return u.claims, nil
		}
	}
	return nil, ErrSignature
}

// String is a claim that is a string, or "".
func (c Claims) String(name string) string { return text(c, name) }

// Strings is a claim that is a string or a list of strings; ok is false for
// anything else and for one that is absent.
func (c Claims) Strings(name string) (list []string, ok bool) {
	switch v := c[name].(type) {
	case string:
		return []string{v}, true
	case []any:
		for _, e := range v {
			s, isText := e.(string)
			if !isText {
				return nil, false
			}
			list = append(list, s)
		}
		return list, true
	}
	return nil, false
}

// Time is a claim that is a date (RFC 7519, section 2: seconds since 1970, whole
// or not); ok is false for anything else.
func (c Claims) Time(name string) (t time.Time, ok bool) {
	n, isNumber := c[name].(json.Number)
	if !isNumber {
		return t, false
	}
	f, err := n.Float64()
	if err != nil || f < 0 || f > 253402300799 { // the year 9999
		return t, false
	}
	whole, part := math.Modf(f)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), true
}
