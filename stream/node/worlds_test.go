package node

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/twmb/franz-go/pkg/kfake"

	"bartizan.dev/detect"
	"bartizan.dev/intel"
	"bartizan.dev/logs"
	"bartizan.dev/logs/logstest"
	"bartizan.dev/stream"
	"bartizan.dev/stream/jetstream"
	"bartizan.dev/stream/kafka"
)

var quiet = slog.New(slog.DiscardHandler)

// limit bounds every wait.
const limit = 60 * time.Second

// natsURL starts JetStream in this process.
func natsURL(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return "nats://" + s.Addr().String()
}

// kafkaURL starts brokers in this process.
func kafkaURL(t *testing.T) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return "kafka://" + strings.Join(c.ListenAddrs(), ",")
}

func dial(ctx context.Context, text string) (stream.Log, error) {
	p, err := stream.ParsePlace(text)
	if err != nil {
		return nil, err
	}
	if p.Kafka {
		return kafka.Open(ctx, p)
	}
	return jetstream.Open(ctx, p)
}

func open(t *testing.T, ctx context.Context, text string) stream.Log {
	t.Helper()
	l, err := dial(ctx, text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

const (
	accounts = 9
	rounds   = 40
)

// world is what happens in some accounts: trails that are stopped, hosts that talk
// with a listed one and ask for its name, and what is ordinary; a message for each
// account and step, in the order of time.
func world() (out []stream.Message) {
	columns := []string{"version", "account-id", "region", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end", "action", "log-status"}
	flows, queries := logstest.Flows(rounds), logstest.Queries(rounds)
	for i := range rounds {
		for a := range accounts {
			account, region := fmt.Sprintf("1111222233%02d", a), []string{"eu-west-1", "us-east-1"}[a%2]
			at := logstest.Start.Add(time.Duration(i) * 20 * time.Second)
			var body []byte
			switch i % 4 {
			case 0, 1:
				e := logstest.Event{ID: fmt.Sprintf("00000000-0000-4000-8000-%06d%06d", a, i), Time: at, Account: account, Region: region, Source: "cloudtrail.amazonaws.com", Name: "StopLogging",
					Identity: logstest.Role(fmt.Sprint("ops", i%6), fmt.Sprint("s", i)), Params: map[string]any{"name": fmt.Sprint("trail", i)}}
				ordinary := logstest.Event{Time: at, Account: account, Region: region, Source: "ec2.amazonaws.com", Name: "DescribeInstances", IP: fmt.Sprint("192.0.2.", i), ReadOnly: true}
				body = logstest.Lines(e.JSON(), ordinary.JSON())
			case 2:
				f := flows[i]
				f.Account, f.Region = account, region
				f.Start = logs.TimeOf(at)
				f.End = f.Start + 60*logs.Second
				f.Instance, f.Interface = "", fmt.Sprint("eni-", i%3)
				f.Src, f.Dst, f.SrcPort, f.DstPort, f.Reject = netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("198.51.100.7"), 40000, 443, false
				body = logstest.FlowLog(true, columns, f)
			case 3:
				q := queries[i]
				q.Account, q.Region, q.Time, q.Instance, q.Name = account, region, logs.TimeOf(at), fmt.Sprint("i-", i%3), "c2.example."
				body = logstest.ResolverLog(q)
			}
			out = append(out, stream.Message{Key: stream.Key(account, region), ID: fmt.Sprint(a, ".", i), Body: body})
		}
		if i%10 == 5 { // what is no log must not hold anything up
			out = append(out, stream.Message{Key: stream.Key("111122223300", "eu-west-1"), Body: []byte("not a log")})
		}
	}
	return out
}

// config has a list on which the peers of the world's hosts stand. Flows and
// queries have no ids: one that is looked at twice counts twice.
func config() detect.Config {
	l, err := intel.Parse(intel.Source{Name: "c2", Kind: intel.CommandAndControl, Format: intel.TXT, Limits: intel.ThreatEntities}, strings.NewReader("198.51.100.7\nc2.example\n"))
	if err != nil {
		panic(err)
	}
	return detect.Config{Intel: intel.Compile(l)}
}

// alone is what one engine makes of all messages.
func alone(t *testing.T, messages []stream.Message) map[string]*detect.Finding {
	t.Helper()
	w := &worker{n: New(Options{Logger: quiet}), engine: detect.New(config(), detect.All()...), batch: logs.NewBatch()}
	for _, m := range messages {
		w.message(m.Body)
	}
	out := map[string]*detect.Finding{}
	for _, f := range w.engine.Findings() {
		out[f.ID] = f
	}
	if len(out) < 5*accounts {
		t.Fatalf("only %d findings", len(out))
	}
	return out
}

// same compares findings, as whole documents but for the time of the newest event
// at their making, which belongs to an engine and not to a finding.
func same(t *testing.T, got, want map[string]*detect.Finding) {
	t.Helper()
	text := func(f *detect.Finding) string {
		c := *f
		c.CreatedAt, c.UpdatedAt = "", ""
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for id, w := range want {
		if g := got[id]; g == nil {
			t.Errorf("lost: %s %s count %d", w.Type, w.AccountID, w.Service.Count)
		} else if text(g) != text(w) {
			t.Errorf("differs:\n got %s\nwant %s", text(g), text(w))
		}
	}
	for id, g := range got {
		if want[id] == nil {
			t.Errorf("too much: %s %s", g.Type, g.AccountID)
		}
	}
}

// collected reads the findings that were published, and keeps the newest of each.
func collected(t *testing.T, ctx context.Context, l stream.Log) map[string]*detect.Finding {
	t.Helper()
	out := map[string]*detect.Finding{}
	text := map[string]string{}
	for p := range l.Partitions() {
		end, err := l.End(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		r, err := l.Open(ctx, p, 0)
		if err != nil {
			t.Fatal(err)
		}
		for next := stream.Position(0); next < end; {
			b, err := r.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			next = b.Next
			for _, m := range b.Messages {
				var f detect.Finding
				if err := json.Unmarshal(m.Body, &f); err != nil {
					t.Fatal(err)
				}
				if m.Key != f.ID {
					t.Errorf("finding %s has the key %s", f.ID, m.Key)
				}
				name := fmt.Sprint(f.ID, " ", f.Service.Count)
				if old, again := text[name]; again && old != string(m.Body) {
					t.Errorf("two accounts of one sighting:\n%s\n%s", old, m.Body)
				}
				text[name] = string(m.Body)
				if old := out[f.ID]; old == nil || f.Service.Count > old.Service.Count {
					out[f.ID] = &f
				}
			}
		}
		r.Close()
	}
	return out
}
