package sns

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode"

	snsapi "bartizan.dev/api/sns"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// maxMessage is the most bytes of a message with its attributes, and of those of
// a batch together.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const maxMessage = 256 << 10

// maxBatch is the most entries of a batch.
const maxBatch = 10

// content is what a message says.
type content struct {
	Subject    *string `json:",omitempty"`
	Message    string
	Structured map[string]string `json:",omitempty"` // by protocol, of MessageStructure json
	Attributes []attribute       `json:",omitempty"`
}

// of is the text for a protocol.
func (c *content) of(protocol string) string {
	if c.Structured == nil {
		return c.Message
	}
	if m, ok := c.Structured[protocol]; ok {
		return m
	}
	return c.Structured["default"]
}

// newContent checks what is published.
func newContent(e *snsapi.PublishBatchRequestEntry) (*content, int, error) {
	c := &content{Subject: e.Subject, Message: e.Message}
	if e.Subject != nil && !goodSubject(*e.Subject) {
		return nil, 0, invalid("Subject")
	}
	if e.Message == "" {
		return nil, 0, invalid("Empty message")
	}
	if e.MessageDeduplicationId != nil {
		return nil, 0, invalid("MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type")
	}
	// Of a standard topic the group is for SQS's fair queues, and for nobody else.
	if e.MessageGroupId != nil && (*e.MessageGroupId == "" || len(*e.MessageGroupId) > 128 || strings.ContainsFunc(*e.MessageGroupId, func(r rune) bool { return r <= ' ' || r > '~' })) {
		return nil, 0, invalid("MessageGroupId Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length")
	}
	var size int
	var err error
	if c.Attributes, size, err = messageAttributes(e.MessageAttributes); err != nil {
		return nil, 0, err
	}
	switch text(e.MessageStructure) {
	case "":
	case "json":
		var all map[string]json.RawMessage
		if json.Unmarshal([]byte(e.Message), &all) != nil || all == nil {
			return nil, 0, invalid("Message Structure - JSON message body failed to parse")
		}
		c.Structured = map[string]string{}
		for protocol, raw := range all {
			var m string
			if json.Unmarshal(raw, &m) == nil && string(raw) != "null" { // "Non-string values will cause the key to be ignored."
				c.Structured[protocol] = m
			}
		}
		if _, ok := c.Structured["default"]; !ok {
			return nil, 0, invalid("Message Structure - No default entry in JSON message body")
		}
	default:
		return nil, 0, invalid("MessageStructure")
	}
	return c, size + len(e.Message), nil
}

// goodSubject: "Subjects must be UTF-8 text with no line breaks or control
// characters, and less than 100 characters long."
func goodSubject(s string) bool {
	return s != "" && len([]rune(s)) <= 100 && !strings.ContainsFunc(s, unicode.IsControl)
}

// message is what was published, until every endpoint has it or is given up.
type message struct {
	Topic place
	Time  time.Time
	Text  []byte           // a content; sealed if there is a key
	Key   []byte           `json:",omitempty"` // the data key, encrypted by KMS
	As    *caller.Identity `json:",omitempty"` // as whom KMS is asked
}

// publish takes messages for a topic. When it returns nil, they are durable.
func (s *Service) publish(ctx context.Context, p place, all []*content) (ids []string, err error) {
	t, err := s.topic(ctx, s.Store, p)
	if err != nil {
		return nil, err
	}
	to, err := s.audiences.Get(ctx, p.key())
	if err != nil {
		return nil, err
	}
	now := s.now()
	type outgoing struct {
		id, key string
		message *message
		to      []string
	}
	var out []outgoing
	for _, c := range all {
		o := outgoing{id: newID(), key: newID(), to: to.of(c)}
		ids = append(ids, o.id)
		// An encrypted topic asks KMS whether anybody listens or not.
		if o.message, err = s.seal(ctx, t, c); err != nil {
			return nil, err
		}
		if o.message.Time = now; len(o.to) > 0 {
			out = append(out, o)
		}
	}
	if len(out) == 0 {
		return ids, nil
	}
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := s.topic(ctx, tx, p); err != nil {
			return err
		}
		for _, o := range out {
			if err := s.messages.Put(ctx, tx, o.key, o.message); err != nil {
				return err
			}
			for _, id := range o.to {
				d := &delivery{Kind: kindNotification, MessageID: o.id, Message: o.key, Subscription: id, Time: now}
				if err := s.deliver(ctx, tx, d, now); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return ids, err
}

// Publish sends a message to a topic's subscribers.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
func (s *Service) Publish(ctx context.Context, in *snsapi.PublishInput) (*snsapi.PublishResponse, error) {
	name, parameter := text(in.TopicArn), "TopicArn"
	switch {
	case in.PhoneNumber != nil:
		return nil, invalid("PhoneNumber Reason: Bartizan sends no text messages")
	case name == "" && in.TargetArn != nil:
		name, parameter = *in.TargetArn, "TargetArn"
	case name == "":
		return nil, invalid("TopicArn or TargetArn Reason: no value for required parameter")
	case in.TargetArn != nil:
		return nil, invalid("TargetArn Reason: Only one of TopicArn and TargetArn can be specified")
	}
	c, size, err := newContent(&snsapi.PublishBatchRequestEntry{
		Message: in.Message, Subject: in.Subject, MessageStructure: in.MessageStructure, MessageAttributes: in.MessageAttributes,
		MessageDeduplicationId: in.MessageDeduplicationId, MessageGroupId: in.MessageGroupId,
	})
	if err != nil {
		return nil, err
	}
	if size > maxMessage {
		return nil, invalid("Message too long")
	}
	if strings.Contains(name, ":endpoint/") {
		return nil, invalid("TargetArn Reason: Bartizan has no mobile endpoints")
	}
	p, err := topicPlace(ctx, name, parameter)
	if err != nil {
		return nil, err
	}
	ids, err := s.publish(ctx, p, []*content{c})
	if err != nil {
		return nil, err
	}
	return &snsapi.PublishResponse{MessageId: &ids[0]}, nil
}

// PublishBatch sends up to ten messages, all of them or none.
// https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
func (s *Service) PublishBatch(ctx context.Context, in *snsapi.PublishBatchInput) (*snsapi.PublishBatchResponse, error) {
	switch n := len(in.PublishBatchRequestEntries); {
	case n == 0:
		return nil, wire.Errorf("EmptyBatchRequest", "The batch request doesn't contain any entries.")
	case n > maxBatch:
		return nil, wire.Errorf("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
	}
	p, err := topicPlace(ctx, in.TopicArn, "TopicArn")
	if err != nil {
		return nil, err
	}
	var all []*content
	seen, size := map[string]bool{}, 0
	for i := range in.PublishBatchRequestEntries {
		e := &in.PublishBatchRequestEntries[i]
		if seen[e.Id] {
			return nil, wire.Errorf("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
		}
		if seen[e.Id] = true; len(e.Id) > 80 || !goodName(e.Id) {
			return nil, wire.Errorf("InvalidBatchEntryId", "The Id of a batch entry in a batch request doesn't abide by the specification.")
		}
		c, n, err := newContent(e)
		if err != nil {
			return nil, err
		}
		if size += n; size > maxMessage {
			return nil, wire.Errorf("BatchRequestTooLong", "The length of all the messages put together is more than the limit.")
		}
		all = append(all, c)
	}
	ids, err := s.publish(ctx, p, all)
	if err != nil {
		return nil, err
	}
	out := &snsapi.PublishBatchResponse{Successful: []snsapi.PublishBatchResultEntry{}, Failed: []snsapi.BatchResultErrorEntry{}}
	for i := range ids {
		out.Successful = append(out.Successful, snsapi.PublishBatchResultEntry{Id: &in.PublishBatchRequestEntries[i].Id, MessageId: &ids[i]})
	}
	return out, nil
}
