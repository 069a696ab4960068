package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"bartizan.dev/stream"
)

// Times that stand for places, in ListOffsets.
const (
	latest   = -1
	earliest = -2
)

// End implements stream.Log: behind what committed transactions have written.
func (l *Log) End(ctx context.Context, partition int) (stream.Position, error) {
	return l.offset(ctx, partition, latest)
}

func (l *Log) offset(ctx context.Context, partition int, time int64) (stream.Position, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, 1
	topic, part := kmsg.NewListOffsetsRequestTopic(), kmsg.NewListOffsetsRequestTopicPartition()
	part.Partition, part.Timestamp = int32(partition), time
	topic.Topic, topic.Partitions = l.topic, append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, l.client)
	if err != nil {
		return 0, err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			return stream.Position(p.Offset), kerr.ErrorForCode(p.ErrorCode)
		}
	}
	return 0, fmt.Errorf("topic %s: no answer about partition %d", l.topic, partition)
}

// Commit implements stream.Log: the offset stands as that of the consumer group
// bartizan-TOPIC, which has no members, so that Kafka's tools show how far it is
// behind.
func (l *Log) Commit(ctx context.Context, partition int, at stream.Position) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.Generation = l.group, -1
	topic, part := kmsg.NewOffsetCommitRequestTopic(), kmsg.NewOffsetCommitRequestTopicPartition()
	part.Partition, part.Offset = int32(partition), int64(at)
	topic.Topic, topic.TopicID, topic.Partitions = l.topic, l.topicID, append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, l.client)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			return kerr.ErrorForCode(p.ErrorCode)
		}
	}
	return fmt.Errorf("topic %s: no answer about partition %d", l.topic, partition)
}

// Committed implements stream.Log.
func (l *Log) Committed(ctx context.Context, partition int) (stream.Position, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = l.group
	topic := kmsg.NewOffsetFetchRequestTopic()
	topic.Topic, topic.Partitions = l.topic, []int32{int32(partition)}
	req.Topics = append(req.Topics, topic)
	group := kmsg.NewOffsetFetchRequestGroup() // newer brokers want the same in another place
	group.Group = l.group
	inGroup := kmsg.NewOffsetFetchRequestGroupTopic()
	inGroup.Topic, inGroup.TopicID, inGroup.Partitions = l.topic, l.topicID, []int32{int32(partition)}
	group.Topics = append(group.Topics, inGroup)
	req.Groups = append(req.Groups, group)
	resp, err := req.RequestWith(ctx, l.client)
	if err != nil {
		return 0, err
	}
	if err := groupError(resp.ErrorCode); err != nil {
		return 0, err
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			return max(0, stream.Position(p.Offset)), kerr.ErrorForCode(p.ErrorCode)
		}
	}
	for _, g := range resp.Groups {
		if err := groupError(g.ErrorCode); err != nil {
			return 0, err
		}
		for _, t := range g.Topics {
			for _, p := range t.Partitions {
				return max(0, stream.Position(p.Offset)), kerr.ErrorForCode(p.ErrorCode)
			}
		}
	}
	return 0, nil
}

// groupError passes over that there is no such group: nothing was ever noted.
func groupError(code int16) error {
	if err := kerr.ErrorForCode(code); !errors.Is(err, kerr.GroupIDNotFound) {
		return err
	}
	return nil
}
