package material

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// importable is material of a spec in the form that a user would import.
func importable(t testing.TB, name string) []byte {
	secret := secretOf(t, name)
	if strings.HasPrefix(name, "ML_") {
		return marshalSeed(oidOf(name), secret)
	}
	return secret
}

func TestParseImported(t *testing.T) {
	for _, name := range every {
		plain := importable(t, name)
		secret := must[[]byte](t)(ParseImported(name, plain))
		if k, err := Open(name, secret); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if err := exercise(k, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, bad := range [][]byte{nil, {}, {0x30, 0}, plain[:len(plain)-1], append(bytes.Clone(plain), make([]byte, 200)...), make([]byte, 10000)} {
			if _, err := ParseImported(name, bad); !errors.Is(err, ErrMaterial) {
				t.Errorf("%s: %d bytes: %v", name, len(bad), err)
			}
		}
		// One byte more is as wrong as many, but for HMAC keys, which may be longer.
		_, err := ParseImported(name, append(bytes.Clone(plain), 0))
		if longer := strings.HasPrefix(name, "HMAC"); longer != (err == nil) {
			t.Errorf("%s: a byte more: %v", name, err)
		}
		for _, other := range every { // material of one spec is not that of another
			raw := strings.HasPrefix(other, "HMAC") || other == "SYMMETRIC_DEFAULT" // any bytes are
			if _, err := ParseImported(other, plain); other != name && !raw && !errors.Is(err, ErrMaterial) {
				t.Errorf("%s takes material of %s: %v", other, name, err)
			}
		}
	}
}

func TestImportedLengths(t *testing.T) {
	for name, c := range map[string][2]int{"SYMMETRIC_DEFAULT": {32, 32}, "HMAC_224": {28, 128}, "HMAC_256": {32, 128}, "HMAC_384": {48, 128}, "HMAC_512": {64, 128}} {
		for n := range 140 {
			_, err := ParseImported(name, make([]byte, n))
			if ok := n >= c[0] && n <= c[1]; ok != (err == nil) || !ok && !errors.Is(err, ErrMaterial) {
				t.Errorf("%s of %d bytes: %v", name, n, err)
			}
		}
	}
}

// A flipped bit anywhere in a private key is found, or harmless: what comes out
// is a whole key. In RSA, whose numbers depend on each other, it is found.
func TestImportedFlips(t *testing.T) {
	for _, name := range every {
		if name == "RSA_4096" || name == "RSA_3072" {
			continue
		}
		flips(importable(t, name), func(flipped []byte, at int) {
			secret, err := ParseImported(name, flipped)
			if err != nil {
				if !errors.Is(err, ErrMaterial) {
					t.Errorf("%s: byte %d: %v", name, at, err)
				}
				return
			}
			if name == "RSA_2048" {
				t.Errorf("byte %d of an RSA key flipped is not seen", at)
			}
			if k, err := Open(name, secret); err != nil {
				t.Errorf("%s: byte %d: %v", name, at, err)
			} else if err := exercise(k, name); err != nil {
				t.Errorf("%s: byte %d: %v", name, at, err)
			}
		})
	}
}

// ec is a PKCS#8 key with every part of it at the test's will.
type ec struct {
	version      int64
	oid, curve   asn1.ObjectIdentifier
	inner        int64
	scalar       []byte
	innerCurve   asn1.ObjectIdentifier
	public       []byte
	explicit     bool // parameters instead of a name
	behind       []byte
	outerPublic  []byte
	attributes   bool
	nullAfterOID bool
}

func (e ec) der() []byte {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(e.version)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(e.oid)
			switch {
			case e.explicit:
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1Int64(1) })
			case e.curve != nil:
				b.AddASN1ObjectIdentifier(e.curve)
			}
			if e.nullAfterOID {
				b.AddASN1NULL()
			}
		})
		b.AddASN1(casn1.OCTET_STRING, func(b *cryptobyte.Builder) {
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(e.inner)
				b.AddASN1OctetString(e.scalar)
				if e.innerCurve != nil {
					b.AddASN1(casn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(e.innerCurve) })
				}
				if e.public != nil {
					b.AddASN1(casn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1BitString(e.public) })
				}
				b.AddBytes(e.behind)
			})
		})
		if e.attributes {
			b.AddASN1(casn1.Tag(0).ContextSpecific().Constructed(), func(*cryptobyte.Builder) {})
		}
		if e.outerPublic != nil {
			b.AddASN1(casn1.Tag(1).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddUint8(0); b.AddBytes(e.outerPublic) })
		}
	})
	return b.BytesOrPanic()
}

func TestImportedEC(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	scalar, point := must[[]byte](t)(key.Bytes()), must[[]byte](t)(key.PublicKey.Bytes())
	wrong := must[[]byte](t)(other.PublicKey.Bytes())
	compressed := append([]byte{2 | point[64]&1}, point[1:33]...)
	mirrored := append([]byte{3 - point[64]&1}, point[1:33]...)
	hybrid := append([]byte{6 | point[64]&1}, point[1:]...)
	whole := ec{oid: oidEC, curve: oidP256, inner: 1, scalar: scalar}
	for _, c := range []struct {
		name   string
		change func(*ec)
		ok     bool
	}{
		{"no public key", func(*ec) {}, true},
		{"public key", func(e *ec) { e.public = point }, true},
		{"compressed", func(e *ec) { e.public = compressed }, true},
		{"hybrid", func(e *ec) { e.public = hybrid }, true},
		{"curve twice", func(e *ec) { e.innerCurve = oidP256 }, true},
		{"attributes", func(e *ec) { e.attributes = true }, true},
		{"version 1", func(e *ec) { e.version, e.outerPublic = 1, point }, true},
		{"version 1, both", func(e *ec) { e.version, e.outerPublic, e.public = 1, point, point }, true},
		{"another's public key", func(e *ec) { e.public = wrong }, false},
		{"another's, outside", func(e *ec) { e.version, e.outerPublic = 1, wrong }, false},
		{"two public keys", func(e *ec) { e.version, e.outerPublic, e.public = 1, point, compressed }, false},
		{"the mirrored point", func(e *ec) { e.public = mirrored }, false},
		{"public key of one byte", func(e *ec) { e.public = []byte{4} }, false},
		{"empty public key", func(e *ec) { e.public = []byte{} }, false},
		{"public key without version 1", func(e *ec) { e.outerPublic = point }, false},
		{"version 1 without public key", func(e *ec) { e.version = 1 }, false},
		{"version 2", func(e *ec) { e.version = 2 }, false},
		{"inner version", func(e *ec) { e.inner = 0 }, false},
		{"another curve inside", func(e *ec) { e.innerCurve = oidP384 }, false},
		{"another curve", func(e *ec) { e.curve = oidP384 }, false},
		{"no curve", func(e *ec) { e.curve = nil }, false},
		{"explicit parameters", func(e *ec) { e.explicit = true }, false},
		{"parameters and more", func(e *ec) { e.nullAfterOID = true }, false},
		{"RSA", func(e *ec) { e.oid = oidRSA }, false},
		{"scalar too short", func(e *ec) { e.scalar = scalar[1:] }, false},
		{"scalar too long", func(e *ec) { e.scalar = append([]byte{0}, scalar...) }, false},
		{"scalar 0", func(e *ec) { e.scalar = make([]byte, 32) }, false},
		{"scalar at the order", func(e *ec) { e.scalar = elliptic.P256().Params().N.Bytes() }, false},
		{"something behind", func(e *ec) { e.behind = []byte{5, 0} }, false},
	} {
		e := whole
		c.change(&e)
		secret, err := ParseImported("ECC_NIST_P256", e.der())
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, ErrMaterial) {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.ok && !bytes.Equal(secret, must[[]byte](t)(x509.MarshalPKCS8PrivateKey(key))) {
			t.Errorf("%s: another key", c.name)
		}
	}
	order := unhex("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	for _, scalar := range [][]byte{order, make([]byte, 32), scalar[1:], bytes.Repeat([]byte{255}, 32)} {
		e := ec{oid: oidEC, curve: oidSecp256k1, inner: 1, scalar: scalar}
		if _, err := ParseImported("ECC_SECG_P256K1", e.der()); !errors.Is(err, ErrMaterial) {
			t.Errorf("secp256k1 scalar %x: %v", scalar, err)
		}
	}
}

func TestImportedRSA(t *testing.T) {
	good := secretOf(t, "RSA_2048")
	for name, bad := range map[string][]byte{
		"PKCS#1":        x509.MarshalPKCS1PrivateKey(wrapper()),
		"no parameters": bytes.Replace(good, []byte{0x05, 0x00, 0x04, 0x82}, []byte{0x04, 0x82}, 1),
		"public key":    must[[]byte](t)(x509.MarshalPKIXPublicKey(&wrapper().PublicKey)),
	} {
		if _, err := ParseImported("RSA_2048", bad); !errors.Is(err, ErrMaterial) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseImported("RSA_2048", secretOf(t, "RSA_2048_e3")); err != nil {
		t.Error("the exponent 3:", err)
	}
	//lint:ignore SA1019 a key that must be refused
	three, err := rsa.GenerateMultiPrimeKey(rand.Reader, 3, 2048)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseImported("RSA_2048", must[[]byte](t)(x509.MarshalPKCS8PrivateKey(three))); !errors.Is(err, ErrMaterial) {
		t.Error("three primes:", err)
	}
	odd, err := rsa.GenerateKey(rand.Reader, 2047)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseImported("RSA_2048", must[[]byte](t)(x509.MarshalPKCS8PrivateKey(odd))); !errors.Is(err, ErrMaterial) || !strings.Contains(err.Error(), "2047 bits") {
		t.Error("2,047 bits:", err)
	}
}

func TestImportedEd25519(t *testing.T) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, 32))
	build := func(version int64, seed, public []byte) []byte {
		var b cryptobyte.Builder
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(version)
			addAlgorithm(b, oidEd25519, nil)
			b.AddASN1(casn1.OCTET_STRING, func(b *cryptobyte.Builder) { b.AddASN1OctetString(seed) })
			if public != nil {
				b.AddASN1(casn1.Tag(1).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddUint8(0); b.AddBytes(public) })
			}
		})
		return b.BytesOrPanic()
	}
	for name, c := range map[string]struct {
		der []byte
		ok  bool
	}{
		"seed":            {build(0, key.Seed(), nil), true},
		"and public key":  {build(1, key.Seed(), key[32:]), true},
		"another's":       {build(1, key.Seed(), make([]byte, 32)), false},
		"short seed":      {build(0, key.Seed()[1:], nil), false},
		"seed and public": {build(0, key, nil), false},
	} {
		secret, err := ParseImported("ECC_NIST_EDWARDS25519", c.der)
		if c.ok != (err == nil) || c.ok && !bytes.Equal(secret, must[[]byte](t)(x509.MarshalPKCS8PrivateKey(key))) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The three forms of RFC 9881 and RFC 9935.
func TestImportedSeeds(t *testing.T) {
	for name, v := range vectors(t) {
		seed := unhex(v.Seed)
		s := specs[name]
		oid := asn1.ObjectIdentifier(oidOf(name))
		expanded := expandedOf(name, seed)
		if hashHex(expanded) != v.Expanded {
			t.Errorf("%s: another expanded key than NIST's", name)
		}
		both := func(seed, expanded []byte) []byte {
			return marshalPKCS8(oid, nil, func(b *cryptobyte.Builder) {
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(seed); b.AddASN1OctetString(expanded) })
			})
		}
		if got, err := s.imported(both(seed, expanded)); err != nil || !bytes.Equal(got, seed) {
			t.Errorf("%s: both forms: %v", name, err)
		}
		alone := marshalPKCS8(oid, nil, func(b *cryptobyte.Builder) { b.AddASN1OctetString(expanded) })
		for what, bad := range map[string][]byte{
			"the expanded key alone": alone,
			"a short seed":           marshalSeed(oid, seed[1:]),
			"a long seed":            marshalSeed(oid, append(bytes.Clone(seed), 0)),
			"an empty expanded key":  both(seed, nil),
			"a short expanded key":   both(seed, expanded[1:]),
		} {
			if _, err := ParseImported(name, bad); !errors.Is(err, ErrMaterial) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		flips(expanded, func(flipped []byte, at int) {
			if _, err := ParseImported(name, both(seed, flipped)); !errors.Is(err, ErrMaterial) {
				t.Errorf("%s: byte %d of the expanded key flipped: %v", name, at, err)
			}
		})
	}
}

func expandedOf(name string, seed []byte) []byte {
	kem := map[string]kemSet{"ML_KEM_512": kem512, "ML_KEM_768": kem768, "ML_KEM_1024": kem1024}
	if set, ok := kem[name]; ok {
		_, private := set.expander.DeriveKeyPair(seed)
		b, err := private.MarshalBinary()
		if err != nil {
			panic(err)
		}
		return b
	}
	k, err := Open(name, seed)
	if err != nil {
		panic(err)
	}
	m := k.key.(*mldsaKey)
	return m.set.expand(seed, m.verifier.Bytes())
}

func TestNewPair(t *testing.T) {
	for _, name := range []string{"RSA_2048", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024"} {
		private, public, err := NewPair(name)
		if err != nil {
			t.Fatal(name, err)
		}
		k := must[*Key](t)(Open(name, must[[]byte](t)(ParseImported(name, private))))
		if !bytes.Equal(k.Public(), public) {
			t.Errorf("%s: the public key is another's", name)
		}
		if err := exercise(k, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"HMAC_256", "SYMMETRIC_DEFAULT", "ML_DSA_44", "SM2", ""} {
		if _, _, err := NewPair(name); !errors.Is(err, ErrSpec) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
