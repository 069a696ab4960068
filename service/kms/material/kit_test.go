package material

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"sync"
	"testing"
)

// every is every spec, in the order of the model.
var every = []string{
	"RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1",
	"SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "ML_DSA_44", "ML_DSA_65", "ML_DSA_87",
	"ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768", "ML_KEM_1024",
}

// secretOf is material of a spec; RSA keys are fixtures, for they take long to
// make.
func secretOf(t testing.TB, spec string) []byte {
	t.Helper()
	if bits, ok := strings.CutPrefix(spec, "RSA_"); ok {
		text, err := os.ReadFile("testdata/rsa_" + bits + ".pem")
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		return block.Bytes
	}
	secret, err := New(spec)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func open(t testing.TB, spec string) *Key {
	t.Helper()
	k, err := Open(spec, secretOf(t, spec))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var wrapper = sync.OnceValue(func() *rsa.PrivateKey {
	text, err := os.ReadFile("testdata/rsa_2048.pem")
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key.(*rsa.PrivateKey)
})

// flips calls f with copies of b, a bit flipped in each: in the first and last
// byte, and in some between.
func flips(b []byte, f func(flipped []byte, at int)) {
	step := max(1, len(b)/20)
	for i := 0; i < len(b); i += step {
		c := bytes.Clone(b)
		c[i] ^= 1 << (i % 8)
		f(c, i)
	}
	c := bytes.Clone(b)
	c[len(c)-1] ^= 1
	f(c, len(c)-1)
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
