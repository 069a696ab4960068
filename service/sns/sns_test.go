package sns

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	kmsapi "bartizan.dev/api/kms"
	api "bartizan.dev/api/sns"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/store/memory"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

const (
	account = "111111111111"
	other   = "222222222222"
	region  = "eu-west-1"
)

// got is a request that the endpoint got.
type got struct {
	path   string
	header http.Header
	body   string
}

type mailed struct{ to, text string }

// fixture is the service with an endpoint, a mailer and a KMS of its own.
type fixture struct {
	*Service
	t      *testing.T
	ctx    context.Context
	clock  *work.Clock
	engine store.Store
	url    string // of the endpoint
	stop   func() // ends the service's queue

	mu     sync.Mutex
	posts  []got
	mails  []mailed
	status func(n int) int
	tries  int
	asked  []string         // of KMS: who
	broken error            // of KMS
	queued []string         // group and message that queues got
	closed map[string]error // queues that refuse
	refuse error            // of the mail server
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: new(work.Clock), engine: memory.Open(), ctx: as(t.Context(), account)}
	endpoint := httptest.NewTLSServer(http.HandlerFunc(f.take))
	t.Cleanup(endpoint.Close)
	f.url = endpoint.URL
	f.Service = f.open(endpoint.Client())
	f.run(t)
	return f
}

func (f *fixture) open(client *http.Client) *Service {
	f.t.Helper()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s, err := New(f.t.Context(), Deps{
		Store: f.engine, Clock: f.clock, KMS: f, Queues: f, Mail: f, HTTP: client, URL: func() string { return "https://here" },
		Bind:   func(_ context.Context, d string) (string, string, error) { return d, "", nil },
		Show:   func(_ context.Context, d string) (string, error) { return d, nil },
		Quotas: Quotas{Topics: 4, Pending: 3, Filters: 2},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func (f *fixture) run(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	s := f.Service
	go func() {
		defer close(done)
		_ = s.Run(ctx) // says that ctx has ended
	}()
	f.stop = func() { stop(); <-done }
	t.Cleanup(f.stop)
}

func (f *fixture) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.t.Error(err)
	}
	f.tries++
	if f.status != nil {
		if code := f.status(f.tries); code != 200 {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
			return
		}
	}
	f.posts = append(f.posts, got{r.URL.Path, r.Header, string(body)})
}

func (f *fixture) From() string           { return "sns@example.com" }
func (f *fixture) Permanent(e error) bool { return e == errPermanent }

var errPermanent = errors.New("550 nobody")

func (f *fixture) Send(_ context.Context, to string, message []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tries++
	if f.refuse != nil {
		return f.refuse
	}
	f.mails = append(f.mails, mailed{to, string(message)})
	return nil
}

var dataKey = []byte("0123456789abcdef0123456789abcdef")

func (f *fixture) ask(ctx context.Context, what string, in map[string]string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what+" "+caller.From(ctx).Identity.ARN+" "+in["aws:sns:topicArn"])
	return f.broken
}

func (f *fixture) GenerateDataKey(ctx context.Context, in *kmsapi.GenerateDataKeyRequest) (*kmsapi.GenerateDataKeyResponse, error) {
	return &kmsapi.GenerateDataKeyResponse{Plaintext: append([]byte(nil), dataKey...), CiphertextBlob: []byte("sealed")}, f.ask(ctx, "GenerateDataKey", in.EncryptionContext)
}

func (f *fixture) Decrypt(ctx context.Context, in *kmsapi.DecryptRequest) (*kmsapi.DecryptResponse, error) {
	return &kmsapi.DecryptResponse{Plaintext: append([]byte(nil), dataKey...)}, f.ask(ctx, "Decrypt", in.EncryptionContext)
}

func as(ctx context.Context, account string) context.Context {
	return caller.With(ctx, &caller.Call{Identity: caller.Identity{Kind: caller.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root"}, Region: region})
}

func anonymous(ctx context.Context) context.Context {
	return caller.With(ctx, &caller.Call{Region: "us-east-1"})
}

func (f *fixture) settle() {
	f.t.Helper()
	if err := f.Settle(f.ctx); err != nil {
		f.t.Fatal(err)
	}
}

// received is what the endpoint got since it was last asked.
func (f *fixture) received() []got {
	f.t.Helper()
	f.settle()
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.posts
	f.posts = nil
	return out
}

func (f *fixture) letters() []mailed {
	f.t.Helper()
	f.settle()
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.mails
	f.mails = nil
	return out
}

func (f *fixture) set(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
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

func (f *fixture) newTopic(name string, attributes ...string) string {
	f.t.Helper()
	in := &api.CreateTopicInput{Name: name, Attributes: map[string]string{}}
	for i := 0; i < len(attributes); i += 2 {
		in.Attributes[attributes[i]] = attributes[i+1]
	}
	return *ok[*api.CreateTopicResponse](f.t)(f.CreateTopic(f.ctx, in)).TopicArn
}

// confirmed subscribes the endpoint at a path and confirms that.
func (f *fixture) confirmed(topic, path string, attributes ...string) string {
	f.t.Helper()
	in := &api.SubscribeInput{TopicArn: topic, Protocol: "https", Endpoint: new(f.url + path), Attributes: map[string]string{}}
	for i := 0; i < len(attributes); i += 2 {
		in.Attributes[attributes[i]] = attributes[i+1]
	}
	out := ok[*api.SubscribeResponse](f.t)(f.Subscribe(f.ctx, in))
	if *out.SubscriptionArn != "pending confirmation" {
		f.t.Errorf("Subscribe answers %s", *out.SubscriptionArn)
	}
	posts := f.received()
	if len(posts) != 1 {
		f.t.Fatalf("%d posts", len(posts))
	}
	m := f.verified(posts[0].body)
	return *ok[*api.ConfirmSubscriptionResponse](f.t)(f.ConfirmSubscription(anonymous(f.ctx), &api.ConfirmSubscriptionInput{TopicArn: topic, Token: m["Token"].(string)})).SubscriptionArn
}

// verified reads a message and checks its signature as AWS's documentation says.
func (f *fixture) verified(body string) map[string]any {
	f.t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		f.t.Fatalf("%v: %s", err, body)
	}
	names := []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	if m["Type"] != kindNotification {
		names = []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	}
	var text strings.Builder
	for _, n := range names {
		if v, ok := m[n].(string); ok {
			text.WriteString(n + "\n" + v + "\n")
		}
	}
	res := httptest.NewRecorder()
	path := strings.TrimPrefix(m["SigningCertURL"].(string), "https://here")
	f.Handler().ServeHTTP(res, httptest.NewRequest("GET", path, nil))
	block, _ := pem.Decode(res.Body.Bytes())
	if block == nil {
		f.t.Fatalf("the certificate: %d %s", res.Code, res.Body)
	}
	certificate := ok[*x509.Certificate](f.t)(x509.ParseCertificate(block.Bytes))
	signature := ok[[]byte](f.t)(base64.StdEncoding.DecodeString(m["Signature"].(string)))
	hash, sum := crypto.SHA1, sha1.Sum([]byte(text.String()))
	digest := sum[:]
	if m["SignatureVersion"] == "2" {
		d := sha256.Sum256([]byte(text.String()))
		hash, digest = crypto.SHA256, d[:]
	}
	if err := rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), hash, digest, signature); err != nil {
		f.t.Errorf("the signature: %v\n%s", err, body)
	}
	return m
}

func (f *fixture) publish(topic, message string) string {
	f.t.Helper()
	return *ok[*api.PublishResponse](f.t)(f.Publish(f.ctx, &api.PublishInput{TopicArn: &topic, Message: message})).MessageId
}

// nothing checks that no message is kept.
func (f *fixture) nothing() {
	f.t.Helper()
	f.settle()
	d, err := f.deliveries.List(f.ctx, f.Store, "", "", 0)
	m, err2 := f.messages.List(f.ctx, f.Store, "", "", 0)
	if len(d) != 0 || len(m) != 0 || err != nil || err2 != nil {
		f.t.Errorf("%d deliveries and %d messages are left: %v %v", len(d), len(m), err, err2)
	}
}

// TestHTTPS: what an endpoint gets from subscription to the end, signed both ways.
func TestHTTPS(t *testing.T) {
	for _, version := range []string{"1", "2"} {
		f := newFixture(t)
		topic := f.newTopic("t", "SignatureVersion", version)
		if topic != "arn:aws:sns:eu-west-1:111111111111:t" {
			t.Error(topic)
		}
		ok[*api.SubscribeResponse](t)(f.Subscribe(f.ctx, &api.SubscribeInput{TopicArn: topic, Protocol: "https", Endpoint: new(f.url + "/hook")}))
		posts := f.received()
		h := posts[0].header
		if len(posts) != 1 || h.Get("x-amz-sns-message-type") != kindSubscribe || h.Get("x-amz-sns-topic-arn") != topic || h["X-Amz-Sns-Subscription-Arn"] != nil ||
			h.Get("User-Agent") != "Amazon Simple Notification Service Agent" || h.Get("Content-Type") != "text/plain; charset=UTF-8" || posts[0].path != "/hook" {
			t.Errorf("%v", posts)
		}
		m := f.verified(posts[0].body)
		token := m["Token"].(string)
		if m["SignatureVersion"] != version || m["MessageId"] != h.Get("x-amz-sns-message-id") || len(token) != 288 ||
			m["Message"] != "You have chosen to subscribe to the topic "+topic+".\nTo confirm the subscription, visit the SubscribeURL included in this message." {
			t.Errorf("%v", m)
		}
		u := ok[*url.URL](t)(url.Parse(m["SubscribeURL"].(string)))
		if q := u.Query(); q.Get("Action") != "ConfirmSubscription" || q.Get("TopicArn") != topic || q.Get("Token") != token || q.Get("Version") != "2010-03-31" {
			t.Errorf("%s", u)
		}
		f.publish(topic, "too early")
		_, err := f.ConfirmSubscription(f.ctx, &api.ConfirmSubscriptionInput{TopicArn: topic, Token: "other"})
		refused(t, err, "InvalidParameter", "Invalid parameter: Token")
		name := *ok[*api.ConfirmSubscriptionResponse](t)(f.ConfirmSubscription(anonymous(f.ctx), &api.ConfirmSubscriptionInput{TopicArn: topic, Token: token})).SubscriptionArn
		again := *ok[*api.ConfirmSubscriptionResponse](t)(f.ConfirmSubscription(anonymous(f.ctx), &api.ConfirmSubscriptionInput{TopicArn: topic, Token: token})).SubscriptionArn
		if again != name {
			t.Errorf("%s, then %s", name, again)
		}

		id := *ok[*api.PublishResponse](t)(f.Publish(f.ctx, &api.PublishInput{TargetArn: &topic, Message: "a <b> & \"c\"", Subject: new("s & t"), MessageAttributes: map[string]api.MessageAttributeValue{
			"n": {DataType: "Number", StringValue: new("7")}, "b": {DataType: "Binary", BinaryValue: []byte{1, 2}},
		}})).MessageId
		posts = f.received()
		h = posts[0].header
		m = f.verified(posts[0].body)
		if len(posts) != 1 || h.Get("x-amz-sns-message-type") != kindNotification || h.Get("x-amz-sns-subscription-arn") != name || h.Get("x-amz-sns-message-id") != id ||
			m["Message"] != "a <b> & \"c\"" || m["Subject"] != "s & t" || m["MessageId"] != id {
			t.Errorf("%v", posts)
		}
		attributes := m["MessageAttributes"].(map[string]any)
		if n, b := attributes["n"].(map[string]any), attributes["b"].(map[string]any); n["Type"] != "Number" || n["Value"] != "7" || b["Value"] != "AQI=" {
			t.Errorf("%v", attributes)
		}
		if !strings.HasPrefix(posts[0].body, "{\n  \"Type\" : \"Notification\",\n  \"MessageId\" : \"") {
			t.Error(posts[0].body)
		}
		f.nothing()

		// A stranger ends it, and the endpoint takes that back.
		u = ok[*url.URL](t)(url.Parse(m["UnsubscribeURL"].(string)))
		if q := u.Query(); q.Get("Action") != "Unsubscribe" || q.Get("SubscriptionArn") != name {
			t.Errorf("%s", u)
		}
		ok[*api.UnsubscribeOutput](t)(f.Unsubscribe(anonymous(f.ctx), &api.UnsubscribeInput{SubscriptionArn: name}))
		posts = f.received()
		m = f.verified(posts[0].body)
		if len(posts) != 1 || m["Type"] != kindUnsubscribe || posts[0].header.Get("x-amz-sns-subscription-arn") != name || !strings.HasPrefix(m["Message"].(string), "You have chosen to deactivate subscription "+name+".\n") {
			t.Errorf("%v", posts)
		}
		f.publish(topic, "not for those who left")
		_, err = f.GetSubscriptionAttributes(f.ctx, &api.GetSubscriptionAttributesInput{SubscriptionArn: name})
		refused(t, err, "NotFound", "Subscription does not exist")
		ok[*api.ConfirmSubscriptionResponse](t)(f.ConfirmSubscription(anonymous(f.ctx), &api.ConfirmSubscriptionInput{TopicArn: topic, Token: m["Token"].(string)}))
		f.publish(topic, "back")
		if posts = f.received(); len(posts) != 1 || f.verified(posts[0].body)["Message"] != "back" {
			t.Errorf("%v", posts)
		}
		// The owner ends it, and nobody is told.
		ok[*api.UnsubscribeOutput](t)(f.Unsubscribe(f.ctx, &api.UnsubscribeInput{SubscriptionArn: name}))
		f.publish(topic, "to nobody")
		if posts = f.received(); len(posts) != 0 {
			t.Errorf("%v", posts)
		}
		f.nothing()
	}
}

// TestAnswers: what an endpoint answers decides whether a message is tried again,
// and the delivery policy how often.
func TestAnswers(t *testing.T) {
	for _, x := range []struct {
		status, tries int
		policy        string
	}{
		{200, 1, ""}, {302, 1, ""}, {404, 1, ""}, {429, 4, ""}, {500, 4, ""},
		{500, 1, `{"healthyRetryPolicy":{"numRetries":0}}`},
		{500, 7, `{"healthyRetryPolicy":{"numRetries":6,"minDelayTarget":1,"maxDelayTarget":100,"numNoDelayRetries":2,"backoffFunction":"exponential"}}`},
	} {
		f := newFixture(t)
		topic := f.newTopic("t")
		name := f.confirmed(topic, "/x")
		if x.policy != "" {
			ok[*api.SetSubscriptionAttributesOutput](t)(f.SetSubscriptionAttributes(f.ctx, &api.SetSubscriptionAttributesInput{SubscriptionArn: name, AttributeName: "DeliveryPolicy", AttributeValue: &x.policy}))
		}
		f.set(func() { f.tries, f.status = 0, func(int) int { return x.status } })
		f.publish(topic, "m")
		for range 10 {
			f.settle()
			f.clock.Advance(2 * time.Minute)
		}
		f.nothing()
		f.set(func() {
			if f.tries != x.tries {
				t.Errorf("%d %s: %d tries, want %d", x.status, x.policy, f.tries, x.tries)
			}
		})
	}
}

// TestRestart: what was answered for is delivered by the next process on the same
// store, with the same signing key.
func TestRestart(t *testing.T) {
	f := newFixture(t)
	topic := f.newTopic("t")
	f.confirmed(topic, "/x")
	f.set(func() { f.status = func(int) int { return 503 } })
	id := f.publish(topic, "m")
	f.settle()
	f.stop()
	f.set(func() { f.status = nil })
	f.Service = f.open(f.HTTP)
	f.run(t)
	f.clock.Advance(time.Minute)
	posts := f.received()
	if len(posts) != 1 || f.verified(posts[0].body)["MessageId"] != id {
		t.Errorf("%v", posts)
	}
	f.nothing()
}

// TestRaw: raw delivery is the message alone, with the content type of the policy.
func TestRaw(t *testing.T) {
	f := newFixture(t)
	topic := f.newTopic("t", "DeliveryPolicy", `{"http":{"defaultRequestPolicy":{"headerContentType":"application/json"}}}`)
	f.confirmed(topic, "/raw", "RawMessageDelivery", "true")
	ok[*api.PublishResponse](t)(f.Publish(f.ctx, &api.PublishInput{TopicArn: &topic, Message: `{"default":"d","https":"h","email":1}`, MessageStructure: new("json")}))
	posts := f.received()
	if len(posts) != 1 || posts[0].body != "h" || posts[0].header.Get("x-amz-sns-rawdelivery") != "true" || posts[0].header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", posts)
	}
}

// TestFilters: each subscription gets what its policy lets through.
func TestFilters(t *testing.T) {
	f := newFixture(t)
	topic := f.newTopic("t")
	f.confirmed(topic, "/all")
	f.confirmed(topic, "/red", "FilterPolicy", `{"colour":["red"],"n":[{"numeric":[">",5]}]}`)
	body := f.confirmed(topic, "/body", "FilterPolicy", `{"a":{"b":["c"]}}`, "FilterPolicyScope", "MessageBody")
	send := func(message string, attributes map[string]api.MessageAttributeValue) string {
		t.Helper()
		ok[*api.PublishResponse](t)(f.Publish(f.ctx, &api.PublishInput{TopicArn: &topic, Message: message, MessageAttributes: attributes}))
		got := map[string]bool{}
		for _, p := range f.received() {
			got[p.path] = true
		}
		out := ""
		for _, p := range []string{"/all", "/red", "/body"} {
			if got[p] {
				out += p
			}
		}
		return out
	}
	red := map[string]api.MessageAttributeValue{"colour": {DataType: "String.Array", StringValue: new(`["blue","red"]`)}, "n": {DataType: "Number", StringValue: new("6")}}
	for _, x := range []struct {
		got, want string
	}{
		{send("text", nil), "/all"}, {send("text", red), "/all/red"}, {send(`{"a":{"b":"c"}}`, nil), "/all/body"}, {send(`{"a":{"b":"c"}}`, red), "/all/red/body"},
	} {
		if x.got != x.want {
			t.Errorf("%s, want %s", x.got, x.want)
		}
	}
	set := func(name, value string) error {
		_, err := f.SetSubscriptionAttributes(f.ctx, &api.SetSubscriptionAttributesInput{SubscriptionArn: body, AttributeName: name, AttributeValue: &value})
		return err
	}
	refused(t, set("FilterPolicyScope", "MessageAttributes"), "InvalidParameter", "does not support nested filter policy")
	refused(t, set("FilterPolicy", `{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}`), "InvalidParameter", "Filter policy can not have more than 5 keys")
	refused(t, set("FilterPolicy", `{"a":1}`), "InvalidParameter", "Invalid parameter: FilterPolicy: ")
	refused(t, set("FilterPolicy", "{"), "InvalidParameter", "Invalid parameter: FilterPolicy: ")
	refused(t, set("RawMessageDelivery", "perhaps"), "InvalidParameter", "RawMessageDelivery: Invalid value [perhaps]. Must be true or false.")
	refused(t, set("Nonsense", "x"), "InvalidParameter", "Invalid parameter: AttributeName")
	refused(t, set("RedrivePolicy", `{"deadLetterTargetArn":"x"}`), "InvalidParameter", "deadLetterTargetArn is an invalid arn")
	out := ok[*api.GetSubscriptionAttributesResponse](t)(f.GetSubscriptionAttributes(f.ctx, &api.GetSubscriptionAttributesInput{SubscriptionArn: body})).Attributes
	if out["FilterPolicyScope"] != "MessageBody" || out["PendingConfirmation"] != "false" || out["ConfirmationWasAuthenticated"] != "false" || out["Owner"] != account {
		t.Errorf("%v", out)
	}
	_, err := f.Subscribe(f.ctx, &api.SubscribeInput{TopicArn: topic, Protocol: "https", Endpoint: new(f.url + "/third"), Attributes: map[string]string{"FilterPolicy": `{"x":["y"]}`}})
	refused(t, err, "FilterPolicyLimitExceeded", "")
	ok[*api.SetSubscriptionAttributesOutput](t)(f.SetSubscriptionAttributes(f.ctx, &api.SetSubscriptionAttributesInput{SubscriptionArn: body, AttributeName: "FilterPolicy", AttributeValue: new("")}))
	if got := send("text", nil); got != "/all/body" {
		t.Error(got)
	}
}

// TestEmail: text and JSON by e-mail, tried again unless refused for good.
func TestEmail(t *testing.T) {
	f := newFixture(t)
	topic := f.newTopic("t", "DisplayName", "Äpfel")
	for _, protocol := range []string{"email", "email-json"} {
		ok[*api.SubscribeResponse](t)(f.Subscribe(f.ctx, &api.SubscribeInput{TopicArn: topic, Protocol: protocol, Endpoint: new("ann@example.com")}))
	}
	for _, m := range f.letters() {
		if m.to != "ann@example.com" || !strings.Contains(m.text, "\r\nSubject: AWS Notification - Subscription Confirmation\r\n") || !strings.HasPrefix(m.text, `From: =?utf-8?q?=C3=84pfel?= <sns@example.com>`) {
			t.Error(m)
		}
		text := strings.ReplaceAll(strings.ReplaceAll(m.text, "=\r\n", ""), "=3D", "=")
		_, token, _ := strings.Cut(text, "&Token=")
		ok[*api.ConfirmSubscriptionResponse](t)(f.ConfirmSubscription(anonymous(f.ctx), &api.ConfirmSubscriptionInput{TopicArn: topic, Token: token[:288]}))
	}
	ok[*api.PublishResponse](t)(f.Publish(f.ctx, &api.PublishInput{TopicArn: &topic, Message: `{"default":"plain","email-json":"for machines"}`, Subject: new("Hello"), MessageStructure: new("json")}))
	letters := f.letters()
	if len(letters) != 2 {
		t.Fatal(letters)
	}
	plain, machine := letters[0].text, letters[1].text
	if strings.Contains(plain, "for machines") {
		plain, machine = machine, plain
	}
	if !strings.Contains(plain, "Subject: Hello\r\n") || !strings.Contains(plain, "\r\n\r\nplain\r\n") || !strings.Contains(machine, `"Message" : "for machines"`) {
		t.Errorf("%s\n%s", plain, machine)
	}
	for _, x := range []struct {
		err   error
		tries int
	}{{errPermanent, 2}, {errors.New("later"), 2 * (mailRetries + 1)}} {
		f.set(func() { f.tries, f.refuse = 0, x.err })
		f.publish(topic, "m")
		for range mailRetries + 2 {
			f.settle()
			f.clock.Advance(10 * time.Minute)
		}
		f.nothing()
		f.set(func() {
			if f.tries != x.tries {
				t.Errorf("%v: %d tries, want %d", x.err, f.tries, x.tries)
			}
		})
	}
	f.Mail = nil
	_, err := f.Subscribe(f.ctx, &api.SubscribeInput{TopicArn: topic, Protocol: "email", Endpoint: new("bob@example.com")})
	refused(t, err, "InvalidParameter", "--smtp")
}

// TestEncrypted: the messages of a topic with a key are sealed, and KMS is asked
// as the publisher.
func TestEncrypted(t *testing.T) {
	f := newFixture(t)
	topic := f.newTopic("t", "KmsMasterKeyId", "alias/aws/sns")
	f.confirmed(topic, "/x")
	f.set(func() { f.status = func(int) int { return 500 } })
	f.publish(topic, "the secret message")
	f.settle()
	items := ok[[]store.Item](t)(f.Store.List(f.ctx, store.Range{Prefix: "message/"}))
	if len(items) != 1 || strings.Contains(string(items[0].Value), base64.StdEncoding.EncodeToString([]byte("the secret"))[:12]) {
		t.Errorf("%v", items)
	}
	f.set(func() { f.status = nil })
	f.clock.Advance(time.Minute)
	posts := f.received()
	if len(posts) != 1 || f.verified(posts[0].body)["Message"] != "the secret message" {
		t.Errorf("%v", posts)
	}
	who := " arn:aws:iam::111111111111:root " + topic
	f.set(func() {
		if got := strings.Join(f.asked, ","); got != "GenerateDataKey"+who+",Decrypt"+who+",Decrypt"+who+",Decrypt"+who {
			t.Error(got)
		}
		f.broken = wire.Errorf("DisabledException", "the key is disabled")
	})
	_, err := f.Publish(f.ctx, &api.PublishInput{TopicArn: &topic, Message: "m"})
	refused(t, err, "KMSDisabled", "the key is disabled")
}

// TestLimits: what Publish and PublishBatch refuse.
func TestLimits(t *testing.T) {
	f := newFixture(t)
	topic := f.newTopic("t")
	attribute := func(name string, v api.MessageAttributeValue) api.PublishInput {
		return api.PublishInput{TopicArn: &topic, Message: "m", MessageAttributes: map[string]api.MessageAttributeValue{name: v}}
	}
	for _, x := range []struct {
		in            api.PublishInput
		code, message string
	}{
		{api.PublishInput{TopicArn: &topic}, "InvalidParameter", "Invalid parameter: Empty message"},
		{api.PublishInput{TopicArn: &topic, Message: strings.Repeat("x", maxMessage+1)}, "InvalidParameter", "Invalid parameter: Message too long"},
		{api.PublishInput{TopicArn: &topic, Message: "m", Subject: new("")}, "InvalidParameter", "Invalid parameter: Subject"},
		{api.PublishInput{TopicArn: &topic, Message: "m", Subject: new("a\nBcc: x")}, "InvalidParameter", "Invalid parameter: Subject"},
		{api.PublishInput{TopicArn: &topic, Message: "m", Subject: new(strings.Repeat("x", 101))}, "InvalidParameter", "Invalid parameter: Subject"},
		{api.PublishInput{TopicArn: &topic, Message: "m", MessageStructure: new("json")}, "InvalidParameter", "Message Structure - JSON message body failed to parse"},
		{api.PublishInput{TopicArn: &topic, Message: "{}", MessageStructure: new("json")}, "InvalidParameter", "Message Structure - No default entry in JSON message body"},
		{api.PublishInput{TopicArn: &topic, Message: "m", MessageDeduplicationId: new("x")}, "InvalidParameter", "not valid for this topic type"},
		{api.PublishInput{Message: "m", PhoneNumber: new("+1555123456")}, "InvalidParameter", "PhoneNumber"},
		{api.PublishInput{Message: "m"}, "InvalidParameter", "no value for required parameter"},
		{api.PublishInput{TopicArn: new("x"), Message: "m"}, "InvalidParameter", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"},
		{api.PublishInput{TopicArn: new(topic + "x"), Message: "m"}, "NotFound", "Topic does not exist"},
		{api.PublishInput{TopicArn: new(strings.Replace(topic, region, "us-east-1", 1)), Message: "m"}, "InvalidParameter", "Invalid parameter: TopicArn"},
		{attribute(".a", api.MessageAttributeValue{DataType: "String", StringValue: new("x")}), "ParameterValueInvalid", "starting with character '.'"},
		{attribute("a..b", api.MessageAttributeValue{DataType: "String", StringValue: new("x")}), "ParameterValueInvalid", "successive"},
		{attribute("a b", api.MessageAttributeValue{DataType: "String", StringValue: new("x")}), "ParameterValueInvalid", "'#x20'"},
		{attribute("a", api.MessageAttributeValue{DataType: "Text", StringValue: new("x")}), "ParameterValueInvalid", "invalid message attribute type"},
		{attribute("a", api.MessageAttributeValue{DataType: "String"}), "ParameterValueInvalid", "non-empty"},
		{attribute("a", api.MessageAttributeValue{DataType: "Number", StringValue: new("x")}), "ParameterValueInvalid", "Could not cast message attribute 'a' value to number."},
		{attribute("a", api.MessageAttributeValue{DataType: "Binary", StringValue: new("x")}), "ParameterValueInvalid", "must use field 'Binary'"},
	} {
		_, err := f.Publish(f.ctx, &x.in)
		refused(t, err, x.code, x.message)
	}
	batch := func(entries ...api.PublishBatchRequestEntry) (*api.PublishBatchResponse, error) {
		return f.PublishBatch(f.ctx, &api.PublishBatchInput{TopicArn: topic, PublishBatchRequestEntries: entries})
	}
	e := api.PublishBatchRequestEntry{Id: "a", Message: "m"}
	for code, entries := range map[string][]api.PublishBatchRequestEntry{
		"EmptyBatchRequest": nil, "TooManyEntriesInBatchRequest": make([]api.PublishBatchRequestEntry, 11), "BatchEntryIdsNotDistinct": {e, e},
		"InvalidBatchEntryId": {{Id: "a b", Message: "m"}}, "BatchRequestTooLong": {{Id: "a", Message: strings.Repeat("x", 200_000)}, {Id: "b", Message: strings.Repeat("x", 100_000)}},
	} {
		_, err := batch(entries...)
		refused(t, err, code, "")
	}
	f.confirmed(topic, "/x")
	out := ok[*api.PublishBatchResponse](t)(batch(e, api.PublishBatchRequestEntry{Id: "b", Message: "n"}))
	if posts := f.received(); len(out.Successful) != 2 || len(posts) != 2 || *out.Successful[1].Id != "b" {
		t.Errorf("%v %v", out, posts)
	}
}

// TestPassword: the password in an address is used and never shown.
func TestPassword(t *testing.T) {
	f := newFixture(t)
	topic := f.newTopic("t")
	at := strings.Replace(f.url, "https://", "https://ann:pass@", 1)
	name := *ok[*api.SubscribeResponse](t)(f.Subscribe(f.ctx, &api.SubscribeInput{TopicArn: topic, Protocol: "https", Endpoint: &at, ReturnSubscriptionArn: new(true)})).SubscriptionArn
	posts := f.received()
	if len(posts) != 1 || posts[0].header.Get("Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("ann:pass")) {
		t.Errorf("%v", posts)
	}
	got := ok[*api.GetSubscriptionAttributesResponse](t)(f.GetSubscriptionAttributes(f.ctx, &api.GetSubscriptionAttributesInput{SubscriptionArn: name})).Attributes["Endpoint"]
	if got != strings.Replace(f.url, "https://", "https://ann:****@", 1) {
		t.Error(got)
	}
}

// TestDelays: the phases of a retry policy, in order.
func TestDelays(t *testing.T) {
	r := retry{MinDelay: 1, MaxDelay: 16, Retries: 10, Immediate: 1, AtMin: 2, AtMax: 2, Backoff: "geometric"}
	var got []time.Duration
	for i := range r.Retries {
		got = append(got, r.delay(i).Round(time.Second))
	}
	want := []time.Duration{0, 1, 1, 1, 2, 4, 8, 16, 16, 16}
	for i := range want {
		if got[i] != want[i]*time.Second {
			t.Errorf("%v", got)
			break
		}
	}
	for _, f := range backoffs {
		if grow(f, 2, 9, 0) != 2 || grow(f, 2, 9, 1) != 9 || grow(f, 2, 9, 0.4) > grow(f, 2, 9, 0.6) {
			t.Errorf("%s does not grow from 2 to 9", f)
		}
	}
}

// FuzzDelivery: whatever is no delivery policy is refused, and no policy waits for
// ever.
func FuzzDelivery(f *testing.F) {
	f.Add(`{"http":{"defaultHealthyRetryPolicy":{"numRetries":5}}}`)
	f.Add(`{"healthyRetryPolicy":{"numRetries":5,"numNoDelayRetries":2}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		for _, parse := range []func() (*delivering, error){
			func() (*delivering, error) { return parseTopicDelivery(raw) },
			func() (*delivering, error) { return parseSubscriptionDelivery(*defaultDelivery(), raw) },
		} {
			d, err := parse()
			if err != nil {
				continue
			}
			for i := range d.retry.Retries {
				if w := d.retry.delay(i); w < 0 || w > time.Hour {
					t.Errorf("%s: %v", raw, w)
				}
			}
		}
	})
}
