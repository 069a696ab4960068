package soft

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bartizan.dev/keys"
	"bartizan.dev/keys/keystest"
)

func must(t *testing.T) func(c *Custodian, err error) *Custodian {
	return func(c *Custodian, err error) *Custodian {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}

func TestMemory(t *testing.T) {
	keystest.Run(t, func(t *testing.T) keys.Custodian { return must(t)(Memory(), nil) }, nil, true)
}

// kept runs the suite for a kind that keeps its key at a path.
func kept(t *testing.T, rotates bool, open func(path string) (*Custodian, error), prepare func(path string)) {
	var path string
	keystest.Run(t, func(t *testing.T) keys.Custodian {
		path = filepath.Join(t.TempDir(), "sub", "root.key")
		prepare(path)
		return must(t)(open(path))
	}, func(t *testing.T) keys.Custodian { return must(t)(open(path)) }, rotates)
}

func TestFile(t *testing.T) { kept(t, true, Open, func(string) {}) }

func TestCredential(t *testing.T) {
	kept(t, false, OpenCredential, func(path string) {
		write(t, path, string(bytes.Repeat([]byte(path[len(path)-20:]), 9)[:32]), 0o440)
	})
}

var phrase = []byte("correct horse battery")

func openPhrase(path string) (*Custodian, error) { return OpenPassphrase(path, phrase) }

func TestPassphrase(t *testing.T) {
	cheap(t)
	kept(t, true, openPhrase, func(string) {})
}

// cheap makes the tests of the race detector bearable.
func cheap(t *testing.T) {
	old := cost
	cost = argonCost{time: 1, memory: 8 << 10, threads: 1}
	t.Cleanup(func() { cost = old })
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	must(t)(Open(path))
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o620, 0o602, 0o610} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		must(t)(Open(path))
	}
	c := must(t)(Open(path))
	if err := c.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("after Rotate: %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a directory is taken for a key file")
	}
}

// TestCredentialForms: a key file as a credential, with all its versions, and
// what is not one.
func TestCredentialForms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	c := must(t)(Open(path))
	first, err := c.Wrap(t.Context(), "p", []byte("s"))
	if err != nil || c.Rotate(t.Context()) != nil {
		t.Fatal(err)
	}
	credential := must(t)(OpenCredential(path))
	if got, err := credential.Unwrap(t.Context(), "p", first); err != nil || string(got) != "s" {
		t.Errorf("Unwrap: %q, %v", got, err)
	}
	if err := credential.Rotate(t.Context()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Rotate: %v", err)
	}
	write(t, path, strings.Repeat("x", 31), 0o400)
	if _, err := OpenCredential(path); err == nil {
		t.Error("31 bytes are taken for a key")
	}
	write(t, path, strings.Repeat("x", 32), 0o444)
	if _, err := OpenCredential(path); err == nil {
		t.Error("a credential that everybody may read is taken")
	}
	if _, err := OpenCredential(path + ".not-there"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no credential: %v", err)
	}
}

func TestWrongPassphrase(t *testing.T) {
	cheap(t)
	path := filepath.Join(t.TempDir(), "root.key")
	must(t)(openPhrase(path))
	before := read(t, path)
	if _, err := OpenPassphrase(path, []byte("correct horse batterx")); !errors.Is(err, ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
	if _, err := OpenPassphrase(filepath.Join(t.TempDir(), "new"), []byte("short")); err == nil {
		t.Error("a passphrase of five letters is taken")
	}
	if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "passphrase") {
		t.Errorf("opened without its passphrase: %v", err)
	}
	if strings.Contains(before, string(phrase)) || read(t, path) != before {
		t.Error("the file has changed or holds the passphrase")
	}
	plainPath := filepath.Join(t.TempDir(), "plain.key")
	must(t)(Open(plainPath))
	if _, err := openPhrase(plainPath); err == nil || !strings.Contains(err.Error(), "no passphrase") {
		t.Errorf("a plain file with a passphrase: %v", err)
	}
}

// TestPassphraseCost: a new file is made at the full cost, and keeps it.
func TestPassphraseCost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	must(t)(openPhrase(path))
	if !strings.Contains(read(t, path), "\nargon2id 3 65536 4 ") {
		t.Errorf("the file says:\n%s", read(t, path))
	}
}

// TestDamaged: every damaged file is refused and none is replaced.
func TestDamaged(t *testing.T) {
	cheap(t)
	dir := t.TempDir()
	for name, open := range map[string]func(string) (*Custodian, error){"plain": Open, "sealed": openPhrase} {
		path := filepath.Join(dir, name)
		must(t)(open(path))
		good := read(t, path)
		line := good[strings.Index(good, "\nkey 1 ")+1:]
		for what, text := range map[string]string{
			"empty":           "",
			"comment only":    "# hello\n",
			"no key":          strings.TrimSuffix(good, line),
			"cut":             good[:len(good)-5],
			"same key twice":  good + line,
			"version 0":       strings.Replace(good, "key 1 ", "key 0 ", 1),
			"version 2^32":    strings.Replace(good, "key 1 ", "key 4294967297 ", 1),
			"a further word":  strings.TrimSpace(good) + " x\n",
			"a further line":  good + "what\n",
			"short key":       strings.TrimSuffix(good, line) + "key 1 AAAA\n",
			"huge memory":     strings.Replace(strings.Replace(good, " 8192 ", " 999999999 ", 1), fileMagic, "x", 1),
			"no salt":         strings.Replace(strings.Replace(good, "argon2id 1 8192 1 ", "argon2id 1 8192 1 AAAA\n#", 1), fileMagic, "x", 1),
			"too large":       good + strings.Repeat("#\n", maxFile),
			"not text at all": "\x00\x01\x02",
		} {
			write(t, path, text, 0o600)
			if c, err := open(path); err == nil {
				t.Errorf("%s: %s: opened as %s", name, what, c.Describe())
			} else if strings.Contains(err.Error(), strings.Fields(line)[2]) {
				t.Errorf("%s: %s: the error tells the key", name, what)
			}
			if read(t, path) != text {
				t.Errorf("%s: %s: the file was replaced", name, what)
			}
		}
	}
}

// TestManyProcesses: several first starts at once agree on one key, and
// rotations lose none.
func TestManyProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	var all sync.WaitGroup
	wrapped := make([][]byte, 8)
	for i := range wrapped {
		all.Go(func() {
			c, err := Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			if i%2 == 0 {
				err = c.Rotate(t.Context())
			}
			w, err2 := c.Wrap(t.Context(), "p", []byte{byte(i)})
			if wrapped[i] = w; err != nil || err2 != nil {
				t.Error(err, err2)
			}
		})
	}
	all.Wait()
	c := must(t)(Open(path))
	for i, w := range wrapped {
		if got, err := c.Unwrap(t.Context(), "p", w); err != nil || !bytes.Equal(got, []byte{byte(i)}) {
			t.Errorf("Unwrap of %d: %x, %v", i, got, err)
		}
	}
	if !strings.HasSuffix(c.Describe(), "version 5") {
		t.Error(c.Describe())
	}
}

// TestNoSecrets: nothing a person is shown holds a key.
func TestNoSecrets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	c := must(t)(Open(path))
	text := read(t, path)
	secret := strings.Fields(text[strings.Index(text, "\nkey 1 "):])[2]
	if s := c.Describe(); strings.Contains(s, secret) || !strings.Contains(s, path) {
		t.Error(s)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(fileNote + fileMagic + "\nkey 1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"))
	f.Add([]byte(passphraseMagic + "\nargon2id 3 65536 4 AAAAAAAAAAAAAAAAAAAAAA==\nkey 1 AAAA"))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, err := plain{}.decode(lines(data))
		if (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
		if err != nil {
			return
		}
		text, err := plain{}.encode(keys)
		if err != nil {
			t.Fatal(err)
		}
		again, err := plain{}.decode(lines([]byte(text)))
		same := func(a, b rootKey) bool { return a.version == b.version && bytes.Equal(a.secret, b.secret) }
		if err != nil || !slices.EqualFunc(again, keys, same) {
			t.Errorf("read back: %v", err)
		}
	})
}

func BenchmarkUnwrap(b *testing.B) {
	c := Memory()
	w, err := c.Wrap(b.Context(), "p", make([]byte, 32))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Unwrap(b.Context(), "p", w); err != nil {
			b.Fatal(err)
		}
	}
}
