package signin

import (
	"net/netip"
	"testing"
	"time"
)

func TestLimitWaits(t *testing.T) {
	l := limit{"pair", 5}
	for count, want := range map[int]time.Duration{0: 0, 4: 0, 5: time.Second, 6: 2 * time.Second, 14: 512 * time.Second, 15: longestWait, 1 << 30: longestWait} {
		if got := l.wait(count); got != want {
			t.Errorf("after %d failures: %v, want %v", count, got, want)
		}
	}
}

// TestLimitOfAnHour: whatever the number of sources, fewer than 100 failures fit
// into an hour (ASVS 2.2.1).
func TestLimitOfAnHour(t *testing.T) {
	l := limit{"user", 20}
	var at time.Duration
	n := 0
	for ; at < time.Hour; n++ {
		at += l.wait(n)
	}
	if n >= 100 {
		t.Errorf("%d failures in an hour", n)
	}
}

func TestGuessNamesAreNotTold(t *testing.T) {
	a := newGuess("111122223333", "Alice", netip.MustParseAddr("2001:db8::1"))
	b := newGuess("111122223333", "alice", netip.MustParseAddr("2001:db8::2"))
	c := newGuess("111122223333", "bob", netip.MustParseAddr("2001:db8:0:1::1"))
	if a.ids != b.ids {
		t.Error("case or an address of the same /64 makes a difference")
	}
	for i := range a.ids {
		if a.ids[i] == c.ids[i] {
			t.Errorf("%s: two users or networks are one", a.limits[i].kind)
		}
		if len(a.ids[i]) != 64 {
			t.Errorf("id %q", a.ids[i])
		}
	}
}

// TestStrangersDoNotLockOut: who fails from many places as a user makes it wait
// everywhere but where it has signed in from before.
func TestStrangersDoNotLockOut(t *testing.T) {
	s, ctx := newService(t), t.Context()
	from := func(address string) *guess {
		return newGuess("111122223333", "alice", netip.MustParseAddr(address))
	}
	home := from("192.0.2.1")
	if wait, err := s.begin(ctx, home); err != nil || wait != 0 {
		t.Fatal(wait, err)
	}
	if err := s.succeed(ctx, home, true); err != nil {
		t.Fatal(err)
	}
	stolen := from("192.0.2.2") // the password, without the second factor
	if wait, err := s.begin(ctx, stolen); err != nil || wait != 0 {
		t.Fatal(wait, err)
	}
	if err := s.succeed(ctx, stolen, false); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if _, err := s.begin(ctx, from(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String())); err != nil {
			t.Fatal(err)
		}
	}
	for address, waits := range map[string]bool{"192.0.2.1": false, "192.0.2.2": true, "203.0.113.1": true} {
		wait, err := s.begin(ctx, from(address))
		if err != nil || (wait > 0) != waits {
			t.Errorf("%s waits %v, %v", address, wait, err)
		}
	}
	for range 10 { // the source itself is slowed down all the same
		if _, err := s.begin(ctx, from("192.0.2.1")); err != nil {
			t.Fatal(err)
		}
	}
	if wait, err := s.begin(ctx, from("192.0.2.1")); err != nil || wait == 0 {
		t.Errorf("many failures from a known source: wait %v, %v", wait, err)
	}
	s.Clock.Advance(knownFor)
	for i := range 40 {
		if _, err := s.begin(ctx, from(netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String())); err != nil {
			t.Fatal(err)
		}
	}
	if wait, err := s.begin(ctx, from("192.0.2.1")); err != nil || wait == 0 {
		t.Errorf("after %v the source is still known: wait %v, %v", knownFor, wait, err)
	}
}
