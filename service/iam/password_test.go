package iam

import (
	"context"
	"strings"
	"testing"

	"bartizan.dev/store"
)

// nilTx reads outside a transaction, for code that only reads from it.
type nilTx struct{ store.Reader }

func (nilTx) Put(context.Context, string, []byte) error          { panic("a write") }
func (nilTx) PutIf(context.Context, string, []byte, int64) error { panic("a write") }
func (nilTx) Delete(context.Context, string) error               { panic("a write") }

func TestHash(t *testing.T) {
	h := newHasher()
	hash := must(h.hash(t.Context(), "Secret-77"))(t)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(hash, "Secret") {
		t.Errorf("got %s", hash)
	}
	if again := must(h.hash(t.Context(), "Secret-77"))(t); again == hash {
		t.Error("two hashes have one salt")
	}
	if !must(h.matches(t.Context(), hash, "Secret-77"))(t) || must(h.matches(t.Context(), hash, "Secret-7"))(t) {
		t.Error("wrong match")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	if _, err := h.matches(ended, hash, "Secret-77"); err != context.Canceled {
		t.Errorf("a caller that has left: %v", err)
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		memory, passes, _, key, err := parseHash(s)
		if err == nil && (memory > 1<<20 || passes < 1 || passes > 16 || len(key) != hashBytes) {
			t.Errorf("accepted %q", s)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := newHasher()
	for b.Loop() {
		must(h.hash(b.Context(), "Secret-77"))(b)
	}
}
