package wire

import (
	"reflect"
	"unicode/utf8"
)

// xmlWriter writes answers of the query, ec2 and restXml protocols, and the
// bodies of restXml requests.
type xmlWriter struct {
	b []byte
}

func (w *xmlWriter) open(name, ns string) {
	w.b = append(append(w.b, '<'), name...)
	if ns != "" {
		w.b = append(append(append(w.b, ` xmlns="`...), ns...), '"')
	}
	w.b = append(w.b, '>')
}

func (w *xmlWriter) close(name string) {
	w.b = append(append(append(w.b, "</"...), name...), '>')
}

func (w *xmlWriter) leaf(name, text string) {
	w.open(name, "")
	w.text(text)
	w.close(name)
}

// text escapes s. Characters that XML 1.0 cannot hold become the replacement
// character.
func (w *xmlWriter) text(s string) {
	start := 0
	for i := 0; i < len(s); {
		c, size := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			if c, size = utf8.DecodeRuneInString(s[i:]); c != 0xFFFE && c != 0xFFFF && (c != utf8.RuneError || size > 1) {
				i += size
				continue
			}
		} else if plainXML[c] {
			i++
			continue
		}
		w.b = append(append(w.b, s[start:i]...), escaped(c)...)
		i += size
		start = i
	}
	w.b = append(w.b, s[start:]...)
}

// plainXML are the ASCII characters that stand for themselves.
var plainXML = func() (plain [utf8.RuneSelf]bool) {
	for c := range plain {
		plain[c] = c >= 0x20 || c == '\t' || c == '\n'
	}
	for _, c := range `&<>"` {
		plain[c] = false
	}
	return plain
}()

func escaped(c rune) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '"':
		return "&quot;"
	case '\r':
		return "&#xD;"
	}
	return "\uFFFD"
}

// members writes the present members of the body.
func (w *xmlWriter) members(p *plan, v reflect.Value) {
	for i := range p.fields {
		f := &p.fields[i]
		if f.Location != InBody || f.Attr {
			continue
		}
		fv, ok := f.present(v, i)
		if !ok {
			if f.Required && (f.plan.Kind == List || f.plan.Kind == Map) && !f.flat() {
				w.open(f.name, "")
				w.close(f.name)
			}
			continue
		}
		w.member(f, fv)
	}
}

func (w *xmlWriter) member(f *field, v reflect.Value) {
	if f.flat() {
		switch f.plan.Kind {
		case List:
			name := f.name
			if f.plan.ElemName != "" && f.Wire == "" {
				name = f.plan.ElemName
			}
			for i := range v.Len() {
				w.value(f.plan.elem, name, "", v.Index(i))
			}
			return
		case Map:
			for _, k := range sortedKeys(v) {
				w.open(f.name, "")
				w.entry(f.plan, k, v.MapIndex(k))
				w.close(f.name)
			}
			return
		}
	}
	ns := f.XMLNS
	if f.Prefix != "" || ns == "" && f.plan.Prefix == "" {
		ns = f.plan.XMLNS
	}
	w.value(f.plan, f.name, ns, v)
}

// namespace declares a namespace with a prefix inside a start tag.
func (w *xmlWriter) namespace(prefix, uri string) {
	w.b = append(append(append(append(append(w.b, " xmlns:"...), prefix...), `="`...), uri...), '"')
}

func (w *xmlWriter) entry(p *plan, k, v reflect.Value) {
	w.leaf(orElse(p.KeyName, "key"), k.String())
	w.value(p.elem, orElse(p.ElemName, "value"), "", v)
}

func (w *xmlWriter) value(p *plan, name, ns string, v reflect.Value) {
	switch p.Kind {
	case Structure:
		w.openStructure(p, name, ns, v)
		w.members(p, v)
		w.close(name)
	case List:
		w.open(name, ns)
		for i := range v.Len() {
			w.value(p.elem, orElse(p.ElemName, "member"), "", v.Index(i))
		}
		w.close(name)
	case Map:
		w.open(name, ns)
		for _, k := range sortedKeys(v) {
			w.open("entry", "")
			w.entry(p, k, v.MapIndex(k))
			w.close("entry")
		}
		w.close(name)
	default:
		w.open(name, ns)
		if p.Kind == String {
			w.text(v.String())
		} else { // numbers, timestamps and base64 need no escape
			w.b = appendScalar(w.b, p, v, TimeISO)
		}
		w.close(name)
	}
}

// openStructure opens an element with the structure's attributes.
func (w *xmlWriter) openStructure(p *plan, name, ns string, v reflect.Value) {
	w.b = append(append(w.b, '<'), name...)
	if ns == "" && p.Prefix == "" {
		ns = p.XMLNS
	}
	if ns != "" {
		w.b = append(append(append(w.b, ` xmlns="`...), ns...), '"')
	}
	if p.Prefix != "" {
		w.namespace(p.Prefix, p.XMLNS)
	}
	for i := range p.fields {
		f := &p.fields[i]
		if !f.Attr {
			continue
		}
		if fv, ok := f.present(v, i); ok {
			w.b = append(append(append(w.b, ' '), f.name...), `="`...)
			w.text(scalarText(f.plan, fv, TimeISO))
			w.b = append(w.b, '"')
		}
	}
	w.b = append(w.b, '>')
}
