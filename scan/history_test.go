package scan

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// repo is a repository that a test makes.
type repo struct {
	t   *testing.T
	dir string
	day int
}

func newRepo(t *testing.T) *repo {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		const message = "HISTORY IS NOT TESTED: git is missing"
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	r := &repo{t: t, dir: t.TempDir()}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Ann \x1b[31mRed", "-c", "user.email=ann@example.com", "-c", "protocol.file.allow=always"}, args...)...)
	cmd.Dir = r.dir
	date := time.Date(2026, 1, 1+r.day, 12, 0, 0, 0, time.UTC).Format(time.RFC3339)
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date, "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %q: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files (an empty text deletes) and returns the commit.
func (r *repo) commit(files map[string]string) string {
	r.t.Helper()
	for name, text := range files {
		if text == "" {
			if err := os.Remove(filepath.Join(r.dir, name)); err != nil {
				r.t.Fatal(err)
			}
			continue
		}
		write(r.t, r.dir, map[string]string{name: text})
	}
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "change")
	r.day++
	return r.git("rev-parse", "HEAD")
}

func find(t *testing.T, r *Result, secret string) *Finding {
	t.Helper()
	for i := range r.Findings {
		if r.Findings[i].Secret() == secret {
			return &r.Findings[i]
		}
	}
	t.Fatalf("the secret in question was not found among %d", len(r.Findings))
	return nil
}

func TestHistory(t *testing.T) {
	r := newRepo(t)
	deleted, merged, renamed, moved, side, staged := pat(1), pat(2), pat(3), pat(4), pat(5), pat(6)
	r.commit(map[string]string{"README": "hello\n"})
	first := r.commit(map[string]string{"gone.env": "A=1\nTOKEN=" + deleted + "\n"})
	r.commit(map[string]string{"gone.env": "A=2\nB=3\nTOKEN=" + deleted + "\n", "old.txt": "x\n" + renamed + "\n"})
	r.commit(map[string]string{"gone.env": ""})
	r.git("mv", "old.txt", "new.txt")
	r.commit(map[string]string{"testdata": "y"})
	// The same text where a rule allows everything, then where it does not.
	r.commit(map[string]string{"node_modules/lib.js": "z " + moved + "\n"})
	out := r.commit(map[string]string{"node_modules/lib.js": "", "lib.js": "z " + moved + "\n"})
	r.git("checkout", "-q", "-b", "side")
	onSide := r.commit(map[string]string{"side.txt": side + "\n"})
	r.git("checkout", "-q", "main")
	r.commit(map[string]string{"main.txt": "main\n"})
	r.git("merge", "-q", "--no-ff", "--no-commit", "side")
	evil := r.commit(map[string]string{"merge.txt": "in no parent\n" + merged + "\n"}) // brought by the merge itself
	r.git("repack", "-q", "-a", "-d", "-f")
	r.git("prune-packed")
	write(t, r.dir, map[string]string{"untracked.txt": staged, ".gitignore": "ignored.txt\n", "ignored.txt": pat(7)})

	all := run(t, Options{Path: r.dir, Tree: true, History: true})
	want(t, all, "gone.env:2 "+deleted, "old.txt:2 "+renamed, "new.txt:2 "+renamed, "lib.js:1 "+moved, "side.txt:1 "+side, "merge.txt:2 "+merged, "untracked.txt:1 "+staged)
	f := find(t, all, deleted)
	if f.InTree || f.Commit == nil || f.Commit.ID != first || f.Commit.Line != 2 || f.Commit.Email != "ann@example.com" ||
		f.Commit.Date.Format(time.DateOnly) != "2026-01-02" || f.Times != 2 {
		t.Errorf("the deleted one: %+v, %+v", f, f.Commit)
	}
	for secret, id := range map[string]string{merged: evil, side: onSide, moved: out} {
		if f := find(t, all, secret); !f.InTree || f.Commit == nil || f.Commit.ID != id {
			t.Errorf("in tree %v, commit %+v, want %s", f.InTree, f.Commit, id)
		}
	}
	if f := find(t, all, staged); f.Commit != nil {
		t.Errorf("an untracked file has the commit %+v", f.Commit)
	}
	ignored := run(t, Options{Path: r.dir, Tree: true, IgnoredToo: true})
	find(t, ignored, pat(7))

	branch := run(t, Options{Path: r.dir, History: true, Branches: []string{"side"}, Since: time.Date(2026, 1, 7, 0, 0, 0, 0, time.UTC)})
	want(t, branch, "side.txt:1 "+side, "lib.js:1 "+moved)
	if _, err := Run(context.Background(), Options{Path: r.dir, History: true, Branches: []string{"--all"}}); err == nil {
		t.Error("a flag passed for a branch")
	}

	bare := &repo{t: t, dir: filepath.Join(t.TempDir(), "bare.git")}
	r.git("clone", "-q", "--bare", r.dir, bare.dir)
	if n := len(run(t, Options{Path: bare.dir, Tree: true, History: true}).Findings); n != 5 {
		t.Errorf("the bare clone has %d, want 5", n)
	}
	shallow := filepath.Join(t.TempDir(), "shallow")
	r.git("clone", "-q", "--depth", "1", "file://"+r.dir, shallow)
	short := run(t, Options{Path: shallow, History: true})
	want(t, short, "new.txt:2 "+renamed, "lib.js:1 "+moved, "side.txt:1 "+side, "merge.txt:2 "+merged)
	if !short.Shallow {
		t.Error("the shallow clone is not told")
	}
}

func TestHistoryOfFolder(t *testing.T) {
	r := newRepo(t)
	in, beside := pat(1), pat(2)
	r.commit(map[string]string{"sub/a/x.txt": in, "beside.txt": beside})
	r.commit(map[string]string{"sub/a/x.txt": "gone\n", "sub/b.txt": "b"})
	want(t, run(t, Options{Path: filepath.Join(r.dir, "sub"), Tree: true, History: true}), "a/x.txt:1 "+in)
	want(t, run(t, Options{Path: filepath.Join(r.dir, "sub", "a", "x.txt"), Tree: true, History: true}), "x.txt:1 "+in)
	want(t, run(t, Options{Path: filepath.Join(r.dir, ".git"), Tree: true, History: true}), "sub/a/x.txt:1 "+in, "beside.txt:1 "+beside)
	if _, err := Run(context.Background(), Options{Path: t.TempDir(), History: true}); !errors.Is(err, ErrNoRepository) {
		t.Errorf("no repository: %v", err)
	}
	empty := newRepo(t)
	want(t, run(t, Options{Path: empty.dir, Tree: true, History: true}))
}

// TestNothingIsExecuted scans a repository whose configuration names programs
// wherever git takes one.
func TestNothingIsExecuted(t *testing.T) {
	r := newRepo(t)
	secret := pat(1)
	mark := filepath.Join(t.TempDir(), "executed")
	r.commit(map[string]string{".gitattributes": "* diff=evil filter=evil\n", "a.txt": secret + "\n"})
	script := filepath.Join(r.dir, ".git", "evil")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho $0 $* >>'"+mark+"'\ncat\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, hook := range []string{"post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"} {
		if err := os.Symlink(script, filepath.Join(r.dir, ".git", "hooks", hook)); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"core.fsmonitor", "core.pager", "core.sshCommand", "core.gitProxy", "core.askPass", "core.editor", "core.alternateRefsCommand",
		"diff.external", "diff.evil.textconv", "diff.evil.command", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "gpg.program",
		"pager.rev-list", "pager.diff-tree", "pager.cat-file", "pager.ls-files", "credential.helper", "uploadpack.packObjectsHook"} {
		r.git("config", key, script)
	}
	for _, kv := range [][2]string{{"log.showSignature", "true"}, {"alias.rev-list", "!" + script}, {"protocol.ext.allow", "always"}, {"protocol.allow", "always"},
		{"extensions.partialClone", "origin"}, {"remote.origin.promisor", "true"}, {"remote.origin.url", "ext::" + script + " x"}, {"core.hooksPath", ".git/hooks"}} {
		r.git("config", kv[0], kv[1])
	}
	// A missing object makes git fetch it from the promisor, by a program.
	blob := strings.TrimSpace(r.git("-c", "core.fsmonitor=false", "rev-parse", "HEAD:a.txt"))
	r.git("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "extensions.partialClone=", "cat-file", "-e", blob)
	if err := os.Remove(filepath.Join(r.dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(mark); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	got := run(t, Options{Path: r.dir, Tree: true, History: true})
	want(t, got, "a.txt:1 "+secret)
	if got.Skipped.Missing != 1 {
		t.Errorf("%d objects are missing, want 1", got.Skipped.Missing)
	}
	if text, err := os.ReadFile(mark); err == nil {
		t.Errorf("executed: %s", text)
	}
}

func FuzzChanges(f *testing.F) {
	id := strings.Repeat("a", 40)
	f.Add(id + "\x00:100644 100644 " + id + " " + id + " M\x00path\x00")
	f.Add(id + "\x00:100644 100644 " + id + " " + id + " M\x00")
	f.Add(":\x00\x00\x00")
	rules, err := Default()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := &scanner{Options: Options{Rules: rules, Progress: new(Progress)}}
		jobs := make(chan []job, 1<<10)
		if err := s.parseChanges(t.Context(), bufio.NewReader(strings.NewReader(text)), []string{id}, jobs); err != nil {
			return
		}
		close(jobs)
		for list := range jobs {
			for _, j := range list {
				if !isObject(j.id) || j.commit != id {
					t.Errorf("job %+v", j)
				}
			}
		}
	})
}

func FuzzAuthor(f *testing.F) {
	f.Add([]byte("tree x\nauthor Ann <ann@example.com> 1767268800 +0100\n\nauthor No <n@x> 1 +0000\n"))
	f.Add([]byte("author <<>> -5\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		name, email, date := author(text)
		if strings.Contains(name+email, "\n") || date.Year() > 20000 {
			t.Errorf("%q %q %v", name, email, date)
		}
	})
}
