package pkcs11_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bartizan.dev/keys"
	"bartizan.dev/keys/pkcs11"
	"bartizan.dev/keys/pkcs11/frame"
	"bartizan.dev/keys/pkcs11/pkcs11test"
)

// faulty builds a module that is SoftHSM but for two functions: encrypting reads
// from address 0 once a file is there, and decrypting tells that it was called
// and never ends while another is there.
func faulty(t *testing.T) (module string, crash, hang, hangs string) {
	t.Helper()
	soft := pkcs11test.SoftHSM(t)
	cc, err := exec.LookPath("cc")
	if err != nil {
		pkcs11test.Need(t, "a C compiler")
	}
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	crash, hang, hangs = at("crash"), at("hang"), at("hangs")
	const source = `
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
typedef unsigned long (*fn)();
struct list { unsigned char version[2]; fn fn[68]; };
static struct list mine;
static fn encrypt_init, decrypt_init;
static unsigned long crashing(unsigned long s, void *m, unsigned long k) {
	if (access(CRASH, F_OK) == 0) return *(volatile unsigned long *)0;
	return encrypt_init(s, m, k);
}
static unsigned long hanging(unsigned long s, void *m, unsigned long k) {
	if (access(HANG, F_OK) == 0) { close(open(HANGS, O_CREAT | O_RDWR, 0600)); for (;;) pause(); }
	return decrypt_init(s, m, k);
}
unsigned long C_GetFunctionList(struct list **out) {
	struct list *theirs;
	void *lib = dlopen(SOFT, RTLD_NOW);
	if (!lib) return 5;
	unsigned long rv = ((fn)dlsym(lib, "C_GetFunctionList"))(&theirs);
	if (rv) return rv;
	memcpy(&mine, theirs, sizeof mine);
	encrypt_init = mine.fn[29]; mine.fn[29] = (fn)crashing;
	decrypt_init = mine.fn[33]; mine.fn[33] = (fn)hanging;
	*out = &mine;
	return 0;
}
`
	if err := os.WriteFile(at("faulty.c"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	q := func(name, value string) string { return "-D" + name + `="` + value + `"` }
	out, err := exec.Command(cc, "-shared", "-fPIC", "-w", q("SOFT", soft), q("CRASH", crash), q("HANG", hang), q("HANGS", hangs),
		"-o", at("faulty.so"), at("faulty.c"), "-ldl").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return at("faulty.so"), crash, hang, hangs
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// eventually calls fn until it succeeds.
func eventually(t *testing.T, what string, fn func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if err = fn(); err == nil {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatalf("%s: %v", what, err)
}

// TestCrash: a module that crashes takes the helper with it, calls meanwhile get
// a clear error, and the next helper goes on with the same keys.
func TestCrash(t *testing.T) {
	module, crash, hang, hangs := faulty(t)
	child, socket := pkcs11test.Start(t, module, pkcs11test.Env(t))
	c := pkcs11test.Dial(t, socket)
	serial := token(t, c, "one")
	v := vault(t, c, serial)
	ctx := t.Context()
	if err := v.Create(ctx, "k"); err != nil {
		t.Fatal(err)
	}
	before, err := v.Seal(ctx, "k", []byte("p"), nil)
	if err != nil {
		t.Fatal(err)
	}
	opens := func() error {
		got, err := v.Open(ctx, "k", before, nil)
		if err == nil && string(got) != "p" {
			t.Errorf("it opens as %q", got)
		}
		return err
	}

	first := child.PID()
	touch(t, crash)
	if _, err := v.Seal(ctx, "k", []byte("p"), nil); !errors.Is(err, keys.ErrUnavailable) || !strings.Contains(err.Error(), "helper") {
		t.Errorf("Seal in a crashing module: %v", err)
	}
	remove(t, crash)
	eventually(t, "after the crash", opens)
	if second := child.PID(); second == first || second == 0 {
		t.Errorf("helper %d after %d", second, first)
	}

	touch(t, hang)
	failed := make(chan error, 1)
	go func() {
		_, err := v.Open(ctx, "k", before, nil)
		failed <- err
	}()
	eventually(t, "the call hangs", func() error { _, err := os.Stat(hangs); return err })
	remove(t, hang)
	if err := syscall.Kill(child.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// The call is tried once more only on a connection that was idle, so it fails,
	// or the next helper was faster.
	if err := <-failed; err != nil && !errors.Is(err, keys.ErrUnavailable) {
		t.Errorf("a call whose helper is killed: %v", err)
	}
	eventually(t, "after the kill", opens)
}

// TestDeadline: a call that hangs ends with its context.
func TestDeadline(t *testing.T) {
	module, _, hang, hangs := faulty(t)
	child, socket := pkcs11test.Start(t, module, pkcs11test.Env(t))
	c := pkcs11test.Dial(t, socket)
	v := vault(t, c, token(t, c, "one"))
	if err := v.Create(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	w, err := v.Seal(t.Context(), "k", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	touch(t, hang)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := v.Open(ctx, "k", w, nil)
		failed <- err
	}()
	eventually(t, "the call hangs", func() error { _, err := os.Stat(hangs); return err })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the call ends with %v", err)
	}
	if _, err := v.Seal(t.Context(), "k", nil, nil); err != nil {
		t.Errorf("another call meanwhile: %v", err)
	}
	if err := syscall.Kill(child.PID(), syscall.SIGKILL); err != nil { // it would wait for its call
		t.Fatal(err)
	}
}

func TestNoHelper(t *testing.T) {
	c := pkcs11test.Dial(t, filepath.Join(t.TempDir(), "none"))
	if _, err := c.Tokens(t.Context()); !errors.Is(err, keys.ErrUnavailable) || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("without a helper: %v", err)
	}
	for what, test := range map[string]struct{ module, want string }{
		"no module":       {"/nowhere/module.so", "/nowhere/module.so"},
		"another library": {"libm.so.6", "not a PKCS#11 module"},
	} {
		_, err := pkcs11.Start(t.Context(), pkcs11.ChildOptions{
			Helper: pkcs11test.Helper(t), Module: test.module, Socket: filepath.Join(t.TempDir(), "s"), Log: slog.New(slog.DiscardHandler),
		})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestSocket: only the user may use the socket, and what is not the protocol ends
// the connection, not the helper.
func TestSocket(t *testing.T) {
	child, socket := pkcs11test.Start(t, pkcs11test.SoftHSM(t), pkcs11test.Env(t))
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	hello, err := frame.AppendRequest(nil, &frame.Request{Op: frame.Hello, Data: []byte{frame.Version}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(in []byte) (*frame.Answer, error) {
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(in); err != nil {
			t.Fatal(err)
		}
		body, err := frame.Read(conn, nil)
		if err != nil {
			return nil, err
		}
		return frame.ParseAnswer(body)
	}
	for what, in := range map[string]string{
		"a huge frame": "\xff\xff\xff\xff", "nothing in a frame": "\x00\x00\x00\x00",
		"no operation": "\x00\x00\x00\x01\xff", "HTTP": "GET / HTTP/1.1\r\n\r\n",
	} {
		if a, err := ask([]byte(in)); err == nil {
			t.Errorf("%s: %+v", what, a)
		} else if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stays open", what)
		}
	}
	tokens, err := frame.AppendRequest(nil, &frame.Request{Op: frame.Tokens})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := ask(tokens); err != nil || a.Status != frame.BadRequest {
		t.Errorf("no Hello: %+v, %v", a, err)
	}
	old, err := frame.AppendRequest(nil, &frame.Request{Op: frame.Hello, Data: []byte{frame.Version + 1}})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := ask(old); err != nil || a.Status != frame.BadRequest || !strings.Contains(a.Text, "version") {
		t.Errorf("another version: %+v, %v", a, err)
	}
	if a, err := ask(hello); err != nil || a.Status != frame.OK {
		t.Errorf("Hello: %+v, %v", a, err)
	}
	if child.PID() == 0 {
		t.Error("the helper died")
	}
}
