package wire

import (
	"math"
	"reflect"
)

// decodeCBOR reads a whole CBOR document into v; an empty body stands for the
// empty map.
func (d *decoder) decodeCBOR(p *plan, data []byte, v reflect.Value) error {
	if len(data) == 0 {
		return d.complete(p, new(seen))
	}
	r := &cborReader{data: data}
	if err := d.cbor(r, p, v); err != nil {
		return err
	}
	if r.pos != len(data) {
		return r.fail("data after the value")
	}
	return nil
}

func (d *decoder) cbor(r *cborReader, p *plan, v reflect.Value) error {
	switch p.Kind {
	case Structure:
		return d.cborStructure(r, p, v)
	case List:
		return d.cborList(r, p, v)
	case Map:
		return d.cborMap(r, p, v)
	default:
		if err := d.cborScalar(r, p, v); err != nil {
			return err
		}
	}
	d.check(p, v)
	return nil
}

func (d *decoder) cborList(r *cborReader, p *plan, v reflect.Value) error {
	if err := d.spend(32); err != nil { // an empty list costs too
		return err
	}
	outer, list := d.open(), reflect.MakeSlice(p.typ, 0, 0)
	err := r.each(cborArray, func(i int) (err error) {
		if d.excess(p, i) {
			return r.skip(len(d.path))
		}
		if list, err = d.grow(p, list); err != nil {
			return err
		}
		if err := d.push(step{n: i + 1}); err != nil {
			return err
		}
		if err := d.cbor(r, p.elem, list.Index(i)); err != nil {
			return err
		}
		d.pop()
		return nil
	})
	if err != nil {
		return err
	}
	v.Set(list)
	d.checkAll(p, v, outer, false)
	return nil
}

func (d *decoder) cborMap(r *cborReader, p *plan, v reflect.Value) error {
	badKeys, outer := false, d.open()
	m := reflect.MakeMap(p.typ)
	e := reflect.New(p.elem.typ).Elem()
	err := r.each(cborMap, func(i int) error {
		name, err := r.chunk(cborText)
		if err != nil {
			return err
		}
		if d.excess(p, i) {
			return r.skip(len(d.path))
		}
		k, err := d.openEntry(p, m, string(name), &badKeys)
		if err != nil {
			return err
		}
		if err := d.cbor(r, p.elem, e); err != nil {
			return err
		}
		d.closeEntry(m, k, e)
		return nil
	})
	if err != nil {
		return err
	}
	v.Set(m)
	d.checkAll(p, v, outer, badKeys)
	return nil
}

func (d *decoder) cborStructure(r *cborReader, p *plan, v reflect.Value) error {
	var got seen
	next := 0
	err := r.each(cborMap, func(int) error {
		name, err := r.chunk(cborText)
		if err != nil {
			return err
		}
		i := p.findName(name, next)
		if i < 0 {
			return r.skip(len(d.path))
		}
		next = i + 1
		if !got.add(i) {
			return serializationError("Duplicate member %q.", clip(name))
		}
		if r.null() {
			got[i/64] &^= 1 << (i % 64)
			return nil
		}
		f := &p.fields[i]
		if err := d.push(step{name: f.Name}); err != nil {
			return err
		}
		if err := d.cbor(r, f.plan, f.target(v, i)); err != nil {
			return err
		}
		d.pop()
		return nil
	})
	if err != nil {
		return err
	}
	return d.complete(p, &got)
}

// findName is find by the model's name: rpcv2Cbor knows no other.
func (p *plan) findName(name []byte, next int) int {
	if next < len(p.fields) && p.fields[next].Name == string(name) {
		return next
	}
	if i, ok := p.byName[string(name)]; ok {
		return i
	}
	return -1
}

func (d *decoder) cborScalar(r *cborReader, p *plan, v reflect.Value) error {
	switch p.Kind {
	case String:
		s, err := r.chunk(cborText)
		v.SetString(string(s))
		return err
	case Blob, Document:
		s, err := r.chunk(cborBytes)
		v.SetBytes(append([]byte{}, s...))
		return err
	}
	major, n, indefinite, err := r.head()
	if err != nil {
		return err
	}
	if indefinite {
		return r.fail("wrong type")
	}
	if p.Kind == Timestamp {
		if major != cborTag || n != 1 {
			return r.fail("a timestamp wants tag 1")
		}
		if major, n, _, err = r.head(); err != nil {
			return err
		}
	}
	return d.setCBOR(r, p, v, major, n)
}

func (d *decoder) setCBOR(r *cborReader, p *plan, v reflect.Value, major byte, n uint64) error {
	if p.Kind == Boolean {
		if major != cborSimple || n != 20 && n != 21 {
			return r.fail("want a boolean")
		}
		v.SetBool(n == 21)
		return nil
	}
	var f float64
	switch major {
	case cborUint, cborNegative:
		if n > math.MaxInt64 {
			return r.fail("number out of range")
		}
		i := int64(n)
		if major == cborNegative {
			i = ^i
		}
		if p.Kind == Integer || p.Kind == Long {
			i, ok := integer(p.Kind, i)
			if !ok {
				return r.fail("number out of range")
			}
			v.SetInt(i)
			return nil
		}
		f = float64(i)
	case cborSimple | 25:
		f = halfFloat(uint16(n))
	case cborSimple | 26:
		f = float64(math.Float32frombits(uint32(n)))
	case cborSimple | 27:
		f = math.Float64frombits(n)
	default:
		return r.fail("want a number")
	}
	switch p.Kind {
	case Timestamp:
		return setEpoch(v, f)
	case Float, Double:
		v.SetFloat(f)
		return nil
	}
	return r.fail("want an integer")
}

// halfFloat reads an IEEE 754 binary16 (RFC 8949, appendix D).
func halfFloat(h uint16) float64 {
	exp, mant := int(h>>10&0x1f), float64(h&0x3ff)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(mant, -24)
	case 31:
		if f = math.Inf(1); mant != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(mant+1024, exp-25)
	}
	if h&0x8000 != 0 {
		return -f
	}
	return f
}
