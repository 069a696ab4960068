package sns

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/sns"
	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/caller"
	"bartizan.dev/wire"
)

// SendMessage stands for SQS.
func (f *fixture) SendMessage(ctx context.Context, in *sqsapi.SendMessageRequest) (*sqsapi.SendMessageResult, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if c := caller.From(ctx); c.Identity.Service != principal || !strings.HasPrefix(c.SourceARN, "arn:aws:sns:") || c.Region != region {
		f.t.Errorf("a queue was written to by %+v", c)
	}
	if err := f.closed[in.QueueUrl]; err != nil {
		return nil, err
	}
	attributes := ""
	for name, v := range in.MessageAttributes {
		attributes += " " + name + "=" + v.DataType
	}
	f.queued = append(f.queued, in.QueueUrl+" "+in.MessageBody+attributes)
	return &sqsapi.SendMessageResult{}, nil
}

func (f *fixture) queuedUp() []string {
	f.t.Helper()
	f.settle()
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.queued
	f.queued = nil
	return out
}

// TestQueue: the owner's queue needs no confirmation, another's is asked; what is
// refused becomes a dead letter, and what fails is tried again.
func TestQueue(t *testing.T) {
	f := newFixture(t)
	topic := f.newTopic("t")
	const mine, theirs = "arn:aws:sqs:" + region + ":" + account + ":", "arn:aws:sqs:" + region + ":" + other + ":"
	subscribe := func(queue string, attributes map[string]string) string {
		t.Helper()
		return *ok[*api.SubscribeResponse](t)(f.Subscribe(f.ctx, &api.SubscribeInput{TopicArn: topic, Protocol: "sqs", Endpoint: &queue, Attributes: attributes})).SubscriptionArn
	}
	plain := subscribe(mine+"q", nil)
	if again := subscribe(mine+"q", nil); again != plain || !strings.HasPrefix(plain, topic+":") {
		t.Errorf("%s, %s", plain, again)
	}
	subscribe(mine+"raw", map[string]string{"RawMessageDelivery": "true", "RedrivePolicy": `{"deadLetterTargetArn":"` + mine + `dead"}`})
	if s := subscribe(theirs+"q", nil); s != "pending confirmation" {
		t.Error(s)
	}
	got := f.queuedUp()
	if len(got) != 1 || !strings.HasPrefix(got[0], "/"+other+"/q {") || f.verified(strings.TrimPrefix(got[0], "/"+other+"/q "))["Type"] != kindSubscribe {
		t.Errorf("%v", got)
	}
	publish := func(message string) {
		t.Helper()
		ok[*api.PublishResponse](t)(f.Publish(f.ctx, &api.PublishInput{TopicArn: &topic, Message: message, MessageAttributes: map[string]api.MessageAttributeValue{"b": {DataType: "Binary.x", BinaryValue: []byte{1}}}}))
	}
	publish("m")
	got = f.queuedUp()
	if len(got) != 2 || !strings.Contains(strings.Join(got, "\n"), "/"+account+"/raw m b=Binary.x") {
		t.Errorf("%v", got)
	}
	f.set(func() {
		f.tries, f.closed = 0, map[string]error{"/" + account + "/raw": wire.Errorf("QueueDoesNotExist", "gone"), "/" + account + "/q": errors.New("later"), "/" + account + "/dead": errors.New("later")}
	})
	publish("n")
	for range 8 {
		f.settle()
		f.clock.Advance(30 * time.Second)
	}
	f.settle()
	f.set(func() {
		if f.tries < 15 || len(f.queued) != 0 {
			t.Errorf("%d tries, %v", f.tries, f.queued)
		}
		delete(f.closed, "/"+account+"/q")
		delete(f.closed, "/"+account+"/dead")
	})
	f.clock.Advance(30 * time.Second)
	got = f.queuedUp()
	if all := strings.Join(got, "\n"); len(got) != 2 || !strings.Contains(all, "/"+account+"/dead n") || !strings.Contains(all, `"Message" : "n"`) {
		t.Errorf("%v", got)
	}
	f.nothing()
	_, err := f.SetSubscriptionAttributes(f.ctx, &api.SetSubscriptionAttributesInput{SubscriptionArn: plain, AttributeName: "RedrivePolicy", AttributeValue: new(`{"deadLetterTargetArn":"` + theirs + `dead"}`)})
	refused(t, err, "InvalidParameter", "in the account and Region of the subscription")
}
