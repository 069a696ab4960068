package spec

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/api/names"
)

var update = flag.Bool("update", false, "write the files and README's table anew")

// methods returns the operations that a service's package has methods for.
func methods(t *testing.T, service string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	dir := filepath.Join("..", "service", service)
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil {
				continue
			}
			if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok {
				if id, ok := star.X.(*ast.Ident); ok && id.Name == "Service" {
					out[fn.Name.Name] = true
				}
			}
		}
	}
	return out
}

func read(t *testing.T, service string) []Row {
	t.Helper()
	f, err := os.Open(service + ".txt")
	if errors.Is(err, fs.ErrNotExist) && *update {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := Read(f)
	if err != nil {
		t.Fatalf("%s.txt: %v", service, err)
	}
	return rows
}

func TestIndex(t *testing.T) {
	var table bytes.Buffer
	table.WriteString("| service | state | real | partial | of |\n|---|---|---|---|---|\n")
	services := names.Services()
	for i := range services {
		s := &services[i]
		var ops []string
		for _, op := range s.Ops {
			ops = append(ops, op.Name)
		}
		have := methods(t, s.Name)
		rows := read(t, s.Name)
		if *update {
			rows = renew(ops, rows, have)
			write(t, s.Name, rows)
		}
		check(t, s.Name, ops, rows, have)
		fmt.Fprintln(&table, line(s.Name, s.ID, rows))
	}
	readme(t, table.String())
}

func renew(ops []string, rows []Row, have map[string]bool) []Row {
	var out []Row
	for _, op := range ops {
		row := Row{Operation: op, State: Absent}
		if i := slices.IndexFunc(rows, func(r Row) bool { return r.Operation == op }); i >= 0 {
			row = rows[i]
		}
		switch {
		case !have[op]:
			row = Row{Operation: op, State: Absent}
		case row.State == Absent:
			row.State = Real
		}
		out = append(out, row)
	}
	return out
}

func write(t *testing.T, service string, rows []Row) {
	var b bytes.Buffer
	for _, r := range rows {
		fmt.Fprintln(&b, strings.TrimSpace(r.Operation+" "+string(r.State)+" "+r.Note))
	}
	if err := os.WriteFile(service+".txt", b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, service string, ops []string, rows []Row, have map[string]bool) {
	var listed []string
	for _, r := range rows {
		listed = append(listed, r.Operation)
		if built := r.State != Absent; built != have[r.Operation] {
			t.Errorf("%s.txt says %s is %s, but service/%s has a method for it: %v", service, r.Operation, r.State, service, have[r.Operation])
		}
	}
	if !slices.Equal(listed, ops) {
		t.Errorf("%s.txt does not list the model's operations in their order: run go test ./spec -update", service)
	}
}

func line(name, id string, rows []Row) string {
	count := map[State]int{}
	for _, r := range rows {
		count[r.State]++
	}
	state := "partial"
	switch {
	case count[Absent] == len(rows):
		state = "planned"
	case count[Real] == len(rows):
		state = "real"
	}
	return fmt.Sprintf("| [%s](spec/%s.txt) (%s) | %s | %d | %d | %d |", name, name, id, state, count[Real], count[Partial], len(rows))
}

const begin, end = "<!-- services: go test ./spec -update -->\n", "<!-- end of services -->"

func readme(t *testing.T, table string) {
	const path = "../README.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatal("README.md has no table of services")
	}
	want := before + begin + table + end + after
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("README.md's table of services is out of date: run go test ./spec -update")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
