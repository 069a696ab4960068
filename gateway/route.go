package gateway

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"bartizan.dev/policy"
	"bartizan.dev/sigv4"
	"bartizan.dev/wire"
)

// service is a service in the routing tables, built or only named.
type service struct {
	Service
	ops    map[string]*operation
	router *wire.Router
	names  []wire.Op // every operation of AWS's service
	rules  sigv4.Rules
	source string // eventSource of its events
}

type operation struct {
	wire.Operation
	rule     policy.Rule
	readOnly bool
}

// routes find the service of a call.
type routes struct {
	signing map[string][]*service // by the service name of the credential scope
	target  map[string]*service   // by the prefix of X-Amz-Target
	id      map[string]*service   // by serviceId without spaces, for rpcv2Cbor
	version map[string]*service   // by the Version parameter of the query protocols
	model   map[string]*service   // by the model's name, for inner calls
	rest    []*service            // that route by path
}

func newRoutes(built []Service, named []wire.Service) routes {
	r := routes{
		signing: map[string][]*service{}, target: map[string]*service{}, id: map[string]*service{},
		version: map[string]*service{}, model: map[string]*service{},
	}
	for i := range named {
		r.add(&service{Service: Service{Model: &named[i]}, names: named[i].Ops})
	}
	for _, b := range built {
		s := &service{Service: b, ops: map[string]*operation{}, names: b.Model.Ops}
		if n := r.model[b.Model.Name]; n != nil {
			s.names = n.names
		}
		for _, op := range b.Operations {
			if b.Rules[op.Name].Absent {
				continue
			}
			s.ops[op.Name] = &operation{op, b.Rules[op.Name], readOnly(op.Name)}
		}
		r.add(s)
	}
	return r
}

func (r *routes) add(s *service) {
	m := s.Model
	s.rules, s.source = sigv4.RulesFor(m.Signing, ""), m.Endpoint+".amazonaws.com"
	if old := r.model[m.Name]; old != nil { // a built service replaces its name
		*old = *s
		s = old
	}
	r.model[m.Name] = s
	if !contains(r.signing[m.Signing], s) {
		r.signing[m.Signing] = append(r.signing[m.Signing], s)
	}
	r.id[strings.ReplaceAll(m.ID, " ", "")] = s
	switch m.Protocol {
	case wire.JSON10, wire.JSON11:
		r.target[m.Target] = s
		// Of CloudTrail's some SDKs send only the last part.
		r.target[m.Target[strings.LastIndexByte(m.Target, '.')+1:]] = s
	case wire.Query, wire.EC2:
		r.version[m.Version] = s
	default:
		s.router = wire.NewRouter(&wire.Service{Ops: s.names})
		if !contains(r.rest, s) {
			r.rest = append(r.rest, s)
		}
	}
}

func contains(list []*service, s *service) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

var errTooLarge = &wire.Error{Code: "RequestEntityTooLarge", Message: "The request body is too large.", Status: http.StatusRequestEntityTooLarge}

// route reads the body and finds service and operation: the rpcv2Cbor path,
// X-Amz-Target, the service of the signature, the Version parameter, the path.
func (x *exchange) route() error {
	x.signed = x.claim.Parse(x.r)
	if err := x.readBody(); err != nil {
		return err
	}
	h := x.r.Header
	x.cbor = h.Get("Smithy-Protocol") == "rpc-v2-cbor"
	x.facts.Region = x.claim.Scope.Region
	switch target := h.Get("X-Amz-Target"); {
	case x.cbor:
		x.service, x.name = x.g.routes.rpc(x.r.URL.Path)
	case target != "":
		prefix, name, _ := cutLast(target, '.')
		x.service, x.name = x.g.routes.target[prefix], name
	default:
		x.signedService(x.g.routes.signing[x.claim.Scope.Service])
		x.routeByForm(x.signed)
	}
	if x.service == nil {
		return x.unknownService()
	}
	if x.facts.Region == "" || x.service.Model.Global {
		x.facts.Region = regionOf(x.r.Host)
	}
	if x.op = x.service.ops[x.name]; x.op != nil {
		return nil
	}
	for i := range x.service.names {
		if x.service.names[i].Name == x.name {
			return nil // known, not built: verify first, then say so
		}
	}
	return unknownOperation(x.service.Model, x.name)
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// rpc reads /service/{id}/operation/{name}.
func (r *routes) rpc(path string) (*service, string) {
	parts := strings.Split(path, "/")
	if len(parts) != 5 || parts[1] != "service" || parts[3] != "operation" {
		return nil, ""
	}
	if s := r.target[parts[2]]; s != nil { // the shape name, which is the target prefix
		return s, parts[4]
	}
	return r.id[parts[2]], parts[4]
}

// signedService chooses among the services that share a signing name, such as
// IAM and its toolbox: the one whose paths have the call's, or the first.
func (x *exchange) signedService(list []*service) {
	for _, s := range list {
		if len(list) > 1 && s.router != nil && s.router.Find(x.r.Method, x.r.URL.EscapedPath(), x.r.URL.RawQuery, x.r.Header) >= 0 {
			x.service = s
			return
		}
	}
	for _, s := range list {
		if s.router == nil || len(list) == 1 {
			x.service = s
			return
		}
	}
	if len(list) > 0 {
		x.service = list[0]
	}
}

// routeByForm finds the operation of the query protocols and of REST. A call
// without a signature names its service by Version or by path.
func (x *exchange) routeByForm(parseErr error) {
	form := x.body
	if len(form) == 0 {
		form = []byte(x.r.URL.RawQuery)
	}
	if s := x.service; s == nil && parseErr != nil || s != nil && (s.Model.Protocol == wire.Query || s.Model.Protocol == wire.EC2) {
		if action := parameter(form, "Action"); action != "" {
			if s == nil {
				x.service = x.g.routes.version[parameter(form, "Version")]
			}
			x.name = action
			return
		}
	}
	try := x.g.routes.rest
	if x.service != nil {
		try = []*service{x.service}
	} else if parseErr == nil {
		return // signed for a service we do not know
	}
	for _, s := range try {
		if s.router == nil {
			continue
		}
		if i := s.router.Find(x.r.Method, x.r.URL.EscapedPath(), x.r.URL.RawQuery, x.r.Header); i >= 0 {
			x.service, x.name = s, s.names[i].Name
			return
		}
	}
}

// parameter returns the first value of a parameter in a form, without parsing
// the rest of it.
func parameter(form []byte, name string) string {
	for len(form) > 0 {
		var pair []byte
		pair, form, _ = bytes.Cut(form, []byte{'&'})
		if k, v, ok := bytes.Cut(pair, []byte{'='}); ok && string(k) == name {
			s, err := url.QueryUnescape(string(v))
			if err != nil {
				return ""
			}
			return s
		}
	}
	return ""
}

func (x *exchange) readBody() error {
	if x.r.ContentLength > x.g.MaxBody {
		return errTooLarge
	}
	if x.r.Body == nil || x.r.ContentLength == 0 {
		return nil
	}
	err := x.fillBody()
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return errTooLarge
		}
		return wire.Errorf("IncompleteBody", "The request body terminated unexpectedly.").With(err)
	}
	if int64(len(x.body)) > x.g.MaxBody {
		return errTooLarge
	}
	return nil
}

// fillBody reads the body into the room of the last one. What is announced to be
// short is given its room at once; what is longer gets it as it arrives.
func (x *exchange) fillBody() (err error) {
	if n := x.r.ContentLength; n > 0 && n <= maxKept {
		x.body = slices.Grow(x.body[:0], int(n))[:n]
		read, err := io.ReadFull(x.r.Body, x.body)
		x.body = x.body[:read]
		return err
	}
	body := bytes.NewBuffer(x.body[:0])
	_, err = body.ReadFrom(io.LimitReader(x.r.Body, x.g.MaxBody+1))
	x.body = body.Bytes()
	return err
}

// regionOf reads the Region from a host such as sts.eu-west-1.amazonaws.com;
// any other host stands for us-east-1, where AWS's global endpoints are.
func regionOf(host string) string {
	parts := strings.Split(host, ".")
	for i, p := range parts {
		if p == "amazonaws" && i >= 2 && strings.Count(parts[i-1], "-") >= 2 {
			return parts[i-1]
		}
	}
	return "us-east-1"
}

func unknownOperation(s *wire.Service, name string) *wire.Error {
	switch s.Protocol {
	case wire.Query, wire.EC2:
		if name == "" {
			return wire.Errorf("MissingAction", "The request must contain the parameter Action.")
		}
		return wire.Errorf("InvalidAction", "Could not find operation %s for version %s", name, s.Version)
	case wire.JSON10, wire.JSON11:
		return wire.Errorf("UnknownOperationException", "")
	}
	return wire.Errorf("UnknownOperationException", "The requested operation is not recognized by the service.").WithStatus(http.StatusNotFound)
}

// guess returns a stand-in for a service that is not known, which speaks the
// protocol the request seems to.
func (x *exchange) guess() *service {
	m := &wire.Service{Name: "unknown", Protocol: wire.RESTXML}
	switch kind := x.r.Header.Get("Content-Type"); {
	case x.r.Header.Get("X-Amz-Target") != "":
		m.Protocol = wire.JSON11
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		m.Protocol = wire.Query
	case strings.HasPrefix(kind, "application/json"):
		m.Protocol = wire.RESTJSON
	}
	return &service{Service: Service{Model: m}}
}

// unknownService answers a call for a service outside the mission.
func (x *exchange) unknownService() error {
	x.service = x.guess()
	name := x.claim.Scope.Service
	if name == "" {
		return wire.Errorf("UnknownService", "The request names no AWS service: it has no signature, no X-Amz-Target and no known path.").WithStatus(http.StatusNotFound)
	}
	return &wire.Error{Code: "NotImplemented", Status: http.StatusNotImplemented, Fault: true,
		Message: "Bartizan does not implement the service " + name + "."}
}

func tlsVersion(v uint16) string {
	switch v {
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return tls.VersionName(v)
}

func tlsSuite(id uint16) string { return tls.CipherSuiteName(id) }
