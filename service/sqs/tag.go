package sqs

import (
	"context"

	sqsapi "bartizan.dev/api/sqs"
	"bartizan.dev/store"
)

const maxTags = 50

func addTags(q *queue, tags map[string]string) error {
	if q.Tags == nil {
		q.Tags = map[string]string{}
	}
	for k, v := range tags {
		if k == "" || len(k) > 128 || len(v) > 256 {
			return invalid("Tag keys must be between 1 and 128 characters in length, and values at most 256.")
		}
		q.Tags[k] = v
	}
	if len(q.Tags) > maxTags {
		return invalid("Too many tags added for queue %s.", q.Place.Name)
	}
	return nil
}

// TagQueue tags a queue.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html
func (s *Service) TagQueue(ctx context.Context, in *sqsapi.TagQueueRequest) (*sqsapi.TagQueueOutput, error) {
	if err := s.change(ctx, in.QueueUrl, func(_ store.Tx, q *queue) error { return addTags(q, in.Tags) }); err != nil {
		return nil, err
	}
	return &sqsapi.TagQueueOutput{}, nil
}

// UntagQueue removes tags; one that is not there is no error.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_UntagQueue.html
func (s *Service) UntagQueue(ctx context.Context, in *sqsapi.UntagQueueRequest) (*sqsapi.UntagQueueOutput, error) {
	err := s.change(ctx, in.QueueUrl, func(_ store.Tx, q *queue) error {
		for _, k := range in.TagKeys {
			delete(q.Tags, k)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &sqsapi.UntagQueueOutput{}, nil
}

// ListQueueTags lists the tags of a queue.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html
func (s *Service) ListQueueTags(ctx context.Context, in *sqsapi.ListQueueTagsRequest) (*sqsapi.ListQueueTagsResult, error) {
	q, err := s.find(ctx, s.Store, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	out := &sqsapi.ListQueueTagsResult{}
	if len(q.Tags) > 0 {
		out.Tags = q.Tags
	}
	return out, nil
}
