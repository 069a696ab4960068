package sqs

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/caller"
	"bartizan.dev/store"
	"bartizan.dev/wire"
	"bartizan.dev/work"
)

// CreateQueue makes a queue, or answers the one that is there as asked for.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
func (s *Service) CreateQueue(ctx context.Context, in *sqsapi.CreateQueueRequest) (*sqsapi.CreateQueueResult, error) {
	c := caller.From(ctx)
	if in.Attributes["FifoQueue"] == "true" || strings.HasSuffix(in.QueueName, ".fifo") {
		return nil, invalid("Bartizan has no FIFO queues.")
	}
	if !goodName(in.QueueName) {
		return nil, invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	now := s.now()
	q := &queue{
		Place: place{c.Identity.Account, c.Region, in.QueueName}, UID: newUID(), Timeout: 30, Size: maxBody, Retention: 4 * 24 * 3600,
		Tags: map[string]string{}, Created: now, Changed: now,
	}
	if err := addTags(q, in.Tags); err != nil {
		return nil, err
	}
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		if err := s.set(ctx, tx, q, in.Attributes); err != nil {
			return err
		}
		old, err := s.queues.Get(ctx, tx, q.Place.key())
		if err == nil {
			return same(old, q, in.Attributes)
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := s.queue.Add(ctx, tx, work.Job{Kind: jobRetain, ID: q.UID, Due: now.Add(time.Hour), Payload: []byte(q.Place.key())}); err != nil {
			return err
		}
		return s.queues.Insert(ctx, tx, q.Place.key(), q)
	})
	if err != nil {
		return nil, err
	}
	return &sqsapi.CreateQueueResult{QueueUrl: s.url(q.Place)}, nil
}

// same: "if you provide the name of an existing queue with the exact names and
// values of all its attributes, CreateQueue returns its URL."
func same(old, q *queue, given map[sqsapi.QueueAttributeName]string) error {
	a, b := old.plain(), q.plain()
	for name := range given {
		if a[name] != b[name] {
			return wire.Errorf("QueueNameExists", "A queue already exists with the same name and a different value for attribute %s", name)
		}
	}
	return nil
}

// DeleteQueue deletes a queue and what is in it.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
func (s *Service) DeleteQueue(ctx context.Context, in *sqsapi.DeleteQueueRequest) (*sqsapi.DeleteQueueOutput, error) {
	_, err := s.Store.Update(ctx, func(tx store.Tx) error {
		q, err := s.find(ctx, tx, in.QueueUrl)
		if err != nil {
			return err
		}
		if err := s.clear(ctx, tx, q); err != nil {
			return err
		}
		return s.queues.Delete(ctx, tx, q.Place.key())
	})
	if err != nil {
		return nil, err
	}
	return &sqsapi.DeleteQueueOutput{}, nil
}

// clear has the messages under a queue's UID removed, under which there will be no
// more.
func (s *Service) clear(ctx context.Context, tx store.Tx, q *queue) error {
	return s.queue.Add(ctx, tx, work.Job{Kind: jobRetain, ID: q.UID, Due: s.now(), Payload: []byte(q.Place.key())})
}

// PurgeQueue deletes the messages of a queue, in flight or not.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html
func (s *Service) PurgeQueue(ctx context.Context, in *sqsapi.PurgeQueueRequest) (*sqsapi.PurgeQueueOutput, error) {
	err := s.change(ctx, in.QueueUrl, func(tx store.Tx, q *queue) error {
		now := s.now()
		if now.Sub(q.Purged) < time.Minute {
			return wire.Errorf("PurgeQueueInProgress", "Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.Place.Name)
		}
		if err := s.clear(ctx, tx, q); err != nil {
			return err
		}
		q.UID, q.Purged = newUID(), now
		return s.queue.Add(ctx, tx, work.Job{Kind: jobRetain, ID: q.UID, Due: now.Add(time.Hour), Payload: []byte(q.Place.key())})
	})
	if err != nil {
		return nil, err
	}
	return &sqsapi.PurgeQueueOutput{}, nil
}

// GetQueueUrl answers the URL of a queue by its name.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html
func (s *Service) GetQueueUrl(ctx context.Context, in *sqsapi.GetQueueUrlRequest) (*sqsapi.GetQueueUrlResult, error) {
	c := caller.From(ctx)
	p := place{c.Identity.Account, c.Region, in.QueueName}
	if text(in.QueueOwnerAWSAccountId) != "" {
		p.Account = *in.QueueOwnerAWSAccountId
	}
	if _, err := s.queues.Get(ctx, s.Store, p.key()); errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrTooLarge) {
		return nil, errNoQueue
	} else if err != nil {
		return nil, err
	}
	return &sqsapi.GetQueueUrlResult{QueueUrl: s.url(p)}, nil
}

// pageOf reads MaxResults and NextToken, which is the last name of the page before.
func pageOf(limit *int32, token *string) (n int, after string, err error) {
	n = 1000
	if limit != nil {
		if n = int(*limit); n < 1 || n > 1000 {
			return 0, "", invalid("Value %d for parameter MaxResults is invalid. Reason: Must be an integer from 1 to 1000.", n)
		}
	}
	if text(token) != "" {
		raw, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil || len(raw) < 2 || raw[0] != 'Q' || !goodName(string(raw[1:])) {
			return 0, "", invalid("Invalid or expired next token.")
		}
		after = string(raw[1:])
	}
	return n, after, nil
}

func nextToken(name string) *string {
	return new(base64.RawURLEncoding.EncodeToString([]byte("Q" + name)))
}

// ListQueues lists the account's queues by name. There is a token only where
// MaxResults was given.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html
func (s *Service) ListQueues(ctx context.Context, in *sqsapi.ListQueuesRequest) (*sqsapi.ListQueuesResult, error) {
	n, after, err := pageOf(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	c := caller.From(ctx)
	home := place{c.Identity.Account, c.Region, ""}.home()
	if after != "" {
		after = home + after
	}
	found, err := s.queues.List(ctx, s.Store, home+text(in.QueueNamePrefix), after, n+1)
	if err != nil {
		return nil, err
	}
	out := &sqsapi.ListQueuesResult{QueueUrls: []string{}}
	if len(found) > n {
		if found = found[:n]; in.MaxResults != nil {
			out.NextToken = nextToken(found[n-1].Value.Place.Name)
		}
	}
	for _, e := range found {
		out.QueueUrls = append(out.QueueUrls, *s.url(e.Value.Place))
	}
	return out, nil
}

// ListDeadLetterSourceQueues lists the queues whose dead letters go to a queue.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html
func (s *Service) ListDeadLetterSourceQueues(ctx context.Context, in *sqsapi.ListDeadLetterSourceQueuesRequest) (*sqsapi.ListDeadLetterSourceQueuesResult, error) {
	n, after, err := pageOf(in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	q, err := s.find(ctx, s.Store, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	home := q.Place.home()
	if after != "" {
		after = home + after
	}
	ids, err := s.queues.By(ctx, s.Store, "dead", q.Place.arn(), after, n+1)
	if err != nil {
		return nil, err
	}
	out := &sqsapi.ListDeadLetterSourceQueuesResult{QueueUrls: []string{}}
	if len(ids) > n {
		if ids = ids[:n]; in.MaxResults != nil {
			out.NextToken = nextToken(ids[n-1][len(home):])
		}
	}
	for _, id := range ids {
		out.QueueUrls = append(out.QueueUrls, *s.url(place{q.Place.Account, q.Place.Region, id[len(home):]}))
	}
	return out, nil
}
