package node

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"bartizan.dev/store"
	"bartizan.dev/store/postgres"
	"bartizan.dev/store/postgres/pgtest"
	"bartizan.dev/stream"
)

// A node of its own is this test program again, with these in its environment.
const (
	envStream = "NODE_TEST_STREAM"
	envSink   = "NODE_TEST_SINK"
	envStore  = "NODE_TEST_STORE"
	envID     = "NODE_TEST_ID"
)

const patience = time.Second

func TestMain(m *testing.M) {
	if os.Getenv(envID) != "" {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, os.Getenv(envID), err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log, err := dial(ctx, os.Getenv(envStream))
	if err != nil {
		return err
	}
	defer log.Close()
	sink, err := dial(ctx, os.Getenv(envSink))
	if err != nil {
		return err
	}
	defer sink.Close()
	s, err := postgres.Open(ctx, os.Getenv(envStore), postgres.Options{Log: quiet})
	if err != nil {
		return err
	}
	defer s.Close()
	n := New(Options{Log: log, Sink: Publish(sink), Engine: config(), Store: store.View(s, "detect/"), ID: os.Getenv(envID), Every: 50 * time.Millisecond, Patience: patience, Logger: quiet})
	return n.Run(ctx)
}

// process is a node that runs.
type process struct {
	id   string
	cmd  *exec.Cmd
	done chan error
}

func launch(t *testing.T, id, streamURL, sinkURL, dsn string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{id, exec.Command(self), make(chan error, 1)}
	p.cmd.Env = append(os.Environ(), envStream+"="+streamURL, envSink+"="+sinkURL, envStore+"="+dsn, envID+"="+id)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		<-p.done
	})
	return p
}

// until reads the records of all partitions, whenever the store has changed, until
// they are as wanted.
func until(t *testing.T, ctx context.Context, s store.Store, n int, what string, ok func([]record) bool) []record {
	t.Helper()
	changed := make(chan struct{}, 1)
	poke := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	watch, stop := context.WithCancel(ctx)
	defer stop()
	if err := s.Watch(watch, func([]store.Change) { poke() }, poke); err != nil {
		t.Fatal(err)
	}
	for {
		parts, err := partitions(ctx, s, n)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if ok(parts) {
			return parts
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("%s: not in time: %+v", what, parts)
		}
	}
}

// TestOneOfThreeIsKilled: three nodes share a stream, one is killed with SIGKILL
// while events come, and what was found is what one engine finds.
func TestOneOfThreeIsKilled(t *testing.T) {
	pg := pgtest.New(t)
	messages := world()
	want := alone(t, messages)
	for name, start := range map[string]func(*testing.T) string{"jetstream": natsURL, "kafka": kafkaURL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := start(t)
			killOne(t, url+"/LOGS", url+"/FINDINGS", pg.Database(t, name), messages)
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			same(t, collected(t, ctx, open(t, ctx, url+"/FINDINGS")), want)
		})
	}
}

const parts = 7

func killOne(t *testing.T, streamURL, sinkURL, dsn string, messages []stream.Message) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	log := open(t, ctx, fmt.Sprintf("%s?partitions=%d", streamURL, parts))
	open(t, ctx, sinkURL+"?partitions=2")
	pgStore, err := postgres.Open(ctx, dsn, postgres.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pgStore.Close() })
	s := store.View(pgStore, "detect/")
	nodes := map[string]*process{}
	for _, id := range []string{"one", "two", "three"} {
		nodes[id] = launch(t, id, streamURL, sinkURL, dsn)
	}
	shared := func(n int) func([]record) bool {
		return func(all []record) bool {
			has := map[string]int{}
			for _, r := range all {
				has[r.Owner]++
			}
			for id, k := range has {
				if id == "" || id == "two" && n == 2 || k > (parts+n-1)/n {
					return false
				}
			}
			return len(has) == n
		}
	}
	until(t, ctx, s, parts, "all three have partitions", shared(3))
	third := len(messages) / 3
	if err := log.Publish(ctx, messages[:third]...); err != nil {
		t.Fatal(err)
	}
	// It dies when it has saved something, and while more is coming.
	before := until(t, ctx, s, parts, "the victim has saved something", func(all []record) bool {
		for _, r := range all {
			if r.Owner == "two" && r.At > 0 {
				return true
			}
		}
		return false
	})
	if err := log.Publish(ctx, messages[third:2*third]...); err != nil {
		t.Fatal(err)
	}
	if err := nodes["two"].cmd.Process.Kill(); err != nil { // SIGKILL
		t.Fatal(err)
	}
	if err := log.Publish(ctx, messages[2*third:]...); err != nil {
		t.Fatal(err)
	}
	ends := make([]stream.Position, parts)
	for p := range ends {
		if ends[p], err = log.End(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	after := until(t, ctx, s, parts, "everything is looked at and handed on", func(all []record) bool {
		return reached(all, ends) && shared(2)(all)
	})
	for p := range after {
		if before[p].Owner == "two" && after[p].Epoch <= before[p].Epoch {
			t.Errorf("partition %d has the epoch %d, as before its owner died", p, after[p].Epoch)
		}
	}
	for _, id := range []string{"one", "three"} {
		if err := nodes[id].cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := <-nodes[id].done; err != nil {
			t.Errorf("%s: %v", id, err)
		}
		nodes[id].done <- nil // for the end of the test
	}
	for p, r := range until(t, ctx, s, parts, "they have said goodbye", func([]record) bool { return true }) {
		if r.Owner != "" {
			t.Errorf("partition %d still belongs to %s", p, r.Owner)
		}
	}
}
