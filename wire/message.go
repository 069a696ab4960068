package wire

import (
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
)

// Request is a call as it travels: what of an HTTP request the protocols use.
type Request struct {
	Method string
	Path   string // escaped, as sent
	Query  string // raw, without the question mark
	Header http.Header
	Body   []byte
	Stream io.ReadCloser // the body of an operation that streams it, instead of Body
}

// Response is an answer as it travels.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	Stream io.ReadCloser // instead of Body
}

const (
	contentJSON10 = "application/x-amz-json-1.0"
	contentJSON11 = "application/x-amz-json-1.1"
	contentJSON   = "application/json"
	contentForm   = "application/x-www-form-urlencoded; charset=utf-8"
	contentText   = "text/xml"
	contentXML    = "application/xml"
	contentCBOR   = "application/cbor"
)

// Decode fills a new input from a request and checks it against the model. All
// violated constraints are reported in one error, as AWS does.
func (op *Operation) Decode(r *Request) (any, error) {
	in := op.New()
	p, v := op.in(), reflect.ValueOf(in).Elem()
	var d treeDecoder
	if err := d.request(op, p, r, v); err != nil {
		return nil, err
	}
	if err := d.err(op.Service.Protocol); err != nil {
		return nil, err
	}
	return in, nil
}

func (d *treeDecoder) request(op *Operation, p *plan, r *Request, v reflect.Value) error {
	if isCBOR(r.Header) {
		return d.decodeCBOR(p, r.Body, v)
	}
	switch op.Service.Protocol {
	case JSON10, JSON11:
		return d.jsonBody(p, r.Body, v)
	case Query, EC2:
		return d.formBody(op, p, r, v)
	}
	return d.rest(op, p, r, v)
}

// jsonBody decodes a JSON body; none at all stands for the empty object.
func (d *decoder) jsonBody(p *plan, body []byte, v reflect.Value) error {
	if len(body) == 0 {
		return d.complete(p, new(seen))
	}
	return d.decodeJSON(p, body, v)
}

// formBody decodes the parameters of the query protocols, which AWS takes from
// the body of a POST and from the query string of a GET.
func (d *treeDecoder) formBody(op *Operation, p *plan, r *Request, v reflect.Value) error {
	form := r.Body
	if len(form) == 0 {
		form = []byte(r.Query)
	}
	root, err := parseForm(form)
	if err != nil {
		return err
	}
	d.form, d.ec2 = true, op.Service.Protocol == EC2
	return d.structure(p, root, v)
}

// Encode writes the answer of a call.
func (op *Operation) Encode(out any, requestID string, cbor bool) (*Response, error) {
	p, v := op.out(), reflect.ValueOf(out).Elem()
	res := &Response{Status: 200, Header: make(http.Header, 4)}
	if op.Status != 0 {
		res.Status = op.Status
	}
	if cbor {
		res.set("Content-Type", contentCBOR)
		res.set("Smithy-Protocol", "rpc-v2-cbor")
		res.Body = appendCBOR(nil, p, v)
		return res, nil
	}
	switch op.Service.Protocol {
	case JSON10, JSON11:
		res.set("Content-Type", contentJSON11)
		if op.Service.Protocol == JSON10 {
			res.set("Content-Type", contentJSON10)
		}
		if op.Out != None {
			res.Body = appendJSON(make([]byte, 0, 512), p, v)
		}
	case Query:
		w := xmlWriter{b: make([]byte, 0, 1024)}
		w.open(op.Name+"Response", op.Service.Namespace)
		if op.Wrapper != "" {
			w.open(op.Wrapper, "")
		}
		w.members(p, v)
		if op.Wrapper != "" {
			w.close(op.Wrapper)
		}
		w.open("ResponseMetadata", "")
		w.leaf("RequestId", requestID)
		w.close("ResponseMetadata")
		w.close(op.Name + "Response")
		res.set("Content-Type", contentText)
		res.Body = w.b
	case EC2:
		w := xmlWriter{b: append(make([]byte, 0, 1024), `<?xml version="1.0" encoding="UTF-8"?>`...), ec2: true}
		w.open(op.Name+"Response", op.Service.Namespace)
		w.leaf("requestId", requestID)
		w.members(p, v)
		w.close(op.Name + "Response")
		res.set("Content-Type", "text/xml;charset=UTF-8")
		res.Body = w.b
	default:
		return res, op.encodeREST(res, p, v)
	}
	return res, nil
}

func (r *Response) set(name, value string) { r.Header[name] = []string{value} }

func isCBOR(h http.Header) bool {
	v := h["Smithy-Protocol"]
	return len(v) == 1 && v[0] == "rpc-v2-cbor"
}

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

// DecodeResponse reads a success as a client does. Nothing is checked.
func (op *Operation) DecodeResponse(res *Response, out any) error {
	p, v := op.out(), reflect.ValueOf(out).Elem()
	d := treeDecoder{decoder: decoder{lenient: true}}
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

// mediaType is a Content-Type without its parameters, in lower case.
func mediaType(h http.Header) string {
	t, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(t))
}
