package trailtest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"bartizan.dev/trail"
)

func fields(t *testing.T, open func() trail.Trail) {
	tr := open()
	defer tr.Close()
	full := Event(1)
	full.Resources = append(full.Resources, trail.Resource{Type: "AWS::IAM::Role", Name: "arn:aws:iam::1:role/ä"}, trail.Resource{})
	bare := &trail.Event{Time: Base, Account: full.Account, Region: full.Region}
	e := *full
	e.JSON = bytes.Clone(full.JSON)
	mustAppend(t, tr, &e)
	clear(e.JSON) // the caller may use it again
	mustAppend(t, tr, bare)
	got := all(t, tr, query(trail.Any, ""))
	wantEvents(t, got, []*trail.Event{full, bare})
	if got[0].Time.Location() != time.UTC {
		t.Errorf("time is in %v, want UTC", got[0].Time.Location())
	}
}

func attributes(t *testing.T, open func() trail.Trail) {
	tr := open()
	defer tr.Close()
	var events []*trail.Event
	for i := range 3 {
		e := Event(i)
		// Several resources, one name and one type twice: one event all the same.
		e.Resources = append(e.Resources, e.Resources[0],
			trail.Resource{Type: "AWS::Test::Other", Name: "other" + strconv.Itoa(i)})
		mustAppend(t, tr, e)
		events = append(events, e)
	}
	for i, e := range events {
		for a, v := range map[trail.Attribute]string{
			trail.EventID: e.ID, trail.EventName: e.Name, trail.Username: e.Username, trail.EventSource: e.Source,
			trail.AccessKeyID: e.AccessKeyID, trail.ResourceType: e.Resources[0].Type, trail.ResourceName: "other" + strconv.Itoa(i),
		} {
			wantEvents(t, all(t, tr, query(a, v)), []*trail.Event{e})
			wantEvents(t, all(t, tr, query(a, strings.ToUpper(v)+"x")), nil)
			for b := trail.EventID; b <= trail.AccessKeyID; b++ {
				if b != a && b != trail.ReadOnly {
					wantEvents(t, all(t, tr, query(b, v)), nil) // another attribute's value
				}
			}
		}
	}
	wantEvents(t, all(t, tr, query(trail.ReadOnly, "true")), []*trail.Event{events[1]})
	wantEvents(t, all(t, tr, query(trail.ReadOnly, "false")), []*trail.Event{events[2], events[0]})
	wantEvents(t, all(t, tr, query(trail.ResourceType, "AWS::Test::Other")), []*trail.Event{events[2], events[1], events[0]})
	wantEvents(t, all(t, tr, query(trail.Username, "' OR 1=1 --")), nil)
}

func bounds(t *testing.T, open func() trail.Trail) {
	tr := open()
	defer tr.Close()
	var events []*trail.Event
	for i := range 10 {
		e := Event(i)
		mustAppend(t, tr, e)
		events = append(events, e)
	}
	slices.Reverse(events) // newest first
	for _, c := range []struct {
		start, end time.Time
		want       []*trail.Event
	}{
		{time.Time{}, time.Time{}, events},
		{events[5].Time, time.Time{}, events[:6]},
		{events[5].Time.Add(1), time.Time{}, events[:5]},
		{time.Time{}, events[5].Time, events[5:]},
		{time.Time{}, events[5].Time.Add(-1), events[6:]},
		{events[5].Time, events[5].Time, events[5:6]},
		{events[6].Time, events[2].Time, events[2:7]},
		{events[0].Time.Add(1), time.Time{}, nil},
		{time.Time{}, events[9].Time.Add(-1), nil},
		{time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), events},
		{time.Date(9998, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}, nil},
	} {
		for _, limit := range []int{1, 2, 3, 50} {
			q := query(trail.Any, "")
			q.Start, q.End, q.Limit = c.start, c.end, limit
			wantEvents(t, all(t, tr, q), c.want)
		}
	}
}

func isolation(t *testing.T, open func() trail.Trail) {
	tr := open()
	defer tr.Close()
	places := [][2]string{{"111122223333", "eu-central-1"}, {"111122223333", "us-east-1"}, {"444455556666", "eu-central-1"}, {"11112222333", "3eu-central-1"}}
	want := make([][]*trail.Event, len(places))
	for i := range 40 {
		at := i % len(places)
		e := Event(7) // alike but for the place
		e.Time, e.Account, e.Region = Base.Add(time.Duration(i)), places[at][0], places[at][1]
		mustAppend(t, tr, e)
		want[at] = append([]*trail.Event{e}, want[at]...)
	}
	like := Event(7)
	for at, p := range places {
		for a, v := range map[trail.Attribute]string{
			trail.Any: "", trail.EventID: like.ID, trail.EventName: like.Name, trail.ReadOnly: "true", trail.Username: like.Username,
			trail.ResourceType: like.Resources[0].Type, trail.ResourceName: like.Resources[0].Name,
			trail.EventSource: like.Source, trail.AccessKeyID: like.AccessKeyID,
		} {
			wantEvents(t, all(t, tr, trail.Query{Account: p[0], Region: p[1], Attribute: a, Value: v, Limit: 3}), want[at])
		}
	}
	wantEvents(t, all(t, tr, trail.Query{Account: "444455556666", Region: "us-east-1", Limit: 50}), nil)
}

func refusals(t *testing.T, open func() trail.Trail) {
	tr := open()
	defer tr.Close()
	mustAppend(t, tr, Event(1))
	bad := []func(*trail.Query){
		func(q *trail.Query) { q.Account = "" },
		func(q *trail.Query) { q.Region = "" },
		func(q *trail.Query) { q.Limit = 0 },
		func(q *trail.Query) { q.Limit = -1 },
		func(q *trail.Query) { q.Limit = trail.MaxPage + 1 },
		func(q *trail.Query) { q.Attribute = trail.AccessKeyID + 1 },
		func(q *trail.Query) { q.Attribute = trail.Username },
		func(q *trail.Query) { q.Value = "x" },
		func(q *trail.Query) { q.Attribute, q.Value = trail.ReadOnly, "maybe" },
		func(q *trail.Query) { q.Start, q.End = Base.Add(1), Base },
	}
	for i, change := range bad {
		q := query(trail.Any, "")
		change(&q)
		if _, err := tr.Lookup(t.Context(), q); !errors.Is(err, trail.ErrQuery) {
			t.Errorf("query %d: error %v, want ErrQuery", i, err)
		}
	}
	big := Event(2)
	big.JSON = make([]byte, trail.MaxEvent+1)
	early := Event(2)
	early.Time = time.Time{}
	many := Event(2)
	many.Resources = make([]trail.Resource, trail.MaxResources+1)
	for i, e := range []*trail.Event{big, early, many} {
		if err := tr.Append(t.Context(), e); !errors.Is(err, trail.ErrEvent) {
			t.Errorf("event %d: error %v, want ErrEvent", i, err)
		}
	}
	wantEvents(t, all(t, tr, query(trail.Any, "")), []*trail.Event{Event(1)})
}

func tokens(t *testing.T, open func() trail.Trail) {
	tr := open()
	defer tr.Close()
	for i := range 6 {
		mustAppend(t, tr, Event(i))
	}
	q := query(trail.Any, "")
	q.Limit = 2
	page, err := tr.Lookup(t.Context(), q)
	if err != nil || page.Next == "" {
		t.Fatalf("first page: token %q, error %v", page.Next, err)
	}
	good := page.Next
	q.Token = good
	once, err1 := tr.Lookup(t.Context(), q)
	twice, err2 := tr.Lookup(t.Context(), q)
	if err1 != nil || err2 != nil || len(once.Events) != 2 || !same(&once.Events[0], &twice.Events[0]) || once.Next != twice.Next {
		t.Fatalf("a token used twice gives two answers: %v, %v", err1, err2)
	}
	q.Limit = 50 // the limit may change from page to page
	if rest, err := tr.Lookup(t.Context(), q); err != nil || len(rest.Events) != 4 || rest.Next != "" {
		t.Fatalf("the rest: %d events, token %q, error %v", len(rest.Events), rest.Next, err)
	}
	check := func(what string, q trail.Query) {
		t.Helper()
		if _, err := tr.Lookup(t.Context(), q); !errors.Is(err, trail.ErrToken) {
			t.Errorf("%s: error %v, want ErrToken", what, err)
		}
	}
	for i := range len(good) {
		forged := []byte(good)
		forged[i] = 'A' + (forged[i]-'A'+1)%26
		q.Token = string(forged)
		check("forged at "+strconv.Itoa(i), q)
	}
	for _, s := range []string{"x", good[:len(good)-1], good + "A", good + "=", strings.Repeat("A", len(good)), strings.Repeat("A", 1<<20), "\x00"} {
		q.Token = s
		check(fmt.Sprintf("%.20q", s), q)
	}
	q.Token = good
	other := q
	other.Account = "444455556666"
	check("another account's", other)
	other = q
	other.Attribute, other.Value = trail.Username, "user1"
	check("another attribute's", other)
	other = q
	other.End = Base.Add(time.Hour)
	check("another end's", other)
}

// model compares random queries with a plain list.
func model(t *testing.T, open func() trail.Trail) {
	tr := open()
	defer tr.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	pick := func(prefix string, n int) string { return prefix + strconv.Itoa(rnd.IntN(n)) }
	var kept []*trail.Event // in order of arrival
	random := func(i int) *trail.Event {
		e := Event(i)
		e.Account, e.Region = pick("11112222333", 2), pick("eu-central-", 2)
		// Mostly in order, some late, many at the same time.
		e.Time = Base.Add(time.Duration(i/3) * time.Minute)
		if rnd.IntN(10) == 0 {
			e.Time = e.Time.Add(-time.Duration(rnd.IntN(72)) * time.Hour)
		}
		e.Source, e.Name, e.Username, e.AccessKeyID = pick("s", 2), pick("n", 5), pick("u", 20), pick("AKIA", 30)
		e.Resources = nil
		for range rnd.IntN(4) {
			e.Resources = append(e.Resources, trail.Resource{Type: pick("t", 3), Name: pick("r", 50)})
		}
		return e
	}
	ask := func() {
		q := trail.Query{Account: pick("11112222333", 2), Region: pick("eu-central-", 2), Limit: 1 + rnd.IntN(trail.MaxPage)}
		q.Attribute = trail.Attribute(rnd.IntN(int(trail.AccessKeyID) + 1))
		switch q.Attribute {
		case trail.Any:
		case trail.EventID:
			q.Value = Event(rnd.IntN(len(kept) + 1)).ID
		case trail.ReadOnly:
			q.Value = strconv.FormatBool(rnd.IntN(2) == 0)
		default:
			q.Value = pick([...]string{trail.EventName: "n", trail.Username: "u", trail.ResourceType: "t", trail.ResourceName: "r",
				trail.EventSource: "s", trail.AccessKeyID: "AKIA"}[q.Attribute], 5)
		}
		if rnd.IntN(3) == 0 {
			q.Start = Base.Add(time.Duration(rnd.IntN(len(kept)/3+1)) * time.Minute)
		}
		if rnd.IntN(3) == 0 {
			q.End = Base.Add(time.Duration(rnd.IntN(len(kept)/3+1)) * time.Minute)
		}
		if !q.Start.IsZero() && !q.End.IsZero() && q.End.Before(q.Start) {
			q.Start, q.End = q.End, q.Start
		}
		var want []*trail.Event
		for _, e := range slices.Backward(kept) {
			if q.Matches(e) {
				want = append(want, e)
			}
		}
		slices.SortStableFunc(want, func(a, b *trail.Event) int { return cmp.Compare(b.Time.UnixNano(), a.Time.UnixNano()) })
		wantEvents(t, all(t, tr, q), want)
	}
	for i := range 1500 {
		e := random(i)
		mustAppend(t, tr, e)
		kept = append(kept, e)
		if i%50 == 0 {
			ask()
			ask()
		}
	}
	for range 60 {
		ask()
	}
	tr.Close()
	tr = open()
	for range 60 {
		ask()
	}
}
