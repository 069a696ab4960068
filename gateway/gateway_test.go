package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	iamapi "bartizan.dev/api/iam"
	"bartizan.dev/api/names"
	stsapi "bartizan.dev/api/sts"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/policy/explain"
	"bartizan.dev/sigv4"
	"bartizan.dev/trail"
	"bartizan.dev/wire"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// memo is a trail that remembers, and can be full.
type memo struct {
	mu     sync.Mutex
	events []trail.Event
	full   bool // nothing can be recorded
	scarce bool // little can
}

func (m *memo) Admit(context.Context) error {
	if m.full || m.scarce {
		return trail.ErrFull
	}
	return nil
}

func (m *memo) Append(_ context.Context, e *trail.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full {
		return trail.ErrFull
	}
	c := *e
	c.JSON = append([]byte(nil), e.JSON...)
	m.events = append(m.events, c)
	return nil
}

func (m *memo) Lookup(context.Context, trail.Query) (trail.Page, error) {
	return trail.Page{}, errors.New("not in this test")
}

func (m *memo) Close() error { return nil }

func (m *memo) last(t *testing.T) map[string]any {
	t.Helper()
	if len(m.events) == 0 {
		t.Fatal("nothing was recorded")
	}
	var v map[string]any
	if err := json.Unmarshal(m.events[len(m.events)-1].JSON, &v); err != nil {
		t.Fatalf("the event is no JSON: %v\n%s", err, m.events[len(m.events)-1].JSON)
	}
	return v
}

// people is a directory of one user, alice, with a policy.
type people struct {
	allow string
	fail  error
}

func (p *people) Credential(_ context.Context, key, token string) (Credential, error) {
	switch {
	case p.fail != nil:
		return Credential{}, p.fail
	case token == "expired":
		return Credential{}, ErrExpired
	case token != "":
		return Credential{}, ErrToken
	case key != "AKIAALICE":
		return Credential{}, ErrUnknownKey
	}
	return Credential{Secret: "secret", Identity: caller.Identity{
		Kind: caller.User, Account: "123456789012", ID: "AIDAALICE", ARN: "arn:aws:iam::123456789012:user/alice", Name: "alice", AccessKey: key,
	}}, nil
}

func (p *people) Usable(_ *caller.Identity, _, operation string) bool { return operation != "GetUser" }

func (p *people) Bounds(context.Context, string) (*Bounds, error) { return nil, nil }

func (p *people) Used(*caller.Identity, string, string, string) {}

func (p *people) Standing(_ context.Context, id *caller.Identity) (*Standing, error) {
	doc, err := policy.Parse([]byte(p.allow))
	if err != nil {
		return nil, err
	}
	return &Standing{
		Principal: policy.Principal{Kind: policy.User, Account: id.Account, ARN: id.ARN, ID: id.ID},
		Identity:  policy.Compile(policy.Labelled{Source: policy.Source{Type: policy.Identity, Name: "p"}, Document: doc}),
	}, nil
}

// toy serves two operations of IAM.
type toy struct {
	iamapi.Unimplemented
	calls int
}

func (s *toy) CreateUser(ctx context.Context, in *iamapi.CreateUserRequest) (*iamapi.CreateUserResponse, error) {
	s.calls++
	switch in.UserName {
	case "panic":
		panic("as asked")
	case "broken":
		return nil, errors.New("a secret of the inside")
	case "taken":
		return nil, wire.Errorf("EntityAlreadyExists", "User with name taken already exists.").WithStatus(409)
	}
	return &iamapi.CreateUserResponse{User: &iamapi.User{Path: "/", UserName: in.UserName, UserId: "AIDA", Arn: "arn", CreateDate: noon}}, nil
}

type fixture struct {
	g      *Gateway
	toy    *toy
	trail  *memo
	people *people
}

const allowAll = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

func rules(ops []wire.Operation) policy.Rules {
	out := policy.Rules{}
	for _, op := range ops {
		out[op.Name] = policy.OnAny(policy.Touch{Action: "iam:" + op.Name, Resource: "arn:aws:iam::123456789012:user/x", Account: "123456789012"})
	}
	return out
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{toy: &toy{}, trail: &memo{}, people: &people{allow: allowAll}}
	ops := iamapi.Operations(f.toy)
	stsOps := stsapi.Operations(stsapi.Unimplemented{})
	var err error
	f.g, err = New(Config{
		Services: []Service{
			{Model: iamapi.Model(), Operations: ops, Rules: rules(ops)},
			{Model: stsapi.Model(), Operations: stsOps, Rules: rules(stsOps)},
		},
		Names: names.Services(), Directory: f.people, Trail: f.trail,
		Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler), MaxBody: 1 << 16,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// send signs a request as alice and returns status and body.
func (f *fixture) send(t *testing.T, service, contentType, target, body string, change func(*http.Request)) (int, string, http.Header) {
	t.Helper()
	r := httptest.NewRequest("POST", "http://localhost/", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	sigv4.Sign(r, sigv4.Credentials{AccessKey: "AKIAALICE", Secret: "secret"}, "us-east-1", service, sigv4.HashPayload([]byte(body)), noon)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	f.g.ServeHTTP(w, r)
	out, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(out), w.Header()
}

const form = "application/x-www-form-urlencoded; charset=utf-8"

func (f *fixture) create(t *testing.T, name string) (int, string) {
	status, body, _ := f.send(t, "iam", form, "", "Action=CreateUser&Version=2010-05-08&UserName="+name, nil)
	return status, body
}

func TestAllowedCallIsAnsweredAndRecorded(t *testing.T) {
	f := newFixture(t)
	status, body := f.create(t, "bob")
	if status != 200 || !strings.Contains(body, "<UserName>bob</UserName>") || !strings.Contains(body, "<RequestId>") {
		t.Fatalf("%d %s", status, body)
	}
	e := f.trail.last(t)
	for member, want := range map[string]any{
		"eventVersion": "1.11", "eventSource": "iam.amazonaws.com", "eventName": "CreateUser", "awsRegion": "us-east-1",
		"recipientAccountId": "123456789012", "readOnly": false, "eventTime": "2026-11-23T12:00:00Z", "eventType": "AwsApiCall",
	} {
		if e[member] != want {
			t.Errorf("%s is %v, want %v", member, e[member], want)
		}
	}
	if id := e["userIdentity"].(map[string]any); id["type"] != "IAMUser" || id["userName"] != "alice" || id["accessKeyId"] != "AKIAALICE" {
		t.Errorf("userIdentity %v", id)
	}
	if p := e["requestParameters"].(map[string]any); p["userName"] != "bob" {
		t.Errorf("requestParameters %v", p)
	}
	if e["responseElements"] == nil || e["errorCode"] != nil {
		t.Errorf("event %v", e)
	}
}

func TestDenialIsAnsweredAndRecorded(t *testing.T) {
	f := newFixture(t)
	f.people.allow = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	status, body := f.create(t, "bob")
	const want = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::123456789012:user/x because no identity-based policy allows the iam:CreateUser action"
	if status != 403 || !strings.Contains(body, "<Code>AccessDenied</Code>") || !strings.Contains(body, want) {
		t.Fatalf("%d %s", status, body)
	}
	if f.toy.calls != 0 {
		t.Error("the method was called all the same")
	}
	e := f.trail.last(t)
	message, _ := e["errorMessage"].(string)
	before, id, _ := strings.Cut(message, ". Call the GetRequestAuthorizationDetails API with the following authorization id: ")
	if e["errorCode"] != "AccessDenied" || before != want || e["responseElements"] != nil {
		t.Errorf("event %v", e)
	}

	// Beside it lies what decided, under the event's id and where no call looks.
	var kept []string
	for i := range f.trail.events {
		if x := &f.trail.events[i]; x.Region == EvidenceRegion {
			kept = append(kept, x.Name)
			if x.Name == "Evidence" && (explain.EventID(id) != x.ID || x.ID != e["eventID"] || x.Username != e["requestID"]) {
				t.Errorf("evidence %s of request %s for authorization id %s of event %v", x.ID, x.Username, id, e["eventID"])
			}
		}
	}
	if !slices.Equal(kept, []string{"Document", "Evidence"}) {
		t.Errorf("kept %q", kept)
	}
	f.create(t, "bob") // the text is known now
	if n := len(f.trail.events); n != 5 {
		t.Errorf("%d events after the second denial, want 5", n)
	}
}

func TestErrorsOfMethods(t *testing.T) {
	f := newFixture(t)
	for name, want := range map[string]string{
		"taken":  "<Code>EntityAlreadyExists</Code>",
		"broken": "<Code>InternalFailure</Code>",
		"panic":  "<Code>InternalFailure</Code>",
	} {
		_, body := f.create(t, name)
		if !strings.Contains(body, want) {
			t.Errorf("%s: %s", name, body)
		}
		if strings.Contains(body, "secret") || strings.Contains(body, "as asked") || strings.Contains(body, "goroutine") {
			t.Errorf("%s tells the caller what is inside: %s", name, body)
		}
		if e := f.trail.last(t); e["errorCode"] == nil {
			t.Errorf("%s: the error was not recorded", name)
		}
	}
	if f.toy.calls != 3 {
		t.Errorf("%d calls", f.toy.calls)
	}
}

// What cannot be recorded does not happen.
func TestFullTrailRefuses(t *testing.T) {
	f := newFixture(t)
	f.trail.full = true
	status, body := f.create(t, "bob")
	if status != 503 || !strings.Contains(body, "ServiceUnavailable") {
		t.Errorf("%d %s", status, body)
	}
	if f.toy.calls != 0 {
		t.Error("the method was called")
	}
}

// When room is scarce it is kept for the events of reads.
func TestScarceTrailRefusesWrites(t *testing.T) {
	f := newFixture(t)
	f.trail.scarce = true
	if status, body := f.create(t, "bob"); status != 503 || f.toy.calls != 0 {
		t.Errorf("a write: %d %s, %d calls", status, body, f.toy.calls)
	}
	status, body, _ := f.send(t, "iam", "application/x-www-form-urlencoded", "", "Action=ListUsers&Version=2010-05-08", nil)
	if status == 503 || f.trail.last(t)["eventName"] != "ListUsers" {
		t.Errorf("a read: %d %s", status, body)
	}
}

func TestWhoIsNotWhoItSays(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*http.Request)
		status int
		code   string
	}{
		"no signature":  {func(r *http.Request) { r.Header.Del("Authorization") }, 403, "MissingAuthenticationToken"},
		"wrong secret":  {func(r *http.Request) { resign(r, "AKIAALICE", "wrong", noon) }, 403, "SignatureDoesNotMatch"},
		"unknown key":   {func(r *http.Request) { resign(r, "AKIANOBODY", "secret", noon) }, 403, "InvalidClientTokenId"},
		"old signature": {func(r *http.Request) { resign(r, "AKIAALICE", "secret", noon.Add(-time.Hour)) }, 403, "SignatureDoesNotMatch"},
		"forged token":  {func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "forged") }, 403, "InvalidClientTokenId"},
		"expired token": {func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "expired") }, 403, "ExpiredToken"},
		"changed body": {func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader("Action=CreateUser&Version=2010-05-08&UserName=eve"))
		}, 403, "SignatureDoesNotMatch"},
	} {
		f := newFixture(t)
		status, body, _ := f.send(t, "iam", form, "", "Action=CreateUser&Version=2010-05-08&UserName=bob", tc.change)
		if status != tc.status || !strings.Contains(body, "<Code>"+tc.code+"</Code>") {
			t.Errorf("%s: %d %s, want %d %s", name, status, body, tc.status, tc.code)
		}
		if f.toy.calls != 0 || len(f.trail.events) != 0 {
			t.Errorf("%s: called %d times, recorded %d", name, f.toy.calls, len(f.trail.events))
		}
	}
}

func resign(r *http.Request, key, secret string, at time.Time) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	r.Header.Del("Authorization")
	sigv4.Sign(r, sigv4.Credentials{AccessKey: key, Secret: secret}, "us-east-1", "iam", sigv4.HashPayload(body), at)
}

// A directory that cannot answer refuses: it does not let through.
func TestDirectoryFailureRefuses(t *testing.T) {
	f := newFixture(t)
	f.people.fail = errors.New("the database is gone")
	status, body := f.create(t, "bob")
	if status != 500 || !strings.Contains(body, "InternalFailure") || strings.Contains(body, "database") || f.toy.calls != 0 {
		t.Errorf("%d %s, %d calls", status, body, f.toy.calls)
	}
}

// Credentials that AWS does not take for an operation are refused before any
// policy is asked.
func TestUnusableCredentials(t *testing.T) {
	f := newFixture(t)
	status, body, _ := f.send(t, "iam", form, "", "Action=GetUser&Version=2010-05-08", nil)
	if status != 403 || !strings.Contains(body, "InvalidClientTokenId") {
		t.Errorf("%d %s", status, body)
	}
}

// Bad input is AWS's error in the protocol of the service.
func TestBadInput(t *testing.T) {
	for name, tc := range map[string]struct {
		service, contentType, target, body string
		status                             int
		want                               string
	}{
		"unknown action":          {"iam", form, "", "Action=Nonsense&Version=2010-05-08", 400, "<Code>InvalidAction</Code>"},
		"no action":               {"iam", form, "", "UserName=x", 400, "<Code>MissingAction</Code>"},
		"not built":               {"iam", form, "", "Action=ListMFADevices&Version=2010-05-08", 501, "iam:ListMFADevices"},
		"not built json":          {"kms", "application/x-amz-json-1.1", "TrentService.Encrypt", "{}", 501, "kms:Encrypt"},
		"unknown json operation":  {"kms", "application/x-amz-json-1.1", "TrentService.Nonsense", "{}", 400, "UnknownOperationException"},
		"not built rest":          {"guardduty", "application/json", "", "", 404, "not recognized"},
		"unknown service":         {"dynamodb", "application/x-amz-json-1.0", "DynamoDB_20120810.ListTables", "{}", 501, "dynamodb"},
		"missing member":          {"iam", form, "", "Action=CreateUser&Version=2010-05-08", 400, "ValidationError"},
		"too long":                {"iam", form, "", "Action=CreateUser&Version=2010-05-08&UserName=" + strings.Repeat("x", 65), 400, "ValidationError"},
		"bad escape":              {"iam", form, "", "Action=CreateUser&Version=2010-05-08&UserName=%zz", 400, "MalformedQueryString"},
		"bad list index":          {"iam", form, "", "Action=CreateUser&Version=2010-05-08&UserName=x&Tags.member.x.Key=a", 400, "MalformedInput"},
		"invalid UTF-8":           {"iam", form, "", "Action=CreateUser&Version=2010-05-08&UserName=%ff%fe", 400, "MalformedQueryString"},
		"given twice":             {"iam", form, "", "Action=CreateUser&Version=2010-05-08&UserName=x&UserName=y", 400, "MalformedQueryString"},
		"nested too deep":         {"iam", form, "", "Action=CreateUser&Version=2010-05-08&UserName=x&A" + strings.Repeat(".B", 500) + "=1", 400, "Error"},
		"larger than is accepted": {"iam", form, "", "Action=CreateUser&UserName=" + strings.Repeat("x", 1<<17), 413, "RequestEntityTooLarge"},
	} {
		f := newFixture(t)
		status, body, h := f.send(t, tc.service, tc.contentType, tc.target, tc.body, nil)
		if status != tc.status || !strings.Contains(body, tc.want) {
			t.Errorf("%s: %d %.300s, want %d … %s", name, status, body, tc.status, tc.want)
		}
		if h.Get("X-Amzn-Requestid") == "" {
			t.Errorf("%s: no request id", name)
		}
		if f.toy.calls != 0 {
			t.Errorf("%s: the method was called", name)
		}
	}
}

// An operation without a rule stops the server from starting.
func TestNewDemandsARuleForEveryOperation(t *testing.T) {
	ops := iamapi.Operations(&toy{})
	all := rules(ops)
	delete(all, "DeleteUser")
	if _, err := New(Config{Services: []Service{{Model: iamapi.Model(), Operations: ops, Rules: all}}}); err == nil || !strings.Contains(err.Error(), "DeleteUser") {
		t.Errorf("New: %v", err)
	}
}

// A rule that declares nothing fails closed.
func TestEmptyRuleFailsClosed(t *testing.T) {
	f := newFixture(t)
	s := f.g.routes.model["iam"]
	s.ops["CreateUser"].rule = policy.OnAny()
	if status, body := f.create(t, "bob"); status != 500 || f.toy.calls != 0 {
		t.Errorf("%d %s", status, body)
	}
}

// Inner calls are authorised as the same caller and recorded with the service
// they came through.
func TestInnerDoor(t *testing.T) {
	f := newFixture(t)
	id, err := f.people.Credential(t.Context(), "AKIAALICE", "")
	if err != nil {
		t.Fatal(err)
	}
	ctx := caller.With(t.Context(), &caller.Call{Identity: id.Identity, RequestID: "r1", Region: "us-east-1"})
	client := iamapi.Client{Door: Door{Gateway: f.g, Service: "secretsmanager.amazonaws.com"}}
	out, err := client.CreateUser(ctx, &iamapi.CreateUserRequest{UserName: "bob"})
	if err != nil || out.User.UserName != "bob" {
		t.Fatalf("%v, %v", out, err)
	}
	e := f.trail.last(t)
	if e["userIdentity"].(map[string]any)["invokedBy"] != "secretsmanager.amazonaws.com" || e["requestID"] != "r1" {
		t.Errorf("event %v", e)
	}
	f.people.allow = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:ViaAWSService":"true"}}}}`
	if _, err := client.CreateUser(ctx, &iamapi.CreateUserRequest{UserName: "bob"}); wire.AsError(err).Code != "AccessDenied" {
		t.Errorf("a denied inner call: %v", err)
	}
	if _, err := client.GetUser(ctx, &iamapi.GetUserRequest{}); wire.AsError(err).Code != "NotImplemented" && wire.AsError(err).Code != "AccessDenied" {
		t.Errorf("an inner call of what is not built: %v", err)
	}
}
