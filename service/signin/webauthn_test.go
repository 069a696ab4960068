package signin

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/fxamacker/cbor/v2"
)

func encoded(t testing.TB, v any) []byte {
	t.Helper()
	doc, err := cbor.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var testParty = party{id: "localhost", origins: []string{"https://localhost:4566"}, challenge: "challenge"}

func clientData(t testing.TB, change map[string]any, kind string) []byte {
	t.Helper()
	c := map[string]any{"type": kind, "challenge": "challenge", "origin": "https://localhost:4566"}
	for k, v := range change {
		c[k] = v
	}
	doc, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// authenticatorData is with a credential if id is not nil.
func authenticatorData(domain string, flags byte, id, key []byte) []byte {
	hash := sha256.Sum256([]byte(domain))
	b := binary.BigEndian.AppendUint32(append(hash[:], flags), 7)
	if id != nil {
		b = append(b, make([]byte, 16)...)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(id))), id...)
	}
	return append(b, key...)
}

func p256(t testing.TB) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return key, encoded(t, map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
}

func registered(object, client []byte) *attestation {
	in := &attestation{ID: []byte("credential"), RawID: []byte("credential"), Type: "public-key"}
	in.Response.ClientData, in.Response.Object = client, object
	return in
}

func TestRegister(t *testing.T) {
	private, key := p256(t)
	id := []byte("credential")
	data := authenticatorData("localhost", 0x41, id, key)
	client := clientData(t, nil, "webauthn.create")
	none := func(data []byte) []byte {
		return encoded(t, map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	}
	got, err := testParty.register(registered(none(data), client))
	if err != nil || string(got.ID) != "credential" || got.Count != 7 || !slices.Equal(got.Key, key) {
		t.Fatalf("%+v, %v", got, err)
	}
	digest := sha256.Sum256(signedData(data, client))
	sig, err := ecdsa.SignASN1(rand.Reader, private, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	packed := func(statement map[string]any) []byte {
		return encoded(t, map[string]any{"fmt": "packed", "attStmt": statement, "authData": data})
	}
	if _, err := testParty.register(registered(packed(map[string]any{"alg": -7, "sig": sig}), client)); err != nil {
		t.Errorf("self attestation: %v", err)
	}
	another := registered(none(data), client)
	another.RawID = []byte("another")
	noKey := registered(none(data), client)
	noKey.Type = "password"
	for name, in := range map[string]*attestation{
		"nothing":                    registered(nil, client),
		"no client data":             registered(none(data), nil),
		"an assertion":               registered(none(data), clientData(t, nil, "webauthn.get")),
		"another challenge":          registered(none(data), clientData(t, map[string]any{"challenge": "x"}, "webauthn.create")),
		"another origin":             registered(none(data), clientData(t, map[string]any{"origin": "https://localhost"}, "webauthn.create")),
		"a frame":                    registered(none(data), clientData(t, map[string]any{"crossOrigin": true}, "webauthn.create")),
		"another id":                 another,
		"another kind":               noKey,
		"another domain":             registered(none(authenticatorData("attacker.example", 0x41, id, key)), client),
		"nobody present":             registered(none(authenticatorData("localhost", 0x40, id, key)), client),
		"no credential":              registered(none(authenticatorData("localhost", 0x01, nil, nil)), client),
		"data cut off":               registered(none(data[:60]), client),
		"data too long":              registered(none(append(slices.Clone(data), 0)), client),
		"a statement without format": registered(encoded(t, map[string]any{"fmt": "none", "attStmt": map[string]any{"a": 1}, "authData": data}), client),
		"an attestation":             registered(encoded(t, map[string]any{"fmt": "tpm", "attStmt": map[string]any{}, "authData": data}), client),
		"a chain":                    registered(packed(map[string]any{"alg": -7, "sig": sig, "x5c": [][]byte{{1}}}), client),
		"another signature":          registered(packed(map[string]any{"alg": -7, "sig": []byte{0x30, 0}}), client),
	} {
		if got, err := testParty.register(in); !errors.Is(err, errPasskey) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestCOSE(t *testing.T) {
	signed := []byte("signed")
	digest := sha256.Sum256(signed)
	private, key := p256(t)
	es, err := ecdsa.SignASN1(rand.Reader, private, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.SignPKCS1v15(rand.Reader, rsaKey, 5, digest[:]) // crypto.SHA256
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ key, signature []byte }{
		"ES256": {key, es},
		"EdDSA": {encoded(t, map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(edPublic)}), ed25519.Sign(edPrivate, signed)},
		"RS256": {encoded(t, map[int]any{1: 3, 3: -257, -1: rsaKey.N.Bytes(), -2: []byte{1, 0, 1}}), rs},
	} {
		k, err := parseCOSE(c.key)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !k.verify(signed, c.signature) || k.verify([]byte("other"), c.signature) {
			t.Errorf("%s does not verify", name)
		}
	}
	for name, doc := range map[string]any{
		"another algorithm":  map[int]any{1: 2, 3: -35, -1: 1},
		"key and algorithm":  map[int]any{1: 1, 3: -7, -1: 1},
		"off the curve":      map[int]any{1: 2, 3: -7, -1: 1, -2: make([]byte, 32), -3: make([]byte, 32)},
		"cut off":            map[int]any{1: 2, 3: -7, -1: 1, -2: []byte{1}, -3: []byte{2}},
		"a weak RSA key":     map[int]any{1: 3, 3: -257, -1: []byte{0xff, 1}, -2: []byte{1, 0, 1}},
		"exponent one":       map[int]any{1: 3, 3: -257, -1: rsaKey.N.Bytes(), -2: []byte{1}},
		"numbers for octets": map[int]any{1: 2, 3: -7, -1: 1, -2: 5, -3: 5},
		"an array":           []int{1},
	} {
		if k, err := parseCOSE(encoded(t, doc)); !errors.Is(err, errPasskey) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

func FuzzAuthData(f *testing.F) {
	_, key := p256(f)
	f.Add(authenticatorData("localhost", 0x41, []byte("credential"), key))
	f.Add(authenticatorData("localhost", 0x81, nil, []byte{0xa0}))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := testParty.parseAuthData(b)
		if err != nil {
			if !errors.Is(err, errPasskey) {
				t.Fatal(err)
			}
			return
		}
		if k, err := parseCOSE(a.key); err == nil {
			k.verify(b, b)
		}
	})
}

func FuzzRegister(f *testing.F) {
	_, key := p256(f)
	f.Add(encoded(f, map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": authenticatorData("localhost", 0x41, []byte("credential"), key)}))
	client := clientData(f, nil, "webauthn.create")
	f.Fuzz(func(t *testing.T, object []byte) {
		if k, err := testParty.register(registered(object, client)); (k == nil) == (err == nil) {
			t.Fatal("neither a passkey nor an error")
		}
	})
}

func BenchmarkAssert(b *testing.B) {
	private, key := p256(b)
	client, data := clientData(b, nil, "webauthn.get"), authenticatorData("localhost", 0x01, nil, nil)
	digest := sha256.Sum256(signedData(data, client))
	sig, err := ecdsa.SignASN1(rand.Reader, private, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	in := &assertion{ID: []byte("id"), RawID: []byte("id"), Type: "public-key"}
	in.Response.ClientData, in.Response.Data, in.Response.Signature = client, data, sig
	keys := []Passkey{{ID: []byte("id"), Key: key}}
	for b.Loop() {
		if _, _, err := testParty.assert(keys, in); err != nil {
			b.Fatal(err)
		}
	}
}
