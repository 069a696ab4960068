package sqs

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/store"
)

// ReceiveMessage takes up to ten messages, which nobody else gets until their
// visibility timeout ends. With a wait it polls: an empty answer comes only after
// that time.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
func (s *Service) ReceiveMessage(ctx context.Context, in *sqsapi.ReceiveMessageRequest) (*sqsapi.ReceiveMessageResult, error) {
	n := int32(1)
	if in.MaxNumberOfMessages != nil {
		if n = *in.MaxNumberOfMessages; n < 1 || n > maxBatch {
			return nil, invalid("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", n)
		}
	}
	if v := in.WaitTimeSeconds; v != nil && (*v < 0 || *v > 20) {
		return nil, invalid("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", *v)
	}
	if v := in.VisibilityTimeout; v != nil && (*v < 0 || *v > maxTimeout) {
		return nil, invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= %d, if provided.", *v, maxTimeout)
	}
	if in.ReceiveRequestAttemptId != nil {
		return nil, invalid("The request include parameter ReceiveRequestAttemptId which is not valid for this queue type")
	}
	var until time.Time
	for {
		q, err := s.find(ctx, s.Store, in.QueueUrl)
		if err != nil {
			return nil, err
		}
		rung, moved := s.bell.wait(q.UID), s.Clock.Moved() // before looking, so that nothing is missed
		got, next, err := s.take(ctx, in, int(n))
		if err != nil || len(got) > 0 {
			return &sqsapi.ReceiveMessageResult{Messages: shownAll(in, got)}, err
		}
		now := s.Clock.Now()
		if until.IsZero() {
			wait := q.Wait
			if in.WaitTimeSeconds != nil {
				wait = *in.WaitTimeSeconds
			}
			until = now.Add(time.Duration(wait) * time.Second)
		}
		if !now.Before(until) {
			return &sqsapi.ReceiveMessageResult{}, nil
		}
		wake := until
		if !next.IsZero() && next.Before(wake) {
			wake = next
		}
		timer := time.NewTimer(max(wake.Sub(now), time.Millisecond))
		select {
		case <-rung:
		case <-moved:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		timer.Stop()
	}
}

// received is a message with its receipt handle.
type received struct {
	message
	handle string
}

// take takes messages that can be received now. Without any, next is when the
// first one can be.
func (s *Service) take(ctx context.Context, in *sqsapi.ReceiveMessageRequest, n int) (got []received, next time.Time, err error) {
	_, err = s.Store.Update(ctx, func(tx store.Tx) error {
		got, next = nil, time.Time{}
		q, err := s.find(ctx, tx, in.QueueUrl)
		if err != nil {
			return err
		}
		timeout := q.Timeout
		if in.VisibilityTimeout != nil {
			timeout = *in.VisibilityTimeout
		}
		now := s.now()
		prefix := "due/" + q.UID + "/"
		// Some may be too old or become dead letters: more are looked at.
		items, err := tx.List(ctx, store.Range{Prefix: prefix, Limit: 10 * maxBatch})
		if err != nil {
			return err
		}
		for _, item := range items {
			at, id, _ := strings.Cut(item.Key[len(prefix):], "/")
			if at > instant(now) {
				ms, err := strconv.ParseInt(at, 16, 64)
				next = time.UnixMilli(ms)
				return err
			}
			if len(got) == n {
				return nil
			}
			r, err := s.takeOne(ctx, tx, q, id, item.Key, now, timeout)
			if err != nil {
				return err
			}
			if r != nil {
				got = append(got, *r)
			}
		}
		if len(items) == 10*maxBatch && len(got) == 0 {
			next = now // there may be more
		}
		return nil
	})
	return got, next, err
}

// takeOne takes a message, or none if it is too old or has come too often.
func (s *Service) takeOne(ctx context.Context, tx store.Tx, q *queue, id, due string, now time.Time, timeout int32) (*received, error) {
	m, err := s.messages.Get(ctx, tx, q.UID+"/"+id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err := tx.Delete(ctx, due); err != nil || m == nil {
		return nil, err
	}
	if q.expired(m, now) {
		return nil, s.messages.Delete(ctx, tx, q.UID+"/"+id)
	}
	if q.Redrive != nil && m.Count >= q.Redrive.Max {
		if moved, err := s.bury(ctx, tx, q, id, m); moved || err != nil {
			return nil, err
		}
	}
	if m.Count++; m.Count == 1 {
		m.First = now
	}
	m.Receipt, m.Due = newUID(), instant(now.Add(time.Duration(timeout)*time.Second))
	if err := s.messages.Put(ctx, tx, q.UID+"/"+id, m); err != nil {
		return nil, err
	}
	return &received{*m, newHandle(q, id, m)}, tx.Put(ctx, dueKey(q.UID, m.Due, id), []byte(stateFlying))
}

func (q *queue) expired(m *message, now time.Time) bool {
	return !now.Before(m.Sent.Add(time.Duration(q.Retention) * time.Second))
}

// bury moves a message to the dead-letter queue, if that is still there. It keeps
// its id and the time when it was sent.
func (s *Service) bury(ctx context.Context, tx store.Tx, q *queue, id string, m *message) (bool, error) {
	p, _ := placeOfARN(q.Redrive.Target)
	dead, err := s.queues.Get(ctx, tx, p.key())
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if err := s.messages.Delete(ctx, tx, q.UID+"/"+id); err != nil {
		return false, err
	}
	moved := *m
	moved.Receipt, moved.Source = "", q.Place.arn()
	return true, s.add(ctx, tx, dead, &moved, s.now())
}

func shownAll(in *sqsapi.ReceiveMessageRequest, all []received) (out []sqsapi.Message) {
	for i := range all {
		out = append(out, all[i].shown(in))
	}
	return out
}

// shown is a message with the attributes that are asked for.
func (m *received) shown(in *sqsapi.ReceiveMessageRequest) sqsapi.Message {
	out := sqsapi.Message{MessageId: &m.ID, ReceiptHandle: &m.handle, Body: &m.Body, MD5OfBody: new(sum(m.Body))}
	system := map[sqsapi.MessageSystemAttributeName]string{
		"SenderId": m.Sender, "SentTimestamp": strconv.FormatInt(m.Sent.UnixMilli(), 10), "ApproximateReceiveCount": strconv.Itoa(m.Count),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.First.UnixMilli(), 10),
	}
	if m.Trace != "" {
		system["AWSTraceHeader"] = m.Trace
	}
	if m.Source != "" {
		system["DeadLetterQueueSourceArn"] = m.Source
	}
	for name, v := range system {
		if slices.Contains(in.MessageSystemAttributeNames, "All") || slices.Contains(in.MessageSystemAttributeNames, name) ||
			slices.Contains(in.AttributeNames, "All") || slices.Contains(in.AttributeNames, sqsapi.QueueAttributeName(name)) {
			if out.Attributes == nil {
				out.Attributes = map[sqsapi.MessageSystemAttributeName]string{}
			}
			out.Attributes[name] = v
		}
	}
	var chosen []attribute
	for _, a := range m.Attributes {
		if !slices.ContainsFunc(in.MessageAttributeNames, func(want string) bool { return wanted(want, a.Name) }) {
			continue
		}
		if out.MessageAttributes == nil {
			out.MessageAttributes = map[string]sqsapi.MessageAttributeValue{}
		}
		out.MessageAttributes[a.Name] = sqsapi.MessageAttributeValue{DataType: a.Type, StringValue: a.Text, BinaryValue: a.Binary}
		chosen = append(chosen, a)
	}
	out.MD5OfMessageAttributes = digest(chosen)
	return out
}

// wanted: All and .* stand for every name, prefix.* for those that begin so.
func wanted(want, name string) bool {
	if want == "All" || want == ".*" || want == name {
		return true
	}
	prefix, ok := strings.CutSuffix(want, ".*")
	return ok && strings.HasPrefix(name, prefix)
}
