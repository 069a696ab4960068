package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	api "bartizan.dev/api/events"
	logsapi "bartizan.dev/api/logs"
	"bartizan.dev/caller"
	"bartizan.dev/policy"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	account = "111111111111"
	other   = "222222222222"
	region  = "eu-west-1"
)

// fixture is the service with a log of its own for targets; fail makes the log
// refuse.
type fixture struct {
	*Service
	t     *testing.T
	ctx   context.Context
	clock *work.Clock
	stop  func() // lets the queue stand still
	mu    sync.Mutex
	lines []string // group and message
	fail  func(n int) error
	tries int
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: new(work.Clock)}
	same := func(_ context.Context, d string) (string, error) { return d, nil }
	s, err := New(t.Context(), Deps{
		Store: memory.Open(), Clock: f.clock, Logs: f, Show: same,
		Bind: func(_ context.Context, d string) (string, string, error) { return d, "", nil },
		Assume: func(ctx context.Context, role, _, account, region string) (context.Context, error) {
			if strings.Contains(role, "refused") {
				return nil, fmt.Errorf("assume: %w", wire.Errorf("AccessDenied", "no"))
			}
			return caller.With(ctx, &caller.Call{Identity: caller.Identity{Kind: caller.Role, Account: account}, Region: region}), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Self = s
	f.Service = s
	f.ctx = as(t.Context(), account)
	f.run()
	return f
}

// run lets the queue work until stop.
func (f *fixture) run() {
	ctx, stop := context.WithCancel(f.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = f.Run(ctx) // says that ctx has ended
	}()
	f.stop = func() { stop(); <-done }
	f.t.Cleanup(f.stop)
}

func as(ctx context.Context, account string) context.Context {
	return caller.With(ctx, &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root"}, Region: region})
}

func (f *fixture) CreateLogStream(context.Context, *logsapi.CreateLogStreamRequest) (*logsapi.CreateLogStreamOutput, error) {
	return &logsapi.CreateLogStreamOutput{}, nil
}

func (f *fixture) PutLogEvents(ctx context.Context, in *logsapi.PutLogEventsRequest) (*logsapi.PutLogEventsResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if f.fail != nil {
		if err := f.fail(f.tries); err != nil {
			return nil, err
		}
	}
	if c := caller.From(ctx); c.Identity.Service != principal || c.SourceARN == "" {
		f.t.Errorf("the log was written to by %+v", c)
	}
	f.lines = append(f.lines, in.LogGroupName+" "+in.LogEvents[0].Message)
	return &logsapi.PutLogEventsResponse{}, nil
}

func (f *fixture) delivered() []string {
	f.t.Helper()
	if err := f.Settle(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.lines
	f.lines = nil
	return out
}

func logARN(group string) string {
	return "arn:aws:logs:" + region + ":" + account + ":log-group:" + group
}

func ok[O any](t *testing.T) func(out O, err error) O {
	return func(out O, err error) O {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// refused checks an error's code and a part of its message.
func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != code || !strings.Contains(e.Message, message) {
		t.Errorf("%v, want %s: %s", err, code, message)
	}
}

func (f *fixture) rule(bus *string, name, pattern string, targets ...api.Target) {
	f.t.Helper()
	ok[*api.PutRuleResponse](f.t)(f.PutRule(f.ctx, &api.PutRuleRequest{Name: name, EventPattern: &pattern, EventBusName: bus}))
	if len(targets) > 0 {
		ok[*api.PutTargetsResponse](f.t)(f.PutTargets(f.ctx, &api.PutTargetsRequest{Rule: name, EventBusName: bus, Targets: targets}))
	}
}

func entry(source, detail string) api.PutEventsRequestEntry {
	return api.PutEventsRequestEntry{Source: &source, DetailType: new("T"), Detail: &detail}
}

func (f *fixture) put(entries ...api.PutEventsRequestEntry) *api.PutEventsResponse {
	f.t.Helper()
	return ok[*api.PutEventsResponse](f.t)(f.PutEvents(f.ctx, &api.PutEventsRequest{Entries: entries}))
}

func TestPutEvents(t *testing.T) {
	f := newFixture(t)
	f.rule(nil, "r", `{"source":["s"],"detail":{"n":[{"numeric":[">",1]}]}}`, api.Target{Id: "1", Arn: logARN("g")})
	out := f.put(entry("s", `{"n": 2}`), entry("s", `{"n": 1}`), entry("s", "[]"), entry("s", "x"), entry("aws.s", "{}"), api.PutEventsRequestEntry{}, entry("", "{}"))
	var codes []string
	for _, e := range out.Entries {
		codes = append(codes, text(e.ErrorCode)+text(e.ErrorMessage))
		if (e.EventId == nil) == (e.ErrorCode == nil) {
			t.Errorf("%+v", e)
		}
	}
	want := "||MalformedDetailDetail is malformed.|MalformedDetailDetail is malformed.|NotAuthorizedForSourceNot authorized for the source.|" +
		strings.Repeat("InvalidArgumentParameter Source is not valid. Reason: Source is a required argument.|", 2)
	if got := strings.Join(codes, "|") + "|"; got != want || *out.FailedEntryCount != 5 {
		t.Errorf("%s", got)
	}
	got := f.delivered()
	if len(got) != 1 {
		t.Fatalf("%q", got)
	}
	var e event
	if err := json.Unmarshal([]byte(strings.TrimPrefix(got[0], "g ")), &e); err != nil || e.ID != *out.Entries[0].EventId || e.Account != account || e.Region != region || string(e.Detail) != `{"n":2}` {
		t.Errorf("%s %v", got[0], err)
	}
	_, err := f.PutEvents(f.ctx, &api.PutEventsRequest{Entries: []api.PutEventsRequestEntry{entry("s", `{"a":"`+strings.Repeat("x", maxEntries)+`"}`)}})
	refused(t, err, "ValidationException", "Total size of the entries in the request is over the limit.")
	// A bus that is not there takes events and nothing happens, as on AWS.
	lost := entry("s", `{"n": 2}`)
	lost.EventBusName = new("none")
	if out := f.put(lost); *out.FailedEntryCount != 0 || len(f.delivered()) != 0 {
		t.Error("an event for no bus")
	}
}

func TestRules(t *testing.T) {
	f := newFixture(t)
	_, err := f.PutRule(f.ctx, &api.PutRuleRequest{Name: "r"})
	refused(t, err, "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
	_, err = f.PutRule(f.ctx, &api.PutRuleRequest{Name: "r", EventPattern: new(`{"a":1}`)})
	refused(t, err, "InvalidEventPatternException", "Event pattern is not valid. Reason: ")
	_, err = f.PutRule(f.ctx, &api.PutRuleRequest{Name: "r", ScheduleExpression: new("rate(1 hours)")})
	refused(t, err, "ValidationException", "Parameter ScheduleExpression is not valid.")
	_, err = f.DescribeRule(f.ctx, &api.DescribeRuleRequest{Name: "r"})
	refused(t, err, "ResourceNotFoundException", "Rule r does not exist on EventBus default.")
	_, err = f.PutRule(f.ctx, &api.PutRuleRequest{Name: "r", EventPattern: new(`{"source":["s"]}`), EventBusName: new("b")})
	refused(t, err, "ResourceNotFoundException", "Event bus b does not exist.")

	f.rule(nil, "r", `{"source":["s"]}`, api.Target{Id: "1", Arn: logARN("g")})
	_, err = f.DeleteRule(f.ctx, &api.DeleteRuleRequest{Name: "r"})
	refused(t, err, "ValidationException", "Rule can't be deleted since it has targets.")
	ok[*api.DisableRuleOutput](t)(f.DisableRule(f.ctx, &api.DisableRuleRequest{Name: "r"}))
	if f.put(entry("s", "{}")); len(f.delivered()) != 0 {
		t.Error("a disabled rule fired")
	}
	ok[*api.EnableRuleOutput](t)(f.EnableRule(f.ctx, &api.EnableRuleRequest{Name: "r"}))
	if f.put(entry("s", "{}")); len(f.delivered()) != 1 {
		t.Error("an enabled rule did not fire")
	}
	names := ok[*api.ListRuleNamesByTargetResponse](t)(f.ListRuleNamesByTarget(f.ctx, &api.ListRuleNamesByTargetRequest{TargetArn: logARN("g")}))
	if len(names.RuleNames) != 1 {
		t.Errorf("%v", names.RuleNames)
	}
	gone := ok[*api.RemoveTargetsResponse](t)(f.RemoveTargets(f.ctx, &api.RemoveTargetsRequest{Rule: "r", Ids: []string{"1", "2"}}))
	if *gone.FailedEntryCount != 1 || *gone.FailedEntries[0].TargetId != "2" {
		t.Errorf("%+v", gone)
	}
	ok[*api.DeleteRuleOutput](t)(f.DeleteRule(f.ctx, &api.DeleteRuleRequest{Name: "r"}))
	ok[*api.DeleteRuleOutput](t)(f.DeleteRule(f.ctx, &api.DeleteRuleRequest{Name: "r"}))

	f.Quotas.Rules = 3
	for i := range 3 {
		f.rule(nil, fmt.Sprint("r", i), `{"source":["s"]}`)
	}
	_, err = f.PutRule(f.ctx, &api.PutRuleRequest{Name: "more", EventPattern: new(`{"source":["s"]}`)})
	refused(t, err, "LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	first := ok[*api.ListRulesResponse](t)(f.ListRules(f.ctx, &api.ListRulesRequest{Limit: new(int32(2))}))
	second := ok[*api.ListRulesResponse](t)(f.ListRules(f.ctx, &api.ListRulesRequest{Limit: new(int32(2)), NextToken: first.NextToken}))
	if len(first.Rules) != 2 || len(second.Rules) != 1 || second.NextToken != nil || *second.Rules[0].Name != "r2" {
		t.Errorf("%+v %+v", first, second)
	}
	_, err = f.ListRules(f.ctx, &api.ListRulesRequest{NextToken: new("!")})
	refused(t, err, "ValidationException", "NextToken")
}

func TestTargets(t *testing.T) {
	f := newFixture(t)
	f.rule(nil, "r", `{"source":["s"]}`)
	for _, x := range []struct {
		target api.Target
		want   string
	}{
		{api.Target{Id: "1", Arn: "x"}, "Parameter x is not valid. Reason: Provided Arn is not in correct format."},
		{api.Target{Id: "1", Arn: "arn:aws:lambda:eu-west-1:111111111111:function:f"}, "no target of lambda"},
		{api.Target{Id: "1", Arn: logARN("g"), DeadLetterConfig: &api.DeadLetterConfig{Arn: new("arn:aws:sqs:us-east-1:111111111111:q")}}, "standard SQS queue in the Region of the rule"},
		{api.Target{Id: "1", Arn: "arn:aws:events:eu-west-1:" + other + ":event-bus/b"}, "RoleArn is required for target"},
		{api.Target{Id: "1", Arn: logARN("g"), Input: new("{}"), InputPath: new("$.detail")}, "Only one of Input, InputPath, or InputTransformer must be provided for target 1."},
		{api.Target{Id: "1", Arn: logARN("g"), Input: new("{")}, "JSON syntax error"},
		{api.Target{Id: "1", Arn: logARN("g"), InputTransformer: &api.InputTransformer{InputTemplate: `"<x>"`}}, "InputTemplate for target 1 contains invalid placeholder x."},
	} {
		_, err := f.PutTargets(f.ctx, &api.PutTargetsRequest{Rule: "r", Targets: []api.Target{x.target}})
		refused(t, err, "ValidationException", x.want)
	}
	var six []api.Target
	for i := range 6 {
		six = append(six, api.Target{Id: fmt.Sprint(i), Arn: logARN("g")})
	}
	_, err := f.PutTargets(f.ctx, &api.PutTargetsRequest{Rule: "r", Targets: six})
	refused(t, err, "LimitExceededException", "")
	f.rule(nil, "r", `{"source":["s"]}`,
		api.Target{Id: "1", Arn: logARN("a"), Input: new(`{"fixed": 1}`)}, api.Target{Id: "2", Arn: logARN("b"), InputPath: new("$.detail")},
		api.Target{Id: "3", Arn: logARN("c"), InputTransformer: &api.InputTransformer{InputPathsMap: map[string]string{"n": "$.detail.n"}, InputTemplate: `"n is <n>"`}})
	f.put(entry("s", `{"n": 5}`))
	got := f.delivered()
	for _, want := range []string{`a {"fixed": 1}`, `b {"n":5}`, `c "n is 5"`} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("%q lacks %s", got, want)
		}
	}
	shown := ok[*api.ListTargetsByRuleResponse](t)(f.ListTargetsByRule(f.ctx, &api.ListTargetsByRuleRequest{Rule: "r"}))
	if len(shown.Targets) != 3 || shown.Targets[2].InputTransformer.InputPathsMap["n"] != "$.detail.n" {
		t.Errorf("%+v", shown.Targets)
	}
}

// TestRetries: what fails is tried again until it succeeds or the policy ends;
// what cannot succeed is not.
func TestRetries(t *testing.T) {
	f := newFixture(t)
	f.rule(nil, "r", `{"source":["s"]}`, api.Target{Id: "1", Arn: logARN("g"), RetryPolicy: &api.RetryPolicy{MaximumRetryAttempts: new(int32(3))}})
	throttled := wire.Errorf("ThrottlingException", "later")
	f.fail = func(n int) error {
		if n < 3 {
			return throttled
		}
		return nil
	}
	f.put(entry("s", "{}"))
	for range 3 {
		if got := f.delivered(); len(got) == 1 {
			break
		}
		f.clock.Advance(longest)
	}
	if f.tries != 3 {
		t.Errorf("%d tries", f.tries)
	}
	for _, x := range []struct {
		err  error
		want int
	}{{throttled, 4}, {wire.Errorf("AccessDeniedException", "no"), 1}} {
		f.tries, f.fail = 0, func(int) error { return x.err }
		f.put(entry("s", "{}"))
		for range 8 {
			f.delivered()
			f.clock.Advance(longest)
		}
		f.delivered()
		left, err := f.deliveries.List(f.ctx, f.Store, "", "", 0)
		if f.tries != x.want || err != nil || len(left) != 0 {
			t.Errorf("%v: %d tries, %d left, %v", x.err, f.tries, len(left), err)
		}
	}
	for n := range 200 {
		if d := pause(n); d <= 0 || d > longest {
			t.Errorf("pause %d: %s", n, d)
		}
	}
}

func TestSchedule(t *testing.T) {
	f := newFixture(t)
	ok[*api.PutRuleResponse](t)(f.PutRule(f.ctx, &api.PutRuleRequest{Name: "tick", ScheduleExpression: new("rate(1 hour)")}))
	ok[*api.PutTargetsResponse](t)(f.PutTargets(f.ctx, &api.PutTargetsRequest{Rule: "tick", Targets: []api.Target{{Id: "1", Arn: logARN("g")}}}))
	if got := f.delivered(); len(got) != 0 {
		t.Fatalf("%q", got)
	}
	for range 3 {
		f.clock.Advance(time.Hour)
		f.delivered1(1, `"detail-type":"Scheduled Event","source":"aws.events"`)
	}
	f.clock.Advance(10 * time.Hour) // a server that stood still fires once
	f.delivered1(1, `"resources":["arn:aws:events:eu-west-1:111111111111:rule/tick"]`)
	ok[*api.DisableRuleOutput](t)(f.DisableRule(f.ctx, &api.DisableRuleRequest{Name: "tick"}))
	f.clock.Advance(10 * time.Hour)
	f.delivered1(0, "")
	ok[*api.CreateEventBusResponse](t)(f.CreateEventBus(f.ctx, &api.CreateEventBusRequest{Name: "b"}))
	_, err := f.PutRule(f.ctx, &api.PutRuleRequest{Name: "tick", EventBusName: new("b"), ScheduleExpression: new("rate(1 hour)")})
	refused(t, err, "ValidationException", "ScheduleExpression is supported only on the default event bus.")
}

// delivered1 settles twice, as a schedule makes a delivery, and compares.
func (f *fixture) delivered1(n int, part string) {
	f.t.Helper()
	got := append(f.delivered(), f.delivered()...)
	if len(got) != n || n > 0 && !strings.Contains(got[0], part) {
		f.t.Errorf("%q, want %d with %s", got, n, part)
	}
}

func TestBuses(t *testing.T) {
	f := newFixture(t)
	ok[*api.CreateEventBusResponse](t)(f.CreateEventBus(f.ctx, &api.CreateEventBusRequest{Name: "b", Tags: []api.Tag{{Key: "k", Value: "v"}}}))
	for _, name := range []string{"b", "default"} {
		_, err := f.CreateEventBus(f.ctx, &api.CreateEventBusRequest{Name: name})
		refused(t, err, "ResourceAlreadyExistsException", "Event bus "+name+" already exists.")
	}
	_, err := f.DeleteEventBus(f.ctx, &api.DeleteEventBusRequest{Name: "default"})
	refused(t, err, "ValidationException", "Cannot delete event bus default.")
	_, err = f.DescribeEventBus(f.ctx, &api.DescribeEventBusRequest{Name: new("none")})
	refused(t, err, "ResourceNotFoundException", "Event bus none does not exist.")
	all := ok[*api.ListEventBusesResponse](t)(f.ListEventBuses(f.ctx, &api.ListEventBusesRequest{}))
	if len(all.EventBuses) != 2 || *all.EventBuses[0].Name != "b" || *all.EventBuses[1].Name != "default" {
		t.Errorf("%+v", all.EventBuses)
	}
	const busARN = "arn:aws:events:eu-west-1:111111111111:event-bus/b"
	tags := ok[*api.ListTagsForResourceResponse](t)(f.ListTagsForResource(f.ctx, &api.ListTagsForResourceRequest{ResourceARN: busARN}))
	if len(tags.Tags) != 1 || tags.Tags[0].Value != "v" {
		t.Errorf("%+v", tags)
	}
	_, err = f.RemovePermission(f.ctx, &api.RemovePermissionRequest{StatementId: new("s")})
	refused(t, err, "ResourceNotFoundException", "Statement with the provided id does not exist.")
	put := &api.PutPermissionRequest{EventBusName: new("b"), Action: new("events:PutEvents"), Principal: new(other), StatementId: new("s")}
	ok[*api.PutPermissionOutput](t)(f.PutPermission(f.ctx, put))
	ok[*api.PutPermissionOutput](t)(f.PutPermission(f.ctx, put)) // takes the place of itself
	shown := ok[*api.DescribeEventBusResponse](t)(f.DescribeEventBus(f.ctx, &api.DescribeEventBusRequest{Name: new("b")}))
	if strings.Count(*shown.Policy, `"Sid"`) != 1 || !strings.Contains(*shown.Policy, "arn:aws:iam::"+other+":root") {
		t.Errorf("%s", *shown.Policy)
	}
	// The policy decides about another account's events.
	e := entry("s", "{}")
	e.EventBusName = new(busARN)
	touches, err := f.touchPut(as(t.Context(), other), &api.PutEventsRequest{Entries: []api.PutEventsRequestEntry{e}})
	if err != nil || len(touches) != 1 || touches[0].Policy == nil || touches[0].Account != account || touches[0].Resource != busARN {
		t.Errorf("%+v %v", touches, err)
	}
	ok[*api.RemovePermissionOutput](t)(f.RemovePermission(f.ctx, &api.RemovePermissionRequest{EventBusName: new("b"), StatementId: new("s")}))
	f.rule(new("b"), "r", `{"source":["s"]}`)
	_, err = f.DeleteEventBus(f.ctx, &api.DeleteEventBusRequest{Name: "b"})
	refused(t, err, "ValidationException", "since it has rules")
}

// TestForward: an event that goes from bus to bus stays what it is, and a circle
// of rules comes to an end.
func TestForward(t *testing.T) {
	f := newFixture(t)
	there := as(t.Context(), other)
	ok[*api.PutRuleResponse](t)(f.PutRule(there, &api.PutRuleRequest{Name: "theirs", EventPattern: new(`{"account":["` + account + `"]}`)}))
	const role = "arn:aws:iam::222222222222:role/events"
	ok[*api.PutTargetsResponse](t)(f.PutTargets(there, &api.PutTargetsRequest{Rule: "theirs", Targets: []api.Target{
		{Id: "round", Arn: "arn:aws:events:eu-west-1:" + account + ":event-bus/default", RoleArn: new(role)},
	}}))
	f.rule(nil, "ours", `{"source":["s"]}`, api.Target{Id: "log", Arn: logARN("g")},
		api.Target{Id: "there", Arn: "arn:aws:events:eu-west-1:" + other + ":event-bus/default", RoleArn: new("arn:aws:iam::111111111111:role/events")})
	out := f.put(entry("s", "{}"))
	var got []string
	for range 2 * maxHops {
		got = append(got, f.delivered()...)
	}
	if len(got) != 3 { // put, and back after two and four hops; six are too many
		t.Errorf("%q", got)
	}
	for _, g := range got {
		if !strings.Contains(g, *out.Entries[0].EventId) || !strings.Contains(g, `"account":"`+account+`"`) {
			t.Error(g)
		}
	}
}

func TestRecorded(t *testing.T) {
	f := newFixture(t)
	f.rule(nil, "some", `{"source":["aws.kms"]}`, api.Target{Id: "1", Arn: logARN("some")})
	ok[*api.PutRuleResponse](t)(f.PutRule(f.ctx, &api.PutRuleRequest{Name: "all", EventPattern: new(`{"source":["aws.kms"]}`), State: api.RuleState_ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS}))
	ok[*api.PutTargetsResponse](t)(f.PutTargets(f.ctx, &api.PutTargetsRequest{Rule: "all", Targets: []api.Target{{Id: "1", Arn: logARN("all")}}}))
	for _, readOnly := range []bool{false, true} {
		if err := f.Recorded(f.ctx, &Record{Account: account, Region: region, Source: "kms.amazonaws.com", Type: "AwsApiCall", ReadOnly: readOnly, Detail: []byte(`{"eventName":"X"}`)}); err != nil {
			t.Fatal(err)
		}
	}
	got := f.delivered()
	if text := strings.Join(got, "\n"); len(got) != 3 || strings.Count(text, "some {") != 1 || !strings.Contains(text, `"detail-type":"AWS API Call via CloudTrail","source":"aws.kms"`) {
		t.Errorf("%q", got)
	}
}

func TestPattern(t *testing.T) {
	f := newFixture(t)
	const e = `{"id":"1","account":"1","source":"s","time":"2026-01-01T00:00:00Z","region":"r","resources":[],"detail-type":"T","detail":{"a":1}}`
	for pattern, want := range map[string]bool{`{"detail":{"a":[1]}}`: true, `{"detail":{"a":[2]}}`: false} {
		out := ok[*api.TestEventPatternResponse](t)(f.TestEventPattern(f.ctx, &api.TestEventPatternRequest{EventPattern: pattern, Event: e}))
		if *out.Result != want {
			t.Error(pattern)
		}
	}
	_, err := f.TestEventPattern(f.ctx, &api.TestEventPatternRequest{EventPattern: "{", Event: e})
	refused(t, err, "InvalidEventPatternException", "Event pattern is not valid.")
	_, err = f.TestEventPattern(f.ctx, &api.TestEventPatternRequest{EventPattern: `{"a":[1]}`, Event: `{"source":"s"}`})
	refused(t, err, "ValidationException", "lacks the field id")
}

// TestTouches: roles need iam:PassRole, and patterns and targets are condition keys.
func TestTouches(t *testing.T) {
	f := newFixture(t)
	rules := f.Rules()
	list, err := rules["PutTargets"].Touches(f.ctx, &api.PutTargetsRequest{Rule: "r", Targets: []api.Target{{Arn: logARN("g"), RoleArn: new("arn:aws:iam::111111111111:role/x")}}})
	if err != nil || len(list) != 2 || list[0].Resource != "arn:aws:events:eu-west-1:111111111111:rule/r" || key(list[0], "events:TargetArn") != logARN("g") || list[1].Action != "iam:PassRole" {
		t.Errorf("%+v %v", list, err)
	}
	list, err = rules["PutRule"].Touches(f.ctx, &api.PutRuleRequest{Name: "r", EventBusName: new("b"), EventPattern: new(`{"source":["a","b"],"detail-type":[{"prefix":"x"}]}`)})
	if err != nil || len(list) != 1 || list[0].Resource != "arn:aws:events:eu-west-1:111111111111:rule/b/r" || key(list[0], "events:source") != "a b" || key(list[0], "events:detail-type") != "" {
		t.Errorf("%+v %v", list, err)
	}
}

func key(t policy.Touch, name string) string {
	for _, p := range t.Keys {
		if p.Key == name {
			return strings.Join(p.Values, " ")
		}
	}
	return ""
}
