package server

import (
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"testing"
)

func TestDataDirectoryIsOurs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Data: dir, Store: "memory", Dev: true}); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("a directory that others can write to: %v", err)
	}
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Data: dir, Store: "memory", Dev: true}); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("a directory of another user: %v", err)
	}
}

func TestOneServerToADirectory(t *testing.T) {
	s := openDev(t)
	if _, err := Open(t.Context(), Options{Data: s.opt.Data, Store: "memory", Dev: true}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a second server: %v", err)
	}
}

// Nothing of an API key's secret stands in the files of a data directory in
// clear but in the credentials file.
func TestSecretsAreSealedAtRest(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Data: dir, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(s.CredentialsFile())
	if err != nil {
		t.Fatal(err)
	}
	_, secret, ok := strings.Cut(strings.TrimSpace(string(text)), secretLine)
	if !ok || len(secret) != 40 {
		t.Fatalf("no secret in %q", text)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || path == filepath.Join(dir, "credentials") {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(content), secret) {
			t.Errorf("%s holds the secret in clear", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCloseEndsSubscribers: nothing of a closed server waits for events.
func TestCloseEndsSubscribers(t *testing.T) {
	before := subscribers(t)
	s, err := Open(t.Context(), Options{Data: t.TempDir(), Store: "memory", Dev: true, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if subscribers(t) == before {
		t.Error("nobody has subscribed: the test sees nothing")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := subscribers(t); n > before {
		t.Errorf("%d subscribers are left, %d were there before", n, before)
	}
}

// subscribers counts the goroutines that wait on a bus.
func subscribers(t *testing.T) int {
	t.Helper()
	var b strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		t.Fatal(err)
	}
	return strings.Count(b.String(), "bus.Subscribe[")
}
