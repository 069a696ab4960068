package spec

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bartizan.dev/api/names"
)

// TestEveryInputIsRead: an input that is silently ignored is a bug. For every
// operation that is built, each member of its input must be read somewhere in
// the service, or stand in unread.txt with its reason.
func TestEveryInputIsRead(t *testing.T) {
	listed := unread(t)
	services := names.Services()
	for i := range services {
		s := services[i].Name
		built := methods(t, s)
		if len(built) == 0 {
			continue
		}
		inputs, fields := apiTypes(t, s)
		read := reads(t, s)
		for op, input := range inputs {
			if !built[op] {
				continue
			}
			for _, field := range fields[input] {
				id := s + " " + op + " " + field
				switch {
				case read[input][field] && listed[id]:
					t.Errorf("unread.txt lists %s, which is read", id)
				case !read[input][field] && !listed[id]:
					t.Errorf("%s: the input %s of %s is never read", s, field, op)
				}
				delete(listed, id)
			}
		}
	}
	for id := range listed {
		t.Errorf("unread.txt lists %s, which is no input of a built operation", id)
	}
}

func unread(t *testing.T) map[string]bool {
	text, err := os.ReadFile("unread.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, reason, ok := strings.Cut(line, ": ")
		if !ok || reason == "" {
			t.Errorf("unread.txt: want service operation member: reason, got %q", line)
		}
		out[id] = true
	}
	return out
}

// apiTypes returns the input type of each operation and the fields of each
// struct of a generated package.
func apiTypes(t *testing.T, service string) (inputs map[string]string, fields map[string][]string) {
	inputs, fields = map[string]string{}, map[string][]string{}
	eachFile(t, filepath.Join("..", "api", service), func(f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			switch typ := spec.Type.(type) {
			case *ast.StructType:
				for _, field := range typ.Fields.List {
					for _, name := range field.Names {
						fields[spec.Name.Name] = append(fields[spec.Name.Name], name.Name)
					}
				}
			case *ast.InterfaceType:
				for _, m := range typ.Methods.List {
					if fn, ok := m.Type.(*ast.FuncType); ok && len(fn.Params.List) == 2 && len(m.Names) == 1 {
						if star, ok := fn.Params.List[1].Type.(*ast.StarExpr); ok {
							inputs[m.Names[0].Name] = star.X.(*ast.Ident).Name
						}
					}
				}
			}
			return false
		})
	})
	return inputs, fields
}

// reads returns, per generated type, the fields that are selected from a
// parameter of that type anywhere in the service.
func reads(t *testing.T, service string) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	eachFile(t, filepath.Join("..", "service", service), func(f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			var typ *ast.FuncType
			var body *ast.BlockStmt
			switch fn := n.(type) {
			case *ast.FuncDecl:
				typ, body = fn.Type, fn.Body
			case *ast.FuncLit:
				typ, body = fn.Type, fn.Body
			default:
				return true
			}
			params := map[string]string{} // name -> generated type
			for _, p := range typ.Params.List {
				star, ok := p.Type.(*ast.StarExpr)
				if !ok {
					continue
				}
				if sel, ok := star.X.(*ast.SelectorExpr); ok {
					for _, name := range p.Names {
						params[name.Name] = sel.Sel.Name
					}
				}
			}
			if len(params) == 0 || body == nil {
				return true
			}
			ast.Inspect(body, func(n ast.Node) bool {
				if a, ok := n.(*ast.AssignStmt); ok && thrownAway(a) {
					return false
				}
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if id, ok := sel.X.(*ast.Ident); ok && params[id.Name] != "" {
						set := out[params[id.Name]]
						if set == nil {
							set = map[string]bool{}
							out[params[id.Name]] = set
						}
						set[sel.Sel.Name] = true
					}
				}
				return true
			})
			return true
		})
	})
	return out
}

func eachFile(t *testing.T, dir string, fn func(*ast.File)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		fn(f)
	}
}

// thrownAway: to assign a member to nothing is not to read it.
func thrownAway(a *ast.AssignStmt) bool {
	for _, to := range a.Lhs {
		if id, ok := to.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	for _, from := range a.Rhs {
		if _, ok := from.(*ast.SelectorExpr); !ok {
			return false
		}
	}
	return true
}
