package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"bartizan.dev/store"
)

// Differential runs the same random transactions on two empty stores and
// compares all that comes back. The same seed gives the same run, whatever the
// engines.
func Differential(t *testing.T, a, b store.Store, seed uint64, steps int) {
	t.Helper()
	d := &differential{T: t, rand: rand.New(rand.NewPCG(seed, 1)), a: a, b: b, revs: map[int64]int64{0: 0}}
	var err error
	if d.startA, err = a.Revision(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d.startB, err = b.Revision(t.Context()); err != nil {
		t.Fatal(err)
	}
	for d.step = range steps {
		if d.transaction(); t.Failed() {
			t.Fatalf("seed %d, step %d: the stores differ, see above", seed, d.step)
		}
	}
	d.compare("at the end", d.read(d.a, store.Range{}), d.read(d.b, store.Range{}))
	d.changes()
}

type differential struct {
	*testing.T
	rand           *rand.Rand
	a, b           store.Store
	startA, startB int64
	step           int
	revs           map[int64]int64 // revision of a -> of b
}

// op is one step of a transaction: what to do, chosen before it runs so that
// both stores, and every try again, do the same.
type op struct {
	kind  int
	key   string
	value []byte
	rg    store.Range
	right bool // PutIf with the right revision
}

func (d *differential) op() op {
	o := op{kind: d.rand.IntN(6), key: d.key(), right: d.rand.IntN(3) > 0}
	o.value = make([]byte, d.rand.IntN(40))
	for i := range o.value {
		o.value[i] = byte(d.rand.Uint32())
	}
	o.rg = store.Range{Prefix: d.key(), Limit: d.rand.IntN(6)}
	o.rg.Prefix = o.rg.Prefix[:d.rand.IntN(len(o.rg.Prefix)+1)]
	if d.rand.IntN(2) == 0 {
		o.rg.After = d.key()
	}
	return o
}

// key returns one of few keys with common prefixes and awkward bytes.
func (d *differential) key() string {
	const alphabet = "ab/\x01\xff"
	key := make([]byte, 1+d.rand.IntN(4))
	for i := range key {
		key[i] = alphabet[d.rand.IntN(len(alphabet))]
	}
	return string(key)
}

var errFail = errors.New("deliberate")

func (d *differential) transaction() {
	ops := make([]op, d.rand.IntN(8))
	for i := range ops {
		ops[i] = d.op()
	}
	var fail error
	if d.rand.IntN(5) == 0 {
		fail = errFail
	}
	run := func(s store.Store) (log []string, rev int64) {
		rev, err := s.Update(d.Context(), func(tx store.Tx) error {
			log = nil
			for _, o := range ops {
				log = append(log, d.apply(tx, o))
			}
			return fail
		})
		if err != fail {
			d.Fatalf("step %d: Update: %v", d.step, err)
		}
		return log, rev
	}
	logA, revA := run(d.a)
	logB, revB := run(d.b)
	d.compare("transaction", logA, logB)
	if _, known := d.revs[revA]; fail == nil && !known {
		d.revs[revA] = revB
	}
	rg := d.op().rg
	d.compare(fmt.Sprintf("List(%+v)", rg), d.read(d.a, rg), d.read(d.b, rg))
}

func (d *differential) apply(tx store.Tx, o op) string {
	switch o.kind {
	case 0:
		item, err := tx.Get(d.Context(), o.key)
		return fmt.Sprintf("Get %q: %q %v", o.key, item.Value, err)
	case 1:
		items, err := tx.List(d.Context(), o.rg)
		return fmt.Sprintf("List %+v: %s %v", o.rg, show(items), err)
	case 2:
		return fmt.Sprintf("Delete %q: %v", o.key, tx.Delete(d.Context(), o.key))
	case 3:
		item, err := tx.Get(d.Context(), o.key)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err.Error()
		}
		if !o.right {
			item.Rev += 1 << 40
		}
		return fmt.Sprintf("PutIf %q %v: %v", o.key, o.right, tx.PutIf(d.Context(), o.key, o.value, item.Rev))
	default:
		return fmt.Sprintf("Put %q: %v", o.key, tx.Put(d.Context(), o.key, o.value))
	}
}

func show(items []store.Item) string {
	var out bytes.Buffer
	for _, item := range items {
		fmt.Fprintf(&out, "%q=%q ", item.Key, item.Value)
	}
	return out.String()
}

// read lists what is committed, with revisions in a's counting.
func (d *differential) read(s store.Store, rg store.Range) (out []string) {
	items, err := s.List(d.Context(), rg)
	if err != nil {
		return []string{err.Error()}
	}
	for _, item := range items {
		rev := item.Rev
		if s == d.a {
			rev = d.revs[rev]
		}
		out = append(out, fmt.Sprintf("%q=%q@%d", item.Key, item.Value, rev))
		got, err := s.Get(d.Context(), item.Key)
		if err != nil || got.Rev != item.Rev || !bytes.Equal(got.Value, item.Value) {
			d.Errorf("List has %q=%q@%d, Get %q@%d, %v", item.Key, item.Value, item.Rev, got.Value, got.Rev, err)
		}
	}
	return out
}

func (d *differential) changes() {
	read := func(s store.Store, after int64) []string {
		var out []string
		changes, err := s.Changes(d.Context(), after, 1<<20)
		for _, c := range sorted(changes) {
			if s == d.a {
				c.Rev = d.revs[c.Rev]
			}
			out = append(out, fmt.Sprintf("%d %q %v", c.Rev, c.Key, c.Deleted))
		}
		return append(out, fmt.Sprint(err))
	}
	d.compare("Changes", read(d.a, d.startA), read(d.b, d.startB))
}

func (d *differential) compare(what string, a, b []string) {
	d.Helper()
	for i := range max(len(a), len(b)) {
		if x, y := at(a, i), at(b, i); x != y {
			d.Errorf("step %d, %s, line %d:\n a: %s\n b: %s", d.step, what, i, x, y)
			return
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}
