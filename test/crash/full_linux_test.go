package crash

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// On a full disk writes are refused and say why, reads go on, and with room
// again so do writes. Nothing that was acknowledged is lost.
func TestFullDisk(t *testing.T) {
	dir := shortDir(t)
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=160m,mode=700"); err != nil {
		t.Skipf("A FULL DISK IS NOT TRIED: it takes the right to mount a small one: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	data := filepath.Join(dir, "data")
	s := start(t, data)
	var acknowledged []string
	for i := range 100 {
		name := fmt.Sprint("before-", i)
		if _, err := s.iam("CreateUser", url.Values{"UserName": {name}}); err != nil {
			t.Fatal(err)
		}
		acknowledged = append(acknowledged, name)
	}

	// Little room: a write is refused, a read is not.
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast, 40<<20)
	refuses(t, s)
	if users := s.users(); len(users) < len(acknowledged) {
		t.Errorf("%d users while the disk is nearly full, want %d", len(users), len(acknowledged))
	}

	// No room at all: reads cannot be recorded any more, so they are refused too.
	fill(t, ballast, 0)
	refuses(t, s)
	if _, err := s.iam("ListUsers", nil); err != nil {
		clear(t, err)
	}
	s.kill()

	// It starts again, and with room it works again.
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s = start(t, data)
	users := s.users()
	for _, name := range acknowledged {
		if !users[name] {
			t.Errorf("%s was acknowledged and is gone", name)
		}
	}
	if _, err := s.iam("CreateUser", url.Values{"UserName": {"after"}}); err != nil {
		t.Errorf("with room again: %v", err)
	}
	s.stop()
}

// fill writes a file until only keep bytes are free.
func fill(t *testing.T, path string, keep uint64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<20); ; {
		var fs syscall.Statfs_t
		if err := syscall.Fstatfs(int(f.Fd()), &fs); err != nil {
			t.Fatal(err)
		}
		free := fs.Bavail * uint64(fs.Bsize)
		if free <= keep {
			return
		}
		n, err := f.Write(block[:min(uint64(len(block)), free-keep)])
		if n == 0 && errors.Is(err, syscall.ENOSPC) {
			return
		} else if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// refuses waits until a write is refused, as the server looks at the disk once
// a second, and checks that it says why.
func refuses(t *testing.T, s *server) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		if _, err := s.iam("CreateUser", url.Values{"UserName": {"no-room-" + time.Now().Format("150405.000000000")}}); err != nil {
			clear(t, err)
			return
		}
		time.Sleep(50 * time.Millisecond) // another process's disk: nothing else to wait on
	}
	t.Error("no write was refused")
}

// clear checks that an error says what is wrong, in AWS's way.
func clear(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*refusal](err)
	if !ok || e.status != 503 || !strings.Contains(e.body, "<Code>ServiceUnavailable</Code>") || !strings.Contains(e.body, "Free disk space") {
		t.Errorf("on a full disk: %v", err)
	}
}
