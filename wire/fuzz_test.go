package wire

import (
	"bytes"
	"net/http"
	"testing"
)

// free takes the constraints out of an operation's service, so that every
// input that has the protocol's form is read.
func free(op Operation) Operation {
	for i := range op.Service.Shapes {
		s := &op.Service.Shapes[i]
		s.Bound, s.Pattern, s.Enum = 0, "", nil
		for j := range s.Members {
			s.Members[j].Required = false
		}
	}
	return op
}

// again: what was read is written as a message that reads the same; but a form
// cannot write an empty structure.
func again(t *testing.T, op Operation, r *Request, encode func(in any) (*Request, error)) {
	in, err := op.Decode(r)
	if err != nil {
		if AsError(err).Code == "InternalFailure" {
			t.Fatalf("not an error for the caller: %v", err)
		}
		return
	}
	first, err := encode(in)
	if err != nil {
		t.Fatalf("encode %+v: %v", in, err)
	}
	back, err := op.Decode(first)
	if err != nil {
		t.Fatalf("decode %s %s?%s %q: %v", first.Method, first.Path, first.Query, first.Body, err)
	}
	second, err := encode(back)
	if err != nil {
		t.Fatal(err)
	}
	if same := bytes.Equal(first.Body, second.Body) && first.Path == second.Path && first.Query == second.Query; !same && op.Service.Protocol != Query {
		t.Fatalf("came back changed:\n%q\n%q", first.Body, second.Body)
	}
	op.AppendInput(nil, in)
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"Name":"a","Kind":"BASIC","Count":1,"Big":-9223372036854775808,"Ratio":1e-7,"On":true,"Data":"AAE=","When":1.5}`,
		`{"Tags":[{"Key":"k","Value":"\u00e9\ud83d\ude00"}],"Words":["","a"],"Labels":{"a":"b"},"Next":{"Next":{}},"Anything":[1,{"a":null}]}`,
		`{"Ratio":"NaN","When":"2026-01-02T03:04:05.678Z","Rows":[[],["a"]],"Sized":{"a":1},"Unknown":[[[]]]}`,
	} {
		f.Add([]byte(s))
	}
	op := free(sinkOp("sinks", JSON11))
	f.Fuzz(func(t *testing.T, body []byte) { again(t, op, &Request{Body: body}, op.EncodeRequest) })
}

func FuzzCBOR(f *testing.F) {
	op := free(sinkOp("sinks", JSON11))
	for _, s := range []string{`{"Name":"a","Count":1,"Big":-1,"Ratio":0.1,"On":true,"Data":"AAE=","When":1.5}`, `{"Words":["a"],"Labels":{"a":"b"},"Next":{"Tags":[{"Key":"k"}]}}`} {
		in, err := op.Decode(&Request{Body: []byte(s)})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(op.EncodeCBORRequest(in).Body)
	}
	f.Add([]byte("\xbf\x65Ratio\xf9\x3c\x00\x64When\xc1\x1a\x00\x00\x00\x01\x64Name\x7f\x61a\x61b\xff\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		again(t, op, &Request{Header: cborHeader, Body: body}, func(in any) (*Request, error) { return op.EncodeCBORRequest(in), nil })
	})
}

func FuzzXML(f *testing.F) {
	for _, s := range []string{
		`<?xml version="1.0"?><Sink xmlns="x"><Name>a &amp; b</Name><Count>1</Count><On>true</On><When>2026-01-02T03:04:05Z</When></Sink>`,
		`<Sink><Tags><member><Key>k</Key><Value><![CDATA[<v>]]></Value></member></Tags><Labels><entry><key>a</key><value>b</value></entry></Labels><!-- c --><Next/></Sink>`,
	} {
		f.Add([]byte(s))
	}
	op := free(sinkOp("sinks", RESTXML))
	f.Fuzz(func(t *testing.T, body []byte) {
		again(t, op, &Request{Method: "POST", Path: "/sinks", Body: body}, op.EncodeRequest)
	})
}

func FuzzForm(f *testing.F) {
	f.Add([]byte(`Action=PutSink&Version=1&Name=a+b&Count=1&Tags.member.1.Key=k&Tags.member.2.Value=%C3%A9&Labels.entry.1.key=a&Labels.entry.1.value=b`), false)
	f.Add([]byte(`Name=a&Tags.1.Key=k&Next.Words.1=a&Next.Words.2=b`), true)
	query, ec2 := free(sinkOp("sinks", Query)), free(sinkOp("sinks", EC2))
	for i := range ec2.Service.Shapes { // EC2 has neither maps nor lists of lists
		if s := &ec2.Service.Shapes[i]; s.Kind == Map || i == shRows {
			s.Flat = true
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, isEC2 bool) {
		if !isEC2 {
			again(t, query, &Request{Body: body}, query.EncodeRequest)
			return
		}
		_, _ = ec2.Decode(&Request{Body: body})
	})
}

func FuzzREST(f *testing.F) {
	f.Add("/bounds/a%2Fb", "max=5&word=a&word=b", "Fri, 02 Jan 2026 03:04:05 GMT", `a, "b, c"`, []byte(`{"Rest":{"Name":"n"}}`))
	op := free(boundOp(RESTJSON))
	router := NewRouter(op.Service)
	f.Fuzz(func(t *testing.T, path, query, when, list string, body []byte) {
		h := http.Header{"X-When": {when}, "X-List": {list}, "X-Meta-A": {list}}
		if router.Find("PUT", path, query, h) < 0 {
			return
		}
		again(t, op, &Request{Method: "PUT", Path: path, Query: query, Header: h, Body: body}, op.EncodeRequest)
	})
}

func FuzzRoute(f *testing.F) {
	f.Add("GET", "/a/b/c", "x-id=Get&list-type=2")
	router := NewRouter(&Service{Ops: ParseOps("GET /{Bucket}/{Key+} GetObject\nGET /{Bucket}?list-type=2 ListObjectsV2\nGET /{Bucket}/{Key+}?uploadId ListParts\nPUT /{Bucket}/{Key+} CopyObject X-Amz-Copy-Source\nGET /tags/{arn+}/of/{n} Tags")})
	f.Fuzz(func(t *testing.T, method, path, query string) {
		router.Find(method, path, query, nil)
	})
}

// FuzzPlain holds plain against the definition.
func FuzzPlain(f *testing.F) {
	f.Add([]byte("0123456789abcdef\"x"))
	f.Add([]byte("00000\x9100"))
	f.Add([]byte("\x7f\x20\x1f5678901\xc3\xa9\\"))
	f.Fuzz(func(t *testing.T, b []byte) {
		want := 0
		for want < len(b) && b[want] >= ' ' && b[want] < 0x80 && b[want] != '"' && b[want] != '\\' {
			want++
		}
		if got := plain(b); got != want {
			t.Fatalf("plain(%q) is %d, want %d", b, got, want)
		}
	})
}
