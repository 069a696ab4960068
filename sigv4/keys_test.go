package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func reference(key, msg []byte) [32]byte {
	h := hmac.New(sha256.New, key)
	h.Write(msg)
	return [32]byte(h.Sum(nil))
}

func TestMac(t *testing.T) {
	for _, key := range []int{0, 1, 32, 63, 64, 65, 200} {
		for _, msg := range []int{0, 1, 55, 56, 64, 511, 512, 513, 2000} {
			k, m := []byte(strings.Repeat("k", key)), []byte(strings.Repeat("m", msg))
			if mac(k, m) != reference(k, m) {
				t.Errorf("mac of %d bytes with a key of %d differs from crypto/hmac", msg, key)
			}
		}
	}
}

func TestDerive(t *testing.T) {
	for _, n := range []int{1, 40, 60, 61, 124, 125, 300} {
		secret, s := strings.Repeat("s", n), Scope{"20150830", "us-east-1", "iam"}
		k := reference([]byte("AWS4"+secret), []byte(s.Date))
		for _, part := range []string{s.Region, s.Service, "aws4_request"} {
			k = reference(k[:], []byte(part))
		}
		if derive(secret, &s) != k {
			t.Errorf("secret of %d bytes: another signing key", n)
		}
	}
}

// Every access, hit or miss, alone or among others, gives the derived key.
func TestKeys(t *testing.T) {
	keys := NewKeys(8)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 400 {
				secret := fmt.Sprint("secret", (i*7+g)%40)
				s := Scope{"20150830", "us-east-1", []string{"iam", "sts"}[i%2]}
				if keys.signing(secret, &s) != derive(secret, &s) {
					t.Errorf("wrong key for %s %v", secret, s)
				}
			}
		})
	}
	wg.Wait()
	if n := len(keys.rows) * len(row{}); n != 8 {
		t.Errorf("%d slots", n)
	}
	// The same bytes split another way are another key.
	a, b := Scope{"20150830", "a", "b"}, Scope{"20150830", "a/b", ""}
	if keys.signing("s", &a) == keys.signing("s", &b) || keys.signing("s2", &Scope{Date: "015"}) != derive("s2", &Scope{Date: "015"}) {
		t.Error("two scopes share a key")
	}
}

func TestSameSignature(t *testing.T) {
	var a [64]byte
	copy(a[:], hex64)
	for got, same := range map[string]bool{
		hex64: true, hex64[:63]: false, hex64 + "0": false, "": false, strings.ToUpper(hex64): false, hex64[:63] + "0": false, "0" + hex64[1:]: false,
	} {
		if sameSignature(&a, got) != same {
			t.Errorf("%q: %v", got, !same)
		}
	}
	var zero [64]byte
	if sameSignature(&zero, "") {
		t.Error("an empty signature matches zeroes")
	}
}
