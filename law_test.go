package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The law of imports: which room may know which. A room is the first element of
// an import path; deeper entries overrule it. Every room must be listed, so a
// new one is a decision.
var law = map[string][]string{
	".":            {"cli"},
	"cli":          {"server", "defence", "policy", "arn", "sigv4", "plane", "keys/memory", "scan", "logs", "intel", "report", "stream", "store", "detect"},
	"arn":          {},
	"caller":       {"arn"},
	"wire":         {},
	"policy":       {"arn", "policy"},
	"sigv4":        {},
	"pattern":      {},
	"saml":         {},
	"intel":        {},
	"logs":         {"logs"},
	"detect":       {"logs", "intel", "policy", "arn"},
	"report":       {"detect", "logs", "intel", "sarif"},
	"sarif":        {},
	"pki":          {},
	"stream":       {"stream"},
	"stream/node":  {"stream", "detect", "logs", "intel", "store"},
	"stream/send":  {"stream", "logs"},
	"oidc":         {},
	"defence":      {},
	"scan":         {"caller", "sarif"},
	"keys":         {"keys"},
	"hsm":          {"keys"},
	"store":        {"keys", "store"},
	"trail":        {"trail", "store/postgres"},
	"bus":          {},
	"work":         {"store"},
	"api":          {"wire"},
	"service":      {"api", "detect", "intel", "logs", "pattern", "store", "keys", "trail", "bus", "work", "arn", "caller", "wire", "policy", "sigv4", "saml", "oidc", "pki"},
	"plane":        {"arn", "caller", "wire", "policy", "sigv4", "saml", "oidc", "trail", "bus"},
	"gateway":      {"wire", "policy", "sigv4", "caller", "arn", "trail", "bus"},
	"server":       {"*"},
	"tools":        {"wire", "policy", "service"},
	"test":         {"*"},
	"script":       {"*"},
	"bench":        {"*"},
	"examples":     {},
	"bartizantest": {"server", "sigv4", "wire", "api", "caller"},
}

func TestLawOfImports(t *testing.T) {
	fset := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() && path != "." {
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return filepath.SkipDir // a module of its own, with rules of its own
			}
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range f.Imports {
			to, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), "bartizan.dev/")
			if ours && !allowed(filepath.ToSlash(filepath.Dir(path)), to) {
				t.Errorf("%s imports %s, which the law forbids", path, to)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func allowed(from, to string) bool {
	room, _, _ := strings.Cut(from, "/")
	target, rest, _ := strings.Cut(to, "/")
	if room == "service" && target == "service" { // never another service
		own, _, _ := strings.Cut(strings.TrimPrefix(from, "service/"), "/")
		other, _, _ := strings.Cut(rest, "/")
		return own == other
	}
	rooms, known := law[from]
	if !known {
		rooms, known = law[room]
	}
	if !known {
		return false
	}
	for _, r := range rooms {
		if r == "*" || r == target || r == to {
			return true
		}
	}
	return room == target && from != to && (room == "keys" || room == "store" || room == "trail")
}
