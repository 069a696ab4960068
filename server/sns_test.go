package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	cloudtrailapi "bartizan.dev/api/cloudtrail"
	kmsapi "bartizan.dev/api/kms"
	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/bartizantest"
	"bartizan.dev/wire"
)

// mailbox is an endpoint that keeps what it gets.
func mailbox(t *testing.T) (url string, got chan map[string]string) {
	t.Helper()
	got = make(chan map[string]string, 20)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m map[string]any
		if err := json.Unmarshal(body, &m); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		flat := map[string]string{}
		for k, v := range m {
			flat[k] = fmt.Sprint(v)
		}
		got <- flat
	}))
	t.Cleanup(endpoint.Close)
	return endpoint.URL, got
}

// visit follows an address in a message, without a signature.
func visit(t *testing.T, address string) (int, string) {
	t.Helper()
	res, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

// TestTopics: a message reaches an endpoint that has confirmed by the address it
// was sent, through a topic whose key and policy decide who publishes; and the
// trail knows who did, but not what was said.
func TestTopics(t *testing.T) {
	t.Parallel()
	s := bartizantest.New(t)
	ctx := t.Context()
	topics := func(as bartizantest.Credentials) snsapi.Client {
		return snsapi.Client{Door: s.Door(as, bartizantest.Region, snsapi.Operations(snsapi.Unimplemented{}))}
	}
	mine := topics(s.Root())
	keys := kmsapi.Client{Door: s.Door(s.Root(), bartizantest.Region, kmsapi.Operations(kmsapi.Unimplemented{}))}
	key := must(keys.CreateKey(ctx, &kmsapi.CreateKeyRequest{}))(t).KeyMetadata
	topic := *must(mine.CreateTopic(ctx, &snsapi.CreateTopicInput{Name: "alarms", Attributes: map[string]string{"KmsMasterKeyId": *key.Arn, "SignatureVersion": "2"}}))(t).TopicArn
	url, got := mailbox(t)
	must(mine.Subscribe(ctx, &snsapi.SubscribeInput{TopicArn: topic, Protocol: "http", Endpoint: &url}))(t)
	m := <-got
	if status, body := visit(t, strings.Replace(m["SubscribeURL"], "Token=", "Token=x", 1)); status != 400 || !strings.Contains(body, "<Code>InvalidParameter</Code>") {
		t.Errorf("a wrong token: %d %s", status, body)
	}
	status, body := visit(t, m["SubscribeURL"])
	if status != 200 || !strings.Contains(body, "<ConfirmSubscriptionResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">") || !strings.Contains(body, "<SubscriptionArn>"+topic+":") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := visit(t, m["SigningCertURL"]); status != 200 || !strings.HasPrefix(body, "-----BEGIN CERTIFICATE-----") {
		t.Errorf("%d %s", status, body)
	}

	// Who publishes needs the topic and its key.
	allow := func(action ...string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["` + strings.Join(action, `","`) + `"],"Resource":"*"}}`
	}
	publish := func(c snsapi.Client, message string) error {
		_, err := c.Publish(ctx, &snsapi.PublishInput{TopicArn: &topic, Message: message})
		return err
	}
	for code, rights := range map[string]string{"AuthorizationError": allow("kms:*"), "KMSAccessDenied": allow("sns:*", "kms:GenerateDataKey"), "": allow("sns:Publish", "kms:GenerateDataKey", "kms:Decrypt")} {
		if err := publish(topics(s.NewUser(rights).Credentials), "from a user"); code == "" && err != nil || code != "" && wire.AsError(err).Code != code {
			t.Errorf("%q: %v", code, err)
		}
	}
	m = <-got
	if m["Message"] != "from a user" || m["SignatureVersion"] != "2" {
		t.Errorf("%v", m)
	}
	end := m["UnsubscribeURL"]

	// A disabled key lets nobody publish.
	must(keys.DisableKey(ctx, &kmsapi.DisableKeyRequest{KeyId: key.KeyId}))(t)
	if err := publish(mine, "x"); wire.AsError(err).Code != "KMSDisabled" {
		t.Errorf("%v", err)
	}
	must(mine.SetTopicAttributes(ctx, &snsapi.SetTopicAttributesInput{TopicArn: topic, AttributeName: "KmsMasterKeyId", AttributeValue: new("")}))(t)

	// Another account publishes once the topic's policy says so.
	_, stranger, account := twoAccounts(t, s)
	theirs := stranger.topics
	if err := publish(theirs, "x"); wire.AsError(err).Code != "AuthorizationError" {
		t.Errorf("%v", err)
	}
	must(mine.AddPermission(ctx, &snsapi.AddPermissionInput{TopicArn: topic, Label: "them", AWSAccountId: []string{account}, ActionName: []string{"Publish"}}))(t)
	if err := publish(theirs, "from abroad"); err != nil {
		t.Error(err)
	}
	if m = <-got; m["Message"] != "from abroad" {
		t.Errorf("%v", m)
	}

	// The endpoint leaves, and comes back so that only a signed call ends it.
	if status, body := visit(t, end); status != 200 || !strings.Contains(body, "<UnsubscribeResponse") {
		t.Errorf("%d %s", status, body)
	}
	if m = <-got; m["Type"] != "UnsubscribeConfirmation" {
		t.Errorf("%v", m)
	}
	if status, body := visit(t, m["SubscribeURL"]+"&AuthenticateOnUnsubscribe=true"); status != 403 || !strings.Contains(body, "AuthorizationError") {
		t.Errorf("%d %s", status, body)
	}
	must(mine.ConfirmSubscription(ctx, &snsapi.ConfirmSubscriptionInput{TopicArn: topic, Token: m["Token"], AuthenticateOnUnsubscribe: new("true")}))(t)
	if status, body := visit(t, end); status != 403 || !strings.Contains(body, "AuthorizationError") {
		t.Errorf("%d %s", status, body)
	}

	trail := cloudtrailapi.Client{Door: s.Door(s.Root(), bartizantest.Region, cloudtrailapi.Operations(cloudtrailapi.Unimplemented{}))}
	seen := 0
	for _, name := range []string{"Publish", "ConfirmSubscription"} {
		found := must(trail.LookupEvents(ctx, &cloudtrailapi.LookupEventsRequest{LookupAttributes: []cloudtrailapi.LookupAttribute{{AttributeKey: "EventName", AttributeValue: name}}}))(t)
		for _, e := range found.Events {
			seen++
			if strings.Contains(*e.CloudTrailEvent, "from a user") || strings.Contains(*e.CloudTrailEvent, m["Token"]) || !strings.Contains(*e.CloudTrailEvent, "HIDDEN_DUE_TO_SECURITY_REASONS") {
				t.Error(*e.CloudTrailEvent)
			}
		}
	}
	if seen < 4 {
		t.Errorf("%d events", seen)
	}
}
