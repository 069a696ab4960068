package scan

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
)

// job is a blob to scan, with the first commit that has it.
type job struct {
	id      string
	order   int // of the commit
	commit  string
	path    string
	verdict *verdict
}

// scanHistory scans every distinct blob of the chosen commits once. Commits
// are read parents first, so the commit in which a blob is met is one that
// brought it. A blob whose name changes what the rules say is scanned again
// under that name.
func (s *scanner) scanHistory(ctx context.Context) error {
	commits, err := s.commits(ctx)
	if err != nil || len(commits) == 0 {
		return err
	}
	s.Progress.TotalCommits.Store(int64(len(commits)))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	jobs := make(chan []job, 2*s.Workers)
	var wg sync.WaitGroup
	for range s.Workers {
		wg.Go(func() {
			if err := s.readBlobs(ctx, jobs); err != nil {
				stop(err)
			}
		})
	}
	err = s.changes(ctx, commits, jobs)
	close(jobs)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		return err
	}
	return s.describe(ctx)
}

// commits lists the chosen commits, parents first.
func (s *scanner) commits(ctx context.Context) ([]string, error) {
	args := []string{"rev-list", "--reverse", "--topo-order"}
	if !s.Since.IsZero() {
		args = append(args, "--max-age="+strconv.FormatInt(s.Since.Unix(), 10))
	}
	if len(s.Branches) == 0 {
		args = append(args, "--all")
	}
	for _, name := range s.Branches {
		id, err := s.resolve(ctx, name)
		if err != nil {
			return nil, err
		}
		args = append(args, id)
	}
	out, err := output(s.repo.git(ctx, "", args...))
	if err != nil {
		return nil, fmt.Errorf("git rev-list: %w", err)
	}
	return strings.Fields(string(out)), nil
}

// resolve finds a branch, a remote's branch or a tag.
func (s *scanner) resolve(ctx context.Context, name string) (string, error) {
	for _, space := range []string{"refs/heads/", "refs/remotes/", "refs/tags/"} {
		out, err := s.repo.git(ctx, "", "rev-parse", "--verify", "--quiet", "--end-of-options", space+name+"^{commit}").Output()
		if id := strings.TrimSpace(string(out)); err == nil && isObject(id) {
			return id, nil
		}
	}
	return "", fmt.Errorf("there is no branch or tag %q", name)
}

// isObject reports whether s is an object's name, of SHA-1 or SHA-256.
func isObject(s string) bool {
	if len(s) != 40 && len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if !('0' <= s[i] && s[i] <= '9' || 'a' <= s[i] && s[i] <= 'f') {
			return false
		}
	}
	return true
}

// changes asks git what each commit changed and sends the blobs that are new.
func (s *scanner) changes(ctx context.Context, commits []string, jobs chan<- []job) error {
	args := []string{"diff-tree", "--stdin", "-z", "-r", "-m", "--root", "--raw", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv",
		"--ignore-submodules=all", "--always"}
	if s.repo.prefix != "" {
		args = append(args, "--relative="+s.repo.prefix)
	}
	cmd := s.repo.git(ctx, "", args...)
	cmd.Stdin = strings.NewReader(strings.Join(commits, "\n") + "\n")
	var say bytes.Buffer
	cmd.Stderr = &limited{w: &say, n: 4 << 10}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	parseErr := s.parseChanges(ctx, bufio.NewReaderSize(out, 64<<10), commits, jobs)
	if parseErr != nil {
		_, _ = io.Copy(io.Discard, out) // so that git ends
	}
	if err := cmd.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("git diff-tree: %s: %w", firstLine(say.Bytes()), err)
	}
	return parseErr
}

// batch is how many blobs a worker asks for at once: their names must fit into
// a pipe, or git and we would wait for each other.
const batch = 64

// changeReader reads git's raw format:
// https://git-scm.com/docs/git-diff-tree#_raw_output_format
type changeReader struct {
	s       *scanner
	judge   *judge
	seen    map[string]struct{} // blob and class
	commits []string
	order   int
	pending []job
	jobs    chan<- []job
}

func (s *scanner) parseChanges(ctx context.Context, r *bufio.Reader, commits []string, jobs chan<- []job) error {
	c := &changeReader{s: s, judge: newJudge(s.Rules), seen: map[string]struct{}{}, commits: commits, order: -1, jobs: jobs}
	for {
		token, err := field(r)
		switch {
		case err == io.EOF:
			return c.flush(ctx)
		case err != nil:
			return err
		case isObject(token):
			c.commit(token)
			continue
		}
		path, err := field(r)
		if err != nil {
			return fmt.Errorf("git diff-tree: a change without its path: %w", err)
		}
		if err := c.change(ctx, token, path); err != nil {
			return err
		}
	}
}

// maxPath bounds a path of git's.
const maxPath = 64 << 10

// field reads up to a NUL byte.
func field(r *bufio.Reader) (string, error) {
	var long []byte
	for {
		part, err := r.ReadSlice(0)
		switch {
		case err == nil && long == nil:
			return string(part[:len(part)-1]), nil
		case err == nil:
			return string(append(long, part[:len(part)-1]...)), nil
		case errors.Is(err, bufio.ErrBufferFull) && len(long) < maxPath:
			long = append(long, part...)
		case errors.Is(err, io.EOF) && len(part)+len(long) > 0:
			return "", io.ErrUnexpectedEOF
		default:
			return "", err
		}
	}
}

// commit moves on: a merge names its commit once for each parent.
func (c *changeReader) commit(id string) {
	if c.order >= 0 && c.commits[c.order] == id {
		return
	}
	if c.order+1 < len(c.commits) {
		c.order++
		c.s.Progress.Commits.Add(1)
	}
}

// change takes ":oldmode newmode old new status".
func (c *changeReader) change(ctx context.Context, meta, path string) error {
	f := strings.Fields(strings.TrimPrefix(meta, ":"))
	if len(f) != 5 || !strings.HasPrefix(meta, ":") || !isObject(f[3]) || c.order < 0 {
		return errors.New("git diff-tree: its answer cannot be read")
	}
	if f[1] != "100644" && f[1] != "100755" && f[1] != "100664" { // deleted, a link, a submodule
		return nil
	}
	if c.s.only != "" && path != c.s.only {
		return nil
	}
	id, commit := f[3], c.commits[c.order]
	v := c.judge.of(place{path, commit})
	if v.all {
		return nil
	}
	key := id + v.class
	if _, ok := c.seen[key]; ok {
		return nil
	}
	c.seen[key] = struct{}{}
	c.pending = append(c.pending, job{id, c.order, commit, path, v})
	if len(c.pending) == batch {
		return c.flush(ctx)
	}
	return nil
}

func (c *changeReader) flush(ctx context.Context) error {
	if len(c.pending) == 0 {
		return nil
	}
	select {
	case c.jobs <- c.pending:
		c.pending = make([]job, 0, batch)
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// limited keeps the first n bytes.
type limited struct {
	w io.Writer
	n int
}

func (l *limited) Write(p []byte) (int, error) {
	k := min(l.n, len(p))
	l.n -= k
	if _, err := l.w.Write(p[:k]); err != nil {
		return 0, err
	}
	return len(p), nil
}
