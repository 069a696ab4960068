package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/events"
	snsapi "bartizan.dev/api/sns"
	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

func busARN(name string) string {
	return "arn:aws:events:" + region + ":" + account + ":event-bus/" + name
}

// TestArchive: an archive keeps what matches, for as long as it says, and counts it.
func TestArchive(t *testing.T) {
	f := newFixture(t)
	create := func(name, bus string, pattern *string, days int32) error {
		_, err := f.CreateArchive(f.ctx, &api.CreateArchiveRequest{ArchiveName: name, EventSourceArn: busARN(bus), EventPattern: pattern, RetentionDays: &days})
		return err
	}
	refused(t, create("a", "none", nil, 0), "ResourceNotFoundException", "Event bus none does not exist.")
	refused(t, create("a", "default", new("{"), 0), "InvalidEventPatternException", "")
	if err := create("all", "default", nil, 0); err != nil {
		t.Fatal(err)
	}
	if err := create("some", "default", new(`{"source":["s"]}`), 1); err != nil {
		t.Fatal(err)
	}
	refused(t, create("all", "default", nil, 0), "ResourceAlreadyExistsException", "Archive all already exists.")
	f.put(entry("s", "{}"), entry("r", "{}"))
	describe := func(name string) (count, size int64) {
		t.Helper()
		out := ok[*api.DescribeArchiveResponse](t)(f.DescribeArchive(f.ctx, &api.DescribeArchiveRequest{ArchiveName: name}))
		if *out.EventSourceArn != busARN("default") || out.State != "ENABLED" || *out.ArchiveArn != "arn:aws:events:"+region+":"+account+":archive/"+name {
			t.Errorf("%+v", out)
		}
		return *out.EventCount, *out.SizeBytes
	}
	if n, size := describe("all"); n != 2 || size < 100 {
		t.Errorf("%d, %d", n, size)
	}
	if n, _ := describe("some"); n != 1 {
		t.Errorf("%d", n)
	}
	_, err := f.UpdateArchive(f.ctx, &api.UpdateArchiveRequest{ArchiveName: "x"})
	refused(t, err, "ValidationException", "At least one of EventPattern, RetentionDays or Description must be provided.")
	ok[*api.UpdateArchiveResponse](t)(f.UpdateArchive(f.ctx, &api.UpdateArchiveRequest{ArchiveName: "some", EventPattern: new(`{"source":["r"]}`)}))
	f.put(entry("r", "{}"), entry("s", "{}"))
	if n, _ := describe("some"); n != 2 {
		t.Errorf("%d", n)
	}
	names := func(in *api.ListArchivesRequest) (out string) {
		t.Helper()
		for _, a := range ok[*api.ListArchivesResponse](t)(f.ListArchives(f.ctx, in)).Archives {
			out += *a.ArchiveName + " "
		}
		return out
	}
	if a, b, c := names(&api.ListArchivesRequest{}), names(&api.ListArchivesRequest{NamePrefix: new("s")}), names(&api.ListArchivesRequest{State: "DISABLED"}); a != "all some " || b != "some " || c != "" {
		t.Errorf("%s, %s, %s", a, b, c)
	}
	_, err = f.ListArchives(f.ctx, &api.ListArchivesRequest{EventSourceArn: new(busARN("none"))})
	refused(t, err, "ResourceNotFoundException", "Event bus none does not exist.")
	for range 30 {
		f.clock.Advance(time.Hour)
		f.delivered()
	}
	if n, size := describe("some"); n != 0 || size != 0 {
		t.Errorf("%d, %d", n, size)
	}
	if n, _ := describe("all"); n != 4 {
		t.Errorf("%d", n)
	}
	ok[*api.DeleteArchiveResponse](t)(f.DeleteArchive(f.ctx, &api.DeleteArchiveRequest{ArchiveName: "all"}))
	f.delivered()
	if left, err := f.Store.List(f.ctx, store.Range{Prefix: "archived/"}); len(left) != 0 || err != nil {
		t.Errorf("%d events are left: %v", len(left), err)
	}
	_, err = f.DeleteArchive(f.ctx, &api.DeleteArchiveRequest{ArchiveName: "all"})
	refused(t, err, "ResourceNotFoundException", "Archive all does not exist.")
}

// TestReplay: a replay sends the events of its time again, in order, to the rules
// it names, marked as replayed, and archives do not keep them again.
func TestReplay(t *testing.T) {
	f := newFixture(t)
	f.rule(nil, "one", `{"source":["s"]}`, api.Target{Id: "1", Arn: logARN("/one")})
	f.rule(nil, "two", `{"source":["s"]}`, api.Target{Id: "1", Arn: logARN("/two")})
	a := *ok[*api.CreateArchiveResponse](t)(f.CreateArchive(f.ctx, &api.CreateArchiveRequest{ArchiveName: "a", EventSourceArn: busARN("default")})).ArchiveArn
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 250 {
		e := entry("s", fmt.Sprintf(`{"n":%d}`, i))
		e.Time = start.Add(time.Duration(i) * time.Second)
		f.put(e)
	}
	f.delivered()
	begin := func(name string, from, to int, filters ...string) error {
		_, err := f.StartReplay(f.ctx, &api.StartReplayRequest{ReplayName: name, EventSourceArn: a, EventStartTime: start.Add(time.Duration(from) * time.Second), EventEndTime: start.Add(time.Duration(to) * time.Second),
			Destination: &api.ReplayDestination{Arn: busARN("default"), FilterArns: filters}})
		return err
	}
	rule := "arn:aws:events:" + region + ":" + account + ":rule/one"
	if err := begin("r", 10, 240, rule); err != nil {
		t.Fatal(err)
	}
	refused(t, begin("r", 0, 1), "ResourceAlreadyExistsException", "Replay r already exists.")
	refused(t, begin("x", 1, 1), "ValidationException", "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
	refused(t, begin("x", 0, 1, rule+"x"), "ResourceNotFoundException", "Rule onex does not exist")
	seen := map[int]int{}
	for range 5 {
		for _, line := range f.delivered() {
			group, text, _ := strings.Cut(line, " ")
			var e struct {
				Replay string `json:"replay-name"`
				Detail struct{ N int }
			}
			if err := json.Unmarshal([]byte(text), &e); err != nil || e.Replay != "r" || group != "/one" {
				t.Fatalf("%v: %s", err, line)
			}
			seen[e.Detail.N]++
		}
	}
	if len(seen) != 230 || seen[9] != 0 || seen[10] != 1 || seen[239] != 1 {
		t.Errorf("%d events: %v", len(seen), seen)
	}
	out := ok[*api.DescribeReplayResponse](t)(f.DescribeReplay(f.ctx, &api.DescribeReplayRequest{ReplayName: "r"}))
	if out.State != "COMPLETED" || !out.EventLastReplayedTime.Equal(start.Add(239*time.Second)) || out.ReplayEndTime.IsZero() || *out.EventSourceArn != a || out.Destination.FilterArns[0] != rule {
		t.Errorf("%+v", out)
	}
	if n := *ok[*api.DescribeArchiveResponse](t)(f.DescribeArchive(f.ctx, &api.DescribeArchiveRequest{ArchiveName: "a"})).EventCount; n != 250 {
		t.Errorf("the archive has %d", n)
	}
	_, err := f.CancelReplay(f.ctx, &api.CancelReplayRequest{ReplayName: "r"})
	refused(t, err, "IllegalStatusException", "Replay r is not in a valid state for this operation.")
	_, err = f.DescribeReplay(f.ctx, &api.DescribeReplayRequest{ReplayName: "x"})
	refused(t, err, "ResourceNotFoundException", "Replay x does not exist.")
	ok[*api.CreateEventBusResponse](t)(f.CreateEventBus(f.ctx, &api.CreateEventBusRequest{Name: "b"}))
	_, err = f.StartReplay(f.ctx, &api.StartReplayRequest{ReplayName: "x", EventSourceArn: a, EventStartTime: start, EventEndTime: start.Add(1), Destination: &api.ReplayDestination{Arn: busARN("b")}})
	refused(t, err, "ValidationException", "Cross event bus replay is not permitted.")
	_, err = f.StartReplay(f.ctx, &api.StartReplayRequest{ReplayName: "x", EventSourceArn: a + "x", EventStartTime: start, EventEndTime: start.Add(1), Destination: &api.ReplayDestination{Arn: busARN("default")}})
	refused(t, err, "ValidationException", "Archive ax does not exist.")
	f.clock.Advance(keepReplay + time.Hour)
	f.delivered()
	if list := ok[*api.ListReplaysResponse](t)(f.ListReplays(f.ctx, &api.ListReplaysRequest{})).Replays; len(list) != 0 {
		t.Errorf("%v", list)
	}
}

// TestCancelReplay: a replay that is cancelled before it is done stops. The queue
// stands still until then.
func TestCancelReplay(t *testing.T) {
	f := newFixture(t)
	f.stop()
	a := *ok[*api.CreateArchiveResponse](t)(f.CreateArchive(f.ctx, &api.CreateArchiveRequest{ArchiveName: "a", EventSourceArn: busARN("default")})).ArchiveArn
	for i := range 11 {
		_, err := f.StartReplay(f.ctx, &api.StartReplayRequest{ReplayName: fmt.Sprint(i), EventSourceArn: a, EventStartTime: f.now(), EventEndTime: f.now().Add(time.Hour), Destination: &api.ReplayDestination{Arn: busARN("default")}})
		if i < 10 && err != nil {
			t.Fatal(err)
		} else if i == 10 {
			refused(t, err, "LimitExceededException", "The requested resource exceeds the maximum number allowed.")
		}
	}
	if out := ok[*api.CancelReplayResponse](t)(f.CancelReplay(f.ctx, &api.CancelReplayRequest{ReplayName: "0"})); out.State != "CANCELLING" {
		t.Errorf("%v", out)
	}
	f.run()
	f.delivered()
	states := map[api.ReplayState]int{}
	for _, r := range ok[*api.ListReplaysResponse](t)(f.ListReplays(f.ctx, &api.ListReplaysRequest{EventSourceArn: &a})).Replays {
		states[r.State]++
	}
	if states["CANCELLED"] != 1 || states["COMPLETED"] != 9 {
		t.Errorf("%v", states)
	}
}

// topics stands for SNS.
type topics struct {
	got    chan string
	refuse error
}

func (s *topics) Publish(ctx context.Context, in *snsapi.PublishInput) (*snsapi.PublishResponse, error) {
	c := caller.From(ctx)
	s.got <- c.Identity.Kind.String() + " " + c.SourceARN + " " + *in.TopicArn + " " + in.Message
	return &snsapi.PublishResponse{}, s.refuse
}

// TestTopic: a topic gets events as EventBridge's, and one whose policy refuses
// them is not asked again.
func TestTopic(t *testing.T) {
	f := newFixture(t)
	s := &topics{got: make(chan string, 10)}
	f.Topics = s
	topic := "arn:aws:sns:" + region + ":" + other + ":t"
	f.rule(nil, "r", `{"source":["s"]}`, api.Target{Id: "1", Arn: topic, InputPath: new("$.detail")}, api.Target{Id: "2", Arn: topic, Input: new(`"x"`), RoleArn: new("arn:aws:iam::111111111111:role/r")})
	_, err := f.PutTargets(f.ctx, &api.PutTargetsRequest{Rule: "r", Targets: []api.Target{{Id: "3", Arn: strings.Replace(topic, region, "us-east-1", 1)}}})
	refused(t, err, "ValidationException", "must be in the Region of its rule.")
	f.put(entry("s", `{"a":1}`))
	f.delivered()
	got := map[string]bool{<-s.got: true, <-s.got: true}
	if !got["AWSService arn:aws:events:"+region+":"+account+":rule/r "+topic+` {"a":1}`] || !got["AssumedRole  "+topic+` "x"`] {
		t.Errorf("%v", got)
	}
	s.refuse = wire.Errorf("AuthorizationError", "no")
	f.put(entry("s", `{"a":1}`))
	f.delivered()
	if left, err := f.deliveries.List(f.ctx, f.Store, "", "", 0); len(left) != 0 || err != nil {
		t.Errorf("%d, %v", len(left), err)
	}
}

// queues stands for SQS.
type queues struct {
	got chan *sqsapi.SendMessageRequest
}

func (q *queues) SendMessage(ctx context.Context, in *sqsapi.SendMessageRequest) (*sqsapi.SendMessageResult, error) {
	if caller.From(ctx).SourceARN == "" {
		return nil, wire.Errorf("AccessDenied", "not EventBridge")
	}
	q.got <- in
	return &sqsapi.SendMessageResult{}, nil
}

// TestQueue: a queue gets events, and those that a target does not get, with the
// reason.
func TestQueue(t *testing.T) {
	f := newFixture(t)
	q := &queues{got: make(chan *sqsapi.SendMessageRequest, 10)}
	f.Queues = q
	const queue = "arn:aws:sqs:" + region + ":" + account + ":"
	f.rule(nil, "r", `{"source":["s"]}`, api.Target{Id: "1", Arn: queue + "q", InputPath: new("$.detail")})
	f.put(entry("s", `{"a":1}`))
	if in := <-q.got; in.QueueUrl != "/"+account+"/q" || in.MessageBody != `{"a":1}` || in.MessageAttributes != nil {
		t.Errorf("%+v", in)
	}
	_, err := f.PutTargets(f.ctx, &api.PutTargetsRequest{Rule: "r", Targets: []api.Target{{Id: "2", Arn: logARN("/g"), DeadLetterConfig: &api.DeadLetterConfig{Arn: new(logARN("/x"))}}}})
	refused(t, err, "ValidationException", "ARN of a standard SQS queue")
	for i, x := range []struct {
		fail      error
		code      string
		condition string
	}{
		{wire.Errorf("AccessDeniedException", "no"), "NO_PERMISSIONS", ""}, {wire.Errorf("ResourceNotFoundException", "gone"), "NO_RESOURCE", ""}, {errors.New("later"), "SDK_CLIENT_ERROR", "MaximumRetryAttempts"},
	} {
		source := fmt.Sprint("d", i)
		f.rule(nil, source, `{"source":["`+source+`"]}`, api.Target{Id: "1", Arn: logARN("/g"), RetryPolicy: &api.RetryPolicy{MaximumRetryAttempts: new(int32(2))}, DeadLetterConfig: &api.DeadLetterConfig{Arn: new(queue + "dead")}})
		f.mu.Lock()
		f.fail, f.tries = func(int) error { return x.fail }, 0
		f.mu.Unlock()
		f.put(entry(source, `{"a":2}`))
		for range 4 {
			f.delivered()
			f.clock.Advance(longest)
		}
		in := <-q.got
		attribute := func(name string) string { return text(in.MessageAttributes[name].StringValue) }
		if in.QueueUrl != "/"+account+"/dead" || !strings.Contains(in.MessageBody, `"detail":{"a":2}`) || attribute("ERROR_CODE") != x.code || attribute("EXHAUSTED_RETRY_CONDITION") != x.condition ||
			attribute("TARGET_ARN") != logARN("/g") || !strings.HasSuffix(attribute("RULE_ARN"), ":rule/"+source) || attribute("ERROR_MESSAGE") == "" {
			t.Errorf("%+v", in)
		}
	}
	if left, err := f.deliveries.List(f.ctx, f.Store, "", "", 0); len(left) != 0 || err != nil {
		t.Errorf("%d, %v", len(left), err)
	}
	list := ok[*api.ListTargetsByRuleResponse](t)(f.ListTargetsByRule(f.ctx, &api.ListTargetsByRuleRequest{Rule: "d0"})).Targets
	if *list[0].DeadLetterConfig.Arn != queue+"dead" {
		t.Errorf("%+v", list)
	}
}
