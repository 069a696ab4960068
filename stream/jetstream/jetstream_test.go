package jetstream

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"bartizan.dev/stream"
	"bartizan.dev/stream/streamtest"
)

// start starts a server in this process.
func start(t *testing.T, dir string, port int) *server.Server {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true, DontListen: false})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	return s
}

func place(t *testing.T, s *server.Server, name string, partitions int) *stream.Place {
	t.Helper()
	p, err := stream.ParsePlace("nats://" + s.Addr().String() + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	p.Partitions = partitions
	return p
}

func TestLog(t *testing.T) {
	s := start(t, t.TempDir(), -1)
	streamtest.Run(t, streamtest.Config{
		Open: func(ctx context.Context, name string, partitions int) (stream.Log, error) {
			l, err := Open(ctx, place(t, s, name, partitions))
			if err != nil {
				return nil, err
			}
			return l, nil
		},
		Trim: func(t *testing.T, name string, _ int, before stream.Position) {
			l, err := Open(t.Context(), place(t, s, name, 0))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			st, err := l.js.Stream(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			if err := st.Purge(t.Context(), jetstream.WithPurgeSequence(uint64(before))); err != nil {
				t.Fatal(err)
			}
		},
	})
}

// TestSentTwice: a message with an ID is kept once.
func TestSentTwice(t *testing.T) {
	s := start(t, t.TempDir(), -1)
	l, err := Open(t.Context(), place(t, s, "twice", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	m := stream.Message{Key: "a/b", ID: "1", Body: []byte("x")}
	for range 3 {
		if err := l.Publish(t.Context(), m, m); err != nil {
			t.Fatal(err)
		}
	}
	if end, err := l.End(t.Context(), 0); end != 2 || err != nil {
		t.Errorf("the end is %d, %v", end, err)
	}
}

// TestServerComesBack: a reader goes on, without gaps, when the server was away.
func TestServerComesBack(t *testing.T) {
	dir := t.TempDir()
	s := start(t, dir, -1)
	port := s.Addr().(*net.TCPAddr).Port
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	l, err := Open(ctx, place(t, s, "back", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := l.Open(ctx, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	next := func(want string) {
		t.Helper()
		for {
			b, err := r.Next(ctx)
			if err != nil && ctx.Err() == nil {
				continue // as a node does: it asks again
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(b.Messages) != 1 || string(b.Messages[0].Body) != want {
				t.Fatalf("%v, want %q", b.Messages, want)
			}
			return
		}
	}
	if err := l.Publish(ctx, stream.Message{Key: "a/b", Body: []byte("one")}); err != nil {
		t.Fatal(err)
	}
	next("one")
	s.Shutdown()
	s.WaitForShutdown()
	s = start(t, dir, port)
	if err := l.conn.ForceReconnect(); err != nil && !l.conn.IsConnected() {
		t.Log(err)
	}
	other, err := Open(ctx, place(t, s, "back", 0))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Publish(ctx, stream.Message{Key: "a/b", Body: []byte("two")}); err != nil {
		t.Fatal(err)
	}
	next("two")
}

// TestForeignStream: a stream that does not say how many partitions it has is
// refused with the way out.
func TestForeignStream(t *testing.T) {
	s := start(t, t.TempDir(), -1)
	l, err := Open(t.Context(), place(t, s, "mine", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "theirs", Subjects: []string{"theirs.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), place(t, s, "theirs", 0)); err == nil || !strings.Contains(err.Error(), "bartizan-partitions") {
		t.Error(err)
	}
	wrong := place(t, s, "mine", 1)
	wrong.Hosts = []string{"127.0.0.1:1"}
	wrong.User, wrong.Pass = "u", "secret"
	if _, err := Open(t.Context(), wrong); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
