package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/store"
)

// model is the simplest reader there is. The engines share Batch, so comparing
// them with each other would not find what is wrong with it.
type model map[string]string

func (m model) Get(_ context.Context, key string) (store.Item, error) {
	v, ok := m[key]
	if !ok {
		return store.Item{}, store.ErrNotFound
	}
	return store.Item{Key: key, Value: []byte(v), Rev: 1}, nil
}

func (m model) List(ctx context.Context, r store.Range) (out []store.Item, _ error) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if strings.HasPrefix(key, r.Prefix) && (r.After == "" || key > r.After) && (r.Limit == 0 || len(out) < r.Limit) {
			out = append(out, store.Item{Key: key, Value: []byte(m[key]), Rev: 1})
		}
	}
	return out, nil
}

// TestBatch compares batches, and batches on batches, with a map.
func TestBatch(t *testing.T) {
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		key := func() string {
			k := make([]byte, 1+rnd.IntN(3))
			for i := range k {
				k[i] = "ab\xff"[rnd.IntN(3)]
			}
			return string(k)
		}
		base, want := model{}, model{}
		for range rnd.IntN(20) {
			base[key()] = "base"
		}
		maps.Copy(want, base)
		var top store.Reader = base
		for range 1 + rnd.IntN(3) {
			b := store.NewBatch(top)
			size := scribble(t, b, want, rnd, key)
			if b.Len() != size {
				t.Errorf("seed %d: Len %d, want %d", seed, b.Len(), size)
			}
			top = b
		}
		if !reads(t, top, want, key, rnd) {
			t.Fatalf("seed %d", seed)
		}
	}
}

// scribble makes random writes and returns how many keys they touch.
func scribble(t *testing.T, b *store.Batch, want model, rnd *rand.Rand, key func() string) int {
	touched := map[string]bool{}
	for range rnd.IntN(12) {
		k, v := key(), fmt.Sprint(rnd.IntN(100))
		_, known := want[k]
		var err error
		switch rnd.IntN(4) {
		case 0:
			err = b.Delete(t.Context(), k)
			delete(want, k)
		case 1:
			err = b.PutIf(t.Context(), k, []byte(v), 0)
			if known != errors.Is(err, store.ErrConflict) {
				t.Errorf("PutIf(%q) as new: %v, known: %v", k, err, known)
			}
			if known {
				continue
			}
			want[k] = v
		default:
			err = b.Put(t.Context(), k, []byte(v))
			want[k] = v
		}
		if err != nil {
			t.Error(err)
		}
		touched[k] = true
	}
	return len(touched)
}

func reads(t *testing.T, got store.Reader, want model, key func() string, rnd *rand.Rand) bool {
	for range 40 {
		r := store.Range{Prefix: key(), Limit: rnd.IntN(6)}
		r.Prefix = r.Prefix[:rnd.IntN(len(r.Prefix)+1)]
		if rnd.IntN(2) == 0 {
			r.After = key()
		}
		items, err := got.List(t.Context(), r)
		expect, _ := want.List(t.Context(), r)
		same := func(a, b store.Item) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) }
		if err != nil || !slices.EqualFunc(items, expect, same) {
			t.Errorf("List(%+v): %v, %v; want %v", r, items, err, expect)
		}
		k := key()
		item, err := got.Get(t.Context(), k)
		if v, ok := want[k]; ok != (err == nil) || ok && string(item.Value) != v || !ok && !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get(%q): %q, %v; want %q, %v", k, item.Value, err, v, ok)
		}
	}
	return !t.Failed()
}

// TestBatchAbsorb: finished transactions become commits of a group.
func TestBatchAbsorb(t *testing.T) {
	ctx := t.Context()
	group := store.NewBatch(model{"old": "o", "gone": "g"})
	for rev := int64(7); rev < 10; rev++ {
		tx := store.NewBatch(group)
		item, err := tx.Get(ctx, "n")
		if rev > 7 && (err != nil || item.Rev != rev-1) {
			t.Errorf("transaction %d reads %+v, %v", rev, item, err)
		}
		if err := errors.Join(tx.PutIf(ctx, "n", fmt.Append(nil, rev), item.Rev), tx.Delete(ctx, "gone")); err != nil {
			t.Fatal(err)
		}
		if err := tx.PutIf(ctx, "n", nil, item.Rev); !errors.Is(err, store.ErrConflict) {
			t.Errorf("PutIf over an own write: %v", err)
		}
		want := []store.Change{{Rev: rev, Key: "n"}, {Rev: rev, Key: "gone", Deleted: true}}
		if got := group.Absorb(tx, rev); !slices.Equal(got, want) {
			t.Errorf("Absorb: %v", got)
		}
	}
	if n := len("n") + len("9") + len("gone"); group.Bytes() != n {
		t.Errorf("Bytes: %d, want %d", group.Bytes(), n)
	}
	group.Rebase(model{"old": "new"})
	has(t, group, "old", "new")
	has(t, group, "n", "9")
	var log []string
	fail := errors.New("deliberate")
	if err := group.Each(func(key string, value []byte, rev int64, deleted bool) error {
		log = append(log, fmt.Sprintf("%s=%s@%d,%v", key, value, rev, deleted))
		return nil
	}); err != nil || fmt.Sprint(log) != "[gone=@9,true n=9@9,false]" {
		t.Errorf("Each: %v, %v", log, err)
	}
	if err := group.Each(func(string, []byte, int64, bool) error { return fail }); err != fail {
		t.Errorf("Each that fails: %v", err)
	}
}
