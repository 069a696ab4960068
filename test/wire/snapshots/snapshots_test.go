package snapshots

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bartizan.dev/test/wire/equal"
	"bartizan.dev/test/wire/gen"
	"bartizan.dev/wire"
)

// A judge holds one service's operations. The model's constraints are taken
// out: the values of the snapshots are made up.
type judge struct {
	name    string
	service *wire.Service
	ops     []wire.Operation
	router  *wire.Router
}

func newJudge(name string, ops []wire.Operation) *judge {
	s := ops[0].Service
	for i := range s.Shapes {
		sh := &s.Shapes[i]
		sh.Bound, sh.Pattern, sh.Enum = 0, "", nil
	}
	return &judge{name: name, service: s, ops: ops, router: wire.NewRouter(s)}
}

func (j *judge) op(name string) *wire.Operation {
	for i := range j.ops {
		if j.ops[i].Name == name {
			return &j.ops[i]
		}
	}
	return nil
}

// TestSnapshots judges every snapshot of every module, and known.txt: what
// stands there must still fail.
func TestSnapshots(t *testing.T) {
	known := map[string]bool{}
	for _, f := range lines(t, "known.txt") {
		if len(f) < 4 {
			t.Fatalf("known.txt: %q has no reason", strings.Join(f, " "))
		}
		known[strings.Join(f[:3], " ")] = true
	}
	all := gen.All()
	passed, listed := 0, 0
	for _, m := range modules(t) {
		j := newJudge(m.service, all[m.service])
		before := passed + listed
		for kind, check := range map[string]func(snapshot) error{"request": j.request, "response": j.response, "error": j.error} {
			dir := filepath.Join(m.dir, "response_snapshot")
			if kind == "request" {
				dir = filepath.Join(m.dir, "request_snapshot")
			}
			for _, s := range snapshots(t, dir, kind) {
				key := fmt.Sprintf("%s %s %s", m.service, kind, s.name)
				err := check(s)
				switch {
				case errors.Is(err, errNotGenerated):
					continue
				case err == nil && known[key]:
					t.Errorf("known.txt lists %s, but it passes", key)
				case err == nil:
					passed++
				case known[key]:
					listed++
				default:
					t.Errorf("%s: %v", key, err)
				}
				delete(known, key)
			}
		}
		if before == passed+listed {
			t.Errorf("%s: no snapshots in %s", m.service, m.dir)
		}
	}
	for key := range known {
		t.Errorf("known.txt lists %s, but there is no such snapshot", key)
	}
	t.Logf("%d snapshots pass, %d are listed in known.txt", passed, listed)
}

var errNotGenerated = errors.New("the mission leaves this operation out")

// find routes a request as the gateway does.
func (j *judge) find(s snapshot, r *wire.Request) (*wire.Operation, error) {
	var name string
	switch j.service.Protocol {
	case wire.JSON10, wire.JSON11:
		prefix, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		if prefix != j.service.Target {
			return nil, fmt.Errorf("target prefix %s, not %s", prefix, j.service.Target)
		}
		name = op
	case wire.Query, wire.EC2:
		form, err := url.ParseQuery(string(r.Body))
		if err != nil {
			return nil, err
		}
		if v := form.Get("Version"); v != j.service.Version {
			return nil, fmt.Errorf("version %s, not %s", v, j.service.Version)
		}
		name = form.Get("Action")
	default:
		i := j.router.Find(r.Method, r.Path, r.Query, r.Header)
		if i < 0 {
			return nil, fmt.Errorf("no route for %s", s.first)
		}
		name = j.service.Ops[i].Name
	}
	if name != s.name {
		return nil, fmt.Errorf("routed to %s", name)
	}
	op := j.op(name)
	if op == nil {
		return nil, fmt.Errorf("no operation %s", name)
	}
	return op, nil
}

// inPart are the services of which only some operations are generated: see
// tools/gen/services.go.
var inPart = map[string]bool{"ec2": true, "ssm": true, "logs": true}

// request decodes a request and encodes it again: what does not come back was
// not in the decoded struct.
func (j *judge) request(s snapshot) error {
	if inPart[j.name] {
		if j.op(s.name) == nil {
			return errNotGenerated
		}
	}
	r := s.request()
	if j.name == "s3" { // the snapshots have the bucket in the host
		if op := j.op(s.name); op != nil && strings.HasPrefix(op.URI, "/{Bucket}") {
			r.Path = "/__Bucket__" + strings.TrimSuffix(r.Path, "/")
		}
	}
	op, err := j.find(s, r)
	if err != nil {
		return err
	}
	in, err := op.Decode(r)
	if err != nil {
		return err
	}
	if j.json() {
		if in, err = throughCBOR(op, in); err != nil {
			return err
		}
	}
	back, err := op.EncodeRequest(in)
	if err != nil {
		return err
	}
	if err := readStream(&back.Body, back.Stream); err != nil {
		return err
	}
	query := strings.TrimPrefix(strings.Replace("&"+r.Query, "&x-id="+s.name, "", 1), "&")
	return errors.Join(
		sameText("method", back.Method, r.Method),
		sameText("path", strings.TrimSuffix(unescaped(back.Path), "/"), strings.TrimSuffix(unescaped(r.Path), "/")),
		equal.Form(back.Query, query),
		equal.Headers(back.Header, r.Header, skippedRequest...),
		equal.Body(r.Header.Get("Content-Type"), back.Body, r.Body),
	)
}

// json says that the service speaks awsJson, so that it can move to rpcv2Cbor,
// as acm-pca, ds, shield, network-firewall and cloudhsmv2 have done.
func (j *judge) json() bool {
	return j.service.Protocol == wire.JSON10 || j.service.Protocol == wire.JSON11
}

// throughCBOR sends an input by way of rpcv2Cbor: no value may be lost there
// either.
func throughCBOR(op *wire.Operation, in any) (any, error) {
	return op.Decode(op.EncodeCBORRequest(in))
}

func answerThroughCBOR(op *wire.Operation, out any) (any, error) {
	res, err := op.Encode(out, "", true)
	if err != nil {
		return nil, err
	}
	back := op.NewOut()
	return back, op.DecodeResponse(res, back)
}

// skippedRequest are headers that the SDK's other middleware writes.
var skippedRequest = []string{"Content-Length", "X-Amz-Content-Sha256", "Content-Md5", "Accept"}

func unescaped(path string) string {
	s, err := url.PathUnescape(path)
	if err != nil {
		return err.Error()
	}
	return s
}

func sameText(what, got, want string) error {
	if got != want {
		return fmt.Errorf("%s: got %q, want %q", what, got, want)
	}
	return nil
}

func readStream(body *[]byte, stream io.ReadCloser) error {
	if stream == nil {
		return nil
	}
	var err error
	*body, err = io.ReadAll(stream)
	return err
}

// response decodes an answer as a client does and encodes it again.
func (j *judge) response(s snapshot) error {
	op := j.op(s.name)
	if op == nil {
		if inPart[j.name] {
			return errNotGenerated
		}
		return fmt.Errorf("no operation %s", s.name)
	}
	res, err := s.response()
	if err != nil {
		return err
	}
	out := op.NewOut()
	if err := op.DecodeResponse(res, out); err != nil {
		return err
	}
	if j.json() {
		if out, err = answerThroughCBOR(op, out); err != nil {
			return err
		}
	}
	back, err := op.Encode(out, "", false)
	if err != nil {
		return err
	}
	if err := readStream(&back.Body, back.Stream); err != nil {
		return err
	}
	skip := []string{"X-Amz-Target", "Content-Length"}
	if len(res.Body) == 0 {
		skip = append(skip, "Content-Type")
	}
	return errors.Join(
		sameStatus(back.Status, max(op.Status, 200)), // the snapshots always say 200
		equal.Headers(back.Header, res.Header, skip...),
		equal.Body(back.Header.Get("Content-Type"), back.Body, res.Body),
	)
}

// error encodes an error from its code, message and further members.
func (j *judge) error(s snapshot) error {
	res, err := s.response()
	if err != nil {
		return err
	}
	var body map[string]any
	if err := json.Unmarshal(res.Body, &body); err != nil {
		return err
	}
	e := wire.Errorf(s.name, "")
	for name, v := range body {
		if strings.EqualFold(name, "message") {
			e.Message = "__Message__"
			continue
		} else if name == "__type" {
			continue
		}
		e.Fields = append(e.Fields, wire.Field{Name: name, Value: fieldValue(v)})
	}
	if !slices.ContainsFunc(j.service.Errors, func(x wire.Exception) bool { return x.Code == s.name }) {
		if inPart[j.name] {
			return errNotGenerated
		}
		return fmt.Errorf("the model has no error %s", s.name)
	}
	back := wire.EncodeError(j.service, false, e, "")
	if kind := back.Header.Get("X-Amzn-Errortype"); kind != s.name {
		return fmt.Errorf("X-Amzn-Errortype %q", kind)
	}
	want := res.Body
	if j.service.Protocol == wire.RESTJSON { // AWS has the type in the header alone, the snapshots in the body
		delete(body, "__type")
		if want, err = json.Marshal(body); err != nil {
			return err
		}
	} else if back.Status/100 == res.Status/100 {
		// AWS's API references give 400 and 500 for all errors of awsJson; the
		// statuses of the snapshots come from Smithy's models.
		back.Status = res.Status
	}
	return errors.Join(
		sameStatus(back.Status, res.Status),
		equal.Headers(back.Header, res.Header, "X-Amz-Target", "X-Amzn-Errortype", "Content-Length"),
		equal.Body("application/json", back.Body, want),
	)
}

func sameStatus(got, want int) error {
	if got != want {
		return fmt.Errorf("status: got %d, want %d", got, want)
	}
	return nil
}

func fieldValue(v any) any {
	switch v := v.(type) {
	case float64:
		return int(v)
	case []any:
		var out []string
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return v
			}
			out = append(out, s)
		}
		return out
	}
	return v
}
