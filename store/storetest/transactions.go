package storetest

import (
	"context"
	"errors"
	"testing"

	"bartizan.dev/store"
)

func putIf(t *testing.T, f *fixture) {
	try := func(key, value string, rev int64) error {
		_, err := f.s.Update(f.ctx, func(tx store.Tx) error { return tx.PutIf(f.ctx, key, []byte(value), rev) })
		return err
	}
	if err := try("a", "1", 7); !errors.Is(err, store.ErrConflict) {
		t.Errorf("PutIf of an absent key with a revision: %v; want ErrConflict", err)
	}
	f.want(f.s, "a", "-")
	if err := try("a", "1", 0); err != nil {
		t.Fatal(err)
	}
	old := f.want(f.s, "a", "1")
	if err := try("a", "2", 0); !errors.Is(err, store.ErrConflict) {
		t.Errorf("PutIf of a present key as absent: %v; want ErrConflict", err)
	}
	if err := try("a", "2", old.Rev); err != nil {
		t.Errorf("PutIf with the right revision: %v", err)
	}
	if err := try("a", "3", old.Rev); !errors.Is(err, store.ErrConflict) {
		t.Errorf("PutIf with an old revision: %v; want ErrConflict", err)
	}
	f.want(f.s, "a", "2")
	// A conflict need not be the end of the transaction.
	f.update(func(tx store.Tx) error {
		if err := tx.PutIf(f.ctx, "a", []byte("4"), old.Rev); !errors.Is(err, store.ErrConflict) {
			t.Errorf("PutIf with an old revision: %v; want ErrConflict", err)
		}
		return tx.Put(f.ctx, "b", []byte("1"))
	})
	f.want(f.s, "a", "2")
	f.want(f.s, "b", "1")
	// Own writes have a revision that PutIf accepts.
	f.update(func(tx store.Tx) error {
		if err := tx.Put(f.ctx, "c", []byte("1")); err != nil {
			return err
		}
		if err := tx.PutIf(f.ctx, "c", []byte("2"), f.want(tx, "c", "1").Rev); err != nil {
			t.Errorf("PutIf of an own write: %v", err)
		}
		if err := tx.PutIf(f.ctx, "c", []byte("3"), 0); !errors.Is(err, store.ErrConflict) {
			t.Errorf("PutIf of an own write as absent: %v; want ErrConflict", err)
		}
		if err := tx.Delete(f.ctx, "c"); err != nil {
			return err
		}
		return tx.PutIf(f.ctx, "c", []byte("4"), 0)
	})
	f.want(f.s, "c", "4")
}

func ownWrites(t *testing.T, f *fixture) {
	f.put("a", "1", "b", "1")
	f.update(func(tx store.Tx) error {
		f.want(tx, "a", "1")
		for _, v := range []string{"2", "3"} {
			if err := tx.Put(f.ctx, "a", []byte(v)); err != nil {
				return err
			}
			f.want(tx, "a", v)
			f.want(f.s, "a", "1") // nobody else sees it yet
		}
		if err := tx.Delete(f.ctx, "b"); err != nil {
			return err
		}
		f.want(tx, "b", "-")
		f.want(f.s, "b", "1")
		if err := errors.Join(tx.Put(f.ctx, "c", nil), tx.Delete(f.ctx, "c")); err != nil {
			return err
		}
		f.want(tx, "c", "-")
		return nil
	})
	f.want(f.s, "a", "3")
	f.want(f.s, "b", "-")
	f.want(f.s, "c", "-")
}

func ownWritesInRanges(t *testing.T, f *fixture) {
	f.put("p/1", "", "p/3", "", "p/5", "", "p/7", "", "q", "")
	f.update(func(tx store.Tx) error {
		err := errors.Join(
			tx.Put(f.ctx, "p/2", nil), tx.Put(f.ctx, "p/6", nil), tx.Put(f.ctx, "p/9", nil), tx.Put(f.ctx, "r", nil),
			tx.Delete(f.ctx, "p/1"), tx.Delete(f.ctx, "p/5"), tx.Delete(f.ctx, "p/8"))
		if err != nil {
			return err
		}
		f.wantList(tx, store.Range{Prefix: "p/"}, "p/2", "p/3", "p/6", "p/7", "p/9")
		f.wantList(tx, store.Range{Prefix: "p/", Limit: 1}, "p/2")
		f.wantList(tx, store.Range{Prefix: "p/", Limit: 3}, "p/2", "p/3", "p/6")
		f.wantList(tx, store.Range{Prefix: "p/", After: "p/2", Limit: 2}, "p/3", "p/6")
		f.wantList(tx, store.Range{Prefix: "p/", After: "p/6", Limit: 2}, "p/7", "p/9")
		f.wantList(tx, store.Range{Prefix: "p/", After: "p/6", Limit: 9}, "p/7", "p/9")
		f.wantList(tx, store.Range{}, "p/2", "p/3", "p/6", "p/7", "p/9", "q", "r")
		f.wantList(f.s, store.Range{}, "p/1", "p/3", "p/5", "p/7", "q")
		return nil
	})
	f.wantList(f.s, store.Range{}, "p/2", "p/3", "p/6", "p/7", "p/9", "q", "r")
}

func rollback(t *testing.T, f *fixture) {
	before := f.put("a", "1")
	mine := errors.New("mine")
	rev, err := f.s.Update(f.ctx, func(tx store.Tx) error {
		if err := errors.Join(tx.Put(f.ctx, "a", []byte("2")), tx.Put(f.ctx, "b", nil)); err != nil {
			return err
		}
		return mine
	})
	if err != mine {
		t.Errorf("Update returned %d, %v; want the function's own error, unchanged", rev, err)
	}
	f.want(f.s, "a", "1")
	f.want(f.s, "b", "-")
	if item := f.want(f.s, "a", "1"); item.Rev != before {
		t.Errorf("the record has revision %d; want %d", item.Rev, before)
	}
	got, err := f.s.Changes(f.ctx, before, 100)
	if err != nil || len(got) > 0 {
		t.Errorf("Changes after a rollback: %v, %v", got, err)
	}
}

func panics(t *testing.T, f *fixture) {
	f.put("a", "1")
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = errors.New("panicked")
			}
		}()
		_, err = f.s.Update(f.ctx, func(tx store.Tx) error {
			if err := tx.Put(f.ctx, "a", []byte("2")); err != nil {
				return err
			}
			panic("deliberate")
		})
		return err
	}()
	if err == nil {
		t.Error("Update returned nil for a function that panicked")
	}
	f.want(f.s, "a", "1")
	f.put("a", "3") // life goes on
	f.want(f.s, "a", "3")
}

func revisions(t *testing.T, f *fixture) {
	last, err := f.s.Revision(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		rev := f.put("a", "1", "b", "2")
		if rev <= last {
			t.Fatalf("revision %d after %d", rev, last)
		}
		last = rev
		if got, err := f.s.Revision(f.ctx); got != rev || err != nil {
			t.Fatalf("Revision() = %d, %v; want %d", got, err, rev)
		}
	}
}

func noWrites(t *testing.T, f *fixture) {
	before := f.put("a", "1")
	rev := f.update(func(tx store.Tx) error { f.want(tx, "a", "1"); return nil })
	if rev > before {
		t.Errorf("Update without a write returned revision %d after %d", rev, before)
	}
	if got, err := f.s.Changes(f.ctx, before, 10); err != nil || len(got) > 0 {
		t.Errorf("Changes after no write: %v, %v", got, err)
	}
}

func cancelled(t *testing.T, f *fixture) {
	f.put("a", "1")
	ctx, cancel := context.WithCancel(f.ctx)
	_, err := f.s.Update(ctx, func(tx store.Tx) error {
		if err := tx.Put(ctx, "a", []byte("2")); err != nil {
			return err
		}
		cancel()
		_, err := tx.Get(ctx, "b")
		if err == nil {
			t.Error("Get in a transaction answers under a context that has ended")
		}
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update that ended with its context: %v", err)
	}
	f.want(f.s, "a", "1")
	ran := false
	if _, err := f.s.Update(ctx, func(store.Tx) error { ran = true; return nil }); !errors.Is(err, context.Canceled) || ran {
		t.Errorf("Update under a context that has ended: %v, function called: %v", err, ran)
	}
	if _, err := f.s.Get(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Get under a context that has ended: %v", err)
	}
	if _, err := f.s.List(ctx, store.Range{}); !errors.Is(err, context.Canceled) {
		t.Errorf("List under a context that has ended: %v", err)
	}
	f.want(f.s, "a", "1")
}

func closed(t *testing.T, f *fixture) {
	f.put("a", "1")
	if err := f.s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := f.s.Get(f.ctx, "a")
	errs := map[string]error{"Get": err}
	_, errs["List"] = f.s.List(f.ctx, store.Range{})
	_, errs["Update"] = f.s.Update(f.ctx, func(tx store.Tx) error { return tx.Put(f.ctx, "a", nil) })
	_, errs["Changes"] = f.s.Changes(f.ctx, 0, 1)
	_, errs["Revision"] = f.s.Revision(f.ctx)
	errs["Watch"] = f.s.Watch(f.ctx, func([]store.Change) {}, func() {})
	errs["Fresh"] = f.s.Fresh(f.ctx)
	for name, err := range errs {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close: %v; want ErrClosed", name, err)
		}
	}
	if err := f.s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}
