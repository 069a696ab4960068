package main

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sources are the Go files under version control or about to be, without the
// generated ones.
func sources(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.go").Output()
	if err != nil {
		t.Skip("not a git checkout:", err)
	}
	var files []string
	for f := range strings.Lines(string(out)) {
		f = strings.TrimSpace(f)
		if _, err := os.Stat(f); err == nil && !strings.HasPrefix(f, "api/") {
			files = append(files, f)
		}
	}
	return files
}

// TestFileSizes: a file does one thing; 800 lines are too many for one.
func TestFileSizes(t *testing.T) {
	for _, path := range sources(t) {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for sc := bufio.NewScanner(f); sc.Scan(); {
			n++
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if n > 800 {
			t.Errorf("%s has %d lines", path, n)
		}
	}
}

// TestPackageDocs: every package says what it is, in exactly one place.
func TestPackageDocs(t *testing.T) {
	docs := map[string]int{}
	for _, path := range sources(t) {
		dir := filepath.Dir(path)
		if _, ok := docs[dir]; !ok {
			docs[dir] = 0
		}
		if strings.HasSuffix(path, "_test.go") && !onlyTests(dir) {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if f.Doc != nil && documented(f.Doc) {
			docs[dir]++
		}
	}
	for dir, n := range docs {
		if n != 1 && !onlyTests(dir) {
			t.Errorf("%s: %d package comments, want 1", dir, n)
		}
	}
}

func documented(doc *ast.CommentGroup) bool { return len(strings.TrimSpace(doc.Text())) > 20 }

func onlyTests(dir string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return false
	}
	for _, f := range files {
		if !strings.HasSuffix(f, "_test.go") {
			return false
		}
	}
	return true
}

// TestServiceReadmes: every service has a README with the sections a user looks
// for.
func TestServiceReadmes(t *testing.T) {
	dirs, err := filepath.Glob("service/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		text, err := os.ReadFile(filepath.Join(dir, "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, section := range []string{"# ", "## What is real", "## What differs", "## Operations"} {
			if !strings.Contains(string(text), section) {
				t.Errorf("%s/README.md has no section %q", dir, section)
			}
		}
	}
}

// TestDivergencesAreNumbered: each number stands there once, so that code and
// notes can cite it; numbers of differences that are gone stay unused.
func TestDivergencesAreNumbered(t *testing.T) {
	text, err := os.ReadFile("DIVERGENCES.md")
	if err != nil {
		t.Fatal(err)
	}
	item := regexp.MustCompile(`(?m)^(\d+)\. `)
	seen := map[string]bool{}
	for _, m := range item.FindAllStringSubmatch(string(text), -1) {
		if seen[m[1]] {
			t.Errorf("DIVERGENCES.md: number %s stands there twice", m[1])
		}
		seen[m[1]] = true
	}
	if len(seen) == 0 {
		t.Error("DIVERGENCES.md has no items")
	}
}

// TestLinks: what the documents link to is there.
func TestLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, doc := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "DIVERGENCES.md", "deps.md"} {
		text, err := os.ReadFile(doc)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s links to %s: %v", doc, m[1], err)
			}
		}
	}
}
