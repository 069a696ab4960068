package scan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// History is read by the git program. It knows every form that a repository can
// have (reftables, SHA-256, alternates, partial clones, linked worktrees), who has
// a history has git, and it reads packs faster than what there is in Go.
//
// A repository may be hostile, and git's configuration names programs to run. So
// only plumbing that needs none is called (rev-parse, rev-list, diff-tree,
// cat-file, ls-files), and what could still lead to one is shut: hooks, fsmonitor,
// pagers, external diffs, textconv, signature checks, and transports, by which a
// partial clone would fetch what it lacks. Configuration given on the command
// line and GIT_ALLOW_PROTOCOL are stronger than the repository's.

// repository is where a git repository lies.
type repository struct {
	dir     string // its .git
	top     string // its working tree, if not bare
	prefix  string // of the scanned folder in it, with a slash at its end, or ""
	bare    bool
	shallow bool
}

// errNoGit means that the git program is not there.
var errNoGit = errors.New("git is not installed: it reads histories and .gitignore; --no-history --ignored does without")

// git returns a command on the repository, or on the folder dir if r is nil.
func (r *repository) git(ctx context.Context, dir string, args ...string) *exec.Cmd {
	all := []string{"--no-pager", "--no-replace-objects", "--literal-pathspecs", "-c", "safe.directory=*", "-c", "core.fsmonitor=false",
		"-c", "core.hooksPath=" + os.DevNull, "-c", "core.attributesFile=" + os.DevNull, "-c", "protocol.allow=never",
		"-c", "log.showSignature=false", "-c", "diff.external=", "-c", "core.quotePath=false"}
	if r != nil {
		all = append(all, "--git-dir="+r.dir)
		if !r.bare {
			all = append(all, "--work-tree="+r.top)
		}
	}
	cmd := exec.CommandContext(ctx, "git", append(all, args...)...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	cmd.Env = append(cmd.Env, "GIT_ALLOW_PROTOCOL=none", "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0",
		"GIT_ATTR_NOSYSTEM=1", "GIT_NO_REPLACE_OBJECTS=1", "LC_ALL=C")
	return cmd
}

// findRepository finds the repository that path lies in; nil if there is none.
// Without need, a machine without git has no repositories.
func findRepository(ctx context.Context, path string, need bool) (*repository, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		path = filepath.Dir(path)
	}
	if _, err := exec.LookPath("git"); err != nil {
		if need && looksLikeRepository(path) {
			return nil, errNoGit
		}
		return nil, nil
	}
	var none *repository
	cmd := none.git(ctx, path, "rev-parse", "--absolute-git-dir", "--is-bare-repository", "--is-shallow-repository", "--show-prefix")
	out, err := output(cmd)
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && bytes.Contains(exit.Stderr, []byte("not a git repository")) {
			return nil, nil
		}
		return nil, fmt.Errorf("git: %w", err)
	}
	line := strings.Split(string(out), "\n") // a folder's name with a newline fails below
	if len(line) < 4 {
		return nil, errors.New("git: the repository's place cannot be read")
	}
	r := &repository{dir: line[0], bare: line[1] == "true", shallow: line[2] == "true", prefix: line[3]}
	if len(line) != 5 {
		return nil, errors.New("git: a repository in a folder whose name holds a newline is not read")
	}
	if r.bare {
		return r, nil
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	top, ok := strings.CutSuffix(filepath.ToSlash(abs)+"/", "/"+r.prefix)
	if r.prefix == "" {
		top, ok = abs, true
	}
	if !ok {
		return nil, errors.New("git: the repository's place cannot be told")
	}
	r.top = filepath.FromSlash(top)
	if inside(abs, r.dir) { // in a .git folder: its objects are what there is to scan
		r.bare = true
	}
	return r, nil
}

func inside(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// looksLikeRepository looks for a .git upwards, or for a bare repository's files.
func looksLikeRepository(path string) bool {
	if _, err := os.Stat(filepath.Join(path, "objects")); err == nil {
		if _, err := os.Stat(filepath.Join(path, "HEAD")); err == nil {
			return true
		}
	}
	abs, err := filepath.Abs(path)
	for err == nil {
		if _, err := os.Stat(filepath.Join(abs, ".git")); err == nil {
			return true
		}
		if up := filepath.Dir(abs); up != abs {
			abs = up
			continue
		}
		break
	}
	return false
}

// output runs cmd; its error carries what git said.
func output(cmd *exec.Cmd) ([]byte, error) {
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return nil, fmt.Errorf("%s: %w", firstLine(exit.Stderr), err)
	}
	return out, err
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b[:min(len(b), 500)])), "\n")
	return printable(line)
}
