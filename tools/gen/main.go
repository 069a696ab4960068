// Command gen writes api/ from AWS's service models as the botocore package
// publishes them.
//
//	go run ./tools/gen            write api/ from tools/gen/models
//	go run ./tools/gen -all DIR   write every service of the mission to DIR
//	go run ./tools/gen update     fetch botocore's pinned release, trim its prose
//	                              and write tools/gen/models
//
// With -models, -all writes every model of a folder instead, whole; with
// -import, the import path of DIR, it also writes DIR/all.go, which lists them.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

//go:generate go run . -root ../..

type options struct {
	root, all, models, importPath string
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", ".", "the project's folder")
	flag.StringVar(&o.all, "all", "", "write every service to this folder instead of api/")
	flag.StringVar(&o.models, "models", "", "with -all: take the models of this folder, not the mission's")
	flag.StringVar(&o.importPath, "import", "", "with -all: the folder's import path; write all.go")
	flag.Parse()
	if err := run(o, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(o options, command string) error {
	models, list := filepath.Join(o.root, "tools", "gen", "models"), services
	switch command {
	case "update":
		return update(models)
	case "":
	default:
		return fmt.Errorf("unknown command %q: want update, or none", command)
	}
	if o.models != "" {
		var err error
		if models, list = o.models, nil; o.all == "" {
			return errors.New("-models wants -all")
		}
		if list, err = listed(o.models); err != nil {
			return err
		}
	}
	tables, err := readAll(models, list)
	if err != nil {
		return err
	}
	if o.all == "" {
		return writeAPI(filepath.Join(o.root, "api"), tables)
	}
	for _, t := range tables {
		if err := t.write(filepath.Join(o.all, t.Package)); err != nil {
			return err
		}
	}
	if o.importPath == "" {
		return nil
	}
	return writeList(o.all, o.importPath, tables)
}

// listed names a service for each model of a folder.
func listed(models string) ([]service, error) {
	files, err := filepath.Glob(filepath.Join(models, "*.json.gz"))
	if err != nil {
		return nil, err
	}
	var list []service
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json.gz")
		list = append(list, service{Name: name, Package: strings.ReplaceAll(name, "-", "")})
	}
	return list, nil
}

func readAll(models string, list []service) ([]*table, error) {
	var tables []*table
	for _, s := range list {
		m, err := load(models, s.Name)
		if err != nil {
			return nil, err
		}
		t, err := newTable(s, m)
		if err != nil {
			return nil, err
		}
		tables = append(tables, t)
	}
	return tables, nil
}

// writeAPI writes the services that have begun, and the names of all.
func writeAPI(api string, tables []*table) error {
	for _, t := range tables {
		if t.Begun {
			if err := t.write(filepath.Join(api, t.Package)); err != nil {
				return err
			}
		}
	}
	return writeNames(filepath.Join(api, "names"), tables)
}

// writeList writes all.go: the operations of every service, for tests.
func writeList(dir, importPath string, tables []*table) error {
	var w writer
	pkg := filepath.Base(dir)
	w.head(pkg, "// Package "+pkg+" lists the operations of every generated service.")
	imports := []string{"bartizan.dev/wire"}
	for _, t := range tables {
		imports = append(imports, importPath+"/"+t.Package)
	}
	w.imports(imports)
	w.linef("// All returns the operations by service, none of them implemented.\nfunc All() map[string][]wire.Operation {\n\treturn map[string][]wire.Operation{")
	for _, t := range tables {
		w.linef("%q: %s.Operations(%s.Unimplemented{}),", t.Name, t.Package, t.Package)
	}
	w.linef("\t}\n}")
	return w.save(filepath.Join(dir, "all.go"))
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
