package signin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"bartizan.dev/wire"
)

type claims map[string]any

// proofOf signs a proof as botocore does.
func proofOf(t testing.TB, key *ecdsa.PrivateKey, header, body claims) string {
	t.Helper()
	b64 := base64.RawURLEncoding
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if header["jwk"] == nil {
		header["jwk"] = claims{"kty": "EC", "crv": "P-256", "x": b64.EncodeToString(point[1:33]), "y": b64.EncodeToString(point[33:])}
	}
	var parts []string
	for _, v := range []claims{header, body} {
		doc, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, b64.EncodeToString(doc))
	}
	digest := sha256.Sum256([]byte(strings.Join(parts, ".")))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(parts, ".") + "." + b64.EncodeToString(append(pad(r), pad(s)...))
}

func pad(n *big.Int) []byte { return n.FillBytes(make([]byte, 32)) }

var proofTime = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const proofAddress = "http://127.0.0.1:4566/v1/token"

func proofClaims() (header, body claims) {
	return claims{"typ": "dpop+jwt", "alg": "ES256"}, claims{"htm": "POST", "htu": proofAddress, "iat": proofTime.Unix(), "jti": "one"}
}

func TestProof(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parse := func(token string) (*proof, error) {
		return parseProof(token, "POST", []string{"https://localhost/v1/token", proofAddress}, proofTime)
	}
	header, body := proofClaims()
	good := proofOf(t, key, header, body)
	p, err := parse(good)
	if err != nil || p.id != "one" || len(p.key) != 43 {
		t.Fatalf("a good proof: %v, %v", p, err)
	}
	for name, change := range map[string]func(header, body claims){
		"another type":      func(h, _ claims) { h["typ"] = "JWT" },
		"no algorithm":      func(h, _ claims) { h["alg"] = "none" },
		"another algorithm": func(h, _ claims) { h["alg"] = "HS256" },
		"a private key": func(h, _ claims) {
			h["jwk"] = claims{"kty": "EC", "crv": "P-256", "x": strings.Repeat("A", 43), "y": strings.Repeat("A", 43), "d": "AA"}
		},
		"a point off the curve": func(h, _ claims) {
			h["jwk"] = claims{"kty": "EC", "crv": "P-256", "x": strings.Repeat("A", 43), "y": strings.Repeat("A", 43)}
		},
		"another curve":    func(h, _ claims) { h["jwk"] = claims{"kty": "EC", "crv": "P-384"} },
		"another method":   func(_, b claims) { b["htm"] = "GET" },
		"another address":  func(_, b claims) { b["htu"] = "https://attacker.example/v1/token" },
		"too old":          func(_, b claims) { b["iat"] = proofTime.Add(-6 * time.Minute).Unix() },
		"of the future":    func(_, b claims) { b["iat"] = proofTime.Add(6 * time.Minute).Unix() },
		"no id":            func(_, b claims) { b["jti"] = "" },
		"an id too long":   func(_, b claims) { b["jti"] = strings.Repeat("x", maxJTI+1) },
		"time as a string": func(_, b claims) { b["iat"] = "now" },
	} {
		h, b := proofClaims()
		change(h, b)
		if _, err := parse(proofOf(t, key, h, b)); !errors.Is(err, error(errProof)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, token := range map[string]string{
		"nothing": "", "two parts": "a.b", "another signature": good[:len(good)-8] + "AAAAAAAA",
		"padding": good + "=", "too long": strings.Repeat("A", maxProof) + good,
	} {
		if _, err := parse(token); err == nil {
			t.Errorf("%s is a proof", name)
		}
	}
	other := claims{"typ": "dpop+jwt", "alg": "ES256"}
	other["jwk"] = header["jwk"]
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parse(proofOf(t, stranger, other, body)); err == nil {
		t.Error("a proof of another key passes")
	}
}

func FuzzProof(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	h, b := proofClaims()
	f.Add(proofOf(f, key, h, b))
	f.Add("e30.e30.AA")
	f.Fuzz(func(t *testing.T, token string) {
		p, err := parseProof(token, "POST", []string{proofAddress}, proofTime)
		if (p == nil) == (err == nil) {
			t.Fatal("neither a proof nor an error")
		}
		if err != nil && wire.AsError(err).Code != "ValidationException" {
			t.Fatal(err)
		}
	})
}

func BenchmarkProof(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	h, c := proofClaims()
	token := proofOf(b, key, h, c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseProof(token, "POST", []string{proofAddress}, proofTime); err != nil {
			b.Fatal(err)
		}
	}
}
