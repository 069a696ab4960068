package wire

import (
	"encoding/json"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func fullSink() *sink {
	count, big, ratio, on, secret, path := int32(7), int64(math.MinInt64), -1.5e-9, true, "hunter2hunter2", "/a/b/"
	return &sink{
		Name: "alice", Kind: "BASIC", Count: &count, Big: &big, Ratio: &ratio, On: &on, Data: []byte{0, 255, 'a'},
		When: time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC), Tags: []tag{{"k1", "v <&> \"1\""}, {"k2", "é😀\n"}},
		Words: []string{"b", "", "a"}, Labels: map[string]string{"x": "1", "y": ""}, Next: &sink{Name: "bob", Tags: []tag{}},
		Secret: &secret, Path: &path, Rows: [][]string{{"a"}, {"b", "c"}}, Sized: map[string]int32{"n": -1}, Names: []string{"n"}, Kinds: []string{"API_KEY"},
	}
}

// TestRoundTrip sends an input with every kind of value through each protocol
// and back.
func TestRoundTrip(t *testing.T) {
	for name, c := range map[string]struct {
		protocol Protocol
		cbor     bool
		lost     func(*sink) // what the protocol cannot say
	}{
		"awsJson1_0": {JSON10, false, nil},
		"awsJson1_1": {JSON11, false, nil},
		"rpcv2Cbor":  {JSON11, true, nil},
		"restJson1":  {RESTJSON, false, nil},
		"restXml":    {RESTXML, false, nil},
		"awsQuery":   {Query, false, nil},
		"ec2Query": {EC2, false, func(s *sink) { // no maps; an empty list is none
			s.Labels, s.Sized, s.Next.Tags = nil, nil, nil
		}},
	} {
		op := sinkOp("sinks", c.protocol)
		want := fullSink()
		if c.lost != nil {
			c.lost(want)
		}
		var r *Request
		if c.cbor {
			r = op.EncodeCBORRequest(want)
		} else {
			var err error
			if r, err = op.EncodeRequest(want); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		got, err := op.Decode(r)
		if err != nil {
			t.Errorf("%s: %v in %s", name, err, r.Body)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: request %s\n got %s\nwant %s", name, r.Body, show(got), show(want))
		}
		res, err := op.Encode(want, "id", c.cbor)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		back := op.NewOut()
		if err := op.DecodeResponse(res, back); err != nil {
			t.Errorf("%s: %v in %s", name, err, res.Body)
		} else if !reflect.DeepEqual(back, want) {
			t.Errorf("%s: answer %s\n got %s\nwant %s", name, res.Body, show(back), show(want))
		}
	}
}

func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// TestBound does the same outside the body.
func TestBound(t *testing.T) {
	n := int32(5)
	want := &bound{
		ID: "a+b", Max: &n, Words: []string{"x y", "z"}, When: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		List: []string{"a", "b, c", `d"`}, Meta: map[string]string{"one": "1", "two": "2"}, Rest: &sink{Name: "n"},
	}
	for _, p := range []Protocol{RESTJSON, RESTXML} {
		op := boundOp(p)
		r, err := op.EncodeRequest(want)
		if err != nil {
			t.Fatal(err)
		}
		if got := NewRouter(op.Service).Find(r.Method, r.Path, r.Query, r.Header); got != 0 {
			t.Errorf("%v: %s %s is routed to %d", p, r.Method, r.Path, got)
		}
		if got, err := op.Decode(r); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: %v\n got %s\nwant %s", p, err, show(got), show(want))
		}
	}
}

func TestRouter(t *testing.T) {
	ops := ParseOps(`GET / ListBuckets
GET /{Bucket} ListObjects
GET /{Bucket}?list-type=2 ListObjectsV2
GET /{Bucket}?analytics ListAnalytics
GET /{Bucket}?analytics&id GetAnalytics
GET /{Bucket}/{Key+} GetObject
PUT /{Bucket}/{Key+} PutObject
PUT /{Bucket}/{Key+} CopyObject x-amz-copy-source
PUT /{Bucket}/{Key+}?partNumber&uploadId UploadPart
GET /tags/{arn+}/of/{kind} TagsOf
GET /tags/fixed Fixed
POST /echo Other
POST /echo Echo`)
	router := NewRouter(&Service{Ops: ops})
	for _, c := range []struct{ method, path, query, header, want string }{
		{"GET", "/", "", "", "ListBuckets"},
		{"GET", "/b", "", "", "ListObjects"},
		{"GET", "/b/", "", "", "ListObjects"},
		{"GET", "/b", "prefix=a", "", "ListObjects"},
		{"GET", "/b", "list-type=2&prefix=a", "", "ListObjectsV2"},
		{"GET", "/b", "list-type=1", "", "ListObjects"},
		{"GET", "/b", "analytics", "", "ListAnalytics"},
		{"GET", "/b", "analytics&id=a", "", "GetAnalytics"},
		{"GET", "/b/k/with/slashes", "", "", "GetObject"},
		{"PUT", "/b/k", "", "", "PutObject"},
		{"PUT", "/b/k", "", "/other/key", "CopyObject"},
		{"PUT", "/b/k", "partNumber=1&uploadId=x", "", "UploadPart"},
		{"GET", "/tags/arn:a/b/of/c", "", "", "TagsOf"},
		{"GET", "/tags/fixed", "", "", "Fixed"},
		{"POST", "/echo", "x-id=Echo", "", "Echo"},
		{"POST", "/echo", "x-id=ListBuckets", "", "Other"},
		{"DELETE", "/b", "", "", ""},
		{"GET", "//k", "", "", ""},
		{"get", "/b", "", "", ""},
	} {
		h := map[string][]string{}
		if c.header != "" {
			h["X-Amz-Copy-Source"] = []string{c.header}
		}
		got := ""
		if i := router.Find(c.method, c.path, c.query, h); i >= 0 {
			got = ops[i].Name
		}
		if got != c.want {
			t.Errorf("%s %s?%s: got %q, want %q", c.method, c.path, c.query, got, c.want)
		}
	}
}

func TestLabels(t *testing.T) {
	op := &Op{URI: "/tags/{arn+}/of/{kind}"}
	got, err := op.labels("/tags/a%2Fb/c/of/d%20e")
	if err != nil || got["arn"] != "a/b/c" || got["kind"] != "d e" {
		t.Errorf("%v %v", got, err)
	}
	if _, err := op.labels("/tags/%zz/of/d"); err == nil {
		t.Error("a bad escape is read")
	}
}

// TestErrors holds each protocol's form of an error, with the status and the
// message's name that the model gives.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name, body, kind string
		cbor             bool
	}{
		{"json", `{"__type":"GoneException","Message":"no \"x\"","Reason":"why","Retry":3,"Ids":["a","b"]}`, "GoneException", false},
		{"guardduty", `{"Message":"no \"x\"","Reason":"why","Retry":3,"Ids":["a","b"]}`, "GoneException", false},
		{"sts", `<ErrorResponse xmlns="https://example.com/"><Error><Type>Sender</Type><Code>GoneException</Code><Message>no &quot;x&quot;</Message><Reason>why</Reason><Retry>3</Retry><Ids>[a b]</Ids></Error><RequestId>id</RequestId></ErrorResponse>`, "", false},
		{"s3", `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Error><Code>GoneException</Code><Message>no &quot;x&quot;</Message><Reason>why</Reason><Retry>3</Retry><Ids>[a b]</Ids><RequestId>id</RequestId></Error>`, "", false},
		{"ec2", `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Response><Errors><Error><Code>GoneException</Code><Message>no &quot;x&quot;</Message></Error></Errors><RequestID>id</RequestID></Response>`, "", false},
		{"json", "\xbf\x66__type\x6dGoneException\x67Message\x66no \"x\"\x66Reason\x63why\x65Retry\x03\x63Ids\x82\x61a\x61b\xff", "", true},
	} {
		s := namedOp(c.name).Service
		s.Namespace = "https://example.com/"
		s.Errors = []Exception{{Code: "GoneException", Status: 410, Message: "Message"}}
		e := Errorf("GoneException", "no %q", "x")
		e.Cause = io.ErrUnexpectedEOF
		e.Fields = []Field{{"Reason", "why"}, {"Retry", 3}, {"Ids", []string{"a", "b"}}}
		res := EncodeError(s, c.cbor, e, "id")
		if string(res.Body) != c.body || res.Status != 410 || res.Header.Get("X-Amzn-Errortype") != c.kind {
			t.Errorf("%s: %d %v\n got %q\nwant %q", c.name, res.Status, res.Header, res.Body, c.body)
		}
		if e.Status != 400 || strings.Contains(string(res.Body), "EOF") {
			t.Errorf("%s: the error changed (%d) or told its cause", c.name, e.Status)
		}
	}
}
