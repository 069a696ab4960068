package segment

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bartizan.dev/trail"
	"bartizan.dev/trail/trailtest"
)

var quiet = slog.New(slog.DiscardHandler)

func everything(t *testing.T, tr *Trail) (ids []string) {
	t.Helper()
	q := trail.Query{Account: "111122223333", Region: "eu-central-1", Limit: 50}
	for {
		page, err := tr.Lookup(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		if q.Token = page.Next; q.Token == "" {
			return ids
		}
	}
}

func appendN(t *testing.T, tr *Trail, from, n int) {
	t.Helper()
	for i := range n {
		if err := tr.Append(t.Context(), trailtest.Event(from+i)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTornTail cuts the file at every byte of the last record: the others stay,
// and the trail goes on.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	tr := mustOpen(t, dir, Options{Log: quiet})
	appendN(t, tr, 0, 3)
	end := tr.size
	appendN(t, tr, 3, 1)
	tr.Close()
	path := filepath.Join(dir, segmentName(1))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := end; cut < int64(len(whole)); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		tr := mustOpen(t, dir, Options{Log: quiet})
		if n := len(everything(t, tr)); n != 3 {
			t.Fatalf("cut at %d: %d events, want 3", cut, n)
		}
		appendN(t, tr, 9, 1)
		if n := len(everything(t, tr)); n != 4 {
			t.Fatalf("cut at %d: %d events after one more, want 4", cut, n)
		}
		tr.Close()
	}
}

// TestDamage flips a byte of a record in the middle: what lies before stays,
// what lies behind is kept in a file, and nothing false is ever returned.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	tr := mustOpen(t, dir, Options{Log: quiet})
	appendN(t, tr, 0, 2)
	at := tr.size
	appendN(t, tr, 2, 3)
	rest := tr.size - at
	path := filepath.Join(dir, segmentName(1))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteAt([]byte{0xff}, at+40)
	if _, err := tr.Lookup(t.Context(), trail.Query{Account: "111122223333", Region: "eu-central-1", Limit: 50}); !errors.Is(err, errTorn) {
		t.Errorf("Lookup of a damaged record: %v, want errTorn", err)
	}
	tr.Close()
	tr = mustOpen(t, dir, Options{Log: quiet})
	defer tr.Close()
	if got := len(everything(t, tr)); got != 2 {
		t.Errorf("%d events, want 2", got)
	}
	if st, err := os.Stat(filepath.Join(dir, tornName(1))); err != nil || st.Size() != rest {
		t.Errorf("kept file: %v, %v; want %d bytes", st, err, rest)
	}
}

// TestIndexLost removes or damages index files: they are made anew.
func TestIndexLost(t *testing.T) {
	dir := t.TempDir()
	opt := Options{SegmentBytes: 4 << 10, Log: quiet}
	tr := mustOpen(t, dir, opt)
	appendN(t, tr, 0, 100)
	tr.Close()
	for i, damage := range []func(path string) error{
		os.Remove,
		func(p string) error { return os.Truncate(p, 10) },
		func(p string) error { return os.Truncate(p, 200) },
		func(p string) error { return os.WriteFile(p, make([]byte, 500), 0o600) },
		func(p string) error { return os.WriteFile(p+".tmp", nil, 0o600) },
	} {
		paths, _ := filepath.Glob(filepath.Join(dir, "*.idx"))
		if len(paths) < 5 {
			t.Fatalf("%d index files", len(paths))
		}
		for _, p := range paths {
			if err := damage(p); err != nil {
				t.Fatal(err)
			}
		}
		tr := mustOpen(t, dir, opt)
		if got := everything(t, tr); len(got) != 100 || got[0] != trailtest.Event(99).ID {
			t.Fatalf("damage %d: %d events", i, len(got))
		}
		tr.Close()
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "trail")
	tr := mustOpen(t, dir, Options{Log: quiet})
	if st, _ := os.Stat(dir); st.Mode().Perm() != 0o700 {
		t.Errorf("directory has mode %v", st.Mode())
	}
	if _, err := Open(dir, Options{Log: quiet}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second Open: %v", err)
	}
	tr.Close()
	mustOpen(t, dir, Options{Log: quiet}).Close()
}

// TestKill kills a process in a storm of appends: what it acknowledged is there.
func TestKill(t *testing.T) {
	if dir := os.Getenv("TRAIL_KILL_DIR"); dir != "" {
		storm(t, dir)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for round := range 3 {
		cmd := exec.Command(exe, "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "TRAIL_KILL_DIR="+dir, "TRAIL_KILL_FROM="+strconv.Itoa(round*1_000_000))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var acked []string
		for lines := bufio.NewScanner(out); lines.Scan(); {
			id, ok := strings.CutPrefix(lines.Text(), "ok ")
			if ok {
				acked = append(acked, id)
			}
			if len(acked) == 3000 {
				cmd.Process.Signal(syscall.SIGKILL)
			}
		}
		if err := cmd.Wait(); err == nil || len(acked) < 3000 {
			t.Fatalf("the process ended by itself (%v) after %d events", err, len(acked))
		}
		tr := mustOpen(t, dir, Options{Log: quiet})
		have := map[string]bool{}
		for _, id := range everything(t, tr) {
			have[id] = true
		}
		for _, id := range acked {
			if !have[id] {
				t.Errorf("round %d: event %s was acknowledged and is gone", round, id)
			}
		}
		tr.Close()
	}
}

func storm(t *testing.T, dir string) {
	tr := mustOpen(t, dir, Options{SegmentBytes: 64 << 10, Log: quiet})
	from, _ := strconv.Atoi(os.Getenv("TRAIL_KILL_FROM"))
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 100_000 {
				e := trailtest.Event(from + w*100_000 + i)
				if err := tr.Append(t.Context(), e); err != nil {
					return
				}
				os.Stdout.WriteString(fmt.Sprintf("ok %s\n", e.ID))
			}
		})
	}
	wg.Wait()
	time.Sleep(time.Minute) // to be killed
}
