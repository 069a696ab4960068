package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bartizan.dev/store"
)

const diskEnv = "BARTIZAN_TEST_DISK"

// TestFullDisk fills a real file system: a small tmpfs in a mount namespace of
// the child's own, which goes with it. TestFull is the same without one.
func TestFullDisk(t *testing.T) {
	if dir := os.Getenv(diskEnv); dir != "" {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m,mode=0700"); err != nil {
			fmt.Println("cannot mount:", err)
			return
		}
		fullDisk(t, dir)
		fmt.Println("done")
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), diskEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	switch text := string(out); {
	case errors.Is(err, syscall.EPERM) || strings.Contains(text, "cannot mount:"):
		t.Skipf("no namespaces here: %v %s", err, text)
	case err != nil || !strings.Contains(text, "done"):
		t.Fatalf("%v\n%s", err, text)
	default:
		t.Log(text)
	}
}

func fullDisk(t *testing.T, dir string) {
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "data", "store.db")
	known := map[string]bool{}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), stormEnv+"="+path)
		cmd.Stdout = w
		var failure strings.Builder
		cmd.Stderr = &failure
		if err := cmd.Run(); err == nil || !strings.Contains(failure.String(), store.ErrFull.Error()) {
			t.Errorf("the storm ended with %v: %s; want ErrFull", err, failure.String())
		}
		w.Close()
	}()
	for lines := bufio.NewScanner(r); lines.Scan(); {
		known[lines.Text()] = true
	}
	if len(known) < 100 {
		t.Errorf("only %d writes before the disk was full", len(known))
	}
	verify(t, path, known) // which opens a database on a full disk

	// The same within one process, which goes on when there is room again.
	s := mustOpen(t, path)
	n := 0
	for ; err == nil && n < 10_000; n++ {
		_, err = s.Update(t.Context(), func(tx store.Tx) error { return tx.Put(context.Background(), fmt.Sprintf("c/%d", n), record) })
	}
	if !errors.Is(err, store.ErrFull) {
		t.Fatalf("after %d writes: %v; want ErrFull", n, err)
	}
	for i := range n - 1 {
		wantValue(t, s, fmt.Sprintf("c/%d", i), string(record))
	}
	t.Logf("%d writes by the other process, %d by this one, then %v", len(known), n-1, err)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	mustPut(t, s, "c/more", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	verify(t, path, known)
	wantValue(t, mustOpen(t, path), "c/more", "1")
}
