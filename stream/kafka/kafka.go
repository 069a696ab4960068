// Package kafka is a log in a topic of a broker that speaks Kafka's protocol.
// Positions are offsets. A message's key chooses the partition as Kafka's own
// clients do it (murmur2), so other producers may write to the topic as well, as
// long as their keys are account/Region.
// https://kafka.apache.org/protocol.html
package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"bartizan.dev/stream"
)

// silence is how long brokers may take to keep or answer something.
const silence = 30 * time.Second

// maxMessage is what brokers take as they come (message.max.bytes), less key and
// headers.
const maxMessage = 1_000_000 - 4<<10

// Log is a topic. It implements stream.Log.
type Log struct {
	client     *kgo.Client
	opts       []kgo.Opt
	topic      string
	topicID    [16]byte
	group      string // of Commit
	partitions int
}

var _ stream.Log = (*Log)(nil)

// Open connects. With p.Partitions, a topic that is not there is made.
func Open(ctx context.Context, p *stream.Place) (*Log, error) {
	l := &Log{topic: p.Name, group: "bartizan-" + p.Name}
	l.opts = []kgo.Opt{kgo.SeedBrokers(p.Hosts...), kgo.ClientID("bartizan")}
	if p.TLS {
		l.opts = append(l.opts, kgo.DialTLS())
	}
	if p.User != "" {
		scrams := scram.Auth{User: p.User, Pass: p.Pass}
		switch p.SASL {
		case "plain":
			l.opts = append(l.opts, kgo.SASL(plain.Auth{User: p.User, Pass: p.Pass}.AsMechanism()))
		case "scram-sha-256":
			l.opts = append(l.opts, kgo.SASL(scrams.AsSha256Mechanism()))
		default:
			l.opts = append(l.opts, kgo.SASL(scrams.AsSha512Mechanism()))
		}
	}
	var err error
	l.client, err = kgo.NewClient(append(l.opts, kgo.DefaultProduceTopic(p.Name), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.RecordDeliveryTimeout(silence), kgo.ProducerLinger(0), kgo.RequestRetries(3))...)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	if err := l.open(ctx, p); err != nil {
		l.client.Close()
		return nil, fmt.Errorf("topic %s at %s: %w", p.Name, strings.Join(p.Hosts, ","), err)
	}
	return l, nil
}

func (l *Log) open(ctx context.Context, p *stream.Place) error {
	n, err := l.count(ctx)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		if p.Partitions == 0 {
			return fmt.Errorf("%w: make it with ?partitions=12", stream.ErrMissing)
		}
		if err := l.create(ctx, p); err != nil {
			return err
		}
		for n, err = l.count(ctx); errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.LeaderNotAvailable); n, err = l.count(ctx) {
			select { // brokers tell each other of a new topic in their own time
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	if err != nil {
		return err
	}
	if p.Partitions > 0 && p.Partitions != n {
		return fmt.Errorf("it has %d partitions, not %d", n, p.Partitions)
	}
	l.partitions = n
	return nil
}

// count asks how many partitions the topic has.
func (l *Log) count(ctx context.Context) (int, error) {
	req := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(l.topic)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, l.client)
	if err != nil {
		return 0, err
	}
	if len(resp.Topics) != 1 {
		return 0, kerr.UnknownTopicOrPartition
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		return 0, err
	}
	l.topicID = resp.Topics[0].TopicID
	n := len(resp.Topics[0].Partitions)
	if n == 0 {
		return 0, kerr.LeaderNotAvailable
	}
	return n, nil
}

func (l *Log) create(ctx context.Context, p *stream.Place) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = l.topic, int32(p.Partitions), int16(p.Replicas)
	req.Topics, req.TimeoutMillis = append(req.Topics, topic), int32(silence/time.Millisecond)
	resp, err := req.RequestWith(ctx, l.client)
	if err != nil {
		return err
	}
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return err
		}
	}
	return nil
}

// Partitions implements stream.Log.
func (l *Log) Partitions() int { return l.partitions }

// MaxMessage implements stream.Log.
func (l *Log) MaxMessage() int { return maxMessage }

// Close implements stream.Log.
func (l *Log) Close() error {
	l.client.Close()
	return nil
}

const headerID = "bartizan-id"

// Publish implements stream.Log. The client's own repeats are told apart by the
// broker (an idempotent producer); a repeat by another process is not.
func (l *Log) Publish(ctx context.Context, messages ...stream.Message) error {
	records := make([]*kgo.Record, len(messages))
	for i := range messages {
		m := &messages[i]
		if len(m.Body) > maxMessage {
			return stream.ErrTooLarge
		}
		records[i] = &kgo.Record{Key: []byte(m.Key), Value: m.Body}
		if m.ID != "" {
			records[i].Headers = []kgo.RecordHeader{{Key: headerID, Value: []byte(m.ID)}}
		}
	}
	err := l.client.ProduceSync(ctx, records...).FirstErr()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return stream.ErrTooLarge
	}
	return fmt.Errorf("topic %s: %w", l.topic, err)
}
