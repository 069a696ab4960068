package main

import (
	"fmt"
	"slices"
	"strconv"
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
			if len(sh.Members.keys) < 2 {
				w.linef("type %s struct{ %s }", goName(name), t.goFields(sh))
				continue
			}
			w.linef("type %s struct {", goName(name))
			w.linef("%s\n}", t.goFields(sh))
		case len(sh.Enum) > 0:
			w.linef("type %s string\n%s", goName(name), constants(name, sh.Enum))
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

// goFields writes the fields of a structure, neighbours of one type together.
func (t *table) goFields(sh *shape) string {
	var b strings.Builder
	last, column := "", 0
	for _, key := range sh.Members.keys {
		name, typ := goName(key), t.fieldType(sh, key)
		if typ == last && column+len(name) < 44 {
			b.WriteString(", " + name)
			column += len(name) + 2
			continue
		}
		if last != "" {
			b.WriteString(" " + last + "\n")
		}
		b.WriteString(name)
		last, column = typ, len(name)
	}
	if last != "" {
		b.WriteString(" " + last)
	}
	return b.String()
}

// constants declares the values of an enum, several in a line.
func constants(typ string, values []string) string {
	var b strings.Builder
	var names, texts []string
	width := 0
	flush := func() {
		fmt.Fprintf(&b, "const %s %s = %s\n", strings.Join(names, ", "), goName(typ), strings.Join(texts, ", "))
		names, texts, width = nil, nil, 0
	}
	for _, id := range enumNames(typ, values) {
		text := strconv.Quote(id.value)
		if width += len(id.name) + len(text) + 4; width > 140 && len(names) > 0 {
			flush()
			width = len(id.name) + len(text) + 4
		}
		names, texts = append(names, id.name), append(texts, text)
	}
	flush()
	return b.String()
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
