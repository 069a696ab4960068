package main

import (
	"fmt"
	"slices"
	"strings"

	"bartizan.dev/wire"
)

// A table is one service made ready to be written: the selected operations and
// the shapes reachable from them, with references turned into indices.
type table struct {
	service
	model *model
	ops   []*operation
	names []string          // reachable shapes, sorted
	table []string          // shapes by index, those that are alike only once
	index map[string]uint16 // index of every reachable shape
}

func newTable(s service, m *model) (*table, error) {
	t := &table{service: s, model: m, index: map[string]uint16{}}
	for _, name := range m.Operations.keys {
		if s.Ops == nil || slices.Contains(s.Ops, name) {
			t.ops = append(t.ops, m.Operations.get(name))
		}
	}
	if s.Ops != nil && len(t.ops) != len(s.Ops) {
		for _, name := range s.Ops {
			if m.Operations.get(name) == nil {
				return nil, fmt.Errorf("%s: the model has no operation %s", s.Name, name)
			}
		}
	}
	var reach func(name string)
	reach = func(name string) {
		if _, seen := t.index[name]; seen {
			return
		}
		t.index[name] = 0
		t.names = append(t.names, name)
		sh := m.Shapes.get(name)
		for _, key := range sh.Members.keys {
			reach(sh.Members.get(key).Shape)
		}
		for _, r := range []*ref{sh.Member, sh.Key, sh.Value} {
			if r != nil {
				reach(r.Shape)
			}
		}
	}
	for _, op := range t.ops {
		if op.Input != nil {
			reach(op.Input.Shape)
		}
		if op.Output != nil {
			reach(op.Output.Shape)
		}
	}
	slices.Sort(t.names)
	alike := map[string]uint16{}
	clear(t.index)
	for _, name := range t.names {
		if err := t.number(name, alike); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// number gives a shape its index. Shapes that are no structures have no name
// in the table, so those with equal fields share one index.
func (t *table) number(name string, alike map[string]uint16) error {
	if _, done := t.index[name]; done {
		return nil
	}
	id := uint16(len(t.table))
	if sh := t.shape(name); t.kind(name) != wire.Structure {
		for _, r := range []*ref{sh.Member, sh.Key, sh.Value} {
			if r != nil {
				if err := t.number(r.Shape, alike); err != nil {
					return err
				}
			}
		}
		f, err := t.shapeFields(name)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", t.Name, name, err)
		}
		if same, ok := alike[f]; ok {
			t.index[name] = same
			return nil
		}
		id = uint16(len(t.table))
		alike[f] = id
	}
	t.table = append(t.table, name)
	t.index[name] = id
	return nil
}

func (t *table) shape(name string) *shape { return t.model.Shapes.get(name) }

var kinds = map[string]wire.Kind{
	"structure": wire.Structure, "list": wire.List, "map": wire.Map, "string": wire.String,
	"blob": wire.Blob, "boolean": wire.Boolean, "integer": wire.Integer, "long": wire.Long,
	"float": wire.Float, "double": wire.Double, "timestamp": wire.Timestamp,
	"character": wire.String, "bigdecimal": wire.Double,
}

func (t *table) kind(name string) wire.Kind {
	sh := t.shape(name)
	if sh.Document {
		return wire.Document
	}
	return kinds[sh.Type]
}

// protocol is what the server listens for. A service that prefers rpcv2Cbor
// speaks its awsJson too: older clients know nothing else.
func (t *table) protocol() (p wire.Protocol, cbor bool, err error) {
	md := t.model.Metadata
	for _, name := range append([]string{md.Protocol}, md.Protocols...) {
		switch name {
		case "smithy-rpc-v2-cbor":
			cbor = true
		case "json":
			if md.JSONVersion == "1.0" {
				return wire.JSON10, cbor, nil
			}
			return wire.JSON11, cbor, nil
		case "query":
			return wire.Query, cbor, nil
		case "ec2":
			return wire.EC2, cbor, nil
		case "rest-json":
			return wire.RESTJSON, cbor, nil
		case "rest-xml":
			return wire.RESTXML, cbor, nil
		}
	}
	return 0, false, fmt.Errorf("%s: unknown protocol %q", t.Name, md.Protocol)
}

func (t *table) signing() string {
	if s := t.model.Metadata.SigningName; s != "" {
		return s
	}
	return t.model.Metadata.EndpointPrefix
}

// goName makes a model's name an exported Go identifier.
func goName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r == ':' || r == '/' || r == ' ' {
			return '_'
		}
		return r
	}, name)
	name = strings.TrimLeft(name, "_")
	return strings.ToUpper(name[:1]) + name[1:]
}

// inType and outType name the Go types of an operation. One without a shape in
// the model gets an empty type of its own.
func (t *table) inType(op *operation) string  { return t.ioType(op.Input, op.Name+"Input") }
func (t *table) outType(op *operation) string { return t.ioType(op.Output, op.Name+"Output") }

func (t *table) ioType(r *ref, fallback string) string {
	if r != nil {
		return goName(r.Shape)
	}
	return fallback
}
