package kafka

import (
	"context"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"bartizan.dev/stream"
	"bartizan.dev/stream/streamtest"
)

func start(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(2))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func place(t *testing.T, c *kfake.Cluster, name string, partitions int) *stream.Place {
	t.Helper()
	p, err := stream.ParsePlace("kafka://" + strings.Join(c.ListenAddrs(), ",") + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	p.Partitions = partitions
	return p
}

func TestLog(t *testing.T) {
	c := start(t)
	streamtest.Run(t, streamtest.Config{
		Open: func(ctx context.Context, name string, partitions int) (stream.Log, error) {
			l, err := Open(ctx, place(t, c, name, partitions))
			if err != nil {
				return nil, err
			}
			return l, nil
		},
		Trim: func(t *testing.T, name string, partition int, before stream.Position) {
			l, err := Open(t.Context(), place(t, c, name, 0))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			req := kmsg.NewPtrDeleteRecordsRequest()
			topic, part := kmsg.NewDeleteRecordsRequestTopic(), kmsg.NewDeleteRecordsRequestTopicPartition()
			part.Partition, part.Offset = int32(partition), int64(before)
			topic.Topic, topic.Partitions = name, append(topic.Partitions, part)
			req.Topics = append(req.Topics, topic)
			resp, err := req.RequestWith(t.Context(), l.client)
			if err == nil {
				err = kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	})
}

// TestTransactions: what a producer has taken back is not read, and the ends of
// transactions do not keep a reader from the end.
func TestTransactions(t *testing.T) {
	c := start(t)
	l, err := Open(t.Context(), place(t, c, "tx", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()...), kgo.DefaultProduceTopic("tx"), kgo.TransactionalID("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		if err := p.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := p.ProduceSync(t.Context(), kgo.StringRecord(string(rune('a'+i)))).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := p.EndTransaction(t.Context(), end); err != nil {
			t.Fatal(err)
		}
	}
	r, err := l.Open(t.Context(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	end, err := l.End(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	for next := stream.Position(0); next < end; {
		b, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range b.Messages {
			got += string(m.Body)
		}
		next = b.Next
	}
	if got != "ac" {
		t.Errorf("%q", got)
	}
}

// TestUsers: who shows the right password gets in, and no error shows it.
func TestUsers(t *testing.T) {
	c := start(t, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "node", "right"), kfake.SeedTopics(2, "logs"))
	p := place(t, c, "logs", 0)
	p.User, p.Pass = "node", "right"
	l, err := Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Publish(t.Context(), stream.Message{Key: "a/b", Body: []byte("x")}); err != nil {
		t.Error(err)
	}
	l.Close()
	p.Pass = "hunter2"
	if _, err := Open(t.Context(), p); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}
