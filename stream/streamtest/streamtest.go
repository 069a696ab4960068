// Package streamtest is the one exerciser for logs.
package streamtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"bartizan.dev/stream"
)

// Config says what is exercised.
type Config struct {
	// Open opens a log of this name; it is made with so many partitions, or must be
	// there when that is 0.
	Open func(ctx context.Context, name string, partitions int) (stream.Log, error)
	// Trim removes all messages of a partition before a position.
	Trim func(t *testing.T, name string, partition int, before stream.Position)
}

// limit bounds every wait.
const limit = 20 * time.Second

// Run exercises a log.
func Run(t *testing.T, c Config) {
	for name, test := range map[string]func(*testing.T, Config){
		"missing": missing, "order": order, "resume": resume, "wait": wait, "bounds": bounds, "commit": commit, "gap": gap,
	} {
		t.Run(name, func(t *testing.T) { test(t, c) })
	}
}

func ctxOf(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return ctx
}

func (c Config) open(t *testing.T, ctx context.Context, name string, partitions int) stream.Log {
	t.Helper()
	l, err := c.Open(ctx, name, partitions)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func missing(t *testing.T, c Config) {
	ctx := ctxOf(t)
	if _, err := c.Open(ctx, "missing", 0); !errors.Is(err, stream.ErrMissing) {
		t.Errorf("a log that is not there: %v", err)
	}
	if l := c.open(t, ctx, "missing", 5); l.Partitions() != 5 {
		t.Errorf("%d partitions", l.Partitions())
	}
	if l := c.open(t, ctx, "missing", 0); l.Partitions() != 5 {
		t.Errorf("%d partitions", l.Partitions())
	}
	if _, err := c.Open(ctx, "missing", 6); err == nil {
		t.Error("another number of partitions was taken")
	}
}

// messages makes n messages with keys of several accounts.
func messages(n int) []stream.Message {
	out := make([]stream.Message, n)
	for i := range out {
		out[i] = stream.Message{Key: stream.Key(fmt.Sprintf("%012d", i%7), "eu-west-1"), ID: fmt.Sprint("m", i), Body: fmt.Appendf(nil, "body %d", i)}
	}
	return out
}

// read reads n messages of a partition.
func read(t *testing.T, ctx context.Context, r stream.Reader, n int) (out []stream.Message, next stream.Position) {
	t.Helper()
	for len(out) < n {
		b, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("after %d messages: %v", len(out), err)
		}
		out, next = append(out, b.Messages...), b.Next
	}
	if len(out) > n {
		t.Fatalf("%d messages, want %d", len(out), n)
	}
	return out, next
}

func reader(t *testing.T, ctx context.Context, l stream.Log, partition int, from stream.Position) stream.Reader {
	t.Helper()
	r, err := l.Open(ctx, partition, from)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// order: what has one key is in one partition, in order, once, with its ID.
func order(t *testing.T, c Config) {
	ctx := ctxOf(t)
	l := c.open(t, ctx, "order", 3)
	sent := messages(400)
	if err := l.Publish(ctx, sent[:150]...); err != nil {
		t.Fatal(err)
	}
	if err := l.Publish(ctx, sent[150:]...); err != nil {
		t.Fatal(err)
	}
	of, total := map[string]int{}, 0
	var got []stream.Message
	for p := range 3 {
		end, err := l.End(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		r := reader(t, ctx, l, p, 0)
		at := stream.Position(-1)
		for next := stream.Position(0); next < end; {
			b, err := r.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if b.Gap {
				t.Error("a gap")
			}
			for _, m := range b.Messages {
				if other, known := of[m.Key]; known && other != p {
					t.Fatalf("%s is in partitions %d and %d", m.Key, p, other)
				}
				if of[m.Key] = p; m.At <= at || m.At >= b.Next {
					t.Fatalf("position %d after %d, next %d", m.At, at, b.Next)
				}
				at = m.At
				got, total = append(got, m), total+1
			}
			next = b.Next
		}
	}
	if total != len(sent) {
		t.Fatalf("%d messages, want %d", total, len(sent))
	}
	byKey := func(all []stream.Message) map[string]string {
		out := map[string]string{}
		for _, m := range all {
			out[m.Key] += m.ID + "=" + string(m.Body) + ";"
		}
		return out
	}
	want, have := byKey(sent), byKey(got)
	for k := range want {
		if want[k] != have[k] {
			t.Errorf("%s:\n got %s\nwant %s", k, have[k], want[k])
		}
	}
}

// resume: reading goes on where it is told to, in another reader too.
func resume(t *testing.T, c Config) {
	ctx := ctxOf(t)
	l := c.open(t, ctx, "resume", 1)
	if end, err := l.End(ctx, 0); end != 0 || err != nil {
		t.Fatalf("the end of nothing is %d, %v", end, err)
	}
	sent := messages(100)
	if err := l.Publish(ctx, sent...); err != nil {
		t.Fatal(err)
	}
	all, next := read(t, ctx, reader(t, ctx, l, 0, 0), len(sent))
	if end, err := l.End(ctx, 0); end != next || err != nil {
		t.Errorf("the end is %d, %v; want %d", end, err, next)
	}
	for _, i := range []int{1, 37, 99} {
		some, _ := read(t, ctx, reader(t, ctx, l, 0, all[i].At), len(sent)-i)
		if string(some[0].Body) != fmt.Sprint("body ", i) {
			t.Errorf("from %d: %s", i, some[0].Body)
		}
	}
}

// wait: a reader waits for what comes, and no longer than its context.
func wait(t *testing.T, c Config) {
	ctx := ctxOf(t)
	l := c.open(t, ctx, "wait", 1)
	r := reader(t, ctx, l, 0, 0)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if b, err := r.Next(short); !errors.Is(err, context.DeadlineExceeded) || len(b.Messages) > 0 {
		t.Errorf("%v, %v", b, err)
	}
	for i, m := range messages(3) { // and it can be asked again
		got := make(chan string, 1)
		go func() {
			b, err := r.Next(ctx)
			if err != nil || len(b.Messages) != 1 {
				got <- fmt.Sprint(err, len(b.Messages))
				return
			}
			got <- string(b.Messages[0].Body)
		}()
		if err := l.Publish(ctx, m); err != nil {
			t.Fatal(err)
		}
		if text := <-got; text != fmt.Sprint("body ", i) {
			t.Fatal(text)
		}
	}
}

func bounds(t *testing.T, c Config) {
	ctx := ctxOf(t)
	l := c.open(t, ctx, "bounds", 2)
	if _, err := l.Open(ctx, 2, 0); err == nil {
		t.Error("a partition that is not there was opened")
	}
	big := stream.Message{Key: "a/b", Body: []byte(strings.Repeat("x", l.MaxMessage()))}
	if err := l.Publish(ctx, big); err != nil {
		t.Errorf("the largest message: %v", err)
	}
	big.Body = append(big.Body, 'x')
	if err := l.Publish(ctx, big); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("a larger message: %v", err)
	}
	odd := []stream.Message{{Key: ""}, {Key: "-/-", Body: []byte("a")}, {Key: "a b.*>/\x00ü", Body: []byte("b")}, {Key: strings.Repeat("k", 1000), Body: []byte("c")}, {Key: "//", Body: []byte("d")}}
	if err := l.Publish(ctx, odd...); err != nil {
		t.Fatal(err)
	}
	var bodies int
	for p := range 2 {
		end, err := l.End(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		r := reader(t, ctx, l, p, 0)
		for next := stream.Position(0); next < end; {
			b, err := r.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			bodies, next = bodies+len(b.Messages), b.Next
		}
	}
	if bodies != 1+len(odd) {
		t.Errorf("%d messages", bodies)
	}
}

func commit(t *testing.T, c Config) {
	ctx := ctxOf(t)
	l := c.open(t, ctx, "commit", 2)
	if at, err := l.Committed(ctx, 1); at != 0 || err != nil {
		t.Errorf("%d, %v", at, err)
	}
	for _, at := range []stream.Position{7, 9} {
		if err := l.Commit(ctx, 1, at); err != nil {
			t.Fatal(err)
		}
	}
	other := c.open(t, ctx, "commit", 0)
	if at, err := other.Committed(ctx, 1); at != 9 || err != nil {
		t.Errorf("%d, %v", at, err)
	}
	if at, err := other.Committed(ctx, 0); at != 0 || err != nil {
		t.Errorf("%d, %v", at, err)
	}
}

// gap: what the log has removed is told, once.
func gap(t *testing.T, c Config) {
	ctx := ctxOf(t)
	l := c.open(t, ctx, "gap", 1)
	if err := l.Publish(ctx, messages(50)...); err != nil {
		t.Fatal(err)
	}
	all, _ := read(t, ctx, reader(t, ctx, l, 0, 0), 50)
	c.Trim(t, "gap", 0, all[20].At)
	for _, from := range []int{5, 20, 30} {
		r := reader(t, ctx, l, 0, all[from].At)
		gaps, got, want := 0, 0, max(20, from)
		for got < 50-want {
			b, err := r.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if b.Gap {
				gaps++
				if got > 0 {
					t.Error("the gap came after messages")
				}
			}
			if got == 0 && len(b.Messages) > 0 && string(b.Messages[0].Body) != fmt.Sprint("body ", want) {
				t.Errorf("from %d: %s", from, b.Messages[0].Body)
			}
			got += len(b.Messages)
		}
		if (gaps == 1) != (from < 20) || gaps > 1 {
			t.Errorf("from %d: %d gaps", from, gaps)
		}
	}
}
