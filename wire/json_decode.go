package wire

import (
	"encoding/base64"
	"math"
	"math/bits"
	"reflect"
	"strconv"
	"time"
)

// decodeJSON reads a whole JSON document into v.
func (d *decoder) decodeJSON(p *plan, data []byte, v reflect.Value) error {
	r := &jsonReader{data: data}
	if err := d.json(r, p, v); err != nil {
		return err
	}
	return r.end()
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
		i := p.find(string(name), next)
		if i < 0 {
			if err := r.skip(len(d.path)); err != nil {
				return err
			}
			continue
		}
		next = i + 1
		if !got.add(i) {
			return serializationError("Duplicate member %q.", name)
		}
		f := &p.fields[i]
		if r.peek() == 'n' {
			if err := r.literal("null"); err != nil {
				return err
			}
			got[i/64] &^= 1 << (i % 64)
			continue
		}
		if err := d.push(f.Name); err != nil {
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
func (p *plan) find(name string, next int) int {
	if next < len(p.fields) && p.fields[next].name == name {
		return next
	}
	for i := range p.fields {
		if p.fields[i].name == name {
			return i
		}
	}
	return -1
}

func (d *decoder) jsonList(r *jsonReader, p *plan, v reflect.Value) error {
	if r.peek() != '[' {
		return d.mismatch(r, "List")
	}
	r.pos++
	list := reflect.MakeSlice(p.typ, 0, 4)
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
		list = grow(list)
		if err := d.element(n, func(e reflect.Value) error { return d.json(r, p.elem, e) }, list.Index(n-1)); err != nil {
			return err
		}
	}
	v.Set(list)
	d.check(p, v)
	return nil
}

// grow appends a zero element.
func grow(list reflect.Value) reflect.Value {
	n := list.Len()
	if n == list.Cap() {
		bigger := reflect.MakeSlice(list.Type(), n, 2*n+4)
		reflect.Copy(bigger, list)
		list = bigger
	}
	return list.Slice(0, n+1)
}

// element decodes the n-th element of a list, counted from 1.
func (d *decoder) element(n int, decode func(reflect.Value) error, e reflect.Value) error {
	if err := d.push(strconv.Itoa(n) + ".member"); err != nil {
		return err
	}
	if err := decode(e); err != nil {
		return err
	}
	d.pop()
	return nil
}

func (d *decoder) jsonMap(r *jsonReader, p *plan, v reflect.Value) error {
	if r.peek() != '{' {
		return d.mismatch(r, "Map")
	}
	r.pos++
	m := reflect.MakeMap(p.typ)
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
		if r.peek() == 'n' {
			return serializationError("null in map %s", d.where())
		}
		if err := d.entry(p, m, string(name), func(e reflect.Value) error { return d.json(r, p.elem, e) }); err != nil {
			return err
		}
	}
	v.Set(m)
	d.check(p, v)
	return nil
}

// entry decodes one entry of a map and refuses a key that was there before.
func (d *decoder) entry(p *plan, m reflect.Value, name string, decode func(reflect.Value) error) error {
	k := reflect.New(p.key.typ).Elem()
	k.SetString(name)
	if m.MapIndex(k).IsValid() {
		return serializationError("Duplicate key %q in %s.", name, d.where())
	}
	if err := d.push(name); err != nil {
		return err
	}
	d.check(p.key, k)
	e := reflect.New(p.elem.typ).Elem()
	if err := decode(e); err != nil {
		return err
	}
	d.pop()
	m.SetMapIndex(k, e)
	return nil
}

func (d *decoder) jsonScalar(r *jsonReader, p *plan, v reflect.Value) error {
	c := r.peek()
	isNumber := c == '-' || c >= '0' && c <= '9'
	switch p.Kind {
	case String, Blob:
		if c != '"' {
			return d.mismatch(r, p.Kind.String())
		}
		s, err := r.bytes()
		if err != nil {
			return err
		}
		if p.Kind == String {
			v.SetString(string(s))
			return nil
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

// setNumber sets an integer, a float or an epoch time from its text.
func (d *decoder) setNumber(p *plan, v reflect.Value, text string) error {
	switch p.Kind {
	case Integer, Long:
		n, ok := parseInt(text)
		if ok {
			n, ok = integer(p.Kind, n)
		}
		if !ok {
			return serializationError("%s cannot be converted to %s", text, p.Kind)
		}
		v.SetInt(n)
		return nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || p.Kind == Float && math.Abs(f) > math.MaxFloat32 {
		return serializationError("%s cannot be converted to %s", text, p.Kind)
	}
	if p.Kind == Timestamp {
		return setEpoch(v, f)
	}
	v.SetFloat(f)
	return nil
}

func setEpoch(v reflect.Value, seconds float64) error {
	if !(math.Abs(seconds) < 1e12) {
		return serializationError("timestamp out of range")
	}
	ms := math.Round(seconds * 1000)
	v.Set(reflect.ValueOf(time.UnixMilli(int64(ms)).UTC()))
	return nil
}

func setSpecialFloat(v reflect.Value, s string) error {
	switch s {
	case "NaN":
		v.SetFloat(math.NaN())
	case "Infinity":
		v.SetFloat(math.Inf(1))
	case "-Infinity":
		v.SetFloat(math.Inf(-1))
	default:
		return serializationError("STRING_VALUE cannot be converted to Float")
	}
	return nil
}

func setBlob(v reflect.Value, s []byte) error {
	b := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, err := base64.StdEncoding.Decode(b, s)
	if err != nil {
		return serializationError("invalid base64 in a blob")
	}
	v.SetBytes(b[:n])
	return nil
}

var kindNames = [...]string{"Structure", "List", "Map", "String", "Blob", "Boolean", "Integer", "Long", "Float", "Double", "Timestamp", "Document"}

func (k Kind) String() string { return kindNames[k] }

// timeLayouts are the forms AWS accepts, by format.
func (d *decoder) setTime(v reflect.Value, s string, format TimeFormat) error {
	if format == TimeUnix {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return serializationError("%q is not a timestamp", s)
		}
		return setEpoch(v, f)
	}
	layouts := []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"}
	if format == TimeHTTP {
		layouts = []string{"Mon, 02 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:05.999 GMT", time.RFC1123Z}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			v.Set(reflect.ValueOf(t.UTC()))
			return nil
		}
	}
	return serializationError("%q is not a timestamp", s)
}
