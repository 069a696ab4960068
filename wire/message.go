package wire

import (
	"io"
	"net/http"
	"reflect"
	"sync"
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
	contentEC2    = "text/xml;charset=UTF-8"
	contentXML    = "application/xml"
	contentCBOR   = "application/cbor"
	contentPlain  = "text/plain"
	contentBinary = "application/octet-stream"

	xmlHead = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
)

// Decode fills a new input from a request and checks it against the model. All
// violated constraints are reported in one error, as AWS does.
func (op *Operation) Decode(r *Request) (any, error) {
	in := op.New()
	p, v := op.in(), reflect.ValueOf(in).Elem()
	if len(p.fields) == 0 && (op.Service.Protocol == Query || op.Service.Protocol == EC2) && !isCBOR(r.Header) {
		return in, checkForm(r.Body) // nothing to decode: GetCallerIdentity
	}
	d := decoders.Get().(*treeDecoder)
	defer decoders.Put(d)
	*d = treeDecoder{decoder: decoder{manner: op.Service.manner()}}
	if err := d.request(op, p, r, v); err != nil {
		return nil, err
	}
	if err := d.err(op.Service); err != nil {
		return nil, err
	}
	return in, nil
}

// decoders are used again: one has room for paths of the usual depth.
var decoders = sync.Pool{New: func() any { return new(treeDecoder) }}

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

// Encode writes the answer of a call.
func (op *Operation) Encode(out any, requestID string, cbor bool) (*Response, error) {
	res := &Response{Header: make(http.Header, 2)}
	op.EncodeInto(res, out, requestID, cbor)
	return res, nil
}

// EncodeInto is Encode into a response that has a Header and, to be used again,
// the room of a Body.
func (op *Operation) EncodeInto(res *Response, out any, requestID string, cbor bool) {
	p, v := op.out(), reflect.ValueOf(out).Elem()
	if res.Status = 200; op.Status != 0 {
		res.Status = op.Status
	}
	room := res.Body[:0]
	res.Body = nil
	if cbor {
		op.encodeCBOR(res, p, v)
		return
	}
	switch op.Service.Protocol {
	case JSON10, JSON11:
		res.set("Content-Type", contentJSON11)
		if op.Service.Protocol == JSON10 {
			res.set("Content-Type", contentJSON10)
		}
		if op.Out != None {
			res.Body = appendJSON(room, p, v)
		}
	case Query:
		w := xmlWriter{b: room}
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
		w := xmlWriter{b: append(room, `<?xml version="1.0" encoding="UTF-8"?>`...)}
		w.open(op.Name+"Response", op.Service.Namespace)
		w.leaf("requestId", requestID)
		w.members(p, v)
		w.close(op.Name + "Response")
		res.set("Content-Type", contentEC2)
		res.Body = w.b
	default:
		op.encodeREST(res, p, v)
	}
}

func (r *Response) set(name, value string) {
	if values := shared[value]; values != nil {
		r.Header[name] = values
		return
	}
	r.Header[name] = []string{value}
}

// shared are header values that answers have in common. Nobody writes to them:
// http.Header's methods copy on change.
var shared = map[string][]string{
	contentJSON10: {contentJSON10}, contentJSON11: {contentJSON11}, contentJSON: {contentJSON},
	contentText: {contentText}, contentEC2: {contentEC2}, contentXML: {contentXML},
	contentCBOR: {contentCBOR}, rpcv2Cbor: {rpcv2Cbor},
}
