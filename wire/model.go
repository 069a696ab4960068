// Package wire speaks AWS's protocols: awsJson 1.0 and 1.1, awsQuery, ec2Query,
// restJson1, restXml and rpcv2Cbor, in both directions, from one table per
// service that tools/gen writes. The model's constraints are checked while
// decoding, so that a handler never sees an input the model forbids.
package wire

import (
	"slices"
	"strings"
)

// Kind is the kind of a shape in a service model.
type Kind uint8

const (
	Structure Kind = iota
	List
	Map
	String
	Blob
	Boolean
	Integer // 32 bits
	Long    // 64 bits
	Float
	Double
	Timestamp
	Document // any JSON value
)

// TimeFormat says how a timestamp is written.
type TimeFormat uint8

const (
	TimeDefault TimeFormat = iota // the protocol's own
	TimeISO                       // 2006-01-02T15:04:05Z
	TimeUnix                      // seconds, with an optional fraction
	TimeHTTP                      // RFC 7231 IMF-fixdate
)

// Location says where a member travels in a REST protocol.
type Location uint8

const (
	InBody Location = iota
	InURI
	InQuery
	InHeader
	InHeaders // all headers that begin with Member.Wire
	InStatus
)

// Bound says which of Shape.Min and Shape.Max apply.
type Bound uint8

const (
	HasMin Bound = 1 << iota
	HasMax
)

// Shape is one type of a service model. Refs to other shapes are indices into
// Service.Shapes, because shapes are recursive and Go forbids initialisation
// cycles.
type Shape struct {
	Name      string // of a structure
	Kind      Kind
	Members   []Member // of a structure, in the model's order
	Elem      uint16   // of a list, or the value of a map
	Key       uint16   // of a map
	ElemName  string   // XML and query name of a list's element or a map's value
	KeyName   string   // XML and query name of a map's key
	Flat      bool     // list or map without an element around its entries
	Union     bool
	Sensitive bool   // never logged, never recorded
	Streaming bool   // a blob that travels as the body, unread
	Payload   int16  // 1 + index of the member that is the body; 0 for none
	XMLNS     string // namespace of the element
	Prefix    string // of the namespace
	Format    TimeFormat
	Bound     Bound
	Min, Max  int64  // length of strings, blobs, lists and maps; value of numbers
	Pattern   string // RE2, matched against the whole string
	Shown     string // the pattern as AWS shows it in messages, when it is not Pattern
	Enum      []string
}

// Member is a member of a structure; its Go field stands at the same index.
type Member struct {
	Name     string
	Wire     string // name on the wire, when it is not Name
	Form     string // name in an ec2Query request
	Shape    uint16
	Location Location
	Required bool
	Flat     bool   // flattened here, whatever the shape says
	Attr     bool   // an XML attribute
	Token    bool   // an idempotency token that clients fill in
	XMLNS    string // namespace of the element
	Prefix   string // of the namespace
	Format   TimeFormat
}

func (m *Member) wire() string {
	if m.Wire != "" {
		return m.Wire
	}
	return m.Name
}

// None is the index of no shape.
const None = ^uint16(0)

// Protocol is one of AWS's protocols.
type Protocol uint8

const (
	JSON10 Protocol = iota + 1
	JSON11
	Query
	EC2
	RESTJSON
	RESTXML
)

var protocolNames = [...]string{"", "json", "json", "query", "ec2", "rest-json", "rest-xml"}

// String returns the model's name of the protocol.
func (p Protocol) String() string { return protocolNames[p] }

// Op is one operation of a service model.
type Op struct {
	Name     string
	Method   string // HTTP method
	URI      string // path template and fixed query of a REST operation
	Header   string // a request header that tells it from another operation with the same path
	Status   int    // HTTP status of success; 0 means 200
	In, Out  uint16 // shapes, or None
	Wrapper  string // query: element around the result
	Root     string // restXml: element of the request body
	RootNS   string // restXml: its namespace
	Unsigned bool   // AWS takes the call without a signature
}

// Exception is an error of the model.
type Exception struct {
	Code    string // on the wire
	Status  int    // HTTP status, 400 if it is 0; the server is to blame from 500 on
	Message string // name of the message's member in JSON and CBOR, when it is not "message"
}

// Service is one service model.
type Service struct {
	Name      string // AWS's endpoint prefix or Bartizan's package name: kms, iam
	ID        string // serviceId
	Endpoint  string // endpointPrefix: the first label of the host
	Signing   string // service name in the credential scope
	Protocol  Protocol
	CBOR      bool   // the service also speaks rpcv2Cbor
	Version   string // apiVersion
	Target    string // X-Amz-Target prefix of awsJson
	Namespace string // XML namespace of responses
	Global    bool   // one endpoint for all Regions
	Ops       []Op
	Errors    []Exception // of all operations, sorted by code
	Shapes    []Shape

	plans plans
}

// ParseOps reads a list of operation names, or, for a REST service, lines of
// method, path, name and Op.Header: "GET /users ListUsers".
func ParseOps(list string) []Op {
	var ops []Op
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		if len(words) >= 3 && strings.HasPrefix(words[1], "/") {
			op := Op{Method: words[0], URI: words[1], Name: words[2], In: None, Out: None}
			if len(words) > 3 {
				op.Header = words[3]
			}
			ops = append(ops, op)
			continue
		}
		for _, name := range words {
			ops = append(ops, Op{Name: name, In: None, Out: None})
		}
	}
	return ops
}

// exception returns the model's exception with the code, or nil.
func (s *Service) exception(code string) *Exception {
	i, ok := slices.BinarySearchFunc(s.Errors, code, func(e Exception, code string) int { return strings.Compare(e.Code, code) })
	if !ok {
		return nil
	}
	return &s.Errors[i]
}

// Op returns the operation with the name, or nil.
func (s *Service) Op(name string) *Op {
	for i := range s.Ops {
		if s.Ops[i].Name == name {
			return &s.Ops[i]
		}
	}
	return nil
}
