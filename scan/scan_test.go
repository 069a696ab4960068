package scan

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"bartizan.dev/caller"
)

// Secrets are made here, so that no scanner finds any in this file.
func awsKey(t *testing.T, account string) string {
	t.Helper()
	for {
		key, err := caller.NewAccessKey("AKIA", account)
		if err != nil {
			t.Fatal(err)
		}
		if entropy([]byte(key)) > 3.2 && key[4] != 'I' && key[4] != 'J' {
			return key
		}
	}
}

func pat(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	b := []byte("gh" + "p_")
	for range 36 {
		b = append(b, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[r.IntN(62)])
	}
	return string(b)
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func run(t *testing.T, opt Options) *Result {
	t.Helper()
	r, err := Run(context.Background(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// want checks that secrets were found at places, as "file:line secret".
func want(t *testing.T, r *Result, places ...string) {
	t.Helper()
	got := map[string]bool{}
	for i := range r.Findings {
		f := &r.Findings[i]
		got[fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Secret())] = true
	}
	for _, p := range places {
		if !got[p] {
			t.Errorf("not found: %q", p)
		}
	}
	if len(r.Findings) != len(places) {
		t.Errorf("found %d, want %d: %v", len(r.Findings), len(places), got)
	}
}

func inUTF16(order binary.AppendByteOrder, text string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return string(b)
}

func TestTree(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	key, token := awsKey(t, "123456789012"), pat(1)
	line := "first\r\nkey = \"" + token + "\"\r\n"
	wide := strings.Repeat("ö𝄞 words\n", 3000) + "token: " + token + "\n"
	write(t, dir, map[string]string{
		"a/config.py":        "# nothing\naws = '" + key + "'\n",
		"crlf.txt":           line,
		"le.txt":             "\xff\xfe" + inUTF16(binary.LittleEndian, line),
		"be.txt":             "\xfe\xff" + inUTF16(binary.BigEndian, line),
		"bare-le.txt":        inUTF16(binary.LittleEndian, line),
		"wide.txt":           "\xff\xfe" + inUTF16(binary.LittleEndian, wide),
		"binary.bin":         "\x00\x01" + token,
		"binary.dat":         "\x00\x01" + token,
		"allowed.txt":        token + " # gitleaks:allow\n",
		"node_modules/x.js":  token,
		"new\nline\x1b[2J":   token,
		"key.p12":            "\x30\x82\x00\x00",
		"same.txt":           token + "\n" + token + "\n",
		"example.txt":        "AK" + "IAIOSFODNN7EXAMPLE",
		"large.txt":          token + strings.Repeat(" ", 2<<20),
		"shell.sh":           "TOKEN=$TOKEN\npassword=${PASSWORD}\n",
		".git/config":        token,
		"sub/dir/deeper.txt": "\n\n" + key,
	})
	write(t, outside, map[string]string{"s": token})
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "s"), filepath.Join(dir, "file-link")); err != nil {
		t.Fatal(err)
	}
	r := run(t, Options{Path: dir, Tree: true, IgnoredToo: true, MaxSize: 1 << 20})
	want(t, r, "a/config.py:2 "+key, "crlf.txt:2 "+token, "le.txt:2 "+token, "be.txt:2 "+token, "bare-le.txt:2 "+token, "wide.txt:3001 "+token,
		"new\nline\x1b[2J:1 "+token, "key.p12:0 ", "same.txt:1 "+token, "sub/dir/deeper.txt:3 "+key)
	if r.Skipped.Binary != 2 || r.Skipped.Symlinks != 2 || r.Skipped.Large != 1 || r.Allowed != 1 {
		t.Errorf("skipped %+v, allowed %d", r.Skipped, r.Allowed)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Secret() == key && f.Account != "123456789012" {
			t.Errorf("the key's account is %q", f.Account)
		}
		if s := f.Secret(); s != "" && (strings.Contains(f.Redacted(), s) || len(f.Redacted()) > len(s)/2) {
			t.Errorf("redacted to %q", f.Redacted())
		}
		if f.File == "same.txt" && f.Times != 2 {
			t.Errorf("same.txt: seen %d times", f.Times)
		}
	}
	one := run(t, Options{Path: filepath.Join(dir, "crlf.txt"), Tree: true})
	want(t, one, "crlf.txt:2 "+token)
}

// TestChunks puts secrets where chunks meet.
func TestChunks(t *testing.T) {
	rules, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, gap := range []int{0, chunkSize - 20, chunkSize, chunkSize + overlap, chunkSize + overlap + lookBack - 20, 3*chunkSize - 7} {
		token := pat(uint64(gap))
		s := &scanner{Options: Options{Rules: rules, Progress: new(Progress)}, found: map[string]*Finding{}}
		text := io.MultiReader(io.LimitReader(filler{}, int64(gap)), strings.NewReader("\n"+token+"\n"), io.LimitReader(filler{}, 2*chunkSize))
		p := place{path: "f"}
		if err := s.read(context.Background(), newMatcher(rules), newJudge(rules).of(p), origin{place: p}, text); err != nil {
			t.Fatal(err)
		}
		r := s.result()
		want(t, r, fmt.Sprintf("f:%d %s", gap/64+2, token))
		if len(r.Findings) == 1 && r.Findings[0].Times != 1 {
			t.Errorf("at %d: counted %d times", gap, r.Findings[0].Times)
		}
		if got, all := r.Bytes, int64(gap+2+len(token)+2*chunkSize); got != all {
			t.Errorf("at %d: %d bytes read of %d", gap, got, all)
		}
	}
}

// filler is text without end, in lines of 64 bytes.
type filler struct{}

func (filler) Read(p []byte) (int, error) {
	n := len(p) &^ 63
	if n == 0 {
		for i := range p { // a short tail keeps the lines in step only once, at the end
			p[i] = '.'
		}
		return len(p), nil
	}
	for i := 0; i < n; i += 64 {
		copy(p[i:], "nothing to see here, only words and more words, on and on ......")
		p[i+63] = '\n'
	}
	return n, nil
}

// TestMemory reads 200 MB and holds on to none of it.
func TestMemory(t *testing.T) {
	rules, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	s := &scanner{Options: Options{Rules: rules, Progress: new(Progress)}, found: map[string]*Finding{}}
	p := place{path: "generated.txt"}
	m, v := newMatcher(rules), newJudge(rules).of(p)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := s.read(context.Background(), m, v, origin{place: p}, io.LimitReader(filler{}, 200<<20)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d bytes allocated for a file of 200 MB", n)
	}
	if got := s.Progress.Bytes.Load(); got != 200<<20 {
		t.Errorf("%d bytes read", got)
	}
}

// TestHostileText bounds what text that is made to be slow costs: a budget is
// spent, then the expression is asked once.
func TestHostileText(t *testing.T) {
	rules, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	m := newMatcher(rules)
	for _, unit := range []string{"ey", "curl -", "key=", "-----BEGIN PRIVATE KEY-----", "secret", "xapp-1-A-1-a", "kind: secret "} {
		data := bytes.Repeat([]byte(unit), (24<<10)/len(unit))
		p := place{path: "f.txt"}
		m.match(newJudge(rules).of(p), p, chunk{data: data, own: window{0, len(data)}, line: 1})
		for i, n := range m.spent {
			if n != 0 {
				t.Fatalf("rule %d keeps a debt of %d", i, n)
			}
		}
	}
}
