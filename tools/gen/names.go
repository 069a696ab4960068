package main

import (
	"strings"

	"bartizan.dev/wire"
)

// writeNames writes the table that lets the gateway route every call of the
// mission's services, begun or not: protocol, target prefix, signing name and
// the names of all operations (with method and path where the protocol routes
// by them).
func writeNames(dir string, tables []*table) error {
	var w writer
	w.head("names", "// Package names knows every operation of every service of the mission, so that a\n// call to one that is not built yet gets an error that names it.")
	w.imports([]string{"bartizan.dev/wire"})
	w.linef("// Services returns a table without shapes for each service.\nfunc Services() []wire.Service {\n\tout := []wire.Service{")
	for _, t := range tables {
		proto, cbor, err := t.protocol()
		if err != nil {
			return err
		}
		w.linef("{%s},", t.serviceFields(proto, cbor))
	}
	w.linef("\t}\n\tfor i := range out {\n\t\tout[i].Ops = wire.ParseOps(operations[i])\n\t}\n\treturn out\n}\n")
	w.linef("// operations are the names of each service's operations, with method and path\n// before them where the service routes by those.\nvar operations = [...]string{")
	for _, t := range tables {
		w.linef("`%s`,", t.operationNames())
	}
	w.linef("}")
	return w.save(dir + "/names.go")
}

func (t *table) operationNames() string {
	proto, _, _ := t.protocol()
	if proto == wire.RESTJSON || proto == wire.RESTXML {
		var lines []string
		for _, name := range t.model.Operations.keys {
			op := t.model.Operations.get(name)
			lines = append(lines, strings.TrimSpace(op.HTTP.Method+" "+op.HTTP.URI+" "+name+" "+op.header))
		}
		return strings.Join(lines, "\n")
	}
	var b strings.Builder
	column := 0
	for i, name := range t.model.Operations.keys {
		if column += len(name) + 1; column > 140 {
			b.WriteByte('\n')
			column = len(name)
		} else if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(name)
	}
	return b.String()
}
