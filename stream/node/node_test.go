package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"bartizan.dev/detect"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/stream"
)

// kept is a sink that keeps the newest of each finding.
type kept struct {
	mu   sync.Mutex
	of   map[string]*detect.Finding
	n    int
	fail error
	come chan struct{}
}

func newKept() *kept { return &kept{of: map[string]*detect.Finding{}, come: make(chan struct{}, 1)} }

func (k *kept) sink(_ context.Context, findings []*detect.Finding) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case k.come <- struct{}{}:
	default:
	}
	if k.fail != nil {
		return k.fail
	}
	for _, f := range findings {
		text, err := json.Marshal(f)
		if err != nil {
			return err
		}
		var c detect.Finding
		if err := json.Unmarshal(text, &c); err != nil {
			return err
		}
		k.n++
		if old := k.of[c.ID]; old == nil || c.Service.Count > old.Service.Count {
			k.of[c.ID] = &c
		}
	}
	return nil
}

// options are of a node on its own stream.
func options(t *testing.T, ctx context.Context, url string, k *kept) Options {
	t.Helper()
	return Options{Log: open(t, ctx, url), Store: memory.Open(), ID: "a", Engine: config(), Sink: k.sink, Every: 20 * time.Millisecond, Patience: 500 * time.Millisecond, UntilEnd: true, Logger: quiet}
}

func ctxOf(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

// TestToTheEndAndOn: a node works to the end and is gone without a trace; the next
// one goes on where it was.
func TestToTheEndAndOn(t *testing.T) {
	ctx, k := ctxOf(t), newKept()
	o := options(t, ctx, natsURL(t)+"/LOGS?partitions=3", k)
	messages := world()
	for i, part := range [][]stream.Message{messages[:100], messages[100:], nil} {
		if err := o.Log.Publish(ctx, part...); err != nil {
			t.Fatal(err)
		}
		o.ID = fmt.Sprint("node", i)
		n := New(o)
		if err := n.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if s := n.Stats(); s.Messages != int64(len(part)) || s.Gaps != 0 {
			t.Errorf("%+v, of %d messages", s, len(part))
		}
		if items, err := o.Store.List(ctx, store.Range{Prefix: nodes}); err != nil || len(items) != 0 {
			t.Errorf("%d nodes are left, %v", len(items), err)
		}
	}
	same(t, k.of, alone(t, messages))
	all, err := partitions(ctx, o.Store, 3)
	if err != nil {
		t.Fatal(err)
	}
	var records, bad int64
	for p, r := range all {
		records, bad = records+r.Records, bad+r.Bad
		if at, err := o.Log.Committed(ctx, p); err != nil || at != r.At {
			t.Errorf("partition %d: the log says %d, the record %d, %v", p, at, r.At, err)
		}
	}
	if bad != 4 || records != accounts*rounds*3/2 {
		t.Errorf("%d records, %d bad", records, bad)
	}
}

// TestSlowNodeIsFencedOff: a node that hangs in its save, and goes on when another
// has its partition, changes nothing and hands on nothing.
func TestSlowNodeIsFencedOff(t *testing.T) {
	ctx := ctxOf(t)
	slow, quick := newKept(), newKept()
	o := options(t, ctx, natsURL(t)+"/LOGS?partitions=1", slow)
	messages := world()
	if err := o.Log.Publish(ctx, messages...); err != nil {
		t.Fatal(err)
	}
	whole := o.Store
	hang := &hanging{Store: whole, hung: make(chan struct{}), free: make(chan struct{})}
	o.Store, o.ID = hang, "slow"
	first, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- New(o).Run(first) }()
	<-hang.hung
	o.Store, o.ID, o.Sink = whole, "quick", quick.sink
	if err := New(o).Run(ctx); err != nil {
		t.Fatal(err)
	}
	before, err := partitions(ctx, whole, 1)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	close(hang.free)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	after, err := partitions(ctx, whole, 1)
	if err != nil || before[0] != after[0] {
		t.Errorf("%+v became %+v, %v", before, after, err)
	}
	if slow.n != 0 {
		t.Errorf("%d findings of a state that was not saved", slow.n)
	}
	same(t, quick.of, alone(t, messages))
}

// hanging is a store whose transactions stand still once a partition is taken.
type hanging struct {
	store.Store
	once       sync.Once
	taken      bool
	mu         sync.Mutex
	hung, free chan struct{}
}

func (h *hanging) Update(ctx context.Context, f func(store.Tx) error) (int64, error) {
	h.mu.Lock()
	taken := h.taken
	h.mu.Unlock()
	if taken {
		h.once.Do(func() { close(h.hung) })
		<-h.free
		return h.Store.Update(context.WithoutCancel(ctx), f)
	}
	rev, err := h.Store.Update(ctx, f)
	if item, e := h.Get(ctx, recordKey(0)); e == nil && strings.Contains(string(item.Value), `"slow"`) {
		h.mu.Lock()
		h.taken = true
		h.mu.Unlock()
	}
	return rev, err
}

// TestFindingsThatWereNotTaken are handed on by the next owner, and once only.
func TestFindingsThatWereNotTaken(t *testing.T) {
	ctx := ctxOf(t)
	k := newKept()
	k.fail = errors.New("the sink is away")
	o := options(t, ctx, natsURL(t)+"/LOGS?partitions=1", k)
	messages := world()
	if err := o.Log.Publish(ctx, messages...); err != nil {
		t.Fatal(err)
	}
	first, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	o.UntilEnd = false
	go func() { ended <- New(o).Run(first) }()
	<-k.come // it was saved and could not be handed on
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	k.fail = nil
	k.mu.Unlock()
	o.ID, o.UntilEnd = "b", true
	if err := New(o).Run(ctx); err != nil {
		t.Fatal(err)
	}
	n := k.n
	same(t, k.of, alone(t, messages))
	o.ID = "c"
	if err := New(o).Run(ctx); err != nil {
		t.Fatal(err)
	}
	if k.n != n {
		t.Errorf("%d findings were handed on again", k.n-n)
	}
}

// large is the state of a detector that is larger than a piece.
type large struct{ data []byte }

func (l *large) Version() int          { return 1 }
func (l *large) Save() ([]byte, error) { return l.data, nil }
func (l *large) Load(b []byte) error   { l.data = bytes.Clone(b); return nil }

// TestLargeState lies in many pieces, of which only those of the last save are
// left.
func TestLargeState(t *testing.T) {
	ctx := ctxOf(t)
	s := memory.Open()
	state := &large{make([]byte, 5*chunkSize+100)}
	r := rand.NewChaCha8([32]byte{1})
	r.Read(state.data)
	now := &large{}
	n := New(Options{Store: s, ID: "a", Logger: quiet, Detectors: func() []*detect.Detector {
		now = &large{}
		return []*detect.Detector{{Name: "large", State: now}}
	}})
	rec, ok, err := n.take(ctx, 0, record{})
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	w := &worker{n: n, partition: 0, epoch: rec.Epoch}
	if err := w.load(ctx); err != nil {
		t.Fatal(err)
	}
	pieces := func() int {
		items, err := s.List(ctx, store.Range{Prefix: statesKey})
		if err != nil {
			t.Fatal(err)
		}
		return len(items)
	}
	for i, size := range []int{100, len(state.data), 2 * chunkSize, len(state.data)} {
		now.data, w.next = state.data[:size], stream.Position(i+1)
		if err := w.save(ctx); err != nil {
			t.Fatal(err)
		}
		if got := pieces(); got != w.rec.Chunks || got < size/chunkSize {
			t.Errorf("%d bytes: %d pieces, the record says %d", size, got, w.rec.Chunks)
		}
	}
	// A save that was broken off leaves pieces that nobody reads, and the next owner
	// removes them.
	broken := &saver{ctx: ctx, w: w, seq: w.rec.Seq + 1}
	if _, err := broken.Write(make([]byte, 3*chunkSize)); err != nil {
		t.Fatal(err)
	}
	left := w.rec.Chunks + 2
	if got := pieces(); got != left {
		t.Errorf("%d pieces, want %d", got, left)
	}
	rec, ok, err = n.take(ctx, 0, w.rec)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := w.save(ctx); !errors.Is(err, errFenced) {
		t.Errorf("the old owner saves: %v", err)
	}
	if _, err := (&saver{ctx: ctx, w: w, seq: 99}).Write(make([]byte, 2*chunkSize)); !errors.Is(err, errFenced) {
		t.Errorf("the old owner writes pieces: %v", err)
	}
	heir := &worker{n: n, partition: 0, epoch: rec.Epoch}
	if err := heir.load(ctx); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(now.data, state.data) || heir.next != 4 {
		t.Errorf("loaded %d bytes at %d", len(now.data), heir.next)
	}
	if got := pieces(); got != heir.rec.Chunks {
		t.Errorf("%d pieces after the sweep, want %d", got, heir.rec.Chunks)
	}
	// What cannot be read now is not taken for empty.
	if _, err := s.Update(ctx, func(tx store.Tx) error { return tx.Delete(ctx, chunkKey(0, heir.rec.Of, heir.rec.Seq, 2)) }); err != nil {
		t.Fatal(err)
	}
	if err := heir.load(ctx); err == nil {
		t.Error("a state with a piece missing was loaded")
	}
}

// TestOtherStream: a store that belongs to a stream with more partitions is
// refused.
func TestOtherStream(t *testing.T) {
	ctx := ctxOf(t)
	s := memory.Open()
	if _, err := s.Update(ctx, func(tx store.Tx) error { return putRecord(ctx, tx, 8, record{Epoch: 1}) }); err != nil {
		t.Fatal(err)
	}
	if _, err := partitions(ctx, s, 4); err == nil || !strings.Contains(err.Error(), "another stream") {
		t.Error(err)
	}
}

// TestShares: partitions are shared as evenly as they can be, whoever comes and
// goes.
func TestShares(t *testing.T) {
	ctx := ctxOf(t)
	url := natsURL(t) + "/LOGS?partitions=5"
	s := memory.Open()
	k := newKept()
	var ends []func()
	for i, want := range []string{"[5]", "[2 3]", "[1 2 2]"} {
		o := options(t, ctx, url, k)
		o.Store, o.ID, o.UntilEnd = s, fmt.Sprint("n", i), false
		mine, stop := context.WithCancel(ctx)
		done := make(chan error, 1)
		go func() { done <- New(o).Run(mine) }()
		ends = append(ends, func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		until(t, ctx, s, 5, want, func(all []record) bool { return shares(all) == want })
	}
	for i, want := range []string{"[2 3]", "[5]", "[]"} {
		ends[i]()
		until(t, ctx, s, 5, want, func(all []record) bool { return shares(all) == want })
	}
}

func shares(all []record) string {
	has := map[string]int{}
	for _, r := range all {
		if r.Owner != "" {
			has[r.Owner]++
		}
	}
	out := []int{}
	for n := range 6 {
		for _, k := range has {
			if k == n {
				out = append(out, n)
			}
		}
	}
	return fmt.Sprint(out)
}

func TestLines(t *testing.T) {
	var b bytes.Buffer
	k := newKept()
	if err := Both(Lines(&b), k.sink)(t.Context(), []*detect.Finding{{ID: "1", Title: "<&>"}, {ID: "2"}}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], `"title":"<&>"`) || k.n != 2 {
		t.Errorf("%q, %d", lines, k.n)
	}
}
