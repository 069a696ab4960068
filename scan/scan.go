// Package scan finds keys and passwords that lie in source trees and in the
// history of git repositories. It only reads, and what it reads is not trusted:
// nothing of a repository is executed, memory is bounded, and a secret leaves
// the package only when Finding.Secret is called.
//
// The rules are gitleaks' own (rules/, MIT, fetched by tools/data/update); the
// engine is ours. Most lines hold no keyword of any rule and cost one step of an
// automaton per byte; only around a keyword is a regular expression asked.
package scan

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Options says what to scan.
type Options struct {
	Path    string // a folder, a file, or a bare repository
	Rules   *Rules // nil: Default
	Known   *Known // finds to leave out; may be nil
	Tree    bool   // the files as they lie there
	History bool   // all commits, if Path lies in a repository

	IgnoredToo bool      // also files that .gitignore names
	MaxSize    int64     // bytes of a file above which it is skipped; 0: DefaultMaxSize
	Since      time.Time // only commits after it; zero: all
	Branches   []string  // only what these branches or tags hold; none: all refs
	Workers    int       // 0: one for each processor

	Progress *Progress // counted while the scan runs; may be nil
}

// DefaultMaxSize is the size above which files are skipped, with a note.
const DefaultMaxSize = 50 << 20

// Progress is what a running scan has done. It may be read at any time.
type Progress struct {
	Files, Blobs, Commits, TotalCommits, Bytes, Findings atomic.Int64
}

// Skipped counts what was not read, and why.
type Skipped struct {
	Binary     int `json:"binary"`     // holds NUL bytes, archives included
	Large      int `json:"large"`      // above MaxSize
	Symlinks   int `json:"symlinks"`   // never followed
	Unreadable int `json:"unreadable"` // not allowed, or gone while we looked
	Missing    int `json:"missing"`    // objects that a partial clone does not have
	Submodules int `json:"submodules"` // repositories of their own
}

// Result is what a scan found.
type Result struct {
	Findings                         []Finding
	Files, Blobs, Commits            int64
	Bytes                            int64
	Skipped                          Skipped
	Known, Allowed                   int  // left out: by Options.Known, by gitleaks:allow
	Repository, Shallow, HistoryRead bool // Path lies in a repository; whose history is cut off; which was read
}

// ErrNoRepository is returned for a scan of history alone where there is none.
var ErrNoRepository = errors.New("scan: no git repository")

// Run scans. It stops early, with an error, only when ctx ends or something
// fails that makes the result incomplete without Skipped saying so.
func Run(ctx context.Context, opt Options) (*Result, error) {
	s := &scanner{Options: opt, found: map[string]*Finding{}}
	if s.Rules == nil {
		rules, err := Default()
		if err != nil {
			return nil, err
		}
		s.Rules = rules
	}
	if s.MaxSize == 0 {
		s.MaxSize = DefaultMaxSize
	}
	if s.Workers == 0 {
		s.Workers = min(runtime.GOMAXPROCS(0), 16)
	}
	if s.Progress == nil {
		s.Progress = new(Progress)
	}
	if err := s.run(ctx); err != nil {
		return nil, err
	}
	return s.result(), nil
}

// scanner is one run.
type scanner struct {
	Options
	out  Result // counts; Findings is filled at the end
	repo *repository
	only string // the file that Path names, if it names one

	mu     sync.Mutex
	found  map[string]*Finding // by fingerprint
	prints map[string]string   // see fingerprint
}

func (s *scanner) run(ctx context.Context) error {
	info, err := os.Stat(s.Path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		s.only = filepath.Base(s.Path)
	}
	if s.repo, err = findRepository(ctx, s.Path, s.History || !s.IgnoredToo); err != nil {
		return err
	}
	s.out.Repository = s.repo != nil
	if s.Tree && (s.repo == nil || !s.repo.bare) {
		if err := s.scanTree(ctx); err != nil {
			return err
		}
	}
	if !s.History {
		return nil
	}
	if s.repo == nil {
		if !s.Tree || len(s.Branches) > 0 || !s.Since.IsZero() {
			return ErrNoRepository
		}
		return nil
	}
	s.out.Shallow, s.out.HistoryRead = s.repo.shallow, true
	return s.scanHistory(ctx)
}

// note counts something skipped.
func (s *scanner) note(n *int) {
	s.mu.Lock()
	*n++
	s.mu.Unlock()
}

// add keeps finds of one file. The same secret in the same file is one find:
// the place in the tree is kept, else that of the earliest commit.
func (s *scanner) add(found []Finding, allowed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Allowed += allowed
	for i := range found {
		f := &found[i]
		old := s.found[f.Fingerprint]
		if old == nil {
			s.found[f.Fingerprint] = f
			s.Progress.Findings.Add(1)
			continue
		}
		old.merge(f)
	}
}

func (s *scanner) result() *Result {
	r := &s.out
	r.Files, r.Blobs, r.Commits, r.Bytes = s.Progress.Files.Load(), s.Progress.Blobs.Load(), s.Progress.Commits.Load(), s.Progress.Bytes.Load()
	for _, f := range s.found {
		if s.Known.has(f) {
			r.Known++
			continue
		}
		r.Findings = append(r.Findings, *f)
	}
	slices.SortFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return r
}
