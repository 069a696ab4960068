// Command gen writes api/ from AWS's service models as the botocore package
// publishes them.
//
//	go run ./tools/gen            write api/ from tools/gen/models
//	go run ./tools/gen -all DIR   write every service of the mission to DIR
//	go run ./tools/gen update     fetch botocore's pinned release, trim its prose
//	                              and write tools/gen/models
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

//go:generate go run . -root ../..

func main() {
	root := flag.String("root", ".", "the project's folder")
	all := flag.String("all", "", "write every service to this folder instead of api/")
	flag.Parse()
	err := run(*root, *all, flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(root, all, command string) error {
	models := filepath.Join(root, "tools", "gen", "models")
	switch command {
	case "update":
		return update(models)
	case "":
	default:
		return fmt.Errorf("unknown command %q: want update, or none", command)
	}
	api := filepath.Join(root, "api")
	if all != "" {
		api = all
	}
	var tables []*table
	for _, s := range services {
		m, err := load(models, s.Name)
		if err != nil {
			return err
		}
		t, err := newTable(s, m)
		if err != nil {
			return err
		}
		tables = append(tables, t)
		if s.Begun || all != "" {
			if err := t.write(filepath.Join(api, s.Package)); err != nil {
				return err
			}
		}
	}
	return writeNames(filepath.Join(api, "names"), tables)
}

func (t *table) write(dir string) error {
	var types, server, table writer
	t.writeTypes(&types)
	t.writeServer(&server)
	if err := t.writeModel(&table); err != nil {
		return err
	}
	for name, w := range map[string]*writer{"types.go": &types, "server.go": &server, "model.go": &table} {
		if err := w.save(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	return nil
}

// save writes the formatted source, or leaves the file alone if it is the same.
func (w *writer) save(path string) error {
	src, err := w.formatted()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if old, err := os.ReadFile(path); err == nil && string(old) == string(src) {
		return nil
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, src, 0o644)
}
