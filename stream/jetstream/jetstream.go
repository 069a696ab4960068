// Package jetstream is a log in NATS JetStream: one stream, whose subjects are
//
//	STREAM.<partition>.<account>.<region>
//
// so that a partition is a filter (STREAM.3.>) and a position is a sequence number
// of the stream. Who fills the stream by other means uses a subject transform of
// NATS: STREAM.{{partition(12,1,2)}}.{{wildcard(1)}}.{{wildcard(2)}}. How many
// partitions there are stands in the stream's metadata.
// https://docs.nats.io/nats-concepts/jetstream
package jetstream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"bartizan.dev/stream"
)

const (
	metaPartitions = "bartizan-partitions"
	// dedupe is how long the stream knows the ids of messages again.
	dedupe = 10 * time.Minute
	// keep is how long messages stay in a stream that is made here.
	keep = 7 * 24 * time.Hour
	// silence is how long the server may take to answer.
	silence = 10 * time.Second
)

// Log is a stream. It implements stream.Log.
type Log struct {
	conn       *nats.Conn
	js         jetstream.JetStream
	name       string
	partitions int
	reconnects atomic.Int64 // what was on its way to us may be lost with each
}

var _ stream.Log = (*Log)(nil)

// Open connects. With p.Partitions, a stream that is not there is made.
func Open(ctx context.Context, p *stream.Place) (*Log, error) {
	l := &Log{name: p.Name}
	scheme := "nats://"
	opts := []nats.Option{nats.Name("bartizan"), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond), nats.ReconnectHandler(func(*nats.Conn) { l.reconnects.Add(1) })}
	if p.TLS {
		scheme = "tls://"
		opts = append(opts, nats.Secure())
	}
	if p.User != "" {
		opts = append(opts, nats.UserInfo(p.User, p.Pass))
	}
	conn, err := nats.Connect(scheme+strings.Join(p.Hosts, ","+scheme), opts...)
	if err != nil {
		return nil, fmt.Errorf("NATS at %s: %w", strings.Join(p.Hosts, ","), err)
	}
	l.conn = conn
	if l.js, err = jetstream.New(conn, jetstream.WithDefaultTimeout(silence)); err == nil {
		err = l.open(ctx, p)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("stream %s: %w", p.Name, err)
	}
	return l, nil
}

func (l *Log) open(ctx context.Context, p *stream.Place) error {
	s, err := l.js.Stream(ctx, l.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) && p.Partitions > 0 {
		s, err = l.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: l.name, Subjects: []string{l.name + ".>"}, Storage: jetstream.FileStorage, Replicas: p.Replicas, MaxAge: keep, Duplicates: dedupe,
			Metadata: map[string]string{metaPartitions: strconv.Itoa(p.Partitions)},
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another node was faster
			s, err = l.js.Stream(ctx, l.name)
		}
	}
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("%w: make it with ?partitions=12", stream.ErrMissing)
	}
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(s.CachedInfo().Config.Metadata[metaPartitions])
	if err != nil || n < 1 || n > stream.MaxPartitions {
		return fmt.Errorf("its metadata lacks %s, the number of partitions (nats stream edit --metadata)", metaPartitions)
	}
	if p.Partitions > 0 && p.Partitions != n {
		return fmt.Errorf("it has %d partitions, not %d", n, p.Partitions)
	}
	l.partitions = n
	return nil
}

// Partitions implements stream.Log.
func (l *Log) Partitions() int { return l.partitions }

// MaxMessage implements stream.Log. Headers and the subject count too.
func (l *Log) MaxMessage() int { return int(l.conn.MaxPayload()) - 4<<10 }

// Close implements stream.Log.
func (l *Log) Close() error {
	l.conn.Close()
	return nil
}

// subject is where a message goes. What must not stand in a subject becomes _;
// the partition was chosen before, so no order is lost by it.
func (l *Log) subject(key string) string {
	b := append(strconv.AppendInt([]byte(l.name+"."), int64(stream.PartitionOf(key, l.partitions)), 10), '.')
	empty := true
	for i := 0; i < len(key) && i < 256; i++ {
		switch c := key[i]; {
		case c == '/' && !empty:
			b, empty = append(b, '.'), true
			continue
		case c <= ' ' || c >= 0x7f || c == '.' || c == '*' || c == '>' || c == '/':
			b = append(b, '_')
		default:
			b = append(b, c)
		}
		empty = false
	}
	if empty {
		b = append(b, '_')
	}
	return string(b)
}

func (l *Log) filter(partition int) string { return fmt.Sprintf("%s.%d.>", l.name, partition) }

// atOnce is how many messages are under way before their answers are waited for.
const atOnce = 256

// Publish implements stream.Log.
func (l *Log) Publish(ctx context.Context, messages ...stream.Message) error {
	for len(messages) > 0 {
		n := min(len(messages), atOnce)
		if err := l.publish(ctx, messages[:n]); err != nil {
			return err
		}
		messages = messages[n:]
	}
	return nil
}

func (l *Log) publish(ctx context.Context, messages []stream.Message) error {
	answers := make([]jetstream.PubAckFuture, 0, len(messages))
	for i := range messages {
		m := &messages[i]
		if len(m.Body) > l.MaxMessage() {
			return stream.ErrTooLarge
		}
		opts := []jetstream.PublishOpt{jetstream.WithExpectStream(l.name)}
		if m.ID != "" {
			opts = append(opts, jetstream.WithMsgID(m.ID))
		}
		answer, err := l.js.PublishMsgAsync(&nats.Msg{Subject: l.subject(m.Key), Data: m.Body, Header: nats.Header{headerKey: {m.Key}}}, opts...)
		if err != nil {
			return fmt.Errorf("stream %s: %w", l.name, err)
		}
		answers = append(answers, answer)
	}
	limit := time.NewTimer(silence)
	defer limit.Stop()
	for _, a := range answers {
		select {
		case <-a.Ok():
		case err := <-a.Err():
			return fmt.Errorf("stream %s: %w", l.name, err)
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return fmt.Errorf("stream %s: the server does not answer", l.name)
		}
	}
	return nil
}

// End implements stream.Log.
func (l *Log) End(ctx context.Context, partition int) (stream.Position, error) {
	s, err := l.js.Stream(ctx, l.name)
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", l.name, err)
	}
	m, err := s.GetLastMsgForSubject(ctx, l.filter(partition))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("stream %s: %w", l.name, err)
	}
	return stream.Position(m.Sequence) + 1, nil
}

// notes is the bucket of Commit. The reader's place itself is kept elsewhere.
func (l *Log) notes(ctx context.Context) (jetstream.KeyValue, error) {
	return l.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: l.name + "-positions", Description: "how far detection has come in the partitions of " + l.name})
}

// Commit implements stream.Log.
func (l *Log) Commit(ctx context.Context, partition int, at stream.Position) error {
	kv, err := l.notes(ctx)
	if err == nil {
		_, err = kv.PutString(ctx, strconv.Itoa(partition), strconv.FormatInt(int64(at), 10))
	}
	return err
}

// Committed implements stream.Log.
func (l *Log) Committed(ctx context.Context, partition int) (stream.Position, error) {
	kv, err := l.notes(ctx)
	if err != nil {
		return 0, err
	}
	e, err := kv.Get(ctx, strconv.Itoa(partition))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(string(e.Value()), 10, 64)
	return stream.Position(n), err
}
