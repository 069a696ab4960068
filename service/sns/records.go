package sns

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"bartizan.dev/arn"
	"bartizan.dev/caller"
	"bartizan.dev/store"
)

// What is stored, and under which id:
//
//	topic/{account}/{region}/{name}
//	subscription/{account}/{region}/{topic}/{uuid}   of the topic; indexes owner, token, endpoint, filtered
//	message/{id}                                     what was published, until it is delivered
//	delivery/{id}                                    a message on its way to one endpoint; index message
//	count/{account}/{region}/                        how many topics there are
//	signer/key                                       what messages are signed with
//
// Names have no slashes.
type records struct {
	topics        store.Collection[topic]
	subscriptions store.Collection[subscription]
	messages      store.Collection[message]
	deliveries    store.Collection[delivery]
	signers       store.Collection[signerRecord]
	counts        store.Collection[counter]
}

func newRecords() records {
	return records{
		topics: store.Collection[topic]{Name: "topic"},
		subscriptions: store.Collection[subscription]{Name: "subscription", Indexes: []store.Index[subscription]{
			{Name: "owner", Keys: func(v *subscription) []string { return keyIf(!v.gone(), v.Owner+"/"+v.Topic.Region) }},
			{Name: "pending", Keys: func(v *subscription) []string { return keyIf(v.Pending, v.Owner) }},
			{Name: "token", Keys: func(v *subscription) []string { return keyIf(v.Token != "", v.Token) }},
			{Name: "endpoint", Keys: func(v *subscription) []string {
				return []string{v.Topic.key() + " " + digest(v.Protocol+" "+v.Endpoint)}
			}},
			{Name: "filtered", Keys: func(v *subscription) []string { return keyIf(v.Filter != "", v.Topic.key()) }},
		}},
		messages: store.Collection[message]{Name: "message"},
		deliveries: store.Collection[delivery]{Name: "delivery", Indexes: []store.Index[delivery]{
			{Name: "message", Keys: func(d *delivery) []string { return keyIf(d.Message != "", d.Message) }},
		}},
		signers: store.Collection[signerRecord]{Name: "signer"},
		counts:  store.Collection[counter]{Name: "count"},
	}
}

func keyIf(is bool, key string) []string {
	if is {
		return []string{key}
	}
	return nil
}

// place names a topic.
type place struct{ Account, Region, Name string }

func (p place) home() string { return p.Account + "/" + p.Region + "/" }

func (p place) key() string { return p.home() + p.Name }

func (p place) arn() string { return arn.New("sns", p.Region, p.Account, p.Name) }

type tag struct{ Key, Value string }

type counter struct{ Topics int }

// topic is a topic with the attributes that were set.
type topic struct {
	Place            place
	Display          string `json:",omitzero"`
	Policy           string `json:",omitzero"` // bound; empty is the default one
	Delivery         string `json:",omitzero"`
	Key              string `json:",omitzero"` // KmsMasterKeyId
	SignatureVersion string `json:",omitzero"`
	Tracing          string `json:",omitzero"`
	Tags             []tag  `json:",omitzero"`
}

// subscription is a subscription. One that a stranger has ended stays for two days,
// so that the endpoint's owner can take that back.
type subscription struct {
	Topic              place
	UID                string
	Owner              string // account
	Principal          string // ARN of who subscribed
	Protocol, Endpoint string
	Pending            bool      `json:",omitzero"`
	Ended              time.Time `json:",omitzero"`
	Token              string    `json:",omitzero"` // digest of the one that confirms
	Authenticated      bool      `json:",omitzero"` // the confirmation was signed
	SignedOnly         bool      `json:",omitzero"` // AuthenticateOnUnsubscribe
	Raw                bool      `json:",omitzero"`
	Filter             string    `json:",omitzero"`
	Body               bool      `json:",omitzero"` // FilterPolicyScope MessageBody
	Delivery           string    `json:",omitzero"`
	Redrive            string    `json:",omitzero"` // RedrivePolicy
}

func (v *subscription) gone() bool { return !v.Ended.IsZero() }

func (v *subscription) key() string { return v.Topic.key() + "/" + v.UID }

func (v *subscription) arn() string { return v.Topic.arn() + ":" + v.UID }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// newToken is a confirmation token: 288 hexadecimal digits, as on AWS.
func newToken() string {
	var b [144]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// topicPlace reads the ARN of a topic, which must be of the call's Region.
// parameter is its name in the request.
func topicPlace(ctx context.Context, name, parameter string) (place, error) {
	p, ok := placeOfARN(name)
	if !ok {
		if n := strings.Count(name, ":") + 1; n < 6 {
			return p, invalid("%s Reason: An ARN must have at least 6 elements, not %d", parameter, n)
		}
		return p, invalid("%s", parameter)
	}
	if c := caller.From(ctx); c.Identity.Kind != caller.Anonymous && p.Region != c.Region {
		return p, invalid("%s", parameter)
	}
	return p, nil
}

func placeOfARN(name string) (place, bool) {
	a, err := arn.Parse(name)
	ok := err == nil && a.Service == "sns" && arn.IsAccount(a.Account) && a.Region != "" && a.Resource != "" && !strings.ContainsAny(a.Resource, ":/*\x00")
	return place{a.Account, a.Region, a.Resource}, ok
}

// subscriptionKey is the id of a subscription by its ARN.
func subscriptionKey(name string) (topic place, key string, ok bool) {
	i := strings.LastIndexByte(name, ':')
	if i < 0 || strings.ContainsAny(name[i:], "/\x00") {
		return place{}, "", false
	}
	topic, ok = placeOfARN(name[:i])
	return topic, topic.key() + "/" + name[i+1:], ok && len(name) > i+1
}

// topic reads a topic.
func (s *Service) topic(ctx context.Context, r store.Reader, p place) (*topic, error) {
	t, err := s.topics.Get(ctx, r, p.key())
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return nil, errNoTopic
	}
	return t, err
}

// subscription reads one that has not been ended.
func (s *Service) subscription(ctx context.Context, r store.Reader, name string) (*subscription, error) {
	_, key, ok := subscriptionKey(name)
	if !ok {
		return nil, invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not %d", strings.Count(name, ":")+1)
	}
	v, err := s.subscriptions.Get(ctx, r, key)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) || err == nil && v.gone() {
		return nil, errNoSubscription
	}
	return v, err
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
