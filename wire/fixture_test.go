package wire

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// sink has a member of every kind; its shapes stand in sinkShapes.
type sink struct {
	Name     string
	Kind     string
	Count    *int32
	Big      *int64
	Ratio    *float64
	On       *bool
	Data     []byte
	When     time.Time
	Tags     []tag
	Words    []string
	Labels   map[string]string
	Next     *sink
	Anything json.RawMessage
	Secret   *string
	Path     *string
	Rows     [][]string
	Sized    map[string]int32
	Names    []string
	Kinds    []string
	Named    map[string]string
}

type tag struct{ Key, Value string }

const (
	shSink = iota
	shName
	shKind
	shCount
	shBig
	shRatio
	shOn
	shData
	shWhen
	shTags
	shTag
	shWord
	shWords
	shLabels
	shAnything
	shSecret
	shPath
	shRows
	shInteger
	shSized
	shBound
	shNames
	shKinds
	shNamed
)

func sinkShapes() []Shape {
	both := HasMin | HasMax
	return []Shape{
		shSink: {Name: "Sink", Members: []Member{
			{Name: "Name", Shape: shName, Required: true},
			{Name: "Kind", Shape: shKind},
			{Name: "Count", Shape: shCount},
			{Name: "Big", Shape: shBig},
			{Name: "Ratio", Shape: shRatio},
			{Name: "On", Shape: shOn},
			{Name: "Data", Shape: shData},
			{Name: "When", Shape: shWhen},
			{Name: "Tags", Shape: shTags},
			{Name: "Words", Shape: shWords},
			{Name: "Labels", Shape: shLabels},
			{Name: "Next", Shape: shSink},
			{Name: "Anything", Shape: shAnything},
			{Name: "Secret", Shape: shSecret},
			{Name: "Path", Shape: shPath},
			{Name: "Rows", Shape: shRows},
			{Name: "Sized", Shape: shSized},
			{Name: "Names", Shape: shNames},
			{Name: "Kinds", Shape: shKinds},
			{Name: "Named", Shape: shNamed},
		}},
		shName:     {Kind: String, Bound: both, Min: 1, Max: 64, Pattern: `[\w+=,.@-]+`},
		shKind:     {Kind: String, Enum: []string{"BASIC", "API_KEY"}},
		shCount:    {Kind: Integer, Bound: both, Min: 1, Max: 100},
		shBig:      {Kind: Long},
		shRatio:    {Kind: Double},
		shOn:       {Kind: Boolean},
		shData:     {Kind: Blob, Bound: both, Min: 1, Max: 4096},
		shWhen:     {Kind: Timestamp},
		shTags:     {Kind: List, Elem: shTag, Bound: HasMax, Max: 50},
		shTag:      {Name: "Tag", Members: []Member{{Name: "Key", Shape: shName, Required: true}, {Name: "Value", Shape: shWord, Required: true}}},
		shWord:     {Kind: String},
		shWords:    {Kind: List, Elem: shWord},
		shLabels:   {Kind: Map, Key: shWord, Elem: shWord},
		shAnything: {Kind: Document},
		shSecret:   {Kind: String, Sensitive: true, Bound: HasMin, Min: 8},
		shPath:     {Kind: String, Pattern: `(\x{002F})|(\x{002F}[\x{0021}-\x{007E}]+\x{002F})`},
		shRows:     {Kind: List, Elem: shWords},
		shInteger:  {Kind: Integer},
		shSized:    {Kind: Map, Key: shWord, Elem: shInteger},
		shNames:    {Kind: List, Elem: shName},
		shKinds:    {Kind: List, Elem: shKind},
		shNamed:    {Kind: Map, Key: shName, Elem: shName},
		shBound: {Name: "Bound", Members: []Member{
			{Name: "Id", Wire: "id", Shape: shName, Location: InURI, Required: true},
			{Name: "Max", Wire: "max", Shape: shCount, Location: InQuery},
			{Name: "Words", Wire: "word", Shape: shWords, Location: InQuery},
			{Name: "When", Wire: "X-When", Shape: shWhen, Location: InHeader},
			{Name: "List", Wire: "X-List", Shape: shWords, Location: InHeader},
			{Name: "Meta", Wire: "X-Meta-", Shape: shLabels, Location: InHeaders},
			{Name: "Rest", Shape: shSink},
		}},
	}
}

// bound has members outside the body.
type bound struct {
	ID    string
	Max   *int32
	Words []string
	When  time.Time
	List  []string
	Meta  map[string]string
	Rest  *sink
}

func echo[T any](_ context.Context, in *T) (*T, error) { return in, nil }

// sinkOp is an operation whose input and output are sinks.
func sinkOp(name string, p Protocol) Operation {
	s := &Service{
		Name: name, Protocol: p, CBOR: true, Target: "Sinks", Version: "2026-01-01", Shapes: sinkShapes(),
		Ops: []Op{{Name: "PutSink", Method: "POST", URI: "/sinks", In: shSink, Out: shSink}},
	}
	if p == Query {
		s.Ops[0].Wrapper = "PutSinkResult"
	}
	return Bind(s, 0, echo[sink])
}

func boundOp(p Protocol) Operation {
	s := &Service{
		Name: "bounds", Protocol: p, Shapes: sinkShapes(),
		Ops: []Op{{Name: "PutBound", Method: "PUT", URI: "/bounds/{id}", In: shBound, Out: shBound}},
	}
	return Bind(s, 0, echo[bound])
}

// emptyOp has no input, as GetCallerIdentity.
func emptyOp() Operation {
	s := &Service{
		Name: "sts", Protocol: Query, Shapes: []Shape{{Name: "Empty"}},
		Ops: []Op{{Name: "GetCallerIdentity", Out: 0, Wrapper: "GetCallerIdentityResult"}},
	}
	return Bind(s, 0, echo[struct{}])
}

var cborHeader = http.Header{"Smithy-Protocol": {"rpc-v2-cbor"}}
