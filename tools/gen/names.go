package main

import (
	"fmt"

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
	w.linef("// Services returns a table without shapes for each service.\nfunc Services() []wire.Service { return services[:] }\n")
	w.linef("var services = [...]wire.Service{")
	for _, t := range tables {
		proto, cbor, err := t.protocol()
		if err != nil {
			return err
		}
		w.linef("{%s, Ops: []wire.Op{", t.serviceFields(proto, cbor))
		for _, name := range t.model.Operations.keys {
			op := t.model.Operations.get(name)
			rest := ""
			if proto == wire.RESTJSON || proto == wire.RESTXML {
				rest = fmt.Sprintf(", Method: %q, URI: %q", op.HTTP.Method, op.HTTP.URI)
			}
			w.linef("{Name: %q%s},", name, rest)
		}
		w.linef("}},")
	}
	w.linef("}")
	return w.save(dir + "/names.go")
}
