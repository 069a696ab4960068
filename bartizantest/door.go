package bartizantest

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"bartizan.dev/sigv4"
	"bartizan.dev/wire"
)

// Door lets the generated clients call the server from outside, by HTTP and with
// a signature, in any Region:
//
//	keys := kmsapi.Client{Door: s.Door(s.Root(), "eu-central-1", kmsapi.Operations(kmsapi.Unimplemented{}))}
//
// Errors of the server are *wire.Error with code, message and status.
func (s *Server) Door(as Credentials, region string, operations []wire.Operation) wire.Door {
	return &door{s, as, region, operations}
}

type door struct {
	server     *Server
	as         Credentials
	region     string
	operations []wire.Operation
}

func (d *door) Call(ctx context.Context, m *wire.Service, op *wire.Op, in any) (any, error) {
	for i := range d.operations {
		if d.operations[i].Name == op.Name {
			return d.call(ctx, m, &d.operations[i], in)
		}
	}
	return nil, fmt.Errorf("bartizantest: no operation %s", op.Name)
}

func (d *door) call(ctx context.Context, m *wire.Service, op *wire.Operation, in any) (any, error) {
	sent, err := op.EncodeRequest(in)
	if err != nil {
		return nil, err
	}
	url := d.server.URL() + sent.Path
	if sent.Query != "" {
		url += "?" + sent.Query
	}
	r, err := http.NewRequestWithContext(ctx, sent.Method, url, bytes.NewReader(sent.Body))
	if err != nil {
		return nil, err
	}
	r.Header = sent.Header
	if err := sigv4.Sign(r, d.as, d.region, m.Signing, sigv4.HashPayload(sent.Body), time.Now()); err != nil {
		return nil, err
	}
	res, err := d.server.http.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= 300 {
		return nil, wireError(res, body)
	}
	out := op.NewOut()
	return out, op.DecodeResponse(&wire.Response{Status: res.StatusCode, Header: res.Header, Body: body}, out)
}

// wireError reads an error answer in JSON or XML.
func wireError(res *http.Response, body []byte) error {
	var inJSON struct {
		Type    string `json:"__type"`
		Message string // in either case
	}
	e := &wire.Error{Status: res.StatusCode}
	if json.Unmarshal(body, &inJSON) == nil {
		e.Code, e.Message = inJSON.Type[strings.LastIndexByte(inJSON.Type, '#')+1:], inJSON.Message
		if e.Code == "" {
			e.Code, _, _ = strings.Cut(res.Header.Get("X-Amzn-Errortype"), ":")
		}
		return e
	}
	var inXML struct {
		Error struct{ Code, Message string }
	}
	if err := xml.Unmarshal(body, &inXML); err != nil {
		return fmt.Errorf("bartizantest: status %d: %.200s", res.StatusCode, body)
	}
	e.Code, e.Message = inXML.Error.Code, inXML.Error.Message
	return e
}
