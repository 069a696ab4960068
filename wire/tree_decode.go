package wire

import (
	"reflect"
	"strconv"
	"strings"
)

// A treeDecoder fills values from a tree: of a form, whose lists are numbered,
// or of XML, whose lists repeat.
type treeDecoder struct {
	decoder
	form bool
	ec2  bool
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
	if d.form && len(n.kids) > 0 {
		return Errorf("MalformedInput", "Unexpected complex element termination at %s", d.where())
	}
	if err := d.scalar(p, n.text, v); err != nil {
		return err
	}
	d.check(p, v)
	return nil
}

func (d *treeDecoder) structure(p *plan, n *node, v reflect.Value) error {
	var got seen
	for i := range p.fields {
		f := &p.fields[i]
		if f.Location != InBody {
			continue
		}
		name := f.name
		if d.form {
			name = f.form
		}
		if f.Attr {
			if !d.attribute(f, n, f.target, v, i) {
				continue
			}
			got.add(i)
			continue
		}
		if err := d.member(f, name, n, v, i, &got); err != nil {
			return err
		}
	}
	return d.complete(p, &got)
}

func (d *treeDecoder) attribute(f *field, n *node, target func(reflect.Value, int) reflect.Value, v reflect.Value, i int) bool {
	for _, a := range n.attrs {
		if qualified(a.Name) == f.name {
			target(v, i).SetString(a.Value)
			return true
		}
	}
	return false
}

// member decodes one member, if it is there.
func (d *treeDecoder) member(f *field, name string, n *node, v reflect.Value, i int, got *seen) error {
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
	if err := d.push(f.Name); err != nil {
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
	default: // XML: the repeated elements are kids of n itself
		all := &node{}
		for _, k := range n.kids {
			if k.name == name {
				all.kids = append(all.kids, k)
			}
		}
		if f.plan.Kind == List {
			err = d.elements(f.plan, all.kids, target)
		} else {
			err = d.entries(f.plan, all.kids, target)
		}
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
	kids := n.kids
	name := p.ElemName
	if name == "" {
		name = "member"
	}
	if d.form {
		if !flat && !d.ec2 && !p.Flat {
			inner := n.child(name)
			if inner == nil {
				if len(n.kids) > 0 {
					return Errorf("MalformedInput", "Unexpected list element termination at %s", d.where())
				}
				inner = &node{}
			}
			n = inner
		}
		var err error
		if kids, err = n.numbered(); err != nil {
			return err
		}
	}
	return d.elements(p, kids, v)
}

func (d *treeDecoder) elements(p *plan, kids []*node, v reflect.Value) error {
	list := reflect.MakeSlice(p.typ, len(kids), len(kids))
	for i, k := range kids {
		if err := d.element(i+1, func(e reflect.Value) error { return d.value(p.elem, k, e) }, list.Index(i)); err != nil {
			return err
		}
	}
	v.Set(list)
	d.check(p, v)
	return nil
}

func (d *treeDecoder) mapping(p *plan, n *node, v reflect.Value, flat bool) error {
	kids := n.kids
	if d.form {
		if !flat && !p.Flat {
			if n = n.child("entry"); n == nil {
				n = &node{}
			}
		}
		var err error
		if kids, err = n.numbered(); err != nil {
			return err
		}
	}
	return d.entries(p, kids, v)
}

func (d *treeDecoder) entries(p *plan, kids []*node, v reflect.Value) error {
	keyName, valueName := orElse(p.KeyName, "key"), orElse(p.ElemName, "value")
	m := reflect.MakeMap(p.typ)
	for _, k := range kids {
		key, value := k.child(keyName), k.child(valueName)
		if key == nil {
			return Errorf("MalformedInput", "Missing key of map at %s", d.where())
		}
		if value == nil {
			value = &node{}
		}
		if err := d.entry(p, m, strings.Clone(key.text), func(e reflect.Value) error { return d.value(p.elem, value, e) }); err != nil {
			return err
		}
	}
	v.Set(m)
	d.check(p, v)
	return nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// scalar sets a value from its text; forms and XML write them alike, and so do
// headers, query parameters and labels of the REST protocols.
func (d *decoder) scalar(p *plan, text string, v reflect.Value) error {
	switch p.Kind {
	case String:
		v.SetString(text)
		return nil
	case Blob:
		return setBlob(v, []byte(text))
	case Document:
		v.SetBytes([]byte(text))
		return nil
	}
	text = strings.TrimSpace(text)
	switch p.Kind {
	case Boolean:
		b, err := strconv.ParseBool(strings.ToLower(text))
		if err != nil {
			return Errorf("MalformedInput", "%q is not a boolean at %s", text, d.where())
		}
		v.SetBool(b)
		return nil
	case Timestamp:
		return d.setTime(v, text, p.Format)
	case Float, Double:
		if setSpecialFloat(v, text) == nil {
			return nil
		}
	}
	if err := d.setNumber(p, v, text); err != nil {
		return Errorf("MalformedInput", "%q is not a number at %s", text, d.where())
	}
	return nil
}
