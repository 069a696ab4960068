package wire

import (
	"math/bits"
	"reflect"
)

// decodeJSON reads a whole JSON document into v.
func (d *decoder) decodeJSON(p *plan, data []byte, v reflect.Value) error {
	r := newJSONReader(data)
	if err := d.json(&r, p, v); err != nil {
		return err
	}
	return r.end()
}

// jsonBody decodes a JSON body; none at all stands for the empty object.
func (d *decoder) jsonBody(p *plan, body []byte, v reflect.Value) error {
	if len(body) == 0 {
		return d.complete(p, new(seen))
	}
	return d.decodeJSON(p, body, v)
}

func (d *decoder) mismatch(r *jsonReader, want string) error {
	if c := r.peek(); c == 0 {
		return r.fail("unexpected end")
	}
	return serializationError("%s cannot be converted to %s", r.kindName(), want)
}

func (d *decoder) json(r *jsonReader, p *plan, v reflect.Value) error {
	switch p.Kind {
	case Structure:
		return d.jsonStructure(r, p, v)
	case List:
		return d.jsonList(r, p, v)
	case Map:
		return d.jsonMap(r, p, v)
	case Document:
		r.peek()
		start := r.pos
		if err := r.skip(len(d.path)); err != nil {
			return err
		}
		v.SetBytes(append([]byte(nil), r.data[start:r.pos]...))
		return nil
	case String:
		if r.peek() != '"' {
			return d.mismatch(r, "String")
		}
		s, err := r.text()
		if err != nil {
			return err
		}
		v.SetString(s)
		d.checkString(p, s)
		return nil
	}
	if err := d.jsonScalar(r, p, v); err != nil {
		return err
	}
	d.check(p, v)
	return nil
}

// seen is a set of member indices.
type seen [5]uint64 // the widest structure of the models has 300 members

func (s *seen) add(i int) bool {
	if s[i/64]&(1<<(i%64)) != 0 {
		return false
	}
	s[i/64] |= 1 << (i % 64)
	return true
}

func (s *seen) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s *seen) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

func (d *decoder) jsonStructure(r *jsonReader, p *plan, v reflect.Value) error {
	if r.peek() != '{' {
		return d.mismatch(r, "Structure")
	}
	r.pos++
	var got seen
	next := 0 // members mostly come in the model's order
	for first := true; ; {
		more, err := r.more(&first, '}')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		name, err := r.bytes()
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		i := p.find(name, next)
		if i < 0 {
			if p.Union && !d.lenient && string(name) != "__type" && r.peek() != 'n' {
				return serializationError("Union %s has no member %q.", p.Name, clip(name))
			}
			if err := r.skip(len(d.path)); err != nil {
				return err
			}
			continue
		}
		next = i + 1
		if !got.add(i) {
			return serializationError("Duplicate member %q.", clip(name))
		}
		f := &p.fields[i]
		if r.peek() == 'n' {
			if err := r.literal("null"); err != nil {
				return err
			}
			got[i/64] &^= 1 << (i % 64)
			continue
		}
		if err := d.push(step{name: f.Name}); err != nil {
			return err
		}
		if err := d.json(r, f.plan, f.target(v, i)); err != nil {
			return err
		}
		d.pop()
	}
	return d.complete(p, &got)
}

// complete reports the required members of the body that were not sent, and a
// union that has not exactly one member.
func (d *decoder) complete(p *plan, got *seen) error {
	if d.lenient {
		return nil
	}
	for i := range p.fields {
		if f := &p.fields[i]; f.Required && f.Location == InBody && !got.has(i) {
			d.missing(f.Name)
		}
	}
	if p.Union && got.count() != 1 {
		return serializationError("Union %s must have exactly one member, not %d.", p.Name, got.count())
	}
	return nil
}

// find returns the index of the body member with the wire name, trying next
// first, or -1.
func (p *plan) find(name []byte, next int) int {
	if next < len(p.fields) && p.fields[next].name == string(name) {
		return next
	}
	if i, ok := p.byWire[string(name)]; ok {
		return i
	}
	return -1
}

func (d *decoder) jsonList(r *jsonReader, p *plan, v reflect.Value) error {
	if r.peek() != '[' {
		return d.mismatch(r, "List")
	}
	r.pos++
	if err := d.spend(32); err != nil { // an empty list costs too
		return err
	}
	outer, list := d.open(), reflect.MakeSlice(p.typ, 0, 0)
	for first, n := true, 1; ; n++ {
		more, err := r.more(&first, ']')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if r.peek() == 'n' {
			return serializationError("null in list %s", d.where())
		}
		if d.excess(p, n-1) {
			if err := r.skip(len(d.path)); err != nil {
				return err
			}
			continue
		}
		if list, err = d.grow(p, list); err != nil {
			return err
		}
		if err := d.push(step{n: n}); err != nil {
			return err
		}
		if err := d.json(r, p.elem, list.Index(n-1)); err != nil {
			return err
		}
		d.pop()
	}
	v.Set(list)
	d.checkAll(p, v, outer, false)
	return nil
}

// grow appends a zero element.
func (d *decoder) grow(p *plan, list reflect.Value) (reflect.Value, error) {
	n := list.Len()
	if n < list.Cap() {
		return list.Slice(0, n+1), nil
	}
	if err := d.spend((n + 4) * int(p.elem.typ.Size())); err != nil {
		return list, err
	}
	bigger := reflect.MakeSlice(list.Type(), n+1, 2*n+4)
	reflect.Copy(bigger, list)
	return bigger, nil
}

func (d *decoder) jsonMap(r *jsonReader, p *plan, v reflect.Value) error {
	if r.peek() != '{' {
		return d.mismatch(r, "Map")
	}
	r.pos++
	badKeys, outer := false, d.open()
	m := reflect.MakeMap(p.typ)
	e := reflect.New(p.elem.typ).Elem()
	for first, n := true, 0; ; n++ {
		more, err := r.more(&first, '}')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		name, err := r.text()
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		if r.peek() == 'n' {
			return serializationError("null in map %s", d.where())
		}
		if d.excess(p, n) {
			if err := r.skip(len(d.path)); err != nil {
				return err
			}
			continue
		}
		k, err := d.openEntry(p, m, name, &badKeys)
		if err != nil {
			return err
		}
		if err := d.json(r, p.elem, e); err != nil {
			return err
		}
		d.closeEntry(m, k, e)
	}
	v.Set(m)
	d.checkAll(p, v, outer, badKeys)
	return nil
}

// openEntry makes the key of a map's entry, notes one that violates a
// constraint, and refuses one that was there before.
func (d *decoder) openEntry(p *plan, m reflect.Value, name string, badKeys *bool) (reflect.Value, error) {
	if err := d.spend(64 + int(p.elem.typ.Size())); err != nil {
		return reflect.Value{}, err
	}
	k := reflect.New(p.key.typ).Elem()
	k.SetString(name)
	if strings, ok := m.Interface().(map[string]string); ok {
		if _, twice := strings[name]; twice {
			return k, d.twice(name)
		}
	} else if m.MapIndex(k).IsValid() {
		return k, d.twice(name)
	}
	if err := d.push(step{name: name, entry: true}); err != nil {
		return k, err
	}
	before := d.inner
	d.inner = false
	d.checkString(p.key, name)
	*badKeys = *badKeys || d.inner
	d.inner = before
	return k, nil
}

func (d *decoder) twice(name string) error {
	return serializationError("Duplicate key %q in %s.", clip(name), d.where())
}

// closeEntry puts the entry into the map and clears e for the next one.
func (d *decoder) closeEntry(m, k, e reflect.Value) {
	if strings, ok := m.Interface().(map[string]string); ok {
		strings[k.String()] = e.String()
	} else {
		m.SetMapIndex(k, e)
	}
	e.SetZero()
	d.pop()
}

func (d *decoder) jsonScalar(r *jsonReader, p *plan, v reflect.Value) error {
	c := r.peek()
	isNumber := c == '-' || c >= '0' && c <= '9'
	switch p.Kind {
	case Blob:
		if c != '"' {
			return d.mismatch(r, "Blob")
		}
		s, err := r.bytes()
		if err != nil {
			return err
		}
		return setBlob(v, s)
	case Boolean:
		switch c {
		case 't':
			v.SetBool(true)
			return r.literal("true")
		case 'f':
			v.SetBool(false)
			return r.literal("false")
		}
		return d.mismatch(r, "Boolean")
	case Timestamp:
		if c == '"' {
			s, err := r.bytes()
			if err != nil {
				return err
			}
			return d.setTime(v, string(s), p.Format)
		}
	case Float, Double:
		if c == '"' {
			s, err := r.bytes()
			if err != nil {
				return err
			}
			return setSpecialFloat(v, string(s))
		}
	}
	if !isNumber {
		return d.mismatch(r, p.Kind.String())
	}
	text, err := r.number()
	if err != nil {
		return err
	}
	return d.setNumber(p, v, text)
}
