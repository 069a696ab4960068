package detect

import (
	"testing"

	"bartizan.dev/logs/logstest"
)

// TestTakenFindingsAreCountedAnew: whoever takes them adds up.
func TestTakenFindingsAreCountedAnew(t *testing.T) {
	e := New(Config{}, All()...)
	see := func(events ...logstest.Event) []*Finding {
		for _, ev := range events {
			for _, c := range scan(t, ev.JSON()) {
				e.Call(&c)
			}
		}
		return e.Take()
	}
	first := see(stop(1, "a"), stop(2, "b"))
	if len(first) != 1 || first[0].Service.Count != 2 || len(e.Findings()) != 0 || len(e.Take()) != 0 {
		t.Fatalf("%v", first)
	}
	next := see(stop(2, "b"), stop(3, "c"))
	if len(next) != 1 || next[0].ID != first[0].ID || next[0].Service.Count != 1 || next[0].Service.EventFirstSeen != "2026-11-30T12:03:00Z" {
		t.Fatalf("%+v", next)
	}
}
