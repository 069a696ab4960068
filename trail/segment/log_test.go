package segment

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bartizan.dev/trail"
	"bartizan.dev/trail/trailtest"
)

// TestReadOnOverSegments: reading on crosses from file to file, passes over one
// that was removed, and says so when a record is damaged.
func TestReadOnOverSegments(t *testing.T) {
	dir := t.TempDir()
	tr, err := Open(dir, Options{SegmentBytes: 2000, Now: func() time.Time { return trailtest.Base }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}()
	const n = 100
	for i := range n {
		if err := tr.Append(t.Context(), trailtest.Event(i)); err != nil {
			t.Fatal(err)
		}
	}
	end, err := tr.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if end.Part < 5 {
		t.Fatalf("only %d segments", end.Part)
	}
	count := func(from trail.Place) (int, error) {
		seen := 0
		at, err := tr.Read(t.Context(), from, end, func(*trail.Event) bool { seen++; return true })
		if err == nil && at != end {
			t.Errorf("Read comes to %v, want %v", at, end)
		}
		return seen, err
	}
	if seen, err := count(trail.Place{}); seen != n || err != nil {
		t.Errorf("%d events, %v", seen, err)
	}
	// The place of another trail, which was longer.
	if seen, err := count(trail.Place{Part: end.Part + 7}); seen != n || err != nil {
		t.Errorf("from behind the end: %d events, %v", seen, err)
	}
	third := filepath.Join(dir, segmentName(3))
	text, err := os.ReadFile(third)
	if err != nil {
		t.Fatal(err)
	}
	// A record that is damaged is an error, not a gap, in whatever segment.
	for _, no := range []uint32{3, uint32(end.Part)} {
		name := filepath.Join(dir, segmentName(no))
		was, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Clone(was)
		bad[segmentHead+headSize+3] ^= 1
		if err := os.WriteFile(name, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := count(trail.Place{}); !errors.Is(err, errTorn) {
			t.Errorf("a damaged record in segment %d: %v", no, err)
		}
		if err := os.WriteFile(name, was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(third); err != nil {
		t.Fatal(err)
	}
	seen, err := count(trail.Place{})
	if err != nil || seen >= n || seen < n-len(text)/100 {
		t.Errorf("without a segment: %d events, %v", seen, err)
	}
}
