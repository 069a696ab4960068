package scan

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"
)

// scanTree scans the files as they lie there. os.Root keeps every open inside
// of the tree, whatever happens to its folders while we walk.
func (s *scanner) scanTree(ctx context.Context) error {
	dir := s.Path
	if s.only != "" {
		dir = filepath.Dir(dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // opened for reading only

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	names := make(chan string, 256)
	var wg sync.WaitGroup
	for range s.Workers {
		wg.Go(func() {
			m, j := newMatcher(s.Rules), newJudge(s.Rules)
			for name := range names {
				if err := s.scanFile(ctx, root, m, j, name); err != nil {
					stop(err)
				}
			}
		})
	}
	send := func(name string) bool {
		select {
		case names <- name:
			return true
		case <-ctx.Done():
			return false
		}
	}
	switch {
	case s.only != "":
		send(s.only)
	case s.repo != nil && !s.IgnoredToo:
		err = s.listed(ctx, dir, send)
	default:
		err = s.walk(root, send)
	}
	close(names)
	wg.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// walk sends all files below root but those of .git.
func (s *scanner) walk(root *os.Root, send func(string) bool) error {
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			s.note(&s.out.Skipped.Unreadable)
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		if !send(name) {
			return fs.SkipAll
		}
		return nil
	})
}

// listed sends the files that git knows or would add: those that .gitignore
// does not name, and tracked ones even if it does.
func (s *scanner) listed(ctx context.Context, dir string, send func(string) bool) error {
	cmd := s.repo.git(ctx, dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	out, err := output(cmd)
	if err != nil {
		return err
	}
	var before []byte
	for name := range bytes.SplitSeq(out, []byte{0}) {
		if len(name) == 0 || bytes.Equal(name, before) { // a conflict lists a name up to three times
			continue
		}
		before = name
		if !send(path.Clean(string(name))) {
			return nil
		}
	}
	return nil
}

func (s *scanner) scanFile(ctx context.Context, root *os.Root, m *matcher, j *judge, name string) error {
	if ctx.Err() != nil {
		return nil
	}
	o := origin{place: place{path: filepath.ToSlash(name)}}
	v := j.of(o.place)
	if v.all {
		return nil
	}
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		if s.repo == nil || s.IgnoredToo || !os.IsNotExist(err) { // a tracked file may have been deleted
			s.note(&s.out.Skipped.Unreadable)
		}
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		s.note(&s.out.Skipped.Symlinks)
		return nil
	case info.IsDir(): // in a listing of git's: a submodule or a nested repository
		s.note(&s.out.Skipped.Submodules)
		return nil
	case !info.Mode().IsRegular():
		return nil
	case info.Size() > s.MaxSize:
		s.note(&s.out.Skipped.Large)
		return nil
	}
	f, err := root.Open(name)
	if err != nil {
		s.note(&s.out.Skipped.Unreadable)
		return nil
	}
	defer f.Close()
	s.Progress.Files.Add(1)
	if err := s.read(ctx, m, v, o, f); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.note(&s.out.Skipped.Unreadable)
	}
	return nil
}
