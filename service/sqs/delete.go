package sqs

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/store"
	"bartizan.dev/wire"
)

var errHandle = wire.Errorf("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")

// newHandle is the receipt handle of a message that was received: which one, and a
// random word that only the receiver has.
func newHandle(q *queue, id string, m *message) string {
	return base64.StdEncoding.EncodeToString([]byte(q.UID + " " + id + " " + m.Receipt))
}

// held finds the message of a receipt handle. It is nil when it is gone, or was
// received again since.
func (s *Service) held(ctx context.Context, tx store.Tx, q *queue, handle string) (id string, m *message, err error) {
	raw, err := base64.StdEncoding.DecodeString(handle)
	parts := strings.Split(string(raw), " ")
	if err != nil || len(parts) != 3 || len(raw) > 200 || strings.ContainsAny(string(raw), "/\x00") {
		return "", nil, errHandle
	}
	if parts[0] != q.UID { // of another queue, or of before a purge
		return "", nil, errHandle
	}
	m, err = s.messages.Get(ctx, tx, q.UID+"/"+parts[1])
	if errors.Is(err, store.ErrNotFound) || err == nil && subtle.ConstantTimeCompare([]byte(m.Receipt), []byte(parts[2])) != 1 {
		return parts[1], nil, nil
	}
	return parts[1], m, err
}

// remove deletes a message; one that is gone is no error.
func (s *Service) remove(ctx context.Context, tx store.Tx, q *queue, handle string) error {
	id, m, err := s.held(ctx, tx, q, handle)
	if err != nil || m == nil {
		return err
	}
	if err := tx.Delete(ctx, dueKey(q.UID, m.Due, id)); err != nil {
		return err
	}
	return s.messages.Delete(ctx, tx, q.UID+"/"+id)
}

// hide changes when a message in flight comes back.
func (s *Service) hide(ctx context.Context, tx store.Tx, q *queue, handle string, seconds int32) error {
	if seconds < 0 || seconds > maxTimeout {
		return invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and %d.", seconds, maxTimeout)
	}
	id, m, err := s.held(ctx, tx, q, handle)
	now := s.now()
	if err != nil {
		return err
	} else if m == nil || m.Due <= instant(now) {
		return wire.Errorf("MessageNotInflight", "The specified message isn't in flight.")
	}
	if err := tx.Delete(ctx, dueKey(q.UID, m.Due, id)); err != nil {
		return err
	}
	m.Due = instant(now.Add(time.Duration(seconds) * time.Second))
	if err := s.messages.Put(ctx, tx, q.UID+"/"+id, m); err != nil {
		return err
	}
	return tx.Put(ctx, dueKey(q.UID, m.Due, id), []byte(stateFlying))
}

// inQueue runs do in a transaction, with a queue that it must not change.
func (s *Service) inQueue(ctx context.Context, address string, do func(tx store.Tx, q *queue) error) error {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		q, err := s.find(ctx, tx, address)
		if err != nil {
			return err
		}
		return do(tx, q)
	})
	return err
}

// DeleteMessage deletes a message that was received.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
func (s *Service) DeleteMessage(ctx context.Context, in *sqsapi.DeleteMessageRequest) (*sqsapi.DeleteMessageOutput, error) {
	if err := s.inQueue(ctx, in.QueueUrl, func(tx store.Tx, q *queue) error { return s.remove(ctx, tx, q, in.ReceiptHandle) }); err != nil {
		return nil, err
	}
	return &sqsapi.DeleteMessageOutput{}, nil
}

// DeleteMessageBatch deletes up to ten messages, each by itself.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html
func (s *Service) DeleteMessageBatch(ctx context.Context, in *sqsapi.DeleteMessageBatchRequest) (*sqsapi.DeleteMessageBatchResult, error) {
	if err := checkBatch("DeleteMessageBatchRequestEntry", len(in.Entries), func(i int) string { return in.Entries[i].Id }); err != nil {
		return nil, err
	}
	var out *sqsapi.DeleteMessageBatchResult
	err := s.inQueue(ctx, in.QueueUrl, func(tx store.Tx, q *queue) error {
		out = &sqsapi.DeleteMessageBatchResult{Successful: []sqsapi.DeleteMessageBatchResultEntry{}, Failed: []sqsapi.BatchResultErrorEntry{}}
		for _, e := range in.Entries {
			err := s.remove(ctx, tx, q, e.ReceiptHandle)
			if f, ok := failure(e.Id, err); err != nil && ok {
				out.Failed = append(out.Failed, f)
			} else if err != nil {
				return err
			} else {
				out.Successful = append(out.Successful, sqsapi.DeleteMessageBatchResultEntry{Id: e.Id})
			}
		}
		return nil
	})
	return out, err
}

// ChangeMessageVisibility changes when a message that was received comes back.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
func (s *Service) ChangeMessageVisibility(ctx context.Context, in *sqsapi.ChangeMessageVisibilityRequest) (*sqsapi.ChangeMessageVisibilityOutput, error) {
	err := s.inQueue(ctx, in.QueueUrl, func(tx store.Tx, q *queue) error { return s.hide(ctx, tx, q, in.ReceiptHandle, in.VisibilityTimeout) })
	if err != nil {
		return nil, err
	}
	return &sqsapi.ChangeMessageVisibilityOutput{}, nil
}

// ChangeMessageVisibilityBatch does so for up to ten messages, each by itself.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
func (s *Service) ChangeMessageVisibilityBatch(ctx context.Context, in *sqsapi.ChangeMessageVisibilityBatchRequest) (*sqsapi.ChangeMessageVisibilityBatchResult, error) {
	if err := checkBatch("ChangeMessageVisibilityBatchRequestEntry", len(in.Entries), func(i int) string { return in.Entries[i].Id }); err != nil {
		return nil, err
	}
	var out *sqsapi.ChangeMessageVisibilityBatchResult
	err := s.inQueue(ctx, in.QueueUrl, func(tx store.Tx, q *queue) error {
		out = &sqsapi.ChangeMessageVisibilityBatchResult{Successful: []sqsapi.ChangeMessageVisibilityBatchResultEntry{}, Failed: []sqsapi.BatchResultErrorEntry{}}
		for _, e := range in.Entries {
			err := error(invalid("The request must contain the parameter VisibilityTimeout."))
			if e.VisibilityTimeout != nil {
				err = s.hide(ctx, tx, q, e.ReceiptHandle, *e.VisibilityTimeout)
			}
			if f, ok := failure(e.Id, err); err != nil && ok {
				out.Failed = append(out.Failed, f)
			} else if err != nil {
				return err
			} else {
				out.Successful = append(out.Successful, sqsapi.ChangeMessageVisibilityBatchResultEntry{Id: e.Id})
			}
		}
		return nil
	})
	return out, err
}
