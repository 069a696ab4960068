package wire

import (
	"net/http"
)

// EncodeError writes an error as the service's protocol does. op may be nil:
// many errors come before the operation is known.
func EncodeError(s *Service, cbor bool, e *Error, requestID string) *Response {
	e = s.complete(e)
	res := &Response{Status: e.Status, Header: make(http.Header, 4)}
	if cbor {
		res.set("Content-Type", contentCBOR)
		res.set("Smithy-Protocol", rpcv2Cbor)
		res.Body = appendCBORError(nil, e)
		return res
	}
	switch s.Protocol {
	case JSON10, JSON11:
		res.set("Content-Type", contentJSON11)
		if s.Protocol == JSON10 {
			res.set("Content-Type", contentJSON10)
		}
		res.set("X-Amzn-Errortype", e.Code)
		res.Body = appendJSONError(nil, e, true)
	case RESTJSON:
		res.set("Content-Type", contentJSON)
		res.set("X-Amzn-Errortype", e.Code)
		res.Body = appendJSONError(nil, e, false)
	case EC2:
		w := xmlWriter{b: []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")}
		w.b = append(w.b, "<Response><Errors><Error>"...)
		w.leaf("Code", e.Code)
		w.leaf("Message", e.Message)
		w.b = append(w.b, "</Error></Errors>"...)
		w.leaf("RequestID", requestID)
		w.close("Response")
		res.set("Content-Type", contentEC2)
		res.Body = w.b
	default:
		res.set("Content-Type", s.xmlType())
		res.Body = errorXML(s, e, requestID)
	}
	return res
}

// complete adds what the model says of an error and the service left out: the
// HTTP status and the name of the message's member.
func (s *Service) complete(e *Error) *Error {
	x := s.exception(e.Code)
	if x == nil {
		return e
	}
	c := *e
	if x.Status != 0 && (c.Status == 0 || c.Status == http.StatusBadRequest) {
		c.Status, c.Fault = x.Status, c.Fault || x.Status >= 500
	}
	if c.MessageName == "" {
		c.MessageName = x.Message
	}
	return &c
}

func errorXML(s *Service, e *Error, requestID string) []byte {
	w := xmlWriter{}
	bare := s.Name == "s3"
	if bare {
		w.b = append(w.b, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"...)
	} else {
		w.open("ErrorResponse", s.Namespace)
	}
	w.open("Error", "")
	if !bare {
		kind := "Sender"
		if e.Fault {
			kind = "Receiver"
		}
		w.leaf("Type", kind)
	}
	w.leaf("Code", e.Code)
	w.leaf("Message", e.Message)
	for _, f := range e.Fields {
		w.leaf(f.Name, f.text())
	}
	if bare {
		w.leaf("RequestId", requestID)
		w.close("Error")
		return w.b
	}
	w.close("Error")
	w.leaf("RequestId", requestID)
	w.close("ErrorResponse")
	return w.b
}

// appendJSONError writes the type, if typed, the message, if there is one, and
// the further members.
func appendJSONError(b []byte, e *Error, typed bool) []byte {
	b = append(b, '{')
	if typed {
		b = AppendJSONString(append(b, `"__type":`...), e.Code)
	}
	member := func(name string) {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(AppendJSONString(b, name), ':')
	}
	if e.Message != "" {
		member(orElse(e.MessageName, "message"))
		b = AppendJSONString(b, e.Message)
	}
	for _, f := range e.Fields {
		member(f.Name)
		b = f.appendJSON(b)
	}
	return append(b, '}')
}
