package sqs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/sqs"
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
	f := &fixture{t: t, clock: new(work.Clock)}
	f.ctx = caller.With(t.Context(), &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account, ID: account}, Region: region})
	s, err := New(t.Context(), Deps{
		Store: memory.Open(), Clock: f.clock, URL: func() string { return "https://here" },
		Bind: func(_ context.Context, d string) (string, string, error) { return d, "", nil },
		Show: func(_ context.Context, d string) (string, error) { return d, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Service = s
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx) // says that ctx has ended
	}()
	t.Cleanup(func() { stop(); <-done })
	return f
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

func (f *fixture) create(name string, attributes map[api.QueueAttributeName]string) string {
	f.t.Helper()
	return *ok[*api.CreateQueueResult](f.t)(f.CreateQueue(f.ctx, &api.CreateQueueRequest{QueueName: name, Attributes: attributes})).QueueUrl
}

func (f *fixture) send(url, body string) {
	f.t.Helper()
	ok[*api.SendMessageResult](f.t)(f.SendMessage(f.ctx, &api.SendMessageRequest{QueueUrl: url, MessageBody: body}))
}

func (f *fixture) receive(url string) []api.Message {
	f.t.Helper()
	return ok[*api.ReceiveMessageResult](f.t)(f.ReceiveMessage(f.ctx, &api.ReceiveMessageRequest{QueueUrl: url, MaxNumberOfMessages: new(int32(10)),
		MessageSystemAttributeNames: []api.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"}})).Messages
}

func bodies(all []api.Message) string {
	var out []string
	for _, m := range all {
		out = append(out, *m.Body)
	}
	return strings.Join(out, " ")
}

func (f *fixture) counts(url string) string {
	f.t.Helper()
	a := ok[*api.GetQueueAttributesResult](f.t)(f.GetQueueAttributes(f.ctx, &api.GetQueueAttributesRequest{QueueUrl: url, AttributeNames: []api.QueueAttributeName{"All"}})).Attributes
	return a["ApproximateNumberOfMessages"] + a["ApproximateNumberOfMessagesNotVisible"] + a["ApproximateNumberOfMessagesDelayed"]
}

// TestVisibility: a message that is received comes back unless it is deleted, with
// a new receipt handle.
func TestVisibility(t *testing.T) {
	f := newFixture(t)
	url := f.create("q", nil)
	if url != "https://here/111111111111/q" {
		t.Error(url)
	}
	f.send(url, "a")
	f.clock.Advance(time.Second)
	f.send(url, "b")
	got := f.receive(url)
	if bodies(got) != "a b" || got[0].Attributes["ApproximateReceiveCount"] != "1" || got[0].Attributes["SenderId"] != account || *got[0].MD5OfBody != "0cc175b9c0f1b6a831c399e269772661" {
		t.Errorf("%+v", got)
	}
	if c := f.counts(url); c != "020" || len(f.receive(url)) != 0 {
		t.Error(c)
	}
	remove := func(m api.Message) error {
		_, err := f.DeleteMessage(f.ctx, &api.DeleteMessageRequest{QueueUrl: url, ReceiptHandle: *m.ReceiptHandle})
		return err
	}
	hide := func(m api.Message, seconds int32) error {
		_, err := f.ChangeMessageVisibility(f.ctx, &api.ChangeMessageVisibilityRequest{QueueUrl: url, ReceiptHandle: *m.ReceiptHandle, VisibilityTimeout: seconds})
		return err
	}
	if err := errors.Join(remove(got[0]), remove(got[0]), hide(got[1], 100)); err != nil {
		t.Fatal(err)
	}
	f.clock.Advance(31 * time.Second)
	if m := f.receive(url); len(m) != 0 {
		t.Errorf("%+v", m)
	}
	f.clock.Advance(70 * time.Second)
	again := f.receive(url)
	if bodies(again) != "b" || again[0].Attributes["ApproximateReceiveCount"] != "2" || *again[0].ReceiptHandle == *got[1].ReceiptHandle {
		t.Errorf("%+v", again)
	}
	// The old handle deletes nothing, and hides nothing.
	if err := remove(got[1]); err != nil {
		t.Error(err)
	}
	refused(t, hide(got[1], 0), "MessageNotInflight", "")
	if err := hide(again[0], 0); err != nil || bodies(f.receive(url)) != "b" {
		t.Error(err)
	}
	_, err := f.DeleteMessage(f.ctx, &api.DeleteMessageRequest{QueueUrl: url, ReceiptHandle: "nonsense"})
	refused(t, err, "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}

// TestPolling: who waits gets the message that comes, at once, and one that is
// delayed when its time has come.
func TestPolling(t *testing.T) {
	f := newFixture(t)
	url := f.create("q", map[api.QueueAttributeName]string{"ReceiveMessageWaitTimeSeconds": "20"})
	got := make(chan string)
	poll := func() { got <- bodies(f.receive(url)) }
	go poll()
	f.send(url, "now")
	if m := <-got; m != "now" {
		t.Error(m)
	}
	go poll()
	ok[*api.SendMessageResult](t)(f.SendMessage(f.ctx, &api.SendMessageRequest{QueueUrl: url, MessageBody: "later", DelaySeconds: new(int32(15))}))
	if c := f.counts(url); c != "011" {
		t.Error(c)
	}
	f.clock.Advance(16 * time.Second)
	if m := <-got; m != "later" {
		t.Error(m)
	}
	go poll()
	f.clock.Advance(21 * time.Second) // moves the clock before or while it waits
	f.clock.Advance(21 * time.Second)
	if m := <-got; m != "now" && m != "later" && m != "now later" && m != "" {
		t.Error(m)
	}
	if m := ok[*api.ReceiveMessageResult](t)(f.ReceiveMessage(f.ctx, &api.ReceiveMessageRequest{QueueUrl: f.create("r", nil)})); len(m.Messages) != 0 {
		t.Errorf("%v", m)
	}
}

// TestDeadLetters: a message that comes too often goes to the dead-letter queue,
// under its id.
func TestDeadLetters(t *testing.T) {
	f := newFixture(t)
	dead := f.create("dead", nil)
	const deadARN = "arn:aws:sqs:eu-west-1:111111111111:dead"
	_, err := f.CreateQueue(f.ctx, &api.CreateQueueRequest{QueueName: "x", Attributes: map[api.QueueAttributeName]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + deadARN + `x","maxReceiveCount":2}`}})
	refused(t, err, "InvalidParameterValue", "Dead letter target does not exist.")
	url := f.create("q", map[api.QueueAttributeName]string{"VisibilityTimeout": "0", "RedrivePolicy": `{"deadLetterTargetArn":"` + deadARN + `","maxReceiveCount":"2"}`})
	f.send(url, "m")
	id := *f.receive(url)[0].MessageId
	if len(f.receive(url)) != 1 || len(f.receive(url)) != 0 {
		t.Error("not received twice")
	}
	got := f.receive(dead)
	if len(got) != 1 || *got[0].MessageId != id || got[0].Attributes["DeadLetterQueueSourceArn"] != "arn:aws:sqs:eu-west-1:111111111111:q" {
		t.Errorf("%+v", got)
	}
	list := ok[*api.ListDeadLetterSourceQueuesResult](t)(f.ListDeadLetterSourceQueues(f.ctx, &api.ListDeadLetterSourceQueuesRequest{QueueUrl: dead})).QueueUrls
	if len(list) != 1 || list[0] != url {
		t.Errorf("%v", list)
	}
	ok[*api.SetQueueAttributesOutput](t)(f.SetQueueAttributes(f.ctx, &api.SetQueueAttributesRequest{QueueUrl: dead, Attributes: map[api.QueueAttributeName]string{"RedriveAllowPolicy": `{"redrivePermission":"denyAll"}`}}))
	_, err = f.CreateQueue(f.ctx, &api.CreateQueueRequest{QueueName: "x", Attributes: map[api.QueueAttributeName]string{"RedrivePolicy": `{"deadLetterTargetArn":"` + deadARN + `","maxReceiveCount":2}`}})
	refused(t, err, "InvalidParameterValue", "does not allow")
}

// TestAttributes: message attributes come back as they were sent, with the sums
// that clients check.
func TestAttributes(t *testing.T) {
	f := newFixture(t)
	url := f.create("q", nil)
	sent := ok[*api.SendMessageResult](t)(f.SendMessage(f.ctx, &api.SendMessageRequest{QueueUrl: url, MessageBody: "b", MessageAttributes: map[string]api.MessageAttributeValue{
		"timestamp": {DataType: "Number", StringValue: new("1493147359900")},
	}, MessageSystemAttributes: map[api.MessageSystemAttributeNameForSends]api.MessageSystemAttributeValue{"AWSTraceHeader": {DataType: "String", StringValue: new("Root=1")}}}))
	// AWS answers this sum.
	if *sent.MD5OfMessageAttributes != "235c5c510d26fb653d073faed50ae77c" || sent.MD5OfMessageSystemAttributes == nil {
		t.Errorf("%s", *sent.MD5OfMessageAttributes)
	}
	got := f.receive(url)[0]
	if *got.MD5OfMessageAttributes != *sent.MD5OfMessageAttributes || *got.MessageAttributes["timestamp"].StringValue != "1493147359900" || got.Attributes["AWSTraceHeader"] != "Root=1" {
		t.Errorf("%+v", got)
	}
	for _, x := range []struct {
		name  string
		value api.MessageAttributeValue
		want  string
	}{
		{"a..b", api.MessageAttributeValue{DataType: "String", StringValue: new("x")}, "not valid"},
		{"aws.x", api.MessageAttributeValue{DataType: "String", StringValue: new("x")}, "not valid"},
		{"a", api.MessageAttributeValue{DataType: "Text", StringValue: new("x")}, "invalid message attribute type"},
		{"a", api.MessageAttributeValue{DataType: "String"}, "non-empty"},
		{"a", api.MessageAttributeValue{DataType: "Number", StringValue: new("x")}, "to a number"},
	} {
		_, err := f.SendMessage(f.ctx, &api.SendMessageRequest{QueueUrl: url, MessageBody: "b", MessageAttributes: map[string]api.MessageAttributeValue{x.name: x.value}})
		refused(t, err, "InvalidParameterValue", x.want)
	}
}

// TestBatches: entries of a batch are judged one by one.
func TestBatches(t *testing.T) {
	f := newFixture(t)
	url := f.create("q", nil)
	send := func(entries ...api.SendMessageBatchRequestEntry) (*api.SendMessageBatchResult, error) {
		return f.SendMessageBatch(f.ctx, &api.SendMessageBatchRequest{QueueUrl: url, Entries: entries})
	}
	e := api.SendMessageBatchRequestEntry{Id: "a", MessageBody: "x"}
	for code, entries := range map[string][]api.SendMessageBatchRequestEntry{
		"EmptyBatchRequest": nil, "TooManyEntriesInBatchRequest": make([]api.SendMessageBatchRequestEntry, 11), "BatchEntryIdsNotDistinct": {e, e}, "InvalidBatchEntryId": {{Id: "a b"}},
		"BatchRequestTooLong": {{Id: "a", MessageBody: strings.Repeat("x", 600_000)}, {Id: "b", MessageBody: strings.Repeat("x", 600_000)}},
	} {
		_, err := send(entries...)
		refused(t, err, code, "")
	}
	out := ok[*api.SendMessageBatchResult](t)(send(e, api.SendMessageBatchRequestEntry{Id: "b", MessageBody: "\x01"}, api.SendMessageBatchRequestEntry{Id: "c", MessageBody: "y"}))
	if len(out.Successful) != 2 || len(out.Failed) != 1 || out.Failed[0].Id != "b" || out.Failed[0].Code != "InvalidMessageContents" {
		t.Errorf("%+v", out)
	}
	got := f.receive(url)
	hidden := ok[*api.ChangeMessageVisibilityBatchResult](t)(f.ChangeMessageVisibilityBatch(f.ctx, &api.ChangeMessageVisibilityBatchRequest{QueueUrl: url, Entries: []api.ChangeMessageVisibilityBatchRequestEntry{
		{Id: "a", ReceiptHandle: *got[0].ReceiptHandle, VisibilityTimeout: new(int32(50))}, {Id: "b", ReceiptHandle: "x", VisibilityTimeout: new(int32(50))}}}))
	if len(hidden.Successful) != 1 || len(hidden.Failed) != 1 || hidden.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Errorf("%+v", hidden)
	}
	gone := ok[*api.DeleteMessageBatchResult](t)(f.DeleteMessageBatch(f.ctx, &api.DeleteMessageBatchRequest{QueueUrl: url, Entries: []api.DeleteMessageBatchRequestEntry{
		{Id: "a", ReceiptHandle: *got[0].ReceiptHandle}, {Id: "b", ReceiptHandle: *got[1].ReceiptHandle}, {Id: "c", ReceiptHandle: "x"}}}))
	if len(gone.Successful) != 2 || len(gone.Failed) != 1 || f.counts(url) != "000" {
		t.Errorf("%+v", gone)
	}
}

// TestQueues: what a queue is, how it is purged and deleted, and how long it keeps
// messages.
func TestQueues(t *testing.T) {
	f := newFixture(t)
	url := f.create("q", map[api.QueueAttributeName]string{"DelaySeconds": "0"})
	f.create("q", nil)
	for attributes, code := range map[[2]string]string{
		{"DelaySeconds", "1"}: "QueueNameExists", {"DelaySeconds", "901"}: "InvalidAttributeValue", {"VisibilityTimeout", "x"}: "InvalidAttributeValue", {"Nonsense", "x"}: "InvalidAttributeName",
		{"KmsMasterKeyId", "alias/aws/sqs"}: "InvalidAttributeValue", {"SqsManagedSseEnabled", "false"}: "InvalidAttributeValue", {"FifoQueue", "true"}: "InvalidParameterValue", {"Policy", "{"}: "InvalidAttributeValue",
		{"RedrivePolicy", "x"}: "InvalidParameterValue", {"RedriveAllowPolicy", "{}"}: "InvalidAttributeValue",
	} {
		_, err := f.CreateQueue(f.ctx, &api.CreateQueueRequest{QueueName: "q", Attributes: map[api.QueueAttributeName]string{api.QueueAttributeName(attributes[0]): attributes[1]}})
		refused(t, err, code, "")
	}
	ok[*api.TagQueueOutput](t)(f.TagQueue(f.ctx, &api.TagQueueRequest{QueueUrl: url, Tags: map[string]string{"a": "1", "b": "2"}}))
	ok[*api.UntagQueueOutput](t)(f.UntagQueue(f.ctx, &api.UntagQueueRequest{QueueUrl: url, TagKeys: []string{"a"}}))
	if tags := ok[*api.ListQueueTagsResult](t)(f.ListQueueTags(f.ctx, &api.ListQueueTagsRequest{QueueUrl: url})).Tags; len(tags) != 1 || tags["b"] != "2" {
		t.Errorf("%v", tags)
	}
	f.send(url, "x")
	held := f.receive(url)[0]
	f.send(url, "y")
	ok[*api.PurgeQueueOutput](t)(f.PurgeQueue(f.ctx, &api.PurgeQueueRequest{QueueUrl: url}))
	if c := f.counts(url); c != "000" {
		t.Error(c)
	}
	_, err := f.PurgeQueue(f.ctx, &api.PurgeQueueRequest{QueueUrl: url})
	refused(t, err, "PurgeQueueInProgress", "")
	_, err = f.DeleteMessage(f.ctx, &api.DeleteMessageRequest{QueueUrl: url, ReceiptHandle: *held.ReceiptHandle})
	refused(t, err, "ReceiptHandleIsInvalid", "")
	stored := func() (n int) {
		t.Helper()
		if err := f.Settle(f.ctx); err != nil {
			t.Fatal(err)
		}
		for _, prefix := range []string{"message/", "due/"} {
			n += len(ok[[]store.Item](t)(f.Store.List(f.ctx, store.Range{Prefix: prefix})))
		}
		return n
	}
	if n := stored(); n != 0 {
		t.Errorf("%d records after the purge", n)
	}
	f.send(url, "old")
	f.clock.Advance(4*24*time.Hour + time.Second)
	if m := f.receive(url); len(m) != 0 {
		t.Errorf("%v", m)
	}
	f.send(url, "older")
	f.clock.Advance(4*24*time.Hour + 2*time.Hour)
	if n := stored(); n != 0 {
		t.Errorf("%d records after the retention", n)
	}
	f.send(url, "z")
	ok[*api.DeleteQueueOutput](t)(f.DeleteQueue(f.ctx, &api.DeleteQueueRequest{QueueUrl: url}))
	if n := stored(); n != 0 {
		t.Errorf("%d records after the deletion", n)
	}
	_, err = f.SendMessage(f.ctx, &api.SendMessageRequest{QueueUrl: url, MessageBody: "x"})
	refused(t, err, "QueueDoesNotExist", "The specified queue does not exist.")
	_, err = f.GetQueueUrl(f.ctx, &api.GetQueueUrlRequest{QueueName: "q"})
	refused(t, err, "QueueDoesNotExist", "")
	for i := range 3 {
		f.create(fmt.Sprint("p", i), nil)
	}
	page := ok[*api.ListQueuesResult](t)(f.ListQueues(f.ctx, &api.ListQueuesRequest{MaxResults: new(int32(2))}))
	rest := ok[*api.ListQueuesResult](t)(f.ListQueues(f.ctx, &api.ListQueuesRequest{MaxResults: new(int32(2)), NextToken: page.NextToken}))
	if len(page.QueueUrls) != 2 || len(rest.QueueUrls) != 1 || rest.NextToken != nil {
		t.Errorf("%v %v", page, rest)
	}
}

// FuzzHandle: no receipt handle of a stranger's finds a message.
func FuzzHandle(f *testing.F) {
	f.Add("eA==")
	f.Add("UUlEIGlkIHg=")
	f.Fuzz(func(t *testing.T, handle string) {
		x := newFixture(t)
		url := x.create("q", nil)
		x.send(url, "m")
		x.receive(url)
		_, err := x.DeleteMessage(x.ctx, &api.DeleteMessageRequest{QueueUrl: url, ReceiptHandle: handle})
		if err != nil && wire.AsError(err).Code != "ReceiptHandleIsInvalid" || x.counts(url) != "010" {
			t.Errorf("%q: %v", handle, err)
		}
	})
}
