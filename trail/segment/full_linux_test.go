package segment

import (
	"errors"
	"syscall"
	"testing"

	"bartizan.dev/trail"
	"bartizan.dev/trail/trailtest"
)

// TestRealFullDisk does the same on a real small file system, where it may be
// mounted.
func TestRealFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount a small disk here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, 0) })
	tr := mustOpen(t, dir, Options{MinFree: 1, SegmentBytes: 32 << 10, Log: quiet})
	n := 0
	var err error
	for ; err == nil; n++ {
		err = tr.Append(t.Context(), trailtest.Event(n))
	}
	n--
	if !errors.Is(err, trail.ErrFull) {
		t.Fatalf("Append: %v, want ErrFull", err)
	}
	if got := len(everything(t, tr)); got != n {
		t.Fatalf("%d events, want %d", got, n)
	}
	tr.Close()
	tr = mustOpen(t, dir, Options{MinFree: 1, SegmentBytes: 32 << 10, Log: quiet})
	defer tr.Close()
	if got := len(everything(t, tr)); got != n {
		t.Fatalf("%d events after reopening, want %d", got, n)
	}
}
