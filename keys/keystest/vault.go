package keystest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"bartizan.dev/keys"
)

// RunVault tests a kind of vault. open returns an empty one; reopen returns a
// further vault over the keys of the last open, as after a restart, and is nil
// for a kind that keeps nothing.
func RunVault(t *testing.T, open, reopen func(t *testing.T) keys.Vault) {
	t.Run("seal and open", func(t *testing.T) { sealAndOpen(t, open(t)) })
	t.Run("vault refusals", func(t *testing.T) { vaultRefusals(t, open(t)) })
	t.Run("labels", func(t *testing.T) { labels(t, open(t)) })
	t.Run("bounds", func(t *testing.T) { bounds(t, open(t)) })
	t.Run("destroy", func(t *testing.T) { destroy(t, open(t)) })
	t.Run("reopen vault", func(t *testing.T) {
		if reopen == nil {
			t.Skip("this kind keeps nothing")
		}
		reopenedVault(t, open(t), reopen)
	})
	t.Run("vault concurrency", func(t *testing.T) { vaultConcurrency(t, open(t)) })
	t.Run("ended context", func(t *testing.T) { ended(t, open(t)) })
	t.Run("close vault", func(t *testing.T) { closingVault(t, open(t)) })
}

func create(t *testing.T, v keys.Vault, label string) {
	t.Helper()
	if err := v.Create(t.Context(), label); err != nil {
		t.Fatalf("Create %q: %v", label, err)
	}
}

func seal(t *testing.T, v keys.Vault, label string, plaintext, associated []byte) []byte {
	t.Helper()
	sealed, err := v.Seal(t.Context(), label, plaintext, associated)
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	if len(sealed) != len(plaintext)+keys.SealOverhead {
		t.Fatalf("Seal makes %d bytes of %d", len(sealed), len(plaintext))
	}
	return sealed
}

func unseals(t *testing.T, v keys.Vault, label string, sealed, associated, want []byte) {
	t.Helper()
	if got, err := v.Open(t.Context(), label, sealed, associated); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Open: %x, %v; want %x", got, err, want)
	}
}

func unsealRefused(t *testing.T, v keys.Vault, label string, sealed, associated []byte, what string) {
	t.Helper()
	if got, err := v.Open(t.Context(), label, sealed, associated); !errors.Is(err, keys.ErrUnseal) || got != nil {
		t.Errorf("Open of %s: %x, %v; want ErrUnseal", what, got, err)
	}
}

func sealAndOpen(t *testing.T, v keys.Vault) {
	create(t, v, "k")
	for _, n := range []int{0, 1, 15, 16, 17, 32, 4096, keys.MaxPlaintext} {
		for _, associated := range [][]byte{nil, []byte("a"), bytes.Repeat([]byte("context "), 128)} {
			plaintext := bytes.Repeat([]byte{7}, n)
			a, b := seal(t, v, "k", plaintext, associated), seal(t, v, "k", plaintext, associated)
			if bytes.Equal(a[:13], b[:13]) {
				t.Errorf("two seals of %d bytes have one nonce", n)
			}
			if n >= 16 && bytes.Contains(a, plaintext[:16]) {
				t.Error("what is sealed holds the plaintext")
			}
			unseals(t, v, "k", a, associated, plaintext)
			unseals(t, v, "k", b, associated, plaintext)
		}
	}
	large := bytes.Repeat([]byte("x"), keys.MaxAssociated)
	unseals(t, v, "k", seal(t, v, "k", []byte("p"), large), large, []byte("p"))
	if v.Describe() == "" {
		t.Error("Describe says nothing")
	}
}

func vaultRefusals(t *testing.T, v keys.Vault) {
	create(t, v, "k")
	create(t, v, "other")
	associated := []byte("context")
	w := seal(t, v, "k", []byte("0123456789abcdef"), associated)
	for _, a := range []string{"", "contex", "context\x00", "CONTEXT"} {
		unsealRefused(t, v, "k", w, []byte(a), fmt.Sprintf("associated data %q", a))
	}
	for i := range w {
		flipped := slices.Clone(w)
		flipped[i] ^= 1 << (i % 8)
		unsealRefused(t, v, "k", flipped, associated, fmt.Sprintf("a seal with a bit of byte %d flipped", i))
		unsealRefused(t, v, "k", w[:i], associated, fmt.Sprintf("the first %d bytes", i))
		unsealRefused(t, v, "k", w[i+1:], associated, fmt.Sprintf("all but the first %d bytes", i+1))
	}
	unsealRefused(t, v, "k", append(slices.Clone(w), 0), associated, "a seal with a byte more")
	unsealRefused(t, v, "k", make([]byte, keys.MaxPlaintext+keys.SealOverhead+1), associated, "what is too long")
	unsealRefused(t, v, "other", w, associated, "another key's seal")
	unseals(t, v, "k", w, associated, []byte("0123456789abcdef"))
}

func labels(t *testing.T, v keys.Vault) {
	ctx := t.Context()
	for _, label := range []string{"a", "A", "kms/1234abcd-12ab", "x.y_z:1@2+3", strings.Repeat("l", keys.MaxLabel)} {
		if has, err := v.Has(ctx, label); err != nil || has {
			t.Errorf("Has %q before Create: %v, %v", label, has, err)
		}
		create(t, v, label)
		if has, err := v.Has(ctx, label); err != nil || !has {
			t.Errorf("Has %q after Create: %v, %v", label, has, err)
		}
		if err := v.Create(ctx, label); !errors.Is(err, keys.ErrKeyExists) {
			t.Errorf("Create of %q again: %v", label, err)
		}
		unseals(t, v, label, seal(t, v, label, []byte("p"), nil), nil, []byte("p"))
	}
	for _, label := range []string{"", " ", "a b", "ä", "a\x00", "a\n", "*", strings.Repeat("l", keys.MaxLabel+1)} {
		if err := v.Create(ctx, label); !errors.Is(err, keys.ErrLabel) {
			t.Errorf("Create of %q: %v", label, err)
		}
		missing(t, v, label)
	}
	missing(t, v, "never")
}

// missing checks that nothing works with a label that no key has.
func missing(t *testing.T, v keys.Vault, label string) {
	t.Helper()
	if has, err := v.Has(t.Context(), label); err != nil || has {
		t.Errorf("Has %q: %v, %v", label, has, err)
	}
	if _, err := v.Seal(t.Context(), label, []byte("p"), nil); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("Seal with %q: %v", label, err)
	}
	sealed := make([]byte, keys.SealOverhead)
	sealed[0] = 1
	if _, err := v.Open(t.Context(), label, sealed, nil); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("Open with %q: %v", label, err)
	}
	if err := v.Destroy(t.Context(), label); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("Destroy of %q: %v", label, err)
	}
}

func bounds(t *testing.T, v keys.Vault) {
	create(t, v, "k")
	if _, err := v.Seal(t.Context(), "k", make([]byte, keys.MaxPlaintext+1), nil); !errors.Is(err, keys.ErrTooLarge) {
		t.Errorf("Seal of too much: %v", err)
	}
	if _, err := v.Seal(t.Context(), "k", nil, make([]byte, keys.MaxAssociated+1)); !errors.Is(err, keys.ErrTooLarge) {
		t.Errorf("Seal with too much associated data: %v", err)
	}
	unsealRefused(t, v, "k", seal(t, v, "k", nil, nil), make([]byte, keys.MaxAssociated+1), "too much associated data")
}

func destroy(t *testing.T, v keys.Vault) {
	create(t, v, "k")
	create(t, v, "kept")
	old, kept := seal(t, v, "k", []byte("old"), nil), seal(t, v, "kept", []byte("kept"), nil)
	if err := v.Destroy(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	missing(t, v, "k")
	create(t, v, "k")
	unsealRefused(t, v, "k", old, nil, "what a destroyed key sealed")
	unseals(t, v, "k", seal(t, v, "k", []byte("new"), nil), nil, []byte("new"))
	unseals(t, v, "kept", kept, nil, []byte("kept"))
}

func reopenedVault(t *testing.T, v keys.Vault, reopen func(t *testing.T) keys.Vault) {
	create(t, v, "k")
	create(t, v, "gone")
	first := seal(t, v, "k", []byte("first"), nil)
	if err := v.Destroy(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	again := reopen(t)
	unseals(t, again, "k", first, nil, []byte("first"))
	missing(t, again, "gone")
	if err := again.Create(t.Context(), "k"); !errors.Is(err, keys.ErrKeyExists) {
		t.Errorf("Create after a restart: %v", err)
	}
	// Two vaults over the same keys, as two nodes have.
	create(t, again, "late")
	late := seal(t, again, "late", []byte("late"), nil)
	third := reopen(t)
	unseals(t, third, "late", late, nil, []byte("late"))
	create(t, third, "later")
	unseals(t, again, "later", seal(t, third, "later", []byte("x"), nil), nil, []byte("x"))
	if err := third.Destroy(t.Context(), "late"); err != nil {
		t.Fatal(err)
	}
	missing(t, again, "late")
}

// vaultConcurrency: many seal and open at once while keys come and go, and of
// many Creates of one label one succeeds.
func vaultConcurrency(t *testing.T, v keys.Vault) {
	create(t, v, "k")
	var all sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for i := range 4 {
		all.Go(func() {
			for n := range 20 {
				plaintext := []byte{byte(i), byte(n)}
				w, err := v.Seal(t.Context(), "k", plaintext, plaintext)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := v.Open(t.Context(), "k", w, plaintext); err != nil || !bytes.Equal(got, plaintext) {
					t.Errorf("Open: %x, %v", got, err)
				}
			}
			switch err := v.Create(t.Context(), "one"); {
			case err == nil:
				mu.Lock()
				made++
				mu.Unlock()
			case !errors.Is(err, keys.ErrKeyExists):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made != 1 {
		t.Errorf("%d of four Creates of one label succeed", made)
	}
}

func ended(t *testing.T, v keys.Vault) {
	create(t, v, "k")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Seal(ctx, "k", []byte("p"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Seal: %v", err)
	}
	if err := v.Create(ctx, "late"); !errors.Is(err, context.Canceled) {
		t.Errorf("Create: %v", err)
	}
	missing(t, v, "late")
}

func closingVault(t *testing.T, v keys.Vault) {
	create(t, v, "k")
	w := seal(t, v, "k", []byte("p"), nil)
	for range 2 {
		if err := v.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	_, sealErr := v.Seal(t.Context(), "k", nil, nil)
	_, openErr := v.Open(t.Context(), "k", w, nil)
	_, hasErr := v.Has(t.Context(), "k")
	for what, err := range map[string]error{
		"Create": v.Create(t.Context(), "new"), "Destroy": v.Destroy(t.Context(), "k"),
		"Seal": sealErr, "Open": openErr, "Has": hasErr,
	} {
		if !errors.Is(err, keys.ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	if v.Describe() == "" {
		t.Error("Describe says nothing after Close")
	}
}
