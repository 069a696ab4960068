package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Key is a public key with the names that tokens call it by.
type Key struct {
	ID        string           // kid; may be empty
	Algorithm string           // alg; empty: any that suits the key
	Public    crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey or ed25519.PublicKey
}

// JWKS is a JSON Web Key Set of public keys (RFC 7517, section 5). It is written
// by encoding/json and read by ParseJWKS.
type JWKS []Key

// Bounds of a set that is read. AWS: "an OIDC identity provider JWKS may hold at
// most 100 RSA keys and 100 EC keys".
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html#manage-oidc-provider-prerequisites
const (
	maxJWKS    = 256 << 10 // bytes
	maxPerKind = 100       // keys
)

// jwk is a key as it is written. The order of the members is that of RFC 7638.
type jwk struct {
	Curve     string `json:"crv,omitempty"`
	E         string `json:"e,omitempty"`
	Type      string `json:"kty"`
	N         string `json:"n,omitempty"`
	X         string `json:"x,omitempty"`
	Y         string `json:"y,omitempty"`
	ID        string `json:"kid,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	Use       string `json:"use,omitempty"`
}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

func newJWK(public crypto.PublicKey) (jwk, error) {
	b64 := base64.RawURLEncoding.EncodeToString
	switch k := public.(type) {
	case *rsa.PublicKey:
		return jwk{Type: "RSA", N: b64(k.N.Bytes()), E: b64(big.NewInt(int64(k.E)).Bytes())}, nil
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, X, Y
		if err != nil {
			return jwk{}, err
		}
		n := len(point) / 2
		return jwk{Type: "EC", Curve: k.Curve.Params().Name, X: b64(point[1 : 1+n]), Y: b64(point[1+n:])}, nil
	case ed25519.PublicKey:
		return jwk{Type: "OKP", Curve: "Ed25519", X: b64(k)}, nil
	}
	return jwk{}, fmt.Errorf("oidc: no key of a token: %T", public)
}

// MarshalJSON writes {"keys": […]}, each with use "sig".
func (s JWKS) MarshalJSON() ([]byte, error) {
	list := []jwk{}
	for _, k := range s {
		j, err := newJWK(k.Public)
		if err != nil {
			return nil, err
		}
		j.ID, j.Algorithm, j.Use = k.ID, k.Algorithm, "sig"
		list = append(list, j)
	}
	return json.Marshal(map[string][]jwk{"keys": list})
}

// KeyID is the thumbprint of a public key (RFC 7638, SHA-256, base64url): a kid
// that says which key it means.
func KeyID(public crypto.PublicKey) (string, error) {
	j, err := newJWK(public)
	if err != nil {
		return "", err
	}
	doc, err := json.Marshal(j)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(doc)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// ParseJWKS reads a key set. Keys that are not for signatures, of a kind unknown
// here, or badly made are left out, as RFC 7517, section 5, has it; a set of more
// than 100 keys of one kind is refused.
func ParseJWKS(doc []byte) (JWKS, error) {
	if len(doc) > maxJWKS {
		return nil, fmt.Errorf("%w: key set of more than %d bytes", ErrMalformed, maxJWKS)
	}
	set, err := decode(doc)
	if err != nil {
		return nil, err
	}
	list, ok := set["keys"].([]any)
	if !ok {
		return nil, fmt.Errorf("%w: no key set", ErrMalformed)
	}
	out, count := JWKS{}, map[string]int{}
	for _, v := range list {
		object, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%w: a key that is no object", ErrMalformed)
		}
		kind := text(object, "kty")
		if count[kind]++; count[kind] > maxPerKind {
			return nil, fmt.Errorf("%w: more than %d %s keys", ErrMalformed, maxPerKind, kind)
		}
		if !forSignatures(object) {
			continue
		}
		if public, err := publicKey(object); err == nil {
			out = append(out, Key{ID: text(object, "kid"), Algorithm: text(object, "alg"), Public: public})
		}
	}
	return out, nil
}

func forSignatures(key map[string]any) bool {
	if use, ok := key["use"]; ok && use != "sig" {
		return false
	}
	ops, ok := key["key_ops"].([]any)
	if !ok {
		return key["key_ops"] == nil
	}
	for _, op := range ops {
		if op == "verify" {
			return true
		}
	}
	return false
}

var errKey = errors.New("oidc: a key out of bounds")

func publicKey(key map[string]any) (crypto.PublicKey, error) {
	switch text(key, "kty") {
	case "RSA":
		n, err := bytesOf(text(key, "n"))
		if err != nil {
			return nil, err
		}
		e, err := bytesOf(text(key, "e"))
		if err != nil {
			return nil, err
		}
		k := &rsa.PublicKey{N: new(big.Int).SetBytes(n)}
		exponent := new(big.Int).SetBytes(e)
		if bits := k.N.BitLen(); bits < minRSA || bits > maxRSA || k.N.Bit(0) == 0 ||
			exponent.BitLen() > 31 || exponent.Bit(0) == 0 || exponent.Cmp(big.NewInt(3)) < 0 {
			return nil, errKey
		}
		k.E = int(exponent.Int64())
		return k, nil
	case "EC":
		curve := curves[text(key, "crv")]
		if curve == nil {
			return nil, errKey
		}
		x, err := bytesOf(text(key, "x"))
		if err != nil {
			return nil, err
		}
		y, err := bytesOf(text(key, "y"))
		if err != nil {
			return nil, err
		}
		n := (curve.Params().BitSize + 7) / 8
		if len(x) != n || len(y) != n { // RFC 7518, section 6.2.1.2
			return nil, errKey
		}
		return ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...))
	case "OKP":
		x, err := bytesOf(text(key, "x"))
		if err != nil || text(key, "crv") != "Ed25519" || len(x) != ed25519.PublicKeySize {
			return nil, errKey
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, errKey
}

// bytesOf reads base64url as RFC 7515, section 2, has it: without padding, line
// breaks or spare bits.
func bytesOf(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, fmt.Errorf("%w: a line break in base64", ErrMalformed)
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return b, nil
}
