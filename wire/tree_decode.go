package wire

import (
	"reflect"
	"strings"
)

// A treeDecoder fills values from a tree: of a form, whose lists are numbered,
// or of XML, whose lists repeat.
type treeDecoder struct {
	decoder
	form   bool
	ec2    bool
	copies bool // strings are copied, so as not to keep a long message alive
}

func (d *treeDecoder) value(p *plan, n *node, v reflect.Value) error {
	switch p.Kind {
	case Structure:
		return d.structure(p, n, v)
	case List:
		return d.list(p, n, v, false)
	case Map:
		return d.mapping(p, n, v, false)
	}
	if d.form && n.kids > 0 {
		return Errorf("MalformedInput", "Unexpected complex element termination at %s", d.where())
	}
	if p.Kind == String {
		s := d.keep(n.text)
		v.SetString(s)
		d.checkString(p, s)
		return nil
	}
	if err := d.scalar(p, n.text, v); err != nil {
		return err
	}
	d.check(p, v)
	return nil
}

func (d *treeDecoder) keep(s string) string {
	if d.copies {
		return strings.Clone(s)
	}
	return s
}

func (d *treeDecoder) structure(p *plan, n *node, v reflect.Value) error {
	var got seen
	for i := range p.fields {
		f := &p.fields[i]
		if f.Location != InBody {
			continue
		}
		if f.Attr {
			d.attribute(f, n, v, i, &got)
		} else if err := d.member(f, n, v, i, &got); err != nil {
			return err
		}
	}
	return d.complete(p, &got)
}

func (d *treeDecoder) attribute(f *field, n *node, v reflect.Value, i int, got *seen) {
	for _, a := range n.attrs {
		if a.name == f.name {
			s := d.keep(a.value)
			f.target(v, i).SetString(s)
			d.checkString(f.plan, s)
			got.add(i)
			return
		}
	}
}

// member decodes one member, if it is there.
func (d *treeDecoder) member(f *field, n *node, v reflect.Value, i int, got *seen) error {
	name := f.name
	if d.form {
		name = f.form
	}
	repeated := f.flat() && (f.plan.Kind == List || f.plan.Kind == Map)
	if repeated && f.plan.Kind == List && f.plan.ElemName != "" && !d.ec2 {
		if d.form || n.child(name) == nil {
			name = f.plan.ElemName
		}
	}
	k := n.child(name)
	if k == nil {
		return nil
	}
	got.add(i)
	if err := d.push(step{name: f.Name}); err != nil {
		return err
	}
	target := f.target(v, i)
	var err error
	switch {
	case !repeated:
		err = d.value(f.plan, k, target)
	case d.form && f.plan.Kind == List:
		err = d.list(f.plan, k, target, true)
	case d.form:
		err = d.mapping(f.plan, k, target, true)
	case f.plan.Kind == List: // XML: the repeated elements are kids of n itself
		err = d.elements(f.plan, n, name, target)
	default:
		err = d.entries(f.plan, n, name, target)
	}
	if err != nil {
		return err
	}
	d.pop()
	return nil
}

// list decodes a list that has a node of its own. A form's list has its
// numbers below "member" (or another name), unless it is flat; an empty value
// is the empty list.
func (d *treeDecoder) list(p *plan, n *node, v reflect.Value, flat bool) error {
	if d.form {
		if !flat && !d.ec2 && !p.Flat {
			inner := n.child(orElse(p.ElemName, "member"))
			if inner == nil {
				if n.kids > 0 {
					return Errorf("MalformedInput", "Unexpected list element termination at %s", d.where())
				}
				inner = &node{}
			}
			n = inner
		}
		if err := n.sort(); err != nil {
			return err
		}
	}
	return d.elements(p, n, "", v)
}

// elements decodes the kids of n, or those with a name, as a list.
func (d *treeDecoder) elements(p *plan, n *node, name string, v reflect.Value) error {
	count := n.kids
	if name != "" {
		count = 0
		for k := n.first; k != nil; k = k.next {
			if k.name == name {
				count++
			}
		}
	}
	if d.excess(p, count-1) {
		count = int(p.Max) + 1
	}
	if err := d.spend(32 + count*int(p.elem.typ.Size())); err != nil {
		return err
	}
	outer, list := d.open(), reflect.MakeSlice(p.typ, count, count)
	i := 0
	for k := n.first; k != nil && i < count; k = k.next {
		if name != "" && k.name != name {
			continue
		}
		if err := d.push(step{n: i + 1}); err != nil {
			return err
		}
		if err := d.value(p.elem, k, list.Index(i)); err != nil {
			return err
		}
		d.pop()
		i++
	}
	v.Set(list)
	d.checkAll(p, v, outer, false)
	return nil
}

func (d *treeDecoder) mapping(p *plan, n *node, v reflect.Value, flat bool) error {
	if d.form {
		if !flat && !p.Flat {
			if n = n.child("entry"); n == nil {
				n = &node{}
			}
		}
		if err := n.sort(); err != nil {
			return err
		}
	}
	return d.entries(p, n, "", v)
}

// entries decodes the kids of n, or those with a name, as a map.
func (d *treeDecoder) entries(p *plan, n *node, name string, v reflect.Value) error {
	keyName, valueName := orElse(p.KeyName, "key"), orElse(p.ElemName, "value")
	badKeys, outer := false, d.open()
	m := reflect.MakeMap(p.typ)
	e := reflect.New(p.elem.typ).Elem()
	for k := n.first; k != nil; k = k.next {
		if name != "" && k.name != name {
			continue
		}
		if d.excess(p, m.Len()) {
			break
		}
		key, value := k.child(keyName), k.child(valueName)
		if key == nil {
			return Errorf("MalformedInput", "Missing key of map at %s", d.where())
		}
		if value == nil {
			value = &node{}
		}
		mk, err := d.openEntry(p, m, d.keep(key.text), &badKeys)
		if err != nil {
			return err
		}
		if err := d.value(p.elem, value, e); err != nil {
			return err
		}
		d.closeEntry(m, mk, e)
	}
	v.Set(m)
	d.checkAll(p, v, outer, badKeys)
	return nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
