package wire

import (
	"fmt"
	"reflect"
	"sync"
)

// A plan joins a shape with the Go type that holds it. It is compiled once, by
// reflection, and drives every codec.
type plan struct {
	*Shape
	typ    reflect.Type
	fields []field // of a structure, in the model's order
	elem   *plan   // of a list, or the value of a map
	key    *plan   // of a map
	match  func(string) bool

	byWire, byName map[string]int // index of a body member, by its name on the wire and in the model
}

type field struct {
	*Member
	plan *plan
	name string // on the wire
	form string // in a request of the query protocols
	ptr  bool   // the Go field is a pointer to plan.typ
}

type planKey struct {
	shape uint16
	typ   reflect.Type
}

type plans struct {
	mu sync.Mutex
	m  map[planKey]*plan
}

// plan returns the plan for a shape held in typ.
func (s *Service) plan(shape uint16, typ reflect.Type) *plan {
	if shape == None {
		return &plan{Shape: &Shape{}, typ: typ}
	}
	s.plans.mu.Lock()
	defer s.plans.mu.Unlock()
	if s.plans.m == nil {
		s.plans.m = map[planKey]*plan{}
	}
	return s.compile(shape, typ)
}

func (s *Service) compile(shape uint16, typ reflect.Type) *plan {
	key := planKey{shape, typ}
	if p := s.plans.m[key]; p != nil {
		return p
	}
	p := &plan{Shape: &s.Shapes[shape], typ: typ}
	s.plans.m[key] = p
	if p.Pattern != "" {
		p.match = matcher(p.Pattern)
	}
	switch p.Kind {
	case Structure:
		if typ.Kind() != reflect.Struct || typ.NumField() != len(p.Members) {
			panic(fmt.Sprintf("wire: %s.%s does not fit Go type %v", s.Name, p.Name, typ))
		}
		p.fields = make([]field, len(p.Members))
		p.byWire, p.byName = make(map[string]int, len(p.Members)), make(map[string]int, len(p.Members))
		for i := range p.Members {
			f := s.field(&p.Members[i], typ.Field(i).Type)
			p.fields[i] = f
			p.byName[f.Name] = i
			if f.Location == InBody {
				p.byWire[f.name] = i
			}
		}
	case List:
		p.elem = s.compile(p.Elem, typ.Elem())
	case Map:
		p.key = s.compile(p.Key, typ.Key())
		p.elem = s.compile(p.Shape.Elem, typ.Elem())
	}
	return p
}

func (s *Service) field(m *Member, typ reflect.Type) field {
	f := field{Member: m, name: m.wire(), ptr: typ.Kind() == reflect.Pointer}
	if f.ptr {
		typ = typ.Elem()
	}
	if m.Location == InHeaders {
		f.name = m.Wire // a prefix, which may be empty
	}
	f.plan = s.compile(m.Shape, typ)
	if m.Format != TimeDefault { // a member may override its shape's format
		shape, p := *f.plan.Shape, *f.plan
		shape.Format, p.Shape = m.Format, &shape
		f.plan = &p
	}
	f.form = f.name
	if s.Protocol == EC2 {
		if f.form = m.Form; f.form == "" {
			f.form = m.Name
		}
	}
	return f
}

// flat says that a list or map has no element around its entries.
func (f *field) flat() bool { return f.Flat || f.plan.Flat }

// present returns the value of field i of v, and whether there is one: nil
// pointers, slices and maps, and the zero enum or time, stand for absent.
func (f *field) present(v reflect.Value, i int) (reflect.Value, bool) {
	v = v.Field(i)
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v, false
		}
		return v.Elem(), true
	case reflect.Slice, reflect.Map, reflect.Interface:
		return v, !v.IsNil()
	case reflect.String:
		return v, f.Required || v.Len() > 0
	case reflect.Struct: // time.Time
		return v, f.Required || !v.IsZero()
	}
	return v, true
}

// target returns where to decode field i of v to, making room for it.
func (f *field) target(v reflect.Value, i int) reflect.Value {
	v = v.Field(i)
	if f.ptr {
		if v.IsNil() {
			v.Set(reflect.New(f.plan.typ))
		}
		return v.Elem()
	}
	return v
}
