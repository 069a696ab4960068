package trailtest

import (
	"bytes"
	"strings"
	"testing"

	"bartizan.dev/trail"
)

// readOn is the meaning of trail.Log, for an engine that is one: every event is
// read once, by a reader who stops anywhere and goes on, also after the trail was
// closed and opened. Engines may keep back what is newer than some minutes, so
// the events are old; they may order by time.
func readOn(t *testing.T, open func() trail.Trail) {
	tr := open()
	if _, ok := tr.(trail.Log); !ok {
		t.Skip("the engine is no trail.Log")
	}
	const n = 700
	for i := range n {
		mustAppend(t, tr, Event(i))
	}
	var got []trail.Event
	at := trail.Place{}
	end := mustEnd(t, tr)
	for steps := 0; at.Before(end); steps++ {
		if steps > n {
			t.Fatal("Read does not come to the end")
		}
		if steps == 3 {
			if err := tr.Close(); err != nil {
				t.Fatal(err)
			}
			tr = open()
		}
		some := 0
		next, err := tr.(trail.Log).Read(t.Context(), at, end, func(e *trail.Event) bool {
			got = append(got, clone(e))
			some++
			return some < 150
		})
		if err != nil {
			t.Fatalf("Read from %v: %v", at, err)
		}
		if next.Before(at) {
			t.Fatalf("Read from %v came to %v", at, next)
		}
		at = next
	}
	var want []*trail.Event
	for i := range n {
		want = append(want, Event(i))
	}
	wantEvents(t, got, want)
	// What comes later comes behind, in an engine that does not order by time.
	late := Event(n)
	mustAppend(t, tr, late)
	if end := mustEnd(t, tr); end.Part < 1<<40 {
		got = nil
		if _, err := tr.(trail.Log).Read(t.Context(), at, end, func(e *trail.Event) bool {
			got = append(got, clone(e))
			return true
		}); err != nil {
			t.Fatal(err)
		}
		wantEvents(t, got, []*trail.Event{late})
	}
	// From the end there is nothing, and Read does not go back.
	end = mustEnd(t, tr)
	if p, err := tr.(trail.Log).Read(t.Context(), end, at, func(*trail.Event) bool { t.Error("an event behind the end"); return true }); err != nil || p.Before(end) {
		t.Errorf("Read from the end: %v, %v", p, err)
	}
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.(trail.Log).End(t.Context()); err == nil {
		t.Error("End of a closed trail answers")
	}
}

func mustEnd(t *testing.T, tr trail.Trail) trail.Place {
	t.Helper()
	p, err := tr.(trail.Log).End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func clone(e *trail.Event) trail.Event {
	c := *e
	c.ID, c.Account, c.Region, c.Source, c.Name = strings.Clone(e.ID), strings.Clone(e.Account), strings.Clone(e.Region), strings.Clone(e.Source), strings.Clone(e.Name)
	c.Username, c.AccessKeyID = strings.Clone(e.Username), strings.Clone(e.AccessKeyID)
	c.JSON = bytes.Clone(e.JSON)
	c.Resources = nil
	for _, r := range e.Resources {
		c.Resources = append(c.Resources, trail.Resource{Type: strings.Clone(r.Type), Name: strings.Clone(r.Name)})
	}
	return c
}
