package wire

import (
	"net/http"
	"net/url"
	"reflect"
)

// EncodeRequest writes a call as a client does. Path and query of a REST
// operation are filled in; Header has the Content-Type and what the protocol
// routes by, not the signature.
func (op *Operation) EncodeRequest(in any) (*Request, error) {
	p, v := op.in(), reflect.ValueOf(in).Elem()
	r := &Request{Method: "POST", Path: "/", Header: make(http.Header, 4)}
	switch op.Service.Protocol {
	case JSON10, JSON11:
		r.Header.Set("X-Amz-Target", op.Service.Target+"."+op.Name)
		r.Header.Set("Content-Type", contentJSON11)
		if op.Service.Protocol == JSON10 {
			r.Header.Set("Content-Type", contentJSON10)
		}
		r.Body = appendJSON(nil, p, v)
	case Query, EC2:
		f := url.Values{"Action": {op.Name}, "Version": {op.Service.Version}}
		w := formWriter{f, op.Service.Protocol == EC2}
		w.members(p, v, "")
		r.Header.Set("Content-Type", contentForm)
		r.Body = []byte(f.Encode())
	default:
		if err := op.encodeRESTRequest(r, p, v); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// EncodeCBORRequest writes a call as a client of rpcv2Cbor does. The path names
// the service by its shape, which is the target prefix of awsJson.
func (op *Operation) EncodeCBORRequest(in any) *Request {
	r := &Request{
		Method: "POST",
		Path:   "/service/" + op.Service.Target + "/operation/" + op.Name,
		Header: http.Header{"Smithy-Protocol": {rpcv2Cbor}, "Accept": {contentCBOR}},
	}
	if op.In != None {
		r.Header.Set("Content-Type", contentCBOR)
		r.Body = appendCBOR(nil, op.in(), reflect.ValueOf(in).Elem())
	}
	return r
}

// DecodeResponse reads a success as a client does, of rpcv2Cbor or of the
// service's own protocol as its headers say. Nothing is checked.
func (op *Operation) DecodeResponse(res *Response, out any) error {
	p, v := op.out(), reflect.ValueOf(out).Elem()
	d := treeDecoder{decoder: decoder{lenient: true}}
	if isCBOR(res.Header) {
		return d.decodeCBOR(p, res.Body, v)
	}
	switch op.Service.Protocol {
	case JSON10, JSON11:
		return d.jsonBody(p, res.Body, v)
	case Query, EC2:
		root, err := parseXML(res.Body)
		if err != nil {
			return err
		}
		d.ec2 = op.Service.Protocol == EC2
		if op.Wrapper != "" {
			if root = root.child(op.Wrapper); root == nil {
				return serializationError("no element %s", op.Wrapper)
			}
		}
		return d.structure(p, root, v)
	}
	return d.restResponse(op, p, res, v)
}

// formWriter writes a request of the query protocols.
type formWriter struct {
	form url.Values
	ec2  bool
}

func (w formWriter) members(p *plan, v reflect.Value, prefix string) {
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.present(v, i)
		if !ok {
			continue
		}
		name := f.form
		if f.flat() && f.plan.Kind == List && f.plan.ElemName != "" && !w.ec2 {
			name = f.plan.ElemName
		}
		w.value(f.plan, fv, prefix+name, f.flat())
	}
}

func (w formWriter) value(p *plan, v reflect.Value, name string, flat bool) {
	switch p.Kind {
	case Structure:
		w.members(p, v, name+".")
	case List:
		if v.Len() == 0 && !w.ec2 {
			w.form.Set(name, "")
		}
		if !flat && !w.ec2 {
			name += "." + orElse(p.ElemName, "member")
		}
		for i := range v.Len() {
			w.value(p.elem, v.Index(i), name+"."+itoa(i+1), false)
		}
	case Map:
		if !flat {
			name += ".entry"
		}
		for i, k := range sortedKeys(v) {
			n := name + "." + itoa(i+1) + "."
			w.form.Set(n+orElse(p.KeyName, "key"), k.String())
			w.value(p.elem, v.MapIndex(k), n+orElse(p.ElemName, "value"), false)
		}
	default:
		w.form.Set(name, scalarText(p, v, TimeISO))
	}
}
