// Package trailtest is the exerciser that every trail engine passes. It is the
// meaning of the trail.Trail interface, in code.
package trailtest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"bartizan.dev/trail"
)

// Fresh prepares storage for one test and returns a function that opens it. The
// function is called again on the same storage after Close.
type Fresh func(t *testing.T) (open func() trail.Trail)

// Run runs all of the exerciser.
func Run(t *testing.T, fresh Fresh) {
	for _, c := range []struct {
		name string
		test func(*testing.T, func() trail.Trail)
	}{
		{"Fields", fields},
		{"Attributes", attributes},
		{"Bounds", bounds},
		{"Isolation", isolation},
		{"Refusals", refusals},
		{"Tokens", tokens},
		{"Model", model},
		{"Reopen", reopen},
		{"PagingWhileAppending", pagingWhileAppending},
		{"Concurrency", concurrency},
		{"Large", large},
		{"ReadOn", readOn},
		{"Closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

// Base is the time of the first event that the exerciser makes.
var Base = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Event makes the event numbered i, different in every field.
func Event(i int) *trail.Event {
	return &trail.Event{
		Time:        Base.Add(time.Duration(i)*time.Second + 123456789),
		ID:          fmt.Sprintf("%08x-0000-4000-8000-000000000000", i),
		Account:     "111122223333",
		Region:      "eu-central-1",
		Source:      fmt.Sprintf("service%d.amazonaws.com", i),
		Name:        fmt.Sprintf("Operation%d", i),
		ReadOnly:    i%2 == 1,
		Username:    fmt.Sprintf("user%d", i),
		AccessKeyID: fmt.Sprintf("AKIA%016d", i),
		Resources:   []trail.Resource{{Type: fmt.Sprintf("AWS::Test::Type%d", i), Name: fmt.Sprintf("name%d", i)}},
		JSON:        fmt.Appendf(nil, `{"eventVersion":"1.11","n":%d,"text":"ünïcödé \u0000"}`, i),
	}
}

func mustAppend(t *testing.T, tr trail.Trail, e *trail.Event) {
	t.Helper()
	if err := tr.Admit(t.Context()); err != nil {
		t.Fatalf("Admit: %v", err)
	}
	if err := tr.Append(t.Context(), e); err != nil {
		t.Fatalf("Append: %v", err)
	}
}

func query(a trail.Attribute, value string) trail.Query {
	return trail.Query{Account: "111122223333", Region: "eu-central-1", Attribute: a, Value: value, Limit: trail.MaxPage}
}

// all reads every page of q.
func all(t *testing.T, tr trail.Trail, q trail.Query) (out []trail.Event) {
	t.Helper()
	for range 10000 {
		page, err := tr.Lookup(t.Context(), q)
		if err != nil {
			t.Fatalf("Lookup(%+v): %v", q, err)
		}
		if len(page.Events) > q.Limit {
			t.Fatalf("Lookup returned %d events, limit %d", len(page.Events), q.Limit)
		}
		if page.Next != "" && len(page.Events) != q.Limit {
			t.Fatalf("Lookup returned %d events of %d and a token", len(page.Events), q.Limit)
		}
		out = append(out, page.Events...)
		if page.Next == "" {
			return out
		}
		q.Token = page.Next
	}
	t.Fatal("Lookup: pages without end")
	return nil
}

// same compares two events in every field.
func same(a, b *trail.Event) bool {
	if len(a.Resources) != len(b.Resources) {
		return false
	}
	for i := range a.Resources {
		if a.Resources[i] != b.Resources[i] {
			return false
		}
	}
	return a.Time.Equal(b.Time) && a.ID == b.ID && a.Account == b.Account && a.Region == b.Region &&
		a.Source == b.Source && a.Name == b.Name && a.ReadOnly == b.ReadOnly && a.Username == b.Username &&
		a.AccessKeyID == b.AccessKeyID && bytes.Equal(a.JSON, b.JSON)
}

func wantEvents(t *testing.T, got []trail.Event, want []*trail.Event) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if !same(&got[i], want[i]) {
			t.Fatalf("event %d of %d is\n%+v\nwant\n%+v", i, len(got), got[i], *want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d events, want %d", len(got), len(want))
	}
}
