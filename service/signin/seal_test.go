package signin

import (
	"strings"
	"testing"
	"time"
)

func testSealer(t testing.TB) *sealer {
	t.Helper()
	s, err := newSealer([]byte(strings.Repeat("s", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealedTokens(t *testing.T) {
	s, now := testSealer(t), time.Unix(1_800_000_000, 0)
	token, err := s.close("step", now.Add(time.Minute), authorization{State: "kept"})
	if err != nil {
		t.Fatal(err)
	}
	var out authorization
	if err := s.open("step", token, now, &out); err != nil || out.State != "kept" {
		t.Errorf("%v, %v", out, err)
	}
	for name, open := range map[string]func() error{
		"another purpose": func() error { return s.open("federation", token, now, &out) },
		"too late":        func() error { return s.open("step", token, now.Add(time.Minute), &out) },
		"changed":         func() error { return s.open("step", "A"+token[1:], now, &out) },
		"nothing":         func() error { return s.open("step", "", now, &out) },
		"too long":        func() error { return s.open("step", strings.Repeat("A", maxSealed+1), now, &out) },
	} {
		if open() == nil {
			t.Errorf("%s: the token opens", name)
		}
	}
	if _, err := newSealer([]byte("short")); err == nil {
		t.Error("a short secret is taken")
	}
}

func FuzzOpenSealed(f *testing.F) {
	s := testSealer(f)
	token, err := s.close("step", time.Unix(2_000_000_000, 0), step{Name: "alice"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Fuzz(func(t *testing.T, text string) {
		var p step
		if err := s.open("step", text, time.Unix(1_800_000_000, 0), &p); err == nil && p.Name != "alice" {
			t.Fatal("a token of nobody's opens")
		}
	})
}

func FuzzRefreshToken(f *testing.F) {
	g := &grant{ID: newGrantID(), Secret: []byte("secret")}
	f.Add(g.token(1))
	f.Add("ASORAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		id, turn, body, mac, ok := splitRefresh(text)
		if ok && (len(id) != 2*grantIDBytes || len(body)+len(mac) != refreshBytes || turn > 1<<32-1) {
			t.Fatal("cut in the wrong places")
		}
	})
}
