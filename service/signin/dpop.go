package signin

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Demonstrating Proof of Possession, RFC 9449: a tool signs each request for a
// token, so that a refresh token is worth nothing without the key.

// presented is what a request showed: its DPoP headers, and how the tool may
// have written our address.
type presented struct {
	proofs  []string
	method  string
	address []string
}

type presentedKey struct{}

// Proofs hands on what requests for tokens show, because operations see no HTTP
// headers.
func (s *Service) Proofs(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/token" {
			p := presented{proofs: r.Header.Values("DPoP"), method: r.Method}
			for _, o := range s.origins(r) {
				p.address = append(p.address, o+"/v1/token")
			}
			r = r.WithContext(context.WithValue(r.Context(), presentedKey{}, p))
		}
		next.ServeHTTP(w, r)
	})
}

const (
	maxProof = 8 << 10 // bytes
	maxJTI   = 256     // bytes
	// proofLasts is how far the tool's clock may be from ours, either way.
	proofLasts = 5 * time.Minute
)

// proof is a proof that was verified.
type proof struct {
	key string // thumbprint of the key (RFC 7638)
	id  string // jti
}

// errProof is the answer to everything that is no proof.
// https://datatracker.ietf.org/doc/html/rfc9449#section-5
var errProof = oauthError("ValidationException", "invalid_request", "The DPoP header is missing or holds no valid proof.")

// proved verifies the proof of a request (RFC 9449 section 4.3). That it is new
// is checked where the token is given, by spending its id.
func (s *Service) proved(ctx context.Context) (*proof, error) {
	p, _ := ctx.Value(presentedKey{}).(presented)
	if len(p.proofs) != 1 {
		return nil, errProof
	}
	return parseProof(p.proofs[0], p.method, p.address, s.Signed())
}

func parseProof(token, method string, address []string, now time.Time) (*proof, error) {
	parts := strings.Split(token, ".")
	if len(token) > maxProof || len(parts) != 3 {
		return nil, errProof
	}
	var header struct {
		Type      string          `json:"typ"`
		Algorithm string          `json:"alg"`
		Key       json.RawMessage `json:"jwk"`
	}
	var claims struct {
		Method  string `json:"htm"`
		Address string `json:"htu"`
		Issued  int64  `json:"iat"`
		ID      string `json:"jti"`
	}
	if !segment(parts[0], &header) || !segment(parts[1], &claims) || header.Type != "dpop+jwt" || header.Algorithm != "ES256" {
		return nil, errProof
	}
	key, thumb, ok := proofKey(header.Key)
	if !ok {
		return nil, errProof
	}
	sig, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(sig) != 64 {
		return nil, errProof
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		return nil, errProof
	}
	age := now.Sub(time.Unix(claims.Issued, 0))
	htu, _, _ := strings.Cut(claims.Address, "?") // "without query and fragment parts"
	if claims.Method != method || !slices.Contains(address, htu) || claims.ID == "" || len(claims.ID) > maxJTI || age > proofLasts || age < -proofLasts {
		return nil, errProof
	}
	return &proof{key: thumb, id: claims.ID}, nil
}

// segment decodes a part of a JWT.
func segment(text string, v any) bool {
	doc, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && json.Unmarshal(doc, v) == nil
}

// proofKey reads a public key on P-256, and nothing that has a private one with
// it, and returns its thumbprint.
func proofKey(doc []byte) (*ecdsa.PublicKey, string, bool) {
	var jwk struct {
		Type    string          `json:"kty"`
		Curve   string          `json:"crv"`
		X       string          `json:"x"`
		Y       string          `json:"y"`
		Private json.RawMessage `json:"d"`
	}
	if err := json.Unmarshal(doc, &jwk); err != nil || jwk.Type != "EC" || jwk.Curve != "P-256" || jwk.Private != nil {
		return nil, "", false
	}
	x, errX := base64.RawURLEncoding.Strict().DecodeString(jwk.X)
	y, errY := base64.RawURLEncoding.Strict().DecodeString(jwk.Y)
	if errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
		return nil, "", false
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, "", false
	}
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + jwk.X + `","y":"` + jwk.Y + `"}`))
	return key, base64.RawURLEncoding.EncodeToString(sum[:]), true
}
