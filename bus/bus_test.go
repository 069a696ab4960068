package bus

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

type call struct{ n int }
type flow struct{ n int }

func TestPublish(t *testing.T) {
	b := New(nil)
	Publish(b, call{0}) // nobody there
	var got []int
	var ptr []*call
	a := Subscribe(b, "a", 10, func(c call) { got = append(got, c.n) })
	Subscribe(b, "p", 10, func(c *call) { ptr = append(ptr, c) })
	Publish(b, call{1})
	Publish(b, flow{2}) // another type
	Publish(b, call{3})
	c := &call{4}
	For[*call](b).Publish(c)
	a.Close()
	a.Close()
	Publish(b, call{5})
	b.Close()
	Publish(b, &call{6})
	if !slices.Equal(got, []int{1, 3}) || !slices.Equal(ptr, []*call{c}) {
		t.Errorf("got %v and %v", got, ptr)
	}
	Subscribe(b, "late", 1, func(call) { t.Error("called on a closed bus") }).Close()
	Publish(b, call{7})
}

// TestSlow: a subscriber that does not return holds nobody up and is told of.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := New(slog.New(slog.NewTextHandler(&out, nil)))
		hold := make(chan struct{})
		var slow, quick []int
		s := Subscribe(b, "slow", 4, func(c call) { <-hold; slow = append(slow, c.n) })
		Subscribe(b, "quick", 4, func(c call) { quick = append(quick, c.n) })
		for i := range 100 {
			Publish(b, call{i})
			synctest.Wait()
		}
		if len(quick) != 100 || s.Dropped() != 95 {
			t.Errorf("quick got %d of 100, slow missed %d, want 95", len(quick), s.Dropped())
		}
		close(hold)
		b.Close()
		if !slices.Equal(slow, []int{0, 1, 2, 3, 4}) {
			t.Errorf("slow got %v", slow)
		}
		if n := strings.Count(out.String(), "too slow"); n != 7 { // 1 2 4 8 16 32 64
			t.Errorf("%d lines of log, want 7:\n%s", n, out.String())
		}
	})
}

func TestPanic(t *testing.T) {
	var out bytes.Buffer
	b := New(slog.New(slog.NewTextHandler(&out, nil)))
	var got []int
	s := Subscribe(b, "clumsy", 4, func(c call) {
		if c.n == 0 {
			panic("oh")
		}
		got = append(got, c.n)
	})
	Publish(b, call{0})
	Publish(b, call{1})
	s.Close()
	if !slices.Equal(got, []int{1}) || !strings.Contains(out.String(), "clumsy") {
		t.Errorf("got %v, log %s", got, out.String())
	}
}

func TestConcurrency(t *testing.T) {
	b := New(slog.New(slog.DiscardHandler))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 200 {
				s := Subscribe(b, "s", 2, func(call) {})
				Publish(b, call{i})
				s.Close()
			}
		})
	}
	wg.Wait()
	b.Close()
	if subs := For[call](b).subs.Load(); subs != nil {
		t.Errorf("%d subscriptions are left", len(*subs))
	}
	if len(b.subs) != 0 {
		t.Errorf("the bus remembers %d closed subscriptions", len(b.subs))
	}
}

func BenchmarkPublish(b *testing.B) {
	bus := New(slog.New(slog.DiscardHandler))
	b.Run("Nobody", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Publish(bus, call{1})
		}
	})
	b.Run("NobodyOnTopic", func(b *testing.B) {
		b.ReportAllocs()
		t := For[call](bus)
		for b.Loop() {
			t.Publish(call{1})
		}
	})
	b.Run("One", func(b *testing.B) {
		b.ReportAllocs()
		defer Subscribe(bus, "one", 1024, func(call) {}).Close()
		t := For[call](bus)
		for b.Loop() {
			t.Publish(call{1})
		}
	})
}
