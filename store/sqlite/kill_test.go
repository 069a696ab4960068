package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bartizan.dev/store"
)

// stormEnv makes the test binary a child that writes until it is killed.
const stormEnv = "BARTIZAN_TEST_STORM"

func TestMain(m *testing.M) {
	if path := os.Getenv(stormEnv); path != "" {
		if err := storm(path, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// storm writes pairs of records with 16 writers and prints the name of each pair
// that was acknowledged. It ends at the first error.
func storm(path string, out io.Writer) error {
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	rev, err := s.Revision(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	var first error
	for w := range 16 {
		all.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d/%d/%d", rev, w, i)
				_, err := s.Update(ctx, func(tx store.Tx) error {
					if err := tx.Put(ctx, "a/"+name, []byte(name)); err != nil {
						return err
					}
					return tx.Put(ctx, "b/"+name, record)
				})
				mu.Lock()
				switch {
				case err != nil && first == nil:
					first = err
				case err == nil:
					_, err = fmt.Fprintln(out, name) // a pipe: the parent has it once this returns
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	all.Wait()
	return first
}

// TestKill kills a process in a storm of writes, again and again: whatever it
// acknowledged is there, and of what it did not there is all or nothing.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	known := map[string]bool{}
	for round := range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), stormEnv+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			known[lines.Text()] = true
			if n == 150+round*97 {
				if err := cmd.Process.Kill(); err != nil { // SIGKILL
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		verify(t, path, known)
	}
	if len(known) < 500 {
		t.Errorf("only %d writes", len(known))
	}
}

func verify(t *testing.T, path string, known map[string]bool) {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, errA := s.List(t.Context(), store.Range{Prefix: "a/"})
	b, errB := s.List(t.Context(), store.Range{Prefix: "b/"})
	if errA != nil || errB != nil || len(a) != len(b) {
		t.Fatalf("%d and %d records, %v, %v", len(a), len(b), errA, errB)
	}
	found := map[string]bool{}
	for i := range a {
		name := strings.TrimPrefix(a[i].Key, "a/")
		if b[i].Key != "b/"+name || string(a[i].Value) != name || string(b[i].Value) != string(record) || a[i].Rev != b[i].Rev {
			t.Fatalf("half a commit: %q %q", a[i].Key, b[i].Key)
		}
		found[name] = true
	}
	for name := range known {
		if !found[name] {
			t.Errorf("%s was acknowledged and is lost", name)
		}
	}
	if ok, err := s.writer.value("PRAGMA integrity_check"); ok != "ok" || err != nil {
		t.Errorf("integrity_check: %v, %v", ok, err)
	}
}
