package sts

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"bartizan.dev/caller"
)

func newTokens(t testing.TB) *Tokens {
	t.Helper()
	tokens, err := NewTokens([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func identity() caller.Identity {
	return caller.Identity{
		Kind: caller.Role, Account: "123456789012", ID: "AROAEXAMPLE:s", ARN: "arn:aws:sts::123456789012:assumed-role/r/s", Name: "s",
		Session: &caller.Session{Issued: time.Unix(1e9, 0).UTC(), Expires: time.Unix(1e9+3600, 0).UTC(), Tags: []caller.Tag{{Key: "k", Value: "v"}}},
	}
}

func TestTokenHoldsItsSession(t *testing.T) {
	tokens := newTokens(t)
	c, err := tokens.issue(identity(), 0)
	if err != nil {
		t.Fatal(err)
	}
	secret, id, err := tokens.Open(c.AccessKey, c.Token)
	if err != nil {
		t.Fatal(err)
	}
	if secret != c.Secret || id.AccessKey != c.AccessKey || id.ARN != identity().ARN || id.Session.Tags[0].Value != "v" || !id.Session.Expires.Equal(identity().Session.Expires) {
		t.Errorf("opened %+v with session %+v", id, id.Session)
	}
	if strings.Contains(c.Token, c.Secret) {
		t.Error("the token shows its secret")
	}
}

func TestTokenOfOthersIsRefused(t *testing.T) {
	tokens := newTokens(t)
	c, err := tokens.issue(identity(), 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(c.Token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		raw[i] ^= 1
		if _, _, err := tokens.Open(c.AccessKey, base64.StdEncoding.EncodeToString(raw)); !errors.Is(err, ErrToken) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		raw[i] ^= 1
	}
	other, err := NewTokens([]byte(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() error{
		"another access key": func() error { _, _, err := tokens.Open("ASIAQAAAAAAAAAAAAAAA", c.Token); return err },
		"another server":     func() error { _, _, err := other.Open(c.AccessKey, c.Token); return err },
		"no base64":          func() error { _, _, err := tokens.Open(c.AccessKey, "!"); return err },
		"empty":              func() error { _, _, err := tokens.Open(c.AccessKey, ""); return err },
		"huge":               func() error { _, _, err := tokens.Open(c.AccessKey, strings.Repeat("A", maxToken+4)); return err },
	} {
		if err := open(); !errors.Is(err, ErrToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokenHasTheLeastSize(t *testing.T) {
	c, err := newTokens(t).issue(identity(), 4096)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Token) < 4096 {
		t.Errorf("token of %d bytes, want at least 4096", len(c.Token))
	}
}

func FuzzOpen(f *testing.F) {
	tokens, err := NewTokens([]byte(strings.Repeat("k", 32)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("ASIAQAAAAAAAAAAAAAAA", "AAAA")
	f.Fuzz(func(t *testing.T, key, token string) {
		if _, _, err := tokens.Open(key, token); err == nil {
			t.Fatal("opened a token that was never issued")
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	tokens, err := NewTokens([]byte(strings.Repeat("k", 32)))
	if err != nil {
		b.Fatal(err)
	}
	c, err := tokens.issue(identity(), 0)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := tokens.Open(c.AccessKey, c.Token); err != nil {
			b.Fatal(err)
		}
	}
}
