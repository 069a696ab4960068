package main

import (
	"fmt"
	"slices"
	"strings"

	"bartizan.dev/wire"
)

// writeTypes writes the Go types: a struct per structure, a string type with
// constants per enum, and an empty struct for operations without input or
// output. Fields stand in the order of the model, so that the codec can use
// one index for both.
func (t *table) writeTypes(w *writer) {
	w.head(t.Package, "")
	var imports []string
	for _, name := range t.names {
		sh := t.shape(name)
		if t.kind(name) != wire.Structure {
			continue
		}
		for _, key := range sh.Members.keys {
			typ := t.fieldType(sh, key)
			for pkg, path := range map[string]string{"time.": "time", "io.": "io", "json.": "encoding/json"} {
				if strings.Contains(typ, pkg) && !slices.Contains(imports, path) {
					imports = append(imports, path)
				}
			}
		}
	}
	slices.Sort(imports)
	w.imports(imports)
	for _, name := range t.names {
		sh := t.shape(name)
		switch {
		case t.kind(name) == wire.Structure:
			w.linef("type %s struct {", goName(name))
			for _, key := range sh.Members.keys {
				w.linef("\t%s %s", goName(key), t.fieldType(sh, key))
			}
			w.linef("}\n")
		case len(sh.Enum) > 0:
			w.linef("type %s string\n\nconst (", goName(name))
			for _, id := range enumNames(name, sh.Enum) {
				w.linef("\t%s %s = %q", id.name, goName(name), id.value)
			}
			w.linef(")\n")
		}
	}
	for _, op := range t.ops {
		if op.Input == nil {
			w.linef("type %sInput struct{}\n", op.Name)
		}
		if op.Output == nil {
			w.linef("type %sOutput struct{}\n", op.Name)
		}
	}
}

type enumName struct{ name, value string }

func enumNames(typ string, values []string) []enumName {
	var out []enumName
	seen := map[string]bool{}
	for _, v := range values {
		id := strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
				return r
			}
			return '_'
		}, v)
		name := goName(typ) + "_" + id
		for seen[name] {
			name += "_"
		}
		seen[name] = true
		out = append(out, enumName{name, v})
	}
	return out
}

// fieldType is the Go type of a member. Required scalars are values; optional
// ones are pointers, so that "absent" and "empty" differ; enums and timestamps
// use their zero value for absent.
func (t *table) fieldType(sh *shape, key string) string {
	m := sh.Members.get(key)
	typ := t.goType(m.Shape, m.Streaming && sh.Payload == key)
	switch t.kind(m.Shape) {
	case wire.Structure:
		return "*" + typ
	case wire.String:
		if len(t.shape(m.Shape).Enum) > 0 {
			return typ
		}
	case wire.Boolean, wire.Integer, wire.Long, wire.Float, wire.Double:
	default:
		return typ
	}
	if slices.Contains(sh.Required, key) {
		return typ
	}
	return "*" + typ
}

func (t *table) goType(name string, streaming bool) string {
	sh := t.shape(name)
	switch t.kind(name) {
	case wire.Structure:
		return goName(name)
	case wire.List:
		return "[]" + t.goType(sh.Member.Shape, false)
	case wire.Map:
		return fmt.Sprintf("map[%s]%s", t.goType(sh.Key.Shape, false), t.goType(sh.Value.Shape, false))
	case wire.String:
		if len(sh.Enum) > 0 {
			return goName(name)
		}
		return "string"
	case wire.Blob:
		if streaming || sh.Streaming {
			return "io.ReadCloser"
		}
		return "[]byte"
	case wire.Boolean:
		return "bool"
	case wire.Integer:
		return "int32"
	case wire.Long:
		return "int64"
	case wire.Float:
		return "float32"
	case wire.Double:
		return "float64"
	case wire.Timestamp:
		return "time.Time"
	case wire.Document:
		return "json.RawMessage"
	}
	panic("gen: unknown kind of " + name)
}
