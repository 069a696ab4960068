package smithy

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"bartizan.dev/test/wire/equal"
	gen "bartizan.dev/test/wire/gen/smithy"
	"bartizan.dev/wire"
)

// testCase is written by update.
type testCase struct {
	Service, Op, Error, Kind, ID string
	Method, URI                  string
	Query                        []string
	Status                       int
	Headers                      map[string]string
	ForbidHeaders                []string
	Body                         *string
	MediaType, Contents          string
	Params                       json.RawMessage
}

func readCases(t *testing.T) []testCase {
	t.Helper()
	f, err := os.Open("testdata/cases.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out []testCase
	if err := json.NewDecoder(z).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// known reads known.txt: lines of a pattern of test IDs and the reason.
func known(t *testing.T) map[*regexp.Regexp]int {
	t.Helper()
	data, err := os.ReadFile("known.txt")
	if err != nil {
		t.Fatal(err)
	}
	out := map[*regexp.Regexp]int{}
	for line := range strings.Lines(string(data)) {
		pattern, reason, _ := strings.Cut(strings.TrimSpace(line), " ")
		if pattern == "" || pattern == "#" {
			continue
		}
		if reason == "" {
			t.Fatalf("known.txt: %s has no reason", pattern)
		}
		out[regexp.MustCompile("^(?:"+pattern+")$")] = 0
	}
	return out
}

// TestProtocols runs every test; what known.txt lists must still fail.
func TestProtocols(t *testing.T) {
	services, reasons := gen.All(), known(t)
	passed, listed := 0, 0
	for _, c := range readCases(t) {
		key := c.Kind + "/" + c.ID
		err := c.run(services[c.Service])
		var reason *regexp.Regexp
		for r := range reasons {
			if r.MatchString(key) {
				reason = r
				break
			}
		}
		switch {
		case err == nil && reason == nil:
			passed++
		case err == nil:
			t.Errorf("%s passes, but known.txt lists %s", key, reason)
		case reason == nil:
			t.Errorf("%s: %v", key, err)
		default:
			listed++
		}
		if reason != nil {
			reasons[reason]++
		}
	}
	for r, n := range reasons {
		if n == 0 {
			t.Errorf("known.txt lists %s, but there is no such test", r)
		}
	}
	t.Logf("%d tests pass, %d are listed in known.txt", passed, listed)
}

func (c *testCase) run(ops []wire.Operation) error {
	for i := range ops {
		if op := &ops[i]; op.Name == c.Op {
			switch {
			case c.Kind == "request":
				return c.request(op)
			case c.Kind == "malformed":
				return c.malformed(op)
			case c.Error != "":
				return c.errorAnswer(op.Service)
			}
			return c.response(op)
		}
	}
	return fmt.Errorf("no operation %s", c.Op)
}

// wire is the request as it arrives.
func (c *testCase) wire() (*wire.Request, error) {
	r := &wire.Request{Method: c.Method, Path: c.URI, Query: strings.Join(c.Query, "&"), Header: http.Header{}}
	if path, query, ok := strings.Cut(c.URI, "?"); ok {
		r.Path = path
		r.Query = strings.TrimPrefix(query+"&"+r.Query, "&")
	}
	for k, v := range c.Headers {
		r.Header.Set(k, v)
	}
	if c.Body != nil {
		r.Body = []byte(*c.Body)
	}
	if c.MediaType == "application/cbor" || r.Header.Get("Content-Type") == "application/cbor" && c.Body != nil {
		var err error
		r.Body, err = base64.StdEncoding.DecodeString(*c.Body)
		return r, err
	}
	return r, nil
}

// request routes a request, decodes it and compares the input with params.
func (c *testCase) request(op *wire.Operation) error {
	r, err := c.wire()
	if err != nil {
		return err
	}
	if p := op.Service.Protocol; p == wire.RESTJSON || p == wire.RESTXML {
		if i := wire.NewRouter(op.Service).Find(r.Method, r.Path, r.Query, r.Header); i < 0 || op.Service.Ops[i].Name != c.Op {
			return fmt.Errorf("routed to %d", i)
		}
	}
	in, err := op.Decode(r)
	if err != nil {
		return err
	}
	if op.In == wire.None {
		return nil
	}
	got, err := dump(op.Service, op.In, reflect.ValueOf(in))
	if err != nil {
		return err
	}
	return c.compare(op.Service, op.In, got)
}

func (c *testCase) params() (map[string]any, error) {
	want := map[string]any{}
	if c.Params == nil {
		return want, nil
	}
	return want, json.Unmarshal(c.Params, &want)
}

func (c *testCase) compare(s *wire.Service, shape uint16, got any) error {
	params, err := c.params()
	if err != nil {
		return err
	}
	if want := tidy(s, shape, params); !reflect.DeepEqual(tidy(s, shape, got), want) {
		return fmt.Errorf("\n got %v\nwant %v", got, want)
	}
	return nil
}

// response encodes an output made from params and compares the answer.
func (c *testCase) response(op *wire.Operation) error {
	params, err := c.params()
	if err != nil {
		return err
	}
	out := op.NewOut()
	if op.Out != wire.None {
		if err := fill(op.Service, op.Out, reflect.ValueOf(out).Elem(), params); err != nil {
			return err
		}
	}
	cbor := c.Headers["smithy-protocol"] != "" || c.MediaType == "application/cbor"
	res, err := op.Encode(out, "requestid", cbor)
	if err != nil {
		return err
	}
	if res.Stream != nil {
		body, err := dump(op.Service, 0, reflect.ValueOf(&res.Stream).Elem())
		if err != nil {
			return err
		}
		res.Body = []byte(body.(string))
	}
	return c.answer(op, res)
}

func (c *testCase) answer(op *wire.Operation, res *wire.Response) error {
	var errs []error
	if res.Status != c.Status {
		errs = append(errs, fmt.Errorf("status %d, want %d", res.Status, c.Status))
	}
	for k, v := range c.Headers {
		if k == "Content-Length" { // the gateway writes it
			continue
		}
		if got := http.Header(res.Header).Get(k); !sameHeader(got, v) {
			errs = append(errs, fmt.Errorf("header %s: got %q, want %q", k, got, v))
		}
	}
	for _, k := range c.ForbidHeaders {
		if got := http.Header(res.Header).Get(k); got != "" {
			errs = append(errs, fmt.Errorf("header %s: got %q, want none", k, got))
		}
	}
	if c.Body != nil {
		errs = append(errs, c.body(op, res))
	}
	return errors.Join(errs...)
}

func sameHeader(got, want string) bool {
	got, _, _ = strings.Cut(got, ";")
	want, _, _ = strings.Cut(want, ";")
	if got == "text/xml" && want == "application/xml" { // Route 53 and CloudFront answer so
		return true
	}
	return strings.ReplaceAll(got, ", ", ",") == strings.ReplaceAll(want, ", ", ",")
}

var metadata = regexp.MustCompile(`<ResponseMetadata>.*</ResponseMetadata>|<RequestId>.*</RequestId>`)

var ec2ID = regexp.MustCompile(`<requestId>.*</requestId>`)

func (c *testCase) body(op *wire.Operation, res *wire.Response) error {
	want := *c.Body
	switch c.MediaType {
	case "application/cbor":
		raw, err := base64.StdEncoding.DecodeString(want)
		if err != nil {
			return err
		}
		out := op.NewOut()
		back := &wire.Response{Status: res.Status, Header: res.Header, Body: raw}
		if err := op.DecodeResponse(back, out); err != nil || op.Out == wire.None {
			return err
		}
		again, err := op.Encode(out, "", true)
		if err != nil {
			return err
		}
		if string(again.Body) != string(res.Body) {
			return fmt.Errorf("body:\n got %x\nwant %x (%x)", res.Body, again.Body, raw)
		}
		return nil
	case "application/xml":
		body := res.Body
		if op.Service.Protocol == wire.Query {
			body = metadata.ReplaceAll(body, nil)
			want = metadata.ReplaceAllString(want, "")
		} else if !strings.Contains(want, "<requestId>") {
			body = ec2ID.ReplaceAll(body, nil)
		}
		return equal.Body(c.MediaType, body, []byte(want))
	}
	return equal.Body(c.MediaType, res.Body, []byte(want))
}

// errorAnswer encodes an error.
func (c *testCase) errorAnswer(s *wire.Service) error {
	params, err := c.params()
	if err != nil {
		return err
	}
	e := &wire.Error{Code: c.Error, Status: 400}
	for k, v := range params {
		switch v := v.(type) {
		case string:
			if strings.EqualFold(k, "message") {
				e.Message = v
				continue
			}
			e.Fields = append(e.Fields, wire.Field{Name: k, Value: v})
		default:
			return fmt.Errorf("wire.Field holds no %T", v)
		}
	}
	code := c.Error
	for _, x := range s.Errors { // the query protocols may name it otherwise
		if x.Code == "Customized" && c.Error == "CustomCodeError" {
			code = x.Code
		}
	}
	e.Code = code
	cbor := c.MediaType == "application/cbor"
	res := wire.EncodeError(s, cbor, e, "foo-id")
	if cbor {
		c.MediaType = ""
		c.Body = nil // __type has a namespace that botocore's models lack
	}
	op := &wire.Operation{Service: s, Op: &wire.Op{}}
	return c.answer(op, res)
}

// malformed decodes a request that must be refused.
func (c *testCase) malformed(op *wire.Operation) error {
	r, err := c.wire()
	if err != nil {
		return err
	}
	for k, v := range r.Header {
		if len(v) == 1 && v[0] == "" {
			delete(r.Header, k)
		}
	}
	in, err := op.Decode(r)
	if err == nil {
		return fmt.Errorf("accepted: %+v", in)
	}
	e := wire.AsError(err)
	if e.Code != c.Error || e.Status != c.Status {
		return fmt.Errorf("got %v (%d), want %s (%d)", e, e.Status, c.Error, c.Status)
	}
	if c.Error != "ValidationException" {
		return nil
	}
	// Smithy's framework words violations otherwise than AWS's services; their
	// number and places must agree.
	var want struct{ FieldList []struct{ Path string } }
	if err := json.Unmarshal([]byte(c.Contents), &want); err != nil {
		return err
	}
	if n := strings.Count(e.Message, "failed to satisfy constraint"); n != len(want.FieldList) {
		return fmt.Errorf("%d violations, want %d: %s", n, len(want.FieldList), e.Message)
	}
	for _, f := range want.FieldList {
		where := place(f.Path)
		list := where[:max(0, strings.LastIndexByte(strings.TrimSuffix(where, ".member"), '.'))]
		if !strings.Contains(e.Message, "'"+where+"'") && !strings.Contains(e.Message, "'"+list+"'") {
			return fmt.Errorf("no violation at %s or %s: %s", where, list, e.Message)
		}
	}
	return nil
}

// place writes a JSON pointer as AWS does: /list/0/x is list.1.member.x. What
// an element itself violates, AWS reports at the list.
func place(pointer string) string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, p := range parts {
		if n := 0; p != "" && p[0] >= '0' && p[0] <= '9' {
			if _, err := fmt.Sscan(p, &n); err == nil {
				parts[i] = fmt.Sprintf("%d.member", n+1)
			}
		}
	}
	return strings.Join(parts, ".")
}
