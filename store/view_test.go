package store_test

import (
	"fmt"
	"testing"

	"bartizan.dev/keys/soft"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/store/storetest"
)

// owned is a view that closes what it is a view of.
type owned struct {
	store.Store
	under store.Store
}

func (o owned) Close() error { return o.under.Close() }

// among returns a view on a store in which there are neighbours on both sides.
func among(t *testing.T, s store.Store) store.Store {
	for _, key := range []string{"", "s", "svc", "svc.", "svc0", "t"} {
		put(t, s, key+"\x00x", key)
	}
	return owned{store.View(store.View(s, "svc"), "/"), s}
}

func TestView(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return among(t, memory.Open()) })
}

func TestViewOfSealed(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return among(t, seal(t, memory.Open(), soft.Memory())) })
}

func TestViewDifferential(t *testing.T) {
	storetest.Differential(t, memory.Open(), among(t, memory.Open()), 7, 500)
}

// TestViewsApart: two views of one store see nothing of each other.
func TestViewsApart(t *testing.T) {
	s := memory.Open()
	a, b := store.View(s, "a/"), store.View(s, "b/")
	var seen []store.Change
	if err := a.Watch(t.Context(), func(c []store.Change) { seen = append(seen, c...) }, func() {}); err != nil {
		t.Fatal(err)
	}
	var last int64
	for i := range 40 {
		put(t, b, fmt.Sprint(i), "b")
		if i%20 == 19 {
			last = put(t, a, fmt.Sprint(i), "a")
		}
		put(t, b, fmt.Sprint(i), "b")
	}
	want := fmt.Sprint([]store.Change{{Rev: last - 41, Key: "19"}, {Rev: last, Key: "39"}})
	if fmt.Sprint(seen) != want {
		t.Errorf("the watcher saw %v; want %v", seen, want)
	}
	// A page full of the neighbour's changes must not look like the end.
	var paged []store.Change
	for rev := int64(0); ; {
		page, err := a.Changes(t.Context(), rev, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
		rev = page[len(page)-1].Rev
	}
	if fmt.Sprint(paged) != want {
		t.Errorf("by pages of one: %v; want %v", paged, want)
	}
	has(t, a, "19", "a")
	has(t, b, "19", "b")
	has(t, s, "a/19", "a")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	has(t, b, "19", "b")
}
