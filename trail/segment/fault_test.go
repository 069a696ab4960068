package segment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"bartizan.dev/trail"
	"bartizan.dev/trail/trailtest"
)

// TestDiskFull: a disk that fills in the middle of a record loses nothing that
// was acknowledged, refuses, goes on reading, and recovers when there is room.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		tr := mustOpen(t, dir, Options{MinFree: 1000, Log: quiet})
		var room atomic.Int64
		room.Store(5000)
		tr.free = func(string) (uint64, error) { return uint64(room.Load()), nil }
		tr.write = func(f *os.File, b []byte, off int64) (int, error) {
			if r := room.Load(); int64(len(b)) > r {
				n, _ := f.WriteAt(b[:r], off) // a partial write
				room.Store(0)
				return n, &os.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
			}
			room.Add(-int64(len(b)))
			return f.WriteAt(b, off)
		}
		n := 0
		for ; ; n++ {
			if err := tr.Append(t.Context(), trailtest.Event(n)); err != nil {
				if !errors.Is(err, trail.ErrFull) {
					t.Fatalf("Append: %v, want ErrFull", err)
				}
				break
			}
		}
		if n < 5 {
			t.Fatalf("only %d events fitted", n)
		}
		if err := tr.Admit(t.Context()); !errors.Is(err, trail.ErrFull) {
			t.Fatalf("Admit: %v, want ErrFull", err)
		}
		if got := len(everything(t, tr)); got != n {
			t.Fatalf("%d events, want %d", got, n)
		}
		time.Sleep(2 * time.Second)
		if err := tr.Admit(t.Context()); !errors.Is(err, trail.ErrFull) {
			t.Fatalf("Admit after a while: %v, want ErrFull", err)
		}
		room.Store(1 << 20)
		time.Sleep(2 * time.Second)
		if err := tr.Admit(t.Context()); err != nil {
			t.Fatalf("Admit with room: %v", err)
		}
		appendN(t, tr, n, 1)
		// Little room: refused before the disk is full.
		room.Store(900)
		time.Sleep(2 * time.Second)
		if err := tr.Admit(t.Context()); !errors.Is(err, trail.ErrFull) {
			t.Fatalf("Admit below MinFree: %v, want ErrFull", err)
		}
		tr.Close()
		tr = mustOpen(t, dir, Options{Log: quiet})
		defer tr.Close()
		if got := len(everything(t, tr)); got != n+1 {
			t.Fatalf("%d events after reopening, want %d", got, n+1)
		}
	})
}

// TestExpire: whole segments go when their newest event is older than Keep by
// both the clock and the newest event.
func TestExpire(t *testing.T) {
	dir := t.TempDir()
	var ahead atomic.Int64
	opt := Options{Keep: 10 * day, Log: quiet, Now: func() time.Time { return trailtest.Base.Add(time.Duration(ahead.Load())) }}
	put := func(tr *Trail, days int) {
		t.Helper()
		e := trailtest.Event(days)
		e.Time = trailtest.Base.Add(time.Duration(days) * day)
		if err := tr.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	tr := mustOpen(t, dir, opt)
	for d := 0; d < 30; d += 2 { // a segment each
		put(tr, d)
	}
	tr.Close()
	tr = mustOpen(t, dir, opt)
	tr.expire()
	if got := len(everything(t, tr)); got != 15 {
		t.Fatalf("the clock stands still: %d events, want 15", got)
	}
	ahead.Store(int64(1000 * day))
	tr.expire()
	got := everything(t, tr)
	if len(got) != 6 || got[5] != trailtest.Event(18).ID {
		t.Fatalf("kept %v, want days 18 to 28", got)
	}
	tr.Close()
	if files, _ := filepath.Glob(filepath.Join(dir, "*.seg")); len(files) != 6 {
		t.Errorf("%d segment files, want 6", len(files))
	}
}

// TestBroken: after a failed sync nothing is trusted.
func TestBroken(t *testing.T) {
	tr := mustOpen(t, t.TempDir(), Options{SyncAlways: true, Log: quiet})
	appendN(t, tr, 0, 1)
	tr.file.Close() // so that the sync fails
	tr.write = func(_ *os.File, b []byte, _ int64) (int, error) { return len(b), nil }
	first := tr.Append(t.Context(), trailtest.Event(1))
	if first == nil || errors.Is(first, trail.ErrFull) {
		t.Fatalf("Append: %v, want the disk's error", first)
	}
	if err := tr.Admit(t.Context()); err == nil || errors.Is(err, trail.ErrFull) {
		t.Errorf("Admit: %v, want the disk's error", err)
	}
	if err := tr.Append(context.Background(), trailtest.Event(2)); err == nil {
		t.Error("Append after a failed sync succeeded")
	}
	if err := tr.Close(); err == nil {
		t.Error("Close says that all is well")
	}
}

// TestSealFails: while no index can be written, a bounded number of segments
// waits, Append refuses instead of hanging, and nothing is lost.
func TestSealFails(t *testing.T) {
	dir := t.TempDir()
	tr := mustOpen(t, dir, Options{SegmentBytes: 4 << 10, Log: quiet})
	for i := range 50 { // a folder where the index should go
		if err := os.Mkdir(filepath.Join(dir, indexName(uint32(i+1))), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	var err error
	for ; err == nil && n < 1000; n++ {
		err = tr.Append(t.Context(), trailtest.Event(n))
	}
	n--
	if err == nil {
		t.Fatal("appends went on without end")
	}
	if got := len(everything(t, tr)); got != n {
		t.Fatalf("%d events, want %d", got, n)
	}
	tr.Close()
	for i := range 50 {
		os.Remove(filepath.Join(dir, indexName(uint32(i+1))))
	}
	tr = mustOpen(t, dir, Options{SegmentBytes: 4 << 10, Log: quiet})
	defer tr.Close()
	if got := len(everything(t, tr)); got != n {
		t.Fatalf("%d events after reopening, want %d", got, n)
	}
}

// TestCollision gives every value the same key: answers are still right.
func TestCollision(t *testing.T) {
	tr := mustOpen(t, t.TempDir(), Options{Log: quiet})
	defer tr.Close()
	for i := range 200 {
		e := trailtest.Event(i)
		buf := &buffer{record: encode(nil, e), keys: []uint32{key(scope(tr.seed, e.Account, e.Region), trail.Username, "user7")}}
		if _, _, err := tr.append(buf, e.Time.UnixNano()); err != nil {
			t.Fatal(err)
		}
	}
	q := trail.Query{Account: "111122223333", Region: "eu-central-1", Attribute: trail.Username, Value: "user7", Limit: 1}
	page, err := tr.Lookup(t.Context(), q)
	if err != nil || len(page.Events) != 1 || page.Events[0].Username != "user7" || page.Next != "" {
		t.Errorf("page %v, error %v", page, err)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(encode(nil, trailtest.Event(1)))
	f.Add(encode(nil, &trail.Event{Time: trailtest.Base}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := frame(b); err == nil && (n > len(b) || n < headSize+minRecord) {
			t.Fatalf("frame of %d bytes in %d", n, len(b))
		}
		if len(b) < headSize {
			return
		}
		var e, again trail.Event
		if decode(b, &e) != nil {
			return
		}
		if e.Check() != nil {
			return
		}
		if err := decode(encode(nil, &e), &again); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(e) != fmt.Sprint(again) {
			t.Fatalf("%v\nbecame\n%v", e, again)
		}
	})
}

// FuzzIndex reads a damaged index file: an error or an answer, never a panic
// nor an event that does not match.
func FuzzIndex(f *testing.F) {
	f.Add(uint32(70), byte(1))
	f.Fuzz(func(t *testing.T, at uint32, with byte) {
		dir := t.TempDir()
		tr := mustOpen(t, dir, Options{Log: quiet, SegmentBytes: 2 << 10})
		appendN(t, tr, 0, 20)
		tr.Close()
		tr = mustOpen(t, dir, Options{Log: quiet})
		defer tr.Close()
		path := filepath.Join(dir, indexName(1))
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[at%uint32(len(b))] ^= with
		os.WriteFile(path, b, 0o600)
		for _, q := range []trail.Query{{Attribute: trail.Any}, {Attribute: trail.Username, Value: "user1"}} {
			q.Account, q.Region, q.Limit = "111122223333", "eu-central-1", 50
			page, err := tr.Lookup(t.Context(), q)
			for i := range page.Events {
				if err == nil && !q.Matches(&page.Events[i]) {
					t.Fatalf("%v does not match %v", page.Events[i], q)
				}
			}
		}
	})
}
