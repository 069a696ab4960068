package storetest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/store"
)

func getPutDelete(t *testing.T, f *fixture) {
	f.want(f.s, "a", "-")
	rev := f.put("a", "1", "b", "", "c", "\x00\xff")
	if item := f.want(f.s, "a", "1"); item.Rev != rev {
		t.Errorf("the record has revision %d; Update returned %d", item.Rev, rev)
	}
	f.want(f.s, "b", "")
	f.want(f.s, "c", "\x00\xff")
	f.put("a", "2")
	f.want(f.s, "a", "2")
	f.update(func(tx store.Tx) error {
		return errors.Join(tx.Delete(f.ctx, "a"), tx.Delete(f.ctx, "never"))
	})
	f.want(f.s, "a", "-")
	f.wantList(f.s, store.Range{}, "b", "c")
}

// awkward keys have another order by bytes than by letters or in any locale.
var awkward = []string{
	"\x01", "\x7f", " ", "A", "A\x00", "A\x00\x00", "A\x00b", "A\x01", "AA", "B", "Z", "_", "a", "a/", "a/b", "a0",
	"b", "e", "e\u0301", "z", "~", "\u00e9", "\uffff", "\U0001F600", "\xff", "\xff\x00", "\xff\xff",
}

func byteOrder(t *testing.T, f *fixture) {
	want := slices.Sorted(slices.Values(awkward)) // Go compares strings by bytes
	var pairs []string
	for i := range want {
		k := want[(i*7)%len(want)] // another order than the sorted one
		pairs = append(pairs, k, k)
	}
	f.put(pairs...)
	f.wantList(f.s, store.Range{}, want...)
	for i, k := range want {
		f.wantList(f.s, store.Range{After: k, Limit: 1}, want[i+1:min(i+2, len(want))]...)
		f.want(f.s, k, k)
	}
}

func ranges(t *testing.T, f *fixture) {
	f.put("a", "", "b", "", "b/", "", "b/1", "", "b/2", "", "b/3", "", "b0", "", "c", "",
		"\xff", "", "\xff\xff", "", "\xff\xff1", "", "b\xff", "", "b\xff\xff", "")
	check := func(r store.Reader) {
		f.wantList(r, store.Range{Prefix: "b/"}, "b/", "b/1", "b/2", "b/3")
		f.wantList(r, store.Range{Prefix: "b/", Limit: 2}, "b/", "b/1")
		f.wantList(r, store.Range{Prefix: "b/", After: "b/1"}, "b/2", "b/3")
		f.wantList(r, store.Range{Prefix: "b/", After: "b/1", Limit: 1}, "b/2")
		f.wantList(r, store.Range{Prefix: "b/", After: "b/10"}, "b/2", "b/3") // After need not exist
		f.wantList(r, store.Range{Prefix: "b/", After: "b/3"})
		f.wantList(r, store.Range{Prefix: "b/", After: "a"}, "b/", "b/1", "b/2", "b/3")
		f.wantList(r, store.Range{Prefix: "b/", After: "c"})
		f.wantList(r, store.Range{Prefix: "b/", Limit: 100}, "b/", "b/1", "b/2", "b/3")
		f.wantList(r, store.Range{Prefix: "none"})
		f.wantList(r, store.Range{Prefix: "b\xff"}, "b\xff", "b\xff\xff")
		f.wantList(r, store.Range{Prefix: "\xff"}, "\xff", "\xff\xff", "\xff\xff1")
		f.wantList(r, store.Range{Prefix: "\xff\xff", After: "\xff\xff"}, "\xff\xff1")
		f.wantList(r, store.Range{After: "c"}, "\xff", "\xff\xff", "\xff\xff1")
		f.wantList(r, store.Range{Limit: 1}, "a")
	}
	check(f.s)
	f.update(func(tx store.Tx) error { check(tx); return nil })
}

func sizes(t *testing.T, f *fixture) {
	const room = 64 // for what wrappers add to keys and values
	key := strings.Repeat("k", store.MaxKey-room)
	value := bytes.Repeat([]byte("0123456789abcdef"), (store.MaxValue-room)/16)
	f.put(key, string(value), key+"1", "beside")
	f.want(f.s, key, string(value))
	f.wantList(f.s, store.Range{Prefix: key, After: key}, key+"1")
	refused := func(key string, value []byte) {
		t.Helper()
		_, err := f.s.Update(f.ctx, func(tx store.Tx) error {
			if err := tx.Put(f.ctx, "with", []byte("it")); err != nil {
				return err
			}
			return tx.Put(f.ctx, key, value)
		})
		if !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("key of %d, value of %d bytes: %v; want ErrTooLarge", len(key), len(value), err)
		}
	}
	refused(strings.Repeat("k", store.MaxKey+1), nil)
	refused("k", make([]byte, store.MaxValue+1))
	f.want(f.s, "with", "-")
	// Reading what cannot exist is no error, and may be told apart or not.
	if _, err := f.s.Get(f.ctx, strings.Repeat("k", store.MaxKey+1)); !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Get of a key too large: %v", err)
	}
}

// ownership checks that nobody else sees what the receiver of a value does to
// it.
func ownership(t *testing.T, f *fixture) {
	f.put("a", "value", "b", "value")
	spoil := func(r store.Reader) {
		item, err := r.Get(f.ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		items, err := r.List(f.ctx, store.Range{})
		if err != nil {
			t.Fatal(err)
		}
		clear(item.Value)
		for _, item := range items {
			clear(item.Value)
		}
	}
	spoil(f.s)
	f.want(f.s, "a", "value")
	f.update(func(tx store.Tx) error {
		if err := tx.Put(f.ctx, "b", []byte("other")); err != nil {
			return err
		}
		spoil(tx)
		f.want(tx, "a", "value")
		f.want(tx, "b", "other")
		return nil
	})
	f.want(f.s, "a", "value")
	f.want(f.s, "b", "other")
}
