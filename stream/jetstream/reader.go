package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"bartizan.dev/stream"
)

const (
	headerKey = "Bartizan-Key"
	// window is how many messages are asked for at once: with messages of the usual
	// 1 MB that is half of what the client keeps for one subscription.
	window = 32
	// patience is how long one request waits for messages. After it we look whether
	// the consumer is still the one we made.
	patience = 20 * time.Second
)

// reader reads a partition through a consumer that acknowledges nothing. Its
// messages are numbered without gaps, so what gets lost on the way is seen, and
// the consumer is then made anew where we are. A message that is lost while
// nothing follows it shows by the reconnect that lost it.
type reader struct {
	l          *Log
	partition  int
	next       stream.Position
	gap        bool
	consumer   jetstream.Consumer
	batch      jetstream.MessageBatch
	number     uint64 // of the last message of this consumer
	reconnects int64
}

// Open implements stream.Log.
func (l *Log) Open(ctx context.Context, partition int, from stream.Position) (stream.Reader, error) {
	if partition < 0 || partition >= l.partitions || from < 0 {
		return nil, fmt.Errorf("stream %s: no partition %d, position %d", l.name, partition, from)
	}
	r := &reader{l: l, partition: partition, next: from}
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// begin makes a consumer that starts at next.
func (r *reader) begin(ctx context.Context) error {
	r.end()
	r.reconnects = r.l.reconnects.Load()
	s, err := r.l.js.Stream(ctx, r.l.name)
	if err != nil {
		return fmt.Errorf("stream %s: %w", r.l.name, err)
	}
	if first := stream.Position(s.CachedInfo().State.FirstSeq); r.next > 0 && first > r.next {
		r.gap = true // or only messages of other partitions were there: one cannot tell
	}
	// https://docs.nats.io/nats-concepts/jetstream/consumers
	r.consumer, err = s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: uint64(max(1, r.next)), FilterSubject: r.l.filter(r.partition),
		AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: 2 * time.Minute, MemoryStorage: true, Replicas: 1,
	})
	if err != nil {
		return fmt.Errorf("stream %s: %w", r.l.name, err)
	}
	r.number = 0
	return nil
}

// end lets go of the consumer; if the server does not hear of it, it removes the
// consumer when nobody has asked it for a while.
func (r *reader) end() {
	if r.consumer == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = r.l.js.DeleteConsumer(ctx, r.l.name, r.consumer.CachedInfo().Name)
	r.consumer, r.batch = nil, nil
}

// Close implements stream.Reader.
func (r *reader) Close() error {
	if r.l.conn.IsConnected() {
		r.end()
	}
	return nil
}

// Next implements stream.Reader.
func (r *reader) Next(ctx context.Context) (stream.Batch, error) {
	var out stream.Batch
	for {
		if err := r.ask(ctx); err != nil {
			return out, err
		}
		wait := len(out.Messages) == 0
		m, more, err := r.take(ctx, wait)
		if err != nil {
			return out, err
		}
		if m != nil {
			lost, err := r.add(&out, m)
			if err != nil {
				return out, err
			}
			if !lost && len(out.Messages) < window {
				continue
			}
			if lost {
				r.end() // and begin anew when we are asked again
			}
		} else if !more {
			if err := r.check(); err != nil {
				return out, err
			}
		}
		if len(out.Messages) > 0 {
			out.Next, out.Gap, r.gap = r.next, r.gap, false
			return out, nil
		}
	}
}

// ask has a request under way.
func (r *reader) ask(ctx context.Context) (err error) {
	if r.consumer == nil {
		if err := r.begin(ctx); err != nil {
			return err
		}
	}
	if r.batch == nil {
		r.batch, err = r.consumer.Fetch(window, jetstream.FetchMaxWait(patience))
	}
	return err
}

// take returns a message that is there, or waits for one; more is false when the
// request has ended.
func (r *reader) take(ctx context.Context, wait bool) (m jetstream.Msg, more bool, err error) {
	if !wait {
		select {
		case m, more = <-r.batch.Messages():
			return m, more, nil
		default:
			return nil, true, nil
		}
	}
	select {
	case m, more = <-r.batch.Messages():
		return m, more, nil
	case <-ctx.Done():
		return nil, true, ctx.Err()
	}
}

// check looks at how a request ended. Whatever was wrong, a new consumer will be
// made.
func (r *reader) check() error {
	err := r.batch.Error()
	r.batch = nil
	if errors.Is(err, jetstream.ErrConnectionClosed) {
		return err
	}
	if r.reconnects != r.l.reconnects.Load() || err != nil {
		r.end()
	}
	return nil
}

// add takes a message into the batch; lost says that messages before it did not
// arrive.
func (r *reader) add(out *stream.Batch, m jetstream.Msg) (lost bool, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return false, err
	}
	if meta.Sequence.Consumer != r.number+1 {
		return true, nil
	}
	r.number = meta.Sequence.Consumer
	at := stream.Position(meta.Sequence.Stream)
	h := m.Headers()
	out.Messages = append(out.Messages, stream.Message{Key: h.Get(headerKey), ID: h.Get(jetstream.MsgIDHeader), Body: m.Data(), At: at})
	r.next = at + 1
	return false, nil
}
