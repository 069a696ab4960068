package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"bartizan.dev/keys"
	"bartizan.dev/keys/soft"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/store/storetest"
)

func seal(t testing.TB, s store.Store, c keys.Custodian) *store.Sealed {
	t.Helper()
	z, err := store.Seal(t.Context(), s, c)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestSealed(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return seal(t, memory.Open(), soft.Memory()) })
}

func TestSealedDifferential(t *testing.T) {
	for seed := range uint64(4) {
		storetest.Differential(t, memory.Open(), seal(t, memory.Open(), soft.Memory()), seed, 500)
	}
}

func put(t testing.TB, s store.Store, key, value string) int64 {
	t.Helper()
	rev, err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Put(t.Context(), key, []byte(value)) })
	if err != nil {
		t.Fatalf("Put(%q): %v", key, err)
	}
	return rev
}

func has(t testing.TB, r store.Reader, key, value string) {
	t.Helper()
	item, err := r.Get(t.Context(), key)
	if err != nil || string(item.Value) != value || item.Key != key {
		t.Errorf("Get(%q) = %q: %q, %v; want %q", key, item.Key, item.Value, err, value)
	}
}

func raw(t *testing.T, s store.Store, key string) []byte {
	t.Helper()
	item, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return item.Value
}

// TestSealHoldsOff is what somebody with the database and without the root key
// can try.
func TestSealHoldsOff(t *testing.T) {
	inner := memory.Open()
	z := seal(t, inner, soft.Memory())
	const secret = "a value that nobody else may see"
	put(t, z, "a", secret)
	put(t, z, "index/x", "")
	sealed := raw(t, inner, "a")
	all, err := inner.List(t.Context(), store.Range{})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range all {
		if bytes.Contains(item.Value, []byte(secret)) || bytes.Contains(item.Value, []byte(secret[:8])) {
			t.Errorf("%q shows the value", item.Key)
		}
	}
	refused := func(what, key string, value []byte) {
		t.Helper()
		put(t, inner, key, string(value))
		if item, err := z.Get(t.Context(), key); !errors.Is(err, store.ErrDamaged) || item.Value != nil {
			t.Errorf("%s: Get: %q, %v; want ErrDamaged", what, item.Value, err)
		}
		if items, err := z.List(t.Context(), store.Range{Prefix: key}); !errors.Is(err, store.ErrDamaged) || items != nil {
			t.Errorf("%s: List: %v, %v; want ErrDamaged", what, items, err)
		}
		if _, err := z.Update(t.Context(), func(tx store.Tx) error {
			_, err := tx.Get(t.Context(), key)
			return err
		}); !errors.Is(err, store.ErrDamaged) {
			t.Errorf("%s: Get in a transaction: %v; want ErrDamaged", what, err)
		}
	}
	refused("moved to another key", "b", sealed)
	refused("an index entry for another id", "index/y", raw(t, inner, "index/x"))
	refused("a forged empty record", "index/z", nil)
	refused("plain text", "c", []byte(`{"Admin":true,"Name":"mallory","Path":"/"}`))
	for i := range sealed {
		changed := slices.Clone(sealed)
		changed[i] ^= 1 << (i % 8)
		refused(fmt.Sprint("bit flipped in byte ", i), "a", changed)
		refused(fmt.Sprint("cut at ", i), "a", sealed[:i])
	}
	refused("a byte more", "a", append(slices.Clone(sealed), 0))
	other := seal(t, memory.Open(), soft.Memory())
	refused("sealed by another store", "a", other.SealValue("a", []byte(secret)))
	put(t, inner, "a", string(sealed))
	has(t, z, "a", secret)
}

// TestSealReserved: the seal's own records cannot be seen, nor written.
func TestSealReserved(t *testing.T) {
	inner := memory.Open()
	z := seal(t, inner, soft.Memory())
	var seen []store.Change
	if err := z.Watch(t.Context(), func(c []store.Change) { seen = append(seen, c...) }, func() {}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"\x00a", "\x00seal", "\x00seal0", "\x01", "a"} {
		put(t, z, key, key)
	}
	if err := z.RotateBarrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "\x00", "\x00s", "\x00seal", "\x00seal/"} {
		want, err := inner.List(t.Context(), store.Range{Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		want = slices.DeleteFunc(want, func(i store.Item) bool { return strings.HasPrefix(i.Key, "\x00seal/") })
		for limit := 1; limit < 8; limit++ {
			var got []string
			for after := ""; ; after = got[len(got)-1] {
				items, err := z.List(t.Context(), store.Range{Prefix: prefix, After: after, Limit: limit})
				if err != nil {
					t.Fatal(err)
				}
				for _, item := range items {
					got = append(got, item.Key)
				}
				if len(items) < limit {
					break
				}
			}
			if !slices.EqualFunc(got, want, func(k string, i store.Item) bool { return k == i.Key }) {
				t.Errorf("prefix %q by %d: %q", prefix, limit, got)
			}
		}
	}
	for _, key := range []string{"\x00seal/ring", "\x00seal/master", "\x00seal/x"} {
		if _, err := z.Get(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get(%q): %v", key, err)
		}
		for what, fn := range map[string]func(tx store.Tx) error{
			"Put":    func(tx store.Tx) error { return tx.Put(t.Context(), key, nil) },
			"PutIf":  func(tx store.Tx) error { return tx.PutIf(t.Context(), key, nil, 0) },
			"Delete": func(tx store.Tx) error { return tx.Delete(t.Context(), key) },
		} {
			if _, err := z.Update(t.Context(), fn); !errors.Is(err, store.ErrReserved) {
				t.Errorf("%s(%q): %v", what, key, err)
			}
		}
	}
	changes, err := z.Changes(t.Context(), 0, 1)
	if err != nil || len(changes) != 1 || changes[0].Key != "\x00a" {
		t.Errorf("the first change is %v, %v", changes, err)
	}
	if len(seen) != 5 {
		t.Errorf("the watcher saw %v", seen)
	}
}

// shared is a node's door to a store that outlives it.
type shared struct{ store.Store }

func (shared) Close() error { return nil }

func TestSealTwoNodes(t *testing.T) {
	inner, custodian := memory.Open(), soft.Memory()
	var nodes [2]*store.Sealed
	var all sync.WaitGroup
	for i := range nodes { // the first start of both at once
		all.Go(func() {
			var err error
			if nodes[i], err = store.Seal(t.Context(), shared{inner}, custodian); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	a, b := nodes[0], nodes[1]
	put(t, a, "one", "1")
	has(t, b, "one", "1")
	if err := a.RotateBarrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	put(t, a, "two", "2")
	has(t, b, "two", "2")
	put(t, b, "three", "3")
	has(t, a, "three", "3")
	for key, want := range map[string]uint32{"one": 1, "two": 2, "three": 2} {
		if v := binary.BigEndian.Uint32(raw(t, inner, key)[1:]); v != want {
			t.Errorf("%s is sealed under version %d, want %d", key, v, want)
		}
	}
}

// deaf is a store whose watchers hear nothing, like a node that is cut off from
// notifications.
type deaf struct{ shared }

func (deaf) Watch(context.Context, func([]store.Change), func()) error { return nil }

func TestSealUnknownVersion(t *testing.T) {
	inner, custodian := memory.Open(), soft.Memory()
	a, b := seal(t, inner, custodian), seal(t, deaf{shared{inner}}, custodian)
	for i := range 5 {
		if err := a.RotateBarrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		put(t, a, "k", fmt.Sprint(i))
		put(t, b, "l", fmt.Sprint(i))
		has(t, b, "k", fmt.Sprint(i))
		has(t, a, "l", fmt.Sprint(i))
	}
}

func TestSealRotation(t *testing.T) {
	inner, custodian := memory.Open(), soft.Memory()
	z := seal(t, inner, custodian)
	const records = 100
	check := func(s store.Store) {
		t.Helper()
		for i := range records {
			has(t, s, fmt.Sprint("k", i), fmt.Sprint("v", i))
		}
	}
	for i := range records {
		put(t, z, fmt.Sprint("k", i), fmt.Sprint("v", i))
		if i%30 == 29 {
			if err := z.RotateBarrier(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	check(z)
	if n, err := z.Reseal(t.Context()); n != 90 || err != nil {
		t.Errorf("Reseal: %d, %v; want 90", n, err)
	}
	if n, err := z.Reseal(t.Context()); n != 0 || err != nil {
		t.Errorf("second Reseal: %d, %v; want 0", n, err)
	}
	check(z)
	old := raw(t, inner, "\x00seal/master")
	if err := custodian.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := z.RewrapRoot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if fresh := raw(t, inner, "\x00seal/master"); bytes.Equal(old[:5], fresh[:5]) {
		t.Errorf("the master key is still under root key %x", old[:5])
	}
	check(seal(t, shared{inner}, custodian))
	if s := z.Describe(); !strings.Contains(s, "version 4") || !strings.Contains(s, custodian.Describe()) {
		t.Error(s)
	}
}

func TestSealRefuses(t *testing.T) {
	inner := memory.Open()
	put(t, seal(t, shared{inner}, soft.Memory()), "a", "1")
	if _, err := store.Seal(t.Context(), inner, soft.Memory()); !errors.Is(err, keys.ErrUnseal) || !strings.Contains(err.Error(), "another root key") {
		t.Errorf("another root key: %v", err)
	}
	plain := memory.Open()
	put(t, plain, "a", "1")
	if _, err := store.Seal(t.Context(), plain, soft.Memory()); err == nil || !strings.Contains(err.Error(), "no keys of a seal") {
		t.Errorf("a store with plain records: %v", err)
	}
	for _, key := range []string{"\x00seal/ring", "\x00seal/master"} {
		inner, custodian := memory.Open(), soft.Memory()
		put(t, seal(t, shared{inner}, custodian), "a", "1")
		sealed := raw(t, inner, key)
		for i := range sealed {
			changed := slices.Clone(sealed)
			changed[i] ^= 0x80
			put(t, inner, key, string(changed))
			if _, err := store.Seal(t.Context(), shared{inner}, custodian); err == nil {
				t.Errorf("opens with byte %d of %q changed", i, key)
			}
		}
		if _, err := inner.Update(t.Context(), func(tx store.Tx) error { return tx.Delete(t.Context(), key) }); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Seal(t.Context(), shared{inner}, custodian); err == nil {
			t.Errorf("opens without %q", key)
		}
	}
}

// TestBarrierCount: what is sealed under a key is counted over restarts and
// nodes, and a new key comes long before 2^32.
func TestBarrierCount(t *testing.T) {
	inner, custodian := memory.Open(), soft.Memory()
	for i := range 3 {
		z := seal(t, shared{inner}, custodian)
		put(t, z, fmt.Sprint("start", i), "")
		if v, n := z.SpendBarrier(3); v != 1 || n != int64(i+1)*store.BarrierBlock {
			t.Errorf("start %d: version %d, %d reserved", i, v, n)
		}
	}
	z := seal(t, shared{inner}, custodian)
	// A transaction that runs out half way is run again.
	for _, left := range []int64{0, 1, 4} {
		put(t, z, "x", "")
		z.SpendBarrier(store.BarrierBlock/4 + 1) // not low enough to be noticed before
		runs := 0
		if _, err := z.Update(t.Context(), func(tx store.Tx) error {
			if runs++; runs == 1 {
				z.SpendBarrier(left)
			}
			for i := range 5 {
				if err := tx.Put(t.Context(), fmt.Sprint("t", i), []byte{byte(runs)}); err != nil {
					return fmt.Errorf("wrapped: %v", err)
				}
			}
			return nil
		}); err != nil || runs != 2 {
			t.Errorf("with %d left: %v after %d runs", left, err, runs)
		}
		has(t, z, "t4", "\x02")
	}
	for i := 0; ; i++ {
		v, n := z.SpendBarrier(0)
		if v == 2 {
			break
		}
		if n > store.BarrierLimit || i > store.BarrierLimit/store.BarrierBlock {
			t.Fatalf("version %d after %d", v, n)
		}
		put(t, z, "x", fmt.Sprint(i))
	}
	put(t, z, "new", "n")
	has(t, z, "t4", "\x02")
	if v := raw(t, inner, "new")[4]; v != 2 {
		t.Errorf("sealed under version %d", v)
	}
}

// TestSealConcurrent: writers, readers and rotations at once lose nothing.
func TestSealConcurrent(t *testing.T) { concurrentRotation(t, memory.Open()) }

func concurrentRotation(t *testing.T, inner store.Store) {
	custodian := soft.Memory()
	nodes := []*store.Sealed{seal(t, shared{inner}, custodian), seal(t, shared{inner}, custodian)}
	var all sync.WaitGroup
	for w := range 6 {
		all.Go(func() {
			z := nodes[w%2]
			for i := range 50 {
				key, value := fmt.Sprint("w", w), fmt.Sprint(i)
				put(t, z, key, value)
				has(t, nodes[1-w%2], key, value)
				if w == 0 && i%10 == 0 {
					if err := z.RotateBarrier(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if w == 1 && i%10 == 5 {
					if _, err := z.Reseal(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkSeal500(b *testing.B) {
	z := seal(b, memory.Open(), soft.Memory())
	value := make([]byte, 500)
	b.ReportAllocs()
	for b.Loop() {
		z.SealValue("iam/user/000000000000/somebody", value)
	}
}

// one is an engine with one record, so that what is measured is the seal.
type one struct {
	store.Store
	item store.Item
	buf  []byte
}

func (o *one) Get(context.Context, string) (store.Item, error) {
	item := o.item
	item.Value = o.buf[:copy(o.buf, o.item.Value)]
	return item, nil
}

func BenchmarkOpen500(b *testing.B) {
	o := &one{Store: memory.Open(), buf: make([]byte, 1000)}
	z := seal(b, memory.Open(), soft.Memory())
	const key = "iam/user/000000000000/somebody"
	o.item = store.Item{Key: key, Value: z.SealValue(key, make([]byte, 500))}
	z.Store = o
	b.ReportAllocs()
	for b.Loop() {
		if _, err := z.Get(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzSealed: whatever stands in the database in place of a record or of the
// ring, nothing but what was sealed opens.
func FuzzSealed(f *testing.F) {
	inner, custodian := memory.Open(), soft.Memory()
	z := seal(f, inner, custodian)
	good := z.SealValue("k", []byte("value"))
	f.Add("k", good)
	f.Add("\x00seal/ring", good)
	f.Add("\x00seal/master", []byte{1, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		if len(key) > store.MaxKey || len(value) > store.MaxValue || key == "k" && bytes.Equal(value, good) {
			return
		}
		before, err := inner.Get(t.Context(), key)
		put(t, inner, key, string(value))
		if item, err := z.Get(t.Context(), key); err == nil {
			t.Errorf("opens as %q", item.Value)
		}
		if strings.HasPrefix(key, "\x00seal/") && (err != nil || !bytes.Equal(value, before.Value)) {
			if _, opened := store.Seal(t.Context(), shared{inner}, custodian); opened == nil && before.Rev > 0 {
				t.Errorf("the store opens with %q = %x", key, value)
			}
		}
		if _, undo := inner.Update(t.Context(), func(tx store.Tx) error {
			if err != nil {
				return tx.Delete(t.Context(), key)
			}
			return tx.Put(t.Context(), key, before.Value)
		}); undo != nil {
			t.Fatal(undo)
		}
	})
}
