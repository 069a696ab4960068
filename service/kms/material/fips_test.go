package material

import (
	"bytes"
	"crypto/fips140"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Under GODEBUG=fips140=only all works but what the mode forbids: OAEP with
// SHA-1, and secp256k1. Those answer ErrFIPS; nothing panics.
//
// ML-DSA and ML-KEM-512 work: FIPS 204 and 203 approve them. Their code is not
// part of Go's validated module, though.
func TestFIPSOnly(t *testing.T) {
	c := exec.Command(os.Args[0], "-test.run=^TestInFIPSOnly$", "-test.v")
	c.Env = append(os.Environ(), "GODEBUG=fips140=only", "BARTIZAN_TEST_FIPS=1")
	out, err := c.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: TestInFIPSOnly")) {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestInFIPSOnly(t *testing.T) {
	if os.Getenv("BARTIZAN_TEST_FIPS") == "" {
		t.Skip("run by TestFIPSOnly")
	}
	if !fips140.Enforced() {
		t.Fatal("the mode is not on")
	}
	for _, name := range every {
		if name == "ECC_SECG_P256K1" {
			secp256k1Refused(t)
			continue
		}
		if name != "RSA_3072" && name != "RSA_4096" {
			if _, err := New(name); err != nil {
				t.Errorf("%s: New: %v", name, err)
			}
		}
		if _, err := ParseImported(name, importable(t, name)); err != nil {
			t.Errorf("%s: ParseImported: %v", name, err)
		}
		k := open(t, name)
		if err := exercise(k, name); !strings.HasPrefix(name, "RSA") && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, algorithm := range slices.Concat(Algorithms(name, signVerify), Algorithms(name, encryptDecrypt)) {
			works(t, k, name, algorithm)
		}
	}
	for _, name := range []string{"RSA_2048", "ECC_NIST_P256", "ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768"} {
		if _, _, err := NewPair(name); err != nil {
			t.Errorf("%s: NewPair: %v", name, err)
		}
	}
	kek := make([]byte, 32)
	wrapped := append(oaep(t, "RSA_AES_KEY_WRAP_SHA_256", kek), wrapAES(blockOf(kek), []byte("material"))...)
	if got, err := Unwrap(wrapper(), "RSA_AES_KEY_WRAP_SHA_256", wrapped); err != nil || string(got) != "material" {
		t.Error(err)
	}
	if got, err := Unwrap(wrapper(), "RSAES_OAEP_SHA_256", oaep(t, "RSAES_OAEP_SHA_256", kek)); err != nil || !bytes.Equal(got, kek) {
		t.Error(err)
	}
	for _, algorithm := range []string{"RSAES_OAEP_SHA_1", "RSA_AES_KEY_WRAP_SHA_1"} {
		if _, err := Unwrap(wrapper(), algorithm, wrapped); !errors.Is(err, ErrFIPS) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
	// An RSA key with the exponent 3, which the mode forbids, is refused.
	if _, err := ParseImported("RSA_2048", secretOf(t, "RSA_2048_e3")); !errors.Is(err, ErrFIPS) {
		t.Error(err)
	}
}

func secp256k1Refused(t *testing.T) {
	_, e1 := New("ECC_SECG_P256K1")
	_, e2 := Open("ECC_SECG_P256K1", nil)
	_, e3 := ParseImported("ECC_SECG_P256K1", nil)
	_, _, e4 := NewPair("ECC_SECG_P256K1")
	for _, err := range []error{e1, e2, e3, e4} {
		if !errors.Is(err, ErrFIPS) {
			t.Errorf("secp256k1: %v", err)
		}
	}
}

func works(t *testing.T, k *Key, name, algorithm string) {
	message := make([]byte, 64)
	if slices.Contains(Algorithms(name, signVerify), algorithm) {
		kinds := map[string]string{"ED25519_PH_SHA_512": digest}
		signature, err := k.Sign(algorithm, kinds[algorithm], message)
		if err == nil {
			err = k.Verify(algorithm, kinds[algorithm], message, signature)
		}
		if err == nil && algorithm == "ML_DSA_SHAKE_256" {
			if signature, err = k.Sign(algorithm, externalMu, message); err == nil {
				err = k.Verify(algorithm, externalMu, message, signature)
			}
		}
		if err != nil {
			t.Errorf("%s %s: %v", name, algorithm, err)
		}
		return
	}
	ciphertext, err := k.Encrypt(algorithm, message)
	switch algorithm {
	case "RSAES_OAEP_SHA_1":
		if _, derr := k.Decrypt(algorithm, make([]byte, 256)); !errors.Is(err, ErrFIPS) || !errors.Is(derr, ErrFIPS) {
			t.Errorf("%s %s: %v, %v", name, algorithm, err, derr)
		}
	case "RSAES_OAEP_SHA_256":
		if got, err := k.Decrypt(algorithm, ciphertext); err != nil || !bytes.Equal(got, message) {
			t.Errorf("%s %s: %v", name, algorithm, err)
		}
	}
}
