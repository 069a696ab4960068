package wire

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strings"
)

func newBody(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// encodeRESTRequest writes a request of restJson1 or restXml.
func (op *Operation) encodeRESTRequest(r *Request, p *plan, v reflect.Value) error {
	r.Method = op.Method
	path, fixed, _ := strings.Cut(op.URI, "?")
	query, err := url.ParseQuery(fixed)
	if err != nil {
		return fmt.Errorf("wire: %s: %w", op.URI, err)
	}
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.present(v, i)
		if !ok {
			continue
		}
		switch f.Location {
		case InURI:
			s := scalarText(f.plan, fv, TimeISO)
			if strings.Contains(path, "{"+f.name+"+}") {
				path = strings.Replace(path, "{"+f.name+"+}", strings.ReplaceAll(url.PathEscape(s), "%2F", "/"), 1)
			} else {
				path = strings.Replace(path, "{"+f.name+"}", url.PathEscape(s), 1)
			}
		case InQuery:
			addQuery(query, f, fv)
		case InHeader:
			r.Header.Set(f.name, headerText(f.plan, fv))
		case InHeaders:
			for _, k := range sortedKeys(fv) {
				r.Header.Set(f.name+k.String(), fv.MapIndex(k).String())
			}
		}
	}
	r.Path, r.Query = path, query.Encode()
	return op.encodeRESTBody(r, p, v)
}

func addQuery(query url.Values, f *field, v reflect.Value) {
	if f.plan.Kind != Map { // the template may name it, to tell operations apart
		query.Del(f.name)
	}
	switch f.plan.Kind {
	case List:
		for i := range v.Len() {
			query.Add(f.name, scalarText(f.plan.elem, v.Index(i), TimeISO))
		}
	case Map:
		for _, k := range sortedKeys(v) {
			if query.Has(k.String()) {
				continue
			}
			if e := v.MapIndex(k); f.plan.elem.Kind == List {
				for i := range e.Len() {
					query.Add(k.String(), e.Index(i).String())
				}
			} else {
				query.Add(k.String(), e.String())
			}
		}
	default:
		query.Set(f.name, scalarText(f.plan, v, TimeISO))
	}
}

func (op *Operation) encodeRESTBody(r *Request, p *plan, v reflect.Value) error {
	xml := op.Service.Protocol == RESTXML
	if p.Payload > 0 {
		i := int(p.Payload) - 1
		res := Response{Header: r.Header}
		op.encodePayload(&res, &p.fields[i], v, i, "")
		if res.Header.Get("Content-Type") == contentText {
			res.set("Content-Type", contentXML)
		}
		r.Body, r.Stream = res.Body, res.Stream
		return nil
	}
	if !hasBody(p) {
		return nil
	}
	if !xml {
		r.Header.Set("Content-Type", contentJSON)
		r.Body = appendJSON(nil, p, v)
		return nil
	}
	r.Header.Set("Content-Type", contentXML)
	w := xmlWriter{}
	w.openStructure(p, orElse(op.Root, p.Name), op.RootNS, v)
	w.members(p, v)
	w.close(orElse(op.Root, p.Name))
	r.Body = w.b
	return nil
}

// restResponse reads an answer of restJson1 or restXml.
func (d *treeDecoder) restResponse(op *Operation, p *plan, res *Response, v reflect.Value) error {
	for i := range p.fields {
		f := &p.fields[i]
		switch f.Location {
		case InHeader, InHeaders:
			r := &Request{Header: res.Header}
			if _, err := d.bound(f, f.target, v, i, r, nil, nil); err != nil {
				return err
			}
		case InStatus:
			f.target(v, i).SetInt(int64(res.Status))
		}
	}
	if p.Payload > 0 {
		return d.payload(op, p, res.Body, res.Stream, v)
	}
	if len(res.Body) == 0 || !hasBody(p) {
		return nil
	}
	if op.Service.Protocol == RESTJSON {
		return d.jsonBody(p, res.Body, v)
	}
	root, err := parseXML(res.Body)
	if err != nil {
		return err
	}
	return d.structure(p, root, v)
}
