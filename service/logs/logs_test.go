package logs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/logs"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	account = "111111111111"
	region  = "eu-west-1"
)

type fixture struct {
	*Service
	t     *testing.T
	ctx   context.Context
	clock *work.Clock
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	clock := new(work.Clock)
	s, err := New(t.Context(), Deps{
		Store: memory.Open(), Clock: clock,
		Show: func(_ context.Context, d string) (string, error) { return d, nil },
		Bind: func(_ context.Context, d string) (string, string, error) { return d, "", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	return &fixture{s, t, caller.With(t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account}, Region: region}), clock}
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

func refused(t *testing.T, err error, code, message string) {
	t.Helper()
	if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != code || !strings.Contains(e.Message, message) {
		t.Errorf("%v, want %s: %s", err, code, message)
	}
}

func (f *fixture) group(name string, streams ...string) {
	f.t.Helper()
	ok[*api.CreateLogGroupOutput](f.t)(f.CreateLogGroup(f.ctx, &api.CreateLogGroupRequest{LogGroupName: name}))
	for _, s := range streams {
		ok[*api.CreateLogStreamOutput](f.t)(f.CreateLogStream(f.ctx, &api.CreateLogStreamRequest{LogGroupName: name, LogStreamName: s}))
	}
}

func (f *fixture) put(group, stream string, events ...api.InputLogEvent) *api.PutLogEventsResponse {
	f.t.Helper()
	return ok[*api.PutLogEventsResponse](f.t)(f.PutLogEvents(f.ctx, &api.PutLogEventsRequest{LogGroupName: group, LogStreamName: stream, LogEvents: events}))
}

// ago is an event of some time ago.
func (f *fixture) ago(d time.Duration, message string) api.InputLogEvent {
	return api.InputLogEvent{Timestamp: f.clock.Now().Add(-d).UnixMilli(), Message: message}
}

func messages(events []api.OutputLogEvent) string {
	var out []string
	for _, e := range events {
		out = append(out, *e.Message)
	}
	return strings.Join(out, " ")
}

func TestGroupsAndStreams(t *testing.T) {
	f := newFixture(t)
	f.group("/a/b", "s")
	_, err := f.CreateLogGroup(f.ctx, &api.CreateLogGroupRequest{LogGroupName: "/a/b"})
	refused(t, err, "ResourceAlreadyExistsException", "The specified log group already exists")
	_, err = f.CreateLogStream(f.ctx, &api.CreateLogStreamRequest{LogGroupName: "/a/b", LogStreamName: "s"})
	refused(t, err, "ResourceAlreadyExistsException", "The specified log stream already exists")
	_, err = f.CreateLogStream(f.ctx, &api.CreateLogStreamRequest{LogGroupName: "none", LogStreamName: "s"})
	refused(t, err, "ResourceNotFoundException", "The specified log group does not exist.")
	_, err = f.PutLogEvents(f.ctx, &api.PutLogEventsRequest{LogGroupName: "/a/b", LogStreamName: "none", LogEvents: []api.InputLogEvent{{Message: "x"}}})
	refused(t, err, "ResourceNotFoundException", "The specified log stream does not exist.")
	_, err = f.CreateLogGroup(f.ctx, &api.CreateLogGroupRequest{LogGroupName: "k", KmsKeyId: new("arn:aws:kms:eu-west-1:111111111111:key/1")})
	refused(t, err, "InvalidParameterException", "kmsKeyId")
	for i := range 3 {
		f.group(fmt.Sprint("/a/c", i))
	}
	first := ok[*api.DescribeLogGroupsResponse](t)(f.DescribeLogGroups(f.ctx, &api.DescribeLogGroupsRequest{LogGroupNamePrefix: new("/a/c"), Limit: new(int32(2))}))
	second := ok[*api.DescribeLogGroupsResponse](t)(f.DescribeLogGroups(f.ctx, &api.DescribeLogGroupsRequest{LogGroupNamePrefix: new("/a/c"), NextToken: first.NextToken}))
	if len(first.LogGroups) != 2 || len(second.LogGroups) != 1 || *second.LogGroups[0].LogGroupName != "/a/c2" || *second.LogGroups[0].Arn != "arn:aws:logs:eu-west-1:111111111111:log-group:/a/c2:*" {
		t.Errorf("%+v %+v", first, second)
	}
	found := ok[*api.DescribeLogGroupsResponse](t)(f.DescribeLogGroups(f.ctx, &api.DescribeLogGroupsRequest{LogGroupNamePattern: new("A/B")}))
	if len(found.LogGroups) != 1 {
		t.Errorf("%+v", found)
	}
}

func TestBatches(t *testing.T) {
	f := newFixture(t)
	f.group("g", "s")
	for want, events := range map[string][]api.InputLogEvent{
		"must be in chronological order": {f.ago(0, "a"), f.ago(time.Minute, "b")},
		"cannot span more than 24 hours": {f.ago(25*time.Hour, "a"), f.ago(0, "b")},
		"Upload too large: 1048577":      {f.ago(0, strings.Repeat("x", maxBatch-perEvent+1))},
	} {
		_, err := f.PutLogEvents(f.ctx, &api.PutLogEventsRequest{LogGroupName: "g", LogStreamName: "s", LogEvents: events})
		refused(t, err, "InvalidParameterException", want)
	}
	if out := f.put("g", "s", f.ago(14*24*time.Hour+time.Hour, "old"), f.ago(14*24*time.Hour-time.Hour, "just")); *out.RejectedLogEventsInfo.TooOldLogEventEndIndex != 1 {
		t.Errorf("%+v", out.RejectedLogEventsInfo)
	}
	if out := f.put("g", "s", f.ago(0, "now"), f.ago(-3*time.Hour, "new")); *out.RejectedLogEventsInfo.TooNewLogEventStartIndex != 1 {
		t.Errorf("%+v", out.RejectedLogEventsInfo)
	}
	got := ok[*api.GetLogEventsResponse](t)(f.GetLogEvents(f.ctx, &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: "s"}))
	if messages(got.Events) != "just now" {
		t.Errorf("%s", messages(got.Events))
	}
}

// TestPages: a stream is read forward and backward, and tokens at the ends stay
// what they are.
func TestPages(t *testing.T) {
	f := newFixture(t)
	f.group("g", "s", "other")
	for i := range 7 {
		f.put("g", "s", f.ago(time.Duration(10-i)*time.Minute, fmt.Sprint(i)))
		f.put("g", "other", f.ago(time.Duration(10-i)*time.Minute, "x"))
	}
	get := func(in api.GetLogEventsRequest) *api.GetLogEventsResponse {
		t.Helper()
		in.LogGroupName, in.LogStreamName, in.Limit = new("g"), "s", new(int32(3))
		return ok[*api.GetLogEventsResponse](t)(f.GetLogEvents(f.ctx, &in))
	}
	var pages []string
	p := get(api.GetLogEventsRequest{StartFromHead: new(true)})
	for range 4 {
		pages = append(pages, messages(p.Events))
		p = get(api.GetLogEventsRequest{NextToken: p.NextForwardToken})
	}
	if got := strings.Join(pages, "|"); got != "0 1 2|3 4 5|6|" || *p.NextForwardToken != *get(api.GetLogEventsRequest{NextToken: p.NextForwardToken}).NextForwardToken {
		t.Error(got)
	}
	p, pages = get(api.GetLogEventsRequest{}), nil
	for range 4 {
		pages = append(pages, messages(p.Events))
		p = get(api.GetLogEventsRequest{NextToken: p.NextBackwardToken})
	}
	if got := strings.Join(pages, "|"); got != "4 5 6|1 2 3|0|" {
		t.Error(got)
	}
	if got := messages(get(api.GetLogEventsRequest{StartTime: new(f.ago(9*time.Minute+30*time.Second, "").Timestamp), EndTime: new(f.ago(7*time.Minute+30*time.Second, "").Timestamp)}).Events); got != "1 2" {
		t.Error(got)
	}
	_, err := f.GetLogEvents(f.ctx, &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: "s", NextToken: new("f/1")})
	refused(t, err, "InvalidParameterException", "nextToken is invalid")
}

func TestFilter(t *testing.T) {
	f := newFixture(t)
	f.group("g", "a", "b")
	f.put("g", "a", f.ago(3*time.Minute, `{"n": 1}`), f.ago(time.Minute, `{"n": 3}`))
	f.put("g", "b", f.ago(2*time.Minute, `{"n": 2}`))
	find := func(in api.FilterLogEventsRequest) (string, *string) {
		t.Helper()
		in.LogGroupName = new("g")
		out := ok[*api.FilterLogEventsResponse](t)(f.FilterLogEvents(f.ctx, &in))
		var got []string
		for _, e := range out.Events {
			got = append(got, *e.LogStreamName+*e.Message)
		}
		return strings.Join(got, " "), out.NextToken
	}
	for want, in := range map[string]api.FilterLogEventsRequest{
		`a{"n": 1} b{"n": 2} a{"n": 3}`: {}, `b{"n": 2} a{"n": 3}`: {FilterPattern: new("{ $.n > 1 }")}, `b{"n": 2}`: {LogStreamNames: []string{"b"}}, `a{"n": 3}`: {LogStreamNamePrefix: new("a"), FilterPattern: new(`"3"`)},
	} {
		if got, next := find(in); got != want || next != nil {
			t.Errorf("%s, want %s", got, want)
		}
	}
	got, next := find(api.FilterLogEventsRequest{Limit: new(int32(2))})
	if more, end := find(api.FilterLogEventsRequest{Limit: new(int32(2)), NextToken: next}); got != `a{"n": 1} b{"n": 2}` || more != `a{"n": 3}` || end != nil {
		t.Error(got, more)
	}
	_, err := f.FilterLogEvents(f.ctx, &api.FilterLogEventsRequest{LogGroupName: new("g"), FilterPattern: new("{")})
	refused(t, err, "InvalidParameterException", "Invalid filter pattern")
	_, err = f.FilterLogEvents(f.ctx, &api.FilterLogEventsRequest{LogGroupName: new("g"), LogStreamNames: []string{"c"}})
	refused(t, err, "ResourceNotFoundException", "log stream")
	tried := ok[*api.TestMetricFilterResponse](t)(f.TestMetricFilter(f.ctx, &api.TestMetricFilterRequest{FilterPattern: "ERROR", LogEventMessages: []string{"fine", "an ERROR"}}))
	if len(tried.Matches) != 1 || *tried.Matches[0].EventNumber != 2 {
		t.Errorf("%+v", tried)
	}
}

// stored is how many records of events there are.
func (f *fixture) stored() int {
	f.t.Helper()
	if err := f.Settle(f.ctx); err != nil {
		f.t.Fatal(err)
	}
	n := 0
	for _, prefix := range []string{"event/", "line/"} {
		items, err := f.Store.List(f.ctx, store.Range{Prefix: prefix})
		if err != nil {
			f.t.Fatal(err)
		}
		n += len(items)
	}
	return n
}

func TestRetention(t *testing.T) {
	f := newFixture(t)
	f.group("g", "s")
	f.put("g", "s", f.ago(time.Hour, "early"), f.ago(0, "late"))
	_, err := f.PutRetentionPolicy(f.ctx, &api.PutRetentionPolicyRequest{LogGroupName: "g", RetentionInDays: 2})
	refused(t, err, "InvalidParameterException", "retentionInDays")
	ok[*api.PutRetentionPolicyOutput](t)(f.PutRetentionPolicy(f.ctx, &api.PutRetentionPolicyRequest{LogGroupName: "g", RetentionInDays: 1}))
	if n := f.stored(); n != 4 {
		t.Errorf("%d records", n)
	}
	f.clock.Advance(23*time.Hour + 30*time.Minute)
	if n := f.stored(); n != 2 {
		t.Errorf("%d records", n)
	}
	got := ok[*api.GetLogEventsResponse](t)(f.GetLogEvents(f.ctx, &api.GetLogEventsRequest{LogGroupName: new("g"), LogStreamName: "s"}))
	if messages(got.Events) != "late" {
		t.Error(messages(got.Events))
	}
	ok[*api.DeleteLogGroupOutput](t)(f.DeleteLogGroup(f.ctx, &api.DeleteLogGroupRequest{LogGroupName: "g"}))
	for range 10 {
		f.clock.Advance(time.Second)
		f.stored()
	}
	if n := f.stored(); n != 0 {
		t.Errorf("%d records of a deleted group", n)
	}
}

func TestDeletedStream(t *testing.T) {
	f := newFixture(t)
	f.group("g", "s", "t")
	f.put("g", "s", f.ago(0, "x"))
	f.put("g", "t", f.ago(0, "y"))
	ok[*api.DeleteLogStreamOutput](t)(f.DeleteLogStream(f.ctx, &api.DeleteLogStreamRequest{LogGroupName: "g", LogStreamName: "s"}))
	if n := f.stored(); n != 2 {
		t.Errorf("%d records", n)
	}
	streams := ok[*api.DescribeLogStreamsResponse](t)(f.DescribeLogStreams(f.ctx, &api.DescribeLogStreamsRequest{LogGroupName: new("g"), OrderBy: api.OrderBy_LastEventTime, Descending: new(true)}))
	if len(streams.LogStreams) != 1 || *streams.LogStreams[0].LogStreamName != "t" || streams.LogStreams[0].FirstEventTimestamp == nil {
		t.Errorf("%+v", streams)
	}
}

// TestPolicies: the account's policies decide about its groups; a policy that is
// deleted decides no more.
func TestPolicies(t *testing.T) {
	f := newFixture(t)
	f.group("g", "s")
	const document = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"logs:PutLogEvents","Resource":"*"}]}`
	_, err := f.PutResourcePolicy(f.ctx, &api.PutResourcePolicyRequest{PolicyName: new("p"), PolicyDocument: new("{")})
	refused(t, err, "InvalidParameterException", "Invalid resource policy document")
	touch := func() bool {
		t.Helper()
		list, err := f.Rules()["PutLogEvents"].Touches(f.ctx, &api.PutLogEventsRequest{LogGroupName: "g", LogStreamName: "s"})
		if err != nil || list[0].Resource != "arn:aws:logs:eu-west-1:111111111111:log-group:g:log-stream:s" {
			t.Errorf("%+v %v", list, err)
		}
		return list[0].Policy != nil
	}
	if touch() {
		t.Error("a policy from nowhere")
	}
	ok[*api.PutResourcePolicyResponse](t)(f.PutResourcePolicy(f.ctx, &api.PutResourcePolicyRequest{PolicyName: new("p"), PolicyDocument: new(document)}))
	if !touch() {
		t.Error("the policy does not decide")
	}
	all := ok[*api.DescribeResourcePoliciesResponse](t)(f.DescribeResourcePolicies(f.ctx, &api.DescribeResourcePoliciesRequest{}))
	if len(all.ResourcePolicies) != 1 || *all.ResourcePolicies[0].PolicyDocument != document {
		t.Errorf("%+v", all)
	}
	ok[*api.DeleteResourcePolicyOutput](t)(f.DeleteResourcePolicy(f.ctx, &api.DeleteResourcePolicyRequest{PolicyName: new("p")}))
	if touch() {
		t.Error("a deleted policy decides")
	}
	_, err = f.DeleteResourcePolicy(f.ctx, &api.DeleteResourcePolicyRequest{PolicyName: new("p")})
	refused(t, err, "ResourceNotFoundException", "Policy with name [p] does not exist.")
}

func TestTags(t *testing.T) {
	f := newFixture(t)
	f.group("g")
	const resource = "arn:aws:logs:eu-west-1:111111111111:log-group:g"
	ok[*api.TagResourceOutput](t)(f.TagResource(f.ctx, &api.TagResourceRequest{ResourceArn: resource, Tags: map[string]string{"a": "1", "b": "2"}}))
	ok[*api.UntagResourceOutput](t)(f.UntagResource(f.ctx, &api.UntagResourceRequest{ResourceArn: resource, TagKeys: []string{"a"}}))
	if got := ok[*api.ListTagsForResourceResponse](t)(f.ListTagsForResource(f.ctx, &api.ListTagsForResourceRequest{ResourceArn: resource})); len(got.Tags) != 1 || got.Tags["b"] != "2" {
		t.Errorf("%+v", got)
	}
	_, err := f.TagResource(f.ctx, &api.TagResourceRequest{ResourceArn: "x", Tags: map[string]string{"a": "1"}})
	refused(t, err, "ValidationException", "is not the ARN of a log group")
}
