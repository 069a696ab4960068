package sns

import (
	"errors"
	"strings"
	"testing"
	"time"

	api "bartizan.dev/api/sns"
)

// TestTopics: what a topic is, and how many there can be.
func TestTopics(t *testing.T) {
	f := newFixture(t)
	create := func(name string, attributes map[string]string, tags ...api.Tag) error {
		_, err := f.CreateTopic(f.ctx, &api.CreateTopicInput{Name: name, Attributes: attributes, Tags: tags})
		return err
	}
	refused(t, create("a b", nil), "InvalidParameter", "Invalid parameter: Topic Name")
	refused(t, create("a.fifo", map[string]string{"FifoTopic": "true"}), "InvalidParameter", "FIFO")
	refused(t, create("a", map[string]string{"TracingConfig": "Active"}), "InvalidParameter", "TracingConfig")
	refused(t, create("a", map[string]string{"HTTPSuccessFeedbackRoleArn": "x"}), "InvalidParameter", "delivery status")
	refused(t, create("a", map[string]string{"Nonsense": "x"}), "InvalidParameter", "AttributeName")
	refused(t, create("a", map[string]string{"Policy": "{}"}), "InvalidParameter", "Policy Error")
	for _, policy := range []string{"{", `{"http":{"x":1}}`, `{"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}}`, `{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":30}}}`,
		`{"http":{"defaultHealthyRetryPolicy":{"numRetries":100,"maxDelayTarget":3600}}}`, `{"http":{"defaultHealthyRetryPolicy":{"backoffFunction":"x"}}}`, `{"http":{"defaultRequestPolicy":{"headerContentType":"a/b"}}}`,
		`{"http":{"defaultThrottlePolicy":{"maxReceivesPerSecond":0}}}`} {
		refused(t, create("a", map[string]string{"DeliveryPolicy": policy}), "InvalidParameter", "Invalid parameter: DeliveryPolicy: ")
	}
	if err := errors.Join(create("a", map[string]string{"DisplayName": "A"}, api.Tag{Key: "k", Value: "v"}), create("a", nil), create("b", nil), create("c", nil), create("d", nil)); err != nil {
		t.Fatal(err)
	}
	refused(t, create("a", map[string]string{"DisplayName": "B"}), "InvalidParameter", "Topic already exists with different attributes")
	refused(t, create("a", nil, api.Tag{Key: "k", Value: "w"}), "InvalidParameter", "Topic already exists with different tags")
	refused(t, create("e", nil), "TopicLimitExceeded", "")
	topic := "arn:aws:sns:eu-west-1:111111111111:a"
	got := ok[*api.GetTopicAttributesResponse](t)(f.GetTopicAttributes(f.ctx, &api.GetTopicAttributesInput{TopicArn: topic})).Attributes
	if got["DisplayName"] != "A" || got["Owner"] != account || got["EffectiveDeliveryPolicy"] != `{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}` {
		t.Errorf("%v", got)
	}
	ok[*api.AddPermissionOutput](t)(f.AddPermission(f.ctx, &api.AddPermissionInput{TopicArn: topic, Label: "l", AWSAccountId: []string{other}, ActionName: []string{"Publish", "Subscribe"}}))
	_, err := f.AddPermission(f.ctx, &api.AddPermissionInput{TopicArn: topic, Label: "l", AWSAccountId: []string{other}, ActionName: []string{"Publish"}})
	refused(t, err, "InvalidParameter", "Statement already exists")
	_, err = f.AddPermission(f.ctx, &api.AddPermissionInput{TopicArn: topic, Label: "m", AWSAccountId: []string{other}, ActionName: []string{"CreateTopic"}})
	refused(t, err, "InvalidParameter", "Policy statement action out of service scope!")
	policy := func() string {
		return ok[*api.GetTopicAttributesResponse](t)(f.GetTopicAttributes(f.ctx, &api.GetTopicAttributesInput{TopicArn: topic})).Attributes["Policy"]
	}
	if p := policy(); !strings.Contains(p, "__default_statement_ID") || !strings.Contains(p, `"Action":["SNS:Publish","SNS:Subscribe"]`) || !strings.Contains(p, other+":root") {
		t.Error(p)
	}
	ok[*api.RemovePermissionOutput](t)(f.RemovePermission(f.ctx, &api.RemovePermissionInput{TopicArn: topic, Label: "l"}))
	if p := policy(); strings.Contains(p, other) {
		t.Error(p)
	}
	ok[*api.TagResourceResponse](t)(f.TagResource(f.ctx, &api.TagResourceRequest{ResourceArn: topic, Tags: []api.Tag{{Key: "x", Value: "y"}}}))
	ok[*api.UntagResourceResponse](t)(f.UntagResource(f.ctx, &api.UntagResourceRequest{ResourceArn: topic, TagKeys: []string{"k"}}))
	if tags := ok[*api.ListTagsForResourceResponse](t)(f.ListTagsForResource(f.ctx, &api.ListTagsForResourceRequest{ResourceArn: topic})).Tags; len(tags) != 1 || tags[0].Key != "x" {
		t.Errorf("%v", tags)
	}
	_, err = f.TagResource(f.ctx, &api.TagResourceRequest{ResourceArn: topic + "x", Tags: []api.Tag{{Key: "x", Value: "y"}}})
	refused(t, err, "ResourceNotFound", "Resource does not exist")
	ok[*api.DeleteTopicOutput](t)(f.DeleteTopic(f.ctx, &api.DeleteTopicInput{TopicArn: topic}))
	ok[*api.DeleteTopicOutput](t)(f.DeleteTopic(f.ctx, &api.DeleteTopicInput{TopicArn: topic}))
	if list := ok[*api.ListTopicsResponse](t)(f.ListTopics(f.ctx, &api.ListTopicsInput{})).Topics; len(list) != 3 {
		t.Errorf("%v", list)
	}
	if err := create("e", nil); err != nil {
		t.Error(err)
	}
}

// TestPending: subscriptions that nobody confirms end, and are limited.
func TestPending(t *testing.T) {
	f := newFixture(t)
	topic := f.newTopic("t")
	subscribe := func(path string, attributes map[string]string) (*api.SubscribeResponse, error) {
		return f.Subscribe(f.ctx, &api.SubscribeInput{TopicArn: topic, Protocol: "https", Endpoint: new(f.url + path), Attributes: attributes, ReturnSubscriptionArn: new(true)})
	}
	a := *ok[*api.SubscribeResponse](t)(subscribe("/a", nil)).SubscriptionArn
	if again := *ok[*api.SubscribeResponse](t)(subscribe("/a", nil)).SubscriptionArn; again != a {
		t.Errorf("%s, %s", a, again)
	}
	_, err := subscribe("/a", map[string]string{"RawMessageDelivery": "true"})
	refused(t, err, "InvalidParameter", "Subscription already exists with different attributes")
	ok[*api.SubscribeResponse](t)(subscribe("/b", nil))
	ok[*api.SubscribeResponse](t)(subscribe("/c", nil))
	_, err = subscribe("/d", nil)
	refused(t, err, "SubscriptionLimitExceeded", "")
	_, err = f.Unsubscribe(f.ctx, &api.UnsubscribeInput{SubscriptionArn: a})
	refused(t, err, "InvalidParameter", "pending")
	list := ok[*api.ListSubscriptionsByTopicResponse](t)(f.ListSubscriptionsByTopic(f.ctx, &api.ListSubscriptionsByTopicInput{TopicArn: topic})).Subscriptions
	if len(list) != 3 || *list[0].SubscriptionArn != "PendingConfirmation" {
		t.Errorf("%v", list)
	}
	for _, x := range [][3]string{
		{"https", "http://x", "Endpoint must match the specified protocol"}, {"email", "Ann <ann@example.com>", "Email address"}, {"email", "x\r\nRCPT", "Email address"},
		{"lambda", "arn:aws:lambda:eu-west-1:111111111111:function:f", "not by lambda"}, {"sqs", "x", "SQS endpoint ARN"}, {"sqs", "arn:aws:sqs:eu-west-1:111111111111:q.fifo", "FIFO SQS Queues can not be subscribed"}, {"carrier-pigeon", "x", "does not support this protocol string: carrier-pigeon"}, {"https", "", "Endpoint"},
	} {
		_, err := f.Subscribe(f.ctx, &api.SubscribeInput{TopicArn: topic, Protocol: x[0], Endpoint: &x[1]})
		refused(t, err, "InvalidParameter", x[2])
	}
	f.settle()
	f.clock.Advance(confirmWithin + time.Minute)
	f.settle()
	if list := ok[*api.ListSubscriptionsResponse](t)(f.ListSubscriptions(f.ctx, &api.ListSubscriptionsInput{})).Subscriptions; len(list) != 0 {
		t.Errorf("%v", list)
	}
}

// TestPages: lists come a hundred at a time.
func TestPages(t *testing.T) {
	f := newFixture(t)
	f.stop()
	f.Quotas.Pending = 1000
	topic := f.newTopic("t")
	const n = 205
	for i := range n {
		ok[*api.SubscribeResponse](t)(f.Subscribe(f.ctx, &api.SubscribeInput{TopicArn: topic, Protocol: "email", Endpoint: new("u" + strings.Repeat("x", i) + "@example.com")}))
	}
	mine, all := map[string]bool{}, map[string]bool{}
	for token, pages := (*string)(nil), 1; ; pages++ {
		out := ok[*api.ListSubscriptionsResponse](t)(f.ListSubscriptions(f.ctx, &api.ListSubscriptionsInput{NextToken: token}))
		for _, v := range out.Subscriptions {
			mine[*v.Endpoint] = true
		}
		if token = out.NextToken; token == nil {
			if len(mine) != n || pages != 3 {
				t.Errorf("%d in %d pages", len(mine), pages)
			}
			break
		}
	}
	for token, pages := (*string)(nil), 1; ; pages++ {
		out := ok[*api.ListSubscriptionsByTopicResponse](t)(f.ListSubscriptionsByTopic(f.ctx, &api.ListSubscriptionsByTopicInput{TopicArn: topic, NextToken: token}))
		for _, v := range out.Subscriptions {
			all[*v.Endpoint] = true
		}
		if token = out.NextToken; token == nil {
			if len(all) != n || pages != 3 {
				t.Errorf("%d in %d pages", len(all), pages)
			}
			break
		}
	}
	_, err := f.ListTopics(f.ctx, &api.ListTopicsInput{NextToken: new("nonsense")})
	refused(t, err, "InvalidParameter", "NextToken")
}
