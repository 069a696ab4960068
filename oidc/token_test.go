package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

var all = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// rsaKey is made once: it takes its time.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func keyFor(t testing.TB, algorithm string) crypto.Signer {
	t.Helper()
	a, ok := algorithmOf(algorithm)
	switch {
	case !ok:
		t.Fatal(algorithm)
	case a.hash == 0:
		_, k, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	case a.curve != nil:
		k, err := ecdsa.GenerateKey(a.curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	return rsaKey()
}

func newSigner(t testing.TB, algorithm string) *Signer {
	t.Helper()
	s, err := NewSigner(algorithm, keyFor(t, algorithm))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sign(t testing.TB, s *Signer, claims any) string {
	t.Helper()
	token, err := s.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// published is the signer's key set as another reads it.
func published(t testing.TB, signers ...*Signer) JWKS {
	t.Helper()
	set := JWKS{}
	for _, s := range signers {
		set = append(set, s.Key())
	}
	doc, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseJWKS(doc)
	if err != nil || len(keys) != len(signers) {
		t.Fatalf("%s: %v", doc, err)
	}
	return keys
}

func verify(t testing.TB, token string, keys JWKS, allowed ...string) (Claims, error) {
	t.Helper()
	u, err := Parse(token)
	if err != nil {
		return nil, err
	}
	return u.Verify(keys, allowed)
}

func TestEveryAlgorithm(t *testing.T) {
	for _, algorithm := range all {
		s := newSigner(t, algorithm)
		token := sign(t, s, map[string]any{"sub": "ann", "aud": []string{"a", "b"}, "exp": 1700000000.5})
		keys := published(t, s)
		claims, err := verify(t, token, keys, all...)
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		if aud, ok := claims.Strings("aud"); !ok || len(aud) != 2 || claims.String("sub") != "ann" {
			t.Errorf("%s: claims %v", algorithm, claims)
		}
		if exp, ok := claims.Time("exp"); !ok || !exp.Equal(time.Unix(1700000000, 5e8)) {
			t.Errorf("%s: exp %v", algorithm, exp)
		}
		for i := range 3 { // every part matters
			parts := strings.Split(token, ".")
			other := strings.Split(sign(t, s, map[string]any{"sub": "bob"}), ".")
			if i == 0 {
				other[0] = b64(`{"alg":"` + algorithm + `","kid":"` + s.id + `"}`)
			}
			parts[i] = other[i]
			if _, err := verify(t, strings.Join(parts, "."), keys, all...); !errors.Is(err, ErrSignature) {
				t.Errorf("%s, part %d of another token: %v", algorithm, i, err)
			}
		}
		if _, err := verify(t, token, keys, "none"); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s where it is not allowed: %v", algorithm, err)
		}
	}
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestRefusedTokens(t *testing.T) {
	s := newSigner(t, "RS256")
	keys := published(t, s)
	header := b64(`{"alg":"RS256","kid":"` + s.id + `"}`)
	raw := func(header, claims string) string {
		signed := b64(header) + "." + b64(claims)
		signature, err := s.sign([]byte(signed))
		if err != nil {
			t.Fatal(err)
		}
		return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
	}
	good := sign(t, s, map[string]string{"sub": "ann"})
	mac := hmac.New(sha256.New, rsaKey().N.Bytes())
	confused := b64(`{"alg":"HS256"}`) + "." + b64(`{"sub":"ann"}`)
	mac.Write([]byte(confused))
	for name, tc := range map[string]struct {
		token string
		want  error
	}{
		"none":                   {b64(`{"alg":"none"}`) + "." + b64(`{"sub":"ann"}`) + ".", ErrAlgorithm},
		"a shared secret":        {confused + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), ErrAlgorithm},
		"other case":             {raw(`{"alg":"rs256"}`, `{}`), ErrAlgorithm},
		"no signature":           {header + "." + b64(`{}`) + ".", ErrSignature},
		"two parts":              {header + "." + b64(`{}`), ErrMalformed},
		"four parts":             {good + ".x", ErrMalformed},
		"padding":                {good + "=", ErrMalformed},
		"line break":             {strings.Replace(good, ".", ".\n", 1), ErrMalformed},
		"a duplicate claim":      {raw(`{"alg":"RS256"}`, `{"sub":"ann","sub":"bob"}`), ErrMalformed},
		"a duplicate deep down":  {raw(`{"alg":"RS256"}`, `{"x":[{"a":1,"a":2}]}`), ErrMalformed},
		"a duplicate by escape":  {raw(`{"alg":"RS256"}`, `{"sub":"ann","\u0073ub":"bob"}`), ErrMalformed},
		"a duplicate header":     {raw(`{"alg":"RS256","alg":"none"}`, `{}`), ErrMalformed},
		"critical header":        {raw(`{"alg":"RS256","crit":["b64"],"b64":false}`, `{}`), ErrMalformed},
		"claims are a list":      {raw(`{"alg":"RS256"}`, `["sub"]`), ErrMalformed},
		"claims and more":        {raw(`{"alg":"RS256"}`, `{} {}`), ErrMalformed},
		"too deep":               {raw(`{"alg":"RS256"}`, `{"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`), ErrMalformed},
		"too long":               {good + strings.Repeat("A", MaxToken), ErrMalformed},
		"unknown kid":            {raw(`{"alg":"RS256","kid":"another"}`, `{}`), ErrNoKey},
		"a kid that is a number": {raw(`{"alg":"RS256","kid":7}`, `{}`), ErrMalformed},
		"a key of another kind":  {raw(`{"alg":"ES256","kid":"`+s.id+`"}`, `{}`), ErrNoKey},
		"the key's other use":    {raw(`{"alg":"PS256","kid":"`+s.id+`"}`, `{}`), ErrNoKey},
	} {
		if claims, err := verify(t, tc.token, keys, all...); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, %v, want %v", name, claims, err, tc.want)
		}
	}
	without := raw(`{"alg":"RS256"}`, `{"sub":"ann"}`)
	if _, err := verify(t, without, keys, all...); err != nil {
		t.Errorf("no kid, one key: %v", err)
	}
	two := append(JWKS{{Public: &rsa.PublicKey{N: rsaKey().N, E: 3}}}, keys...)
	if _, err := verify(t, without, two, all...); !errors.Is(err, ErrNoKey) {
		t.Errorf("no kid, two keys: %v", err)
	}
}

func TestParseJWKS(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := newJWK(&small.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	weakDoc, err := json.Marshal(weak)
	if err != nil {
		t.Fatal(err)
	}
	doc := `{"keys":[` + string(weakDoc) + `,
		{"kty":"oct","k":"c2VjcmV0"}, {"kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"}, {"kty":"EC","crv":"P-256","x":"AA","y":"AA"},
		{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"},
		{"kty":"OKP","crv":"X25519","x":"` + strings.Repeat("A", 43) + `"}, {"kty":"RSA","key_ops":["sign"]}]}`
	if keys, err := ParseJWKS([]byte(doc)); err != nil || len(keys) != 0 {
		t.Errorf("keys that are no good: %v, %v", keys, err)
	}
	for _, bad := range []string{"", "[]", `{"keys":{}}`, `{"keys":[1]}`, `{"keys":[],"keys":[]}`,
		`{"keys":[` + strings.Repeat(`{"kty":"RSA"},`, 100) + `{"kty":"RSA"}]}`, `{"keys":["` + strings.Repeat("x", maxJWKS) + `"]}`} {
		if _, err := ParseJWKS([]byte(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.40s: %v", bad, err)
		}
	}
}

// TestKeyID is the example of RFC 7638, section 3.1.
func TestKeyID(t *testing.T) {
	keys, err := ParseJWKS([]byte(`{"keys":[{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}`))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if id, err := KeyID(keys[0].Public); err != nil || id != "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" {
		t.Errorf("thumbprint %s, %v", id, err)
	}
}

func TestNewSignerRefuses(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range []string{"ES384", "RS256", "none", "HS256", "EdDSA"} {
		if _, err := NewSigner(algorithm, key); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s with a P-256 key: %v", algorithm, err)
		}
	}
}

func TestClaims(t *testing.T) {
	c, err := decode([]byte(`{"s":"x","l":["a",1],"n":12,"big":1e300,"neg":-1,"t":"12"}`))
	if err != nil {
		t.Fatal(err)
	}
	claims := Claims(c)
	if _, ok := claims.Strings("l"); ok {
		t.Error("a list with a number passed for texts")
	}
	for _, name := range []string{"s", "big", "neg", "t", "absent"} {
		if at, ok := claims.Time(name); ok {
			t.Errorf("%s is a date: %v", name, at)
		}
	}
}

func FuzzParse(f *testing.F) {
	s := newSigner(f, "ES256")
	keys := published(f, s)
	f.Add(sign(f, s, map[string]any{"iss": "https://x", "aud": []string{"a"}}))
	f.Add(b64(`{"alg":"none"}`) + "." + b64(`{}`) + ".")
	f.Fuzz(func(t *testing.T, token string) {
		u, err := Parse(token)
		if err != nil {
			return
		}
		claims, err := u.Verify(keys, all)
		if err == nil && claims.String("iss") != "https://x" {
			t.Fatalf("a token that was never signed verifies: %q", token)
		}
	})
}

func FuzzParseJWKS(f *testing.F) {
	doc, err := json.Marshal(JWKS{newSigner(f, "ES384").Key(), newSigner(f, "RS256").Key(), newSigner(f, "EdDSA").Key()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		keys, err := ParseJWKS(doc)
		if err != nil {
			return
		}
		again, err := json.Marshal(keys)
		if err != nil {
			t.Fatal(err)
		}
		if read, err := ParseJWKS(again); err != nil || len(read) != len(keys) {
			t.Fatalf("%s: %d of %d keys, %v", again, len(read), len(keys), err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range []string{"RS256", "ES256", "ES384"} {
		s := newSigner(b, algorithm)
		token, keys := sign(b, s, map[string]any{"iss": "https://issuer.example", "sub": "ann", "aud": "app", "exp": 1, "iat": 0}), published(b, s)
		b.Run(algorithm, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := verify(b, token, keys, algorithm); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
