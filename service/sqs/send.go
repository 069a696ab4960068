package sqs

import (
	"context"
	"strings"
	"time"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

// maxBody is the most bytes of a message with its attributes, and of those of a
// batch together.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const maxBody = 1 << 20

// maxTimeout is the longest visibility timeout, in seconds.
const maxTimeout = 12 * 3600

// maxBatch is the most entries of a batch.
const maxBatch = 10

// sendable: "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF."
func sendable(body string) bool {
	return !strings.ContainsFunc(body, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	})
}

// newMessage checks what is sent.
func (s *Service) newMessage(ctx context.Context, q *queue, in *sqsapi.SendMessageBatchRequestEntry, now time.Time) (*message, time.Time, int, error) {
	if in.MessageDeduplicationId != nil {
		return nil, now, 0, invalid("The request include parameter MessageDeduplicationId which is not valid for this queue type")
	}
	// Of a standard queue the group is for fair queues, which matter only among many
	// tenants: it must be well formed.
	if in.MessageGroupId != nil && (*in.MessageGroupId == "" || len(*in.MessageGroupId) > 128) {
		return nil, now, 0, invalid("MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	if in.MessageBody == "" {
		return nil, now, 0, invalid("The request must contain the parameter MessageBody.")
	}
	if !sendable(in.MessageBody) {
		return nil, now, 0, wire.Errorf("InvalidMessageContents", "The message contains characters outside the allowed set.")
	}
	attributes, size, err := attributesOf(in.MessageAttributes)
	if err != nil {
		return nil, now, 0, err
	}
	if size += len(in.MessageBody); size > int(q.Size) {
		return nil, now, 0, invalid("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.Size)
	}
	delay := q.Delay
	if in.DelaySeconds != nil {
		if delay = *in.DelaySeconds; delay < 0 || delay > 900 {
			return nil, now, 0, invalid("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", delay)
		}
	}
	m := &message{ID: newID(), Body: in.MessageBody, Attributes: attributes, Sender: caller.From(ctx).Identity.ID, Sent: now}
	if v, ok := in.MessageSystemAttributes["AWSTraceHeader"]; ok {
		if v.DataType != "String" || text(v.StringValue) == "" || v.BinaryValue != nil || v.StringListValues != nil || v.BinaryListValues != nil {
			return nil, now, 0, invalid("The message system attribute 'AWSTraceHeader' must be a string.")
		}
		m.Trace = *v.StringValue
	}
	return m, now.Add(time.Duration(delay) * time.Second), size, nil
}

// add writes a message into a queue.
func (s *Service) add(ctx context.Context, tx store.Tx, q *queue, m *message, at time.Time) error {
	m.Due = instant(at)
	state := stateNew
	if at.After(s.now()) {
		state = stateDelayed
	}
	id := instant(m.Sent) + "-" + m.ID
	if err := s.messages.Put(ctx, tx, q.UID+"/"+id, m); err != nil {
		return err
	}
	return tx.Put(ctx, dueKey(q.UID, m.Due, id), []byte(state))
}

func (m *message) trace() *string {
	if m.Trace == "" {
		return nil
	}
	return digest([]attribute{{Name: "AWSTraceHeader", Type: "String", Text: &m.Trace}})
}

// SendMessage sends a message. When it answers, the message is durable.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func (s *Service) SendMessage(ctx context.Context, in *sqsapi.SendMessageRequest) (*sqsapi.SendMessageResult, error) {
	var m *message
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		q, err := s.find(ctx, tx, in.QueueUrl)
		if err != nil {
			return err
		}
		var at time.Time
		m, at, _, err = s.newMessage(ctx, q, &sqsapi.SendMessageBatchRequestEntry{
			MessageBody: in.MessageBody, DelaySeconds: in.DelaySeconds, MessageAttributes: in.MessageAttributes,
			MessageSystemAttributes: in.MessageSystemAttributes, MessageDeduplicationId: in.MessageDeduplicationId, MessageGroupId: in.MessageGroupId,
		}, s.now())
		if err != nil {
			return err
		}
		return s.add(ctx, tx, q, m, at)
	})
	if err != nil {
		return nil, err
	}
	return &sqsapi.SendMessageResult{MessageId: &m.ID, MD5OfMessageBody: new(sum(m.Body)), MD5OfMessageAttributes: digest(m.Attributes), MD5OfMessageSystemAttributes: m.trace()}, nil
}

// checkBatch looks at the ids of a batch.
func checkBatch(what string, n int, id func(i int) string) error {
	switch {
	case n == 0:
		return wire.Errorf("EmptyBatchRequest", "There should be at least one %s in the request.", what)
	case n > maxBatch:
		return wire.Errorf("TooManyEntriesInBatchRequest", "Maximum number of entries per request are %d. You have sent %d.", maxBatch, n)
	}
	seen := map[string]bool{}
	for i := range n {
		if !goodName(id(i)) {
			return wire.Errorf("InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
		}
		if seen[id(i)] {
			return wire.Errorf("BatchEntryIdsNotDistinct", "Id %s repeated.", id(i))
		}
		seen[id(i)] = true
	}
	return nil
}

// failure is an entry of a batch that failed through the caller's fault.
func failure(id string, err error) (sqsapi.BatchResultErrorEntry, bool) {
	e := wire.AsError(err)
	return sqsapi.BatchResultErrorEntry{Id: id, SenderFault: true, Code: e.Code, Message: &e.Message}, e.Status < 500
}

// SendMessageBatch sends up to ten messages, each by itself.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
func (s *Service) SendMessageBatch(ctx context.Context, in *sqsapi.SendMessageBatchRequest) (*sqsapi.SendMessageBatchResult, error) {
	if err := checkBatch("SendMessageBatchRequestEntry", len(in.Entries), func(i int) string { return in.Entries[i].Id }); err != nil {
		return nil, err
	}
	var out *sqsapi.SendMessageBatchResult
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		q, err := s.find(ctx, tx, in.QueueUrl)
		if err != nil {
			return err
		}
		out = &sqsapi.SendMessageBatchResult{Successful: []sqsapi.SendMessageBatchResultEntry{}, Failed: []sqsapi.BatchResultErrorEntry{}}
		total := 0
		for i := range in.Entries {
			e := &in.Entries[i]
			m, at, size, err := s.newMessage(ctx, q, e, s.now())
			if f, ok := failure(e.Id, err); err != nil && ok {
				out.Failed = append(out.Failed, f)
				continue
			} else if err != nil {
				return err
			}
			if total += size; total > maxBody {
				return wire.Errorf("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxBody, total)
			}
			if err := s.add(ctx, tx, q, m, at); err != nil {
				return err
			}
			out.Successful = append(out.Successful, sqsapi.SendMessageBatchResultEntry{
				Id: e.Id, MessageId: m.ID, MD5OfMessageBody: sum(m.Body), MD5OfMessageAttributes: digest(m.Attributes), MD5OfMessageSystemAttributes: m.trace(),
			})
		}
		return nil
	})
	return out, err
}
