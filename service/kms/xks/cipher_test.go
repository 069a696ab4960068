package xks

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func b64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The worked example of the specification (Encrypt, and Appendix C).
const (
	exampleAAD  = "cHJvamVjdD1uaWxlLGRlcGFydG1lbnQ9bWFya2V0aW5n"
	exampleCDIV = "qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc="
)

func example(t testing.TB) *Ciphertext {
	return &Ciphertext{
		Data: b64(t, "ghxkK1txeDNn3q8Y"), IV: b64(t, "HMrlRw85cAJUd5Ax"),
		Tag: b64(t, "vBxN2ncH1oEkR8WVXpmyYQ=="), Metadata: b64(t, "a2V5X3ZlcnNpb249MQ=="),
	}
}

func TestCDIVOfTheSpecification(t *testing.T) {
	sum := example(t).CDIV([]byte("project=nile,department=marketing"))
	if got := hex.EncodeToString(sum[:]); got != "a8703f2260bd8791ec2d15ea0b23e65a0631eedcf2a13a65cc82db3f47cf5ec7" {
		t.Error(got)
	}
	if got := base64.StdEncoding.EncodeToString(sum[:]); got != exampleCDIV {
		t.Error(got)
	}
}

var testKey = bytes.Repeat([]byte{7}, KeySize)

// TestSealIsPlainGCM opens what Seal made with nothing but crypto/cipher and
// the sentence of the specification about the AAD.
func TestSealIsPlainGCM(t *testing.T) {
	if fipsOnly() {
		t.Skip("fips140=only lets nobody choose the IV by hand")
	}
	aad, metadata := []byte("the aad"), []byte{1, 2}
	c, err := Seal(testKey, []byte("Hello World!"), aad, metadata)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := aes.NewCipher(testKey)
	gcm, _ := cipher.NewGCM(block)
	full := slices.Concat([]byte{0, 7}, aad, []byte{2}, metadata)
	got, err := gcm.Open(nil, c.IV, slices.Concat(c.Data, c.Tag), full)
	if err != nil || string(got) != "Hello World!" {
		t.Fatal(string(got), err)
	}
	if len(c.IV) != 12 || len(c.Tag) != 16 || len(c.Data) != 12 {
		t.Error(len(c.IV), len(c.Tag), len(c.Data))
	}
}

func TestSealAndOpen(t *testing.T) {
	for _, n := range []int{1, 12, MaxPlaintext} {
		for _, aad := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("y"), MaxAAD)} {
			for _, metadata := range [][]byte{nil, {0}, bytes.Repeat([]byte{9}, MaxMetadata)} {
				plaintext := bytes.Repeat([]byte("p"), n)
				c, err := Seal(testKey, plaintext, aad, metadata)
				if err != nil {
					t.Fatal(err)
				}
				got, err := Open(testKey, c, aad)
				if err != nil || !bytes.Equal(got, plaintext) {
					t.Fatal(n, len(aad), len(metadata), err)
				}
			}
		}
	}
	for _, bad := range []struct{ key, plaintext, aad, metadata []byte }{
		{testKey, nil, nil, nil},
		{testKey[:16], []byte("x"), nil, nil},
		{testKey, []byte("x"), make([]byte, MaxAAD+1), nil},
		{testKey, []byte("x"), nil, make([]byte, MaxMetadata+1)},
	} {
		if _, err := Seal(bad.key, bad.plaintext, bad.aad, bad.metadata); err == nil {
			t.Error("sealed", len(bad.key), len(bad.plaintext), len(bad.aad), len(bad.metadata))
		}
	}
}

// TestEveryBitCounts flips each bit of every part.
func TestEveryBitCounts(t *testing.T) {
	aad := []byte("aad")
	c, err := Seal(testKey, []byte("secret"), aad, []byte("m1"))
	if err != nil {
		t.Fatal(err)
	}
	key := slices.Clone(testKey)
	for _, part := range [][]byte{c.Data, c.IV, c.Tag, c.Metadata, aad, key} {
		for i := range len(part) * 8 {
			part[i/8] ^= 1 << (i % 8)
			if _, err := Open(key, c, aad); asFault(err).Name != InvalidCiphertextException {
				t.Fatal(i, err)
			}
			part[i/8] ^= 1 << (i % 8)
		}
	}
	if _, err := Open(key, c, aad); err != nil {
		t.Fatal(err)
	}
}

// TestMetadataIsNotAAD is the attack that the lengths in the AAD are there for.
func TestMetadataIsNotAAD(t *testing.T) {
	c, err := Seal(testKey, []byte("secret"), nil, []byte("meta"))
	if err != nil {
		t.Fatal(err)
	}
	moved := *c
	moved.Metadata = nil
	if _, err := Open(testKey, &moved, []byte("meta")); asFault(err).Name != InvalidCiphertextException {
		t.Error(err)
	}
}

// TestWideIV opens a ciphertext of another key manager, with 16 bytes of IV.
func TestWideIV(t *testing.T) {
	block, _ := aes.NewCipher(testKey)
	gcm, err := cipher.NewGCMWithNonceSize(block, 16)
	if err != nil {
		_, err := Open(testKey, &Ciphertext{Data: []byte("x"), IV: make([]byte, 16), Tag: make([]byte, 16)}, nil)
		if asFault(err).Name != UnsupportedOperationException {
			t.Error(err)
		}
		return // fips140=only
	}
	iv := bytes.Repeat([]byte{3}, 16)
	out := gcm.Seal(nil, iv, []byte("far"), []byte{0, 0, 0})
	c := &Ciphertext{Data: out[:3], Tag: out[3:], IV: iv}
	if got, err := Open(testKey, c, nil); err != nil || string(got) != "far" {
		t.Error(string(got), err)
	}
	c.Tag[0] ^= 1
	if _, err := Open(testKey, c, nil); asFault(err).Name != InvalidCiphertextException {
		t.Error(err)
	}
}

func TestCiphertextAsBytes(t *testing.T) {
	for _, c := range []*Ciphertext{example(t), {Data: []byte{1}, IV: make([]byte, 16), Tag: make([]byte, 16)}} {
		b, err := c.AppendBinary([]byte("head"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseCiphertext(b[4:])
		if err != nil || got.CDIV(nil) != c.CDIV(nil) || !bytes.Equal(got.Metadata, c.Metadata) || !bytes.Equal(got.IV, c.IV) {
			t.Error(got, err)
		}
		for n := range len(b) - 4 - len(c.Data) + 1 { // up to and without the first byte of data
			if _, err := ParseCiphertext(b[4 : 4+n]); err == nil {
				t.Error("parsed", n, "bytes")
			}
		}
	}
	if _, err := (&Ciphertext{}).AppendBinary(nil); err == nil {
		t.Error("an empty ciphertext")
	}
}

func FuzzParseCiphertext(f *testing.F) {
	b, err := example(f).AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{0, 12})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCiphertext(b)
		if err != nil {
			return
		}
		again, err := c.AppendBinary(nil)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatal("another spelling", err)
		}
		if _, err := Open(testKey, c, nil); err == nil {
			t.Fatal("forged")
		}
	})
}

func TestFaultsAreErrors(t *testing.T) {
	cause := errors.New("why")
	var err error = &Fault{Name: ThrottlingException, Message: "slow down", Cause: cause}
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "ThrottlingException: slow down") {
		t.Error(err)
	}
}

func fipsOnly() bool { return strings.Contains(os.Getenv("GODEBUG"), "fips140=only") }
