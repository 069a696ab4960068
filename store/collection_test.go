package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/keys/soft"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
)

type person struct {
	Name  string
	Email string   `json:",omitempty"`
	Tags  []string `json:",omitempty"`
}

func people() *store.Collection[person] {
	return &store.Collection[person]{Name: "person", Indexes: []store.Index[person]{
		{Name: "email", Keys: func(p *person) []string {
			if p.Email == "" {
				return nil
			}
			return []string{p.Email}
		}},
		{Name: "tag", Keys: func(p *person) []string { return p.Tags }},
	}}
}

func update(t testing.TB, s store.Store, fn func(tx store.Tx) error) error {
	t.Helper()
	_, err := s.Update(t.Context(), fn)
	return err
}

func ids(entries []store.Entry[person]) (out []string) {
	for _, e := range entries {
		out = append(out, e.ID)
	}
	return out
}

func TestCollection(t *testing.T) {
	ctx, s, c := t.Context(), memory.Open(), people()
	insert := func(id string, p person) error {
		return update(t, s, func(tx store.Tx) error { return c.Insert(ctx, tx, id, &p) })
	}
	for _, id := range []string{"1/a", "1/b", "1/c", "10/a", "2/a"} {
		if err := insert(id, person{Name: id, Email: id + "@x", Tags: []string{"all", "of" + id[:1], "all"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := insert("1/a", person{}); !errors.Is(err, store.ErrExists) {
		t.Errorf("Insert twice: %v", err)
	}
	if v, err := c.Get(ctx, s, "1/b"); err != nil || v.Name != "1/b" {
		t.Errorf("Get: %+v, %v", v, err)
	}
	if v, err := c.Get(ctx, s, "1/x"); !errors.Is(err, store.ErrNotFound) || v != nil {
		t.Errorf("Get of nobody: %+v, %v", v, err)
	}
	for _, x := range []struct {
		prefix, after string
		limit         int
		want          string
	}{
		{"", "", 0, "[1/a 1/b 1/c 10/a 2/a]"}, {"1/", "", 0, "[1/a 1/b 1/c]"}, {"1", "", 0, "[1/a 1/b 1/c 10/a]"},
		{"1/", "1/a", 1, "[1/b]"}, {"1/", "1/c", 1, "[]"}, {"", "", 2, "[1/a 1/b]"}, {"3", "", 0, "[]"},
	} {
		if got, err := c.List(ctx, s, x.prefix, x.after, x.limit); err != nil || fmt.Sprint(ids(got)) != x.want {
			t.Errorf("List %+v: %v, %v", x, ids(got), err)
		}
	}
	for _, x := range []struct {
		index, value, after string
		limit               int
		want                string
	}{
		{"tag", "all", "", 0, "[1/a 1/b 1/c 10/a 2/a]"}, {"tag", "of1", "1/b", 0, "[1/c 10/a]"}, {"tag", "of1", "", 1, "[1/a]"},
		{"tag", "of", "", 0, "[]"}, {"tag", "al", "", 0, "[]"}, {"email", "2/a@x", "", 0, "[2/a]"}, {"email", "", "", 0, "[]"},
	} {
		if got, err := c.By(ctx, s, x.index, x.value, x.after, x.limit); err != nil || fmt.Sprint(got) != x.want {
			t.Errorf("By %+v: %v, %v", x, got, err)
		}
	}
	if e, err := c.OneBy(ctx, s, "email", "10/a@x"); err != nil || e.ID != "10/a" || e.Value.Name != "10/a" {
		t.Errorf("OneBy: %+v, %v", e, err)
	}
	if _, err := c.OneBy(ctx, s, "email", "nobody@x"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("OneBy of nobody: %v", err)
	}
	if err := update(t, s, func(tx store.Tx) error { return c.Delete(ctx, tx, "nobody") }); err != nil {
		t.Errorf("Delete of nobody: %v", err)
	}
	put(t, s, "person/1/a", "{")
	if _, err := c.Get(ctx, s, "1/a"); err == nil || !strings.Contains(err.Error(), "person/1/a") {
		t.Errorf("a damaged record: %v", err)
	}
}

// TestCollectionNUL: no id or value can pass for another record's.
func TestCollectionNUL(t *testing.T) {
	ctx, s, c := t.Context(), memory.Open(), people()
	for id, p := range map[string]person{"a\x00b": {}, "a": {Email: "x\x00b"}, "b": {Tags: []string{"ok", "\x00"}}} {
		if err := update(t, s, func(tx store.Tx) error { return c.Put(ctx, tx, id, &p) }); !errors.Is(err, store.ErrNUL) {
			t.Errorf("Put(%q, %+v): %v", id, p, err)
		}
	}
	if _, err := c.By(ctx, s, "tag", "ok\x00", "", 0); !errors.Is(err, store.ErrNUL) {
		t.Errorf("By: %v", err)
	}
	if items, err := s.List(ctx, store.Range{}); err != nil || len(items) != 0 {
		t.Errorf("left: %v, %v", items, err)
	}
}

// TestCollectionIndexes: after any updates the index entries are those of the
// records, and no others.
func TestCollectionIndexes(t *testing.T) {
	s := seal(t, memory.Open(), soft.Memory())
	c, model := people(), map[string]person{}
	rnd := rand.New(rand.NewPCG(1, 2))
	word := func() string { return string(rune('a' + rnd.IntN(4))) }
	for step := range 300 {
		fail := rnd.IntN(5) == 0
		next := maps.Clone(model)
		err := update(t, s, func(tx store.Tx) error {
			next = maps.Clone(model)
			for range rnd.IntN(4) {
				if err := change(t.Context(), c, tx, next, rnd, word); err != nil {
					return err
				}
			}
			if fail {
				return errors.New("deliberate")
			}
			return nil
		})
		if (err != nil) != fail {
			t.Fatalf("step %d: %v", step, err)
		}
		if !fail {
			model = next
		}
		if !agrees(t, s, c, model) {
			t.Fatalf("step %d", step)
		}
	}
}

// change makes one random change to the collection and the model.
func change(ctx context.Context, c *store.Collection[person], tx store.Tx, model map[string]person, rnd *rand.Rand, word func() string) error {
	id := word()
	p := person{Name: id}
	if rnd.IntN(3) > 0 {
		p.Email = word()
	}
	for range rnd.IntN(4) {
		p.Tags = append(p.Tags, word())
	}
	_, known := model[id]
	switch rnd.IntN(4) {
	case 0:
		delete(model, id)
		return c.Delete(ctx, tx, id)
	case 1:
		if err := c.Insert(ctx, tx, id, &p); !known {
			model[id] = p
			return err
		} else if !errors.Is(err, store.ErrExists) {
			return fmt.Errorf("Insert over a record: %w", err)
		}
		return nil
	default:
		model[id] = p
		return c.Put(ctx, tx, id, &p)
	}
}

func agrees(t *testing.T, s store.Store, c *store.Collection[person], model map[string]person) bool {
	want := map[string]bool{}
	for id, p := range model {
		want["person/"+id] = true
		if p.Email != "" {
			want["person.email/"+p.Email+"\x00"+id] = true
		}
		for _, tag := range p.Tags {
			want["person.tag/"+tag+"\x00"+id] = true
		}
		if v, err := c.Get(t.Context(), s, id); err != nil || fmt.Sprint(*v) != fmt.Sprint(p) {
			t.Errorf("Get(%q): %+v, %v; want %+v", id, v, err, p)
		}
	}
	items, err := s.List(t.Context(), store.Range{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, item := range items {
		got[item.Key] = true
	}
	if !maps.Equal(got, want) {
		t.Errorf("keys %q; want %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
	return !t.Failed()
}

// moving is a reader between whose readings the world changes.
type moving struct {
	store.Reader
	after func()
}

func (m *moving) List(ctx context.Context, r store.Range) ([]store.Item, error) {
	items, err := m.Reader.List(ctx, r)
	m.after()
	return items, err
}

// TestOneByMoving: a value that goes from one record to another never finds the
// one that lost it.
func TestOneByMoving(t *testing.T) {
	ctx, s, c := t.Context(), memory.Open(), people()
	give := func(from, to string) {
		if err := update(t, s, func(tx store.Tx) error {
			return errors.Join(c.Put(ctx, tx, from, &person{Name: from}), c.Put(ctx, tx, to, &person{Name: to, Email: "key"}))
		}); err != nil {
			t.Fatal(err)
		}
	}
	give("b", "a")
	once := func() { give("a", "b") }
	e, err := c.OneBy(ctx, &moving{s, func() { once(); once = func() {} }}, "email", "key")
	if err != nil || e.ID != "b" {
		t.Errorf("OneBy: %+v, %v", e, err)
	}
	if _, err := c.OneBy(ctx, &moving{s, func() {
		if err := update(t, s, func(tx store.Tx) error { return c.Delete(ctx, tx, "b") }); err != nil {
			t.Error(err)
		}
	}}, "email", "key"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("OneBy of what was deleted: %v", err)
	}
}
