package soft

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"bartizan.dev/keys"
	"bartizan.dev/keys/keystest"
)

func TestMemoryVault(t *testing.T) {
	keystest.RunVault(t, func(t *testing.T) keys.Vault { return closed(t, MemoryVault()) }, nil)
}

func closed(t *testing.T, v *Vault) *Vault {
	t.Cleanup(func() { v.Close() })
	return v
}

func openVault(t *testing.T, path string, c keys.Custodian) *Vault {
	t.Helper()
	v, err := OpenVault(t.Context(), path, c)
	if err != nil {
		t.Fatal(err)
	}
	return closed(t, v)
}

func TestFileVault(t *testing.T) {
	c := Memory()
	var path string
	keystest.RunVault(t, func(t *testing.T) keys.Vault {
		path = filepath.Join(t.TempDir(), "sub", "vault")
		return openVault(t, path, c)
	}, func(t *testing.T) keys.Vault { return openVault(t, path, c) })
}

// TestVaultFile: nobody opens it without its custodian, keys cannot change
// places, and damage is refused.
func TestVaultFile(t *testing.T) {
	c, path := Memory(), filepath.Join(t.TempDir(), "vault")
	v := openVault(t, path, c)
	for _, label := range []string{"a", "b"} {
		if err := v.Create(t.Context(), label); err != nil {
			t.Fatal(err)
		}
	}
	good := read(t, path)
	for _, k := range v.keys {
		if strings.Contains(good, string(k.secret)) {
			t.Error("the file holds a key")
		}
	}
	if _, err := OpenVault(t.Context(), path, Memory()); !errors.Is(err, keys.ErrUnseal) {
		t.Errorf("opened under another root key: %v", err)
	}
	swapped := strings.NewReplacer("key a ", "key b ", "key b ", "key a ").Replace(good)
	for what, text := range map[string]string{
		"swapped": swapped, "empty": "", "cut": good[:len(good)-3], "a key twice": good + "key a AAAA\n",
		"no label": good + "key AAAA\n", "a bad label": good + "key ä AAAA\n", "too large": good + strings.Repeat("#\n", maxVault),
	} {
		write(t, path, text, 0o600)
		if _, err := OpenVault(t.Context(), path, c); err == nil {
			t.Errorf("%s: opened", what)
		}
	}
	write(t, path, good, 0o644)
	if _, err := OpenVault(t.Context(), path, c); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that everybody may read: %v", err)
	}
}

// TestVaultRotation: the vault outlives its root key's rotation.
func TestVaultRotation(t *testing.T) {
	c, path := Memory(), filepath.Join(t.TempDir(), "vault")
	v := openVault(t, path, c)
	if err := errors.Join(v.Create(t.Context(), "k"), c.Rotate(t.Context()), v.Create(t.Context(), "l")); err != nil {
		t.Fatal(err)
	}
	w, err := v.Seal(t.Context(), "k", []byte("p"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := openVault(t, path, c).Open(t.Context(), "k", w, nil); err != nil || !bytes.Equal(got, []byte("p")) {
		t.Errorf("Open: %q, %v", got, err)
	}
}

func FuzzDecodeVault(f *testing.F) {
	f.Add([]byte(vaultNote + vaultMagic + "\nkey a AAAA\nkey b/c AAAABBBB\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		wrapped, err := decodeVault(lines(data))
		if err != nil && wrapped != nil {
			t.Error("an error and keys")
		}
		for label, w := range wrapped {
			if !keys.ValidLabel(label) || len(w) == 0 {
				t.Errorf("%q: %x", label, w)
			}
		}
	})
}
