package trailtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"bartizan.dev/trail"
)

func reopen(t *testing.T, open func() trail.Trail) {
	var want []*trail.Event
	var token string
	for range 4 {
		tr := open()
		for range 5 {
			e := Event(len(want))
			mustAppend(t, tr, e)
			want = append([]*trail.Event{e}, want...)
		}
		wantEvents(t, all(t, tr, query(trail.Any, "")), want)
		if token != "" { // from the process before
			q := query(trail.Any, "")
			q.Limit, q.Token = 1, token
			if page, err := tr.Lookup(t.Context(), q); err != nil || len(page.Events) != 1 || !same(&page.Events[0], want[6]) {
				t.Fatalf("a token from before: %v", err)
			}
		}
		q := query(trail.Any, "")
		q.Limit = 1
		page, err := tr.Lookup(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		token = page.Next
		if err := tr.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
}

// pagingWhileAppending reads pages while newer and late events arrive: what was
// there before is seen once each, in order.
func pagingWhileAppending(t *testing.T, open func() trail.Trail) {
	tr := open()
	defer tr.Close()
	const n = 300
	for i := range n {
		e := Event(i)
		e.Username = "before"
		mustAppend(t, tr, e)
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for i := 0; i < 20000; i++ {
			select {
			case <-stop:
				return
			default:
			}
			e := Event(n + i)
			if i%3 == 0 { // late: between the others
				e.Time = Base.Add(time.Duration(i%n) * time.Second)
			}
			if err := tr.Append(t.Context(), e); err != nil {
				t.Errorf("Append: %v", err)
				return
			}
		}
	})
	for _, q := range []trail.Query{query(trail.Any, ""), query(trail.Username, "before")} {
		q.Limit = 7
		next := n - 1
		last := trail.Position{Time: 1<<63 - 1}
		for _, e := range all(t, tr, q) {
			if at := e.Time.UnixNano(); at > last.Time {
				t.Fatalf("%v after %v", e.Time, time.Unix(0, last.Time))
			} else {
				last.Time = at
			}
			if e.Username == "before" {
				if !same(&e, func() *trail.Event { w := Event(next); w.Username = "before"; return w }()) {
					t.Fatalf("got event %s, want number %d", e.ID, next)
				}
				next--
			}
		}
		if next != -1 {
			t.Fatalf("%d events were skipped", next+1)
		}
	}
	close(stop)
	others.Wait()
}

// concurrency: what an Append has acknowledged, any Lookup sees.
func concurrency(t *testing.T, open func() trail.Trail) {
	tr := open()
	defer tr.Close()
	const writers, each = 16, 100
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				e := Event(w*each + i)
				e.Username = fmt.Sprintf("writer%d", w)
				e.Time = Base.Add(time.Duration(i) * time.Second)
				if err := tr.Admit(t.Context()); err != nil {
					t.Errorf("Admit: %v", err)
				}
				if err := tr.Append(t.Context(), e); err != nil {
					t.Errorf("Append: %v", err)
					return
				}
				if i%10 != 0 {
					continue
				}
				q := query(trail.Username, e.Username)
				q.Limit = 1
				if page, err := tr.Lookup(t.Context(), q); err != nil || len(page.Events) != 1 || !same(&page.Events[0], e) {
					t.Errorf("the event just appended is not the newest: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := len(all(t, tr, query(trail.Any, ""))); got != writers*each {
		t.Errorf("%d events, want %d", got, writers*each)
	}
}

// large: events at the bound come back whole.
func large(t *testing.T, open func() trail.Trail) {
	tr := open()
	e := Event(1)
	e.Resources = nil
	for i := range trail.MaxResources {
		e.Resources = append(e.Resources, trail.Resource{Type: "AWS::Test::Type", Name: fmt.Sprintf("name%d", i)})
	}
	e.JSON = make([]byte, trail.MaxEvent-100<<10)
	for i := range e.JSON {
		e.JSON[i] = byte('a' + i%26)
	}
	mustAppend(t, tr, e)
	small := Event(2)
	mustAppend(t, tr, small)
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	tr = open()
	defer tr.Close()
	wantEvents(t, all(t, tr, query(trail.Any, "")), []*trail.Event{small, e})
	wantEvents(t, all(t, tr, query(trail.ResourceName, "name999")), []*trail.Event{e})
	wantEvents(t, all(t, tr, query(trail.ResourceType, "AWS::Test::Type")), []*trail.Event{e})
}

func closed(t *testing.T, open func() trail.Trail) {
	tr := open()
	mustAppend(t, tr, Event(1))
	if err := tr.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := tr.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if err := tr.Admit(t.Context()); !errors.Is(err, trail.ErrClosed) {
		t.Errorf("Admit: %v, want ErrClosed", err)
	}
	if err := tr.Append(t.Context(), Event(2)); !errors.Is(err, trail.ErrClosed) {
		t.Errorf("Append: %v, want ErrClosed", err)
	}
	if _, err := tr.Lookup(t.Context(), query(trail.Any, "")); !errors.Is(err, trail.ErrClosed) {
		t.Errorf("Lookup: %v, want ErrClosed", err)
	}
}
