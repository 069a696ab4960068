package signin

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/work"
)

// newService is the service over a real store, without anybody to ask.
func newService(t testing.TB) *Service {
	t.Helper()
	engine := memory.Open()
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := New(t.Context(), Deps{
		Store: engine, Clock: new(work.Clock), Signed: time.Now, Log: slog.New(slog.DiscardHandler),
		URL: func() string { return "http://127.0.0.1:4566" }, Secret: []byte(strings.Repeat("s", 32)),
		Admit: func(context.Context) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestForgets: nothing of a sign-in stays in the store for good.
func TestForgets(t *testing.T) {
	s := newService(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Work().Run(ctx) }()
	before, err := s.Store.List(ctx, store.Range{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.begin(ctx, newGuess("111122223333", "alice", netip.MustParseAddr("192.0.2.1"))); err != nil {
		t.Fatal(err)
	}
	ends := s.Clock.Now().Add(longestSession)
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		return errors.Join(
			s.spend(ctx, tx, "dpop", "a proof", ends), s.sessions.Put(ctx, tx, "id", &session{}), s.forget(ctx, tx, "session", "id", ends),
			s.grants.Put(ctx, tx, "id", &grant{Code: "code"}), s.forget(ctx, tx, "grant", "id", ends))
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(longestSession - time.Minute)
	if err := s.Work().Settle(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := s.sessions.Get(ctx, s.Store, "id"); err != nil {
		t.Errorf("a minute before its end: %v", err)
	}
	s.Clock.Advance(time.Minute)
	if err := s.Work().Settle(ctx); err != nil {
		t.Fatal(err)
	}
	after, err := s.Store.List(ctx, store.Range{})
	if err != nil {
		t.Fatal(err)
	}
	if len(after) != len(before) {
		t.Errorf("%d records were left, %d before", len(after), len(before))
		for _, item := range after {
			t.Log(item.Key)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestManyGuessesAtOnce: as many pass as one after the other.
func TestManyGuessesAtOnce(t *testing.T) {
	s := newService(t)
	var free atomic.Int32
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			wait, err := s.begin(t.Context(), newGuess("111122223333", "alice", netip.MustParseAddr("192.0.2.1")))
			if err != nil {
				t.Error(err)
			}
			if wait == 0 {
				free.Add(1)
			}
		})
	}
	all.Wait()
	if free.Load() != 5 {
		t.Errorf("%d guesses passed", free.Load())
	}
}

func TestRefreshTokens(t *testing.T) {
	s := newService(t)
	ctx := t.Context()
	g := &grant{ID: newGrantID(), Secret: []byte("secret"), Turn: 3, Turned: s.Clock.Now()}
	if _, err := s.Store.Update(ctx, func(tx store.Tx) error { return s.grants.Put(ctx, tx, g.ID, g) }); err != nil {
		t.Fatal(err)
	}
	other := *g
	other.Secret = []byte("another")
	try := func(token string) error {
		_, err := s.refreshed(ctx, s.Store, token)
		return err
	}
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"the newest": {g.token(3), nil}, "the one before": {g.token(2), nil}, "an older one": {g.token(1), errReused},
		"one of the future": {g.token(4), errReused}, "with another MAC": {other.token(3), errNoGrant},
		"cut off": {g.token(3)[:40], errNoGrant}, "another kind": {"ASOA" + g.token(3)[4:], errNoGrant}, "nothing": {"", errNoGrant},
	} {
		if err := try(c.token); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	s.Clock.Advance(turnLasts + time.Second)
	if err := try(g.token(2)); !errors.Is(err, errReused) {
		t.Errorf("the one before, too late: %v", err)
	}
	if err := s.revoke(ctx, g.ID); err != nil {
		t.Fatal(err)
	}
	if err := try(g.token(3)); !errors.Is(err, errNoGrant) {
		t.Errorf("revoked: %v", err)
	}
}
