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
	"time"
)

// objects is a running `git cat-file --batch` or --batch-check.
type objects struct {
	in   io.WriteCloser
	out  *bufio.Reader
	wait func() error
}

func (s *scanner) objects(ctx context.Context, mode string) (*objects, error) {
	cmd := s.repo.git(ctx, "", "cat-file", mode)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &objects{in, bufio.NewReaderSize(out, 64<<10), cmd.Wait}, nil
}

func (o *objects) close() {
	o.in.Close()
	_ = o.wait() // what went wrong was told by what was read
}

func (o *objects) ask(ids []string) error {
	_, err := io.WriteString(o.in, strings.Join(ids, "\n")+"\n")
	return err
}

// header reads "id type size"; kind is "missing" for what is not there.
func (o *objects) header() (kind string, size int64, err error) {
	line, err := o.out.ReadString('\n')
	if err != nil {
		return "", 0, fmt.Errorf("git cat-file: %w", err)
	}
	f := strings.Fields(line)
	if len(f) == 2 && f[1] == "missing" {
		return f[1], 0, nil
	}
	if len(f) == 3 {
		if size, err = strconv.ParseInt(f[2], 10, 64); err == nil && size >= 0 {
			return f[1], size, nil
		}
	}
	return "", 0, errors.New("git cat-file: its answer cannot be read")
}

// readBlobs scans batches of blobs. Sizes are asked first, so that one that is
// too large is never unpacked.
func (s *scanner) readBlobs(ctx context.Context, jobs <-chan []job) error {
	sizes, err := s.objects(ctx, "--batch-check")
	if err != nil {
		return err
	}
	defer sizes.close()
	blobs, err := s.objects(ctx, "--batch")
	if err != nil {
		return err
	}
	defer blobs.close()
	m := newMatcher(s.Rules)
	for list := range jobs {
		if list, err = s.fitting(sizes, list); err == nil && len(list) > 0 {
			err = s.readBatch(ctx, m, blobs, list)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fitting leaves out what is too large or missing.
func (s *scanner) fitting(o *objects, list []job) ([]job, error) {
	if err := o.ask(ids(list)); err != nil {
		return nil, err
	}
	fit := list[:0]
	for _, j := range list {
		kind, size, err := o.header()
		switch {
		case err != nil:
			return nil, err
		case kind == "missing":
			s.note(&s.out.Skipped.Missing)
		case size > s.MaxSize:
			s.note(&s.out.Skipped.Large)
		default:
			fit = append(fit, j)
		}
	}
	return fit, nil
}

func ids(list []job) []string {
	out := make([]string, len(list))
	for i, j := range list {
		out[i] = j.id
	}
	return out
}

func (s *scanner) readBatch(ctx context.Context, m *matcher, o *objects, list []job) error {
	if err := o.ask(ids(list)); err != nil {
		return err
	}
	for _, j := range list {
		kind, size, err := o.header()
		if err != nil {
			return err
		}
		if kind == "missing" {
			s.note(&s.out.Skipped.Missing)
			continue
		}
		body := io.LimitReader(o.out, size)
		if kind == "blob" {
			s.Progress.Blobs.Add(1)
			from := origin{place{j.path, j.commit}, &Commit{ID: j.commit}, j.order}
			if err := s.read(ctx, m, j.verdict, from, body); err != nil {
				return err
			}
		}
		if _, err := io.Copy(io.Discard, body); err != nil {
			return err
		}
		if _, err := o.out.Discard(1); err != nil {
			return err
		}
	}
	return nil
}

// maxCommit bounds what is read of a commit object.
const maxCommit = 64 << 10

// describe fills in who made the commits that finds name.
func (s *scanner) describe(ctx context.Context) error {
	o, err := s.objects(ctx, "--batch")
	if err != nil {
		return err
	}
	defer o.close()
	known := map[string]Commit{}
	for _, f := range s.found {
		if f.Commit == nil {
			continue
		}
		c, ok := known[f.Commit.ID]
		if !ok {
			if c, err = o.commit(f.Commit.ID); err != nil {
				return err
			}
			known[f.Commit.ID] = c
		}
		c.Line = f.Commit.Line
		*f.Commit = c
	}
	return nil
}

func (o *objects) commit(id string) (Commit, error) {
	c := Commit{ID: id}
	if err := o.ask([]string{id}); err != nil {
		return c, err
	}
	kind, size, err := o.header()
	if err != nil || kind == "missing" {
		return c, err
	}
	text, err := io.ReadAll(io.LimitReader(o.out, min(size, maxCommit)))
	if err != nil {
		return c, err
	}
	if _, err := io.CopyN(io.Discard, o.out, size-int64(len(text))+1); err != nil {
		return c, err
	}
	c.Author, c.Email, c.Date = author(text)
	return c, nil
}

// author reads "author Name <email> seconds zone" from a commit object.
func author(commit []byte) (name, email string, date time.Time) {
	for line := range bytes.Lines(commit) {
		rest, ok := bytes.CutPrefix(line, []byte("author "))
		if !ok {
			if len(bytes.TrimSpace(line)) == 0 {
				return
			}
			continue
		}
		open, end := bytes.IndexByte(rest, '<'), bytes.LastIndexByte(rest, '>')
		if open < 0 || end < open {
			return
		}
		name, email = strings.TrimSpace(string(rest[:open])), string(rest[open+1:end])
		f := strings.Fields(string(rest[end+1:]))
		if len(f) > 0 {
			if sec, err := strconv.ParseInt(f[0], 10, 64); err == nil && sec >= 0 && sec < 1<<38 {
				date = time.Unix(sec, 0).UTC()
			}
		}
		return
	}
	return
}
