package segment

import (
	"log/slog"
	"testing"

	"bartizan.dev/trail"
	"bartizan.dev/trail/trailtest"
)

func fresh(opt Options) trailtest.Fresh {
	opt.Log = slog.New(slog.DiscardHandler)
	return func(t *testing.T) func() trail.Trail {
		dir := t.TempDir()
		return func() trail.Trail { return mustOpen(t, dir, opt) }
	}
}

func mustOpen(t testing.TB, dir string, opt Options) *Trail {
	t.Helper()
	tr, err := Open(dir, opt)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return tr
}

func TestTrail(t *testing.T)             { trailtest.Run(t, fresh(Options{})) }
func TestTrailManySegments(t *testing.T) { trailtest.Run(t, fresh(Options{SegmentBytes: 8 << 10})) }
func TestTrailSyncAlways(t *testing.T)   { trailtest.Run(t, fresh(Options{SyncAlways: true})) }
