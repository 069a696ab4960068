package pkcs11_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"bartizan.dev/keys"
	"bartizan.dev/keys/keystest"
	"bartizan.dev/keys/pkcs11"
	"bartizan.dev/keys/pkcs11/frame"
	"bartizan.dev/keys/pkcs11/pkcs11test"
)

func TestMain(m *testing.M) { os.Exit(pkcs11test.Main(m)) }

var officer, pin = []byte("officer-12345"), []byte("user-67890")

// token makes a token with a label and the PINs above.
func token(t *testing.T, c *pkcs11.Client, label string) string {
	t.Helper()
	serial, err := c.InitToken(t.Context(), "", label, officer)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetPIN(t.Context(), serial, officer, pin); err != nil {
		t.Fatal(err)
	}
	return serial
}

func vault(t *testing.T, c *pkcs11.Client, token string) *pkcs11.Vault {
	t.Helper()
	v, err := c.Vault(t.Context(), token, pin)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func TestVault(t *testing.T) {
	c := pkcs11test.Open(t)
	var serial string
	keystest.RunVault(t, func(t *testing.T) keys.Vault {
		serial = token(t, c, strings.ReplaceAll(fmt.Sprintf("%.32s", time.Now().Format("150405.000000000")), ".", ""))
		return vault(t, c, serial)
	}, func(t *testing.T) keys.Vault { return vault(t, c, serial) })
}

func TestCustodian(t *testing.T) {
	c := pkcs11test.Open(t)
	var serial string
	n := 0
	open := func(t *testing.T) keys.Custodian {
		k, err := pkcs11.NewCustodian(t.Context(), vault(t, c, serial), "bartizan/root")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	keystest.Run(t, func(t *testing.T) keys.Custodian {
		n++
		serial = token(t, c, fmt.Sprint("root ", n))
		return open(t)
	}, open, true)
}

func TestTokens(t *testing.T) {
	ctx, c := t.Context(), pkcs11test.Open(t)
	if path, err := c.Module(ctx); err != nil || !strings.Contains(path, "softhsm") {
		t.Errorf("Module: %q, %v", path, err)
	}
	serial, err := c.InitToken(ctx, "", "one", officer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.InitToken(ctx, "", "one", officer); !errors.Is(err, pkcs11.ErrTokenExists) {
		t.Errorf("a second token of the same label: %v", err)
	}
	if _, err := c.Vault(ctx, serial, pin); !errors.Is(err, pkcs11.ErrPIN) {
		t.Errorf("a login before there is a PIN: %v", err)
	}
	if err := c.SetPIN(ctx, serial, []byte("not the officer"), pin); !errors.Is(err, pkcs11.ErrPIN) {
		t.Errorf("SetPIN with a wrong PIN: %v", err)
	}
	if err := c.SetPIN(ctx, serial, officer, []byte("x")); !errors.Is(err, pkcs11.ErrPINForm) {
		t.Errorf("SetPIN of a short PIN: %v", err)
	}
	if err := c.SetPIN(ctx, serial, officer, pin); err != nil {
		t.Fatal(err)
	}
	tokens, err := c.Tokens(ctx)
	if err != nil || len(tokens) != 2 {
		t.Fatalf("Tokens: %+v, %v", tokens, err)
	}
	for _, k := range tokens {
		if k.Serial == serial && (k.Label != "one" || k.Flags != frame.Initialized|frame.UserPIN) || k.Serial != serial && k.Flags&frame.Initialized != 0 {
			t.Errorf("%+v", k)
		}
	}
	for _, name := range []string{"", "two", "0000"} {
		if _, err := c.Vault(ctx, name, pin); !errors.Is(err, pkcs11.ErrNoToken) {
			t.Errorf("a vault in token %q: %v", name, err)
		}
	}
}

// TestPINs: the first login is the token's to decide, later ones are compared
// with it, and a changed PIN ends what was opened with the old one.
func TestPINs(t *testing.T) {
	ctx, c := t.Context(), pkcs11test.Open(t)
	serial := token(t, c, "one")
	if _, err := c.Vault(ctx, "one", []byte("user-67891")); !errors.Is(err, pkcs11.ErrPIN) {
		t.Errorf("a wrong PIN first: %v", err)
	}
	v := vault(t, c, "one")
	if v.Serial() != serial {
		t.Errorf("serial number %q", v.Serial())
	}
	for _, wrong := range []string{"", "user-67891", "user-6789", "user-678900", string(officer)} {
		if _, err := c.Vault(ctx, "one", []byte(wrong)); !errors.Is(err, pkcs11.ErrPIN) {
			t.Errorf("PIN %q while somebody is logged in: %v", wrong, err)
		}
	}
	if err := v.Create(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	w, err := v.Seal(ctx, "k", []byte("p"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetPIN(ctx, serial, officer, []byte("another-pin")); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Open(ctx, "k", w, nil); !errors.Is(err, pkcs11.ErrPIN) {
		t.Errorf("Open after the PIN was changed: %v", err)
	}
	again, err := c.Vault(ctx, serial, []byte("another-pin"))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got, err := again.Open(ctx, "k", w, nil); err != nil || !bytes.Equal(got, []byte("p")) {
		t.Errorf("Open with the new PIN: %q, %v", got, err)
	}
	if err := c.SetPIN(ctx, serial, officer, pin); err != nil {
		t.Fatal(err)
	}
	if got, err := v.Open(ctx, "k", w, nil); err != nil || string(got) != "p" {
		t.Errorf("Open once the PIN is the old one again: %q, %v", got, err)
	}
}

// TestErase: a token that is initialised again has lost its keys.
func TestErase(t *testing.T) {
	ctx, c := t.Context(), pkcs11test.Open(t)
	serial := token(t, c, "one")
	v := vault(t, c, serial)
	if err := v.Create(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.InitToken(ctx, serial, "two", []byte("not the officer")); !errors.Is(err, pkcs11.ErrPIN) {
		t.Errorf("erased with a wrong PIN: %v", err)
	}
	serial, err := c.InitToken(ctx, serial, "two", officer)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetPIN(ctx, serial, officer, pin); err != nil {
		t.Fatal(err)
	}
	if has, err := vault(t, c, "two").Has(ctx, "k"); err != nil || has {
		t.Errorf("the key is still there: %v, %v", has, err)
	}
}

func BenchmarkSeal(b *testing.B) {
	c := pkcs11test.Open(b)
	serial, err := c.InitToken(b.Context(), "", "bench", officer)
	if err != nil {
		b.Fatal(err)
	}
	if err := c.SetPIN(b.Context(), serial, officer, pin); err != nil {
		b.Fatal(err)
	}
	v, err := c.Vault(b.Context(), serial, pin)
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	if err := v.Create(b.Context(), "k"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Seal(b.Context(), "k", make([]byte, 32), nil); err != nil {
			b.Fatal(err)
		}
	}
}
