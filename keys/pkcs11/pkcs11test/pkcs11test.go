// Package pkcs11test runs the HSM helper over SoftHSM in tests.
package pkcs11test

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"bartizan.dev/keys/pkcs11"
)

// Modules are where SoftHSM's library is on Debian and Fedora.
var Modules = []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"}

// Need skips the test loudly when something is missing on a user's machine, and
// fails it in CI.
func Need(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing: %s", what)
	}
	t.Skipf("SKIPPED, missing: %s", what)
}

// SoftHSM returns the path of SoftHSM's library.
func SoftHSM(t testing.TB) string {
	t.Helper()
	for _, path := range Modules {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	Need(t, "SoftHSM: run scripts/setup hsm")
	return ""
}

// Env returns an environment in which SoftHSM keeps its tokens in a directory of
// the test's own.
func Env(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	text := fmt.Sprintf("directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n", dir)
	if err := os.Mkdir(filepath.Join(dir, "tokens"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "SOFTHSM2_CONF="+conf)
}

var helper = sync.OnceValues(func() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..")
	dir, err := os.MkdirTemp("", "bartizan-hsm-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "bartizan-hsm")
	build := exec.Command("go", "build", "-o", path, "./hsm")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the helper: %w\n%s", err, out)
	}
	return path, nil
})

// Helper builds the helper, once for each test process, and returns its path.
// What Main wraps removes it in the end.
func Helper(t testing.TB) string {
	t.Helper()
	path, err := helper()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Main runs the tests of a package that uses Helper and cleans up after them:
//
//	func TestMain(m *testing.M) { os.Exit(pkcs11test.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	if path, err := helper(); err == nil {
		if err := os.RemoveAll(filepath.Dir(path)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	return code
}

// Start runs a helper over a module until the test ends, and returns it and its
// socket.
func Start(t testing.TB, module string, env []string) (*pkcs11.Child, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "hsm") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	socket := filepath.Join(dir, "s")
	c, err := pkcs11.Start(t.Context(), pkcs11.ChildOptions{
		Helper: Helper(t), Module: module, Socket: socket, Env: env, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, socket
}

// Open runs a helper over SoftHSM without tokens and returns a client of it.
func Open(t testing.TB) *pkcs11.Client {
	t.Helper()
	_, socket := Start(t, SoftHSM(t), Env(t))
	return Dial(t, socket)
}

// Dial returns a client that ends with the test.
func Dial(t testing.TB, socket string) *pkcs11.Client {
	t.Helper()
	c := pkcs11.Dial(socket)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}
