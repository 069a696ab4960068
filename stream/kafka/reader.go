package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"bartizan.dev/stream"
)

// Fetches are bounded, since each partition has a client of its own.
const (
	maxFetch   = 8 << 20
	maxRecords = 500
)

// reader reads a partition, without a consumer group.
type reader struct {
	l         *Log
	client    *kgo.Client
	partition int
	next      stream.Position
	skip      *stream.Batch // to be returned first: what is gone already
}

// Open implements stream.Log.
func (l *Log) Open(ctx context.Context, partition int, from stream.Position) (stream.Reader, error) {
	if partition < 0 || partition >= l.partitions || from < 0 {
		return nil, fmt.Errorf("topic %s: no partition %d, position %d", l.topic, partition, from)
	}
	begin, err := l.offset(ctx, partition, earliest)
	if err != nil {
		return nil, err
	}
	var skip *stream.Batch
	if begin > from {
		skip = &stream.Batch{Next: begin, Gap: from > 0}
		from = begin
	}
	client, err := kgo.NewClient(slices.Concat(l.opts, []kgo.Opt{
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.topic: {int32(partition): kgo.NewOffset().At(int64(from))}}),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(maxFetch), kgo.FetchMaxPartitionBytes(maxFetch), kgo.FetchMaxWait(time.Second)})...)
	if err != nil {
		return nil, err
	}
	return &reader{l: l, client: client, partition: partition, next: from, skip: skip}, nil
}

// Next implements stream.Reader.
func (r *reader) Next(ctx context.Context) (stream.Batch, error) {
	if out := r.skip; out != nil {
		r.skip = nil
		return *out, nil
	}
	for {
		fetches := r.client.PollRecords(ctx, maxRecords)
		if err := ctx.Err(); err != nil && fetches.NumRecords() == 0 {
			return stream.Batch{}, err
		}
		var out stream.Batch
		if err := r.errorOf(fetches); err != nil {
			return out, err
		}
		records := fetches.Records()
		if len(records) == 0 {
			continue
		}
		gap, err := r.gap(stream.Position(records[0].Offset))
		if err != nil {
			return out, err
		}
		out.Gap = gap
		for _, rec := range records {
			r.next = stream.Position(rec.Offset) + 1
			if rec.Attrs.IsControl() { // the ends of transactions only take a place
				continue
			}
			m := stream.Message{Key: string(rec.Key), Body: rec.Value, At: stream.Position(rec.Offset)}
			for _, h := range rec.Headers {
				if h.Key == headerID {
					m.ID = string(h.Value)
				}
			}
			out.Messages = append(out.Messages, m)
		}
		out.Next = r.next
		return out, nil
	}
}

// errorOf returns what the client does not get over by itself.
func (r *reader) errorOf(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		if errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded) {
			continue
		}
		return fmt.Errorf("topic %s, partition %d: %w", r.l.topic, r.partition, e.Err)
	}
	return nil
}

// gap says whether the broker has removed what was to be read next. Offsets have
// holes of other kinds too, where transactions were broken off.
func (r *reader) gap(first stream.Position) (bool, error) {
	switch {
	case first == r.next:
		return false, nil
	case first < r.next:
		return false, fmt.Errorf("topic %s, partition %d goes on at offset %d after %d: is it another topic of the same name?", r.l.topic, r.partition, first, r.next)
	case r.next == 0:
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), silence) // Next's own may end now, with records in hand
	defer cancel()
	begin, err := r.l.offset(ctx, r.partition, earliest)
	return begin > r.next, err
}

// Close implements stream.Reader.
func (r *reader) Close() error {
	r.client.Close()
	return nil
}
