// Package storetest is the one exerciser that every engine of package store
// passes, and so does everything that wraps a store.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"bartizan.dev/store"
)

// Run checks what package store promises. open returns an empty store of its
// own for each call and must not fail the test for closing it twice.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		fn   func(*testing.T, *fixture)
	}{
		{"GetPutDelete", getPutDelete},
		{"ByteOrder", byteOrder},
		{"Ranges", ranges},
		{"Sizes", sizes},
		{"Ownership", ownership},
		{"PutIf", putIf},
		{"OwnWrites", ownWrites},
		{"OwnWritesInRanges", ownWritesInRanges},
		{"Rollback", rollback},
		{"Panic", panics},
		{"Revisions", revisions},
		{"NoWrites", noWrites},
		{"Cancelled", cancelled},
		{"Closed", closed},
		{"Increments", increments},
		{"WriteSkew", writeSkew},
		{"Snapshot", readersSeeWholeCommits},
		{"Neighbours", neighbours},
		{"Changes", changes},
		{"Watch", watch},
		{"WatchDuringWrites", watchDuringWrites},
		{"Fresh", fresh},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() { s.Close() })
			c.fn(t, &fixture{t, t.Context(), s})
		})
	}
}

// fixture is a store with methods that fail the test.
type fixture struct {
	*testing.T
	ctx context.Context
	s   store.Store
}

func (f *fixture) update(fn func(tx store.Tx) error) int64 {
	f.Helper()
	rev, err := f.s.Update(f.ctx, fn)
	if err != nil {
		f.Fatalf("Update: %v", err)
	}
	return rev
}

// put writes key, value, key, value, … in one commit.
func (f *fixture) put(pairs ...string) int64 {
	f.Helper()
	return f.update(func(tx store.Tx) error {
		for i := 0; i < len(pairs); i += 2 {
			if err := tx.Put(f.ctx, pairs[i], []byte(pairs[i+1])); err != nil {
				return err
			}
		}
		return nil
	})
}

// want checks that r has the value under key; "-" stands for no record.
func (f *fixture) want(r store.Reader, key, value string) store.Item {
	f.Helper()
	item, err := r.Get(f.ctx, key)
	switch {
	case value == "-" && !errors.Is(err, store.ErrNotFound):
		f.Errorf("Get(%q) = %q, %v; want ErrNotFound", key, item.Value, err)
	case value == "-":
	case err != nil:
		f.Errorf("Get(%q): %v; want %q", key, err, value)
	case item.Key != key || !bytes.Equal(item.Value, []byte(value)):
		f.Errorf("Get(%q) = %q: %q; want %q", key, item.Key, item.Value, value)
	}
	return item
}

// wantList checks the keys that r lists.
func (f *fixture) wantList(r store.Reader, rg store.Range, keys ...string) {
	f.Helper()
	items, err := r.List(f.ctx, rg)
	if err != nil {
		f.Errorf("List(%+v): %v", rg, err)
		return
	}
	got := make([]string, len(items))
	for i, item := range items {
		got[i] = item.Key
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", keys) {
		f.Errorf("List(%+v) = %q; want %q", rg, got, keys)
	}
}
